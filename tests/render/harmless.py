"""What must hold for anything that is printed."""

from __future__ import annotations

import re
import unicodedata

from rich.cells import cell_len

_SGR = re.compile(r"\x1b\[[0-9;]+m")


def assert_harmless(text: str, *, width: int | None = None, color: bool = False) -> None:
    """No control, format or surrogate character but newline; no row wider than the terminal."""
    plain = _SGR.sub("", text) if color else text
    bad = {f"U+{ord(each):04X}" for each in set(plain) if each != "\n" and _drives(each)}
    assert not bad
    plain.encode("utf-8")
    for row in plain.split("\n"):
        assert width is None or cell_len(row) <= width, row


def _drives(character: str) -> bool:
    if character in "\u200c\u200d":  # inside emoji and scripts that need them
        return False
    if "\U000e0020" <= character <= "\U000e007f":  # inside the flags of Scotland, Wales and England
        return False
    category = unicodedata.category(character)
    bidi = unicodedata.bidirectional(character) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    return bidi or category in {"Cc", "Cs", "Zl", "Zp"}

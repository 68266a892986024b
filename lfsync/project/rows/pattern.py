"""The `pattern` of a source's column: a regular expression that can't run away. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

MAX_PATTERN: Final = 200
MAX_TEXT: Final = 2_000

_PIECE: Final = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?[^:)(]*[:>=!]?|[()|]|[*+?]|\{\d*,?\d*\}|.", re.DOTALL)
_ENDLESS: Final = re.compile(r"[*+]|\{\d*,\}|\{\d*,?\d{2,}\}")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A checked pattern: `find` gives what its first group holds at the first hit."""

    text: str

    def find(self, text: str) -> str | None:
        """None without a hit. ValueError if the text is too long to search."""
        if len(text) > MAX_TEXT:
            raise ValueError(f"the cell has {len(text):,} characters; a pattern searches at most {MAX_TEXT:,}")
        hit = re.search(self.text, text)
        return None if hit is None else (hit[1] or "").strip()


def read_pattern(text: str) -> Pattern:
    """ValueError says what is wrong with the pattern."""
    if len(text) > MAX_PATTERN:
        raise ValueError(f"it has {len(text)} characters; at most {MAX_PATTERN} are allowed")
    try:
        groups = re.compile(text).groups
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(str(error)) from None
    if groups == 0:
        raise ValueError("it has no group; put ( ) around the part to take")
    if _runs_away(text):
        raise ValueError("it repeats a group that repeats or branches inside, which can take forever")
    return Pattern(text)


def _runs_away(text: str) -> bool:
    """Whether a repeated group holds a repeat or a branch: the shape behind exponential searches."""
    open_groups = [False]
    closed: bool | None = None
    for piece in _PIECE.findall(text):
        if closed is not None and _ENDLESS.fullmatch(piece) and closed:
            return True
        closed = None
        if piece.startswith("("):
            open_groups.append(False)
        elif piece == ")" and len(open_groups) > 1:
            closed = open_groups.pop()
            open_groups[-1] |= closed
        elif piece == "|" or _ENDLESS.fullmatch(piece):
            open_groups[-1] = True
    return False

"""What takes the place of a YAML value, in the style that stood there. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from lfsync.editing.yaml_text import entry as entry_text
from lfsync.model import JSON
from lfsync.yaml_scalars import in_flow, quoted, scalar

_HIDDEN: Final = re.compile("[^\t\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def restyled(data: JSON, style: str, *, flow: bool = False) -> str:
    """A scalar in one line, in quotes of this `style` if it is text; bare where that is safe and `style` is empty."""
    if not isinstance(data, str) or style not in ("'", '"'):
        return scalar(data, flow=flow)
    if style == "'" and data and not _HIDDEN.search(data):
        return "'" + data.replace("'", "''") + "'"
    return quoted(data)


def literal(text: str) -> tuple[str, list[str]] | None:
    """The header and the lines of a `|` block; None where a text is no lines that it can hold as they are."""
    body = text.rstrip("\n")
    lines = body.split("\n")
    if not body or body[0].isspace() or any(map(_HIDDEN.search, lines)):
        return None
    if any(line and not line.strip() for line in lines):
        return None
    ends = len(text) - len(body)
    return ("|" + ("-" if ends == 0 else "" if ends == 1 else "+"), lines + [""] * (ends - 1))


def entry(key: str, data: JSON, indent: int, *, blocks: bool = True) -> list[str]:
    """`key: data` as lines, the first one indented too; without `blocks` in one line."""
    if not blocks:
        return [f"{' ' * indent}{scalar(key)}: {in_flow(data)}"]
    return entry_text(key, data, indent).removesuffix("\n").split("\n")


def item(data: JSON, indent: int) -> list[str]:
    """`- data` as lines."""
    return [f"{' ' * indent}- {in_flow(data) if isinstance(data, list | dict) else scalar(data)}"]


def indented(lines: Iterable[str], indent: int) -> list[str]:
    """Lines of a block; an empty one stays empty."""
    return [f"{' ' * indent}{line}" if line else "" for line in lines]

"""New resources put into a resource file, every byte that is there kept. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from lfsync.editing.layout import Layout, Spot
from lfsync.editing.splices import CantEditError, end_of_line, line_end, start_of_line
from lfsync.yaml_scalars import scalar

_STEP = 2  # columns
_NO_PLACE = "its section is written in a form that nothing can be added to"
_DOCUMENT_END = re.compile(r"^\.\.\.(?=\s|\Z)", re.MULTILINE)


def inserted(text: str, path: Sequence[str], resources: Sequence[str]) -> str:
    """The text with `resources` below the section that `path` names (`accounts`; `objects`, `project`).

    Each resource is lines that begin at column 0. CantEditError where the file's form has no place for them.
    """
    newline = line_end(text)
    whole = _opened(text, path)
    head = text[: len(text) - len(whole.text)]
    at, indent, missing, is_first = _place(whole, path)
    lines = [f"{' ' * (indent + number * _STEP)}{scalar(name)}:" for number, name in enumerate(missing)]
    body = "\n\n".join(_indented(each, indent + len(missing) * _STEP) for each in resources)
    before, after = whole.text[:at], whole.text[at:]
    gap = "" if not before or before.endswith(("\n", "\r")) else newline
    blank = newline if before.strip() and not is_first else ""
    new = "\n".join([*lines, body]).replace("\n", newline) + newline
    if after.strip():
        new += newline if missing or not after.startswith(("\n", "\r")) else ""
    return head + before + gap + blank + new + after


def _opened(text: str, path: Sequence[str]) -> Layout:
    """The layout of the text, with the section opened and all else passed over."""
    closed = Layout(text, ())
    entries = closed.root.entries if closed.root else []
    return Layout(text, [key.line for key, _ in entries if key.value == path[0]])


class _Gap(NamedTuple):
    """Where to insert, how far to indent, which of the path's keys are to be written there; `is_first` in a section."""

    at: int
    indent: int
    missing: Sequence[str]
    is_first: bool = False


def _place(layout: Layout, path: Sequence[str]) -> _Gap:
    spot, indent, end = layout.root, 0, _end(layout)
    if spot is None or (spot.shape == "scalar" and not spot.value):
        return _Gap(end, 0, path)
    for number, name in enumerate(path):
        entries = _entries(spot)
        indent = entries[0][0].column - 1
        key, found = next(((key, value) for key, value in entries if key.value == name), (spot, None))
        if found is None:
            return _Gap(_below(layout, spot) if number else end, indent, path[number:])
        if _is_bare(layout.text, key, found):
            return _Gap(_next_line(layout.text, key.end), indent + _STEP, path[number + 1 :], is_first=True)
        spot = found
    entries = _entries(spot)
    if any(layout.text[start_of_line(layout.text, key.start) : key.start].strip() for key, _ in entries):
        raise CantEditError(_NO_PLACE)  # `? key`
    return _Gap(_below(layout, spot), entries[0][0].column - 1, ())


def _is_bare(text: str, key: Spot, value: Spot) -> bool:
    """`accounts:` and nothing behind it yet, be it a comment."""
    if value.shape != "scalar" or value.start != value.end or value.anchor:
        return False
    return text[key.end : end_of_line(text, key.end)].lstrip().startswith(":")  # not `? accounts`


def _end(layout: Layout) -> int:
    """Where what is new at the top goes: the end of the text, or the line of `...` that ends the document before."""
    found = _DOCUMENT_END.search(layout.text, layout.root.end if layout.root else 0)
    return found.start() if found else len(layout.text)


def _entries(spot: Spot) -> list[tuple[Spot, Spot]]:
    """The entries of a block mapping."""
    if spot.shape != "map" or spot.flow or not spot.entries:
        raise CantEditError(_NO_PLACE)
    return spot.entries


def _below(layout: Layout, spot: Spot) -> int:
    """Where the line below a block starts, and below the comments that are indented as what is inside of it is."""
    newline = line_end(layout.text)
    at = _next_line(layout.text, spot.end)
    deeper = re.compile(rf"(?:[ ]{{{spot.entries[0][0].column},}}#[^\r\n]*(?:{newline}|\Z))*")
    found = deeper.match(layout.text, at)
    return found.end() if found else at


def _next_line(text: str, at: int) -> int:
    end, newline = end_of_line(text, at), line_end(text)
    return end + len(newline) if text.startswith(newline, end) else end


def _indented(text: str, indent: int) -> str:
    return "\n".join(f"{' ' * indent}{line}" if line else "" for line in text.split("\n"))

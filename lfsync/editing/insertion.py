"""New resources put into a resource file, every byte that is there kept. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from lfsync.editing.layout import Layout, Spot
from lfsync.editing.splices import CantEditError, end_of_line, line_end
from lfsync.editing.yaml_text import scalar

_STEP = 2  # columns


def inserted(text: str, path: Sequence[str], resources: Sequence[str]) -> str:
    """The text with `resources` below the section that `path` names (`accounts`; `objects`, `project`).

    Each resource is lines that begin at column 0. CantEditError where the file's form has no place for them.
    """
    newline = line_end(text)
    whole = _opened(text, path)
    head = text[: len(text) - len(whole.text)]
    at, indent, missing = _place(whole, path)
    lines = [f"{' ' * (indent + number * _STEP)}{scalar(name)}:" for number, name in enumerate(missing)]
    body = "\n\n".join(_indented(each, indent + len(missing) * _STEP) for each in resources)
    before, after = whole.text[:at], whole.text[at:]
    gap = "" if not before or before.endswith(("\n", "\r")) else newline
    blank = newline if before.strip() else ""
    new = "\n".join([*lines, body]).replace("\n", newline) + newline
    if after.strip():
        new += newline if missing or not after.startswith(("\n", "\r")) else ""
    return head + before + gap + blank + new + after


def _opened(text: str, path: Sequence[str]) -> Layout:
    """The layout of the text, with the section opened and all else passed over."""
    closed = Layout(text, ())
    entries = closed.root.entries if closed.root else []
    return Layout(text, [key.line for key, _ in entries if key.value == path[0]])


def _place(layout: Layout, path: Sequence[str]) -> tuple[int, int, Sequence[str]]:
    """Where to insert, how far to indent, and which of the path's keys are to be written there."""
    spot, indent, end = layout.root, 0, len(layout.text)
    if spot is None or (spot.shape == "scalar" and not spot.value):
        return len(layout.text), 0, path
    for number, name in enumerate(path):
        entries = _entries(spot)
        indent = entries[0][0].column - 1
        found = next((value for key, value in entries if key.value == name), None)
        if found is None:
            return (_below(layout, spot) if number else end), indent, path[number:]
        spot = found
    entries = _entries(spot)
    return _below(layout, spot), entries[0][0].column - 1, ()


def _entries(spot: Spot) -> list[tuple[Spot, Spot]]:
    """The entries of a block mapping."""
    if spot.shape != "map" or spot.flow or not spot.entries:
        raise CantEditError("its section is written in a form that nothing can be added to")
    return spot.entries


def _below(layout: Layout, spot: Spot) -> int:
    """Where the line below a block starts."""
    end = end_of_line(layout.text, spot.end)
    newline = line_end(layout.text)
    return end + len(newline) if layout.text.startswith(newline, end) else end


def _indented(text: str, indent: int) -> str:
    return "\n".join(f"{' ' * indent}{line}" if line else "" for line in text.split("\n"))

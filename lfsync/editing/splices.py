"""Pieces of a text replaced, all else as it was. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

LINE_END: Final = re.compile(r"\r\n|\r|\n")


class Splice(NamedTuple):
    """`text[start:end]` becomes `new`."""

    start: int
    end: int
    new: str = ""


class CantEditError(Exception):
    """Something can't be edited where it stands. `reason` is for people."""

    def __init__(self, reason: str, hint: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


def spliced(text: str, splices: Iterable[Splice]) -> str:
    """The text with all splices made. Pieces that are taken out may overlap; ValueError for any others that do."""
    parts: list[str] = []
    at = 0
    for start, end, new in sorted(splices, key=lambda splice: splice[:2]):
        if start < at and new:
            raise ValueError("two edits of one place")
        parts += (text[at : max(start, at)], new)
        at = max(at, end)
    return "".join((*parts, text[at:]))


def line_end(text: str) -> str:
    """How the lines of a text end."""
    first = LINE_END.search(text)
    return first[0] if first else "\n"


def start_of_line(text: str, at: int) -> int:
    """Where the line of `at` starts."""
    return max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1


def end_of_line(text: str, at: int) -> int:
    """Where the line of `at` ends, before its line end."""
    found = LINE_END.search(text, at)
    return found.start() if found else len(text)


def whole_lines(text: str, start: int, end: int) -> Splice:
    """Takes out the lines that hold `start` to `end`. A text that had no line end at its end gets none."""
    begin, stop = start_of_line(text, start), end_of_line(text, end)
    after = LINE_END.match(text, stop)
    if after:
        return Splice(begin, after.end())
    before = text[:begin]
    gap = 2 if before.endswith("\r\n") else 1 if before.endswith(("\n", "\r")) else 0
    return Splice(begin - gap, stop)

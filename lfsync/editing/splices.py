"""Pieces of a text replaced, all else as it was. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import unified_diff
from typing import Final, NamedTuple

LINE_END: Final = re.compile(r"\r\n|\r|\n")
_LINES: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


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


def shifted(splices: Iterable[Splice], by: int) -> tuple[Splice, ...]:
    """The same splices in a text that begins so many characters earlier."""
    return tuple(Splice(start + by, end + by, new) for start, end, new in splices)


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


def differences(text: str, splices: Iterable[Splice], context: int = 3) -> Iterator[str]:
    """The hunks of a unified diff that the splices make, without line ends. Only the lines around them are compared."""
    growth = first = at = 0
    for start, end, within in _regions(text, sorted(splices, key=lambda splice: splice[:2]), context):
        before = text[start:end]
        old, new = _LINES.findall(before), _LINES.findall(spliced(before, shifted(within, -start)))
        first, at = first + len(LINE_END.findall(text, at, start)), start
        for line in list(unified_diff(old, new, n=context, lineterm=""))[2:]:
            yield _moved(line, first, first + growth) if line.startswith("@@") else line.rstrip("\r\n")
            if not line.startswith("@@") and not line.endswith(("\n", "\r")):
                yield "\\ No newline at end of file"
        growth += len(new) - len(old)


def _regions(text: str, splices: Sequence[Splice], context: int) -> Iterator[tuple[int, int, list[Splice]]]:
    """Whole lines around splices, those of neighbours as one, with the splices in them."""
    found: list[tuple[int, int, list[Splice]]] = []
    for splice in splices:
        start, end = start_of_line(text, splice.start), _next_line(text, splice.end)
        for _ in range(context):
            start, end = _line_above(text, start), _next_line(text, end)
        if found and start <= found[-1][1]:
            start, last, within = found.pop()
            found.append((start, max(end, last), [*within, splice]))
        else:
            found.append((start, end, [splice]))
    return iter(found)


def _line_above(text: str, start: int) -> int:
    """Where the line above the one that starts here starts; the start of the text where there is none."""
    return start_of_line(text, start - (2 if text.endswith("\r\n", 0, start) else 1)) if start else 0


def _next_line(text: str, at: int) -> int:
    """Where the line below that of `at` starts; the end of the text where there is none."""
    found = LINE_END.search(text, at)
    return found.end() if found else len(text)


def _moved(header: str, old: int, new: int) -> str:
    """The header of a hunk, so many lines further down."""
    counts = iter((old, new))
    return re.sub(r"(?<=[-+])\d+", lambda hit: str(int(hit[0]) + next(counts)), header)


def whole_lines(text: str, start: int, end: int) -> Splice:
    """Takes out the lines that hold `start` to `end`, with the line end above them: the one below may get more lines,
    and a text that had none at its end gets none."""
    begin, stop = start_of_line(text, start), end_of_piece(text, end)
    if begin:
        return Splice(begin - (2 if text.endswith("\r\n", 0, begin) else 1), stop)
    below = LINE_END.match(text, stop)
    return Splice(0, below.end() if below else stop)


def end_of_piece(text: str, end: int) -> int:
    """The end of the line where a piece ends; its own line ends, which a `+` block keeps, are not the line below."""
    if text.endswith("\r\n", 0, end):
        return end - 2
    return end - 1 if end and text[end - 1] in "\n\r" else end_of_line(text, end)

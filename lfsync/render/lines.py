"""Lines of styled text, broken where a terminal ends. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from rich.cells import cell_len, chop_cells

from lfsync.render.terminal import escape, paint

NARROWEST = 40
"""Columns. On a narrower terminal lines are laid out for this many."""

_TOKEN = re.compile(r" +|[^ ]+")


class Span(NamedTuple):
    """A piece of text in one style."""

    text: str
    style: str = ""


class Line(NamedTuple):
    """One line as a pipe gets it. On a terminal its further rows begin `hang` columns in."""

    spans: tuple[Span, ...]
    hang: int = 0


def line(*spans: Span | str, hang: int = 0) -> Line:
    return Line(tuple(Span(span) if isinstance(span, str) else span for span in spans), hang)


def cells(text: str) -> int:
    """The columns that escaped text takes; an East Asian character or an emoji takes two."""
    return len(text) if text.isascii() else cell_len(text)


def length(spans: Iterable[Span]) -> int:
    return sum(cells(escape(span.text)) for span in spans)


def pad(text: str, columns: int) -> str:
    safe = escape(text)
    return safe + " " * (columns - cells(safe))


def layout(lines: Iterable[Line], *, width: int | None, color: bool) -> str:
    """The whole text, ending in a newline. Everything is escaped here, so that nothing can be forgotten.

    `width` in columns; None is a pipe: nothing is wrapped.
    """
    room = None if width is None else max(width, NARROWEST)
    return "".join(f"{_painted(row, color)}\n" for each in lines for row in _rows(each, room))


def _rows(each: Line, width: int | None) -> Iterator[list[Span]]:
    spans = [Span(escape(span.text), span.style) for span in each.spans]
    if width is None or sum(cells(span.text) for span in spans) <= width:
        yield spans
    else:
        yield from _wrapped(spans, width, min(each.hang, width // 2))


def _wrapped(spans: list[Span], width: int, hang: int) -> Iterator[list[Span]]:
    """Breaks at spaces; a word that no row can hold is cut between two characters."""
    row: list[Span] = []
    used, floor = 0, 0
    for token in _tokens(spans, width, hang):
        size = cells(token.text)
        if used + size > width and used > floor:
            yield row[:-1] if row[-1].text.isspace() else row
            row, used, floor = [Span(" " * hang)], hang, hang
            if token.text.isspace():
                continue
        row.append(token)
        used += size
    if used > floor:
        yield row


def _tokens(spans: list[Span], width: int, hang: int) -> Iterator[Span]:
    for text, style in spans:
        for word in _TOKEN.findall(text):
            pieces = [word] if cells(word) <= width - hang else chop_cells(word, width - hang)
            yield from (Span(piece, style) for piece in pieces)


def _painted(row: list[Span], color: bool) -> str:
    if not color:
        return "".join(span.text for span in row).rstrip(" ")
    pieces = ((style, "".join(span.text for span in group)) for style, group in groupby(row, key=_style))
    return "".join(paint(text, style) if style and text else text for style, text in pieces).rstrip(" ")


def _style(span: Span) -> str:
    return span.style

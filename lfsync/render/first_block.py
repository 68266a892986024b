"""What of a plan needs a look, as lines: deletes, conflicts, edits that apply would overwrite, and so on. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from lfsync.model import Cause
from lfsync.render.change import group_lines, name_span
from lfsync.render.lines import Line, Span, line
from lfsync.render.reading_order import Look, ReadingOrder
from lfsync.render.shown_change import Reason, ShownChange
from lfsync.render.words import plural

HEADINGS: Final[dict[Reason, str]] = {
    "delete": "Deletes",
    "conflict": "Conflicts, changed here and in Lightfield since the last apply",
    "drift": "Edits in Lightfield since the last apply, which apply would overwrite",
    "adoption": "Adoptions with changes",
    "membership": "Large changes of members or links",
    "warning": "Changes with warnings",
}
SHORT: Final[dict[Reason, tuple[str, str]]] = {
    "delete": ("delete", "deletes"),
    "conflict": ("conflict", "conflicts"),
    "drift": ("edit overwritten", "edits overwritten"),
    "adoption": ("adoption with changes", "adoptions with changes"),
    "membership": ("large change of members", "large changes of members"),
    "warning": ("change with warnings", "changes with warnings"),
}
"""One of them, and several."""

_TOLD: Final[dict[Reason, Cause]] = {"conflict": "conflict", "drift": "drift"}
_SCREEN = 16  # lines; a longer block has an index
_NAMED = 3  # changes of each reason that the index names
_LONGEST_NAME = 30  # characters of a record's name in the index, on a terminal


def first_block(order: ReadingOrder, *, width: int | None) -> Iterator[Line]:
    """Each reason with its changes, and what the whole plan warns of. What is longer than a screen has an index."""
    looks = [entry for look in order.looks for entry in _look(look, width)]
    warnings = [line(Span("Warning: ", "bold yellow"), warning, hang=9) for warning in order.warnings]
    if len(looks) + len(warnings) > _SCREEN:
        yield line()
        yield line(Span("Needs a look:", "bold"))
        yield from _index(order, cut=width is not None)
    yield from looks
    if warnings:
        yield line()
    yield from warnings


def _look(look: Look, width: int | None) -> Iterator[Line]:
    yield line()
    yield line(Span(f"{HEADINGS[look.reason]}: {look.changes}", "bold"))
    for group in look.groups:
        yield from group_lines(group, width=width, told=_TOLD.get(look.reason, "config"))


def _index(order: ReadingOrder, *, cut: bool) -> Iterator[Line]:
    told = [(plural(look.changes, *SHORT[look.reason]), list(_first(look))) for look in order.looks]
    if order.warnings:
        told.append((plural(len(order.warnings), "warning"), []))
    column = max(len(count) for count, _ in told)
    for (count, first), look in zip(told, [*order.looks, None], strict=False):
        yield line(f"  {count:{column}}  ", *_names(first, look, cut=cut), hang=column + 4)


def _first(look: Look) -> Iterator[ShownChange]:
    changes = (change for group in look.groups for change in group.changes)
    yield from (change for change, _ in zip(changes, range(_NAMED), strict=False))


def _names(first: Sequence[ShownChange], look: Look | None, *, cut: bool) -> Iterator[Span]:
    for index, change in enumerate(first):
        yield Span(f"{', ' if index else ''}{change.address}")
        yield from name_span(change.name if change.id else None, longest=_LONGEST_NAME if cut else None)
    if look is not None and look.changes > len(first):
        yield Span(f" and {look.changes - len(first)} more", "dim")

"""A plan as text for a reviewer. Pure.

What apply would refuse and what needs a look come first; the summary stands at the top, and again where a terminal
ends up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from lfsync.model import Change, Orphan, Plan
from lfsync.render.change import change_lines, group_lines
from lfsync.render.first_block import first_block
from lfsync.render.kept import kept_lines
from lfsync.render.lines import Line, Span, layout, line
from lfsync.render.reading_order import Group, ReadingOrder, Section, costs, reading_order
from lfsync.render.shown_change import shown_change
from lfsync.render.words import plural, spot, tally, why_refused

PACKED_FROM = 25
"""Creates. So many or more are shown with their keys side by side."""


def plan_text(plan: Plan, *, width: int | None, color: bool, brief: bool = False) -> str:
    """The whole plan. `width`: columns of the terminal; None: a pipe, nothing is wrapped or cut (rule P2).

    `brief`: the counts and what needs a look, and nothing else.
    """
    order = reading_order(plan)
    return layout(_brief(order, width) if brief else _lines(order, width), width=width, color=color)


def changes_text(changes: Iterable[Change], *, width: int | None, color: bool) -> str:
    """Changes alone, in their own order: what a run of the past did. `width` as in `plan_text`."""
    lines = (each for change in changes for each in change_lines(shown_change(change), width=width))
    return layout(lines, width=width, color=color)


def _lines(order: ReadingOrder, width: int | None) -> Iterator[Line]:
    cut = width is not None
    packed = dict(order.counts).get("create", 0) >= PACKED_FROM
    body = [
        *_refusals(order),
        *first_block(order, width=width),
        *_blocked(order),
        *_alike(order.alike, width),
        *(each for section in order.sections for each in _section(section, width, packed=packed)),
        *kept_lines(order.kept, cut=cut),
        *_orphans(order.orphans),
        *_notes(order),
    ]
    yield _headline(order)
    if body:
        yield from body
        yield line()
        yield _headline(order)


def _brief(order: ReadingOrder, width: int | None) -> Iterator[Line]:
    yield _headline(order)
    yield from _refusals(order)
    yield from first_block(order, width=width)
    if order.counts and not (order.looks or order.warnings or order.blocked or order.refusals or order.missing_scopes):
        yield line("Nothing needs a look.")


def _headline(order: ReadingOrder) -> Line:
    return line(Span(order.headline, "bold"))


def _refusals(order: ReadingOrder) -> Iterator[Line]:
    for refusal in order.refusals:
        yield line(Span("Apply would refuse this: ", "bold red"), why_refused(refusal), hang=4)
    if order.missing_scopes:
        yield line(Span("The key lacks scopes: ", "bold red"), ", ".join(order.missing_scopes), hang=4)


def _blocked(order: ReadingOrder) -> Iterator[Line]:
    if order.blocked:
        yield line()
        yield line(Span(f"Blocked: {plural(len(order.blocked), 'resource')} left alone", "bold red"))
    for each in order.blocked:
        yield line("  ", Span(f"! {each.address}", "bold red"), Span(f"  {spot(each.source)}", "dim"), hang=6)
        yield line(f"      {each.reason}", hang=6)
        if each.hint:
            yield line("      ", Span(each.hint, "cyan"), hang=6)


def _alike(groups: Sequence[Group], width: int | None) -> Iterator[Line]:
    if groups:
        count = sum(len(group.changes) for group in groups)
        yield line()
        yield line(Span(f"Alike: {count} changes in {plural(len(groups), 'group')}", "bold"))
    for group in groups:
        yield from group_lines(group, width=width)


def _section(section: Section, width: int | None, *, packed: bool) -> Iterator[Line]:
    counts = ", ".join(tally(dict(section.counts).get, lambda verb: verb.plan))
    yield line()
    yield line(Span(f"{section.title}: {counts}", "bold"))
    for change in section.changes:
        yield from change_lines(change, width=width, packed=packed)


def _orphans(orphans: Sequence[Orphan]) -> Iterator[Line]:
    if orphans:
        yield line()
        yield line(Span(f"Orphans: {plural(len(orphans), 'resource')} managed before, declared no more", "bold"))
    for orphan in orphans:
        yield line(f"  {orphan.address}  {orphan.id}", hang=6)


def _notes(order: ReadingOrder) -> Iterator[Line]:
    if order.counts:
        yield line()
    yield from (line(each, hang=9) for each in costs(order))

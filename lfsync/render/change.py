"""One change of a plan, or a group of them that are alike, as lines for a reviewer. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby

from lfsync.kinds import KINDS
from lfsync.model import Cause
from lfsync.render.lines import Line, Span, line
from lfsync.render.reading_order import Group
from lfsync.render.rows import INDENT, packed_lines, row_lines
from lfsync.render.shown_change import ShownChange
from lfsync.render.words import ACTIONS, spot

_CAUSES: dict[Cause, str] = {
    "config": "",
    "drift": "changed in Lightfield since the last apply",
    "conflict": "changed here and in Lightfield since the last apply",
}

LONGEST_NAME = 60
"""Characters of what a record is called, on a terminal."""

_HEADED = 5  # changes that are alike and have a line each; more of them share lines


def change_lines(change: ShownChange, *, width: int | None, packed: bool = False) -> Iterator[Line]:
    """A head line, then a line for each key. `packed`: all keys of a create in one paragraph."""
    return group_lines(Group((change,)), width=width, packed=packed)


def group_lines(group: Group, *, width: int | None, packed: bool = False, told: Cause = "config") -> Iterator[Line]:
    """Who is changed, then what is changed, once for all. `told`: the cause that the heading above says of them."""
    first, cut = group.first, width is not None
    causes = {row.cause for row in first.rows} or {first.cause}
    cause = causes.pop() if len(causes) == 1 else None
    many = len(group.changes) > _HEADED
    if many:
        yield _headed(group)
    else:
        yield from (_head(change, cut=cut) for change in group.changes)
    if cause and cause != told and _CAUSES[cause]:
        yield line(" " * INDENT, Span(_CAUSES[cause], "magenta"), hang=INDENT)
    if packed and first.action == "create":
        yield from packed_lines(first.rows, width=width)
    else:
        changed = [group.changed(index) for index in range(len(first.rows))]
        fresh = first.action == "create"
        yield from row_lines(first.rows, changed, width=width, fresh=fresh, with_cause=cause is None)
    for warning in first.warnings:
        yield line(" " * INDENT, Span(f"! {warning}", "yellow"), hang=INDENT + 2)
    if many:
        yield from _members(group, cut=cut)


def name_span(name: str | None, *, longest: int | None) -> Iterator[Span]:
    """What a record is called, in quotes; in at most so many characters."""
    if name:
        short = f"{name[:longest]}…" if longest is not None and len(name) > longest else name
        yield Span(f" {json.dumps(short, ensure_ascii=False)}")


def _head(change: ShownChange, *, cut: bool) -> Line:
    verb = ACTIONS[change.action]
    spans = [Span("  "), Span(f"{verb.symbol} {change.address}", f"bold {verb.style}")]
    spans += name_span(change.name if change.id else None, longest=LONGEST_NAME if cut else None)
    if said := _record(change):
        spans.append(Span(f"  {said}", "cyan" if change.action in ("adopt", "update") else ""))
    if change.moved_from:
        spans.append(Span(f"  was {change.moved_from}", "cyan"))
    if where := spot(change.place):
        spans.append(Span(f"  {where}", "dim"))
    return Line(tuple(spans), INDENT)


def _record(change: ShownChange) -> str:
    """Which record, where the action makes it matter."""
    if not change.id:
        return ""
    if change.adopted or change.action == "adopt":
        return f"adopts {change.id}"
    where = {"delete": "to the trash", "restore": "out of the trash"}.get(change.action)
    return f"{change.id} {where}" if where else ""


def _headed(group: Group) -> Line:
    """`~ 250 accounts alike`."""
    first, verb = group.first, ACTIONS[group.first.action]
    title = KINDS[first.kind].section if first.kind in KINDS else first.kind
    spans = [Span("  "), Span(f"{verb.symbol} {len(group.changes)} {title} alike", f"bold {verb.style}")]
    said = "adopted by their match" if first.adopted or first.action == "adopt" else ""
    where = {"delete": "to the trash", "restore": "out of the trash"}.get(first.action, said)
    return Line((*spans, Span(f"  {where}" if where else "")), INDENT)


def _members(group: Group, *, cut: bool) -> Iterator[Line]:
    """All of them, by the file that declares them: `:12 account.acme "Acme Solar"`."""
    by_file = sorted(group.changes, key=_file)
    for file, changes in groupby(by_file, key=_file):
        if file:
            yield line(" " * INDENT, Span(file, "dim"), hang=INDENT)
        names: list[Span] = []
        for change in changes:
            names += _member(change, is_first=not names, cut=cut)
        yield Line((Span(" " * (INDENT + 2)), *names), INDENT + 2)


def _file(change: ShownChange) -> str:
    return change.place.file


def _member(change: ShownChange, *, is_first: bool, cut: bool) -> Iterator[Span]:
    if not is_first:
        yield Span(", ")
    if change.place.file:
        yield Span(f":{change.place.line} ", "dim")
    yield Span(str(change.address))
    yield from name_span(change.name if change.id else None, longest=LONGEST_NAME if cut else None)
    if change.id and (change.adopted or change.action != "update"):
        yield Span(f" {change.id}")
    if change.moved_from:
        yield Span(f" was {change.moved_from}")

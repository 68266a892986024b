"""A plan as text for a reviewer. Pure.

The order is for reading: the summary, changes grouped by kind and sorted by key, then what needs a person
(blocked, orphans, warnings, scopes), and the summary again, where a terminal ends up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby

from lfsync.kinds import KINDS, is_kind, kind_of, rank
from lfsync.model import Blocked, Change, Orphan, Plan, Requests
from lfsync.render.change import change_lines
from lfsync.render.kept import kept_lines
from lfsync.render.lines import Line, Span, layout, line
from lfsync.render.words import duration, plural, requests_text, spot, tally

PACKED_FROM = 25
"""Creates. So many or more are shown with their keys side by side."""


def plan_text(plan: Plan, *, width: int | None, color: bool) -> str:
    """The whole plan. `width`: columns of the terminal; None: a pipe, nothing is wrapped or cut (rule P2)."""
    return layout(_lines(plan, width), width=width, color=color)


def changes_text(changes: Iterable[Change], *, width: int | None, color: bool) -> str:
    """Changes alone, in their own order: what a run of the past did. `width` as in `plan_text`."""
    lines = (each for change in changes for each in change_lines(change, width=width, packed=False))
    return layout(lines, width=width, color=color)


def summary(plan: Plan) -> str:
    """`Plan for prod: 4 to create, 1 to delete; 12 unchanged, 2 blocked.`"""
    name = plan.workspace.name
    if not plan.changes and not plan.blocked and not plan.kept:
        return f"No changes. Workspace {name} is as declared: {plural(plan.unchanged, 'resource')}."
    actions = Counter(change.action for change in plan.changes)
    counts = ((plan.drifted, "changed in Lightfield"), (plan.unchanged, "unchanged"), (len(plan.blocked), "blocked"))
    rest = ", ".join(f"{count} {word}" for count, word in counts if count)
    todo = ", ".join(tally(actions.__getitem__, lambda verb: verb.plan)) or "nothing to change"
    return f"Plan for {name}: {todo}{'; ' + rest if rest else ''}."


def _lines(plan: Plan, width: int | None) -> Iterator[Line]:
    kept = kept_lines(plan.kept, cut=width is not None)
    body = [*_changes(plan, width), *_blocked(plan.blocked), *kept, *_orphans(plan), *_notes(plan)]
    yield line(Span(summary(plan), "bold"))
    if body:
        yield from body
        yield line()
        yield line(Span(summary(plan), "bold"))


def _changes(plan: Plan, width: int | None) -> Iterator[Line]:
    packed = sum(change.action == "create" for change in plan.changes) >= PACKED_FROM
    ordered = sorted(plan.changes, key=lambda change: rank(change.address))
    for kind, group in groupby(ordered, key=lambda change: change.address.kind):
        changes = list(group)
        yield line()
        yield line(Span(_heading(kind, changes), "bold"))
        for change in changes:
            yield from change_lines(change, width=width, packed=packed)


def _heading(kind: str, changes: list[Change]) -> str:
    actions = Counter(change.action for change in changes)
    title = KINDS[kind].section if kind in KINDS else kind
    return f"{title}: {', '.join(tally(actions.__getitem__, lambda verb: verb.plan))}"


def _blocked(blocked: tuple[Blocked, ...]) -> Iterator[Line]:
    if blocked:
        yield line()
        yield line(Span(f"Blocked: {plural(len(blocked), 'resource')} left alone", "bold red"))
    for each in sorted(blocked, key=lambda one: rank(one.address)):
        yield line("  ", Span(f"! {each.address}", "bold red"), Span(f"  {spot(each.source)}", "dim"), hang=6)
        yield line(f"      {each.reason}", hang=6)
        if each.hint:
            yield line("      ", Span(each.hint, "cyan"), hang=6)


def _orphans(plan: Plan) -> Iterator[Line]:
    going = {change.address for change in plan.changes if change.action == "delete"}
    kept: list[Orphan] = [orphan for orphan in plan.orphans if orphan.address not in going]
    if kept:
        yield line()
        yield line(Span(f"Orphans: {plural(len(kept), 'resource')} managed before, declared no more", "bold"))
    for orphan in sorted(kept, key=lambda one: rank(one.address)):
        yield line(f"  {orphan.address}  {orphan.id}", hang=6)


def _notes(plan: Plan) -> Iterator[Line]:
    if plan.warnings or plan.missing_scopes or plan.refusals or plan.changes:
        yield line()
    for warning in plan.warnings:
        yield line(Span("Warning: ", "bold yellow"), warning.message, hang=9)
    for refusal in plan.refusals:
        if refusal.kind != "scope":  # scopes are told below, all in one line
            what = f"policy {refusal.name}: " if refusal.kind == "policy" else ""
            yield line(Span("Apply would refuse this: ", "bold red"), f"{what}{refusal.message}", hang=4)
    if plan.missing_scopes:
        yield line(Span("The key lacks scopes: ", "bold red"), ", ".join(plan.missing_scopes), hang=9)
    if plan.enrichment_events:
        events = plural(plan.enrichment_events, "new record is", "new records are")
        yield line(f"Enrichment: {events} enriched by Lightfield, which is metered", hang=9)
    elif skipped := sum(_enriched(change) for change in plan.changes):
        yield line(f"Enrichment: skipped for {plural(skipped, 'new record')}", hang=9)
    if plan.changes:
        yield line(f"Requests to apply: {_requests(plan)}", hang=9)


def _enriched(change: Change) -> bool:
    kind = kind_of(change.address.kind) if is_kind(change.address.kind) else None
    return change.action == "create" and kind is not None and kind.enriched


def _requests(plan: Plan) -> str:
    if plan.requests == Requests():
        return "none"
    return f"{requests_text(plan.requests)}; about {duration(plan.estimated_seconds)}"

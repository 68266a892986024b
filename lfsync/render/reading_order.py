"""A plan in the order in which people read it; text, Markdown and the page only draw what is here. Pure.

First what apply would refuse, then what needs a look, then what is blocked, then changes that are alike, then the rest
by kind. Each change stands in one place alone. All is data: nothing is escaped, nothing wrapped and nothing cut.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from lfsync.kinds import KINDS, is_kind, kind_of, rank
from lfsync.model import Action, Blocked, Change, LastChange, Orphan, Plan, Refusal, Requests
from lfsync.render.shown_change import REASONS, Reason, ShownChange, ShownKept, shown_change, shown_kept
from lfsync.render.words import ACTIONS, duration, plural, requests_text, tally


@dataclass(frozen=True, slots=True)
class Group:
    """Changes that are alike: same kind and action, same keys, same old and new values. One alone is a group too."""

    changes: tuple[ShownChange, ...]

    @property
    def first(self) -> ShownChange:
        """It speaks for all of them but for address, name, link, id and place."""
        return self.changes[0]

    def changed(self, index: int) -> tuple[LastChange, ...]:
        """What is known of when people changed the field of that row: each once, the oldest first."""
        known = {found for change in self.changes if (found := change.rows[index].changed) is not None}
        return tuple(sorted(known, key=lambda last: (last.at, last.before or "")))


@dataclass(frozen=True, slots=True)
class Look:
    """What needs a look for one reason. A change with several stands under the gravest alone."""

    reason: Reason
    groups: tuple[Group, ...]

    @property
    def changes(self) -> int:
        return sum(len(group.changes) for group in self.groups)


@dataclass(frozen=True, slots=True)
class Section:
    """The rest of one kind: changes that need no look, and are like no other. `title` is its section in a file."""

    kind: str
    title: str
    counts: tuple[tuple[Action, int], ...]
    changes: tuple[ShownChange, ...]


@dataclass(frozen=True, slots=True)
class ReadingOrder:
    """A plan as it is read.

    `counts`, `unchanged`, `drifted`, `left_out`: of the whole plan. `headline` says them in a sentence.

    `refusals`: why apply would refuse it, scopes left out, which `missing_scopes` tells all at once.
    `looks` and `warnings` (of the plan as a whole) are the first block; then come `blocked`, `alike`, `sections`,
    `kept`, and those of the `orphans` that stay.
    """

    workspace: str
    headline: str
    counts: tuple[tuple[Action, int], ...]
    unchanged: int
    drifted: int
    left_out: int
    refusals: tuple[Refusal, ...]
    missing_scopes: tuple[str, ...]
    looks: tuple[Look, ...]
    warnings: tuple[str, ...]
    blocked: tuple[Blocked, ...]
    alike: tuple[Group, ...]
    sections: tuple[Section, ...]
    kept: tuple[ShownKept, ...]
    orphans: tuple[Orphan, ...]
    requests: Requests
    estimated_seconds: float
    enriched: int
    enrichment_skipped: int

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do and nothing to say."""
        parts = (self.refusals, self.missing_scopes, self.warnings, self.blocked, self.kept, self.orphans)
        return not any((*parts, *self.counts))


def reading_order(plan: Plan) -> ReadingOrder:
    """The one way from a plan to what is shown of it. What may not be shown is redacted before."""
    ordered = sorted(plan.changes, key=lambda change: rank(change.address))
    groups = list(_alike(map(shown_change, ordered)))
    calm = [group for group in groups if not group.first.reasons]
    return ReadingOrder(
        workspace=plan.workspace.name,
        headline=headline(plan),
        counts=_counts(plan.changes),
        unchanged=plan.unchanged,
        drifted=plan.drifted,
        left_out=plan.left_out,
        refusals=tuple(refusal for refusal in plan.refusals if refusal.kind != "scope"),
        missing_scopes=plan.missing_scopes,
        looks=tuple(_looks(groups)),
        warnings=tuple(warning.message for warning in plan.warnings),
        blocked=tuple(sorted(plan.blocked, key=lambda each: rank(each.address))),
        alike=tuple(group for group in calm if len(group.changes) > 1),
        sections=tuple(_sections(group.first for group in calm if len(group.changes) == 1)),
        kept=tuple(shown_kept(plan.kept)),
        orphans=_orphans(plan),
        requests=plan.requests,
        estimated_seconds=plan.estimated_seconds,
        enriched=plan.enrichment_events,
        enrichment_skipped=0 if plan.enrichment_events else sum(map(_could_be_enriched, plan.changes)),
    )


def headline(plan: Plan) -> str:
    """`Plan for prod: 4 to create, 1 to delete; 12 unchanged, 2 blocked.`"""
    name = plan.workspace.name
    if not plan.changes and not plan.blocked and not plan.kept:
        resources = plural(plan.unchanged, "resource")
        if plan.left_out:
            of = "is" if plan.unchanged == 1 else "are"
            return f"No changes. Of workspace {name} {resources} {of} as declared; {plan.left_out} left out."
        return f"No changes. Workspace {name} is as declared: {resources}."
    actions = Counter(change.action for change in plan.changes)
    counts = (
        (plan.drifted, "changed in Lightfield"),
        (plan.unchanged, "unchanged"),
        (len(plan.blocked), "blocked"),
        (plan.left_out, "left out"),
    )
    rest = ", ".join(f"{count} {word}" for count, word in counts if count)
    todo = ", ".join(tally(actions.__getitem__, lambda verb: verb.plan)) or "nothing to change"
    return f"Plan for {name}: {todo}{'; ' + rest if rest else ''}."


def costs(order: ReadingOrder) -> Iterator[str]:
    """What an apply takes, a sentence for each thing."""
    if order.enriched:
        events = plural(order.enriched, "new record is", "new records are")
        yield f"Enrichment: {events} enriched by Lightfield, which is metered"
    elif order.enrichment_skipped:
        yield f"Enrichment: skipped for {plural(order.enrichment_skipped, 'new record')}"
    if order.counts:
        time = f"{requests_text(order.requests)}; about {duration(order.estimated_seconds)}"
        yield f"Requests to apply: {'none' if order.requests == Requests() else time}"


# ---------------------------------------------------------------- where a change stands


def _alike(changes: Iterable[ShownChange]) -> Iterator[Group]:
    """In the order of the first of each."""
    groups: dict[object, list[ShownChange]] = {}
    for change in changes:
        same = (change.kind, change.action, change.adopted, change.cause, change.rows, change.warnings, change.reasons)
        groups.setdefault(same, []).append(change)
    yield from (Group(tuple(each)) for each in groups.values())


def _looks(groups: Iterable[Group]) -> Iterator[Look]:
    found: dict[Reason, list[Group]] = {reason: [] for reason in REASONS}
    for group in groups:
        if group.first.reasons:
            found[group.first.reasons[0]].append(group)
    yield from (Look(reason, tuple(each)) for reason, each in found.items() if each)


def _sections(changes: Iterable[ShownChange]) -> Iterator[Section]:
    for kind, group in groupby(changes, key=lambda change: change.kind):
        of_kind = tuple(group)
        yield Section(kind, KINDS[kind].section if kind in KINDS else kind, _counts(of_kind), of_kind)


def _counts(changes: Iterable[Change] | Iterable[ShownChange]) -> tuple[tuple[Action, int], ...]:
    """The actions that occur, in the order of the table of words."""
    found = Counter(change.action for change in changes)
    return tuple((action, found[action]) for action in ACTIONS if found[action])


def _orphans(plan: Plan) -> tuple[Orphan, ...]:
    going = {change.address for change in plan.changes if change.action == "delete"}
    left = (orphan for orphan in plan.orphans if orphan.address not in going)
    return tuple(sorted(left, key=lambda orphan: rank(orphan.address)))


def _could_be_enriched(change: Change) -> bool:
    kind = change.address.kind
    return change.action == "create" and is_kind(kind) and kind_of(kind).enriched

"""Desired, schema, state and live to a Plan. Pure.

Planning runs in rounds. A draft decides everything that can be decided on what has been read, and names the reads that
it wants before it trusts the rest; refresh makes them and drafts again. When a draft wants nothing, it is the plan.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping
from dataclasses import dataclass, field, replace

from lfsync.diff import MEMBERS, Comparer, Difference
from lfsync.errors import RefusedError, UsageError
from lfsync.kinds import KINDS
from lfsync.live import Live
from lfsync.model import (
    Action,
    Address,
    Blocked,
    Cause,
    Change,
    Desired,
    LinkChange,
    Orphan,
    Plan,
    Query,
    Requests,
    Schema,
    Target,
    WorkspaceInfo,
)
from lfsync.order import order, rank
from lfsync.resolve import Resolution, Wanted, describe, resolve
from lfsync.settings import SafetySettings
from lfsync.state import Binding, State
from lfsync.suggest import nearest
from lfsync.writes import count

_RATE = 25
_ENRICHMENT_LOAD = 50


@dataclass(slots=True)
class Draft:
    """One round of planning. `bindings`: what the state holds of every resource that has a record (rule S3)."""

    resolution: Resolution
    wanted: Wanted
    changes: dict[Address, Change] = field(default_factory=dict)
    blocked: dict[Address, Blocked] = field(default_factory=dict)
    bindings: dict[Address, Binding] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def draft(
    desired: Mapping[Address, Desired], schema: Schema, state: State, live: Live, recent: Container[str] = ()
) -> Draft:
    """One round over everything declared. `recent`: lists whose members we wrote lately, by id (rule R2)."""
    wanted = Wanted()
    resolution = resolve(desired, schema, state, live, wanted)
    made = Draft(resolution, wanted, blocked=dict(resolution.blocked), warnings=list(resolution.warnings))
    comparer = Comparer(desired, schema, state, live, resolution)
    for address, wish in desired.items():
        if address in made.blocked:
            continue
        if (id := resolution.ids.get(address)) is None:
            _draft_create(made, comparer, wish)
        else:
            _draft_existing(made, comparer, wish, id, recent)
    return made


def _draft_create(made: Draft, comparer: Comparer, wish: Desired) -> None:
    missing = [key for key in KINDS[wish.address.kind].required if not _declared(wish, key)]
    if missing:
        keys = ", ".join(f"`{key}`" for key in missing)
        looked = f"nothing live matches {describe(wish.query)}" if wish.query else "it is not there"
        reason = f"{looked}, and a new {wish.address.kind} needs {keys}"
        hint = "Declare what is missing, or correct the match so that it finds the record."
        made.blocked[wish.address] = Blocked(wish.address, reason, hint, wish.place)
        return
    made.changes[wish.address] = _change(wish, "create", comparer.creation(wish))


def _declared(wish: Desired, key: str) -> bool:
    if key in wish.fields:
        return wish.fields[key].sent is not None
    return key in wish.links and bool(wish.links[key].include)


def _draft_existing(made: Draft, comparer: Comparer, wish: Desired, id: str, recent: Container[str]) -> None:
    address, live = wish.address, comparer.live
    record = live.record(address.kind, id)
    if wish.members is not None and id not in live.memberships:
        made.wanted.memberships.add((id, wish.members.definition.target))
    if record is None or (wish.members is not None and id not in live.memberships):
        return
    binding = _binding_for(comparer.state, made.resolution, address, id)
    difference = comparer.comparison(wish, record, binding)
    if difference.doubtful:
        made.wanted.records.add((address.kind, id))
    if difference.members_moved and wish.members is not None and id in recent:
        made.wanted.memberships.add((id, wish.members.definition.target))
    _doubt_removals(made.wanted, comparer, wish, difference)
    if difference.frozen:
        made.blocked[address] = _frozen(wish, difference)
        return
    if id in live.unsettled:
        made.warnings.append(f"{address}: its members are not settled in the index yet and were left out of this plan")
    made.bindings[address] = _observed(wish, id, binding, difference)
    adopted = address in made.resolution.adopted
    if difference:
        made.changes[address] = _change(wish, "update", difference, id, adopted)
    elif adopted:
        made.changes[address] = _change(wish, "adopt", difference, id, adopted)
    if former := made.resolution.moved.get(address):
        made.changes[address] = replace(made.changes[address], warnings=(f"was {former} before",))


def _binding_for(state: State, resolution: Resolution, address: Address, id: str) -> Binding | None:
    """The binding whose hashes speak about this record: also one that moves here from a former key (rule I4)."""
    binding = state.bindings.get(resolution.moved.get(address, address))
    return binding if binding is not None and binding.id == id else None


def _doubt_removals(wanted: Wanted, comparer: Comparer, wish: Desired, difference: Difference) -> None:
    """A link to a record in the trash is no surplus (rule S6): look at what a removal would unlink."""
    live = comparer.live
    removals = [(wish.links[link.key].definition.target, id) for link in difference.links for id in link.remove]
    if difference.members is not None and wish.members is not None:
        removals += [(wish.members.definition.target, id) for id in difference.members.remove]
    for kind, id in removals:
        if kind not in KINDS or "." in id:
            continue
        record = live.record(kind, id)
        if record is None:
            wanted.records.add((kind, id))
        elif record.fresh and kind in live.listed and id not in live.listed[kind] and kind not in live.trash:
            wanted.trash.add(kind)


def _frozen(wish: Desired, difference: Difference) -> Blocked:
    moved = {c.key: (c.before, c.after) for c in difference.fields}
    moved |= {c.key: (c.before, c.after) for c in difference.links}
    keys = ", ".join(f"`{key}` ({moved[key][0]} → {moved[key][1]})" for key in difference.frozen)
    reason = f"{keys} can only be set when the record is created"
    hint = "Declare the live value; or trash the record in Lightfield and let lfsync make a new one."
    place = (wish.fields.get(difference.frozen[0]) or wish.links[difference.frozen[0]]).place
    return Blocked(wish.address, reason, hint, place)


def _observed(wish: Desired, id: str, binding: Binding | None, difference: Difference) -> Binding:
    hashes = difference.hashes
    members = hashes.get(MEMBERS)
    if members is None and binding is not None and wish.members is not None:
        members = binding.members
    return Binding(
        address=wish.address,
        id=id,
        generation=binding.generation if binding else 0,
        origin=binding.origin if binding else "adopted",
        written_at=binding.written_at if binding else None,
        fields={key: h for (section, key), h in hashes.items() if section == "fields"},
        links={key: h for (section, key), h in hashes.items() if section == "links"},
        members=members,
    )


def _change(
    wish: Desired, action: Action, difference: Difference, id: str | None = None, adopted: bool = False
) -> Change:
    return Change(
        address=wish.address,
        action=action,
        source=wish.place,
        id=id,
        adopted=adopted,
        cause=_overall(difference.causes),
        fields=difference.fields,
        relationships=difference.links,
        members=difference.members,
    )


def _overall(causes: frozenset[Cause]) -> Cause | None:
    if not causes:
        return None
    return next(iter(causes)) if len(causes) == 1 else "conflict"


# ---------------------------------------------------------------- the plan


@dataclass(frozen=True, slots=True)
class Context:
    """What a plan says beside its changes. `rate_share`: of 25 requests a second; `scopes`: None for full access."""

    workspace: WorkspaceInfo
    created_at: str
    config_digest: str
    warnings: tuple[str, ...] = ()
    enrichment: str = "auto"
    rate_share: float = 1.0
    scopes: frozenset[str] | None = None
    whole: bool = True


def plan(made: Draft, desired: Mapping[Address, Desired], state: State, context: Context) -> Plan:
    """The plan of a draft that wants no more reads."""
    changes = _ordered(made, desired)
    requests = _requests(changes, desired)
    needed = _scopes(changes, desired)
    missing = () if context.scopes is None else tuple(s for s in needed if s not in context.scopes)
    return Plan(
        workspace=context.workspace,
        created_at=context.created_at,
        config_digest=context.config_digest,
        changes=tuple(changes),
        blocked=tuple(made.blocked[address] for address in sorted(made.blocked, key=rank)),
        orphans=_orphans(made, desired, state) if context.whole else (),
        warnings=(*context.warnings, *made.warnings),
        unchanged=len(desired) - len(made.changes) - len(made.blocked),
        requests=requests,
        estimated_seconds=round(max(requests.read, requests.search, requests.write) / (_RATE * context.rate_share), 2),
        enrichment_events=0 if skip_enrichment(changes, context.enrichment) else _enriched(changes),
        required_scopes=needed,
        missing_scopes=missing,
    )


def skip_enrichment(changes: Iterable[Change], setting: str) -> bool:
    """Whether creates carry `skipEnrichment`: `auto` does from 50 accounts and contacts on (design.md, section 7)."""
    return setting == "skip" or (setting == "auto" and _enriched(changes) >= _ENRICHMENT_LOAD)


def refuse_large(made: Plan, safety: SafetySettings, bound: int) -> None:
    """RefusedError where more is updated than `safety` lets pass without a word (rule P4)."""
    updates = sum(change.action == "update" and not change.adopted for change in made.changes)
    allowed = max(safety.floor, int(safety.max_updates * bound))
    if updates > allowed:
        raise RefusedError(
            f"{updates} of {bound} managed resources would be updated; `safety` allows {allowed}",
            hint="Read the plan. If it is meant, pass --allow-large, or raise `safety: max_updates` in lfsync.yaml.",
        )


def _enriched(changes: Iterable[Change]) -> int:
    return sum(change.action == "create" and KINDS[change.address.kind].enriched for change in changes)


def _ordered(made: Draft, desired: Mapping[Address, Desired]) -> list[Change]:
    created = {address for address, change in made.changes.items() if change.action == "create"}
    required: dict[Address, set[Address]] = {}
    optional: dict[Address, set[Address]] = {}
    for address in created:
        wish = desired[address]
        needed = {
            t for key in KINDS[address.kind].required if key in wish.links for t in _pending(wish.links[key].include)
        }
        required[address] = needed | set(_query_targets(wish.query))
        optional[address] = set(_references(made.changes[address])) - required[address]
    ordered, waits = order(created, required, optional)
    changes = [_with_dependencies(made.changes[a], waits[a], created) for a in ordered]
    for address in sorted(made.changes.keys() - created, key=rank):
        change = made.changes[address]
        changes.append(replace(change, depends_on=_sorted(set(_references(change)) & created)))
    return changes


def _with_dependencies(change: Change, waits: set[Address], created: set[Address]) -> Change:
    late = (set(_references(change)) & created) - waits - {change.address}
    own = {change.address} & set(_references(change))
    notes = tuple(f"the link to {target} is set in a second step, once both exist" for target in _sorted(late | own))
    return replace(change, depends_on=_sorted(waits), warnings=(*change.warnings, *notes))


def _sorted(addresses: Iterable[Address]) -> tuple[Address, ...]:
    return tuple(sorted(addresses, key=rank))


def _references(change: Change) -> list[Address]:
    """The resources of this project that a change links to."""
    added = [text for link in change.relationships for text in link.add]
    if change.members is not None:
        added += change.members.add
    return [Address.parse(text) for text in added if "." in text]


def _pending(targets: Iterable[Target]) -> list[Address]:
    return [target.address for target in targets if target.address is not None]


def _query_targets(query: Query | None) -> list[Address]:
    return [a for term in query.terms for a in _pending(term.targets)] if query else []


def _requests(changes: Collection[Change], desired: Mapping[Address, Desired]) -> Requests:
    """A create looks for its match first, an update reads its record first (rule A1)."""
    created = {change.address for change in changes if change.action == "create"}
    read = search = write = 0
    for change in changes:
        if change.action == "adopt":
            continue
        create = change.action == "create"
        links = desired[change.address].links
        many = {key: link.definition.many for key, link in links.items()}.__getitem__
        first, second = _steps(change, created) if create else (change.relationships, ())
        write += count(change.address.kind, create, change.fields, first, change.members, many)
        if second:
            write += count(change.address.kind, False, (), second, None, many)
        search += create
        read += not create or bool(second)
    return Requests(read, search, write)


def _steps(change: Change, created: set[Address]) -> tuple[tuple[LinkChange, ...], tuple[LinkChange, ...]]:
    """The links that go with a create, and those of a cycle that are set once both ends exist."""
    late = {str(target) for target in _references(change) if target in created} - set(map(str, change.depends_on))
    if not late:
        return change.relationships, ()
    first = (replace(link, add=tuple(text for text in link.add if text not in late)) for link in change.relationships)
    second = (replace(link, add=tuple(text for text in link.add if text in late)) for link in change.relationships)
    return tuple(link for link in first if link.add), tuple(link for link in second if link.add)


def _scopes(changes: Iterable[Change], desired: Mapping[Address, Desired]) -> tuple[str, ...]:
    scopes = reading_scopes(desired.values())
    for change in changes:
        if change.action in ("create", "update"):
            scopes.add(f"{KINDS[change.address.kind].scope}:{change.action}")
    return tuple(sorted(scopes))


def reading_scopes(desired: Iterable[Desired]) -> set[str]:
    """The scopes without which the declared resources can't be planned."""
    scopes: set[str] = set()
    for wish in desired:
        links = [*wish.links.values(), *([wish.members] if wish.members else [])]
        for kind in (wish.address.kind, *(link.definition.target for link in links)):
            if kind in KINDS:
                scopes.add(f"{KINDS[kind].scope}:read")
            elif kind == "member":
                scopes.add("members:read")
    return scopes


def _orphans(made: Draft, desired: Mapping[Address, Desired], state: State) -> tuple[Orphan, ...]:
    """Bound before, declared no more, and not the record of anything that is declared (rule I4)."""
    claimed = {(address.kind, id) for address, id in made.resolution.ids.items()}
    left = (b for a, b in state.bindings.items() if a not in desired and (a.kind, b.id) not in claimed)
    return tuple(Orphan(b.address, b.id) for b in sorted(left, key=lambda b: rank(b.address)))


# ---------------------------------------------------------------- --only


def select(desired: Mapping[Address, Desired], only: Iterable[str]) -> dict[Address, Desired]:
    """The named resources and all they depend on (rule P3). UsageError for an address that is not declared."""
    waiting = [_declared_address(desired, text) for text in only]
    chosen: set[Address] = set()
    while waiting:
        address = waiting.pop()
        if address not in chosen:
            chosen.add(address)
            waiting += _dependencies(desired[address])
    return {address: wish for address, wish in desired.items() if address in chosen}


def _declared_address(desired: Mapping[Address, Desired], text: str) -> Address:
    try:
        address = Address.parse(text)
    except ValueError:
        raise UsageError(f"--only {text}: not an address", hint="An address is `kind.key`: `account.acme`.") from None
    if address not in desired:
        near = nearest(text, [str(a) for a in desired])
        raise UsageError(f"--only {text}: nothing of that address is declared", hint=near and f"Did you mean {near}?")
    return address


def _dependencies(wish: Desired) -> list[Address]:
    links = [*wish.links.values(), *([wish.members] if wish.members else [])]
    found = [address for link in links for address in _pending((*link.include, *link.exclude))]
    return found + _query_targets(wish.query)

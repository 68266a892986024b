"""A finished draft as a Plan: ordered, counted, with what it takes. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from lfsync.api.paging import PAGE_SIZE
from lfsync.errors import RefusedError
from lfsync.kinds import MEMBER_KEYS, is_kind, kind_of, rank
from lfsync.knowledge.knowledge import Knowledge, title
from lfsync.model import (
    Address,
    Change,
    Desired,
    Kept,
    LinkChange,
    MembersChange,
    Orphan,
    Plan,
    PlanWarning,
    Refusal,
    Requests,
    WorkspaceInfo,
)
from lfsync.planning.bodies import count
from lfsync.planning.diff import MEMBERS, Key
from lfsync.planning.draft import Draft, pending, query_targets, references
from lfsync.planning.order import order
from lfsync.planning.uniques import cleared_first, handovers
from lfsync.planning.uploads import Leftovers, makes_record
from lfsync.project.settings import SafetySettings
from lfsync.state.state import State

_RATE = 25
_ENRICHMENT_LOAD = 50


@dataclass(frozen=True, slots=True)
class Context:
    """What a plan says beside its changes. `rate_share`: of 25 requests a second; `scopes`: None for full access.

    `bound`: how many resources the whole state holds, whatever part of it is planned. `others`: how many are declared
    beside that part.
    """

    workspace: WorkspaceInfo
    created_at: str
    config_digest: str
    warnings: tuple[PlanWarning, ...] = ()
    enrichment: str = "auto"
    rate_share: float = 1.0
    scopes: frozenset[str] | None = None
    whole: bool = True
    safety: SafetySettings = field(default_factory=SafetySettings)
    bound: int = 0
    others: int = 0


def plan(made: Draft, desired: Mapping[Address, Desired], state: State, context: Context) -> Plan:
    """The plan of a draft that wants no more reads."""
    changes = _ordered(made, desired)
    requests = _requests(changes, desired, made.leftovers)
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
        unchanged=len(desired.keys() - made.changes.keys() - made.blocked.keys() - made.kept.keys() - made.unplanned),
        requests=requests,
        estimated_seconds=round(max(requests.read, requests.search, requests.write) / (_RATE * context.rate_share), 2),
        enrichment_events=0 if skip_enrichment(changes, context.enrichment) else _enriched(changes),
        required_scopes=needed,
        missing_scopes=missing,
        refusals=refusals(changes, missing, made.members, context, declared=len(desired)),
        left_out=context.others + len(made.unplanned & desired.keys() - made.changes.keys()),
        kept=tuple(
            each for address in sorted(made.kept.keys() - made.blocked.keys(), key=rank) for each in made.kept[address]
        ),
    )


def kept_keys(made: Plan) -> frozenset[tuple[Address, Key]]:
    """The keys that an apply of this plan leaves as they are, whatever they hold by then (rule P5)."""
    return frozenset((each.address, _key_of(each)) for each in made.kept)


def _key_of(kept: Kept) -> Key:
    if kept.value_type is not None:
        return ("fields", kept.key)
    return MEMBERS if kept.address.kind == "list" else ("links", kept.key)


def rewritten(changes: Iterable[Change], desired: Mapping[Address, Desired]) -> tuple[str, ...]:
    """A warning for each kind of whose records this plan sets texts that the server writes anew.

    It comes with the change that they would cause over and over, one for all records, and not where nothing of them is
    to be written: a plan that is empty has nothing to warn of.
    """
    found: dict[str, set[str]] = {}
    for change in changes:
        wish = desired.get(change.address)
        if wish is not None and not wish.seed and change.action != "delete":
            keys = {each.key for each in change.fields} & kind_of(wish.address.kind).generated - wish.ignore_changes
            if keys:
                found.setdefault(wish.address.kind, set()).update(keys)
    cure = "name what is to stay as Lightfield has it in `lifecycle: {ignore_changes: [...]}`"
    return tuple(
        f"{kind}: Lightfield writes {' and '.join(f'`{key}`' for key in sorted(keys))} anew over time, and each plan "
        f"would put that back: {cure}"
        for kind, keys in sorted(found.items())
    )


def refusals(
    changes: Collection[Change],
    missing: Iterable[str],
    members: Mapping[Address, int],
    context: Context,
    *,
    declared: int,
) -> tuple[Refusal, ...]:
    """Why an apply of these changes would be refused. `members`: how many each list has."""
    lacking = (Refusal("scope", scope, f"the API key lacks {scope}") for scope in missing)
    return (*_too_large(changes, members, context, declared), *lacking)


def _too_large(
    changes: Collection[Change], members: Mapping[Address, int], context: Context, declared: int
) -> Iterable[Refusal]:
    """What is more than `safety` lets pass without a word (rule P4).

    Adoptions with changes count as updates, and then of all that is declared: a lost state must not lift the limit.
    """
    safety, bound = context.safety, context.bound
    updates = [change for change in changes if change.action == "update"]
    deletes = [change for change in changes if change.action == "delete"]
    managed = max(bound, declared) if any(change.adopted for change in updates) else bound
    shares = (
        ("max_updates", "updated", updates, managed, safety.max_updates),
        ("max_deletes", "deleted", deletes, bound, safety.max_deletes),
    )
    for name, what, affected, of, share in shares:
        if len(affected) > safety.floor and len(affected) > share * of:
            message = f"{len(affected)} of {of} managed resources would be {what}, above {share:.0%}"
            addresses = tuple(change.address for change in affected)
            yield Refusal("threshold", name, f"{message} and above {safety.floor}", addresses)
    for change in updates:
        for what, gone, there in _removals(change, members):
            if gone > safety.floor and gone > safety.max_removals * there:
                message = f"{gone} of {there} {what} of {change.address} would go, above {safety.max_removals:.0%}"
                yield Refusal("threshold", "max_removals", f"{message} and above {safety.floor}", (change.address,))


def _removals(change: Change, members: Mapping[Address, int]) -> Iterable[tuple[str, int, int]]:
    """(what, how many of them go, how many are there) of every has-many, and of the members."""
    for link in change.relationships:
        if isinstance(link.before, list):
            yield f"links of `{link.key}`", len(link.remove), len(link.before)
    if change.members is not None:
        yield "members", len(change.members.remove), members.get(change.address, 0)


def refuse(made: Plan, *, allow_large: bool) -> None:
    """RefusedError where the plan says that it would be refused; `allow_large` lets the thresholds pass."""
    lacking = [refusal.name for refusal in made.refusals if refusal.kind == "scope"]
    if lacking:
        raise RefusedError(
            f"the API key may not write all that is planned; it lacks {', '.join(lacking)}",
            hint="Make a key with these scopes in Lightfield's settings. Nothing was written.",
        )
    denied = [f"policy {refusal.name}: {refusal.message}" for refusal in made.refusals if refusal.kind == "policy"]
    if denied:
        raise RefusedError("; ".join(denied), hint="Change what the policy names, or the policy. Nothing was written.")
    large = [refusal.message for refusal in made.refusals if refusal.kind == "threshold"]
    if large and not allow_large:
        raise RefusedError(
            f"{'; '.join(large)}, which `safety` lets pass",
            hint="Read the plan. If it is meant, pass --allow-large, or raise `safety` in lfsync.yaml.",
        )


def with_names(made: Plan, knowledge: Knowledge) -> Plan:
    """The plan for people: members that are no resources of this project by name, not by id alone."""

    def named(texts: Iterable[str]) -> tuple[str, ...]:
        return tuple(_member_name(text, knowledge) for text in texts)

    def with_members(change: Change) -> Change:
        members = change.members
        return replace(change, members=MembersChange(named(members.add), named(members.remove))) if members else change

    kept = (replace(k, add=named(k.add), remove=named(k.remove)) if _key_of(k) == MEMBERS else k for k in made.kept)
    return replace(made, changes=tuple(map(with_members, made.changes)), kept=tuple(kept))


def _member_name(text: str, knowledge: Knowledge) -> str:
    record = next(filter(None, (knowledge.record(kind, text) for kind in MEMBER_KEYS)), None)
    called = title(record) if record else ""
    return f"{called} ({text})" if called else text


def skip_enrichment(changes: Iterable[Change], setting: str) -> bool:
    """Whether creates carry `skipEnrichment`: `auto` does from 50 accounts and contacts on (design.md, section 7)."""
    return setting == "skip" or (setting == "auto" and _enriched(changes) >= _ENRICHMENT_LOAD)


def _enriched(changes: Iterable[Change]) -> int:
    return sum(change.action == "create" and kind_of(change.address.kind).enriched for change in changes)


def _ordered(made: Draft, desired: Mapping[Address, Desired]) -> list[Change]:
    deleted = [address for address, change in made.changes.items() if change.action == "delete"]
    alive = made.changes.keys() - set(deleted)
    created = {address for address in alive if makes_record(made.changes[address])}
    required = {address: _required(made.changes[address], desired[address], created) for address in alive}
    for address in made.rests.keys() & alive:
        required[address] |= resting_on(made, made.changes[address]) & alive
    optional = {address: set(references(made.changes[address])) & created for address in created}
    for taker, owners in handovers(made.changes.values(), desired).items():
        optional[taker] = optional.get(taker, set()) | owners.keys()
    ordered, waits = order(alive, required, optional)
    changes = [_with_dependencies(made.changes[a], waits[a], created) for a in ordered]
    return changes + [made.changes[address] for address in sorted(deleted, key=deletion_rank)]


def resting_on(made: Draft, change: Change) -> set[Address]:
    """The changes on which it rests who comes into a list by rule, or goes (rule K1)."""
    members, rests = change.members, made.rests.get(change.address, {})
    return (
        {address for text in (*members.add, *members.remove) for address in rests.get(text, ())} if members else set()
    )


def _required(change: Change, wish: Desired, created: set[Address]) -> set[Address]:
    """What must be made before a change can be: all that an update links to, what a create can't do without."""
    if change.action != "create":
        return set(references(change)) & created
    kind = kind_of(change.address.kind)
    needed = {t for key in kind.required if key in wish.links for t in pending(wish.links[key].include)}
    return (needed | set(query_targets(wish.query))) & created


def deletion_rank(address: Address) -> tuple[int, str, str]:
    """The order of deletes: children first, the other way round than creates (rule A7)."""
    kind, *key = rank(address)
    return (-kind, key[0], key[1])


def _with_dependencies(change: Change, waits: set[Address], created: set[Address]) -> Change:
    late = (set(references(change)) & created) - waits - {change.address}
    own = {change.address} & set(references(change))
    notes = tuple(f"the link to {target} is set in a second step, once both exist" for target in _sorted(late | own))
    return replace(change, depends_on=_sorted(waits), warnings=(*change.warnings, *notes))


def _sorted(addresses: Iterable[Address]) -> tuple[Address, ...]:
    return tuple(sorted(addresses, key=rank))


def _requests(changes: Collection[Change], desired: Mapping[Address, Desired], left: Leftovers) -> Requests:
    """A create looks for its match first, an update reads its record first (rule A1).

    An upload is begun and completed; the bytes themselves go to another server.
    """
    created = {change.address for change in changes if makes_record(change)}
    read = search = 0
    write = len(left.cancelled)
    for change in changes:
        if change.action == "adopt":
            continue
        if kind_of(change.address.kind).uploaded:
            resumed = change.address in left.resumed
            read, search, write = read + resumed, search + 1, write + (1 if resumed else 2)
            continue
        create = change.action == "create"
        if change.action in ("delete", "restore"):
            read, write = read + 1, write + 1
        if change.action == "delete" and not kind_of(change.address.kind).restorable:
            members = change.members.remove if change.members else ()
            search += max(1, math.ceil(len(members) / PAGE_SIZE))
        if not (change.fields or change.relationships or change.members) or change.action == "delete":
            search += create
            write += create
            continue
        links = desired[change.address].links
        many = {key: link.definition.many for key, link in links.items()}.__getitem__
        first, second = _steps(change, created) if create else (change.relationships, ())
        write += count(change.address.kind, create, change.fields, first, change.members, many)
        read += any(field.key in kind_of(change.address.kind).vanishing for field in change.fields)
        if second:
            write += count(change.address.kind, False, (), second, None, many)
        search += create
        read += not create or bool(second)
    cleared = len(cleared_first(changes, desired))
    return Requests(read + cleared, search, write + cleared)


def _steps(change: Change, created: set[Address]) -> tuple[tuple[LinkChange, ...], tuple[LinkChange, ...]]:
    """The links that go with a create, and those of a cycle that are set once both ends exist."""
    late = {str(target) for target in references(change) if target in created} - set(map(str, change.depends_on))
    if not late:
        return change.relationships, ()
    first = (replace(link, add=tuple(text for text in link.add if text not in late)) for link in change.relationships)
    second = (replace(link, add=tuple(text for text in link.add if text in late)) for link in change.relationships)
    return tuple(link for link in first if link.add), tuple(link for link in second if link.add)


def _scopes(changes: Iterable[Change], desired: Mapping[Address, Desired]) -> tuple[str, ...]:
    scopes = reading_scopes(desired.values())
    for change in changes:
        if kind_of(change.address.kind).uploaded and makes_record(change):
            scopes.add(f"{kind_of(change.address.kind).scope}:create")
        elif change.action != "adopt":
            scopes.add(f"{kind_of(change.address.kind).scope}:{change.action}")
        if change.action == "create" and kind_of(change.address.kind).update_only & {f.key for f in change.fields}:
            scopes.add(f"{kind_of(change.address.kind).scope}:update")
        if change.action == "restore" and (change.fields or change.relationships):
            scopes.add(f"{kind_of(change.address.kind).scope}:update")
    return tuple(sorted(scopes))


def reading_scopes(desired: Iterable[Desired]) -> set[str]:
    """The scopes without which the declared resources can't be planned."""
    scopes: set[str] = set()
    for wish in desired:
        links = wish.all_links
        for kind in (wish.address.kind, *(link.definition.target for link in links)):
            if is_kind(kind):
                scopes.add(f"{kind_of(kind).scope}:read")
            elif kind == "member":
                scopes.add("members:read")
    return scopes


def _orphans(made: Draft, desired: Mapping[Address, Desired], state: State) -> tuple[Orphan, ...]:
    """Bound before, declared no more, and not the record of anything that is declared (rule I4)."""
    claimed = {(address.kind, id) for address, id in made.resolution.ids.items()}
    kept = state.as_kept().bindings
    claimed |= {(address.kind, kept[address].id) for address in made.released}
    claimed |= made.resolution.named  # what somebody still refers to is no orphan (rule L2)
    left = (
        state.bindings[address]
        for address in state.orphans(desired)
        if address not in made.changes and (address.kind, state.bindings[address].id) not in claimed
    )
    return tuple(Orphan(b.address, b.id) for b in sorted(left, key=lambda b: rank(b.address)))

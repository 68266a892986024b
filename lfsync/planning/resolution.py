"""Which record each resource of a project is, and whether the answers agree with each other. Pure.

`identity.py` finds the records one by one; here they are held against each other: two resources on one record, two
sides of one link, refs to what is blocked or gone. Resolving starts again from the top when more is known, and ends
because nothing is asked for twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from lfsync.kinds import is_kind
from lfsync.knowledge.knowledge import Knowledge, RecordKey
from lfsync.model import Address, Blocked, Desired, DesiredLinks, Query, Schema, Target
from lfsync.planning.far_sides import inverses
from lfsync.planning.identity import Identities, StuckError, target_quotes
from lfsync.planning.takers import takers
from lfsync.state.state import State

_ABSENT_HINT = "Take the ref out, or the `absent: true`."


@dataclass(frozen=True, slots=True)
class Resolution:
    """Which record each address is. An address in neither `ids` nor `blocked` is to be created.

    `adopted`: found by match or `id`, not bound before. `moved`: the address that the record was bound under, before it
    was found so (rule I4) or by a `moved:` block (rule M1).
    `replaced`: the file that an address is bound to, whose content is no more the declared one: it gets another (F1).
    `restored`: bound to a record in the trash that is to be taken out of it (rule I6).
    `contested`: records that a blocked resource may be, for all that is known.
    `named`: records that a ref of anything declared names, by id or match (rule L2).
    """

    ids: Mapping[Address, str]
    adopted: frozenset[Address]
    restored: frozenset[Address]
    moved: Mapping[Address, Address]
    blocked: Mapping[Address, Blocked]
    queries: Mapping[int, str]
    warnings: tuple[str, ...]
    contested: frozenset[RecordKey] = frozenset()
    named: frozenset[RecordKey] = frozenset()
    replaced: Mapping[Address, str] = field(default_factory=dict)

    def target(self, target: Target) -> str | Address:
        """The id that a ref means, or the address of what is still to be created."""
        if target.address is not None:
            return self.ids.get(target.address, target.address)
        if target.query is not None:
            return self.queries[id(target.query)]
        assert target.id is not None
        return target.id

    def meant(self, target: Target) -> str | Address | None:
        """As `target`; None where a match was not resolved."""
        return self.queries.get(id(target.query)) if target.query is not None else self.target(target)

    def match_targets(self, query: Query, ids: Mapping[Address, str] | None = None) -> dict[str, set[str]]:
        """The ids that a query's relationship terms name, by key; `ids`: what addresses have as of now."""
        found: dict[str, set[str]] = {}
        for term in query.terms:
            if term.rel is not None and not term.empty:
                meant = (self.target(target) for target in term.targets)
                now = ((ids or self.ids).get(each) if isinstance(each, Address) else each for each in meant)
                found[term.key] = {id for id in now if id is not None}
        return found


def resolve(
    desired: Mapping[Address, Desired],
    schema: Schema,
    state: State,
    knowledge: Knowledge,
    *,
    recreate_missing: bool = False,
) -> Resolution:
    """Resolve every address; `knowledge` is told what must be read before the answer can be believed."""
    found = Identities(desired, schema, state, knowledge, recreate_missing)
    for address in desired:
        found.address(address)
    _refuse_shared(found)
    _refuse_contradictions(found)
    _refuse_taken(found)
    _check_links(found)
    _note_named(found)
    return Resolution(
        found.ids,
        frozenset(found.adopted),
        frozenset(found.restored),
        found.moved,
        found.blocked,
        found.queries,
        tuple(found.warnings),
        frozenset(found.contested),
        frozenset(found.named),
        found.replaced,
    )


def _managed(desired: Desired, key: str) -> DesiredLinks | None:
    return None if desired.absent or key in desired.ignore_changes else desired.links.get(key)


def _refuse_shared(found: Identities) -> None:
    """Two resources on one record: the unbound one is blocked, both if neither is bound (rule I5)."""
    by_record = defaultdict(list)
    for address, id in found.ids.items():
        by_record[address.kind, id].append(address)
    for (_, id), addresses in by_record.items():
        if len(addresses) < 2:
            continue
        bound = [a for a in addresses if (b := found.state.bindings.get(a)) is not None and b.id == id]
        for address in addresses:
            if [address] == bound:
                continue
            others = " and ".join(str(other) for other in addresses if other != address)
            reason = f"finds {id}, the record of {others}"
            found.block(address, StuckError(reason, "Give one of them a match or an `id` that tells them apart."))


def _refuse_contradictions(found: Identities) -> None:
    """Both sides of a link, where only their ids tell that they contradict each other (rule C9)."""
    owners = {id: address for address, id in found.ids.items()}
    backs = {kind: inverses(found.schema, kind) for kind in {address.kind for address in found.desired}}
    sides = [
        (desired.address, key, back, link)
        for desired in found.desired.values()
        for key, back in backs[desired.address.kind].items()
        if (link := _managed(desired, key)) is not None
    ]
    reasons: dict[Address, str] = {}
    for near, key, back, link in sides:
        for meant in map(found.meant, link.include):
            far = owners.get(meant) if isinstance(meant, str) else meant
            theirs = _managed(found.desired[far], back) if far else None
            if far and theirs and not {near, far} & found.blocked.keys() and _leaves_out(found, theirs, near):
                ours = f"`{key}` links {far}, whose `{back}` at {theirs.place} leaves {near} out"
                reasons.setdefault(near, ours)
                reasons.setdefault(far, f"`{back}` leaves {near} out, whose `{key}` at {link.place} links {far}")
    for address, reason in reasons.items():
        found.block(address, StuckError(reason, "Declare the link on one side, or alike on both."))


def _refuse_taken(found: Identities) -> None:
    """Two links onto what one record alone may link, where only ids tell that it is one (rule C9)."""
    for key, taking in takers(found.desired.values(), found.meant):
        for address, target in taking:
            others = [f"{other} does at {its.place}" for other, its in taking if other != address]
            if others and address not in found.blocked:
                reason = f"`{key}` links {target.text}, as {' and '.join(others)}, and only one can"
                quoted = target_quotes(target, address.kind, key)
                found.block(address, StuckError(reason, "Take all but one of these links out.", quoted))


def _leaves_out(found: Identities, links: DesiredLinks, address: Address) -> bool:
    here = found.ids.get(address, address)
    if any(found.meant(target) == here for target in links.exclude):
        return True
    meant = [found.meant(target) for target in links.include]
    return links.exact and here not in meant and None not in meant


def _note_named(found: Identities) -> None:
    """The records that refs name: what somebody still refers to is no orphan (rule L2)."""
    for desired in found.desired.values():
        links = desired.all_links
        targets = [(link.definition.target, t) for link in links for t in (*link.include, *link.exclude)]
        terms = [term for query in desired.queries for term in query.terms]
        targets += [(term.rel.target, target) for term in terms if term.rel for target in term.targets]
        for kind, target in targets:
            meant = None if target.address is not None else found.meant(target)
            if isinstance(meant, str):
                found.named.add((kind, meant))


def _check_links(found: Identities) -> None:
    """Block what refers to something that is blocked without an id, or is not there; until nothing changes."""
    waiting = [d for address, d in found.desired.items() if address not in found.blocked]
    blocked = -1
    while blocked != len(found.blocked):
        blocked = len(found.blocked)
        for desired in waiting:
            if desired.address in found.blocked:
                continue
            try:
                _check(found, desired)
            except StuckError as stuck:
                found.block(desired.address, stuck)


def _check(found: Identities, desired: Desired) -> None:
    if desired.absent:
        return  # it goes, and its links with it
    for link in desired.all_links:
        for target in link.include:
            if target.address is not None and found.desired[target.address].absent:
                what = f"{target.place}: refers to {target.address}, which is declared absent"
                raise StuckError(what, _ABSENT_HINT)
        for target in (*link.include, *link.exclude):
            found.target(target)
            if target.id is not None and is_kind(link.definition.target):
                _check_present(found, link, target, target.id)
        if both := _both(found, link):
            key = link.definition.key
            what = f"`{key}` includes and excludes {both[0].text} and {both[1].text}, one record"
            quoted = [quote for target in both for quote in target_quotes(target, desired.address.kind, key)]
            raise StuckError(f"{both[1].place}: {what}", "Take one of them out.", quoted)


def _check_present(found: Identities, link: DesiredLinks, target: Target, id: str) -> None:
    kind = link.definition.target
    try:
        gone = found.is_gone(kind, id, f"`{link.definition.key}` names")
    except StuckError as stuck:
        if found.knowledge.presence(kind, id) == "forbidden":
            return  # this key may not read it, and may still link it: the API will say
        raise StuckError(f"{target.place}: {stuck.reason}", stuck.hint, stuck.quoted) from None
    if gone:
        what = f"`{link.definition.key}` names {id}, which is gone: {found.knowledge.fate(kind, id)}"
        raise StuckError(f"{target.place}: {what}", quoted=found.knowledge.fate_quotes(kind, id))


def _both(found: Identities, link: DesiredLinks) -> tuple[Target, Target] | None:
    """Two refs to one record, one that includes it and one that excludes it."""
    if not link.include or not link.exclude:
        return None
    included = {meant: target for target in link.include if (meant := found.meant(target)) is not None}
    for target in link.exclude:
        meant = found.meant(target)
        if meant is not None and meant in included:
            return included[meant], target
    return None

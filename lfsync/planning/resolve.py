"""Matches and refs to ids. Pure.

A resource finds its record by, in order: `id` in the file, the state's binding, its match (rule I1). A match must hit
exactly one live record; two are refused with the candidates, none means a create. What can't be decided on what has
been read so far is asked for: the resolver collects the reads it wants, refresh makes them, and resolving starts again
from the top with more known. It ends because nothing is asked for twice.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from lfsync.kinds import KINDS
from lfsync.knowledge.finder import Finder
from lfsync.knowledge.knowledge import Live, RecordKey
from lfsync.model import Address, Blocked, Desired, DesiredLinks, Query, Record, Schema, Target, Term
from lfsync.state.state import State
from lfsync.values.table import VALUE_TYPES

_SHOWN = 10


@dataclass(slots=True)
class Wanted:
    """Reads that planning asks for before it decides: records by id, trash by kind, memberships by list id."""

    records: set[RecordKey] = field(default_factory=set)
    trash: set[str] = field(default_factory=set)
    memberships: set[tuple[str, str]] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.records or self.trash or self.memberships)


@dataclass(frozen=True, slots=True)
class Resolution:
    """Which record each address is. An address in neither `ids` nor `blocked` is to be created.

    `adopted`: found by match or `id`, not bound before. `moved`: the address that the record was bound under (rule I4).
    `restored`: bound to a record in the trash that is to be taken out of it (rule I6).
    `contested`: records that a blocked resource may be, for all that is known.
    """

    ids: Mapping[Address, str]
    adopted: frozenset[Address]
    restored: frozenset[Address]
    moved: Mapping[Address, Address]
    blocked: Mapping[Address, Blocked]
    queries: Mapping[int, str]
    warnings: tuple[str, ...]
    contested: frozenset[RecordKey] = frozenset()

    def target(self, target: Target) -> str | Address:
        """The id that a ref means, or the address of what is still to be created."""
        if target.address is not None:
            return self.ids.get(target.address, target.address)
        if target.query is not None:
            return self.queries[id(target.query)]
        assert target.id is not None
        return target.id


def resolve(
    desired: Mapping[Address, Desired],
    schema: Schema,
    state: State,
    live: Live,
    wanted: Wanted,
    *,
    recreate_missing: bool = False,
) -> Resolution:
    """Resolve every address; `wanted` is filled with what must be read before the answer can be believed."""
    resolver = _Resolver(desired, schema, state, live, wanted, recreate_missing)
    for address in desired:
        resolver.address(address)
    resolver.refuse_shared()
    resolver.refuse_contradictions()
    resolver.check_links()
    return Resolution(
        resolver.ids,
        frozenset(resolver.adopted),
        frozenset(resolver.restored),
        resolver.moved,
        resolver.blocked,
        resolver.queries,
        tuple(resolver.warnings),
        frozenset(resolver.contested),
    )


class _StuckError(Exception):
    """This resource can't go on. Never leaves the module."""

    def __init__(self, reason: str, hint: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


class _Resolver:
    def __init__(
        self,
        desired: Mapping[Address, Desired],
        schema: Schema,
        state: State,
        live: Live,
        wanted: Wanted,
        recreate_missing: bool,
    ) -> None:
        self.desired = desired
        self.schema = schema
        self.state = state
        self.live = live
        self.wanted = wanted
        self.recreate_missing = recreate_missing
        self.finder = Finder(schema, live)
        self.owner = {(b.address.kind, b.id): b.address for b in state.bindings.values()}
        self.ids: dict[Address, str] = {}
        self.adopted: set[Address] = set()
        self.restored: set[Address] = set()
        self.moved: dict[Address, Address] = {}
        self.blocked: dict[Address, Blocked] = {}
        self.queries: dict[int, str] = {}
        self.warnings: list[str] = []
        self.contested: set[RecordKey] = set()
        self.done: set[Address] = set()
        self.open: set[Address] = set()

    def address(self, address: Address) -> str | None:
        """The id of an address, None where it is to be created or blocked."""
        if address not in self.done:
            if address in self.open:
                raise _StuckError(f"its match refers to itself through {address}")
            self.open.add(address)
            try:
                self._find(self.desired[address])
            except _StuckError as stuck:
                self._block(address, stuck)
            self.open.discard(address)
            self.done.add(address)
        return self.ids.get(address)

    def _find(self, desired: Desired) -> None:
        address = desired.address
        binding = self.state.bindings.get(address)
        if desired.id is not None:
            self.ids[address] = self._present(address.kind, desired.id, "`id` names", _GONE_ID_HINT)
            if binding is None:
                self._adopt(address)
            elif binding.id != desired.id:
                self.adopted.add(address)
                self.warnings.append(f"{address}: `id` {desired.id} replaces the record it was bound to, {binding.id}")
            return
        if binding is not None:
            self._find_bound(desired, binding.id)
            return
        found = self._match(desired.query) if desired.query else None
        if found is not None:
            self.ids[address] = found
            self._adopt(address)

    def _find_bound(self, desired: Desired, id: str) -> None:
        """The record that the state names, if it is there; what is to become of it if it is not (rule I6)."""
        address = desired.address
        self._look_up(address.kind, id)
        if (address.kind, id) not in self.live.gone:
            self.ids[address] = id
        elif desired.absent:
            return
        elif not self.recreate_missing:
            raise _StuckError(f"bound to {id}, which is gone: {self.live.gone[address.kind, id]}", _GONE_HINT)
        elif id in self.live.trash.get(address.kind, {}) and KINDS[address.kind].restorable:
            self.ids[address] = id
            self.restored.add(address)
        elif desired.query is not None and (found := self._match(desired.query)) is not None:
            self.ids[address] = found  # made by hand or merged into since: no second copy of it
            self._adopt(address)

    def _adopt(self, address: Address) -> None:
        self.adopted.add(address)
        former = self.owner.get((address.kind, self.ids[address]))
        if former is not None and former not in self.desired:
            self.moved[address] = former

    def _present(self, kind: str, id: str, how: str, hint: str) -> str:
        """The id, if its record is there; asks for a read where nobody knows."""
        self._look_up(kind, id)
        if known := self.live.gone.get((kind, id)):
            raise _StuckError(f"{how} {id}, which is gone: {known}", hint)
        return id

    def _look_up(self, kind: str, id: str) -> None:
        if (kind, id) in self.live.gone:
            return
        record = self.live.record(kind, id)
        if record is None:
            self.wanted.records.add((kind, id))
        elif record.fresh and id not in self.live.listed.get(kind, (id,)) and kind not in self.live.trash:
            self.wanted.trash.add(kind)

    def _match(self, query: Query) -> str | None:
        """The one record that a query hits, None for no hit (rules I2, I3)."""
        targets = {}
        for term in query.terms:
            if term.rel is not None and not term.empty:
                found = {id for target in term.targets if (id := self._target(target))}
                if not found:
                    return None  # linked to a record that is still to be made: nothing can hit
                targets[term.key] = found
        hits = self.finder.find(query, targets)
        if len(hits) > 1:
            doubtful = {(hit.kind, hit.id) for hit in hits if not hit.fresh}
            self.wanted.records |= doubtful
            self.contested.update((hit.kind, hit.id) for hit in hits)
            raise _StuckError(*_ambiguous(query, hits))
        return hits[0].id if hits else None

    def _target(self, target: Target) -> str | None:
        """The id that a ref means, None where it is still to be created."""
        if target.address is not None:
            found = self.address(target.address)
            if target.address in self.blocked and found is None:
                raise _StuckError(f"refers to {target.address}, which is blocked")
            return found
        if target.query is not None:
            return self._queried(target, target.query)
        return target.id

    def _queried(self, target: Target, query: Query) -> str:
        if id(query) not in self.queries:
            try:
                hit = self._match(query)
            except _StuckError as stuck:
                raise _StuckError(f"{target.place}: {stuck.reason}", stuck.hint) from None
            if hit is None:
                raise _StuckError(
                    f"{target.place}: no live {query.kind} matches {describe(query)}",
                    "Correct the match, or declare the record in this project.",
                )
            self.queries[id(query)] = hit
        return self.queries[id(query)]

    def refuse_shared(self) -> None:
        """Two resources on one record: the unbound one is blocked, both if neither is bound (rule I5)."""
        by_record = defaultdict(list)
        for address, id in self.ids.items():
            by_record[address.kind, id].append(address)
        for (_, id), addresses in by_record.items():
            if len(addresses) < 2:
                continue
            bound = [a for a in addresses if (b := self.state.bindings.get(a)) is not None and b.id == id]
            for address in addresses:
                if [address] == bound:
                    continue
                others = " and ".join(str(other) for other in addresses if other != address)
                reason = f"finds {id}, the record of {others}"
                self._block(address, _StuckError(reason, "Give one of them a match or an `id` that tells them apart."))

    def refuse_contradictions(self) -> None:
        """Both sides of a link, where only their ids tell that they contradict each other (rule C9)."""
        owners = {id: address for address, id in self.ids.items()}
        sides = [
            (desired.address, key, back, link)
            for desired in self.desired.values()
            for key, back in KINDS[desired.address.kind].inverse.items()
            if (link := _managed(desired, key)) is not None
        ]
        found: dict[Address, str] = {}
        for near, key, back, link in sides:
            for meant in map(self._meant, link.include):
                far = owners.get(meant) if isinstance(meant, str) else meant
                theirs = _managed(self.desired[far], back) if far else None
                if far and theirs and not {near, far} & self.blocked.keys() and self._leaves_out(theirs, near):
                    ours = f"`{key}` links {far}, whose `{back}` at {theirs.place} leaves {near} out"
                    found.setdefault(near, ours)
                    found.setdefault(far, f"`{back}` leaves {near} out, whose `{key}` at {link.place} links {far}")
        for address, reason in found.items():
            self._block(address, _StuckError(reason, "Declare the link on one side, or alike on both."))

    def _leaves_out(self, links: DesiredLinks, address: Address) -> bool:
        here = self.ids.get(address, address)
        if any(self._meant(target) == here for target in links.exclude):
            return True
        meant = [self._meant(target) for target in links.include]
        return links.exact and here not in meant and None not in meant

    def _meant(self, target: Target) -> str | Address | None:
        """As `Resolution.target`; None where a match was not resolved."""
        if target.address is not None:
            return self.ids.get(target.address, target.address)
        try:
            return self._target(target)
        except _StuckError:
            return None

    def check_links(self) -> None:
        """Block what refers to something that is blocked without an id, or is not there; until nothing changes."""
        waiting = [d for address, d in self.desired.items() if address not in self.blocked]
        blocked = -1
        while blocked != len(self.blocked):
            blocked = len(self.blocked)
            for desired in waiting:
                if desired.address in self.blocked:
                    continue
                try:
                    self._check(desired)
                except _StuckError as stuck:
                    self._block(desired.address, stuck)

    def _check(self, desired: Desired) -> None:
        if desired.absent:
            return  # it goes, and its links with it
        links = list(desired.links.values())
        for link in [*links, desired.members] if desired.members else links:
            for target in link.include:
                if target.address is not None and self.desired[target.address].absent:
                    what = f"{target.place}: refers to {target.address}, which is declared absent"
                    raise _StuckError(what, _ABSENT_HINT)
            for target in (*link.include, *link.exclude):
                self._target(target)
                if target.id is not None and link.definition.target in KINDS:
                    self._look_up(link.definition.target, target.id)
                    if known := self.live.gone.get((link.definition.target, target.id)):
                        what = f"`{link.definition.key}` names {target.id}, which is gone: {known}"
                        raise _StuckError(f"{target.place}: {what}")

    def _block(self, address: Address, stuck: _StuckError) -> None:
        self.ids.pop(address, None)
        self.adopted.discard(address)
        self.restored.discard(address)
        self.moved.pop(address, None)
        self.blocked[address] = Blocked(address, stuck.reason, stuck.hint, self.desired[address].place)


def _managed(desired: Desired, key: str) -> DesiredLinks | None:
    return None if desired.absent or key in desired.ignore_changes else desired.links.get(key)


_GONE_HINT = (
    "Restore it in Lightfield, or let --recreate-missing do so; or name the record that took its place with `id`; "
    "or let go of it with `lfsync state rm`, to find it by match or create it again."
)

_ABSENT_HINT = "Take the ref out, or the `absent: true`."

_GONE_ID_HINT = "Restore it in Lightfield; or correct the `id`, or take it out, to find the record by match."


def describe(query: Query) -> str:
    """A query in words: `$name "Acme", $account acme`."""
    return ", ".join(_describe(term) for term in query.terms)


def _describe(term: Term) -> str:
    if term.empty:
        return f"{term.key} empty"
    if term.field is not None:
        shown = VALUE_TYPES[term.field.type].text(term.sent, term.field)
        listed = shown if isinstance(shown, list) else [shown]
        return f"{term.key} {' or '.join(json.dumps(item, ensure_ascii=False) for item in listed)}"
    return f"{term.key} {', '.join(target.text for target in term.targets)}"


def title(record: Record) -> str:
    """What a person calls a record: its name or title; empty where it has neither."""
    for key in ("$name", "$title", "name", "title"):
        value = record.fields.get(key)
        if isinstance(value, dict):
            return " ".join(str(value[part]) for part in ("firstName", "lastName") if value.get(part))
        if isinstance(value, str) and value:
            return value
    return ""


def _ambiguous(query: Query, hits: list[Record]) -> tuple[str, str]:
    lines = [" ".join(filter(None, (hit.id, json.dumps(title(hit), ensure_ascii=False), hit.link))) for hit in hits]
    more = [f"and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    shown = "; ".join([*lines[:_SHOWN], *more])
    reason = f"{len(hits)} live records match {describe(query)}: {shown}"
    hint = "Name the right one with `id:`, add a field to `match` that tells them apart, or merge them in Lightfield."
    return reason, hint

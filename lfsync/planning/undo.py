"""A run of the past, as desired state that puts it back. Pure.

Undo makes an ordinary plan: fields to their old values, links reversed, created records to the trash, trashed ones out
of it. What people changed since is left alone and named (rule L3).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field, replace

from lfsync.kinds import MEMBER_KEYS, kind_of
from lfsync.knowledge.knowledge import Knowledge
from lfsync.model import (
    JSON,
    Address,
    Blocked,
    Definitions,
    Desired,
    DesiredField,
    DesiredLinks,
    Place,
    Query,
    Record,
    RelDef,
    Schema,
    Target,
    Term,
)
from lfsync.state.runs import Entry, address_of
from lfsync.state.state import Binding, State
from lfsync.values.pipelines import NEVER_SENT, live_value
from lfsync.values.table import VALUE_TYPES

BY_HAND = "Put it back by hand, if it should be."


@dataclass(slots=True)
class Reversal:
    """What puts a run back: desired state, the bindings it is planned with, and what people changed since."""

    desired: dict[Address, Desired] = field(default_factory=dict)
    bindings: dict[Address, Binding] = field(default_factory=dict)
    blocked: list[Blocked] = field(default_factory=list)


def reverse(
    entries: Iterable[Entry],
    file: str,
    schema: Schema,
    state: State,
    knowledge: Knowledge,
    members: Mapping[str, frozenset[str]],
) -> Reversal:
    """`file`: where the run is on record, for people. `knowledge` holds what is there now of each entry.

    `members`: of the lists whose members the run wrote, by id.
    """
    reversal = Reversal()
    entries = tuple(entries)
    owners = {(binding.address.kind, binding.id): binding.address for binding in state.bindings.values()}
    trashed = {e.id: address_of(e) for e in entries if e.action == "delete" and kind_of(address_of(e).kind).restorable}
    for line, entry in enumerate(entries, 2):
        written = address_of(entry)
        address = owners.get((written.kind, entry.id), written)  # it may have another key by now
        reverser = _Reverser(entry, address, Place(file, line), schema.kinds[address.kind], trashed)
        _reverse(reversal, reverser, state.bindings.get(address), knowledge, members.get(entry.id, frozenset()))
    return reversal


def _reverse(
    reversal: Reversal, reverser: _Reverser, bound: Binding | None, knowledge: Knowledge, members: frozenset[str]
) -> None:
    """Put back what one entry wrote, or leave it for what happened since. `bound`: what is bound to its address now."""
    entry, address = reverser.entry, reverser.address
    record = knowledge.record(address.kind, entry.id)
    if bound is not None and bound.id != entry.id:
        reverser.block(reversal, [f"it is {bound.id} by now, and was {entry.id}"])
    elif entry.action == "delete":
        reverser.bring_back(reversal, record)
    elif record is None:
        hidden = (address.kind, entry.id) in knowledge.forbidden
        reverser.block(reversal, [f"this key may not read {entry.id}" if hidden else f"{entry.id} is gone"])
    elif record.redacted:
        reverser.refuse(reversal, f"this key sees the metadata of {entry.id} only", BY_HAND)
    elif bound is None:
        reverser.block(reversal, [f"lfsync let go of {entry.id}"])
    elif moved := reverser.moved(record, members):
        reverser.block(reversal, moved)
    elif entry.action == "update":
        reversal.desired[address] = reverser.before()
        reversal.bindings[address] = Binding(address, entry.id, bound.generation, bound.origin, bound.written_at)
    elif bound.protect:
        reverser.refuse(reversal, f"{entry.id} is protected", "Say `protect: false` and apply, then undo.")
    else:
        reversal.desired[address] = replace(reverser.empty(), absent=True)
        reversal.bindings[address] = bound


class _Reverser:
    """Reverses one entry. `trashed`: what comes out of the trash together with it, by id."""

    def __init__(
        self, entry: Entry, address: Address, place: Place, definitions: Definitions, trashed: Mapping[str, Address]
    ) -> None:
        self.entry = entry
        self.address = address
        self.place = place
        self.definitions = definitions
        self.trashed = trashed

    def block(self, reversal: Reversal, reasons: list[str]) -> None:
        self.refuse(reversal, f"left alone, for it changed since: {'; '.join(reasons)}", BY_HAND)

    def refuse(self, reversal: Reversal, reason: str, hint: str) -> None:
        reversal.blocked.append(Blocked(self.address, reason, hint, self.place))

    def moved(self, record: Record, members: frozenset[str]) -> list[str]:
        """What is not as the run left it."""
        found = [f"`{key}`" for key, (_, after) in self.entry.fields.items() if not self._is(record, key, after)]
        for key, (added, removed) in self.entry.relationships.items():
            definition = self.definitions.relationships.get(key)
            linked = set(record.links.get(key, ()))
            if definition is None or relinked(linked, added, removed, exact=not definition.many):
                found.append(f"`{key}`")
        if self.entry.members is not None:
            _, added, removed = self.entry.members
            if relinked(members, added, removed):
                found.append("its members")
        return found

    def _is(self, record: Record, key: str, value: JSON) -> bool:
        definition = self.definitions.fields.get(key)
        if definition is None or key in NEVER_SENT:
            return definition is not None
        canonical = VALUE_TYPES[definition.type].canonical
        return canonical(live_value(record, definition, self.definitions), definition) == canonical(value, definition)

    def before(self) -> Desired:
        """The values and links as they were."""
        fields = {key: self._field(key, before) for key, (before, _) in self.entry.fields.items()}
        links = {
            key: self._links(self.definitions.relationships[key], added, removed)
            for key, (added, removed) in self.entry.relationships.items()
            if key in self.definitions.relationships
        }
        return replace(self.empty(), fields=fields, links=links, members=self._members())

    def empty(self) -> Desired:
        """The resource, with nothing managed."""
        return Desired(self.address, self.place, None, None, {}, {})

    def _field(self, key: str, value: JSON) -> DesiredField:
        definition = self.definitions.fields[key]
        if definition.words:  # as the API takes them, which may not be as it shows them (U20)
            value = VALUE_TYPES[definition.type].canonical(value, definition)
        return DesiredField(
            definition, value, VALUE_TYPES[definition.type].canonical(value, definition), None, self.place
        )

    def _links(self, definition: RelDef, added: list[str], removed: list[str]) -> DesiredLinks:
        back = [id for id in removed if id not in added]
        if not definition.many:
            return DesiredLinks(definition, True, self._targets(back[:1]), (), self.place)
        return DesiredLinks(definition, False, self._targets(back), self._targets(added), self.place)

    def _targets(self, ids: Iterable[str]) -> tuple[Target, ...]:
        return tuple(self._target(id) for id in ids)

    def _target(self, id: str) -> Target:
        address = self.trashed.get(id)
        return Target(self.place, str(address), address=address) if address else Target(self.place, id, id=id)

    def _members(self) -> DesiredLinks | None:
        if self.entry.members is None:
            return None
        kind, added, removed = self.entry.members
        return self._links(RelDef(MEMBER_KEYS[kind], "members", kind, many=True), added, removed)

    def bring_back(self, reversal: Reversal, record: Record | None) -> None:
        """Out of the trash where the API can; a list that is gone is made again."""
        if record is not None and not kind_of(self.address.kind).restorable:
            return
        entry = self.entry
        origin = entry.origin or "adopted"
        reversal.bindings[self.address] = Binding(self.address, entry.id, entry.generation, origin=origin)
        if kind_of(self.address.kind).restorable:
            reversal.desired[self.address] = self.empty()
            return
        fields = {
            key: self._field(key, entry.fields[key][0])
            for key, definition in self.definitions.fields.items()
            if not definition.read_only and key in entry.fields and entry.fields[key][0] is not None
        }
        terms = tuple(
            Term(key, field=fields[key].definition, sent=fields[key].sent)
            for key in kind_of(self.address.kind).matches[0]
            if key in fields
        )
        query = Query(self.address.kind, self.place, terms)
        reversal.desired[self.address] = replace(self.empty(), query=query, fields=fields, members=self._members())


def relinked(linked: Set[str], added: Iterable[str], removed: Iterable[str], *, exact: bool = False) -> bool:
    """Whether links are others than the run left. `exact`: it left these alone, as it does with a has-one."""
    added, removed = set(added), set(removed)
    return linked != added if exact else not linked >= added or bool(linked & (removed - added))

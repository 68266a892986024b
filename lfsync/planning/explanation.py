"""Why a plan does with one resource what it does: the plan's own comparison, key by key.

same ........ declared equals live
settled ..... the server's own form of our value, as the last apply left it (rule S5)
config ...... never applied so, or the files moved since
drift ....... somebody changed it in Lightfield since the last apply
conflict .... both (rule S4)
ignored ..... `ignore_changes`: set at create only; seed: the whole resource is (rule L1)
new ......... there is no record yet
unknown ..... the resource is blocked, or its members are not settled in the index yet
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal, TypeAlias

from lfsync.knowledge.knowledge import title
from lfsync.model import (
    JSON,
    Address,
    Change,
    DesiredField,
    DesiredLinks,
    ExplainedKey,
    Explanation,
    Place,
    Record,
    Verdict,
)
from lfsync.planning.diff import MEMBERS, Comparer, Key, KeyHashes, Sides, binding_hashes
from lfsync.planning.identity import sought_by
from lfsync.planning.planned import Planned
from lfsync.planning.uploads import with_content
from lfsync.state.state import Binding
from lfsync.values.pipelines import live_value
from lfsync.values.table import VALUE_TYPES

_FoundBy: TypeAlias = Literal["id", "state", "match"]

_NEVER: Final = "never applied"
_AS_NOW: Final = "as declared now"
_OTHERWISE: Final = "declared otherwise"
_MOVED: Final = ", and changed in Lightfield since"
_OPEN: Final = ", which Lightfield did not take"


def explain(planned: Planned, address: Address, settings_file: str) -> Explanation:
    """`planned`: a plan that took this declared resource along. `settings_file`: where `defaults` stand."""
    wish, draft = planned.desired[address], planned.draft
    binding = planned.state.bindings.get(address) or planned.state.bindings.get(
        draft.resolution.moved.get(address, address)
    )
    id = draft.resolution.ids.get(address)
    record = planned.knowledge.record(address.kind, id) if id else None
    if record is not None and wish.upload is not None:
        record = with_content(record, wish.upload)  # it was resolved by that
    change = next((each for each in planned.plan.changes if each.address == address), None)
    blocked = next((each for each in planned.plan.blocked if each.address == address), None)
    return Explanation(
        address=address,
        source=wish.place,
        found_by=_found_by(planned, address, id),
        match=sought_by(wish) or None,
        id=id or (binding.id if binding else None),
        name=title(record) if record else "",
        link=record.link if record else None,
        origin=binding.origin if binding else None,
        written_at=binding.written_at if binding else None,
        planned=change.action if change else None,
        keys=tuple(_Keys(planned, address, record, binding, settings_file, is_blocked=blocked is not None).all()),
        blocked=blocked,
        notes=(*_lifecycle(planned, address), *(_told(change) if change else ())),
    )


def explain_orphan(binding: Binding, name: str, link: str | None) -> Explanation:
    """What is bound, and declared no more."""
    note = "it is declared no more: `--prune` trashes its record, `lfsync state rm` lets go of it"
    kept = ("it is protected, so that not even --prune trashes it",) if binding.protect else ()
    return Explanation(
        address=binding.address,
        source=None,
        found_by="state",
        match=None,
        id=binding.id,
        name=name,
        link=link,
        origin=binding.origin,
        written_at=binding.written_at,
        planned=None,
        notes=(note, *kept),
    )


def _told(change: Change) -> tuple[str, ...]:
    """What the plan says beside its values."""
    return (*((f"was {change.moved_from} before",) if change.moved_from else ()), *change.warnings)


def _found_by(planned: Planned, address: Address, id: str | None) -> _FoundBy | None:
    if id is None:
        return None
    if planned.desired[address].id is not None:
        return "id"
    return "match" if address in planned.draft.resolution.adopted else "state"


def _lifecycle(planned: Planned, address: Address) -> Iterator[str]:
    wish, binding = planned.desired[address], planned.state.bindings.get(address)
    if wish.seed:
        yield "`seed`: it is made once, and never updated"
    if wish.absent:
        yield "`absent`: it should not exist"
    if wish.protect or (wish.protect is None and binding is not None and binding.protect):
        yield "`protect`: it is never trashed"


class _Keys:
    """The managed keys of one resource."""

    def __init__(
        self,
        planned: Planned,
        address: Address,
        record: Record | None,
        binding: Binding | None,
        settings_file: str,
        *,
        is_blocked: bool,
    ) -> None:
        self.planned = planned
        self.wish = planned.desired[address]
        self.record = record
        self.settings_file = settings_file
        self.is_blocked = is_blocked
        self.known: Mapping[Key, KeyHashes] = binding_hashes(binding if binding and record else None)
        draft = planned.draft
        self.comparer = Comparer(planned.desired, planned.schema, planned.state, planned.knowledge, draft.resolution)
        self.sides = self.comparer.prepared(self.wish, record) if record else Sides()
        self.causes = self._causes(binding) if record else {}

    def _causes(self, binding: Binding | None) -> dict[Key, Verdict]:
        assert self.record is not None
        last = binding if binding is not None and binding.id == self.record.id else None
        difference = self.comparer.comparison(self.wish, self.record, last)
        found: dict[Key, Verdict] = {("fields", field.key): field.cause for field in difference.fields}
        found |= {("links", link.key): link.cause for link in difference.links}
        if difference.members is not None:
            causes = {*difference.causes} - {*found.values()} or {*difference.causes}
            found[MEMBERS] = next(iter(causes)) if len(causes) == 1 else "conflict"
        return found

    def all(self) -> Iterator[ExplainedKey]:
        for key, field in self.wish.fields.items():
            yield self._explained(("fields", key), field.definition.label, *self._field(field), field.place)
        for key, links in self.wish.links.items():
            linked = self.record.links.get(key, ()) if self.record else ()
            yield self._explained(("links", key), links.definition.label, *self._links(links, linked), links.place)
        if self.wish.members is not None:
            linked = tuple(self.planned.knowledge.memberships.get(self.record.id, ())) if self.record else ()
            sides = self._links(self.wish.members, linked)
            yield self._explained(MEMBERS, "Members", *sides, self.wish.members.place)

    def _explained(self, key: Key, label: str, declared: JSON, live: JSON, place: Place) -> ExplainedKey:
        return ExplainedKey(
            key=key[1] or "members",
            label=label,
            declared=declared,
            live=live,
            last=self._last(key),
            verdict=self._verdict(key),
            source=place,
            is_default=place.file == self.settings_file,
        )

    def _field(self, field: DesiredField) -> tuple[JSON, JSON]:
        text, definition = VALUE_TYPES[field.definition.type].text, field.definition
        if self.record is None:
            return text(field.sent, definition), None
        value = live_value(self.record, definition, self.planned.schema.kinds[self.record.kind])
        return text(field.sent, definition), text(value, definition)

    def _links(self, links: DesiredLinks, linked: tuple[str, ...]) -> tuple[JSON, JSON]:
        kind = links.definition.target
        live: list[JSON] = [*sorted(self.comparer.names(kind, id) for id in linked)]
        named: list[JSON] = [target.text or str(target.place) for target in links.include]
        if links.rule is not None:
            meant = (self.planned.draft.resolution.target(target) for target in links.include)
            return [*sorted(self.comparer.names(kind, each) for each in meant)], live
        if not links.definition.many:
            return (named[0] if named else None), (live[0] if live else None)
        if links.exact:
            return named, live
        excluded: list[JSON] = [target.text or str(target.place) for target in links.exclude]
        return {"include": named, "exclude": excluded}, live

    def _last(self, key: Key) -> str:
        """What the hashes tell of the last apply: no value can be read in them (rule S2)."""
        last = self.known.get(key)
        if last is None:
            return _NEVER
        known = self.sides.declared.get(key)
        ours = _AS_NOW if key in self.sides.declared and last.declared == self._hash(known) else _OTHERWISE
        if last.live is None:
            return ours + _OPEN
        return ours + (_MOVED if self.causes.get(key) in ("drift", "conflict") else "")

    def _hash(self, value: JSON) -> str:
        return self.planned.state.hash(value)

    def _verdict(self, key: Key) -> Verdict:
        if key in self.causes:
            return self.causes[key]
        if self.wish.seed and self.record is not None:
            return "seed"
        if key[1] in self.wish.ignore_changes:
            return "ignored"
        if self.record is None:
            return "unknown" if self.is_blocked else "new"
        if key not in self.sides.declared:
            return "unknown"
        return "same" if self.sides.declared[key] == self.sides.live[key] else "settled"

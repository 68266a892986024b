"""Relationship writes: what a body may ask for, its limits, and the links that come of it (API sheet, section 7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lfsync.kinds import MEMBER_KEYS
from lfsync.model import JSON
from lfsync.sandbox.catalog import kind_row
from lfsync.sandbox.errors import bad_request, refused, unprocessable
from lfsync.sandbox.quirks import Quirks
from lfsync.sandbox.schema import End, KindSpec, RelSpec
from lfsync.sandbox.store import Link, Row, Store

CAP = 25


@dataclass(frozen=True, slots=True)
class Op:
    """One relationship's write. `clear` empties it first: a `replace`, or an `add` to a has-one."""

    rel: RelSpec
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    clear: bool = False
    replaced: bool = False

    @property
    def param(self) -> str:
        """As errors name it."""
        return f"relationships.{self.rel.key}"


# ---------------------------------------------------------------- reading a body


def for_create(kind: KindSpec, given: Mapping[str, JSON], quirks: Quirks) -> list[Op]:
    """Operations of a create: each value is an id or an array of ids."""
    ops = []
    for key, value in given.items():
        rel = _relationship(kind, key, quirks)
        ids = _ids(value, f"relationships.{key}")
        if not rel.near_many and len(ids) > 1:
            raise bad_request("invalid_type", f"{key} takes a single id.", f"relationships.{key}")
        ops.append(Op(rel, add=ids))
    return ops


def for_update(kind: KindSpec, given: Mapping[str, JSON], quirks: Quirks) -> list[Op]:
    """Operations of an update: each value is an object of `add`, `remove` or `replace`."""
    return [_operation(kind, key, value, quirks) for key, value in given.items()]


def _operation(kind: KindSpec, key: str, value: JSON, quirks: Quirks) -> Op:
    rel = _relationship(kind, key, quirks)
    param = f"relationships.{key}"
    if not isinstance(value, dict) or not value or set(value) - {"add", "remove", "replace"}:
        raise bad_request("invalid_type", f"{key} takes an object of add, remove or replace.", param)
    if "replace" in value:
        return _replace(kind, rel, value, quirks)
    if len(value) > 1 and not kind_row(kind.name).add_with_remove and quirks["add-remove-together"] == "error":
        raise bad_request("invalid_configuration", f"{key} takes add or remove, not both.", param)
    add, remove = (_ids(value.get(name, []), param) for name in ("add", "remove"))
    if not rel.near_many and len(add) > 1:
        raise bad_request("invalid_type", f"{key} takes a single id.", param)
    if set(add) & set(remove):
        raise bad_request("invalid_configuration", f"{key} can't add and remove one id.", param)
    return Op(rel, add, remove)


def _replace(kind: KindSpec, rel: RelSpec, value: Mapping[str, JSON], quirks: Quirks) -> Op:
    param = f"relationships.{rel.key}"
    if len(value) > 1:
        raise bad_request("invalid_configuration", f"{rel.key} takes replace alone.", param)
    if rel.near_many and (kind.name in ("note", "list") or quirks["replace-has-many"] == "error"):
        raise bad_request("invalid_configuration", f"{rel.key} is a has-many and takes no replace.", param)
    given = value["replace"]
    if isinstance(given, list):
        raise bad_request("invalid_type", f"replace of {rel.key} takes one id or null.", param)
    ids = () if given is None else _ids(given, param)
    if not ids and not _clearable(kind, rel, quirks):
        raise refused(quirks, 400, f"{rel.key} can't be cleared.", param)
    return Op(rel, add=ids, clear=True, replaced=True)


def _clearable(kind: KindSpec, rel: RelSpec, quirks: Quirks) -> bool:
    answer = quirks["clear-has-one"]
    if answer == "optional-only":
        return rel.key not in kind_row(kind.name).required
    return answer == "all"


def _relationship(kind: KindSpec, key: str, quirks: Quirks) -> RelSpec:
    rel = kind.relationships.get(key)
    if rel is None:
        raise bad_request("unknown_relationship", f"{kind.name} has no relationship {key!r}.", f"relationships.{key}")
    if not rel.writable:
        raise refused(quirks, 400, f"{key} is read-only here.", f"relationships.{key}")
    return rel


def _ids(value: JSON, param: str) -> tuple[str, ...]:
    """One id or several; never null (rule X5)."""
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) and item for item in items):
        raise bad_request("invalid_type", "Relationships take ids.", param)
    return tuple(dict.fromkeys(str(item) for item in items))


# ---------------------------------------------------------------- checking it


def check(store: Store, kind: KindSpec, ops: Iterable[Op], quirks: Quirks, *, id: str | None) -> None:
    """Refuses operations over the cap, on missing or inactive ids, or on the record itself. A create has no `id`."""
    ops = list(ops)
    _check_cap(store, ops, quirks, id)
    for op in ops:
        _check_ids(store, op, quirks, id)
        if id is not None:
            _check_links(store, op, quirks, id)
            _check_emptied(store, kind, op, quirks, id)


def _check_cap(store: Store, ops: list[Op], quirks: Quirks, id: str | None) -> None:
    counts = quirks["link-cap-counts"]
    if id is None and counts == "without-creates":
        return
    total = sum(len(op.add) for op in ops)
    if counts != "without-removes":
        total += sum(len(op.remove) + _cleared(store, op, id) for op in ops)
    if counts == "replace-as-two":
        total += sum(1 for op in ops if op.replaced and op.add)
    if total > CAP:
        message = f"A request may name and change {CAP} links; this one has {total}."
        raise unprocessable(message, "relationships", "relationship_write_limit_exceeded")


def _cleared(store: Store, op: Op, id: str | None) -> int:
    """The links that a `replace: null` ends: clearing a has-one that is set is a change of one link (rule X5)."""
    return len(_near(store, op.rel, id)) if id is not None and op.clear and not op.add else 0


def _check_ids(store: Store, op: Op, quirks: Quirks, id: str | None) -> None:
    for other in (*op.add, *op.remove):
        row = store.get(other)
        if row is None or row.kind != op.rel.target:
            raise bad_request("relationship_entity_missing", f"There is no {op.rel.target} {other!r}.", op.param)
        if other in op.add and row.trashed and not _accepted(row, quirks):
            raise bad_request("relationship_entity_inactive", f"{other!r} is not active.", op.param)
        if other == id:
            raise bad_request("invalid_configuration", "A record can't be linked to itself.", op.param)


def _accepted(row: Row, quirks: Quirks) -> bool:
    return row.kind == "member" and quirks["inactive-owner"] == "accepted"


def _check_links(store: Store, op: Op, quirks: Quirks, id: str) -> None:
    near, here = set(_near(store, op.rel, id)), set(current(store, op.rel, id))
    if quirks["duplicate-link"] == "error" and not op.replaced:
        for other in op.add:  # a link back is another link
            if other in near:
                raise refused(quirks, 409, f"{other!r} is linked already.", op.param)
        for other in op.remove:
            if other not in here:
                raise refused(quirks, 409, f"{other!r} is not linked.", op.param)
    occupied = not op.rel.near_many and not op.replaced and near - {*op.add, *op.remove}
    if op.add and occupied and quirks["add-on-occupied"] == "error":
        raise refused(quirks, 409, f"{op.rel.key} holds another id; replace it.", op.param)


def _check_emptied(store: Store, kind: KindSpec, op: Op, quirks: Quirks, id: str) -> None:
    """Taking the one link of a required has-one away is the same question as `replace: null` (U13, rule X5)."""
    required = not op.rel.near_many and op.rel.key in kind_row(kind.name).required
    emptied = op.remove and not op.add and set(_near(store, op.rel, id)) <= set(op.remove)
    if required and emptied and not _clearable(kind, op.rel, quirks):
        raise refused(quirks, 400, f"{op.rel.key} can't be cleared.", op.param)


def members_key(object_type: JSON) -> str:
    """The relationship key of a list's members, by its stored `$objectType`."""
    return MEMBER_KEYS[str(object_type).strip("$")]


def check_membership(ops: Iterable[Op], object_type: JSON, quirks: Quirks) -> None:
    """Refuses members of another type than the list's."""
    expected = members_key(object_type)
    for op in ops:
        if op.rel.key != expected:
            raise refused(quirks, 400, f"This list takes {expected}.", op.param)


# ---------------------------------------------------------------- doing it


def current(store: Store, rel: RelSpec, id: str) -> list[str]:
    """The ids that a relationship shows now, merged over its ends."""
    return list(dict.fromkeys(other for end in rel.ends for other in store.linked(end.edge, id, source=end.source)))


def _near(store: Store, rel: RelSpec, id: str) -> list[str]:
    """The ids on the end that writes go to: of a kind with itself, those that this record points at."""
    return store.linked(rel.ends[0].edge, id, source=rel.ends[0].source)


def apply(store: Store, id: str, ops: Iterable[Op]) -> bool:
    """Makes and ends links; True if any changed. A side that takes one link lets go of its old one."""
    changed = False
    for op in ops:
        near = _near(store, op.rel, id)
        here = current(store, op.rel, id)
        gone = set(op.remove)
        if op.clear or (op.add and not op.rel.near_many):
            gone |= set(here if op.rel.near_many else near) - set(op.add)
        ended = [other for other in here if other in gone]
        made = [other for other in op.add if other not in near]
        # A link that goes both ways loses the way that this record writes; the other is the other record's.
        _unlink(store, op.rel.ends[:1], id, [other for other in ended if other in near])
        _unlink(store, op.rel.ends, id, [other for other in ended if other not in near])
        _link(store, op.rel, id, made)
        changed = changed or bool(ended or made)
    return changed


def _unlink(store: Store, ends: Iterable[End], id: str, others: Iterable[str]) -> None:
    for other in others:
        for end in ends:
            store.unlink(Link(end.edge, id, other) if end.source else Link(end.edge, other, id))


def _link(store: Store, rel: RelSpec, id: str, others: Iterable[str]) -> None:
    end = rel.ends[0]
    for other in others:
        if not rel.far_many:
            for holder in store.linked(end.edge, other, source=not end.source):
                store.unlink(Link(end.edge, holder, other) if end.source else Link(end.edge, other, holder))
        src, dst = (id, other) if end.source else (other, id)
        store.link(end.edge, src, dst)

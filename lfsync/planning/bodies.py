"""A change as request bodies. Pure.

At most 25 ids and 25 link changes in one request, counted over the whole body (API sheet, sections 7 and 13); a
has-one that is replaced counts as two (U31). A has-one is written with `replace`, a has-many with `add` and `remove`,
apart where the API does not document them together (U12).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from lfsync.kinds import MEMBER_KEYS, kind_of
from lfsync.model import JSON, Desired, FieldChange, LinkChange, MembersChange, RelDef
from lfsync.values.pipelines import NEVER_SENT

LIMIT = 25

Operation: TypeAlias = Literal["add", "remove", "replace"]


@dataclass(frozen=True, slots=True)
class LinkWrite:
    """One link to change: `key` as the request names it. `id` is None where a has-one is cleared."""

    key: str
    operation: Operation
    id: str | None
    many: bool

    @property
    def weight(self) -> int:
        return 2 if self.operation == "replace" else 1


@dataclass(slots=True)
class Body:
    """One request."""

    fields: dict[str, JSON] = field(default_factory=dict)
    links: list[LinkWrite] = field(default_factory=list)

    def for_create(self) -> dict[str, JSON]:
        relationships: dict[str, JSON] = {}
        for link in self.links:
            if link.many:
                ids = relationships.setdefault(link.key, [])
                assert isinstance(ids, list)
                ids.append(link.id)
            else:
                relationships[link.key] = link.id
        body: dict[str, JSON] = {"fields": self.fields}
        return body | ({"relationships": relationships} if relationships else {})

    def for_update(self) -> dict[str, JSON]:
        relationships: dict[str, JSON] = {}
        for link in self.links:
            if link.operation == "replace":
                relationships[link.key] = {"replace": link.id}
                continue
            operations = relationships.setdefault(link.key, {})
            assert isinstance(operations, dict)
            ids = operations.setdefault(link.operation, [])
            assert isinstance(ids, list)
            ids.append(link.id)
        body: dict[str, JSON] = {"fields": self.fields} if self.fields else {}
        return body | ({"relationships": relationships} if relationships else {})


def fields_of(kind: str, changes: Iterable[FieldChange]) -> dict[str, JSON]:
    """The field values to send. A pipeline follows from its stage, which is sent by id (API sheet, section 6)."""
    emptied = kind_of(kind).never_null
    return {
        change.key: [] if change.after_raw is None and change.key in emptied else change.after_raw
        for change in changes
        if change.key not in NEVER_SENT
    }


def create_links(desired: Desired, links: Mapping[str, Iterable[str]], members: Iterable[str]) -> list[LinkWrite]:
    """Links of a create; required ones first, so that they go with the first request."""
    required = kind_of(desired.address.kind).required
    writes = [
        LinkWrite(key, "add", id, desired.links[key].definition.many)
        for key in sorted(links, key=lambda key: (key not in required, desired.links[key].definition.many, key))
        for id in links[key]
    ]
    return writes + [LinkWrite(_member_key(desired), "add", id, True) for id in members]


def update_links(definition: RelDef, add: Iterable[str], remove: Iterable[str]) -> list[LinkWrite]:
    """Links of an update: removals first, so that nothing is ever over a limit of the server's."""
    add = list(add)
    if not definition.many:
        return [LinkWrite(definition.key, "replace", add[0] if add else None, False)]
    removed = [LinkWrite(definition.key, "remove", id, True) for id in remove]
    return removed + [LinkWrite(definition.key, "add", id, True) for id in add]


def member_links(desired: Desired, add: Iterable[str], remove: Iterable[str]) -> list[LinkWrite]:
    """Membership changes of a list."""
    key = _member_key(desired)
    removed = [LinkWrite(key, "remove", id, True) for id in remove]
    return removed + [LinkWrite(key, "add", id, True) for id in add]


def bodies(kind: str, fields: Mapping[str, JSON], links: Iterable[LinkWrite], *, create: bool = False) -> list[Body]:
    """As few requests as the limits allow; none where there is nothing to write.

    The first one of a `create` carries no field that only an update may set: the one after it does.
    """
    together = kind_of(kind).add_with_remove
    later = kind_of(kind).update_only if create else frozenset[str]()
    found = [Body(links=chunk) for chunk in _chunks(links, together)]
    parts = [{k: v for k, v in fields.items() if (k in later) == is_later} for is_later in (False, True)]
    for number, part in enumerate(parts):
        if part:
            found += [Body() for _ in range(number + 1 - len(found))]
            found[number].fields = part
    return found


def count(
    kind: str,
    create: bool,
    fields: Iterable[FieldChange],
    links: Iterable[LinkChange],
    members: MembersChange | None,
    many: Callable[[str], bool],
) -> int:
    """How many requests a change takes, before its ids are known."""
    writes: list[LinkWrite] = []
    for link in links:
        definition = RelDef(link.key, "", "", many(link.key))
        if create:
            writes += [LinkWrite(link.key, "add", id, definition.many) for id in link.add]
        else:
            writes += update_links(definition, link.add, link.remove)
    if members is not None:
        writes += [LinkWrite("members", "remove", id, True) for id in members.remove]
        writes += [LinkWrite("members", "add", id, True) for id in members.add]
    return max(len(bodies(kind, fields_of(kind, fields), writes, create=create)), 1)


def _chunks(links: Iterable[LinkWrite], together: bool) -> Iterator[list[LinkWrite]]:
    chunk: list[LinkWrite] = []
    weight = 0
    for link in links:
        clash = not together and any(o.key == link.key and o.operation != link.operation for o in chunk)
        if chunk and (weight + link.weight > LIMIT or clash):
            yield chunk
            chunk, weight = [], 0
        chunk.append(link)
        weight += link.weight
    if chunk:
        yield chunk


def _member_key(desired: Desired) -> str:
    assert desired.members is not None
    return MEMBER_KEYS[desired.members.definition.target]

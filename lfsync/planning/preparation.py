"""What every step of preparation knows: the declared resources, the definitions, the members. Pure.

Problems are collected here, so that all of a project's are reported at once (rule C2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeAlias

from lfsync.errors import Problem
from lfsync.kinds import KINDS, is_among, is_kind, kind_of
from lfsync.model import (
    JSON,
    Address,
    Cell,
    Definitions,
    DesiredField,
    FieldDef,
    Member,
    Place,
    Ref,
    Resource,
    Schema,
    Value,
)
from lfsync.planning.definitions import builtin_definitions
from lfsync.planning.far_sides import other_sides
from lfsync.project.keys import named
from lfsync.values.selects import AmbiguousOptionError
from lfsync.values.table import VALUE_TYPES, BadValueError
from lfsync.wording import folded, nearest

_SELECTS = ("SINGLE_SELECT", "MULTI_SELECT")

_CacheKey: TypeAlias = tuple[str, str, tuple[str, ...]]


class Scope:
    """`complete`: the schema is the workspace's own; else it holds what is documented, and the rest is passed over.

    `members` are by id and by e-mail without case, `keys` are the keys of each kind's resources. `faulty` are the parts
    of sources (place, part, key) that were told of as such, and are not to be told of again for each row (rule C15).
    """

    def __init__(self, resources: Mapping[Address, Resource], schema: Schema, complete: bool) -> None:
        self.resources = resources
        self.schema = schema
        self.complete = complete
        self.problems: list[Problem] = []
        self.members: dict[str, Member] = {}
        for member in schema.members:
            self.members[member.id] = member
            self.members[folded(member.email)] = member
        self.faulty: set[tuple[Place, str, str]] = set()
        self._cells: dict[Address, tuple[str, Place]] = {}
        self._definitions: dict[str, Definitions | None] = {}
        self._typed: dict[_CacheKey, DesiredField] = {}

    def definitions(self, kind: str) -> Definitions | None:
        """What is known of a kind; None for one that lfsync doesn't manage, or that the workspace doesn't have."""
        if kind not in self._definitions:
            found = self.schema.kinds.get(kind)
            partly = not self.complete or kind in KINDS or is_among(kind, self.schema.unread)
            documented = found is None and is_kind(kind) and partly
            found = builtin_definitions(kind) if documented else found
            self._definitions[kind] = found and self._with_both_sides(found)
        return self._definitions[kind]

    def _with_both_sides(self, definitions: Definitions) -> Definitions:
        """Those of its relationships exclusive, too, that the other kind's definitions show as such: they hold one."""
        kind = definitions.kind
        relationships = {
            key: replace(rel, exclusive=True) if any(not b.many for b in other_sides(self.schema, kind, rel)) else rel
            for key, rel in definitions.relationships.items()
        }
        return replace(definitions, relationships=relationships)

    def knows_all(self, kind: str) -> bool:
        """Whether what the definitions of a kind don't list can't be there."""
        return (self.complete and kind in self.schema.kinds) or not kind_of(kind).custom_fields

    def is_faulty(self, resource: Resource, part: str, key: str) -> bool:
        """Whether what a row has here was told of as a mistake of its source."""
        return bool(self.faulty) and resource.row is not None and (resource.row.source, part, key) in self.faulty

    def named(self, kind: str, ref: Ref, by: Address) -> Address | None:
        """The resource of this project that a ref of `by` names. Two different cells must not name one (rule C4)."""
        address = named(self.resources, kind, ref.text)
        if address is None or not isinstance(ref.text, Cell):
            return address
        row = self.resources[address].row
        own = (row.cell, self.resources[address].place) if row else (str(ref.text), ref.place)
        cell, place = self._cells.setdefault(address, own)
        if cell != ref.text:
            message = f"`{ref.text}` gives the same key as `{cell}` at {place}, and they are not the same text"
            self.report(ref.place, by, message, f"write `{address.key}` if it is meant, else give it another key")
        return address

    def keys(self, kind: str) -> list[str]:
        """The keys of a kind's resources."""
        return [address.key for address in self.resources if address.kind == kind]

    def report(self, place: Place, address: Address | None, message: str, hint: str | None = None) -> None:
        """Add a problem."""
        self.problems.append(Problem(message, place, None if address is None else str(address), hint))

    def unknown_field(self, place: Place, address: Address, definitions: Definitions, key: str) -> None:
        """Report a key that is no field; the nearest one is suggested, by key or label."""
        labels = ((field.key, field.label) for field in definitions.fields.values() if not field.read_only)
        misplaced = key in definitions.relationships and "it is a relationship: write it below `relationships`"
        message = f"{definitions.kind} has no field `{key}`"
        self.report(place, address, message, misplaced or suggestion(key, labels))

    def unknown_relationship(self, place: Place, address: Address, definitions: Definitions, key: str) -> None:
        """Report a key that is no relationship; the nearest one is suggested, by key or label."""
        labels = ((rel.key, rel.label) for rel in definitions.relationships.values() if rel.writable)
        misplaced = key in definitions.fields and "it is a field: write it below `fields`"
        message = f"{definitions.kind} has no relationship `{key}`"
        self.report(place, address, message, misplaced or suggestion(key, labels))

    def typed(
        self,
        address: Address,
        definitions: Definitions,
        definition: FieldDef,
        value: Value,
        narrowed: FieldDef | None = None,
    ) -> DesiredField | None:
        """The typed value; None if it was reported, or can't be judged without the workspace's options.

        `narrowed` is the definition with the options that a dependent select has under the declared parent.
        """
        is_select = definition.type in _SELECTS
        if is_select and not (self.knows_all(definitions.kind) or definition.options or definition.words):
            return None
        data = value.data
        key = _cache_key(definitions, definition, data) if is_select and narrowed is None else None
        if key is not None and (known := self._typed.get(key)) is not None:
            return known._replace(declared=data, place=value.place)
        row = VALUE_TYPES.get(definition.type)
        if row is None:
            message = f"`{definition.key}` is a {definition.type}, a type that this version doesn't know"
            self.report(value.place, address, message, "take the field out")
            return None
        try:
            sent = row.parse(data, narrowed or definition)
        except BadValueError as error:
            hint = _pipelines(definitions, definition, error) or error.hint
            self.report(value.place, address, f"`{definition.key}`: {error.message}", hint)
            return None
        typed = DesiredField(definition, sent, row.canonical(sent, definition, data), data, value.place)
        if key is not None:
            self._typed[key] = typed
        return typed


def _cache_key(definitions: Definitions, definition: FieldDef, data: JSON) -> _CacheKey | None:
    """By what the options that a file names are remembered: the same few are named in thousands of rows."""
    named = data if isinstance(data, list) else [data]
    texts = tuple(item for item in named if isinstance(item, str))
    return (definitions.kind, definition.key, texts) if len(texts) == len(named) else None


def quoted(words: Iterable[str]) -> str:
    """Words for a message: "`a`, `b`"."""
    return ", ".join(f"`{word}`" for word in words)


def suggestion(key: str, labelled: Iterable[tuple[str, str]]) -> str | None:
    """The known key that is nearest to one that nobody knows, for a hint; `labelled` are (key, label)."""
    by_name: dict[str, str] = {}
    for known, label in labelled:
        by_name.setdefault(label, known)
        by_name[known] = known
    found = nearest(key, by_name)
    return f"did you mean `{by_name[found]}`?" if found else None


def _pipelines(definitions: Definitions, definition: FieldDef, error: BadValueError) -> str | None:
    """The way out where a label stands below several parents: name the parent as well."""
    parent = definitions.fields.get(definition.parent_field or "")
    if parent is None or not isinstance(error, AmbiguousOptionError):
        return None
    labels = {option.id: option.label for option in parent.options}
    owners = [f"{option.id} in `{labels.get(option.parent or '', option.parent)}`" for option in error.options]
    return f"add `{parent.key}` to say which: {', '.join(owners)}"

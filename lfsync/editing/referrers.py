"""Who refers to a resource by its key. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping

from lfsync.editing.repasting import texts_of
from lfsync.kinds import kind_of
from lfsync.model import Address, Place, Ref, Resource, Schema, Value
from lfsync.project.keys import named


def referrer(
    address: Address, resources: Mapping[Address, Resource], without: Container[Address], schema: Schema
) -> tuple[Address, Place] | None:
    """A resource that names `address` in a link, as a member or in its match, and where; none of `without`."""
    for other, resource in resources.items():
        if other in without:
            continue
        for target, ref in _refs(resource, schema):
            if target == address.kind and ref.match is None and named({address}, target, ref.text):
                return other, ref.place
        for kind, key, value in _values(resource):
            if _target(schema, kind, key) == address.kind and address.key in texts_of(value.data):
                return other, value.place
    return None


def _values(resource: Resource) -> Iterator[tuple[str, str, Value]]:
    """(kind, key, value) of what its match looks for, and what a rule asks of the members of a list."""
    for key, value in ((resource.match.values if resource.match else None) or {}).items():
        yield resource.address.kind, key, value
    for key, value in ((resource.members.where if resource.members else None) or {}).items():
        yield _held(resource), key, value


def _held(resource: Resource) -> str:
    """The kind that a list holds."""
    kind = resource.fields.get("$objectType")
    return str(kind.data).removeprefix("$") if kind else ""


def _refs(resource: Resource, schema: Schema) -> Iterator[tuple[str | None, Ref]]:
    """Every ref of a resource, with the kind that it must be of."""
    for key, links in resource.relationships.items():
        target = _target(schema, resource.address.kind, key)
        yield from ((target, ref) for ref in (*links.include, *links.exclude))
    if resource.members:
        target = _held(resource) or None
        yield from ((target, ref) for ref in (*resource.members.include, *resource.members.exclude))


def _target(schema: Schema, kind: str, key: str) -> str | None:
    definitions = schema.kinds.get(kind)
    rel = definitions.relationships.get(key) if definitions else kind_of(kind).relationships.get(key)
    return rel.target if rel else None

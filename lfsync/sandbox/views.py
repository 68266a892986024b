"""Stored rows as the API shows them (API sheet, sections 2.2 and 4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lfsync.model import JSON
from lfsync.sandbox import derived, privacy
from lfsync.sandbox.catalog import kind_row
from lfsync.sandbox.forms import iso
from lfsync.sandbox.privacy import Caller
from lfsync.sandbox.quirks import Quirks
from lfsync.sandbox.schema import End, FieldSpec, KindSpec, RelSpec, Schema, cardinality, value_type
from lfsync.sandbox.store import FOREVER, Link, Row, Store

NOW = FOREVER - 1
WEB = "https://crm.example.invalid"

_MEMBER_TYPES = {"$email": "EMAIL", "$name": "FULL_NAME", "$profileImage": "URL", "$role": "TEXT"}


@dataclass(frozen=True, slots=True)
class Views:
    """Shows the rows of one workspace to one caller."""

    store: Store
    schema: Schema
    quirks: Quirks
    caller: Caller

    def one(self, row: Row) -> JSON:
        """A record as it is now, with the links that follow from what this request wrote."""
        derived.settle(self.store)
        return self.several([row], NOW)[0]

    def several(self, rows: Sequence[Row], at: int) -> list[JSON]:
        """Records of one kind with their links as they were then."""
        if not rows:
            return []
        if rows[0].kind == "member":
            return [_member(row) for row in rows]
        if rows[0].kind == "list":
            return [self._list(row) for row in rows]
        links = self._links(rows, at)
        return [self._record(row, links) for row in rows]

    def _record(self, row: Row, links: dict[tuple[str, End], list[str]]) -> JSON:
        kind = self.schema.kinds[row.kind]
        updated = row.updated
        if updated is None and self.quirks["updated-at-on-create"] == "created":
            updated = row.created
        fields = self._fields(kind, row)
        relationships = {key: self._relationship(rel, row, links) for key, rel in kind.relationships.items()}
        shown: dict[str, JSON] = {
            "id": row.id,
            "createdAt": iso(row.created),
            "updatedAt": None if updated is None else iso(updated),
            "httpLink": _link(row),
            "fields": fields,
            "relationships": relationships,
        }
        if row.kind == "meeting":
            shown.update(self._access(row, fields, relationships))
        if self.quirks["external-id"] == "present":
            shown["externalId"] = None
        return shown

    def _access(self, row: Row, fields: dict[str, JSON], relationships: dict[str, JSON]) -> dict[str, JSON]:
        """The extras of a meeting, whose texts go where the caller's access level is METADATA."""
        full = privacy.full(self.store, self.caller, row)
        if not full:
            privacy.redact(fields, relationships, self.quirks)
        return {"objectType": "meeting", "accessLevel": "FULL" if full else "METADATA"}

    def _fields(self, kind: KindSpec, row: Row) -> dict[str, JSON]:
        skip_unset = self.quirks["unset-fields"] == "absent"
        shown: dict[str, JSON] = {}
        for key, spec in kind.fields.items():
            value = row.fields.get(key) if spec.stored else self._pipeline(kind, row)
            if value is not None or (spec.stored and not skip_unset):
                shown[key] = {"value": value, "valueType": value_type(spec, self.quirks)}
        return shown

    def _pipeline(self, kind: KindSpec, row: Row) -> str | None:
        """The pipeline follows from the stage; whether it is shown is an open question (U21)."""
        if self.quirks["pipeline-on-read"] == "absent":
            return None
        owners = {option.id: option.parent for option in kind.fields["$stage"].options}
        return owners.get(str(row.fields.get("$stage")))

    def _relationship(self, rel: RelSpec, row: Row, links: dict[tuple[str, End], list[str]]) -> JSON:
        merged = dict.fromkeys(other for end in rel.ends for other in links.get((row.id, end), ()))
        shown: dict[str, JSON] = {
            "cardinality": self._cardinality(rel.many),
            "objectType": rel.target,
            "values": list(merged),
        }
        if rel.as_source and rel.as_destination:
            ways = zip(("asSource", "asDestination"), (rel.as_source, rel.as_destination), rel.ends, strict=True)
            shown["directions"] = {
                name: {"cardinality": cardinality(way.many), "values": list(links.get((row.id, end), ()))}
                for name, way, end in ways
            }
        return shown

    def _cardinality(self, many: bool) -> str:
        word = cardinality(many)
        return word.lower() if self.quirks["cardinality-case"] == "lower" else word

    def _links(self, rows: Iterable[Row], at: int) -> dict[tuple[str, End], list[str]]:
        ids = {row.id for row in rows}
        found = self.store.links(ids, at)
        if self.quirks["trashed-links"] == "drop":
            gone = self.store.trashed_of({end for link in found for end in (link.src, link.dst)})
            found = [link for link in found if not _hangs(link, gone, ids)]
        by_end: dict[tuple[str, End], list[str]] = {}
        for link in found:
            by_end.setdefault((link.src, End(link.edge, source=True)), []).append(link.dst)
            by_end.setdefault((link.dst, End(link.edge, source=False)), []).append(link.src)
        return {key: self._ordered(values) for key, values in by_end.items()}

    def _ordered(self, ids: list[str]) -> list[str]:
        order = self.quirks["link-order"]
        if order == "by-id":
            return sorted(ids)
        return ids[::-1] if order == "newest-first" else ids

    def _list(self, row: Row) -> JSON:
        fields: dict[str, JSON] = {}
        for key, spec in self.schema.kinds["list"].fields.items():
            value = row.fields.get(key)
            if value is not None or self.quirks["unset-fields"] == "present":
                fields[key] = {"value": self._list_value(spec, value), "valueType": spec.type}
        return {"id": row.id, "createdAt": iso(row.created), "httpLink": _link(row), "fields": fields}

    def _list_value(self, spec: FieldSpec, value: JSON) -> JSON:
        bare = spec.key == "$objectType" and self.quirks["list-object-type"] == "bare"
        return str(value).strip("$") if bare else value


def _hangs(link: Link, gone: set[str], shown: set[str]) -> bool:
    """A link from a shown record to a trashed one. The trashed record itself still shows its links."""
    return (link.src in gone and link.dst in shown) or (link.dst in gone and link.src in shown)


def _link(row: Row) -> str:
    return f"{WEB}/{kind_row(row.kind).section}/{row.id}"


def _member(row: Row) -> JSON:
    return {
        "id": row.id,
        "createdAt": iso(row.created),
        "updatedAt": None,
        "httpLink": None,
        "fields": {key: {"value": row.fields.get(key), "valueType": kind} for key, kind in _MEMBER_TYPES.items()},
        "relationships": {"$user": {"cardinality": "HAS_ONE", "objectType": "user", "values": [row.fields["user"]]}},
    }

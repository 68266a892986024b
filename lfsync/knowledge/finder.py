"""Finds live records by a query: what a match hits, on full records, never by a filter's word (rules I2, I3). Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from lfsync.knowledge.knowledge import Live
from lfsync.model import JSON, FieldDef, Query, Record, Schema, Term
from lfsync.values.pipelines import live_value
from lfsync.values.table import VALUE_TYPES
from lfsync.values.valuetype import match_keys


class Finder:
    """Finds records by a query, through an index of its first field term."""

    def __init__(self, schema: Schema, live: Live) -> None:
        self.schema = schema
        self.live = live
        self._indexes: dict[tuple[str, str], dict[str, list[Record]]] = {}

    def find(self, query: Query, targets: Mapping[str, set[str]]) -> list[Record]:
        """Every known record that fulfils all terms, in order of id. `targets`: ids by relationship key."""
        hits = [r for r in self._candidates(query) if all(self.holds(t, r, targets) for t in query.terms)]
        return sorted(hits, key=lambda record: record.id)

    def holds(self, term: Term, record: Record, targets: Mapping[str, set[str]]) -> bool:
        if term.rel is not None:
            linked = record.links.get(term.key, ())
            return not linked if term.empty else not targets[term.key].isdisjoint(linked)
        assert term.field is not None
        live = self._identities(term.field, record)
        return not live if term.empty else not live.isdisjoint(_identities(term.field, term.sent))

    def add(self, record: Record) -> None:
        """Take in a record that was made since."""
        self.live.add(record)
        for (kind, key), index in self._indexes.items():
            if kind == record.kind:
                for identity in self._identities(self.schema.kinds[kind].fields[key], record):
                    index[identity].append(record)

    def _candidates(self, query: Query) -> Iterable[Record]:
        for term in query.terms:
            if term.field is not None and not term.empty:
                index = self._index(query.kind, term.field)
                found: dict[str, Record] = {}
                for identity in _identities(term.field, term.sent):
                    found.update((record.id, record) for record in index.get(identity, ()))
                return found.values()
        return self.live.of_kind(query.kind)

    def _index(self, kind: str, field: FieldDef) -> dict[str, list[Record]]:
        if (kind, field.key) not in self._indexes:
            index: dict[str, list[Record]] = defaultdict(list)
            for record in self.live.of_kind(kind):
                for identity in self._identities(field, record):
                    index[identity].append(record)
            self._indexes[kind, field.key] = index
        return self._indexes[kind, field.key]

    def _identities(self, field: FieldDef, record: Record) -> frozenset[str]:
        return _identities(field, live_value(record, field, self.schema.kinds[record.kind]))


def _identities(field: FieldDef, value: JSON) -> frozenset[str]:
    return match_keys(VALUE_TYPES[field.type].canonical(value, field))

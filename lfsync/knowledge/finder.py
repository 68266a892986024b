"""Finds live records by a query: what a match hits, on full records, never by a filter's word (rules I2, I3). Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from lfsync.model import JSON, FieldDef, Query, Record, Schema, Term
from lfsync.values.pipelines import live_value
from lfsync.values.table import VALUE_TYPES
from lfsync.values.valuetype import match_keys

MASKABLE = ("TEXT", "MARKDOWN")  # what a key sees of these may be a mask
_HIDDEN = ""  # no value of a match is empty


class Finder:
    """Finds records among `records` and those that are added.

    A record is looked up by the part of a query that the fewest share: of a thousand tasks of one title, each with an
    account of its own, a query looks at one (rule R6).
    """

    def __init__(self, schema: Schema, records: Mapping[str, Iterable[Record]]) -> None:
        self.schema = schema
        self._records = {kind: {record.id: record for record in each} for kind, each in records.items()}
        self._indexes: dict[tuple[str, str], dict[str, list[Record]]] = {}
        self._redacted: dict[str, dict[str, Record]] = defaultdict(dict)
        for record in (record for each in self._records.values() for record in each.values() if record.redacted):
            self._redacted[record.kind][record.id] = record

    def find(self, query: Query, targets: Mapping[str, set[str]]) -> list[Record]:
        """Every record that fulfils all terms, in order of id. `targets`: ids by relationship key."""
        candidates = self._candidates(query, targets)
        hits = [r for r in candidates if all(self.holds(t, r, targets) for t in query.terms)]
        return sorted(hits, key=lambda record: record.id)

    def may_be(self, query: Query, targets: Mapping[str, set[str]]) -> list[Record]:
        """Redacted records that fulfil a query for all that is visible of them, and are no hit (rule I9)."""
        redacted = self._visible(query, targets) if query.kind in self._redacted else ()
        may = [r for r in redacted if all(self.holds(t, r, targets) or self._hides(t, r) for t in query.terms)]
        hits = [r for r in may if all(self.holds(t, r, targets) for t in query.terms)]
        return sorted((record for record in may if record not in hits), key=lambda record: record.id)

    def holds(self, term: Term, record: Record, targets: Mapping[str, set[str]]) -> bool:
        """Whether a record fulfils a term, by what it shows: what is empty in a redacted one may be hidden."""
        if term.empty and record.redacted:
            return False
        if term.rel is not None:
            linked = record.links.get(term.key, ())
            return not linked if term.empty else not targets[term.key].isdisjoint(linked)
        assert term.field is not None
        live = self._identities(term.field, record)
        return not live if term.empty else not live.isdisjoint(_identities(term.field, term.sent))

    def _hides(self, term: Term, record: Record) -> bool:
        """Whether a redacted record may hold another value than it shows: it shows none, or a text."""
        if term.rel is not None:
            return not record.links.get(term.key)
        assert term.field is not None
        return term.field.type in MASKABLE or not self._identities(term.field, record)

    def add(self, record: Record) -> None:
        """Take in a record, or what it has become."""
        self._records.setdefault(record.kind, {})[record.id] = record
        if record.redacted:
            self._redacted[record.kind][record.id] = record
        else:
            self._redacted[record.kind].pop(record.id, None)
        for (kind, key), index in self._indexes.items():
            if kind == record.kind:
                for identity in self._values(kind, key, record):
                    index[identity].append(record)

    def _candidates(self, query: Query, targets: Mapping[str, set[str]]) -> Iterable[Record]:
        known = self._records.get(query.kind, {})
        best: list[Record] | None = None
        for term in query.terms:
            if term.empty:
                continue
            index = self._index(query.kind, term.key)
            wanted = targets[term.key] if term.rel is not None else _identities(_field(term), term.sent)
            found = [record for value in wanted for record in index.get(value, ())]
            if best is None or len(found) < len(best):
                best = found
        # A record may stand in an index as it was before.
        return known.values() if best is None else {record.id: known[record.id] for record in best}.values()

    def _visible(self, query: Query, targets: Mapping[str, set[str]]) -> Iterable[Record]:
        """Redacted records whose value of one part that can't be masked fits, or is not shown."""
        redacted = self._redacted[query.kind]
        for term in query.terms:
            if not term.empty and (term.field is None or term.field.type not in MASKABLE):
                index = self._index(query.kind, term.key)
                wanted = targets[term.key] if term.rel is not None else _identities(_field(term), term.sent)
                found = {record.id for value in (*wanted, _HIDDEN) for record in index.get(value, ())}
                return [redacted[id] for id in sorted(found & redacted.keys())]
        return redacted.values()

    def _index(self, kind: str, key: str) -> dict[str, list[Record]]:
        if (kind, key) not in self._indexes:
            index: dict[str, list[Record]] = defaultdict(list)
            for record in self._records.get(kind, {}).values():
                for value in self._values(kind, key, record):
                    index[value].append(record)
            self._indexes[kind, key] = index
        return self._indexes[kind, key]

    def _values(self, kind: str, key: str, record: Record) -> Iterable[str]:
        field = self.schema.kinds[kind].fields.get(key)
        values: Iterable[str] = record.links.get(key, ()) if field is None else self._identities(field, record)
        return values if values or not record.redacted else (_HIDDEN,)

    def _identities(self, field: FieldDef, record: Record) -> frozenset[str]:
        return _identities(field, live_value(record, field, self.schema.kinds[record.kind]))


def _field(term: Term) -> FieldDef:
    assert term.field is not None
    return term.field


def _identities(field: FieldDef, value: JSON) -> frozenset[str]:
    return match_keys(VALUE_TYPES[field.type].canonical(value, field))

"""One emulated workspace: its store, schema and quirks, and the few ways in which records change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from lfsync.model import JSON
from lfsync.sandbox import privacy, rules
from lfsync.sandbox.catalog import kind_row
from lfsync.sandbox.errors import FaultError, not_found
from lfsync.sandbox.privacy import Caller
from lfsync.sandbox.quirks import Quirks
from lfsync.sandbox.schema import KindSpec, Schema
from lfsync.sandbox.store import FOREVER, Row, Store
from lfsync.sandbox.views import Views

ID_PREFIXES = {"task": "tsk_", "note": "note_", "list": "lst_", "member": "mem_", "meeting": "mtg_", "file": "fil_"}
OBJECT_PREFIX = "obj_"
NOW = FOREVER - 1


@dataclass(frozen=True, slots=True)
class Workspace:
    """`index_lag` and `workflow_latency` are in milliseconds.

    `caller` is whose key it is, `plain` who has a key without admin rights.
    """

    store: Store
    schema: Schema
    quirks: Quirks
    index_lag: int
    caller: Caller
    plain: str | None = None
    workflow_latency: int = 0

    @property
    def acting(self) -> str | None:
        """The member whose key it is, if there is one."""
        return self.caller.member

    def by_plain_member(self) -> Workspace:
        """The same workspace for a caller who is no admin."""
        return replace(self, caller=Caller(self.plain, admin=False))

    @property
    def views(self) -> Views:
        """How records are shown."""
        return Views(self.store, self.schema, self.quirks, self.caller)

    def kind(self, name: str) -> KindSpec:
        """What a kind has."""
        return self.schema.kinds[name]

    def object_type(self, slug: str) -> KindSpec:
        """A type of custom objects. Raises FaultError 404, or 403 for a hidden one."""
        kind = self.schema.kinds.get(slug)
        if kind is None or not kind.is_object:
            raise not_found(f"There is no object type {slug!r}.")
        if kind.hidden and not self.sees_hidden:
            raise self._unseen("object type", slug)
        return kind

    def object_types(self) -> list[KindSpec]:
        """Those types of custom objects that the caller sees, by their slugs."""
        found = [
            kind for kind in self.schema.kinds.values() if kind.is_object and (self.sees_hidden or not kind.hidden)
        ]
        return sorted(found, key=lambda kind: kind.name)

    def index_time(self, *, fresh: bool = False) -> int:
        """The moment that lists show: `index_lag` ago."""
        return NOW if fresh or not self.index_lag else self.store.now() - self.index_lag

    @property
    def sees_hidden(self) -> bool:
        """Whether hidden records are shown after all."""
        return self.quirks["hidden-records"] == "shown"

    @property
    def hides_private(self) -> bool:
        """Whether private meetings are left out of this caller's lists, and are 404."""
        return self.quirks["private-meetings"] == "404" and not self.caller.admin

    def kept_from_caller(self, row: Row) -> bool:
        """Whether privacy hides this record altogether."""
        return row.kind == "meeting" and self.hides_private and not privacy.full(self.store, self.caller, row)

    # ------------------------------------------------------------ reading

    def find(self, kind: str, id: str) -> Row:
        """The record with this id, trashed or not. Raises FaultError 404, or 403 for a hidden one."""
        row = self.store.get(id)
        if row is None or row.kind != kind:
            raise not_found(f"There is no {kind} {id!r}.")
        if row.hidden and not self.sees_hidden:
            raise self._unseen(kind, id)
        if self.kept_from_caller(row):
            raise not_found(f"There is no {kind} {id!r}.")
        return row

    def _unseen(self, kind: str, id: str) -> FaultError:
        if self.quirks["hidden-records"] == "403":
            return FaultError(403, f"You can't see {kind} {id!r}.")
        return not_found(f"There is no {kind} {id!r}.")

    def live(self, kind: str, id: str, quirk: str) -> Row:
        """The same; a trashed one is 404 unless the quirk of this name says otherwise."""
        row = self.find(kind, id)
        if row.trashed and self.quirks[quirk] == "404":
            raise not_found(f"There is no {kind} {id!r}.")
        return row

    # ------------------------------------------------------------ writing

    def new_id(self, kind: str) -> str:
        """An id with the prefix of its kind; some prefixes are invented (U27)."""
        known = kind_row(kind).id_prefix
        prefix = known or ID_PREFIXES.get(kind, OBJECT_PREFIX)
        invented = known is None and kind not in ("member", "file")
        return self.store.new_id("" if invented and self.quirks["id-prefixes"] == "bare" else prefix)

    def insert(
        self,
        kind: str,
        fields: Mapping[str, JSON],
        *,
        created: int,
        id: str,
        trashed: bool = False,
        hidden: bool = False,
    ) -> Row:
        """A new record with fields in their stored form."""
        kept: dict[str, JSON] = {key: value for key, value in fields.items() if value is not None}
        row = Row(id, kind, self.store.next_seq(), created, None, trashed, hidden, kept)
        self.store.insert(row)
        self._note(row, kept, created)
        return row

    def change(self, row: Row, fields: Mapping[str, JSON], *, linked: bool = False) -> Row:
        """Writes fields in their stored form; null clears. `linked`: links changed too, so it is no no-op."""
        moved = {key: value for key, value in fields.items() if row.fields.get(key) != value}
        if not moved and not linked and self.quirks["noop-update"] == "ignored":
            return row
        now = self.store.now()
        kept: dict[str, JSON] = {key: value for key, value in {**row.fields, **moved}.items() if value is not None}
        changed = row._replace(fields=kept, updated=now)
        self.store.update(changed)
        self._note(changed, moved, now)
        return changed

    def trash(self, row: Row, trashed: bool) -> Row:
        """Moves a record to the trash or out of it."""
        changed = row._replace(trashed=trashed)
        self.store.update(changed)
        return changed

    def _note(self, row: Row, moved: Mapping[str, JSON], at: int) -> None:
        """Makes values findable by filters, and those with a history part of it."""
        specs = self.kind(row.kind).fields if row.kind != "member" else {}
        known = [(specs[key], value) for key, value in moved.items() if key in specs]
        found = [(spec.key, term) for spec, value in known for term in rules.terms(spec, value)]
        self.store.add_terms(row.kind, row.id, found)
        for spec, value in known:
            if spec.has_history:
                sql = "INSERT INTO history (id, key, at, value) VALUES (?,?,?,?)"
                self.store.execute(sql, row.id, spec.key, at, json.dumps(value))

"""What has been read of the workspace so far. Pure: refresh adds to it, planning only reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from lfsync.model import Record

RecordKey: TypeAlias = tuple[str, str]
"""(kind, id)"""


@dataclass(slots=True)
class Live:
    """Live records, and what is known to be absent.

    `listed`       by kind, the ids of a listing that was read whole and settled
    `gone`         records that a read by id or the trash showed to be gone, with what is known of them
    `trash`        by kind, the records that `status=trashed` lists, by id
    `memberships`  by list id, the ids of its members; `unsettled` names lists whose index still lags behind our write
    """

    records: dict[str, dict[str, Record]] = field(default_factory=dict)
    listed: dict[str, frozenset[str]] = field(default_factory=dict)
    gone: dict[RecordKey, str] = field(default_factory=dict)
    trash: dict[str, Mapping[str, Record]] = field(default_factory=dict)
    memberships: dict[str, frozenset[str]] = field(default_factory=dict)
    unsettled: set[str] = field(default_factory=set)

    def record(self, kind: str, id: str) -> Record | None:
        """The record, unless it is unknown or gone."""
        if (kind, id) in self.gone:
            return None
        return self.records.get(kind, {}).get(id)

    def of_kind(self, kind: str) -> list[Record]:
        """Every known record of a kind that is not gone."""
        records = self.records.get(kind, {})
        if not any(gone_kind == kind for gone_kind, _ in self.gone):
            return list(records.values())
        return [record for id, record in records.items() if (kind, id) not in self.gone]

    def add(self, record: Record) -> None:
        """Take a record in; one read by id is never replaced by a listed row (rule R1)."""
        known = self.records.setdefault(record.kind, {})
        if record.fresh or record.id not in known or not known[record.id].fresh:
            known[record.id] = record
        if record.fresh:
            self.gone.pop((record.kind, record.id), None)

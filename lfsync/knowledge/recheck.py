"""Just before a create: does its match still hit nothing (rule A1)? I/O.

Asked of the index and of what this run made. Where a filter is documented for the match it is asked for exactly that;
otherwise the newest pages of the list are read until nothing on them is new. One such sweep serves every create that
waits for it.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from lfsync.api.client import Client
from lfsync.api.paging import PAGE_SIZE
from lfsync.errors import RejectedError
from lfsync.kinds import KINDS, Kind
from lfsync.knowledge.finder import Finder
from lfsync.knowledge.knowledge import Live
from lfsync.model import Query, Record, Schema, Term

_SWEEP_SERVES = 1.0  # seconds
_OPERATORS = {"TEXT": "equal", "EMAIL": "contains", "URL": "contains"}


@dataclass(slots=True)
class _Sweep:
    """What the front of one kind's list has shown: ids that were there at plan time or on an earlier page."""

    seen: set[str]
    new: dict[str, Record] = field(default_factory=dict)
    started: float = -1e9
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Rechecker:
    """Looks for records that match, made since the refresh."""

    def __init__(self, client: Client, schema: Schema, live: Live) -> None:
        self.client = client
        self.schema = schema
        self.live = live
        self.made = Finder(schema, Live())
        self._sweeps: dict[str, _Sweep] = defaultdict(lambda: _Sweep(set()))
        self._unfiltered: set[str] = set()

    def add(self, record: Record) -> None:
        """This run made a record."""
        self.made.add(record)

    async def hits(self, query: Query, targets: Mapping[str, set[str]]) -> list[Record]:
        """Live records that fulfil the query now. `targets`: linked ids by relationship key."""
        found = self.made.find(query, targets)
        if found:
            return found
        rows = await self._filtered(query)
        if rows is None:
            rows = await self._swept(KINDS[query.kind])
        finder = Finder(self.schema, Live())
        for row in rows:
            finder.add(row)
        return finder.find(query, targets)

    async def _filtered(self, query: Query) -> list[Record] | None:
        """The rows of the query's filters; None where there is no filter for it, or the API refuses it."""
        kind = KINDS[query.kind]
        filters = next((found for term in query.terms if (found := _filters(term))), [])
        if not kind.filterable or not filters or kind.name in self._unfiltered:
            return None
        try:
            listings = await asyncio.gather(*(self.client.list(kind, filters=[one]) for one in filters))
        except RejectedError:
            self._unfiltered.add(kind.name)
            return None
        return [record for listing in listings for record in listing.records.values()]

    async def _swept(self, kind: Kind) -> list[Record]:
        sweep = self._sweeps[kind.name]
        async with sweep.lock:
            if time.monotonic() - sweep.started > _SWEEP_SERVES:
                sweep.started = time.monotonic()
                await self._sweep(kind, sweep)
        return list(sweep.new.values())

    async def _sweep(self, kind: Kind, sweep: _Sweep) -> None:
        """Pages from the front, newest first, until one shows nothing new."""
        known = self.live.records.get(kind.name, {})
        offset, more = 0, True
        while more:
            page = await self.client.page(kind, offset)
            new = [row for row in page.records if row.id not in known and row.id not in sweep.seen]
            sweep.new.update((row.id, row) for row in new)
            offset += PAGE_SIZE
            more = bool(new) and offset < page.total
        sweep.seen.update(sweep.new)


def _filters(term: Term) -> list[tuple[str, str]]:
    """The filters that together show every record a term can hit, as far as the index tells."""
    if term.field is None or term.empty or term.field.type not in _OPERATORS:
        return []
    values = term.sent if isinstance(term.sent, list) else [term.sent]
    operator = _OPERATORS[term.field.type]
    return [(f"{term.key}[{operator}]", value.strip()) for value in values if isinstance(value, str) and value.strip()]

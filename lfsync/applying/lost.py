"""What became of a create whose answer was lost, of a kind whose key is not promised to be honoured (rule A5). I/O.

It is not sent again on a guess: once an index must show what it may have made, a complete search by its match decides.

  one record, new, with all of the body ... it was made: this is it
  other records that match ................ they are named, and left alone
  none .................................... it was not made
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from lfsync.applying.give_up import GiveUpError
from lfsync.kinds import kind_of
from lfsync.knowledge.finder import Finder
from lfsync.knowledge.knowledge import named
from lfsync.knowledge.reader import Reader
from lfsync.model import JSON, Query, Record, Schema
from lfsync.planning.recovery import is_younger, shows

_HINT = "Plan again: that tells which record it is."


@dataclass(frozen=True, slots=True)
class Sought:
    """A create that was sent at a `moment` of the server's clock (Unix seconds), and by what its record is found.

    `targets`: linked ids by relationship key. `known`: ids that it can't be.
    """

    query: Query
    targets: Mapping[str, set[str]]
    body: Mapping[str, JSON]
    moment: float
    known: frozenset[str]


@dataclass(slots=True)
class _Listing:
    """The newest complete list of one kind. `begun` counts those that were begun; `whole`: which of them this is."""

    records: Mapping[str, Record] = field(default_factory=dict)
    begun: int = 0
    whole: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Seeker:
    """Looks for what lost creates made. One list serves all that wait for it (rule R6)."""

    def __init__(self, reader: Reader, schema: Schema) -> None:
        self._reader = reader
        self._schema = schema
        self._listings: dict[str, _Listing] = defaultdict(_Listing)

    async def find(self, sought: Sought) -> Record | None:
        """The record that it made, None where it made none. GiveUpError where that can't be told."""
        kind = sought.query.kind
        await self._reader.wait_for_index(self._reader.client.now())
        records = await self._list(kind)
        finder = Finder(self._schema, {kind: records.values()})
        hits = finder.find(sought.query, sought.targets)
        if not hits:
            return None
        ours = [hit for hit in hits if self._is_made(sought, hit)]
        if len(hits) > 1 or not ours:
            shown = "; ".join(map(named, hits[:3]))
            reason = f"the answer was lost, and what matches may be what it made, or another's: {shown}"
            raise GiveUpError("failed", reason, _HINT, is_unknown=True)
        return ours[0]

    def _is_made(self, sought: Sought, hit: Record) -> bool:
        return hit.id not in sought.known and is_younger(hit, sought.moment) and shows(sought.body, hit, self._schema)

    async def _list(self, kind: str) -> Mapping[str, Record]:
        """All of a kind, from a list that was begun no earlier than now (rule I9)."""
        listing = self._listings[kind]
        before = listing.begun
        async with listing.lock:
            if listing.whole <= before:
                listing.begun += 1
                found = await self._reader.client.list(kind_of(kind))
                if not found.complete:
                    reason = f"the answer was lost, and the list of {kind}s moves while it is read"
                    raise GiveUpError("failed", reason, "Plan again when it is quiet.", is_unknown=True)
                listing.records, listing.whole = found.records, listing.begun
            return listing.records

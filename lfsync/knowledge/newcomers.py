"""Just before a create: does its match still hit nothing (rule A1)? I/O.

Three places are looked at: what this run made; the front of the list, newest first, as far as the plan's complete
search and earlier looks reach; and a filter, which may know a record that was renamed since, and whose hits alone are
believed. One look at the front serves every create that waits for it (rule R6).
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lfsync.api.client import Client
from lfsync.api.paging import PAGE_SIZE
from lfsync.errors import RejectedError
from lfsync.kinds import Kind, kind_of
from lfsync.knowledge.finder import Finder
from lfsync.knowledge.knowledge import Knowledge
from lfsync.model import Query, Record, Schema, Term

# What a look serves: a second, or the time of so many requests where the pace is slower. Every create asks a filter,
# and a look for each would double the price.
_LEAST, _REQUESTS = 1.0, 40
_OPERATORS = {"TEXT": "equal", "EMAIL": "contains", "URL": "contains"}


@dataclass(slots=True)
class _Front:
    """The front of one kind's list: ids that looks at it have shown, and when the last whole one began."""

    seen: set[str] = field(default_factory=set)
    looked_at: float = -1e9
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Newcomers:
    """Looks for records that match, made or renamed since the plan's complete search."""

    def __init__(
        self, client: Client, schema: Schema, knowledge: Knowledge, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._clock = clock
        self._known = knowledge
        self._finder = Finder(schema, {})
        self._fronts: dict[str, _Front] = defaultdict(_Front)
        self._unfiltered: set[str] = set()

    def add(self, record: Record) -> None:
        """This run made a record, or saw one that a create was answered with."""
        self._finder.add(record)

    async def hits(self, query: Query, targets: Mapping[str, set[str]]) -> list[Record]:
        """Live records that fulfil the query now. `targets`: linked ids by relationship key."""
        kind = kind_of(query.kind)
        if not self._finder.find(query, targets):
            # One after the other: a look would queue up behind the filters of all who wait for it.
            await self._look(kind)
            await self._filter(kind, query)
        own = self._known.written  # what this run made is told apart, however little of it this key may see
        may = (record for record in self._finder.may_be(query, targets) if (record.kind, record.id) not in own)
        return self._finder.find(query, targets) or list(may)

    async def _look(self, kind: Kind) -> None:
        """At the front, unless that was done a moment ago, or begun while this one waited for its turn to look."""
        front = self._fronts[kind.name]
        asked = self._clock()
        async with front.lock:
            old = max(_LEAST, _REQUESTS / self._client.rate("search"))
            if front.looked_at >= min(asked, self._clock() - old):
                return
            began, shown = self._clock(), set[str]()
            made = {id for name, id in self._known.written if name == kind.name}
            known = self._known.listed.get(kind.name, frozenset()) | front.seen | made
            offset, is_new = 0, True
            while is_new:
                page = await self._client.page(kind, offset)
                new = [row for row in page.records if row.id not in known]
                for row in new:
                    self._finder.add(row)
                shown |= {row.id for row in page.records}
                offset += PAGE_SIZE
                is_new = bool(new) and offset < page.total
            # Only now: a look that failed in its middle serves nobody, and the next one goes as far.
            front.seen |= shown
            front.looked_at = began

    async def _filter(self, kind: Kind, query: Query) -> None:
        """What the filters of one part of the query show first; a server may ignore a filter, and show everything."""
        filters = next((found for term in query.terms if (found := _filters(term))), [])
        if not kind.filterable or not filters or kind.name in self._unfiltered:
            return
        try:
            pages = await asyncio.gather(*(self._client.page(kind, filters=[one]) for one in filters))
        except RejectedError:
            self._unfiltered.add(kind.name)
            return
        for page in pages:
            for record in page.records:
                self._finder.add(record)


def _filters(term: Term) -> list[tuple[str, str]]:
    """The filters that together show every record a term can hit, as far as the index tells."""
    if term.field is None or term.empty or term.field.type not in _OPERATORS:
        return []
    values = term.sent if isinstance(term.sent, list) else [term.sent]
    operator = _OPERATORS[term.field.type]
    return [(f"{term.key}[{operator}]", value.strip()) for value in values if isinstance(value, str) and value.strip()]

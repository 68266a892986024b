"""Reads live state by the cheapest way, and as often as planning asks for more. I/O.

For each kind the first page of the list tells how many records there are. Then there are three ways, and the one that
takes the least time at the rate limit is taken:

  pages    every page of the list, side by side         all / 25 searches
  ids      each bound record by id; each unbound one through the filter on its name, where filters are documented
           (API sheet, 8.4)                               bound reads beside unbound searches
  mirrors  tasks and notes of few accounts: the accounts by id, then the ids under their `$task` and `$note`

A filter is trusted to find text only: an e-mail or a URL may be stored in another spelling than the filter compares,
and a record that a filter hides would be made twice. Rows are hints (rule R1); `plan.draft` says what it wants to
read by id before it believes them.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from lfsync.api.client import Client
from lfsync.api.paging import PAGE_SIZE, Page
from lfsync.errors import ForbiddenError, NotFoundError
from lfsync.kinds import KINDS, Kind
from lfsync.knowledge.knowledge import Live, RecordKey
from lfsync.model import Address, Desired, DesiredLinks, Query, Record, Schema, Target, Term
from lfsync.planning.draft import Draft, Wishes, draft
from lfsync.planning.resolve import Wanted, resolve, title
from lfsync.state.state import State

_FIRST_WAIT, _LONGEST_WAIT = 0.25, 2.0


@dataclass(frozen=True, slots=True)
class Clock:
    """Unix time and waiting, passed in by tests."""

    now: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


@dataclass(slots=True)
class _Need:
    """What one kind is read for: records of known ids, and queries."""

    ids: set[str] = field(default_factory=set)
    queries: list[Query] = field(default_factory=list)


class Refresher:
    """Reads what `desired` needs of a workspace. `seconds_drafting` is what `draft` took of the time."""

    def __init__(
        self,
        client: Client,
        desired: Mapping[Address, Desired],
        schema: Schema,
        state: State,
        *,
        lag_timeout: float,
        wishes: Wishes | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.client = client
        self.desired = desired
        self.schema = schema
        self.state = state
        self.wishes = wishes or Wishes()
        self.clock = clock or Clock()
        self.live = Live()
        self.seconds_drafting = 0.0
        self._settle_by = _settling(state, lag_timeout, self.clock.now())
        self._written_lately = _lately(state, lag_timeout, self.clock.now())
        self._unlisted_trash: dict[str, str] = {}
        self._wait = _FIRST_WAIT

    async def run(self) -> Draft:
        """Read, draft, and read again what the draft wants, until it wants nothing."""
        await self._read_kinds()
        while True:
            started = time.perf_counter()
            made = draft(self.desired, self.schema, self.state, self.live, self._unsettled(), self.wishes)
            self.seconds_drafting += time.perf_counter() - started
            if not made.wanted:
                return made
            await self._read(made.wanted)

    # ------------------------------------------------------------ the first reading

    async def _read_kinds(self) -> None:
        needs = _needs(self.desired, self.state, rematch=self.wishes.recreate_missing)
        for address in self.wishes.prunable(self.state, self.desired):
            needs[address.kind].ids.add(self.state.bindings[address].id)
        firsts = dict(zip(needs, await asyncio.gather(*(self.client.page(KINDS[k]) for k in needs)), strict=True))
        for first in firsts.values():
            self._take(first.records)
        mirrored = [k for k in needs if k in KINDS["account"].mirrors and _by_account(needs[k])]
        await asyncio.gather(*(self._read_kind(k, needs[k], firsts[k]) for k in needs if k not in mirrored))
        for kind in mirrored:
            if not await self._read_mirrors(kind, needs[kind], firsts[kind]):
                await self._read_kind(kind, needs[kind], firsts[kind])

    async def _read_kind(self, kind: str, need: _Need, first: Page) -> None:
        filters = [_filter(query) for query in need.queries]
        usable = [f for f in filters if f is not None and KINDS[kind].filterable]
        unread = [id for id in need.ids if self.live.record(kind, id) is None]
        singly = max(len(unread), len(usable)) if len(usable) == len(filters) else math.inf
        if singly < _pages(first) - 1:
            await asyncio.gather(
                *(self._read_record((kind, id)) for id in unread),
                *(self._read_filtered(KINDS[kind], one) for one in set(usable)),
            )
            return
        listing = await self.client.list(KINDS[kind], first=first)
        self._take(listing.records.values())
        if listing.complete:
            self.live.listed[kind] = frozenset(listing.records)

    async def _read_filtered(self, kind: Kind, wanted: tuple[str, str]) -> None:
        listing = await self.client.list(kind, filters=[wanted])
        self._take(listing.records.values())

    async def _read_mirrors(self, kind: str, need: _Need, first: Page) -> bool:
        """Tasks or notes through their accounts; False where the pages are cheaper."""
        spared = _pages(first) - 1
        accounts = self._accounts_of(need) if spared else set()
        if len(accounts) + len(need.ids) >= spared:
            return False
        await asyncio.gather(*(self._read_record(("account", id)) for id in accounts))
        mirror = KINDS["account"].mirrors[kind]
        records = [record for id in accounts if (record := self.live.record("account", id))]
        if any(mirror not in record.links for record in records):
            return False
        ids = need.ids.union(*(record.links.get(mirror, ()) for record in records))
        unread = [id for id in ids if self.live.record(kind, id) is None]
        if len(unread) >= spared:
            return False
        await asyncio.gather(*(self._read_record((kind, id)) for id in unread))
        return True

    def _accounts_of(self, need: _Need) -> set[str]:
        """The live accounts that the queries name, as far as accounts can be resolved now."""
        resolution = resolve(self.desired, self.schema, self.state, self.live, Wanted())
        targets = [t for query in need.queries for term in query.terms if _is_account(term) for t in term.targets]
        ids = (target.id or (target.address and resolution.ids.get(target.address)) for target in targets)
        return {id for id in ids if id}

    def _take(self, records: Iterable[Record]) -> None:
        for record in records:
            self.live.add(record)

    # ------------------------------------------------------------ what a draft wants

    async def _read(self, wanted: Wanted) -> None:
        again = [(id, kind) for id, kind in wanted.memberships if id in self.live.memberships]
        if again:
            await self._pause([id for id, _ in again])
        await asyncio.gather(
            *(self._read_record(key) for key in wanted.records),
            *(self._read_trash(kind) for kind in wanted.trash),
            *(self._read_members(id, kind) for id, kind in wanted.memberships if id not in self.live.unsettled),
        )

    async def _read_record(self, key: RecordKey) -> None:
        kind, id = key
        record = await self.client.retrieve(KINDS[kind], id)
        if record is not None:
            self.live.add(record)
            return
        await self._read_trash(kind)
        self.live.gone.setdefault(key, _gone(self._unlisted_trash.get(kind)))

    async def _read_trash(self, kind: str) -> None:
        """Once for a kind: what `status=trashed` lists, nothing where the API or the key's scopes don't let us.

        The trash lags too: what we wrote lately is not in it, whatever it shows.
        """
        if kind in self.live.trash:
            return
        self.live.trash[kind] = {}
        if not KINDS[kind].trash:
            self._unlisted_trash[kind] = "the API lists none of this kind"
            return
        try:
            listing = await self.client.list(KINDS[kind], status="trashed")
        except ForbiddenError:
            self._unlisted_trash[kind] = f"the key lacks {KINDS[kind].scope}:restore"
            return
        trashed = {id: record for id, record in listing.records.items() if id not in self._written_lately}
        self.live.trash[kind] = trashed
        self.live.gone.update(((kind, id), _trashed(record)) for id, record in trashed.items())

    async def _read_members(self, id: str, kind: str) -> None:
        try:
            listing = await self.client.list_members(id, KINDS[kind])
        except NotFoundError:  # the index still lists a list that was trashed
            self.live.gone.setdefault(("list", id), _gone("the API lists none of this kind"))
            return
        self._take(listing.records.values())
        self.live.memberships[id] = frozenset(listing.records)

    # ------------------------------------------------------------ membership that settles (rule R2)

    def _unsettled(self) -> set[str]:
        return self._settle_by.keys() - self.live.unsettled

    async def _pause(self, ids: Iterable[str]) -> None:
        """Wait a little before asking the index again; give up on the lists whose time is over."""
        now = self.clock.now()
        self.live.unsettled.update(id for id in ids if self._settle_by[id] <= now)
        if not self.live.unsettled.issuperset(ids):
            await self.clock.sleep(self._wait)
            self._wait = min(self._wait * 2, _LONGEST_WAIT)


def _gone(unlisted: str | None) -> str:
    """What may have become of a record that can't be read; `unlisted`: why the trash could not be looked through."""
    if unlisted is None:
        return "it is not in the trash, so it was merged into another record, is hidden from this key, or never was"
    return f"it was trashed, merged into another record, or is hidden from this key (the trash: {unlisted})"


def _trashed(record: Record) -> str:
    called = title(record)
    return f"it is in the trash, as {json.dumps(called, ensure_ascii=False)}" if called else "it is in the trash"


def _settling(state: State, lag_timeout: float, now: float) -> dict[str, float]:
    """Lists that we wrote lately, by id, and until when the index may still lag (Unix seconds)."""
    written = {b.id: b.written_at for b in state.bindings.values() if b.members is not None and b.written_at}
    until = {id: _unix(at) + lag_timeout for id, at in written.items()}
    return {id: end for id, end in until.items() if end > now}


def _lately(state: State, lag_timeout: float, now: float) -> set[str]:
    """Ids of records that we wrote so lately that an index may not show it."""
    written = ((b.id, b.written_at) for b in state.bindings.values() if b.written_at)
    return {id for id, at in written if _unix(at) + lag_timeout > now}


def _unix(text: str) -> float:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0


def _needs(desired: Mapping[Address, Desired], state: State, *, rematch: bool) -> dict[str, _Need]:
    """By kind, what has to be read: declared resources, and what their refs name.

    `rematch`: bound ones are looked for by their match too, for their records may be gone.
    """
    needs: dict[str, _Need] = defaultdict(_Need)
    for wish in desired.values():
        binding = state.bindings.get(wish.address)
        id = wish.id or (binding.id if binding else None)
        if id:
            needs[wish.address.kind].ids.add(id)
        if wish.query and (rematch or not id):
            _need_query(needs, wish.query)
        for link in _all_links(wish):
            for target in (*link.include, *link.exclude):
                _need_target(needs, link.definition.target, target)
    return needs


def _need_query(needs: dict[str, _Need], query: Query) -> None:
    needs[query.kind].queries.append(query)
    for term in query.terms:
        for target in term.targets:
            assert term.rel is not None
            _need_target(needs, term.rel.target, target)


def _need_target(needs: dict[str, _Need], kind: str, target: Target) -> None:
    if target.query is not None:
        _need_query(needs, target.query)
    elif target.id is not None and kind in KINDS:
        needs[kind].ids.add(target.id)


def _all_links(wish: Desired) -> list[DesiredLinks]:
    return [*wish.links.values(), *([wish.members] if wish.members else [])]


def _pages(first: Page) -> int:
    return math.ceil(first.total / PAGE_SIZE)


def _by_account(need: _Need) -> bool:
    return all(any(_is_account(term) for term in query.terms) for query in need.queries)


def _is_account(term: Term) -> bool:
    return term.rel is not None and term.rel.target == "account" and not term.empty


def _filter(query: Query) -> tuple[str, str] | None:
    """The filter that finds all that a query can hit, None where no filter can be trusted with it."""
    for term in query.terms:
        if term.field is not None and term.field.type == "TEXT" and isinstance(term.sent, str) and term.sent.strip():
            return (f"{term.key}[startsWith]", term.sent.strip())
    return None

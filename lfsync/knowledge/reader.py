"""Reads what a run wants to know, by the cheapest way. I/O.

For each kind the first page of the list tells how many records there are. Then there are three ways, and the one that
takes the least time at the rate limit is taken:

  pages    every page of the list, side by side            all / 25 searches
  ids      each bound record by id, where nothing is looked for by a match; a look at the trash tells first whether a
           read by id can be trusted (U9)                  bound reads
  mirrors  tasks and notes of few accounts: the accounts by id, then the ids under their `$task` and `$note`

No filter takes part: none is known to see every spelling that a match accepts (rules I2, I9).
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Set
from contextlib import asynccontextmanager

from lfsync.api.client import Client
from lfsync.api.paging import PAGE_SIZE, Page
from lfsync.errors import ApiError, ForbiddenError, NotFoundError, OutageError, UnreadableError
from lfsync.kinds import kind_of
from lfsync.knowledge.knowledge import Knowledge, Need, RecordKey, Trash, Wanted
from lfsync.model import Record
from lfsync.state.state import State
from lfsync.times import unix_time

_FIRST_WAIT, _LONGEST_WAIT = 0.25, 2.0
_PAGES_AT_ONCE = 8
_SAME_LISTING = 5.0  # seconds; a first page that is no older is one of the pages that are read now


class Reader:
    """Reads for one run; what it learns is in `knowledge`. `clock` (steady, seconds) and `sleep` are for tests.

    What `state` says was written or released less than `lag` seconds ago, by the server's clock, is not yet to be seen
    in any index, for all that is known; how much longer is computed once (rule R4).
    """

    def __init__(
        self,
        client: Client,
        state: State,
        lag: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.client = client
        self.knowledge = Knowledge(now=client.now())
        self._clock = clock
        self._sleep = sleep
        self._lag = lag
        self._settled_at = _settled_at(state, lag, client.now(), clock())
        self.knowledge.recent |= self._settled_at.keys()
        self.knowledge.late_lists |= {id for kind, id in self._settled_at if kind == "list"}
        self._wait = _FIRST_WAIT
        self._ahead: dict[str, asyncio.Task[None]] = {}  # by kind
        self._is_doubtful: Callable[[Record], bool] | None = None
        self._rows: list[Record] | None = None  # that came before anybody could tell whether they are doubtful
        self._reads: dict[RecordKey, asyncio.Task[None]] = {}
        self._firsts: dict[str, tuple[Page, float]] = {}  # front pages that led to no listing yet, and since when

    # ------------------------------------------------------------ the first reading

    @asynccontextmanager
    async def ahead(self, needs: Mapping[str, Need]) -> AsyncIterator[None]:
        """Lists already what `begin` is going to list in any case: the requests take longer than all that is computed.

        `needs`: those that are known so far. What fails is told by `begin`, and asked no more often for it (rule A5).
        """
        self._rows = []
        self._ahead = {kind: asyncio.create_task(self._list_if_cheaper(kind, need)) for kind, need in needs.items()}
        try:
            yield
        finally:
            tasks = (*self._ahead.values(), *self._reads.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def doubt(self, is_doubtful: Callable[[Record], bool]) -> None:
        """From now on rows that are doubtful are read by id while the next pages come (rule R1), until `begin` ends."""
        rows, self._rows = self._rows or [], None
        self._is_doubtful = is_doubtful
        self._look_at(rows)

    def _look_at(self, rows: Iterable[Record]) -> None:
        if self._rows is not None:
            self._rows += rows
        if self._is_doubtful is None:
            return
        for row in rows:
            key = (row.kind, row.id)
            if key not in self._reads and key not in self.knowledge.recent and self._is_doubtful(row):
                self._reads[key] = asyncio.create_task(self._read_record(key))

    async def _list_if_cheaper(self, kind: str, need: Need) -> None:
        first = await self._read_first(kind)
        if self._pays(need, kind, first):
            await self.list(kind, first)

    async def begin(self, needs: Mapping[str, Need]) -> None:
        """Read what is needed in any case. What a match looks for in a mirror is wanted later, once it has an id."""
        for kind, id in self.knowledge.recent:
            if kind in needs:
                needs[kind].ids.add(id)
        await asyncio.gather(*(self._begin(kind, need) for kind, need in needs.items()))
        self._rows = self._is_doubtful = None
        await asyncio.gather(*self._reads.values())

    async def _begin(self, kind: str, need: Need) -> None:
        if kind in self._ahead:
            await self._ahead[kind]
        if kind not in self.knowledge.listed:
            first = self._first(kind) or await self._read_first(kind)
            if self._pays(need, kind, first) or not await self._trusts_reads(kind):
                await self.list(kind, first)
        recent = [id for id in need.ids if (kind, id) in self.knowledge.recent]
        unread = [id for id in need.ids if not self._is_known(kind, id)]
        await self._read_records((kind, id) for id in {*unread, *recent})

    def _pays(self, need: Need, kind: str, first: Page) -> bool:
        """Whether the whole list is needed, or costs no more than reading by id what is."""
        unread = [id for id in need.ids if not self._is_known(kind, id)]
        return need.is_listed or first.total <= PAGE_SIZE or len(unread) >= _pages(first) - 1

    def _is_known(self, kind: str, id: str) -> bool:
        return id in self.knowledge.records.get(kind, {})

    async def _trusts_reads(self, kind: str) -> bool:
        """Whether a read by id alone says that a record is not in the trash."""
        if not kind_of(kind).deletable:
            return True
        if not kind_of(kind).trash:
            return False
        await self._probe(kind)
        return not self.knowledge.shows_trashed[kind]

    async def list(self, kind: str, first: Page | None = None) -> None:
        """All of a kind; where its list keeps moving, all that was seen."""
        self._firsts.pop(kind, None)
        too_new = {key for key in self.knowledge.recent if key[0] == kind}
        listing = await self.client.list(kind_of(kind), first=first, seen=self._look_at)
        self._take(listing.records.values())
        self.knowledge.too_new |= too_new
        if listing.complete:
            self.knowledge.listed[kind] = frozenset(listing.records)
            self.knowledge.unlistable.discard(kind)
        else:
            self.knowledge.listed.pop(kind, None)
            self.knowledge.unlistable.add(kind)

    def _take(self, records: Iterable[Record]) -> None:
        for record in records:
            self.knowledge.add(record)

    # ------------------------------------------------------------ what is wanted

    async def read(self, wanted: Wanted) -> None:
        """Read what is wanted; wait where an index has not caught up with what we wrote."""
        await self._pause(self._asked_again(wanted))
        knowledge = self.knowledge
        unsettled = knowledge.unsettled
        trash: dict[str, set[str]] = defaultdict(set)
        for kind, id in wanted.trash:
            trash[kind].add(id)
        await asyncio.gather(
            self._read_records(wanted.records),
            *(self._search(kind, accounts) for kind, accounts in wanted.searches.items()),
            *(self._probe(kind) for kind in wanted.probes),
            *(self._glance(kind) for kind in wanted.glances - trash.keys() - wanted.probes),
            *(self._look_through_trash(kind, ids) for kind, ids in trash.items()),
            *(self._read_members(id, kind) for id, kind in wanted.memberships if id not in unsettled),
            *(self._read_content(key) for key in wanted.contents),
        )

    async def retrieve(self, kind: str, id: str) -> Record | None:
        """A record as it is now; None where it is gone. ForbiddenError where this key may not read it."""
        record = await self.client.retrieve(kind_of(kind), id)
        if record is None:
            self.knowledge.absent.add((kind, id))
        else:
            self.knowledge.add(record)
        return record

    async def is_there(self, kind: str, id: str) -> bool:
        """Whether a record is there, and not in the trash; reads what it takes to tell. Unsure counts as there."""
        while (presence := self.knowledge.presence(kind, id)) == "unknown":
            await self.read(self.knowledge.ask_anew())
        return presence != "gone"

    async def is_trashed(self, kind: str, id: str) -> bool:
        """Whether the trash holds what is gone; reads what it takes to tell."""
        while True:
            found = self.knowledge.trashed(kind, id)
            wanted = self.knowledge.ask_anew()
            if not wanted:
                return found is not None
            await self.read(wanted)

    async def members(self, id: str, kind: str) -> frozenset[str]:
        """Who is in a list now, as far as the index tells."""
        listing = await self.client.list_members(id, kind_of(kind))
        self._take(listing.records.values())
        self.knowledge.memberships[id] = frozenset(listing.records)
        return self.knowledge.memberships[id]

    async def _read_records(self, keys: Iterable[RecordKey]) -> None:
        await asyncio.gather(*(self._read_record(key) for key in keys))

    async def _read_record(self, key: RecordKey) -> None:
        try:
            await self.retrieve(*key)
        except (ForbiddenError, UnreadableError) as error:  # of one record: the rest goes on (rule A9)
            self.knowledge.forbidden[key] = error.message

    async def _read_content(self, key: RecordKey) -> None:
        kind, id = key
        try:
            self.knowledge.contents[key] = await self.client.content(kind_of(kind), id)
        except OutageError:
            raise
        except ApiError as error:
            self.knowledge.unreadable[key] = error.message

    async def _search(self, kind: str, accounts: Collection[str]) -> None:
        """All records of a kind that may match: through the mirrors of few accounts where that is cheaper."""
        first = self._first(kind) or await self._read_first(kind)
        if accounts and await self._read_mirrors(kind, accounts, spared=_pages(first) - 1):
            return
        await self.list(kind, first)

    def _first(self, kind: str) -> Page | None:
        """The front page as it was read a moment ago; not where it may lack what we wrote lately (rule R4)."""
        first, at = self._firsts.get(kind, (None, 0.0))
        is_late = any(key[0] == kind for key in self._settled_at)
        return None if is_late or self._clock() - at > _SAME_LISTING else first

    async def _read_first(self, kind: str) -> Page:
        at = self._clock()
        first = await self.client.page(kind_of(kind))
        self._firsts[kind] = (first, at)
        self._take(first.records)
        self._look_at(first.records)
        return first

    async def _read_mirrors(self, kind: str, accounts: Collection[str], spared: int) -> bool:
        """False where the pages are cheaper, or an account has no such mirror."""
        if len(accounts) >= spared:
            return False
        await self._read_records(("account", id) for id in accounts)
        mirror = kind_of("account").mirrors[kind]
        found = {id: record for id in accounts if (record := self.knowledge.record("account", id))}
        ids = {id for record in found.values() for id in record.links.get(mirror, ())}
        unread = [id for id in ids if not self._is_known(kind, id)]
        if len(found) < len(accounts) or any(mirror not in r.links for r in found.values()) or len(unread) >= spared:
            return False
        await self._read_records((kind, id) for id in unread)
        self.knowledge.mirrored |= {(kind, id) for id in accounts}
        return True

    # ------------------------------------------------------------ the trash

    async def _glance(self, kind: str) -> Trash:
        """The newest of what is in the trash, once. A key without the right to look tells why it can't (rule A9)."""
        known = self.knowledge.trash.get(kind)
        if known is not None:
            return known
        trash = self.knowledge.trash[kind] = Trash()
        if not kind_of(kind).trash:
            trash.unlisted = "the API lists none of this kind"
            return trash
        try:
            page = await self.client.page(kind_of(kind), status="trashed")
        except ForbiddenError:
            trash.unlisted = f"the key lacks {kind_of(kind).scope}:restore"
            return trash
        trash.records.update((record.id, record) for record in page.records)
        trash.total = page.total
        trash.whole = page.total <= len(page.records)
        return trash

    async def _probe(self, kind: str) -> None:
        """Find out whether a read by id shows what is in the trash (U9): of one that is there."""
        trash = await self._glance(kind)
        if kind in self.knowledge.shows_trashed:
            return
        shows = bool(trash.unlisted)
        if trash.records:
            shows = await self.client.retrieve(kind_of(kind), next(iter(trash.records))) is not None
        self.knowledge.shows_trashed[kind] = shows

    async def _look_through_trash(self, kind: str, wanted: Set[str]) -> None:
        """Page after page until all that is wanted was seen; from the front again where the index may have lagged."""
        looked_before = kind in self.knowledge.trash
        trash = await self._glance(kind)
        again = looked_before and (trash.whole or any((kind, id) in self.knowledge.recent for id in wanted))
        if trash.unlisted or (trash.records.keys() >= wanted and not again):
            return
        offset, total = (0, 1) if looked_before else (PAGE_SIZE, trash.total)  # the first page is read just now
        if again:
            trash.records.clear()
            trash.whole = False
        while not trash.whole and not trash.records.keys() >= wanted:
            at_once = _PAGES_AT_ONCE if offset else 1
            offsets = range(offset, min(offset + at_once * PAGE_SIZE, total), PAGE_SIZE)
            pages = await asyncio.gather(*(self.client.page(kind_of(kind), at, status="trashed") for at in offsets))
            for page in pages:
                trash.records.update((record.id, record) for record in page.records)
            offset, total = offsets[-1] + PAGE_SIZE, pages[-1].total
            trash.whole = offset >= total
        if trash.whole:
            await self._count_trash(kind, trash)

    async def _count_trash(self, kind: str, trash: Trash) -> None:
        """Pages shift while they are read (rule R3): what was not counted is read again, whole."""
        page = await self.client.page(kind_of(kind), status="trashed")
        trash.records.update((record.id, record) for record in page.records)
        if len(trash.records) < page.total:
            listing = await self.client.list(kind_of(kind), status="trashed", first=page)
            trash.records.update(listing.records)

    async def _read_members(self, id: str, kind: str) -> None:
        try:
            await self.members(id, kind)
        except NotFoundError:  # the index still lists a list that was trashed
            self.knowledge.absent.add(("list", id))

    # ------------------------------------------------------------ an index that lags

    def _asked_again(self, wanted: Wanted) -> set[RecordKey]:
        """What is asked again because an index may not show yet what we wrote."""
        lists = {("list", id) for id, _ in wanted.memberships if id in self.knowledge.memberships}
        return lists | {key for key in wanted.trash & self.knowledge.recent if key[0] in self.knowledge.trash}

    async def _pause(self, asked_again: Collection[RecordKey]) -> None:
        """Wait a little before an index is asked again; it is asked once more when the time is up, and then no more."""
        recent = self.knowledge.recent
        self.knowledge.unsettled |= {id for kind, id in asked_again if kind == "list" and (kind, id) not in recent}
        ends = [self._settled_at[key] for key in asked_again if key in recent]
        if ends:
            await self._sleep(max(0.0, min(self._wait, max(ends) - self._clock())))
            self._wait = min(self._wait * 2, _LONGEST_WAIT)
        now = self._clock()
        recent -= {key for key, end in self._settled_at.items() if end <= now}

    async def settled_members(self, id: str, kind: str, at: str, added: Set[str], removed: Set[str]) -> frozenset[str]:
        """Who is in a list that was written `at` that time; asked again while the index shows others (rule R2)."""
        until = self._clock() + _rest(unix_time(at) or 0.0, self._lag, self.client.now())
        until = max(until, self._settled_at.get(("list", id), 0.0))
        while True:
            now = self._clock()
            found = await self.members(id, kind)
            if (found >= added and not found & (removed - added)) or now >= until:
                return found
            await self._sleep(max(0.0, min(_LONGEST_WAIT / 4, until - now)))

    async def wait_for_index(self, moment: float) -> None:
        """Wait until an index must show what was written at a `moment` of the server's clock (Unix seconds)."""
        rest = _rest(moment, self._lag, self.client.now())
        if rest > 0:
            await self._sleep(rest)


def _settled_at(state: State, lag: float, server: float, steady: float) -> dict[RecordKey, float]:
    """Until when an index may not show what was written or let go of lately, on the steady clock."""
    moments = [((b.address.kind, b.id), b.written_at) for b in state.bindings.values() if b.written_at]
    moments += [((gone.address.kind, gone.id), gone.at) for gone in state.released.values()]
    rests = {key: _rest(unix_time(at) or 0.0, lag, server) for key, at in moments}
    return {key: steady + rest for key, rest in rests.items() if rest > 0}


def _rest(moment: float, lag: float, server: float) -> float:
    """How much of `lag` is left since a moment of the server's clock; a clock that is off makes no wait longer."""
    return min(max(moment + lag - server, 0.0), lag)


def _pages(first: Page) -> int:
    return math.ceil(first.total / PAGE_SIZE)

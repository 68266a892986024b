"""The API as lfsync uses it: one method for each thing to ask or to do (API sheet, section 3)."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol, TypeAlias
from urllib.parse import quote

from lfsync.api import answers as api
from lfsync.api.answers import Token, UploadSession
from lfsync.api.pace import Category
from lfsync.api.paging import PAGE_SIZE, Listing, Page, Pages
from lfsync.api.storage import Storage
from lfsync.api.wire import IN_FLIGHT, Call, ClientSettings, Exchange, Wire
from lfsync.errors import ApiError, LockLostError, NotFoundError, OutageError
from lfsync.kinds import Kind
from lfsync.model import JSON, LastChange, Member, Record

__all__ = [
    "Answer",
    "Client",
    "ClientSettings",
    "Exchange",
    "Filters",
    "Listing",
    "Page",
    "Status",
    "Token",
    "Watcher",
]

Status: TypeAlias = Literal["active", "trashed"]
Filters: TypeAlias = Sequence[tuple[str, str]]

# Times that a listing which moves while it is read is read on, before it is given back as incomplete (rule R3).
_MOST_PASSES: Final = 6
# No ids: a path with one of these would be another endpoint.
_NO_IDS: Final = frozenset({"", ".", "..", "definitions", "merge"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a create gave.

    `age`: seconds that the record is older than the request, so that the body may not have been looked at (rule A2);
    None where it is clearly younger. `sent`: when the request left, by our clock.
    """

    record: Record
    age: float | None
    sent: float


class Watcher(Protocol):
    """Told how a reading goes on. No call may raise, and none takes long."""

    def reading(self, kind: str, rows: int, total: int) -> None:
        """`rows` of `total` are there: of a kind's listing; of `KIND by id` and `KIND by filter`, as far as asked."""


class Client:
    """The API of one workspace. Use as an async context manager; every method raises ApiError and its kin.

    `may_write` is asked before each try of a write, and raises LockLostError where that is over (rule K3).

    `clock` (seconds, steady), `sleep` and `chance` (uniform in 0..1) are for tests.
    """

    def __init__(
        self,
        settings: ClientSettings,
        *,
        on_exchange: Callable[[Exchange], None] | None = None,
        watcher: Watcher | None = None,
        may_write: Callable[[], Awaitable[None]] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._clock = clock
        self._wire = Wire(
            settings, on_exchange=on_exchange, may_write=may_write, clock=clock, sleep=sleep, chance=chance
        )
        self.storage = Storage(self._wire, settings, clock=clock, chance=chance)
        self._watcher = watcher
        self._asked: Counter[str] = Counter()
        self._given: Counter[str] = Counter()

    async def __aenter__(self) -> Client:
        await self._wire.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.storage.close()
        await self._wire.__aexit__()

    @property
    def requests(self) -> Counter[Category]:
        """Requests sent so far, by category; every try counts."""
        return self._wire.requests

    def rate(self, category: Category) -> float:
        """Requests a second that a category lets through at this moment."""
        return self._wire.rate(category)

    def now(self) -> float:
        """The server's time, in Unix seconds, as far as its answers tell."""
        return self._wire.server_clock.earliest(self._clock())

    @property
    def outage(self) -> OutageError | None:
        """What ended the run, once no request got an answer of use for too long (rule A5)."""
        return self._wire.outage

    @property
    def barred(self) -> LockLostError | None:
        """What ended the run, once `may_write` said so (rule K3)."""
        return self._wire.barred

    # ---- what the workspace is

    async def validate(self) -> Token:
        """What the key may do."""
        call = Call("GET", "/v1/auth/validate", "read")
        self._wire.token = api.parse_token(str(call), (await self._wire.send(call)).body)
        return self._wire.token

    async def definitions(self, kind: Kind) -> Mapping[str, JSON]:
        """The definitions of a kind that has them, as the API gives them (sheet 2.4)."""
        call = Call("GET", f"{kind.path}/definitions", "read", (f"{kind.scope}:read",))
        return api.parse_object(str(call), (await self._wire.send(call)).body)

    async def object_types(self) -> tuple[str, ...]:
        """The slugs of the custom object types that this key sees, in order (sheet 2.3)."""
        call = Call("GET", "/v1/objects", "read", ("custom_objects:read",))
        return api.parse_slugs(str(call), (await self._wire.send(call)).body)

    async def members(self) -> tuple[Member, ...]:
        """Everybody in the workspace."""
        listing = await self._whole(_Shelf("member", "/v1/members", ("members:read",)))
        return tuple(api.member(record) for record in listing.records.values())

    async def run_status(self, run: str) -> str:
        """How a workflow's run stands: free text (sheet 4.13). NotFoundError if there is no such run."""
        call = Call("GET", f"{_path_to('/v1/workflowRun', run)}/status", "read")
        return api.parse_run_status(str(call), (await self._wire.send(call)).body)

    # ---- listings

    async def page(self, kind: Kind, offset: int = 0, *, status: Status = "active", filters: Filters = ()) -> Page:
        """25 rows of a kind at `offset`."""
        return await self._page(_shelf(kind, status, filters), offset)

    async def list(
        self,
        kind: Kind,
        *,
        status: Status = "active",
        filters: Filters = (),
        first: Page | None = None,
        seen: Callable[[Sequence[Record]], None] | None = None,
    ) -> Listing:
        """All rows of a kind, pages side by side; `first` is the page at offset 0, if it was read already.

        `seen` is given the rows of each page that is read, as they come.
        """
        shelf = _shelf(kind, status, filters)
        if not filters:
            return await self._whole(shelf, first, watched=status == "active", seen=seen)
        with self._one_of(f"{kind.name} by filter"):
            return await self._whole(shelf, first)

    async def list_members(self, list_id: str, target: Kind) -> Listing:
        """The records of kind `target` in a list (sheet 4.7). NotFoundError if there is no such list."""
        path = f"{_path_to('/v1/lists', list_id)}/{target.section}"
        return await self._whole(_Shelf(target.name, path, ("lists:read", f"{target.scope}:read")))

    # ---- records

    async def retrieve(self, kind: Kind, id: str) -> Record | None:
        """One record, fresh; None if the API knows none under this id (or none that this key may see)."""
        try:
            call = Call("GET", _path_to(kind.record_path, id), "read", (f"{kind.scope}:read",))
            with self._one_of(f"{kind.name} by id"):
                body = (await self._wire.send(call)).body
            return self._same(call, id, api.parse_record(str(call), body, kind.name))
        except NotFoundError as error:
            if error.type is None:
                raise  # not the API's own 404 but a proxy's: it proves nothing
            return None

    async def last_change(self, kind: Kind, id: str, key: str) -> LastChange | None:
        """The newest entry of a field's history (sheet 4.14), None where there is none.

        ApiError for a field without history, whatever its code: which ones have it is not stated.
        """
        path = f"{_path_to(kind.record_path, id)}/fields/{quote(key, safe='')}/history?limit=2"
        call = Call("GET", path, "read", (f"{kind.scope}:read",))
        return api.parse_last_change(str(call), (await self._wire.send(call)).body)

    async def create(self, kind: Kind, body: Mapping[str, JSON], key: str) -> Answer:
        """Make a record, at most once under this idempotency key (rule A2).

        LostError where the key is not promised to be honoured, and whether it was made is not known (rule A5).
        """
        scopes = (f"{kind.scope}:create",)
        call = Call("POST", kind.record_path, "write", scopes, _encoded(body), key, once=not kind.keyed)
        reply = await self._wire.send(call)
        record = api.parse_record(str(call), reply.body, kind.name)
        return Answer(record, self._wire.server_clock.age(record.created_at, reply.sent), reply.sent)

    def proved_new(self, answer: Answer) -> None:
        """A create that was too young to be told from an old one made its record: the clocks differ by as much."""
        self._wire.server_clock.reckon(answer.record.created_at, answer.sent)

    async def update(self, kind: Kind, id: str, body: Mapping[str, JSON], key: str) -> Record:
        """Change a record; `key` is this write's own (rule A3). The record as the answer shows it."""
        path = _path_to(kind.record_path, id)
        call = Call("POST", path, "write", (f"{kind.scope}:update",), _encoded(body), key, who=kind.editors)
        return self._same(call, id, api.parse_record(str(call), (await self._wire.send(call)).body, kind.name))

    async def delete(self, kind: Kind, id: str) -> None:
        """To the trash (sheet, section 12). A record that is there already, or gone, is no error."""
        path = _path_to(kind.record_path, id)
        call = Call("DELETE", path, "write", (f"{kind.scope}:delete",), who=kind.editors)
        try:
            await self._wire.send(call)
        except NotFoundError as error:
            if error.type is None:
                raise

    async def restore(self, kind: Kind, id: str) -> None:
        """Out of the trash; a live record stays as it is."""
        path = f"{_path_to(kind.record_path, id)}/restore"
        call = Call("POST", path, "write", (f"{kind.scope}:restore",), b"{}", who=kind.editors)
        await self._wire.send(call)

    # ---- files

    async def begin_upload(self, kind: Kind, body: Mapping[str, JSON]) -> UploadSession:
        """A new upload session. It is not sent again after a lost answer (rule A5): UnavailableError."""
        call = Call("POST", kind.path, "write", (f"{kind.scope}:create",), _encoded(body), once=not kind.keyed)
        return api.parse_session(str(call), (await self._wire.send(call)).body, kind.name)

    async def complete_upload(self, kind: Kind, id: str, md5: str) -> Record:
        """The bytes are there. RejectedError where they are not, are others, or the session has ended."""
        body = _encoded({"md5": md5})
        call = Call("POST", f"{_path_to(kind.path, id)}/complete", "write", (f"{kind.scope}:create",), body)
        return self._same(call, id, api.parse_record(str(call), (await self._wire.send(call)).body, kind.name))

    async def cancel_upload(self, kind: Kind, id: str) -> Record:
        """Ends a pending session: the file as it is now. RejectedError where it was pending no more."""
        call = Call("POST", f"{_path_to(kind.path, id)}/cancel", "write", (f"{kind.scope}:create",), b"{}")
        return self._same(call, id, api.parse_record(str(call), (await self._wire.send(call)).body, kind.name))

    async def content(self, kind: Kind, id: str, keep: Path | None = None) -> str:
        """The sha256 of what a completed file holds, in hex; its bytes pass through, and are kept in `keep` alone."""
        call = Call("GET", f"{_path_to(kind.path, id)}/url", "read", (f"{kind.scope}:read",))
        return await self.storage.digest(api.parse_url(str(call), (await self._wire.send(call)).body), keep)

    # ---- how

    @contextmanager
    def _one_of(self, what: str) -> Iterator[None]:
        """One of many single reads; those that were asked for at once are what there is to do."""
        self._asked[what] += 1
        try:
            yield
        finally:
            self._given[what] += 1
            if self._watcher:
                self._watcher.reading(what, self._given[what], self._asked[what])

    async def _whole(
        self,
        shelf: _Shelf,
        first: Page | None = None,
        *,
        watched: bool = False,
        seen: Callable[[Sequence[Record]], None] | None = None,
    ) -> Listing:
        pages = Pages()
        if first is not None:
            pages.add(0, first)
        for _ in range(_MOST_PASSES):
            if not (offsets := pages.to_read()):
                break
            await self._read(shelf, offsets, pages, self._watcher if watched else None, seen)
        return pages.listing()

    async def _read(
        self,
        shelf: _Shelf,
        offsets: Sequence[int],
        pages: Pages,
        watcher: Watcher | None,
        seen: Callable[[Sequence[Record]], None] | None,
    ) -> None:
        """Read the pages at `offsets`, side by side."""
        queue = iter(offsets)

        async def work() -> None:
            for offset in queue:
                highest = pages.highest
                page = await self._page(shelf, offset)
                pages.add(offset, page, highest)
                if seen:
                    seen(page.records)
                if watcher:
                    watcher.reading(shelf.kind, pages.rows, pages.highest)

        await _side_by_side(work() for _ in range(min(IN_FLIGHT, len(offsets))))

    async def _page(self, shelf: _Shelf, offset: int) -> Page:
        call = Call("GET", f"{shelf.path}?limit={PAGE_SIZE}&offset={offset}{shelf.query}", "search", shelf.needs)
        return api.parse_page(str(call), (await self._wire.send(call)).body, shelf.kind)

    @staticmethod
    def _same(call: Call, id: str, record: Record) -> Record:
        if record.id != id:
            raise ApiError(f"the answer to {call} is another record: {api.clean(record.id, 100)}")
        return record


@dataclass(frozen=True, slots=True)
class _Shelf:
    """A listing: of which kind, where, with which filters, under which scopes."""

    kind: str
    path: str
    needs: tuple[str, ...]
    query: str = ""


def _shelf(kind: Kind, status: Status, filters: Filters) -> _Shelf:
    terms = ([("status", status)] if status != "active" else []) + [*filters]
    query = "".join(f"&{quote(name, safe='')}={quote(value, safe='')}" for name, value in terms)
    needs = (f"{kind.scope}:read", f"{kind.scope}:restore") if status == "trashed" else (f"{kind.scope}:read",)
    return _Shelf(kind.name, kind.path, needs, query)


def _path_to(path: str, id: str) -> str:
    if id in _NO_IDS:
        raise NotFoundError(f"{id!r} is no id", status=404, type="not_found")
    return f"{path}/{quote(id, safe='')}"


def _encoded(body: Mapping[str, JSON]) -> bytes:
    return json.dumps(body, allow_nan=False, separators=(",", ":")).encode()


async def _side_by_side(work: Iterable[Coroutine[None, None, None]]) -> None:
    """Run all of it at once; the first failure ends the rest and is raised."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

"""The sandbox over real HTTP, watched: what each request of lfsync changed, what people changed, in one order of ticks.

The records are read in the sandbox's database, past the API, so that no lag, fault or filter blurs what is seen.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import urlsplit
from urllib.request import urlopen

from lfsync.project.settings import SandboxSettings
from lfsync.sandbox.app import create_app
from lfsync.sandbox.errors import CutError
from tests.adversary import menu
from tests.adversary.forge import KEY
from tests.serving import served

FOREVER = 2**62
_HERE = "/_settled"
VERSION = "2026-03-01"
SERVER = -1  # who writes the texts of meetings anew, and makes meetings vanish
# What the sandbox keeps of a meeting beside its fields, and what follows from its attendees.
_BESIDE = ("invited", "autoCreateRecords", "$manuallyAddedAttendeeEmails", "$manuallyRemovedAttendeeEmails")
_DERIVED = ("meeting.$transcripts", "meeting.$contact", "meeting.$account", "meeting.$opportunity")
Place: TypeAlias = tuple[str, ...]
"""A touch is about: ("field", id, key), ("link", edge, from, to), ("record", id), ("trash", id) or ("hidden", id)."""


class Record(NamedTuple):
    """A record as the database holds it now."""

    id: str
    kind: str
    trashed: bool
    created: int
    fields: Mapping[str, Any]
    hidden: bool = False

    @property
    def gone(self) -> bool:
        """Whether nobody sees it any more."""
        return self.trashed or self.hidden


@dataclass(frozen=True)
class Snapshot:
    """Everything there is at one moment."""

    records: Mapping[str, Record]
    links: frozenset[tuple[str, str, str]]

    def value(self, place: Place) -> Any:
        """What stands at a place; None where nothing does."""
        if place[0] == "link":
            return place[1:] in self.links
        record = self.records.get(place[1])
        if place[0] == "record" or record is None:
            return record is not None
        if place[0] in ("trash", "hidden"):
            return record.trashed if place[0] == "trash" else record.hidden
        return record.fields.get(place[2])


class Effect(NamedTuple):
    """One thing that became another; `old` and `new` are as Snapshot.value tells them."""

    place: Place
    old: Any
    new: Any


def effects(before: Snapshot, after: Snapshot) -> list[Effect]:
    """What differs. A record that came to be is one effect; its fields and links are more of them."""
    found: list[Effect] = []
    for id, record in after.records.items():
        was = before.records.get(id)
        if was is record or was == record:
            continue
        if was is None:
            found.append(Effect(("record", id), False, True))
        elif was.trashed != record.trashed:
            found.append(Effect(("trash", id), was.trashed, record.trashed))
        if was is not None and was.hidden != record.hidden:
            found.append(Effect(("hidden", id), was.hidden, record.hidden))
        old = was.fields if was else {}
        for key in {**old, **record.fields}:
            if old.get(key) != record.fields.get(key):
                found.append(Effect(("field", id, key), old.get(key), record.fields.get(key)))
    found += [Effect(("link", *link), False, True) for link in sorted(after.links - before.links)]
    found += [Effect(("link", *link), True, False) for link in sorted(before.links - after.links)]
    return found


def by_server(effect: Effect) -> bool:
    """Whether this is what the server does about a meeting of its own accord, in whatever request it does it."""
    what = effect.place[0]
    return what == "hidden" or (what == "field" and menu.by_server(effect.place[2], effect.new))


class Touch(NamedTuple):
    """An effect, when it was, and whose: the number of a run of lfsync, 0 for people, or SERVER."""

    tick: int
    run: int
    effect: Effect


class Request(NamedTuple):
    """One request of lfsync. `ticks` are before and after the work; `status` None: cut off."""

    run: int
    ticks: tuple[int, int]
    method: str
    path: str
    key: str | None
    body: Mapping[str, Any]
    status: int | None
    id: str | None
    effects: tuple[Effect, ...]

    @property
    def is_write(self) -> bool:
        return self.method != "GET"


class Moment(NamedTuple):
    """When something happens in a run: at this request (of the writes alone), before its work or after it.

    Where `act` says True before the work, the request is lost on its way.
    """

    at: int
    after: bool
    writes: bool
    act: Callable[[], bool]


@dataclass
class Clock:
    """The server's clock: this machine's, and so many seconds off."""

    ahead: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@dataclass
class Stage:
    """One server for many worlds, one after the other. An ASGI app around the sandbox's own."""

    url: str = ""
    app: Any = None
    clock: Clock = field(default_factory=Clock)
    run: int = 0
    tick: int = 0
    requests: list[Request] = field(default_factory=list)
    touches: list[Touch] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    _counts: list[int] = field(default_factory=lambda: [0, 0])
    _running: int = 0
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _seen: Snapshot = field(default_factory=lambda: Snapshot({}, frozenset()))
    _version: int = -1

    # ------------------------------------------------------------ a world

    def open(self, seed: Path, settings: SandboxSettings, ahead: float) -> None:
        """A new workspace."""
        self.clock = Clock(ahead)
        self.app = create_app(settings, database=":memory:", seed=seed, clock=self.clock)
        self.run = self.tick = self._running = 0
        self.requests, self.touches, self.moments = [], [], []
        self._seen, self._version = Snapshot({}, frozenset()), -1

    def close(self) -> None:
        """Forgets the workspace."""
        if self.app is not None:
            self.app.state.close()
            self.app = None

    def _query(self, sql: str, *values: str | int) -> Iterator[tuple[Any, ...]]:
        """Rows of the database."""
        rows: Iterator[tuple[Any, ...]] = iter(self.app.state.workspace.store.execute(sql, *values).fetchall())
        return rows

    def snapshot(self) -> Snapshot:
        """The database, read whole; what did not change since is not read again."""
        changes = int(next(self._query("SELECT total_changes()"))[0])
        if changes == self._version:
            return self._seen
        rows = self._query(
            "SELECT id, kind, trashed, created, fields, hidden FROM versions WHERE until = ? AND kind != 'member'",
            FOREVER,
        )
        known = self._seen.records
        records: dict[str, Record] = {}
        for id, kind, trashed, created, text, hidden in rows:
            fields = {key: value for key, value in json.loads(text).items() if key not in _BESIDE}
            if fields.get("status") == "COMPLETED" and "md5" not in fields:  # of a seed
                fields["md5"] = self._digest(id)
            record = Record(id, kind, bool(trashed), created, fields, bool(hidden))
            records[id] = known[id] if id in known and known[id] == record else record
        links = self._query("SELECT edge, src, dst FROM links WHERE until = ?", FOREVER)
        kept = ((edge, src, dst) for edge, src, dst in links if edge not in _DERIVED)
        self._seen = Snapshot(records, frozenset(kept))
        self._version = changes
        return self._seen

    def _digest(self, id: str) -> str:
        content: Path = self.app.state.workspace.store.contents.path(id)
        return menu.digest(content.read_text(encoding="utf-8"))

    def now(self) -> int:
        """The server's clock, in milliseconds."""
        return int(self.clock() * 1000)

    def options(self, path: str, key: str) -> dict[str, str]:
        """The options of a select: id by label."""
        _, found = self._ask("GET", f"{path}/definitions", {})
        rows = found["fieldDefinitions"][key]["typeConfiguration"]["options"]
        return {row["label"]: row["id"] for row in rows}

    def members(self) -> dict[str, str]:
        """The ids of the members, by e-mail."""
        rows = self._query("SELECT id, fields FROM versions WHERE kind = 'member' AND until = ?", FOREVER)
        return {json.loads(text)["$email"]: id for id, text in rows}

    # ------------------------------------------------------------ people

    def act(self, method: str, path: str, body: Mapping[str, Any]) -> None:
        """What a person does through the API. Where it refuses, nothing happens."""
        before = self.snapshot()
        self._ask(method, path, body)
        self._note(0, effects(before, self.snapshot()))

    def upload(self, name: str, mime: str, content: str, *, whole: bool) -> None:
        """A person uploads a file, or only begins to."""
        before = self.snapshot()
        raw = content.encode()
        _, begun = self._ask("POST", "/v1/files", {"filename": name, "mimeType": mime, "sizeBytes": len(raw)})
        if whole and begun:
            address = urlsplit(begun["uploadUrl"])
            self._send(
                "PUT", address.path, address.query, {"content-length": str(len(raw)), **begun["uploadHeaders"]}, raw
            )
            self._ask("POST", f"/v1/files/{begun['id']}/complete", {})
        self._note(0, effects(before, self.snapshot()))

    def _note(self, run: int, found: Iterable[Effect]) -> list[Effect]:
        """Keeps what was touched, and by whom; what `run` itself did."""
        self.tick += 1
        mine = []
        for effect in found:
            servers = by_server(effect)
            self.touches.append(Touch(self.tick, SERVER if servers else run, effect))
            mine += [] if servers else [effect]
        return mine

    def _ask(self, method: str, path: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        """A request to the API."""
        headers = {"authorization": f"Bearer {KEY}", "lightfield-version": VERSION, "content-type": "application/json"}
        return self._send(method, path, "", headers, json.dumps(dict(body)).encode() if body else b"")

    def _send(self, method: str, path: str, query: str, headers: Mapping[str, str], raw: bytes) -> tuple[int, Any]:
        """One request past the network, tried again where the sandbox's faults hit it; done when this returns."""
        scope = {
            "type": "http",
            "http_version": "1.1",
            "scheme": "http",
            "server": ("localhost", 80),
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        for _ in range(8):
            status, answer = _at_once(self._answer(scope, raw))
            if status and status < 500 and status != 429:
                return status, answer
        return 0, None

    # ------------------------------------------------------------ runs of lfsync

    def begin(self, moments: list[Moment]) -> int:
        """A new run; its number."""
        self.run += 1
        self.tick += 1
        self.moments, self._counts = moments, [0, 0]
        return self.run

    def settle(self) -> None:
        """What a killed process sent is done all the same, also what stood in a socket unread when it died."""
        for _ in range(2):  # whoever is answered now comes after all that stood there before
            with urlopen(f"{self.url}{_HERE}"):
                pass
        end = time.monotonic() + 10
        while self._running and time.monotonic() < end:
            time.sleep(0.002)
        self.moments = []

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """One request of lfsync, one at a time: each is seen with all that it did and nothing else."""
        if scope["path"] == _HERE:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        self._running += 1
        try:
            async with self._turn:
                answer = await self._serve(scope, receive)
            for part in answer:
                await send(part)
        finally:
            self._running -= 1

    async def _serve(self, scope: MutableMapping[str, Any], receive: Any) -> list[Any]:
        write = scope["method"] != "GET"
        self._counts[0] += 1
        self._counts[1] += write
        counts = tuple(self._counts)
        if self._pass(counts, write, after=False):
            return []
        raw = await _body(receive)
        before, first = self.snapshot(), self.tick
        answer = await self._answer(scope, raw)
        found = tuple(self._note(self.run, effects(before, self.snapshot())))
        status, seen = _seen(answer)
        headers = dict(scope["headers"])
        key = headers.get(b"idempotency-key", b"").decode() or None
        path = scope["path"] + (f"?{scope['query_string'].decode()}" if scope["query_string"] else "")
        body = json.loads(raw) if raw.strip() and write and scope["path"].startswith("/v1/") else {}
        request = Request(self.run, (first, self.tick), scope["method"], path, key, body, status, _id(seen), found)
        self.requests.append(request)
        self._pass(counts, write, after=True)
        return answer

    async def _answer(self, scope: MutableMapping[str, Any], raw: bytes) -> list[Any]:
        answer: list[Any] = []
        asked: list[bool] = []

        async def once() -> Any:
            if asked:  # whoever waits for the client to hang up
                await asyncio.Event().wait()
            asked.append(True)
            return {"type": "http.request", "body": raw, "more_body": False}

        async def keep(message: Any) -> None:
            answer.append(message)

        await self.app(scope, once, keep)
        return answer

    def _pass(self, counts: tuple[int, ...], write: bool, *, after: bool) -> bool:
        lost = False
        for moment in [m for m in self.moments if m.after == after]:
            if counts[moment.writes] == moment.at and (write or not moment.writes):
                self.moments.remove(moment)
                lost = moment.act() or lost
        return lost


async def _body(receive: Any) -> bytes:
    raw, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        raw += message.get("body", b"")
        more = message.get("more_body", False)
    return raw


def _seen(answer: list[Any]) -> tuple[int | None, Any]:
    """The status and the body of an answer."""
    status = next((part["status"] for part in answer if part["type"] == "http.response.start"), None)
    try:
        return status, json.loads(b"".join(part.get("body", b"") for part in answer))
    except ValueError:
        return status, None


def _id(body: Any) -> str | None:
    id = body.get("id") if isinstance(body, dict) else None
    return id if isinstance(id, str) else None


def _at_once(work: Coroutine[Any, Any, list[Any]]) -> tuple[int | None, Any]:
    """The answer of an app that has nothing to wait for, without an event loop of its own."""
    try:
        while True:
            work.send(None)
    except StopIteration as done:
        return _seen(done.value)
    except CutError:
        return None, None


@contextmanager
def stage() -> Iterator[Stage]:
    """A server on a free port, in a thread of its own."""
    made = Stage()
    try:
        with served(made) as made.url:
            yield made
    finally:
        made.close()

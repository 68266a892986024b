"""The laws' bench on a real disk: runs take the lock, and find the state and the journal that the run before left.

A run can be killed at any request. Nothing that its unwinding does counts: what was on disk at that moment is put
back, as SIGKILL would have left it, and the requests that were under way are lost before the work or after it.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Literal, NamedTuple, TypeAlias

import httpx

from lfsync.api.client import Client
from lfsync.api.wire import ClientSettings
from lfsync.applying.applier import Applier
from lfsync.commands.opening import open_session
from lfsync.planning.draft import Wishes
from lfsync.planning.make import plan_declared
from lfsync.planning.session import Session
from lfsync.project.workspace import Workspace
from lfsync.sandbox.store import Row
from lfsync.state.state import State, decode, merged
from tests.laws.bench import Bench, Kept, Run, Silent, Snapshot
from tests.laws.cases import Case
from tests.laws.menu import Data

FINE = ("done", "unchanged")
Lost: TypeAlias = Literal["nothing", "journal", "journal and state"]
LOST: tuple[Lost, ...] = ("nothing", "journal", "journal and state")
_NAME = "laws"
_URL = "http://localhost"
_KEY = "sk_lf_soak"
# What the server writes of its own accord under the quirks `enrichment` and `generated-texts`.
_SERVER_WRITTEN = frozenset(
    {"$headcount", "$howTheyMakeMoney", "$opportunityStatus", "$meetingPrep", "$postMeetingSummary"}
)
_OF_A_SESSION = frozenset({"expires", "completedAt"})
_SERVERS_TITLE = "Found by enrichment"


class Killed(BaseException):
    """The process is gone. No `except Exception` may save it."""


class Moment(NamedTuple):
    """When to die: at this request, counted as they leave, before the work or after it."""

    request: int
    after: bool


async def _nothing(request: httpx.Request) -> None:
    """Nobody acts before this write."""


class Scythe(httpx.AsyncBaseTransport):
    """Lets requests overtake each other on their way there and back, and kills at a moment."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self.inner = inner
        self.moment: Moment | None = None
        self.die: Callable[[], None] = lambda: None
        self.sent = 0
        self.dead = False
        self.chance = Random(0)
        self.writes: list[str] = []
        self.just_before: Callable[[httpx.Request], Awaitable[None]] = _nothing

    def arm(self, moment: Moment | None, die: Callable[[], None]) -> None:
        """A new run, which dies at `moment`."""
        self.moment, self.die, self.sent, self.dead, self.chance = moment, die, 0, False, Random(str(moment))
        self.writes = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.sent += 1
        number = self.sent
        await self._travel(Moment(number, after=False))
        if request.method != "GET":
            self.writes.append(f"{request.method} {request.url.path}")
            await self.just_before(request)
        response = await self.inner.handle_async_request(request)
        await self._travel(Moment(number, after=True))
        return response

    async def _travel(self, arrival: Moment) -> None:
        for _ in range(self.chance.randrange(4)):
            await asyncio.sleep(0)
        if arrival == self.moment and not self.dead:
            self.dead = True
            self.die()
        if self.dead:
            raise Killed


def _nobody(run: Run) -> None:
    """People who do nothing."""


class Ground(Bench):
    """A case in its sandbox, with its project on disk. Close it."""

    wishes = Wishes(prune=True)

    @cached_property
    def scythe(self) -> Scythe:
        """What stands between lfsync and the sandbox."""
        return Scythe(self.spy.inner)

    @property
    def state_file(self) -> Path:
        return self.folder / ".lfsync" / "sandbox" / f"{_NAME}.jsonl"

    @property
    def journal_file(self) -> Path:
        return self.folder / ".lfsync" / "journal" / f"{_NAME}.jsonl"

    def lose(self, lost: Lost) -> None:
        """Delete what a machine may not have."""
        if lost != "nothing":
            self.journal_file.unlink(missing_ok=True)
        if lost == "journal and state":
            self.state_file.unlink(missing_ok=True)

    def bound(self) -> State:
        """What the state file says."""
        return decode(self.state_file.read_text(), "state")

    def carry_out(self, moment: Moment | None = None, meanwhile: Callable[[Run], None] = _nobody) -> Run | None:
        """`lfsync apply --yes --prune` as the command does it. None where it was killed.

        What it wrote is in `scythe.writes`. `meanwhile` is what people do between the plan and its apply.
        """
        left: dict[Path, bytes] = {}

        def die() -> None:
            left.update((path, path.read_bytes()) for path in self._files())

        self.scythe.arm(moment, die)
        try:
            run = asyncio.run(self._carried_out(meanwhile))
        except BaseException:  # a group of them, where several requests were under way
            if not self.scythe.dead:
                raise
            for path in self._files():
                path.unlink()
            for path, content in left.items():
                path.write_bytes(content)
            return None
        assert not self.scythe.dead, "it was killed, and went on"
        return run

    def _files(self) -> list[Path]:
        return [path for path in (self.state_file, self.journal_file) if path.exists()]

    def apply_now(self, meanwhile: Callable[[Run], None] = _nobody) -> Run:
        """An apply that nobody kills."""
        run = self.carry_out(None, meanwhile)
        assert run is not None
        return run

    async def _carried_out(self, meanwhile: Callable[[Run], None]) -> Run:
        async with open_session(self.folder, _NAME, writing=True, connect=self._connect) as session:
            session.clock, session.sleep = self.time.steady, self.time.sleep
            planned = await plan_declared(session, wishes=self.wishes)
            applier = Applier(planned, Silent(), session.journal)
            run = Run(planned)
            await asyncio.to_thread(meanwhile, run)
            try:
                run.outcomes = await applier.run()
            finally:
                session.keep(merged(session.state, planned.state, applier.state), planned.schema)
            return run

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Session]:
        """A plan: it takes no lock and writes nothing."""
        self.scythe.arm(None, lambda: None)
        async with open_session(self.folder, _NAME, connect=self._connect) as session:
            yield session

    @asynccontextmanager
    async def _connect(self, workspace: Workspace) -> AsyncIterator[Client]:
        settings = ClientSettings(_URL, _KEY, transport=Kept(self.scythe))
        async with Client(settings, clock=self.time.steady, sleep=self.time.sleep, chance=lambda: 0.5) as client:
            yield client


@contextmanager
def ground(
    case: Case,
    quirks: Mapping[str, str] | None = None,
    *,
    lag: float = 0,
    faults: float = 0,
    random_seed: int = 7,
) -> Iterator[Ground]:
    """A ground that is closed at the end."""
    made = Ground(case, quirks, lag, faults, random_seed)
    try:
        yield made
    finally:
        made.close()


# ---------------------------------------------------------------- the truth


class Truth(NamedTuple):
    """All that is in a workspace, by names instead of ids, so that two of them can be held against each other."""

    records: Counter[str]
    values: frozenset[tuple[str, str]]
    links: frozenset[tuple[str, str, str]]

    def duplicates(self, wanted: Truth) -> int:
        """Records that are there more often than they should be."""
        return (self.records - wanted.records).total()

    def lost(self, wanted: Truth) -> int:
        """Records, values and links that should be there and are not."""
        gone = wanted.records - self.records
        return gone.total() + len(wanted.values - self.values) + len(wanted.links - self.links)

    def __str__(self) -> str:
        return "\n".join([*map(str, sorted(self.records.items())), *map(str, sorted(self.values))])


def truth(snapshot: Snapshot) -> Truth:
    """Read past lfsync and past the API."""
    names = {id: _name(row) for id, row in snapshot.rows.items()}
    values = {
        (names[row.id], f"{key}={json.dumps(value, sort_keys=True)}")
        for row in snapshot.rows.values()
        for key, value in row.fields.items()
        if key not in _SERVER_WRITTEN | _OF_A_SESSION and value not in (None, "", [], _SERVERS_TITLE)
    }
    links = {(link.edge, names.get(link.src, link.src), names.get(link.dst, link.dst)) for link in snapshot.links}
    return Truth(Counter(names.values()), frozenset(values), frozenset(links))


def _name(row: Row) -> str:
    fields = row.fields
    name: Data = fields.get("$email") or fields.get("$name") or fields.get("$title") or fields.get("name")
    name = name or fields.get("filename")
    return f"{row.kind} {json.dumps(name)}{' (trashed)' if row.trashed else ''}"


def remembered(state: State, snapshot: Snapshot) -> dict[str, str]:
    """The record behind each address, by name."""
    return {str(address): _name(snapshot.rows[b.id]) for address, b in state.bindings.items()}

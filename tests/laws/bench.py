"""Runs a case in process: the sandbox app behind its transport, watched, and runs of lfsync on the project's files.

Time is real, but a client that waits for its turn or for a retry makes the clock jump instead. The bench reads the
sandbox's records past the API, so that no lag and no fault blurs what it sees.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import NamedTuple, TypeVar

import httpx

from lfsync.api.client import Client
from lfsync.api.wire import ClientSettings
from lfsync.applying.applier import Applier
from lfsync.kinds import KINDS, OBJECT
from lfsync.model import Address, Change, Outcome, Plan
from lfsync.planning.draft import Wishes
from lfsync.planning.make import plan_declared, plan_saved
from lfsync.planning.planned import Planned
from lfsync.planning.session import Session
from lfsync.project.load import load_project
from lfsync.project.settings import SandboxSettings
from lfsync.project.workspace import Workspace
from lfsync.sandbox.app import create_app
from lfsync.sandbox.store import FOREVER, Link, Row
from lfsync.sandbox.transport import SandboxTransport
from lfsync.sandbox.workspace import NOW
from lfsync.sandbox.workspace import Workspace as Crm
from lfsync.state.state import State, decode, encode, merged
from tests.laws.cases import SECTIONS, Case
from tests.laws.files import dump, write_project
from tests.laws.menu import OBJECTS, Data, definitions

T = TypeVar("T")
_URL = "http://localhost"
_KEY = "sk_lf_laws"
_HEADERS = {"Authorization": f"Bearer {_KEY}", "Lightfield-Version": "2026-03-01"}


class Sent(NamedTuple):
    """One write that reached the sandbox, with its answer."""

    path: str
    body: dict[str, Data]
    status: int
    answer: Data


class Time:
    """Real time plus what was slept through."""

    def __init__(self) -> None:
        self.skipped = 0.0

    def now(self) -> float:
        return time.time() + self.skipped

    def steady(self) -> float:
        return time.monotonic() + self.skipped

    async def sleep(self, seconds: float) -> None:
        self.skipped += seconds
        await asyncio.sleep(0)


class Spy(httpx.AsyncBaseTransport):
    """Passes every request on and keeps the writes."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self.inner = inner
        self.writes: list[Sent] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.inner.handle_async_request(request)
        if request.method not in ("GET", "PUT"):  # bytes of a file go to an address that a write before it named
            answer = json.loads(await response.aread())
            self.writes.append(
                Sent(request.url.path, json.loads(request.content or "{}"), response.status_code, answer)
            )
        return response


class Snapshot(NamedTuple):
    """Everything in the sandbox: records by id, and links."""

    rows: dict[str, Row]
    links: frozenset[Link]

    def live(self) -> set[str]:
        return {id for id, row in self.rows.items() if not row.trashed}


class Silent:
    """A reporter that tells nobody."""

    def start(self, plan: Plan) -> None: ...
    def began(self, change: Change) -> None: ...
    def answered(self, address: Address, id: str) -> None: ...
    def uploading(self, address: Address, sent: int, size: int) -> None: ...
    def finished(self, outcome: Outcome) -> None: ...
    def note(self, message: str) -> None: ...
    def close(self) -> None: ...


@dataclass
class Run:
    """One plan, and where it was applied what became of it. `writes` are those of this run alone."""

    planned: Planned
    outcomes: list[Outcome] = field(default_factory=list)
    writes: list[Sent] = field(default_factory=list)

    @property
    def plan(self) -> Plan:
        return self.planned.plan

    def fate(self) -> dict[str, str]:
        return {str(outcome.address): outcome.status for outcome in self.outcomes}


class Bench:
    """One case in its sandbox. Close it."""

    wishes = Wishes()

    def __init__(
        self,
        case: Case,
        quirks: Mapping[str, str] | None = None,
        lag: float = 0,
        faults: float = 0,
        random_seed: int = 7,
    ) -> None:
        self.case = case
        self.time = Time()
        self.lag_timeout = 2.0 if lag else 0.0  # without lag, what people do to a list is seen at once (rule R2)
        self.folder = Path(tempfile.mkdtemp(prefix="laws-"))
        seed = self.folder / "seed.yml"
        seed.write_text(dump({**case.seed, "definitions": definitions(case.pipelines), "objects": OBJECTS}), "utf-8")
        settings = SandboxSettings(
            rps=0, index_lag=lag, faults=faults, random_seed=random_seed, quirks=dict(quirks or {})
        )
        self.app = create_app(settings, database=":memory:", seed=seed, clock=self.time.now)
        seed.unlink()
        self.crm: Crm = self.app.state.workspace
        self.spy = Spy(SandboxTransport(self.app))
        self.state = State(salt="0123456789abcdef")
        self.write()

    def close(self) -> None:
        self.app.state.close()
        shutil.rmtree(self.folder)

    def write(self, shuffled: Random | None = None) -> None:
        """The project's files, anew."""
        write_project(self.folder, self.case, self.lag_timeout, self.known, shuffled)

    # ------------------------------------------------------------ runs

    def plan(self) -> Run:
        return self._do(self._plan)

    def apply(self, meanwhile: Callable[[Run], None] | None = None) -> Run:
        """Plan and apply; `meanwhile` is what people do in between. The state is kept as its file would keep it."""

        async def work(session: Session) -> Run:
            run = await self._plan(session)
            if meanwhile is not None:
                await asyncio.to_thread(meanwhile, run)
            return await self._applied(session, run)

        return self._do(work)

    def apply_saved(self, saved: Plan) -> Run:
        """Apply a plan that an earlier run saved."""

        async def work(session: Session) -> Run:
            return await self._applied(session, Run(await plan_saved(session, saved)))

        return self._do(work)

    async def _applied(self, session: Session, run: Run) -> Run:
        before = len(self.spy.writes)
        applier = Applier(run.planned, Silent())
        try:
            run.outcomes = await applier.run()
        finally:
            self.state = decode(encode(merged(self.state, run.planned.state, applier.state)), "state")
        run.writes = self.spy.writes[before:]
        return run

    async def _plan(self, session: Session) -> Run:
        before = len(self.spy.writes)
        run = Run(await plan_declared(session, wishes=self.wishes))
        assert len(self.spy.writes) == before, "a plan wrote"
        return run

    def _do(self, work: Callable[[Session], Awaitable[T]]) -> T:
        async def run() -> T:
            async with self._session() as session:
                return await work(session)

        return asyncio.run(run())

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Session]:
        project = load_project(self.folder)
        workspace = Workspace("laws", project.settings.workspaces["laws"], self.folder)
        settings = ClientSettings(_URL, _KEY, transport=Kept(self.spy))
        client = Client(settings, clock=self.time.steady, sleep=self.time.sleep, chance=lambda: 0.5)
        async with client:
            yield Session(project, workspace, client, self.state, clock=self.time.steady, sleep=self.time.sleep)

    # ------------------------------------------------------------ people

    def person(self, method: str, path: str, body: Data = None) -> Data:
        """What somebody does in the workspace: a request that lfsync knows nothing of."""
        return asyncio.run(self.meanwhile(method, path, body))

    async def meanwhile(self, method: str, path: str, body: Data = None) -> Data:
        """The same while a run is under way, on its own loop: the sandbox in process is for one thread."""
        async with httpx.AsyncClient(transport=Kept(self.spy.inner), base_url=_URL, headers=_HEADERS) as client:
            response = await client.request(method, path, json=body)
        assert response.status_code == 200, response.text
        return response.json()

    def log(self) -> list[dict[str, Data]]:
        """The sandbox's own log of requests."""
        log: list[dict[str, Data]] = self.person("GET", "/_sandbox/log")
        return log

    # ------------------------------------------------------------ the truth

    def snapshot(self) -> Snapshot:
        """Every record, trashed ones too, and every link. The session of an upload is none before it is completed."""
        rows = {
            row.id: row
            for kind in (*KINDS, "project")
            for trashed in (False, True)
            for row in self.crm.store.scan(kind, trashed=trashed, hidden=True, at=NOW)
            if kind != "file" or row.fields["status"] == "COMPLETED"
        }
        return Snapshot(rows, frozenset(self.crm.store.links(rows, FOREVER - 1)))

    def known(self, kind: str, mark: str) -> str:
        """The id behind `@id:SECTION:NUMBER` (in the order of the seed) or `@option:FIELD:NUMBER`."""
        what, name, number = mark[1:].split(":")
        if what == "option":
            return self.crm.kind(kind.removeprefix(OBJECT)).fields[name].options[int(number)].id
        found = "member" if name == "members" else {section: kind for kind, section in SECTIONS.items()}[name]
        found = found.removeprefix(OBJECT)
        store = self.crm.store
        rows = [row for trashed in (False, True) for row in store.scan(found, trashed=trashed, hidden=True, at=NOW)]
        return sorted(rows, key=lambda row: row.created)[int(number)].id


class Kept(httpx.AsyncBaseTransport):
    """A transport that outlives the client that closes it."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self.inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self.inner.handle_async_request(request)

"""A project of files on a real disk against the sandbox in process, where a run can be killed anywhere.

Time is real, but a client that waits makes the clock jump instead. Nothing that the unwinding of a killed run does
counts: what was on disk at that moment is put back, as SIGKILL would have left it, and no request goes out any more.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import httpx

from lfsync.api.client import Client
from lfsync.api.wire import ClientSettings
from lfsync.applying.applier import Applier
from lfsync.commands.opening import open_session
from lfsync.model import Address, Outcome
from lfsync.planning.draft import Wishes
from lfsync.planning.make import plan_declared
from lfsync.planning.planned import Planned
from lfsync.planning.selection import ALL, Patterns
from lfsync.project.settings import SandboxSettings
from lfsync.project.workspace import Workspace
from lfsync.sandbox.app import create_app
from lfsync.sandbox.store import Row
from lfsync.sandbox.transport import SandboxTransport
from lfsync.sandbox.workspace import NOW
from lfsync.state.journal import Journal, Left, read
from lfsync.state.state import merged
from tests.laws.bench import Kept, Silent, Time

NAME = "yard"
KEY = "sk_lf_0_SecretOfTheYard"
URL = "http://localhost"


class Killed(BaseException):
    """The process is gone. No `except Exception` may save it."""


class Reaper:
    """Counts the steps of a run, of every sort, and ends it at one of them."""

    def __init__(self) -> None:
        self.moment = 0
        self.steps = 0
        self.dead = False
        self.die: Callable[[], None] = lambda: None
        self.was: list[str] = []

    def step(self, what: str) -> None:
        if self.dead:
            raise Killed
        self.steps += 1
        self.was.append(what)
        if self.steps == self.moment:
            self.dead = True
            self.die()
            raise Killed


class Road(httpx.AsyncBaseTransport):
    """Between lfsync and the sandbox: a step before the work of each request, and one after it."""

    def __init__(self, inner: httpx.AsyncBaseTransport, reaper: Reaper) -> None:
        self.inner, self.reaper = inner, reaper
        self.requests: list[httpx.Request] = []
        self.chance = Random(0)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        await self._travel()
        self.reaper.step(f"before {request.method} {request.url.path}")
        response = await self.inner.handle_async_request(request)
        await self._travel()
        self.reaper.step(f"after {request.method} {request.url.path}")
        return response

    async def _travel(self) -> None:
        """Requests overtake each other."""
        for _ in range(self.chance.randrange(4)):
            await asyncio.sleep(0)


class Stepping(Silent):
    """Some bytes of an upload that are on their way are a step, too."""

    def __init__(self, reaper: Reaper) -> None:
        self.reaper = reaper
        self.seen: list[tuple[Address, int, int]] = []

    def uploading(self, address: Address, sent: int, size: int) -> None:
        self.seen.append((address, sent, size))
        self.reaper.step(f"{sent} bytes of {address}")


class StepJournal:
    """And so is each line of the journal: before it is written, and after it."""

    def __init__(self, inner: Journal, reaper: Reaper) -> None:
        self.inner, self.reaper = inner, reaper

    def __getattr__(self, name: str) -> Any:
        write = getattr(self.inner, name)

        def stepped(*arguments: object) -> None:
            self.reaper.step(f"before the line {name}")
            write(*arguments)
            self.reaper.step(f"after the line {name}")

        return stepped


class Yard:
    """A project in its sandbox. Close it."""

    def __init__(
        self, quirks: Mapping[str, str] | None = None, *, lag: float = 0, faults: float = 0, random_seed: int = 7
    ) -> None:
        self.time = Time()
        self.folder = Path(tempfile.mkdtemp(prefix="yard-"))
        timeout = 2 if lag else 0
        (self.folder / "lfsync.yaml").write_text(
            f"version: 1\nworkspaces: {{{NAME}: {{base_url: '{URL}', index_lag_timeout: {timeout}}}}}\n"
        )
        settings = SandboxSettings(
            rps=0, index_lag=lag, faults=faults, random_seed=random_seed, quirks=dict(quirks or {})
        )
        self.app = create_app(settings, database=":memory:", seed=None, clock=self.time.now)
        self.crm = self.app.state.workspace
        self.reaper = Reaper()
        self.road = Road(SandboxTransport(self.app), self.reaper)
        self.stepping = Stepping(self.reaper)
        self.applier: Applier | None = None

    def close(self) -> None:
        self.app.state.close()

    # ------------------------------------------------------------ files

    def declare(self, contents: Mapping[str, bytes], **more: str) -> None:
        """`files:` of these keys, and what each holds; `more` is YAML of other keys of their bodies."""
        lines = ["files:"]
        for key, content in contents.items():
            path = self.folder / f"{key}.bin"
            path.write_bytes(content)
            lines.append(f"  {key}: {{path: {key}.bin{more.get(key, '')}}}")
        (self.folder / "crm.yaml").write_text("\n".join(lines) + "\n" if contents else "accounts: {}\nx-no: 1\n")

    def lose(self, *names: str) -> None:
        """`state` or `journal`: what another machine has not."""
        for name in names:
            (self.folder / ".lfsync" / name / f"{NAME}.jsonl").unlink(missing_ok=True)

    def forget_hashes(self) -> None:
        """What a merge with a state of another salt leaves (rule M2)."""
        path = self.folder / ".lfsync" / "state" / f"{NAME}.jsonl"
        header, *lines = path.read_text().splitlines()
        bare = [{key: value for key, value in json.loads(line).items() if key != "fields"} for line in lines]
        path.write_text("\n".join([header, *map(json.dumps, bare)]) + "\n")

    def left(self) -> Left:
        """What the journal says."""
        return read(self.folder / ".lfsync" / "journal" / f"{NAME}.jsonl")

    # ------------------------------------------------------------ runs

    def plan(self, wishes: Wishes | None = None, patterns: Patterns = ALL) -> Planned:
        """A plan: it takes no lock and writes nothing."""

        async def work() -> Planned:
            async with open_session(self.folder, NAME, connect=self._connect) as session:
                session.clock, session.sleep = self.time.steady, self.time.sleep
                return await plan_declared(session, patterns, wishes)

        self.reaper.moment = self.reaper.steps = 0
        return asyncio.run(work())

    def apply(
        self, moment: int = 0, wishes: Wishes | None = None, between: Callable[[Planned], object] = lambda _: None
    ) -> list[Outcome] | None:
        """`lfsync apply --yes`; None where it was killed, at this step. `between`: after the plan, before the apply."""
        left: dict[Path, bytes] = {}
        kept = [self.folder / ".lfsync" / name / f"{NAME}.jsonl" for name in ("state", "journal")]

        def die() -> None:
            left.update((path, path.read_bytes()) for path in kept if path.exists())

        self.reaper.moment, self.reaper.steps, self.reaper.dead, self.reaper.die = moment, 0, False, die
        self.reaper.was = []
        self.road.chance = Random(moment)
        self.road.requests.clear()
        self.stepping.seen.clear()
        try:
            return asyncio.run(self._applied(wishes, between))
        except BaseException:
            if not self.reaper.dead:
                raise
            for path in kept:
                path.unlink(missing_ok=True)
            for path, content in left.items():
                path.write_bytes(content)
            return None
        finally:
            self.reaper.dead = False
            self.reaper.moment = 0

    async def _applied(self, wishes: Wishes | None, between: Callable[[Planned], object]) -> list[Outcome]:
        async with open_session(self.folder, NAME, writing=True, connect=self._connect) as session:
            session.clock, session.sleep = self.time.steady, self.time.sleep
            planned = await plan_declared(session, wishes=wishes)
            between(planned)
            assert session.journal is not None
            self.applier = Applier(planned, self.stepping, StepJournal(session.journal, self.reaper))
            try:
                return await self.applier.run()
            finally:
                if not self.reaper.dead:
                    session.keep(merged(session.state, planned.state, self.applier.state), planned.schema)

    @asynccontextmanager
    async def _connect(self, workspace: Workspace) -> AsyncIterator[Client]:
        settings = ClientSettings(URL, KEY, transport=Kept(self.road))
        async with Client(settings, clock=self.time.steady, sleep=self.time.sleep, chance=lambda: 0.5) as client:
            yield client

    def fine(self, wishes: Wishes | None = None) -> list[Outcome]:
        """An apply in which all goes well."""
        outcomes = self.apply(wishes=wishes)
        assert outcomes is not None
        assert all(outcome.status in ("done", "unchanged") for outcome in outcomes), outcomes
        return outcomes

    # ------------------------------------------------------------ the truth, past the API

    def rows(self) -> list[Row]:
        return [*self.crm.store.scan("file", trashed=False, hidden=True, at=NOW)]

    def status(self) -> dict[str, str]:
        """Of each file, by id."""
        now = self.crm.store.now()
        expired = {row.id for row in self.rows() if row.fields["expires"] and now >= int(str(row.fields["expires"]))}
        return {
            row.id: "EXPIRED" if row.fields["status"] == "PENDING" and row.id in expired else str(row.fields["status"])
            for row in self.rows()
        }

    def pending(self) -> set[str]:
        return {id for id, status in self.status().items() if status == "PENDING"}

    def completed(self) -> Counter[str]:
        """How often each content is there, by its sha256."""
        done = [row for row in self.rows() if row.fields["status"] == "COMPLETED"]
        return Counter(sha256(self.crm.store.contents.path(row.id).read_bytes()).hexdigest() for row in done)

    def person(self, method: str, path: str, body: object = None) -> Any:
        """What somebody does through the API, or at a presigned address."""

        async def ask() -> httpx.Response:
            headers = {"Authorization": f"Bearer {KEY}", "Lightfield-Version": "2026-03-01"}
            async with httpx.AsyncClient(transport=Kept(SandboxTransport(self.app)), base_url=URL) as client:
                if isinstance(body, bytes):
                    return await client.put(path, content=body, headers={"content-type": "application/octet-stream"})
                return await client.request(method, path, json=body, headers=headers)

        answer = asyncio.run(ask())
        assert answer.status_code in (200, 201, 204), answer.text
        return json.loads(answer.content) if answer.content else None

    def elsewhere(self, name: str, content: bytes, mime: str = "application/octet-stream") -> str:
        """A file that somebody uploads without lfsync."""
        made = self.person("POST", "/v1/files", {"filename": name, "mimeType": mime, "sizeBytes": len(content)})
        self.person("PUT", made["uploadUrl"].removeprefix(URL), content)
        self.person("POST", f"/v1/files/{made['id']}/complete", {})
        return str(made["id"])


@contextmanager
def yard(
    quirks: Mapping[str, str] | None = None, *, lag: float = 0, faults: float = 0, random_seed: int = 7
) -> Iterator[Yard]:
    """A yard that is closed at the end."""
    made = Yard(quirks, lag=lag, faults=faults, random_seed=random_seed)
    try:
        yield made
    finally:
        made.close()


def hashes(*contents: bytes) -> Counter[str]:
    """Each content once."""
    return Counter(sha256(content).hexdigest() for content in contents)

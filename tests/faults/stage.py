"""A stage for one fault: the real command against the sandbox over HTTP, with people at work between two requests.

The sandbox is served by a thread of this process. `Between` stands before it: it lets somebody act at a request of the
test's choice, or kills the lfsync process that sent it. lfsync runs in this process, or in one of its own to be killed.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import pytest
import yaml
from starlette.responses import Response

from lfsync.cli import run
from lfsync.commands import opening
from lfsync.kinds import OBJECT, kind_of
from lfsync.planning.session import Session
from lfsync.project.settings import SandboxSettings
from lfsync.sandbox.app import create_app
from lfsync.sandbox.store import FOREVER, Row
from lfsync.sandbox.workspace import NOW
from lfsync.sandbox.workspace import Workspace as Crm
from tests.e2e.rig import KEY, Project, Run, checked, clean_environment
from tests.serving import served

Answer: TypeAlias = Any  # JSON of the sandbox: looked into freely
Ask: TypeAlias = Callable[..., Awaitable[Answer]]
Act: TypeAlias = Callable[[Ask, Answer], Awaitable[None]]

_HEADERS = {"Authorization": "Bearer sk_lf_people", "Lightfield-Version": "2026-03-01"}
_PERSON = (b"x-person", b"yes")

SEED: Answer = {
    "members": [{"ref": "kai", "email": "kai@corp.example", "first": "Kai", "last": "Berg", "role": "admin"}],
    "definitions": {
        "account": {
            "fields": {"nickname": {"type": "TEXT", "label": "Nickname"}},
            "relationships": {
                "parent": {
                    "label": "Parent",
                    "target": "account",
                    "cardinality": "HAS_MANY",
                    "directions": {
                        "asSource": {"cardinality": "HAS_ONE", "label": "Parent"},
                        "asDestination": {"cardinality": "HAS_MANY", "label": "Subsidiaries"},
                    },
                }
            },
        },
        "opportunity": {"pipelines": {"New business": ["Open", "Won"]}},
    },
}


@dataclass
class Moment:
    """A request of lfsync's: the first that fits and was not passed over. `after`: when it is done, not answered."""

    method: str
    path: str  # a regular expression for all of the path
    after: bool = False
    every: bool = False
    act: Act | None = None  # None: the process that sent it is killed

    def fits(self, method: str, path: str) -> bool:
        return method == self.method and re.fullmatch(self.path, path) is not None


class Between:
    """An ASGI app before the sandbox's."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.moments: list[Moment] = []
        self.victim = 0
        self.running = 0
        self.sent: list[str] = []  # `METHOD path` of what lfsync sent

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http" or _PERSON in scope["headers"]:
            await self.app(scope, receive, send)
            return
        method, path = scope["method"], scope["path"]
        self.running += 1
        try:
            if await self._come_to(method, path, after=False, answer=None):
                await Response(status_code=503)(scope, receive, send)  # nobody hears it
                return
            self.sent.append(f"{method} {path}")
            messages: list[Any] = []

            async def keep(message: Any) -> None:
                messages.append(message)

            await self.app(scope, receive, keep)
            body = b"".join(message.get("body", b"") for message in messages)
            await self._come_to(method, path, after=True, answer=json.loads(body) if body else None)
            for message in messages:
                await send(message)
        finally:
            self.running -= 1

    async def _come_to(self, method: str, path: str, *, after: bool, answer: Answer) -> bool:
        """Whether the sender was killed."""
        killed = False
        for moment in [one for one in self.moments if one.after == after and one.fits(method, path)]:
            if not moment.every:
                self.moments.remove(moment)
            if moment.act is None:
                os.kill(self.victim, signal.SIGKILL)
                killed = True
            else:
                await moment.act(self._ask, answer)
        return killed

    async def _ask(self, method: str, path: str, body: Answer = None) -> Answer:
        """A person's request, from within the server."""
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox", headers=_HEADERS) as client:
            return _answer(await client.request(method, path, **_content(body)))


def _content(body: Answer) -> dict[str, Any]:
    return {
        "content": "" if body is None else json.dumps(body),
        "headers": {"Content-Type": "application/json", "x-person": "yes"},
    }


def _answer(response: httpx.Response) -> Answer:
    assert response.status_code == 200, response.text
    return response.json()


class Clock:
    """The server's clock, so many seconds ahead of this machine's."""

    ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@dataclass
class Waits:
    """What lfsync waits for an index, in this process, costs no time: the server's clock and its own jump instead.

    So lags may be long, and however busy the machine is, the next command comes within them. `seconds`: waited so far.
    """

    clock: Clock
    seconds: float = 0

    def steady(self) -> float:
        return time.monotonic() + self.seconds

    async def sleep(self, seconds: float) -> None:
        self.pass_by(seconds)
        self.seconds += seconds
        await asyncio.sleep(0)

    def pass_by(self, seconds: float) -> None:
        """So much time passes between two commands."""
        self.clock.ahead += seconds


@dataclass
class Stage:
    """One project and its workspace. `capture` gives and forgets what was printed so far."""

    folder: Path
    url: str
    between: Between
    clock: Clock
    capture: Callable[[], Iterable[str]]
    environment: Mapping[str, str] = field(default_factory=dict)
    waits: Waits = field(default_factory=lambda: Waits(Clock()))

    # ------------------------------------------------------------ lfsync

    def lfsync(self, *arguments: str, expect: int | None = None) -> Run:
        """One command in this process."""
        self.capture()
        code = run(["-C", str(self.folder), *arguments])
        return checked(Run(code, *self.capture()), expect)

    def plan(self, *arguments: str, expect: int | None = None) -> Answer:
        return self.lfsync("plan", "--format", "json", "--detailed-exitcode", *arguments, expect=expect).json()

    def apply(self, *arguments: str, expect: int | None = None) -> Run:
        return self.lfsync("apply", "--yes", "--allow-large", *arguments, expect=expect)

    def bound(self, address: str) -> str:
        """The id that the state binds an address to."""
        return str(self.project.state()[address]["id"])

    def killed(self, moment: Moment, *arguments: str) -> None:
        """`lfsync apply --yes` in a process of its own, which is killed at that moment."""
        self.between.moments.append(moment)
        with self.project.start("apply", "--yes", *arguments) as process:
            self.between.victim = process.pid
            out, err = process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL, f"it came to no such request\n{out}{err}"
        while self.between.running:
            time.sleep(0.01)

    @property
    def project(self) -> Project:
        """For commands in processes of their own, and on a terminal."""
        return Project(self.folder, {**clean_environment(), **self.environment})

    # ------------------------------------------------------------ files

    def write(self, text: str, name: str = "crm.yaml") -> None:
        (self.folder / name).write_text(text)

    def forget_state(self) -> None:
        """As in a clone of the repository to which no state was committed."""
        shutil.rmtree(self.folder / ".lfsync")

    # ------------------------------------------------------------ people

    def person(self, method: str, path: str, body: Answer = None) -> Answer:
        with httpx.Client(base_url=self.url, headers=_HEADERS) as client:
            return _answer(client.request(method, path, **_content(body)))

    def make(self, kind: str, fields: Answer, **links: Answer) -> str:
        """A person's new record: its id. `links` are named without the `$`."""
        body: Answer = {"fields": fields}
        if links:
            body["relationships"] = {f"${key}": ids for key, ids in links.items()}
        return str(self.person("POST", kind_of(kind).record_path, body)["id"])

    def edit(self, kind: str, id: str, fields: Answer) -> None:
        self.person("POST", f"{kind_of(kind).record_path}/{id}", {"fields": fields})

    def trash(self, kind: str, id: str) -> None:
        self.person("DELETE", f"{kind_of(kind).record_path}/{id}")

    def meanwhile(self, method: str, path: str, act: Act, *, after: bool = False, every: bool = False) -> None:
        """Somebody acts before (or after) that request of lfsync's is served."""
        self.between.moments.append(Moment(method, path, after, every, act))

    # ------------------------------------------------------------ the truth

    @property
    def crm(self) -> Crm:
        crm: Crm = self.between.app.state.workspace
        return crm

    def rows(self, kind: str, *, trashed: bool = False) -> list[Row]:
        """The records of a kind, read past the API and its lag."""
        return list(self.crm.store.scan(kind.removeprefix(OBJECT), trashed=trashed, hidden=True, at=NOW))

    def ids(self, kind: str, *, trashed: bool = False) -> set[str]:
        return {row.id for row in self.rows(kind, trashed=trashed)}

    def called(self, kind: str, name: str) -> list[str]:
        """The ids of the live records of that name or title, blanks around it aside."""
        key = "$title" if kind in ("task", "note") else "$name"
        return [row.id for row in self.rows(kind) if str(row.fields.get(key)).strip() == name]

    def value(self, kind: str, id: str, key: str) -> Answer:
        (row,) = [row for row in self.rows(kind) if row.id == id]
        return row.fields.get(key)

    def linked(self, one: str, other: str) -> bool:
        return any({link.src, link.dst} == {one, other} for link in self.crm.store.links([one], FOREVER - 1))

    def writes(self) -> list[str]:
        """The writes that lfsync sent so far."""
        return [sent for sent in self.between.sent if not sent.startswith("GET")]

    def forget_writes(self) -> None:
        self.between.sent.clear()


Open: TypeAlias = Callable[..., Stage]


@pytest.fixture
def stage(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens a stage: `stage(files, records, lag=, timeout=, quirks=, lists=, objects=, ahead=)`."""
    closing: list[Any] = []

    def opened(
        crm: str = "",
        records: Answer = None,
        *,
        lag: float = 0,
        timeout: float = 0,
        quirks: Mapping[str, str] | None = None,
        lists: Answer = None,
        objects: Answer = None,
        ahead: float = 0,
    ) -> Stage:
        seed = tmp_path / "seed.yaml"
        held = {"records": records or {}, "lists": lists or [], "objects": objects or {}}
        seed.write_text(yaml.safe_dump({**SEED, **held}, sort_keys=False))
        clock = Clock()
        clock.ahead = ahead
        settings = SandboxSettings(rps=0, index_lag=lag, quirks=dict(quirks or {}))
        app = create_app(settings, database=":memory:", seed=seed, clock=clock)
        between = Between(app)
        serving = served(between)
        url = serving.__enter__()
        closing.append((serving, app))
        folder = tmp_path / "project"
        folder.mkdir()
        (folder / "lfsync.yaml").write_text(
            f"version: 1\ndefault_workspace: prod\nworkspaces: {{prod: {{index_lag_timeout: {timeout}}}}}\n"
        )
        environment = {"LIGHTFIELD_BASE_URL": url, "LIGHTFIELD_API_KEY": KEY}
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        waits = Waits(clock)
        monkeypatch.setattr(opening, "Session", partial(Session, clock=waits.steady, sleep=waits.sleep))
        made = Stage(folder, url, between, clock, capsys.readouterr, environment, waits)
        made.write(crm)
        return made

    yield opened
    for serving, app in closing:
        serving.__exit__(None, None, None)
        app.state.close()

"""A small project against the real sandbox in process, with a clock that jumps where lfsync would wait."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TypeVar

import httpx

from lfsync.api.client import Client, ClientSettings
from lfsync.model import JSON, Address
from lfsync.planning.draft import Wishes
from lfsync.planning.make import plan_declared
from lfsync.planning.planned import Planned
from lfsync.planning.session import Session
from lfsync.project.load import load_project
from lfsync.project.settings import SandboxSettings
from lfsync.project.workspace import Workspace
from lfsync.sandbox.app import create_app
from lfsync.sandbox.transport import SandboxTransport
from lfsync.sandbox.workspace import NOW
from lfsync.state.journal import Left
from lfsync.state.ledger import Intent
from lfsync.state.state import State
from lfsync.times import iso
from tests.core.world import STATE

T = TypeVar("T")
URL, KEY = "http://localhost", "sk_lf_core"


class Kept(httpx.AsyncBaseTransport):
    """A transport that outlives the client that closes it."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self.inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self.inner.handle_async_request(request)


class Crm:
    """`lag`: until lists show what was written. `timeout`: what the project takes for the longest lag."""

    def __init__(
        self,
        folder: Path,
        seed: Mapping[str, object],
        *,
        lag: float = 0.0,
        timeout: float = 30.0,
        quirks: Mapping[str, str] | None = None,
    ) -> None:
        self.folder, self.skipped = folder, 0.0
        (folder / "lfsync.yaml").write_text(
            f"version: 1\nworkspaces: {{test: {{base_url: '{URL}', index_lag_timeout: {timeout}}}}}\n"
        )
        beside = folder / "seed.txt"
        beside.write_text(json.dumps(seed))
        settings = SandboxSettings(rps=0, index_lag=lag, quirks=dict(quirks or {}))
        self._app = create_app(settings, database=":memory:", seed=beside, clock=self.now)
        self.transport = Kept(SandboxTransport(self._app))

    def close(self) -> None:
        self._app.state.close()

    # ------------------------------------------------------------ time

    def now(self) -> float:
        """The server's time, Unix seconds."""
        return time.time() + self.skipped

    def ago(self, seconds: float) -> str:
        """That long ago, as state and journal write it."""
        return iso(self.now() - seconds)

    def steady(self) -> float:
        return time.monotonic() + self.skipped

    async def sleep(self, seconds: float) -> None:
        self.skipped += seconds
        await asyncio.sleep(0)

    # ------------------------------------------------------------ lfsync

    def plan(
        self,
        text: str,
        state: State = STATE,
        wishes: Wishes | None = None,
        *,
        open: Mapping[Address, Intent] | None = None,
        key: str = KEY,
    ) -> Planned:
        """The plan of this resource file."""

        async def work(session: Session) -> Planned:
            await self._reset()
            return await plan_declared(session, wishes=wishes)

        return self.run(text, work, state, open=open, key=key)

    def run(
        self,
        text: str,
        work: Callable[[Session], Awaitable[T]],
        state: State = STATE,
        *,
        open: Mapping[Address, Intent] | None = None,
        key: str = KEY,
    ) -> T:
        (self.folder / "crm.yaml").write_text(text)

        async def run() -> T:
            project = load_project(self.folder)
            workspace = Workspace("test", project.settings.workspaces["test"], self.folder)
            settings = ClientSettings(URL, key, transport=self.transport)
            async with Client(settings, clock=self.steady, sleep=self.sleep) as client:
                left = Left(open=dict(open or {}))
                session = Session(project, workspace, client, state, left, clock=self.steady, sleep=self.sleep)
                return await work(session)

        return asyncio.run(run())

    async def _reset(self) -> None:
        async with httpx.AsyncClient(transport=self.transport, base_url=URL) as client:
            await client.post("/_sandbox/reset")

    # ------------------------------------------------------------ people

    def person(self, method: str, path: str, body: JSON = None) -> dict[str, JSON]:
        """What somebody does in the workspace."""

        async def ask() -> httpx.Response:
            headers = {"Authorization": f"Bearer {KEY}", "Lightfield-Version": "2026-03-01"}
            async with httpx.AsyncClient(transport=self.transport, base_url=URL, headers=headers) as client:
                return await client.request(method, path, json=body)

        response = asyncio.run(ask())
        assert response.status_code == 200, response.text
        answer: dict[str, JSON] = response.json()
        return answer

    # ------------------------------------------------------------ the truth

    def id(self, kind: str, name: str) -> str:
        """The id of the record of that name or title, also of one in the trash."""
        rows = [
            row
            for trashed in (False, True)
            for row in self._app.state.workspace.store.scan(kind, trashed=trashed, hidden=True, at=NOW)
        ]
        (found,) = [row.id for row in rows if name in (row.fields.get("$name"), row.fields.get("$title"))]
        return str(found)

    def asked(self) -> Counter[str]:
        """How many requests of each kind the last plan made, but for those that look at the workspace itself."""
        return Counter(shape for entry in self._log() if (shape := _shape(entry["path"])))

    def paths(self) -> list[str]:
        """What the last plan asked for, in order, without queries."""
        return [entry["path"].partition("?")[0] for entry in self._log()]

    def _log(self) -> list[dict[str, str]]:
        async def log() -> list[dict[str, str]]:
            async with httpx.AsyncClient(transport=self.transport, base_url=URL) as client:
                found: list[dict[str, str]] = (await client.get("/_sandbox/log")).json()
                return found

        return asyncio.run(log())


def _shape(path: str) -> str | None:
    path, _, query = path.partition("?")
    section, *rest = path.removeprefix("/v1/").split("/")
    if section in ("auth", "members") or rest == ["definitions"]:
        return None
    if "%5B" in query:
        return f"{section} filtered"
    if "status=trashed" in query:
        return f"{section} trash"
    return {0: f"{section} page", 1: f"{section} by id", 2: f"{section} members"}[len(rest)]

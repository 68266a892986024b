"""The sandbox over real HTTP in this process; it kills the lfsync process that it serves at a request of its choice."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.responses import JSONResponse

from lfsync.kinds import KINDS
from lfsync.project.settings import SandboxSettings
from lfsync.sandbox.app import create_app
from lfsync.sandbox.store import FOREVER
from lfsync.sandbox.workspace import NOW
from lfsync.sandbox.workspace import Workspace as Crm
from tests.e2e.rig import TIMEOUT, Project, Run, checked
from tests.laws.bench import Snapshot
from tests.serving import served
from tests.soak.ground import Moment


def _refusal(wait: int) -> JSONResponse:
    error = {"error": {"type": "rate_limit_exceeded", "code": "rate_limit_exceeded", "message": "Too many requests."}}
    return JSONResponse(error, 429, {"Retry-After": str(wait)})


class Guillotine:
    """An ASGI app around the sandbox's. It counts requests, and at `moment` sends SIGKILL to `victim`.

    `refuses` says of a request for how many seconds it is told to stay away; 0: it is served.
    """

    def __init__(self, app: Any) -> None:
        self.app = app
        self.moment: Moment | None = None
        self.victim = 0
        self.requests = 0
        self.running = 0
        self.url = ""
        self.refuses: Callable[[str, str], int] = lambda method, path: 0

    @property
    def crm(self) -> Crm:
        crm: Crm = self.app.state.workspace
        return crm

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        self.requests += 1
        number = self.requests
        self._fall(Moment(number, after=False))
        wait = self.refuses(scope["method"], scope["path"])
        if wait:
            await _refusal(wait)(scope, receive, send)
            return
        answer: list[Any] = []

        async def keep(message: Any) -> None:
            answer.append(message)

        self.running += 1
        try:
            await self.app(scope, receive, keep)
            self._fall(Moment(number, after=True))
            for message in answer:
                await send(message)
        finally:
            self.running -= 1

    def _fall(self, arrival: Moment) -> None:
        if arrival == self.moment and self.victim:
            os.kill(self.victim, signal.SIGKILL)

    def apply(self, project: Project, moment: Moment | None = None, seconds: float | None = None) -> Run | None:
        """`lfsync apply --yes` in a process of its own; None where it was killed: at a moment, or after seconds."""
        self.requests, self.moment, self.victim = 0, moment, 0
        with project.start("apply", "--yes", "--allow-large") as process:
            self.victim = process.pid
            try:
                out, err = process.communicate(timeout=seconds or TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
                out, err = process.communicate()
        self.victim = 0
        self._drain()
        killed = process.returncode == -signal.SIGKILL
        return None if killed else checked(Run(process.returncode, out, err), None)

    def _drain(self) -> None:
        """What a killed process sent is done all the same."""
        end = time.monotonic() + TIMEOUT
        while self.running and time.monotonic() < end:
            time.sleep(0.01)

    def snapshot(self) -> Snapshot:
        """Every record, trashed ones too, and every link, read past the API."""
        store = self.crm.store
        rows = {
            row.id: row
            for kind in KINDS
            for trashed in (False, True)
            for row in store.scan(kind, trashed=trashed, hidden=True, at=NOW)
        }
        return Snapshot(rows, frozenset(store.links(rows, FOREVER - 1)))


@contextmanager
def guillotine(seed: Path, settings: SandboxSettings) -> Iterator[Guillotine]:
    """A sandbox of its own, on a free port."""
    app = create_app(settings, database=":memory:", seed=seed)
    made = Guillotine(app)
    try:
        with served(made) as made.url:
            yield made
    finally:
        app.state.close()

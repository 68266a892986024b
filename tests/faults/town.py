"""A workspace whose answers a test can bend, and a project that drives it through the real command line.

The sandbox stands behind a small ASGI app in this process, so that a test can answer in its place, change what it
answered, or move its clock; `lfsync` itself talks to it over HTTP, in process or as a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import pytest
from starlette.responses import JSONResponse, Response

from lfsync.cli import run
from lfsync.project.settings import SandboxSettings
from lfsync.sandbox.app import create_app
from tests.e2e.rig import KEY, LFSYNC, TIMEOUT, Run, checked, clean_environment
from tests.serving import served

Answer: TypeAlias = Any  # JSON of the sandbox: looked into freely
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Any]

_ON_RECORD = 20.0  # seconds from an answer to its place on record, at most, however busy the machine is
_PAST = "x-past-lfsync"  # marks the requests of the test itself
HEADERS = {
    "Authorization": f"Bearer {KEY}",
    "Lightfield-Version": "2026-03-01",
    "Content-Type": "application/json",
    _PAST: "1",
}
SEED = """\
members:
  - {ref: kai, email: kai@corp.example, first: Kai, last: Berg, role: admin}
definitions:
  account:
    fields:
      tier: {type: SINGLE_SELECT, label: Tier, options: [Gold, Silver]}
      nickname: {type: TEXT, label: Nickname}
    relationships:
      parent:
        target: account
        cardinality: HAS_MANY
        directions:
          asSource: {cardinality: HAS_ONE, label: Parent}
          asDestination: {cardinality: HAS_MANY, label: Subsidiaries}
"""


def error(status: int, type: str, **more: str) -> JSONResponse:
    """A refusal as the API words it."""
    return JSONResponse({"error": {"type": type, "message": "So says the test.", **more}}, status)


@dataclass
class Axe:
    """SIGKILL to `victim` when so many writes were answered and are on record in `folder`; no more are let in.

    `unanswered`: the last of them is done, and its answer lost. `unproved`: nothing that was written is read again.
    """

    writes: int
    folder: Path
    unanswered: bool = False
    unproved: bool = False
    written: set[str] = field(default_factory=set)
    victim: int = 0
    begun: int = 0
    done: int = 0
    fallen: bool = False

    def admits(self, method: str, path: str) -> bool:
        if method == "GET":
            return not (self.unproved and self.written.intersection(path.split("/")))
        self.begun += 1
        return self.begun <= self.writes

    def falls_unanswered(self) -> bool:
        """Whether this write is the one whose answer is lost; then the process is killed."""
        if not self.unanswered or self.done + 1 < self.writes:
            return False
        self.fall()
        return True

    def answered(self) -> None:
        self.done += 1
        if self.done == self.writes and not self.unanswered:
            threading.Thread(target=self._fall_once_noted).start()

    def _fall_once_noted(self) -> None:
        end = time.monotonic() + _ON_RECORD
        while time.monotonic() < end and not self._is_noted():
            time.sleep(0.01)
        self.fall()

    def _is_noted(self) -> bool:
        """Whether history and journal, which are written one after the other, hold all that was answered."""
        runs = sorted((self.folder / "history").glob("*/*.jsonl"))
        journal = next((self.folder / "journal").glob("*.jsonl"), None)
        if not runs or journal is None:
            return False
        noted = runs[-1].read_text().count('\n{"wrote"')
        lines = journal.read_text().splitlines()
        return min(noted, sum(line.startswith(('{"bound"', '{"released"')) for line in lines)) >= self.done

    def fall(self) -> None:
        os.kill(self.victim, signal.SIGKILL)
        self.fallen = True

    async def wait(self) -> None:
        """Until the process is gone."""
        while not self.fallen:
            await asyncio.sleep(0.01)


@dataclass
class Bent:
    """The ASGI app. `instead` answers in the sandbox's place, `after` changes the body of what it answered.

    `ahead`: seconds that `Date` runs before the clock of `createdAt`. `axe` kills the run that is served.
    """

    app: Any
    instead: Callable[[str, str], Response | None] = lambda method, path: None
    after: Callable[[str, str, bytes], bytes] = lambda method, path, body: body
    ahead: float = 0
    axe: Axe | None = None
    sent: list[tuple[str, str, bytes]] = field(default_factory=list)  # method, path, body

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Send) -> None:
        if _PAST.encode() in dict(scope["headers"]):
            await self.app(scope, receive, send)
            return
        method, path = scope["method"], scope["path"]
        body: list[bytes] = []

        async def heard() -> Any:
            message = await receive()
            body.append(message.get("body", b""))
            return message

        response = self.instead(method, path)
        if response is None and self.axe and not self.axe.admits(method, path):
            await self.axe.wait()
            response = error(503, "api_error")
        if response is not None:
            response.headers["Date"] = formatdate(time.time() + self.ahead, usegmt=True)
            await response(scope, receive, send)
            return
        begun: list[MutableMapping[str, Any]] = []

        async def keep(message: MutableMapping[str, Any]) -> None:
            begun.append(message)

        await self.app(scope, heard, keep)
        self.sent.append((method, path, b"".join(body)))
        if self.axe and method != "GET":
            self.axe.written.add(json.loads(begun[1]["body"])["id"])
        if self.axe and method != "GET" and self.axe.falls_unanswered():
            await self.axe.wait()
        for message in self._bend(method, path, begun):
            await send(message)
        if self.axe and method != "GET":
            self.axe.answered()

    def _bend(self, method: str, path: str, messages: list[MutableMapping[str, Any]]) -> list[MutableMapping[str, Any]]:
        start = messages[0]
        before = b"".join(message.get("body", b"") for message in messages[1:])
        body = self.after(method, path, before) if start["status"] == 200 else before
        headers = [(key, value) for key, value in start["headers"] if key not in (b"content-length", b"date")]
        date = next(value for key, value in start["headers"] if key == b"date").decode()
        moved = formatdate(parsedate_to_datetime(date).timestamp() + self.ahead, usegmt=True)
        headers += [(b"content-length", str(len(body)).encode()), (b"date", moved.encode())]
        return [{**start, "headers": headers}, {"type": "http.response.body", "body": body}]


@dataclass
class Town:
    """One workspace, one project, and people in Lightfield."""

    root: Path
    url: str
    bent: Bent
    capsys: pytest.CaptureFixture[str]
    people: httpx.Client
    key: str = KEY

    # ------------------------------------------------------------ the project

    def write(self, text: str, name: str = "crm.yaml") -> None:
        (self.root / name).write_text(text)

    def settings(self, **workspace: object) -> None:
        """lfsync.yaml; `safety` and the like go beside the workspace."""
        top = {key: workspace.pop(key) for key in ("safety", "defaults", "enrichment", "policies") if key in workspace}
        prod: dict[str, object] = {"index_lag_timeout": 0, **workspace}
        whole = top | {"version": 1, "default_workspace": "prod", "workspaces": {"prod": prod}}
        self.write(json.dumps(whole), "lfsync.yaml")

    def lfsync(self, *arguments: str) -> Run:
        """One command in process."""
        self.capsys.readouterr()
        code = run(["-C", str(self.root), *arguments])
        return checked(Run(code, *self.capsys.readouterr()), None)

    def apply(self, *options: str, expect: int = 0) -> Run:
        said = self.lfsync("apply", "--yes", *options)
        assert said.code == expect, said
        return said

    def plan(self, *options: str) -> dict[str, Answer]:
        """The plan as JSON."""
        said = self.lfsync("plan", "--format", "json", *options)
        found: dict[str, Answer] = json.loads(said.out)
        return found | {"exit_code": said.code}

    def actions(self, *options: str) -> dict[str, str]:
        """Address → action of the plan's changes."""
        return {change["address"]: change["action"] for change in self.plan(*options)["changes"]}

    def killed_apply(self, writes: int, *, unanswered: bool = False, unproved: bool = False) -> None:
        """`apply --yes` in a process of its own, killed at the moment that an Axe describes."""
        axe = Axe(writes, self.root / ".lfsync", unanswered, unproved)
        command: list[str | Path] = [LFSYNC, "-C", self.root, "apply", "--yes", "--allow-large"]
        environment = clean_environment(LIGHTFIELD_BASE_URL=self.url, LIGHTFIELD_API_KEY=self.key)
        quiet = subprocess.DEVNULL
        with subprocess.Popen(command, env=environment, stdin=quiet, stdout=quiet, stderr=quiet) as process:
            axe.victim, self.bent.axe = process.pid, axe
            process.wait(TIMEOUT)
        self.bent.axe = None
        assert process.returncode == -signal.SIGKILL, process.returncode

    def state(self) -> dict[str, dict[str, Answer]]:
        """The state's lines by address."""
        lines = (self.root / ".lfsync/state/prod.jsonl").read_text().splitlines()
        return {line["address"]: line for line in map(json.loads, lines[1:])}

    def id(self, address: str) -> str:
        return str(self.state()[address]["id"])

    def as_key(self, monkeypatch: pytest.MonkeyPatch, *scopes: str) -> None:
        """From now on lfsync has only these scopes."""
        self.key = f"sk_lf_scopes_{','.join(scopes)}"
        monkeypatch.setenv("LIGHTFIELD_API_KEY", self.key)

    # ------------------------------------------------------------ the workspace, past lfsync

    def ask(self, method: str, path: str, body: Answer = None) -> Answer:
        content = None if body is None else json.dumps(body)
        answer = self.people.request(method, path, content=content)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def make(self, path: str, fields: Mapping[str, Answer], **relationships: Answer) -> str:
        """A record that a person makes; its id."""
        links = {f"${key}": value for key, value in relationships.items()}
        return str(self.ask("POST", path, {"fields": dict(fields), "relationships": links})["id"])

    def edit(self, path: str, id: str, **body: Answer) -> None:
        self.ask("POST", f"{path}/{id}", body)

    def trash(self, path: str, id: str) -> None:
        self.ask("DELETE", f"{path}/{id}")

    def rows(self, path: str, query: str = "") -> list[Answer]:
        """All of a list."""
        found: list[Answer] = []
        while True:
            page = self.ask("GET", f"{path}?offset={len(found)}{query}")
            found += page["data"]
            if len(found) >= page["totalCount"]:
                return found

    def titles(self, path: str, query: str = "") -> list[str]:
        """What the records of a list are called, sorted."""
        return sorted(_title(row) for row in self.rows(path, query))

    def forget(self) -> None:
        """Empties the log of requests."""
        self.ask("POST", "/_sandbox/reset")

    def log(self, method: str = "", start: str = "", having: str = "") -> list[str]:
        """The requests since `forget`, as `METHOD path`."""
        lines = [f"{entry['method']} {entry['path']}" for entry in self.ask("GET", "/_sandbox/log")]
        return [line for line in lines if line.startswith(f"{method} {start}".lstrip()) and having in line]

    def writes(self) -> list[str]:
        return [line for line in self.log() if not line.startswith("GET")]

    def listings(self, path: str) -> int:
        """How many pages of this list were read."""
        return len([line for line in self.log("GET") if line.partition("?")[0] == f"GET {path}"])

    def trash_listings(self, path: str) -> int:
        return len([line for line in self.log("GET", path) if "status=trashed" in line])


def _title(row: Answer) -> str:
    fields = row["fields"]
    value = next(fields[key]["value"] for key in ("$name", "$title") if key in fields)
    return " ".join(filter(None, value.values())) if isinstance(value, dict) else str(value)


@contextmanager
def town(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    seed: str,
    key: str = KEY,
    **settings: Any,
) -> Iterator[Town]:
    """A town in this folder, whose workspace holds what a seed says; lfsync has `key`, people can do all."""
    root = folder / "project"
    root.mkdir()
    seed_file = folder / "seed.yaml"
    seed_file.write_text(seed)
    given = SandboxSettings.model_validate({"rps": 0, **settings})
    with ExitStack() as stack:
        app = create_app(given, database=":memory:", seed=seed_file)
        stack.callback(app.state.close)
        bent = Bent(app)
        url = stack.enter_context(served(bent))
        monkeypatch.setenv("LIGHTFIELD_BASE_URL", url)
        monkeypatch.setenv("LIGHTFIELD_API_KEY", key)
        people = httpx.Client(base_url=url, headers=HEADERS, timeout=TIMEOUT, trust_env=False)
        made = Town(root, url, bent, capsys, stack.enter_context(people), key)
        made.settings()
        yield made


Build: TypeAlias = Callable[..., Town]


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Build]:
    """Builds the test's town: `build(records, seed=..., quirks=..., index_lag=...)`; `records` is more of the seed."""
    with ExitStack() as stack:

        def built(records: str = "", *, seed: str = SEED, **settings: Any) -> Town:
            return stack.enter_context(town(tmp_path, monkeypatch, capsys, seed + records, **settings))

        yield built

"""Files by the real command against `sandbox serve`, or killed for good by the server that it uploads to."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import pytest

from lfsync.project.settings import SandboxSettings
from lfsync.sandbox.app import create_app
from lfsync.sandbox.store import Store
from lfsync.sandbox.workspace import NOW
from tests.e2e.rig import KEY, TIMEOUT, Project, checked, clean_environment, serving
from tests.e2e.rig import Run as Ran
from tests.effort import size
from tests.serving import served

CALL, DECK, BIG = b"Ada: hello\n", b"%PDF-1.7 " + bytes(90_000), bytes(range(256)) * 12_000
FILES = {"transcripts/call.txt": CALL, "deck.pdf": DECK, "big.bin": BIG}
RESOURCES = """\
files:
  call-notes: {path: transcripts/call.txt, purpose: meeting_transcript}
  deck: {path: deck.pdf, purpose: knowledge_user}
  big: {path: big.bin}
"""


def project(folder: Path, url: str) -> Project:
    made = Project(folder, clean_environment(LIGHTFIELD_BASE_URL=url, LIGHTFIELD_API_KEY=KEY))
    made.write("lfsync.yaml", "version: 1\ndefault_workspace: prod\nworkspaces: {prod: {index_lag_timeout: 0}}\n")
    made.write("crm.yaml", RESOURCES)
    for name, content in FILES.items():
        made.write(name, content)
    return made


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    path = tmp_path / "seed.yaml"
    path.write_text("members: [{ref: kai, email: kai@corp.example, first: Kai, last: Berg, role: admin}]\n")
    return path


def test_a_story(tmp_path: Path, seed: Path) -> None:
    """Plan, apply, plan; change, undo; what a person sees on the way."""
    with serving(seed, "--rps", "0") as server:
        made = project(tmp_path / "p", server.url)
        planned = made.plan()
        assert planned["summary"]["create"] == 3
        assert planned["required_scopes"] == ["files:create", "files:read"]
        fields = {field["key"]: field for change in planned["changes"] for field in change["fields"]}
        assert set(fields) == {"filename", "mimeType", "sizeBytes", "purpose", "sha256"}
        (big,) = [change for change in planned["changes"] if change["address"] == "file.big"]
        shown = {field["key"]: (field["after"], field["after_raw"]) for field in big["fields"]}
        digest = sha256(BIG).hexdigest()
        assert shown["sha256"] == (digest[:12], digest)
        assert shown["sizeBytes"] == (len(BIG), len(BIG))
        with server.counting() as writes:
            ran = made.apply()
        assert sum("/v1/" in write for write in writes) == planned["requests"]["write"]
        assert "3.0 of 3.0 MiB uploaded" in ran.err
        assert made.plan(expect=0)["changes"] == []
        made.write("deck.pdf", DECK + b"more")
        text = made.lfsync("plan").out
        assert "~ file.deck" in text
        assert "stays as it is" in text
        made.apply()
        assert made.plan(expect=0)["changes"] == []
        undone = made.lfsync("undo", "--yes")
        assert "stays: the API deletes no files" in undone.text
        assert made.plan(expect=0)["changes"] == []
        history = json.loads(made.lfsync("history", "--format", "json").out)
        assert [run["counts"] for run in history] == [{"create": 1}, {"create": 3}]
        made.lfsync("state", "mv", "file.deck", "file.slides")
        made.write("crm.yaml", RESOURCES.replace("deck:", "slides:"))
        assert made.plan(expect=0)["changes"] == []
        made.lfsync("state", "rm", "file.slides")
        assert [change["action"] for change in made.plan()["changes"]] == ["adopt"]
        log = server.log()
        assert all("Authorization" not in json.dumps(entry) for entry in log)


def test_a_saved_plan(tmp_path: Path, seed: Path) -> None:
    """design 7: that plan and no other; changed content is another configuration."""
    with serving(seed, "--rps", "0") as server:
        made = project(tmp_path / "p", server.url)
        saved = tmp_path / "plan.json"
        made.lfsync("plan", "-o", saved)
        made.write("deck.pdf", DECK + b"more")
        assert "other files" in made.apply(str(saved), expect=4).err
        made.write("deck.pdf", DECK)
        made.apply(str(saved))
        assert made.plan(expect=0)["changes"] == []
        again = made.apply(str(saved))
        assert "4 created" not in again.out
        made.write("deck.pdf", DECK + b"more")
        made.lfsync("plan", "-o", saved)
        made.apply()
        log = server.writes()
        made.apply(str(saved))
        assert server.writes() == log
        assert "file.deck" in made.lfsync("show", saved).out
        made.write("crm.yaml", "files: {deck: {path: .lfsync/state/prod.jsonl}}\n")
        assert "never uploaded" in made.lfsync("validate", expect=1).text


def test_a_key_without_the_scope(tmp_path: Path, seed: Path) -> None:
    with serving(seed, "--rps", "0") as server:
        made = project(tmp_path / "p", server.url).elsewhere(LIGHTFIELD_API_KEY="sk_lf_scopes_files:read,members:read")
        planned = made.plan()
        assert planned["missing_scopes"] == ["files:create"]
        assert [refusal["name"] for refusal in planned["refusals"]] == ["files:create"]
        assert "files:create" in made.apply(expect=4).err
        made = made.elsewhere(LIGHTFIELD_API_KEY="sk_lf_scopes_accounts:read")
        assert "files:read" in made.lfsync("plan", expect=4).err


@pytest.mark.parametrize("options", [("--faults", "0.15", "--random-seed", "3"), ("--latency", "0.05"), ()])
def test_over_a_bad_line(tmp_path: Path, seed: Path, options: tuple[str, ...]) -> None:
    with serving(seed, "--rps", "0", *options) as server:
        made = project(tmp_path / "p", server.url)
        for _ in range(5):
            if made.lfsync("apply", "--yes", expect=None).code == 0:
                break
        assert made.plan(expect=0)["changes"] == []


# ---------------------------------------------------------------- killed for good


class Hangman:
    """Before the sandbox's app. It kills the process at a message of its choice: of a request, or of an answer."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.messages = 0
        self.moment = 0
        self.victim = 0
        self.running = 0

    def _step(self) -> None:
        self.messages += 1
        if self.messages == self.moment and self.victim:
            os.kill(self.victim, signal.SIGKILL)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        async def heard() -> Any:
            message = await receive()
            self._step()
            return message

        async def said(message: Any) -> None:
            self._step()
            await send(message)

        self.running += 1
        try:
            await self.app(scope, heard, said)
        finally:
            self.running -= 1


@contextmanager
def gallows(seed: Path, quirks: dict[str, str]) -> Iterator[tuple[Hangman, str]]:
    """A sandbox of its own in this process, on a free port."""
    app = create_app(SandboxSettings(rps=0, quirks=quirks), database=":memory:", seed=seed)
    made = Hangman(app)
    try:
        with served(made) as url:
            yield made, url
    finally:
        app.state.close()


def apply(hangman: Hangman, made: Project, moment: int = 0) -> Ran | None:
    """`lfsync apply --yes` in a process of its own; None where it was killed."""
    hangman.messages, hangman.moment, hangman.victim = 0, moment, 0
    with made.start("apply", "--yes") as process:
        hangman.victim = process.pid
        out, err = process.communicate(timeout=TIMEOUT)
    hangman.victim = 0
    return None if process.returncode == -signal.SIGKILL else checked(Ran(process.returncode, out, err), None)


def test_killed_for_good_at_any_message(tmp_path: Path, seed: Path) -> None:
    """Issue 7: killed at points of an upload of three files, and run again."""
    with gallows(seed, {}) as (hangman, url):
        assert apply(hangman, project(tmp_path / "whole", url)) is not None
        count = hangman.messages
    chance = Random(5)
    moments = range(1, count + 1) if size(0, 1) else sorted(chance.sample(range(6, count + 1), 12))
    for moment in moments:
        with gallows(seed, {}) as (hangman, url):
            made = project(tmp_path / str(moment), url)
            assert apply(hangman, made, moment) is None or moment > count - 10
            journal = made.folder / ".lfsync" / "journal" / "prod.jsonl"
            opened = _opened(journal)
            assert not journal.exists() or journal.stat().st_mode & 0o777 == 0o600
            store = hangman.app.state.workspace.store
            unanswered = _pending(store) - opened
            again = apply(hangman, made)
            assert again is not None
            assert again.code == 0, again.text
            assert "signature" not in again.text
            assert _completed(store) == sorted(sha256(content).hexdigest() for content in FILES.values())
            assert _pending(store) <= unanswered
            assert made.plan(expect=0)["changes"] == []
            assert not journal.exists()


def _opened(journal: Path) -> set[str]:
    """The sessions that the journal names."""
    lines = journal.read_text().splitlines() if journal.exists() else []
    return {line["upload"]["id"] for line in map(_json, lines) if "upload" in line}


def _json(line: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError:  # the kill cut it short
        return {}
    return found


def _pending(store: Store) -> set[str]:
    rows = store.scan("file", trashed=False, hidden=True, at=NOW)
    return {row.id for row in rows if row.fields["status"] == "PENDING"}


def _completed(store: Store) -> list[str]:
    rows = store.scan("file", trashed=False, hidden=True, at=NOW)
    done = [row.id for row in rows if row.fields["status"] == "COMPLETED"]
    return sorted(sha256(store.contents.path(id).read_bytes()).hexdigest() for id in done)


# ---------------------------------------------------------------- interrupted


class Slow:
    """Before the sandbox's app. A storage that takes the bytes of uploads in only as long as its gate is open."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.gate = threading.Event()
        self.received = 0

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        async def heard() -> Any:
            self.received += 1
            while self.received > 8 and not self.gate.is_set():
                await asyncio.sleep(0.01)
            return await receive()

        await self.app(scope, heard if scope.get("method") == "PUT" else receive, send)


@contextmanager
def slowly_uploading(tmp_path: Path, seed: Path) -> Iterator[tuple[Slow, Project, Store, subprocess.Popen[str]]]:
    """An apply of six files of 8 MB, four of which are under way and none of which can end."""
    app = create_app(SandboxSettings(rps=0), database=":memory:", seed=seed)
    slow = Slow(app)
    try:
        with served(slow) as url:
            try:
                made = project(tmp_path / "p", url)
                made.write("crm.yaml", "files:\n" + "".join(f"  f{n}: {{path: {n}.bin}}\n" for n in range(6)))
                for number in range(6):
                    made.write(f"{number}.bin", bytes([number]) * 8_000_000)
                with made.start("apply", "--yes") as process:
                    while slow.received < 12:
                        assert process.poll() is None
                        time.sleep(0.01)
                    yield slow, made, app.state.workspace.store, process
            finally:
                slow.gate.set()
    finally:
        app.state.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_lets_its_uploads_end(tmp_path: Path, seed: Path, number: signal.Signals) -> None:
    """Design 7: what is in flight is finished and kept; it says what it waits for."""
    with slowly_uploading(tmp_path, seed) as (slow, made, store, process):
        process.send_signal(number)
        assert process.stderr is not None
        said = process.stderr.readline()
        slow.gate.set()
        out, _ = process.communicate(timeout=TIMEOUT)
        assert process.returncode == 130
        assert "4 uploads with it" in said
        assert "of 30.5 MiB sent" in said
        assert len(_completed(store)) == 4
        assert _pending(store) == set()
        assert "interrupted before it began" in out
        assert "4 converged, 0 not converged, 2 skipped" in out
        assert [change["action"] for change in made.plan()["changes"]] == ["create"] * 2
        made.apply()
        assert len(_completed(store)) == 6


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_again_it_leaves_at_once_and_cancels_them(
    tmp_path: Path, seed: Path, number: signal.Signals
) -> None:
    """Rule F1: what the journal names is cancelled; nothing is left pending that a run could have ended."""
    with slowly_uploading(tmp_path, seed) as (slow, made, store, process):
        process.send_signal(number)
        assert process.stderr is not None
        process.stderr.readline()
        begun = time.monotonic()
        process.send_signal(number)
        out, err = process.communicate(timeout=TIMEOUT)
        assert time.monotonic() - begun < 5
        assert process.returncode == 130, err
        assert "Traceback" not in out + err
        assert _pending(store) == set()
        assert _completed(store) == []
        assert not _opened(made.folder / ".lfsync" / "journal" / "prod.jsonl")
        slow.gate.set()
        assert made.plan()["summary"]["create"] == 6
        made.apply()
        assert len(_completed(store)) == 6

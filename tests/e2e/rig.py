"""What the end-to-end tests drive: the real program in processes of its own, a sandbox over HTTP, the vendor's SDK.

Every run is held to promises on the way: no traceback, nothing that Python says of lfsync's inside, and no API key in
anything that is printed.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lightfield import Lightfield

LFSYNC = Path(sys.executable).parent / "lfsync"
KEY = "sk_lf_0_SecretOfTheEndToEndTests"
COLUMNS = 80  # of a terminal
TIMEOUT = 60.0  # seconds; far above what any command here takes


def clean_environment(**more: str) -> dict[str, str]:
    """This process's environment without anything that lfsync or its terminal listens to.

    A program that is started a hundred times may be compiled once, whatever this process was told about bytecode.
    """
    spoken_for = ("LIGHTFIELD_", "LFSYNC_", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "PYTHONDONTWRITEBYTECODE")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(spoken_for)}
    return {**kept, "TERM": "xterm", **more}


@dataclass(frozen=True)
class Run:
    """What one command gave."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err

    def json(self) -> dict[str, Any]:
        """stdout as one whole JSON document."""
        document: dict[str, Any] = json.loads(self.out)
        return document


@dataclass(frozen=True)
class Project:
    """A project's folder and the environment its commands run in."""

    folder: Path
    env: Mapping[str, str] = field(default_factory=clean_environment)
    workspace: str = "prod"

    @property
    def state_file(self) -> Path:
        return self.folder / ".lfsync" / "state" / f"{self.workspace}.jsonl"

    def elsewhere(self, **env: str) -> Project:
        """The same folder in another environment."""
        return replace(self, env={**self.env, **env})

    def lfsync(
        self,
        *arguments: str | Path,
        expect: int | None = 0,
        cwd: Path | None = None,
        env: Mapping[str, str] = MappingProxyType({}),
    ) -> Run:
        """Runs one command to its end. `env` is added to the project's own."""
        done = subprocess.run(
            [LFSYNC, "-C", self.folder, *arguments],
            env={**self.env, **env},
            cwd=cwd or self.folder.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
        return checked(Run(done.returncode, done.stdout, done.stderr), expect)

    def plan(self, *arguments: str, expect: int = 2) -> dict[str, Any]:
        return self.lfsync("plan", "--format", "json", "--detailed-exitcode", *arguments, expect=expect).json()

    def apply(self, *arguments: str, expect: int = 0) -> Run:
        return self.lfsync("apply", "--yes", *arguments, expect=expect)

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def state(self) -> dict[str, dict[str, Any]]:
        """The state's lines of bound addresses."""
        lines = self.state_file.read_text().splitlines()
        return {line["address"]: line for line in map(json.loads, lines[1:]) if "id" in line}

    def ids(self) -> dict[str, str]:
        return {address: line["id"] for address, line in self.state().items()}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Begins one command, and leaves it running."""
        return subprocess.Popen(
            [LFSYNC, "-C", self.folder, *arguments],
            env=dict(self.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def apply_on_terminal(
        self,
        answer: str,
        *options: str,
        meanwhile: Callable[[], object] = lambda: None,
        signal_to_send: signal.Signals | None = None,
    ) -> Run:
        """`lfsync apply` on a terminal of 80 columns, its question answered. `meanwhile` runs while it waits."""
        pid, terminal = pty.fork()
        if pid == 0:  # pragma: no cover  (the child becomes lfsync)
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
            os.execve(LFSYNC, [str(LFSYNC), "-C", str(self.folder), *options, "apply"], dict(self.env))
        try:
            shown = read_until(terminal, f"Apply to {self.workspace}?")
            meanwhile()
            os.write(terminal, answer.encode())
            if signal_to_send:
                os.kill(pid, signal_to_send)
            shown += read_until(terminal, None)
            _, status = os.waitpid(pid, 0)
        finally:
            os.close(terminal)
        return checked(Run(os.waitstatus_to_exitcode(status), shown, ""), None)


def checked(run: Run, expect: int | None) -> Run:
    assert "Traceback" not in run.text, run.text
    assert "a bug in lfsync" not in run.text, run.text
    assert "Warning: coroutine" not in run.text, run.text
    assert KEY not in run.text
    assert expect is None or run.code == expect, f"exit code {run.code}, not {expect}\n{run.out}\n{run.err}"
    return run


def read_until(terminal: int, wanted: str | None, timeout: float = TIMEOUT) -> str:
    """What a terminal shows until `wanted` is there; until its end for None."""
    shown = b""
    end = time.monotonic() + timeout
    while wanted is None or wanted.encode() not in shown:
        assert time.monotonic() < end, f"no {wanted!r} in {shown!r}"
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            more = os.read(terminal, 65536)
        except OSError:  # Linux's way to say that the other end is closed
            more = b""
        if not more:
            assert wanted is None, f"no {wanted!r} in {shown!r}"
            break
        shown += more
    return shown.decode()


@dataclass(frozen=True)
class Server:
    """A sandbox in another process."""

    url: str

    def log(self) -> list[dict[str, Any]]:
        log: list[dict[str, Any]] = json.loads(_ask("GET", f"{self.url}/_sandbox/log"))
        return log

    def writes(self) -> list[str]:
        """The writes served, as `METHOD path`."""
        return [f"{entry['method']} {entry['path']}" for entry in self.log() if entry["method"] != "GET"]

    def forget(self) -> None:
        """Empties the log."""
        _ask("POST", f"{self.url}/_sandbox/reset")

    def start_over(self) -> None:
        """Brings the records back to what the seed says, and empties the log."""
        with self.sdk() as typed:
            sdk: Any = typed  # the SDK knows no custom fields
            for kind in ("list", "task", "note", "opportunity", "contact", "account"):
                api = getattr(sdk, kind)
                while rows := api.list(limit=25).data:
                    for row in rows:
                        api.delete(row.id)
            for _ in range(2):
                sdk.account.create(fields={"$name": "Twin"})
            solo = {"$name": "Solo", "$website": ["https://solo.example"], "nickname": "Sunny", "score": 1}
            sdk.account.create(fields=solo)
            sdk.contact.create(
                fields={"$name": {"firstName": "Ada", "lastName": "Lind"}, "$email": ["ada@solo.example"]}
            )
        self.forget()

    @contextmanager
    def counting(self) -> Iterator[list[str]]:
        """The writes within the block, there when it has ended."""
        before = len(self.writes())
        seen: list[str] = []
        yield seen
        seen += self.writes()[before:]

    def sdk(self) -> Lightfield:
        return Lightfield(api_key=KEY, base_url=self.url, max_retries=0)


def _ask(method: str, url: str) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=TIMEOUT) as answer:
        found: bytes = answer.read()
        return found


@contextmanager
def serving(seed: Path, *options: str) -> Iterator[Server]:
    """`lfsync sandbox serve` on a free port."""
    command: list[str | Path] = [LFSYNC, "sandbox", "serve", "--port", "0", "--seed", seed]
    command += options or ("--rps", "0")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=clean_environment()) as process:
        assert process.stdout is not None
        try:
            first = process.stdout.readline()
            assert first.startswith("listening on http://"), first
            yield Server(first.removeprefix("listening on ").strip())
        finally:
            process.terminate()
            rest, _ = process.communicate(timeout=TIMEOUT)
    assert rest == "", "stdout of `sandbox serve` holds the listening line and nothing else (rule X1)"


def settings(workspace: str = "prod") -> str:
    """An lfsync.yaml with a real workspace, and `play`, a sandbox."""
    return f"version: 1\ndefault_workspace: {workspace}\nworkspaces: {{{workspace}: {{}}, play: {{sandbox: {{}}}}}}\n"


def project(folder: Path, url: str, files: Mapping[str, str | bytes], workspace: str = "prod") -> Project:
    """A project of these files, whose `workspace` is at `url`. It gets an lfsync.yaml where they hold none."""
    made = Project(folder, clean_environment(LIGHTFIELD_BASE_URL=url, LIGHTFIELD_API_KEY=KEY), workspace)
    for name, text in {"lfsync.yaml": settings(workspace), **files}.items():
        made.write(name, text)
    return made

"""Runs of the real program, each in a process of its own that costs a fork and no start.

One clean process without threads imports lfsync once (from a folder of the caller's choice, so that a copy with a fault
in it can be driven as well) and forks for each command. A run may stand on a terminal, and may be killed at any time.
"""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PACKAGE = Path(os.environ.get("LFSYNC_ADVERSARY_PACKAGE") or Path(__file__).resolve().parents[2])
"""The folder that holds the lfsync to attack; that of this checkout, unless the environment names another."""
TIMEOUT = 90.0  # seconds; far above what any command here takes
KEY = "sk_lf_0_TheAdversarysOwn"
PLAIN_KEY = "sk_lf_role_member_TheAdversarysOwn"  # of somebody who is no admin
QUESTION = b"Apply to "


@dataclass(frozen=True)
class Run:
    """What one command gave. `code` is negative where a signal ended it."""

    code: int
    out: str
    err: str
    asked: bool = False

    @property
    def text(self) -> str:
        return self.out + self.err


class Forge:
    """The process that forks. Not for several threads."""

    def __init__(self, package: Path) -> None:
        self._near, far = socket.socketpair()
        self._folder = tempfile.TemporaryDirectory(prefix="forge-")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("LIGHTFIELD_", "LFSYNC_", "COLUMNS"))}
        env = {**kept, "PYTHONPATH": str(package), "NO_COLOR": "1", "TERM": "xterm"}
        source = Path(__file__).with_name("smith.py")
        self._process = subprocess.Popen(
            [sys.executable, str(source), str(far.fileno())], env=env, pass_fds=[far.fileno()], cwd=self._folder.name
        )
        far.close()
        self._stream = self._near.makefile("rwb")
        self._lines = 0

    def close(self) -> None:
        """Ends the process."""
        self._stream.close()
        self._near.close()
        self._process.wait(TIMEOUT)
        self._folder.cleanup()

    def run(
        self,
        arguments: Sequence[str],
        env: Mapping[str, str],
        *,
        started: Callable[[int], None] = lambda pid: None,
        answer: str | None = None,
        meanwhile: Callable[[], None] = lambda: None,
        fall: int = 0,
    ) -> Run:
        """One command to its end; with an `answer` on a terminal, `meanwhile` acts while its question waits.

        `fall`: it is killed before it touches the files of the state, journal or history for the so-many-th time.
        """
        self._lines += 1
        out, err = (Path(self._folder.name) / f"{self._lines % 8}.{name}" for name in ("out", "err"))
        order = {"arguments": list(arguments), "env": dict(env), "out": str(out), "err": str(err), "fall": fall}
        if answer is None:
            started(self._send(order))
            code = int(self._read()["code"])
            return Run(code, _text(out), _text(err))
        master, slave = pty.openpty()
        try:
            started(self._send({**order, "terminal": os.ttyname(slave)}))
            shown, asked = self._converse(master, answer, meanwhile)
            code = int(self._read()["code"])
        finally:
            os.close(slave)
            os.close(master)
        return Run(code, shown, "", asked)

    def _send(self, order: Mapping[str, Any]) -> int:
        self._stream.write(json.dumps(order).encode() + b"\n")
        self._stream.flush()
        return int(self._read()["pid"])

    def _read(self) -> dict[str, Any]:
        self._near.settimeout(TIMEOUT)
        line = self._stream.readline()
        assert line, "the forge is gone"
        found: dict[str, Any] = json.loads(line)
        return found

    def _converse(self, master: int, answer: str, meanwhile: Callable[[], None]) -> tuple[str, bool]:
        """Everything the terminal shows until the process has ended, and whether it asked."""
        shown, asked = b"", False
        end = time.monotonic() + TIMEOUT
        while time.monotonic() < end:
            ready, _, _ = select.select([master, self._near.fileno()], [], [], 1)
            if master in ready:
                shown += _some(master)
                if not asked and QUESTION in shown:
                    asked = True
                    meanwhile()
                    os.write(master, answer.encode() + b"\n")
            elif ready:
                break
        return shown.decode(errors="replace"), asked


def _some(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


@contextmanager
def forge(package: Path = PACKAGE) -> Iterator[Forge]:
    """A forge for the lfsync in this folder."""
    made = Forge(package)
    try:
        yield made
    finally:
        made.close()


def kill(pid: int, number: signal.Signals) -> None:
    """Ends one run, if it is still there."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return

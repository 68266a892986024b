"""The forge's own process: imports lfsync, warms it up, and forks for each order. Run as a script; one thread only."""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

WARM_UP = (("validate",), ("plan", "-o", "warm.json"), ("apply", "warm.json", "--yes"), ("undo", "--yes"), ("history",))
PROJECT = {
    "lfsync.yaml": "version: 1\nworkspaces: {w: {sandbox: {rps: 0}}}\n",
    "crm.yaml": "accounts: {a: {fields: {$name: A, $website: a.example}}}\n",
}


def _quiet(out: str, err: str) -> None:
    for number, name in ((1, out), (2, err)):
        made = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(made, number)
        os.close(made)


_ON_DISK = frozenset(
    ("open", "mkstemp", "write", "flush", "fsync", "close", "chmod", "rename", "replace", "unlink", "mkdir")
)


def _fall(number: int) -> None:
    """Ends this process, as a kill would, just before the state's room has something done on disk that often."""
    left = number

    def called(frame: Any, event: str, what: Any) -> None:
        nonlocal left
        if event == "c_call" and what.__name__ in _ON_DISK and _of_the_state(frame):
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(called)


def _of_the_state(frame: Any) -> bool:
    for _ in range(6):
        if frame is None or "/lfsync/state/" in frame.f_code.co_filename:
            return frame is not None
        frame = frame.f_back
    return False


def _child(order: dict[str, Any]) -> int:
    from lfsync import cli

    os.environ.update(order["env"])
    if order.get("terminal"):
        os.setsid()
        terminal = os.open(order["terminal"], os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(terminal, number)
    else:
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        _quiet(order["out"], order["err"])
    if order.get("fall"):
        _fall(order["fall"])
    try:
        cli.main(order["arguments"])
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    return 99


def _fork(order: dict[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 98
    try:
        code = _child(order)
    finally:
        os._exit(code)


def _warm_up() -> None:
    """Imports whatever a command imports on its way, by running some; what they open does not outlive them."""
    from lfsync import cli

    with tempfile.TemporaryDirectory(prefix="forge-") as folder:
        for name, text in PROJECT.items():
            Path(folder, name).write_text(text)
        kept = [os.dup(number) for number in (1, 2)]
        _quiet(f"{folder}/out", f"{folder}/err")
        for arguments in WARM_UP:
            cli.run(["-C", folder, *arguments])
        for number, saved in zip((1, 2), kept, strict=True):
            os.dup2(saved, number)
            os.close(saved)


def main(stream: Any) -> None:
    """Serves orders, one at a time, until the other side hangs up."""
    _warm_up()
    gc.collect()
    gc.freeze()
    for line in stream:
        pid = _fork(json.loads(line))
        _say(stream, {"pid": pid})
        _, status = os.waitpid(pid, 0)
        _say(stream, {"code": os.waitstatus_to_exitcode(status)})


def _say(stream: Any, what: dict[str, int]) -> None:
    stream.write(json.dumps(what).encode() + b"\n")
    stream.flush()


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])).makefile("rwb"))

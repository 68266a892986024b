"""One writer at a time for each state (design.md, section 4). I/O.

The operating system holds the lock and lets go of it when its holder dies, however that happens, so a dead holder's
lock is simply free. Who holds it stands beside it, for the message.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from lfsync.errors import RefusedError
from lfsync.times import iso


@contextlib.contextmanager
def held(path: Path, workspace: str) -> Iterator[None]:
    """Hold the lock at `path`. RefusedError at once, naming the holder, where another process has it."""
    from filelock import FileLock, Timeout  # a plan holds none, and waits for no import of it

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, timeout=0)
    holder = path.with_suffix(".holder")
    try:
        lock.acquire()
    except Timeout:
        raise RefusedError(
            f"the state of `{workspace}` is locked by another run: {_described(holder)}",
            hint="Wait until it ends, or stop it. The lock of a process that died is free.",
        ) from None
    try:
        who = {"host": socket.gethostname(), "pid": os.getpid(), "start": iso(time.time())}
        holder.write_text(json.dumps(who), "utf-8")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _described(holder: Path) -> str:
    for _ in range(10):  # it is written just after the lock is taken
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            who = json.loads(holder.read_text("utf-8"))
            return f"host {who['host']}, pid {who['pid']}, since {who['start']}"
        time.sleep(0.05)
    return "who holds it is not known"

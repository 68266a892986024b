"""Run a command and measure what it alone cost: CPU, peak memory, wall time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

# Commands stand beside the interpreter that runs the benchmarks: one virtual environment, the project's own.
BIN = Path(sys.executable).parent
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True)
class Run:
    """A finished command. `cpu` is user + system seconds of the process and its children, `peak` is MB."""

    code: int
    cpu: float
    peak: float
    wall: float
    stdout: str
    stderr: str


class CommandError(Exception):
    """A command of the benchmark ended with an exit code that was not expected."""


def run(command: Sequence[str | Path], env: Mapping[str, str] | None = None, expect: int = 0) -> Run:
    """Run `command` to its end; `CommandError` with the tail of its output on any other code than `expect`.

    `wait4` charges CPU and memory to this one process; `RUSAGE_CHILDREN` would add up all that ever ran. Linux carries
    the parent's peak memory over `exec`, so this process has to stay small: output goes through files.
    """
    with TemporaryFile() as out, TemporaryFile() as err:
        begin = time.perf_counter()
        with subprocess.Popen(command, stdout=out, stderr=err, env={**os.environ, **(env or {})}) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - begin
        out.seek(0)
        err.seek(0)
        done = Run(
            code=process.returncode,
            cpu=usage.ru_utime + usage.ru_stime,
            peak=usage.ru_maxrss * _MAXRSS_UNIT / 1e6,
            wall=wall,
            stdout=out.read().decode(errors="replace"),
            stderr=err.read().decode(errors="replace"),
        )
    if done.code != expect:
        tail = (done.stdout + done.stderr)[-2000:]
        raise CommandError(f"{' '.join(map(str, command))}: exit {done.code}, expected {expect}\n{tail}")
    return done

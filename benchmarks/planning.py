"""Planning 10,000 unchanged resources: CPU, memory, requests and where the time goes, beside octoDNS (design 11)."""

from __future__ import annotations

import re
from statistics import median

from benchmarks import yardstick
from benchmarks.figures import Figure
from benchmarks.lab import Lab
from benchmarks.process import Run
from benchmarks.sandbox import Log, serve

_SIZE = 10_000
_ROUNDS = 3
_TIMING = re.compile(r"(\w+)=([\d.]+)")


def measure(lab: Lab) -> list[Figure]:
    prepared = lab.applied(_SIZE)
    yardstick.write(lab.root / "octodns", _SIZE)
    ours: list[Run] = []
    theirs: list[Run] = []
    with serve(prepared.db) as sandbox:
        for _ in range(_ROUNDS):
            sandbox.forget()
            ours.append(prepared.plan_unchanged(sandbox))
            log = sandbox.log()
            theirs.append(yardstick.plan(lab.root / "octodns"))
    return [*_cost(ours, theirs), *_requests(log), *timings("planning", ours[-1].stderr)]


def _cost(ours: list[Run], theirs: list[Run]) -> list[Figure]:
    cpu, yard = median(run.cpu for run in ours), median(run.cpu for run in theirs)
    note = f"lfsync {cpu:.2f} s, octoDNS {yard:.2f} s, medians of {_ROUNDS}"
    peak = max(run.peak for run in ours)
    octodns = max(run.peak for run in theirs)
    return [
        Figure("planning", "CPU, lfsync / octoDNS", cpu / yard, " x", 0.5, note),
        Figure("planning", "peak memory", peak, " MB", 300, f"octoDNS {octodns:.0f} MB"),
    ]


def _requests(log: Log) -> list[Figure]:
    spread = ", ".join(f"{category} {count}" for category, count in sorted(log.categories.items()))
    return [
        Figure("planning", "searches", log.search, "", 404, spread),
        Figure("planning", "other requests", log.other, "", 6),
        Figure("planning", "reads of a record by id", log.record_reads, "", 0),
    ]


def timings(part: str, stderr: str) -> list[Figure]:
    """The line `timings parse=... check=... refresh=... diff=...` (seconds) that `-v` prints."""
    line = next((line for line in stderr.splitlines() if line.startswith("timings ")), "")
    return [Figure(part, f"wall: {phase}", float(seconds), " s") for phase, seconds in _TIMING.findall(line)]

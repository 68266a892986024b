"""Planning 10,000 unchanged resources: CPU, memory, requests and where the time goes, beside octoDNS (design 11)."""

from __future__ import annotations

import re
from statistics import median

from benchmarks import yardstick
from benchmarks.figures import Figure
from benchmarks.lab import Lab
from benchmarks.process import Run
from benchmarks.sandbox import Log, serve
from benchmarks.yardstick import CHEAPEST, MIXED, Form

_SIZE = 10_000
_ROUNDS = 5
_MOST = {MIXED: 0.5, CHEAPEST: 0.4}
_TIMING = re.compile(r"(\w+)=([\d.]+)")


def measure(lab: Lab) -> list[Figure]:
    prepared = lab.applied(_SIZE)
    for form in _MOST:
        yardstick.write(lab.root / form.name, form, _SIZE)
    ours: list[Run] = []
    theirs: dict[Form, list[Run]] = {form: [] for form in _MOST}
    with serve(prepared.db) as sandbox:
        for _ in range(_ROUNDS):
            sandbox.forget()
            ours.append(prepared.plan_unchanged(sandbox))
            log = sandbox.log()
            for form, runs in theirs.items():
                runs.append(yardstick.plan(lab.root / form.name))
    ratios = [_ratio(form, ours, runs) for form, runs in theirs.items()]
    return [*ratios, _peak(ours), *_requests(log), *timings("planning", ours[-1].stderr)]


def _ratio(form: Form, ours: list[Run], theirs: list[Run]) -> Figure:
    """Round by round: what else the machine does in one of them hits both."""
    ratio = median(our.cpu / its.cpu for our, its in zip(ours, theirs, strict=True))
    cpu, yard = median(run.cpu for run in ours), median(run.cpu for run in theirs)
    peak = max(run.peak for run in theirs)
    note = f"lfsync {cpu:.2f} s, octoDNS {yard:.2f} s and {peak:.0f} MB, medians of {_ROUNDS}"
    return Figure("planning", f"CPU, lfsync / octoDNS ({form.name})", ratio, " x", _MOST[form], note)


def _peak(ours: list[Run]) -> Figure:
    return Figure("planning", "peak memory", max(run.peak for run in ours), " MB", 160)


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

"""Planning cost as projects grow: ten times the resources, ten times the cost and not more (design 11)."""

from __future__ import annotations

from itertools import pairwise

from benchmarks.figures import Figure
from benchmarks.lab import Lab
from benchmarks.process import BIN, Run, run
from benchmarks.sandbox import serve

# What a plan costs before its first resource is no growth. The rest may grow by this much more than the resources.
_TOLERANCE = 1.15


def measure(lab: Lab) -> list[Figure]:
    start = run([BIN / "lfsync", "--help"]).cpu
    runs = {size: _plan(lab, size) for size in lab.sizes}
    figures = [_cost(size, done) for size, done in runs.items()]
    growth = [_growth(small, large, runs, start) for small, large in pairwise(lab.sizes)]
    return [*figures, *growth]


def _plan(lab: Lab, size: int) -> Run:
    prepared = lab.applied(size)
    with serve(prepared.db) as sandbox:
        return prepared.plan_unchanged(sandbox)


def _cost(size: int, done: Run) -> Figure:
    note = f"{done.cpu / size * 1000:.3f} ms each, {done.peak:.0f} MB"
    return Figure("scale", f"CPU, plan of {size:,} unchanged", done.cpu, " s", note=note)


def _growth(small: int, large: int, runs: dict[int, Run], start: float) -> Figure:
    ratio = (runs[large].cpu - start) / max(runs[small].cpu - start, 0.01)
    name = f"CPU growth from {small:,} to {large:,}, per resource"
    return Figure("scale", name, ratio / (large / small), " x", _TOLERANCE, f"without {start:.2f} s to start")

"""Planning cost as projects grow: ten times the resources, ten times the cost and not more (design 11)."""

from __future__ import annotations

from itertools import pairwise

from benchmarks.figures import Figure
from benchmarks.lab import Lab
from benchmarks.process import Run
from benchmarks.sandbox import serve

# The cost of one resource may grow by this much: what the noise of a busy machine amounts to.
_TOLERANCE = 1.25
_SMALLEST = 4
_ROUNDS = 3


def measure(lab: Lab) -> list[Figure]:
    start = _plan(lab, _SMALLEST).cpu  # what a plan costs whatever it is about is no growth
    runs = {size: _plan(lab, size) for size in lab.sizes}
    figures = [_cost(size, done) for size, done in runs.items()]
    growth = [_growth(small, large, runs, start) for small, large in pairwise(lab.sizes)]
    return [*figures, *growth]


def _plan(lab: Lab, size: int) -> Run:
    """The cheapest of some plans: what other work on the machine adds to one of them is no cost of ours."""
    prepared = lab.applied(size)
    with serve(prepared.db) as sandbox:
        return min((prepared.plan_unchanged(sandbox) for _ in range(_ROUNDS)), key=lambda done: done.cpu)


def _cost(size: int, done: Run) -> Figure:
    note = f"{done.cpu / size * 1000:.3f} ms each, {done.peak:.0f} MB"
    return Figure("scale", f"CPU, plan of {size:,} unchanged", done.cpu, " s", note=note)


def _growth(small: int, large: int, runs: dict[int, Run], start: float) -> Figure:
    ratio = (runs[large].cpu - start) / max(runs[small].cpu - start, 0.01)
    name = f"CPU of one resource, at {large:,} / at {small:,}"
    return Figure("scale", name, ratio / (large / small), " x", _TOLERANCE, f"without {start:.2f} s to start")

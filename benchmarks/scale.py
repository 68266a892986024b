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
_LARGE = 100_000
_MOST_MEMORY = 900  # MB, of `_LARGE`
_MOST_GROWTH = 10.5  # of a whole plan of `_LARGE` against one of a tenth: what a plan costs anyway counts in both


def measure(lab: Lab) -> list[Figure]:
    start = _plan(lab, _SMALLEST).cpu  # what a plan costs whatever it is about is no growth
    runs = {size: _plan(lab, size) for size in lab.sizes}
    figures = [_cost(size, done) for size, done in runs.items()]
    growth = [_growth(small, large, runs, start) for small, large in pairwise(lab.sizes)]
    return [*figures, *growth, *_large(runs)]


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


def _large(runs: dict[int, Run]) -> list[Figure]:
    if _LARGE not in runs:
        return []
    large, tenth = runs[_LARGE], runs[_LARGE // 10]
    name = f"CPU, plan of {_LARGE:,} / of {_LARGE // 10:,}"
    return [
        Figure("scale", name, large.cpu / tenth.cpu, " x", _MOST_GROWTH, f"{large.cpu:.1f} s, {tenth.cpu:.1f} s"),
        Figure("scale", f"peak memory, plan of {_LARGE:,}", large.peak, " MB", _MOST_MEMORY),
    ]

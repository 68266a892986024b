"""Plan and apply at 25 requests a second against the floor that the limit sets (design 11: no 429)."""

from __future__ import annotations

from math import ceil

from benchmarks.figures import Figure
from benchmarks.lab import Lab
from benchmarks.process import Run
from benchmarks.sandbox import Sandbox, serve

_RATE = 25
_PAGE = 25
_PLANNED = 10_000
_CREATED = 500


def measure(lab: Lab) -> list[Figure]:
    return [*_plan(lab), *_apply(lab)]


def _plan(lab: Lab) -> list[Figure]:
    prepared = lab.applied(_PLANNED)
    with serve(prepared.db, rps=_RATE) as sandbox:
        done = prepared.plan_unchanged(sandbox)
        needed = ceil(_PLANNED / _PAGE) + 1  # the pages, and one of members
        return _figures("plan of 10,000 unchanged", needed, done, sandbox, most=1.05)


def _apply(lab: Lab) -> list[Figure]:
    prepared = lab.empty("creates", _CREATED)
    with serve(prepared.db, rps=_RATE) as sandbox:
        done = prepared.lfsync(sandbox, "apply", "--yes")
        return _figures("apply of 500 creates", _CREATED, done, sandbox, most=1.1)


def _figures(what: str, needed: int, done: Run, sandbox: Sandbox, *, most: float) -> list[Figure]:
    """`needed`: requests of the category that needs most of them; the categories have a limit each.

    `most`: so many times the floor are good enough.
    """
    log = sandbox.log()
    floor = needed / _RATE
    spread = ", ".join(f"{category} {count}" for category, count in sorted(log.categories.items()))
    note = f"{done.wall:.1f} s against {floor:.1f} s for {needed} requests; sent: {spread}"
    return [
        Figure("pace", f"{what}, wall / floor", done.wall / floor, " x", most, note),
        Figure("pace", f"{what}, answers 429", log.throttled, "", 0),
    ]

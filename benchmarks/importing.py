"""Importing 10,000 records at 25 requests a second: requests beside those of the next plan, memory, and the wall."""

from __future__ import annotations

from math import ceil

from benchmarks import project
from benchmarks.figures import Figure
from benchmarks.lab import Lab, Prepared
from benchmarks.process import CommandError
from benchmarks.sandbox import Log, serve

_SIZE = 10_000
_RATE = 25
_PAGE = 25


def measure(lab: Lab) -> list[Figure]:
    """The project is empty but for its settings; the import writes all of it, and the next plan is empty."""
    made = Prepared(lab.root / "import", lab.applied(_SIZE).db)
    project.write_project(made.folder, {})
    with serve(made.db, rps=_RATE) as sandbox:
        done = made.lfsync(sandbox, "import", "--all")
        imported = sandbox.log()
    if f"Imported {_SIZE} records" not in done.stdout:
        raise CommandError(f"import did not take {_SIZE} records:\n{done.stdout[-2000:]}")
    with serve(made.db) as sandbox:
        made.plan_unchanged(sandbox)
        planned = sandbox.log()
    ratio = imported.categories.total() / planned.categories.total()
    floor = (ceil(_SIZE / _PAGE) + 1) / _RATE  # the pages, and one of members
    own = imported.categories.total() / _RATE
    took = f"{done.wall:.1f} s against"
    return [
        Figure("import", "requests, import / plan", ratio, " x", 1.1, f"{_told(imported)} / {_told(planned)}"),
        Figure("import", "reads of a record by id", imported.record_reads, "", 0),
        Figure("import", "peak memory", done.peak, " MB", 300),
        Figure("import", "wall / floor", done.wall / floor, " x", note=f"{took} {floor:.1f} s; {done.cpu:.1f} s CPU"),
        Figure("import", "wall / (requests / 25)", done.wall / own, " x", 1.1, f"{took} {own:.1f} s"),
        Figure("import", "answers 429", imported.throttled, "", 0),
    ]


def _told(log: Log) -> str:
    return ", ".join(f"{category} {count}" for category, count in sorted(log.categories.items()))

"""The same job by lfsync and by a script of 40 lines on the official SDK (by_hand.py), at 25 requests a second."""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.lab import Lab, Prepared
from benchmarks.process import Run, run
from benchmarks.sandbox import Log, Sandbox, serve

_RATE = 25
_THERE, _NEW, _CHANGED = 10_000, 1_000, 100
_SCRIPT = Path(__file__).parent / "by_hand.py"


def measure(lab: Lab) -> list[Figure]:
    there = lab.applied(_THERE, only_accounts=True)
    new = lab.empty("by-hand", _NEW, only_accounts=True)
    return [
        *_compared(f"plan of {_THERE:,} unchanged accounts", there, ("plan",), ("--dry-run",)),
        *_compared(f"seeding {_NEW:,} accounts", new, ("apply", "--yes")),
        *_compared(f"changing {_CHANGED} of {_THERE:,} accounts", _changed(there), ("apply", "--yes")),
    ]


def _changed(prepared: Prepared) -> Prepared:
    """The first accounts get another tier."""
    path = prepared.folder / "accounts" / "0000.yaml"
    text, found = re.subn("tier: (Gold|Silver)", "tier: Bronze", path.read_text(), count=_CHANGED)
    assert found == _CHANGED
    path.write_text(text)
    return prepared


def _compared(what: str, prepared: Prepared, ours: tuple[str, ...], theirs: tuple[str, ...] = ()) -> list[Figure]:
    """Both on a workspace of its own; `prepared` is left as lfsync leaves it."""
    copy = replace(prepared, db=prepared.db.with_suffix(".script.db"))
    shutil.copy(prepared.db, copy.db)
    with serve(prepared.db, rps=_RATE) as sandbox:
        mine, log = _timed(sandbox, prepared.lfsync(sandbox, *ours))
    with serve(copy.db, rps=_RATE) as sandbox:
        script = run([sys.executable, _SCRIPT, prepared.folder, *theirs], env=sandbox.env)
        its, its_log = _timed(sandbox, script)
    note = f"{mine.wall:.1f} s, {its.wall:.1f} s; requests {_all(log)}, {_all(its_log)}; 429s {its_log.throttled}"
    sent = (_all(log) + log.throttled) / (_all(its_log) + its_log.throttled)
    most = (
        1.0 if its_log.throttled else None
    )  # a script that is never told to slow down may read less: it proves nothing
    return [
        Figure("script", f"{what}: wall, lfsync / script", mine.wall / its.wall, " x", 1.0, note),
        Figure("script", f"{what}: all requests, lfsync / script", sent, " x", most),
        Figure("script", f"{what}: answers 429", log.throttled, "", 0, f"the script {its_log.throttled}"),
    ]


def _timed(sandbox: Sandbox, done: Run) -> tuple[Run, Log]:
    return done, sandbox.log()


def _all(log: Log) -> int:
    return log.categories.total()

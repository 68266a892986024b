"""Validating 100,000 rows of a CSV file, offline."""

from __future__ import annotations

import csv
from pathlib import Path

from benchmarks import project
from benchmarks.figures import Figure
from benchmarks.lab import Lab
from benchmarks.process import BIN, CommandError, run

_ROWS = 100_000
_SOURCE = """\
sources:
  - file: deals.csv
    kind: opportunity
    key: Deal
    fields:
      $name: Deal
      $stage: {column: Stage, map: {Won: Closed won, Lost: Closed lost, Open: Lead}}
      $amount: {column: Amount, number: {thousands: ","}}
      closedOn: {column: Closed, date: "%m/%d/%Y"}
"""


def measure(lab: Lab) -> list[Figure]:
    """Each form of a cell that a row of a sales pipeline has: text, words of our own, a number, a date."""
    folder = lab.root / "rows"
    project.write_project(folder, {})
    (folder / "deals.yaml").write_text(_SOURCE)
    _write_rows(folder / "deals.csv")
    done = run([BIN / "lfsync", "-C", folder, "validate"])
    if f"{_ROWS} resources, no problems" not in done.stdout:
        raise CommandError(f"validate did not read {_ROWS} rows:\n{done.stdout[-2000:]}")
    note = f"{done.cpu / _ROWS * 1000:.3f} ms each, {done.peak:.0f} MB"
    return [Figure("rows", f"CPU, validate of {_ROWS:,} rows", done.cpu, " s", 6, note)]


def _write_rows(path: Path) -> None:
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("Deal", "Stage", "Amount", "Closed"))
        for i in range(_ROWS):
            rows.writerow((f"deal-{i:06d}", ("Won", "Lost", "Open")[i % 3], f"{i:,}.50", f"{i % 12 + 1}/7/2027"))

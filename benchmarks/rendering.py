"""Showing a saved plan of 10,000 creates, in each format, beside what it cost to plan them (design 15)."""

from __future__ import annotations

from statistics import median

from benchmarks.figures import Figure
from benchmarks.lab import Lab
from benchmarks.sandbox import serve

_SIZE = 10_000
_ROUNDS = 3
_FORMATS = ("text", "markdown", "html", "json")


def measure(lab: Lab) -> list[Figure]:
    """`show` also starts, reads the plan and checks its fingerprint; `plan --summary` hardly prints anything."""
    prepared = lab.empty("rendering", _SIZE)
    saved = str(lab.root / "rendering.plan.json")
    with serve(prepared.db) as sandbox:
        plans = [prepared.lfsync(sandbox, "plan", "--summary", "-o", saved) for _ in range(_ROUNDS)]
        planning = median(run.cpu for run in plans)
        figures = []
        for format in _FORMATS:
            shown = [prepared.lfsync(sandbox, "show", saved, "--format", format) for _ in range(_ROUNDS)]
            cpu = median(run.cpu for run in shown)
            note = f"show {cpu:.2f} s, plan {planning:.2f} s, medians of {_ROUNDS}; {len(shown[0].stdout):,} characters"
            figures.append(Figure("rendering", f"CPU, show --format {format} / plan", cpu / planning, " x", 1.0, note))
    return figures

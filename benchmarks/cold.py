"""Cold start: `lfsync --version` against a program that is nothing but click (design 11: at most 3 times)."""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median

from benchmarks.figures import Figure
from benchmarks.lab import Lab
from benchmarks.process import BIN, run

_ROUNDS = 15
_BARE = """\
import click


@click.command()
@click.version_option("1.0.0")
def main() -> None:
    pass


main()
"""


def measure(lab: Lab) -> list[Figure]:
    bare = lab.root / "bare.py"
    bare.write_text(_BARE)
    commands: tuple[list[str | Path], ...] = ([sys.executable, bare, "--version"], [BIN / "lfsync", "--version"])
    # Turn by turn: a busy moment of the machine then hits both. The first round fills the caches and is dropped.
    rounds = [[run(command).wall for command in commands] for _ in range(_ROUNDS + 1)][1:]
    click, lfsync = (median(walls) for walls in zip(*rounds, strict=True))
    note = f"lfsync {lfsync * 1000:.0f} ms, click {click * 1000:.0f} ms, medians of {_ROUNDS}"
    return [Figure("cold", "lfsync --version / bare click program", lfsync / click, " x", 3, note)]

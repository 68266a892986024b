"""`python -m benchmarks [PART ...] [--small]`: measure, print a table, write results.json; 1 if a target is missed."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from benchmarks import accepting, cold, importing, pace, planning, rendering, rows, scale, script
from benchmarks.figures import Figure, missed, table
from benchmarks.lab import lab
from benchmarks.process import CommandError

_PARTS = {
    "cold": cold.measure,
    "planning": planning.measure,
    "rows": rows.measure,
    "rendering": rendering.measure,
    "import": importing.measure,
    "accept": accepting.measure,
    "pace": pace.measure,
    "script": script.measure,
    "scale": scale.measure,
}
_RESULTS = Path(__file__).parent / "results.json"
_SIZES = (1_000, 10_000, 100_000)


def main() -> int:
    chosen = _arguments()
    talk = Console(stderr=True)
    figures: list[Figure] = []
    with lab(_SIZES[:-1] if chosen.small else _SIZES) as place:
        for part in chosen.parts or _PARTS:
            talk.print(f"measuring {part} ...")
            begin = time.perf_counter()
            figures += _PARTS[part](place)
            talk.print(f"measured {part} in {time.perf_counter() - begin:.0f} s")
    # Into a pipe nothing is squeezed into 80 columns.
    Console(width=None if sys.stdout.isatty() else 160).print(table(figures))
    _RESULTS.write_text(json.dumps(_results(figures), indent=2, ensure_ascii=False) + "\n")
    return 1 if missed(figures) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure lfsync against its targets.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"some of: {', '.join(_PARTS)}; all by default")
    parser.add_argument("--small", action="store_true", help="let scale end at 10,000 resources (minutes less)")
    chosen = parser.parse_args()
    if unknown := [part for part in chosen.parts if part not in _PARTS]:
        parser.error(f"no part is called {', '.join(unknown)}; there are {', '.join(_PARTS)}")
    return chosen


def _results(figures: list[Figure]) -> dict[str, object]:
    return {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
        "figures": [asdict(figure) | {"ok": figure.ok} for figure in figures],
    }


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CommandError as error:
        sys.exit(str(error))

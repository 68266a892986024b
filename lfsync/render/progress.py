"""Progress of an apply on stderr: a bar on a terminal, a line now and then in CI."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from lfsync.model import Address, Outcome, Plan, Status
from lfsync.render.terminal import escape
from lfsync.render.words import duration

_FINE: tuple[Status, ...] = ("done", "unchanged")


class TerminalProgress:
    """A bar with counts and the remaining time. `color` False keeps it plain."""

    def __init__(self, stream: TextIO, *, color: bool = True) -> None:
        console = Console(file=stream, no_color=not color, highlight=False, markup=False, emoji=False)
        self._bar = Progress(
            TextColumn("Applying", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[trouble]}", style="red", markup=False),
            console=console,
            transient=True,
        )
        self._task: TaskID | None = None
        self._trouble = 0

    def start(self, plan: Plan) -> None:
        self._task = self._bar.add_task("", total=len(plan.changes), trouble="")
        self._bar.start()

    def answered(self, address: Address) -> None:
        """Counted when it is finished."""

    def finished(self, outcome: Outcome) -> None:
        if self._task is None:
            return
        self._trouble += outcome.status not in _FINE
        trouble = f"{self._trouble} not done" if self._trouble else ""
        self._bar.update(self._task, advance=1, trouble=trouble)

    def note(self, message: str) -> None:
        self._bar.console.print(Text(escape(message)), soft_wrap=True)

    def close(self) -> None:
        self._bar.stop()


class LineProgress:
    """A line every `every` seconds at most, and one at the end. `clock` counts seconds from any start."""

    def __init__(self, stream: TextIO, clock: Callable[[], float], *, every: float = 10.0) -> None:
        self._stream = stream
        self._clock = clock
        self._every = every
        self._total = 0
        self._counts: Counter[Status] = Counter()
        self._began = 0.0
        self._next = 0.0
        self._open = False

    def start(self, plan: Plan) -> None:
        self._total = len(plan.changes)
        self._began = self._clock()
        self._next = self._began + self._every
        self._open = self._total > 0  # nothing to apply, nothing to say

    def answered(self, address: Address) -> None:
        """Counted when it is finished."""

    def finished(self, outcome: Outcome) -> None:
        self._counts[outcome.status] += 1
        now = self._clock()
        if now >= self._next:
            self._next = now + self._every
            self._print(f"{self._progress()}{self._remaining(now)}")

    def note(self, message: str) -> None:
        self._print(escape(message))

    def close(self) -> None:
        if self._open:
            self._open = False
            self._print(f"{self._progress()} in {duration(self._clock() - self._began)}")

    def _progress(self) -> str:
        trouble = "".join(
            f", {count} {status}" for status, count in sorted(self._counts.items()) if status not in _FINE
        )
        return f"applied {self._counts.total()} of {self._total}{trouble}"

    def _remaining(self, now: float) -> str:
        done = self._counts.total()
        return f", about {duration((now - self._began) / done * (self._total - done))} left"

    def _print(self, text: str) -> None:
        self._stream.write(f"{text}\n")
        self._stream.flush()

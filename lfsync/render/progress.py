"""Progress of an apply on stderr: a bar on a terminal, a line now and then in CI.

Uploads tell by their bytes how far they are, for one of them may take longer than all else.
Both count the changes whose write was answered, of all changes (rule A8); proof comes after, and takes what it takes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from lfsync.model import Address, Change, Outcome, Plan, Status
from lfsync.render.terminal import escape
from lfsync.render.words import data_size, duration

_FINE: tuple[Status, ...] = ("done", "unchanged")
_TELLING = 50  # one change in so many must be through, before they tell anything of the others


class Tally:
    """Which changes of a plan are through: `applied` are those that were answered, or are as declared anyway."""

    def __init__(self) -> None:
        self.total = 0
        self.trouble: Counter[Status] = Counter()
        self._applied: set[Address] = set()
        self._settled: set[Address] = set()
        self._uploads: dict[Address, tuple[int, int]] = {}

    def answered(self, address: Address) -> None:
        self._applied.add(address)
        self._settled.add(address)

    def finished(self, outcome: Outcome) -> None:
        self._settled.add(outcome.address)
        if outcome.status in _FINE:
            self._applied.add(outcome.address)
        else:
            self.trouble[outcome.status] += 1

    def uploading(self, address: Address, sent: int, size: int) -> None:
        self._uploads[address] = (sent, size)

    @property
    def uploaded(self) -> str:
        """`12.5 of 512.0 MiB uploaded`, or nothing where there is nothing to upload."""
        if not self._uploads:
            return ""
        sent, size = map(sum, zip(*self._uploads.values(), strict=True))
        return f"{data_size(sent, size)} uploaded"

    @property
    def applied(self) -> int:
        return len(self._applied)

    @property
    def settled(self) -> int:
        """With those that came to nothing: there is nothing to wait for in them."""
        return len(self._settled)


class TerminalProgress:
    """A bar with counts and the remaining time. `color` False keeps it plain."""

    def __init__(self, stream: TextIO, *, color: bool = True) -> None:
        console = Console(file=stream, no_color=not color, highlight=False, markup=False, emoji=False)
        self._bar = Progress(
            TextColumn("Applying", markup=False),
            BarColumn(),
            TextColumn("{task.fields[applied]}/{task.total}", markup=False),
            TextColumn("{task.fields[uploaded]}", markup=False),
            TimeRemainingColumn(),
            TextColumn("{task.fields[trouble]}", style="red", markup=False),
            console=console,
            transient=True,
        )
        self._task: TaskID | None = None
        self._tally = Tally()

    def start(self, plan: Plan) -> None:
        self._task = self._bar.add_task("", total=len(plan.changes), trouble="", applied=0, uploaded="")
        self._bar.start()

    def began(self, change: Change) -> None:
        """Nothing to show: it is not through."""

    def answered(self, address: Address, id: str) -> None:
        self._tally.answered(address)
        self._show()

    def uploading(self, address: Address, sent: int, size: int) -> None:
        self._tally.uploading(address, sent, size)
        self._show()

    def finished(self, outcome: Outcome) -> None:
        self._tally.finished(outcome)
        self._show()

    def _show(self) -> None:
        if self._task is None:
            return
        trouble = self._tally.trouble.total()
        said = f"{trouble} not done" if trouble else ""
        tally = self._tally
        self._bar.update(
            self._task, completed=tally.settled, applied=tally.applied, trouble=said, uploaded=tally.uploaded
        )

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
        self._tally = Tally()
        self._began = 0.0
        self._next = 0.0
        self._open = False

    def start(self, plan: Plan) -> None:
        self._tally.total = len(plan.changes)
        self._began = self._clock()
        self._next = self._began + self._every
        self._open = self._tally.total > 0  # nothing to apply, nothing to say

    def began(self, change: Change) -> None:
        """Nothing to show: it is not through."""

    def answered(self, address: Address, id: str) -> None:
        self._tally.answered(address)
        self._now_and_then()

    def uploading(self, address: Address, sent: int, size: int) -> None:
        self._tally.uploading(address, sent, size)
        self._now_and_then()

    def finished(self, outcome: Outcome) -> None:
        self._tally.finished(outcome)
        self._now_and_then()

    def _now_and_then(self) -> None:
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
        trouble = "".join(f", {count} {status}" for status, count in sorted(self._tally.trouble.items()))
        uploaded = f", {self._tally.uploaded}" if self._tally.uploaded else ""
        return f"applied {self._tally.applied} of {self._tally.total}{trouble}{uploaded}"

    def _remaining(self, now: float) -> str:
        done, total = self._tally.settled, self._tally.total
        if done == total or done * _TELLING < total:
            return ""
        return f", about {duration((now - self._began) / done * (total - done))} left"

    def _print(self, text: str) -> None:
        self._stream.write(f"{text}\n")
        self._stream.flush()

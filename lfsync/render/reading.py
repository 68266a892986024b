"""Progress of what a plan reads, on stderr: a bar for each kind on a terminal, a line now and then in CI."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from lfsync.render.terminal import escape


class ReadingProgress(Protocol):
    """What commands hold of it; the client calls `reading` (`lfsync.api.client.Watcher`)."""

    def reading(self, kind: str, rows: int, total: int) -> None:
        """`rows` of `total` are there."""

    def close(self) -> None:
        """The plan is there, or never will be: what is read from now on is not shown. A second call does nothing."""


class ReadingBars:
    """Bars that are gone when all is read. What takes less than `patience` seconds shows none."""

    def __init__(
        self, stream: TextIO, clock: Callable[[], float], *, color: bool = True, patience: float = 1.0
    ) -> None:
        console = Console(file=stream, no_color=not color, highlight=False, markup=False, emoji=False)
        self._bars = Progress(
            TextColumn("Reading {task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._clock = clock
        self._patience = patience
        self._began: float | None = None
        self._tasks: dict[str, TaskID] = {}
        self._closed = False

    def reading(self, kind: str, rows: int, total: int) -> None:
        now = self._clock()
        self._began = now if self._began is None else self._began
        if self._closed:
            return
        if kind not in self._tasks:
            self._tasks[kind] = self._bars.add_task(escape(kind))
        self._bars.update(self._tasks[kind], completed=min(rows, total), total=total)
        if now - self._began >= self._patience:
            self._bars.start()

    def close(self) -> None:
        self._closed = True
        if self._bars.live.is_started:
            self._bars.stop()


class ReadingLines:
    """A line every `every` seconds at most: `read 4000 of 10000 account, 3 of 7 list`."""

    def __init__(self, stream: TextIO, clock: Callable[[], float], *, every: float = 10.0) -> None:
        self._stream = stream
        self._clock = clock
        self._every = every
        self._next: float | None = None
        self._read: dict[str, tuple[int, int]] = {}
        self._closed = False

    def reading(self, kind: str, rows: int, total: int) -> None:
        self._read[kind] = (min(rows, total), total)
        now = self._clock()
        self._next = now + self._every if self._next is None else self._next
        if now < self._next or self._closed:
            return
        self._next = now + self._every
        parts = ", ".join(f"{rows} of {total} {escape(kind)}" for kind, (rows, total) in self._read.items())
        self._stream.write(f"read {parts}\n")
        self._stream.flush()

    def close(self) -> None:
        self._closed = True

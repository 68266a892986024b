"""`apply --events`: what happens, as it happens, a line of JSON for each event. I/O."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from lfsync.applying import run_report
from lfsync.applying.reporter import Reporter
from lfsync.commands.answers.problems import problem_json
from lfsync.commands.answers.saved_file import refuse_own
from lfsync.commands.terminal.console import out, say
from lfsync.errors import Problem, UsageError
from lfsync.model import Address, Change, Outcome, Plan, Requests, Status

STDOUT: Final = Path("-")
"""What `--events` takes for it."""
_FIRST: Final = b'{"type": "version"'


class EventLog:
    """Tells of one run. What can't be written any more ends no run: it is said once, and `failed` tells why."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._statuses: Counter[Status] = Counter()
        self.failed: str | None = None
        self._put(run_report.version(_now()))

    def start(self, plan: Plan) -> None:
        for change in plan.changes:
            self._put(run_report.planned(_now(), change))

    def began(self, change: Change) -> None:
        self._put(run_report.event("started", _now(), change.address, action=change.action))

    def answered(self, address: Address, id: str) -> None:
        self._put(run_report.event("written", _now(), address, id=id))

    def uploading(self, address: Address, sent: int, size: int) -> None:
        """No event: what is uploaded is told once it is there."""

    def finished(self, outcome: Outcome) -> None:
        self._statuses[outcome.status] += 1
        self._put(run_report.ended(_now(), outcome))

    def note(self, message: str) -> None:
        """No event: for people."""

    def close(self) -> None:
        """The summary comes when the exit code is known."""

    def ended(
        self, exit_code: int, *, run: str | None, blocked: int, requests: Requests, problems: Sequence[Problem] = ()
    ) -> None:
        """The last event."""
        told = [problem_json(problem) for problem in problems]
        self._put(
            run_report.summary(
                _now(),
                run=run,
                outcomes=self._statuses,
                blocked=blocked,
                requests=requests,
                exit_code=exit_code,
                problems=told,
            )
        )

    def _put(self, line: str) -> None:
        if self.failed is not None:
            return
        try:
            self._write(line)
        except OSError as error:
            self.failed = error.strerror or str(error)
            say(f"The events can't be written any more: {self.failed}")


class Both:
    """Tells two reporters the same."""

    def __init__(self, *reporters: Reporter) -> None:
        self._reporters = reporters

    def start(self, plan: Plan) -> None:
        for each in self._reporters:
            each.start(plan)

    def began(self, change: Change) -> None:
        for each in self._reporters:
            each.began(change)

    def answered(self, address: Address, id: str) -> None:
        for each in self._reporters:
            each.answered(address, id)

    def uploading(self, address: Address, sent: int, size: int) -> None:
        for each in self._reporters:
            each.uploading(address, sent, size)

    def finished(self, outcome: Outcome) -> None:
        for each in self._reporters:
            each.finished(outcome)

    def note(self, message: str) -> None:
        for each in self._reporters:
            each.note(message)

    def close(self) -> None:
        for each in self._reporters:
            each.close()


@contextmanager
def event_log(path: Path | None, root: Path) -> Iterator[EventLog | None]:
    """A log onto `path`, `-` is stdout. UsageError where that is the project's own, or no log of events (rule C17)."""
    if path is None or path == STDOUT:
        yield None if path is None else EventLog(out)
        return
    refuse_own(path, root, (), what="the events")
    handle = _opened(path)
    try:
        yield EventLog(lambda line: _write_all(handle, line.encode()))
    finally:
        os.close(handle)


def _opened(path: Path) -> int:
    """For its owner alone: ids and reasons are personal data. What is there is replaced only if it is such a log."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise UsageError(f"the events can't be written to {path}: {error.strerror}") from None
    if stat.S_ISREG(os.fstat(handle).st_mode):
        if os.read(handle, len(_FIRST)) not in (b"", _FIRST):
            os.close(handle)
            raise UsageError(f"{path} is there, and is no log of events", hint="Name another file.")
        os.ftruncate(handle, 0)
        os.lseek(handle, 0, os.SEEK_SET)
    return handle


def _write_all(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

"""`lfsync apply` and `lfsync undo`. I/O."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from lfsync.applying.applier import Applier
from lfsync.applying.reporter import Reporter
from lfsync.applying.run_report import run_json
from lfsync.commands.answers.events import STDOUT, Both, EventLog, event_log
from lfsync.commands.answers.failed_rows import refuse_failed, save_failed
from lfsync.commands.answers.problems import problems_of
from lfsync.commands.opening import open_session
from lfsync.commands.planning import listener, reading_progress, warn_of_merges
from lfsync.commands.records import run_in_words
from lfsync.commands.shown_plan import plan_for_people, read_plan
from lfsync.commands.terminal import streams
from lfsync.commands.terminal.console import Options, out, say
from lfsync.commands.terminal.loop import awaited
from lfsync.commands.terminal.question import confirmed
from lfsync.commands.terminal.signals import leave_at_once, on_interrupt
from lfsync.errors import (
    DeclinedError,
    LfsyncError,
    StateError,
    StoppedError,
    UnkeptError,
    UnrecordedError,
    UsageError,
)
from lfsync.model import Outcome, Plan, Requests
from lfsync.planning.draft import Wishes
from lfsync.planning.make import plan_declared, plan_saved, plan_undo
from lfsync.planning.plan import refuse, with_names
from lfsync.planning.planned import Planned
from lfsync.planning.selection import Patterns
from lfsync.planning.session import Session
from lfsync.render.outcome import run_text
from lfsync.render.progress import LineProgress, TerminalProgress
from lfsync.render.terminal import escape
from lfsync.render.words import data_size, plural
from lfsync.state import history
from lfsync.state.state import State, merged

_Made = Callable[[Session], Awaitable[Planned]]
_FINE = ("done", "unchanged")
_NO_REQUESTS = Requests()


@dataclass(frozen=True, slots=True)
class Manner:
    """How a run goes about it. `events`: where they are written, `-` for stdout; `dry`: plan and show, no more.

    `failed`: where the rows that were not applied are written.
    """

    yes: bool = False
    allow_large: bool = False
    format: str = "text"
    events: Path | None = None
    dry: bool = False
    failed: Path | None = None

    @property
    def is_told_on_stdout(self) -> bool:
        """Whether stdout is for people, and not for a program."""
        return self.format == "text" and self.events != STDOUT


def apply(options: Options, wishes: Wishes, patterns: Patterns, manner: Manner) -> int:
    """0; 3 where anything was blocked, failed, skipped, stale or not converged (rule A6); 130 after Ctrl-C."""

    async def made(session: Session) -> Planned:
        return await plan_declared(session, patterns, wishes)

    return _carry_out(options, "apply", lambda: made, manner)


def apply_saved(options: Options, path: Path, manner: Manner) -> int:
    """As `apply`, for a plan that was made before."""

    def read() -> _Made:
        saved = read_plan(path)

        async def made(session: Session) -> Planned:
            return await plan_saved(session, saved)

        return made

    return _carry_out(options, "apply", read, manner)


def undo(options: Options, name: str | None, manner: Manner) -> int:
    """As `apply`, for what puts a run back."""

    async def made(session: Session) -> Planned:
        run = history.find(session.workspace.history_path, name)
        say(escape(f"{'Would undo' if manner.dry else 'Undoing'} {run_in_words(run)}."))
        return await plan_undo(session, run)

    return _carry_out(options, "undo", lambda: made, manner)


def _carry_out(options: Options, command: str, maker: Callable[[], _Made], manner: Manner) -> int:
    with event_log(manner.events, options.root) as log:
        return awaited(_Command(options, command, manner, log).carried_out(maker))


class _Command:
    """One apply, or one undo, from its first event to its exit code."""

    def __init__(self, options: Options, name: str, manner: Manner, log: EventLog | None) -> None:
        self.options = options
        self.name = name
        self.manner = manner
        self.log = log

    async def carried_out(self, maker: Callable[[], _Made]) -> int:
        """The exit code. Whatever ends the command, the last event tells of it."""
        try:
            self._refuse_unasked()
            return await self._opened_and_run(maker())
        except BaseException as error:
            if self.log is not None:
                problems = problems_of(error)
                code = error.exit_code if isinstance(error, LfsyncError) else 130 if _is_stop(error) else 70
                self.log.ended(code, run=None, blocked=0, requests=Requests(), problems=problems)
            raise

    def _refuse_unasked(self) -> None:
        if not self.manner.yes and not self.manner.dry and not sys.stdin.isatty():
            what = f"{self.name} asks before it writes, and there is no terminal to ask on"
            raise UsageError(what, hint="Pass --yes.")

    async def _opened_and_run(self, made: _Made) -> int:
        options, opened = self.options, list[Session]()
        with (
            reading_progress(options) as watcher,
            _true_to_the_end(lambda: any(session.client.requests["write"] for session in opened)),
        ):
            async with open_session(
                options.root, options.workspace, listener(options), watcher=watcher, writing=not self.manner.dry
            ) as session:
                opened.append(session)
                if self.manner.failed is not None:
                    refuse_failed(self.manner.failed, session.project)
                warn_of_merges(session.workspace)
                planned = await made(session)
                watcher.close()
                return await self._shown_and_run(session, planned)

    async def _shown_and_run(self, session: Session, planned: Planned) -> int:
        made, manner = planned.plan, self.manner
        if self.name == "undo" and not made.changes and not made.blocked:
            for warning in made.warnings:
                self._tell(f"Warning: {escape(warning.message)}")
            left = "that can be put back" if made.warnings else "to put back: all is as it was before that run"
            self._tell(f"Nothing {left}.")
            return self._ended(_End(made, 0))
        self._tell(plan_for_people(self.options, with_names(made, planned.knowledge)))
        if manner.dry:
            return self._ended(_End(made, 3 if made.blocked else 0))
        refuse(made, allow_large=manner.allow_large)
        if made.changes and not manner.yes and not await confirmed(f"Apply to {escape(made.workspace.name)}?"):
            raise DeclinedError
        return self._ended(await self._run(session, planned))

    async def _run(self, session: Session, planned: Planned) -> _End:
        """Carry the plan out, keep the state whatever happens, say what became of it."""
        gc.enable()
        started, before = time.monotonic(), Requests(*_sent(session))
        assert session.journal is not None
        recorder = session.recorder(self.name, planned.plan.config_digest)
        reporter = _reporter(self.options)
        applier = Applier(planned, Both(reporter, self.log) if self.log else reporter, session.journal, recorder)
        interrupted = False

        def stop() -> None:
            nonlocal interrupted
            if interrupted:
                leave_at_once()
            interrupted = True
            applier.stop()
            say(_interrupted(*applier.uploads))

        with _noting_down(lambda: _sent(session)[2] > before.write):
            try:
                with on_interrupt(stop):
                    outcomes = await applier.run()
                recorder.end(interrupted=interrupted)
            finally:
                recorder.close()
                unkept = _unkept(session, planned, applier.state)
        read, search, write = _sent(session)
        requests = Requests(read - before.read, search - before.search, write - before.write)
        if planned.plan.changes:
            self._tell_run(outcomes, len(planned.plan.blocked), time.monotonic() - started, requests)
        if self.manner.failed is not None:
            rows = save_failed(self.manner.failed, session.project, planned.plan, outcomes)
            self._tell(f"{plural(rows, 'row')} not applied: {escape(str(self.manner.failed))}")
        code = 130 if interrupted else _code(planned.plan, outcomes, requests, session)
        if unkept is not None:
            if not code and not requests.write:
                raise unkept
            say(escape(f"Warning: {unkept.message}. {unkept.hint}"))
            code = code or 3
        return _End(planned.plan, code, recorder.name, tuple(outcomes), requests)

    def _ended(self, end: _End) -> int:
        """What programs are told at the end."""
        code = end.exit_code
        if self.log is not None:
            self.log.ended(code, run=end.run, blocked=len(end.plan.blocked), requests=end.requests)
            code = code or (3 if self.log.failed is not None and end.outcomes else 0)
        if self.manner.format == "json":
            out(run_json(end.plan, end.run, end.outcomes, end.requests, code))
        return code if code or not (end.plan.changes and streams.failure()) else 3

    def _tell(self, text: str) -> None:
        (out if self.manner.is_told_on_stdout else say)(text)

    def _tell_run(self, outcomes: Sequence[Outcome], blocked: int, seconds: float, requests: Requests) -> None:
        options = self.options
        stream = sys.stdout if self.manner.is_told_on_stdout else sys.stderr
        told = run_text(
            outcomes,
            blocked=blocked,
            seconds=seconds,
            requests=requests,
            width=options.width,
            color=options.color(stream),
        )
        self._tell(f"\n{told}")


@dataclass(frozen=True, slots=True)
class _End:
    """How a command ended. `run`: its name in the history, None where it wrote nothing."""

    plan: Plan
    exit_code: int
    run: str | None = None
    outcomes: tuple[Outcome, ...] = ()
    requests: Requests = _NO_REQUESTS


def _code(plan: Plan, outcomes: Sequence[Outcome], requests: Requests, session: Session) -> int:
    if session.client.outage is not None and not requests.write:
        return 1
    if session.client.barred is not None and not requests.write:
        return 4
    return 0 if not plan.blocked and all(outcome.status in _FINE for outcome in outcomes) else 3


def _unkept(session: Session, planned: Planned, after: State) -> UnkeptError | None:
    """Keeps the state `after` a run; why one that lies elsewhere could not be written, which ends no run."""
    try:
        session.keep(merged(session.state, planned.state.as_kept(), after), planned.schema)
    except UnkeptError as error:
        return error
    return None


def _interrupted(uploads: int, sent: int, size: int) -> str:
    """What an interruption waits for: an upload may take longer than anybody cares to."""
    if not uploads:
        return "Interrupted: what is in flight ends first. Ctrl-C again leaves at once."
    waiting = f"{plural(uploads, 'upload')} with it ({data_size(sent, size)} sent)"
    cancelled = "cancels it" if uploads == 1 else "cancels them"
    return f"Interrupted: what is in flight ends first, {waiting}. Ctrl-C again leaves at once, and {cancelled}."


def _is_stop(error: BaseException) -> bool:
    return isinstance(error, KeyboardInterrupt | asyncio.CancelledError | click.Abort)


@contextmanager
def _noting_down(wrote: Callable[[], bool]) -> Iterator[None]:
    """Journal, history and state that can't be written end a run; by the exit code it tells whether it `wrote`."""
    try:
        yield
    except Exception as error:
        first, *others = _leaves(error)
        if not all(isinstance(each, OSError | StateError) for each in (first, *others)):
            raise
        kind = UnrecordedError if wrote() else StateError
        raise kind(
            f"what the run does can't be noted down, so it stopped: {first}",
            hint="Make room for it, or let it be written. The next apply first finds out what is done already.",
        ) from None


@contextmanager
def _true_to_the_end(wrote: Callable[[], bool]) -> Iterator[None]:
    """Whatever ends a run that `wrote` already, its exit code never says that nothing was written."""
    try:
        yield
    except Exception as error:
        first, *others = _leaves(error)
        known = all(isinstance(each, OSError | LfsyncError) for each in (first, *others))
        if not known or not wrote() or isinstance(first, StoppedError):
            raise
        raise StoppedError(f"stopped after the first write: {first}", hint=getattr(first, "hint", None)) from None


def _leaves(error: Exception) -> list[Exception]:
    """The error, or all that a group of them holds."""
    if isinstance(error, ExceptionGroup):
        return [leaf for each in error.exceptions for leaf in _leaves(each)]
    return [error]


def _sent(session: Session) -> tuple[int, int, int]:
    sent = session.client.requests
    return sent["read"], sent["search"], sent["write"]


def _reporter(options: Options) -> Reporter:
    if sys.stderr.isatty():
        return TerminalProgress(sys.stderr, color=options.color(sys.stderr))
    return LineProgress(sys.stderr, time.monotonic)

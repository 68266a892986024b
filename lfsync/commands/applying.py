"""`lfsync apply` and `lfsync undo`. I/O."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lfsync.applying.applier import Applier
from lfsync.applying.reporter import Reporter
from lfsync.commands import streams
from lfsync.commands.console import Options, out, say
from lfsync.commands.opening import open_session
from lfsync.commands.planning import listener, print_plan, read_plan, reading_progress, warn_of_merges
from lfsync.commands.question import confirmed
from lfsync.commands.signals import on_interrupt
from lfsync.errors import LfsyncError, StateError, StoppedError, UnrecordedError, UsageError
from lfsync.model import Outcome, Requests
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
from lfsync.state.state import merged

_FINE = ("done", "unchanged")


def apply(options: Options, wishes: Wishes, patterns: Patterns, *, yes: bool, allow_large: bool) -> int:
    """0; 3 where anything was blocked, failed, skipped, stale or not converged (rule A6); 130 after Ctrl-C."""

    async def made(session: Session) -> Planned:
        return await plan_declared(session, patterns, wishes)

    return _carry_out(options, "apply", made, yes=yes, allow_large=allow_large)


def apply_saved(options: Options, path: Path, *, yes: bool, allow_large: bool) -> int:
    """As `apply`, for a plan that was made before."""
    saved = read_plan(path)

    async def made(session: Session) -> Planned:
        return await plan_saved(session, saved)

    return _carry_out(options, "apply", made, yes=yes, allow_large=allow_large)


def undo(options: Options, name: str | None, *, yes: bool, allow_large: bool) -> int:
    """As `apply`, for what puts a run back."""

    async def made(session: Session) -> Planned:
        run = history.find(session.workspace.history_path, name)
        say(f"Undoing run {run.header.run} of {escape(run.header.who)}.")
        return await plan_undo(session, run)

    return _carry_out(options, "undo", made, yes=yes, allow_large=allow_large)


def _carry_out(
    options: Options, command: str, made: Callable[[Session], Awaitable[Planned]], *, yes: bool, allow_large: bool
) -> int:
    if not yes and not sys.stdin.isatty():
        raise UsageError(f"{command} asks before it writes, and there is no terminal to ask on", hint="Pass --yes.")
    return asyncio.run(_carried_out(options, command, made, yes=yes, allow_large=allow_large))


async def _carried_out(
    options: Options, command: str, made: Callable[[Session], Awaitable[Planned]], *, yes: bool, allow_large: bool
) -> int:
    opened: list[Session] = []
    with (
        reading_progress(options) as watcher,
        _true_to_the_end(lambda: any(session.client.requests["write"] for session in opened)),
    ):
        async with open_session(
            options.root, options.workspace, listener(options), watcher=watcher, writing=True
        ) as session:
            opened.append(session)
            warn_of_merges(session.workspace)
            planned = await made(session)
            watcher.close()
            return await _shown_and_run(options, command, session, planned, yes=yes, allow_large=allow_large)


async def _shown_and_run(
    options: Options, command: str, session: Session, planned: Planned, *, yes: bool, allow_large: bool
) -> int:
    if command == "undo" and not planned.plan.changes and not planned.plan.blocked:
        for warning in planned.plan.warnings:
            out(f"Warning: {escape(warning)}")
        left = "that can be put back" if planned.plan.warnings else "to put back: all is as it was before that run"
        out(f"Nothing {left}.")
        return 0
    print_plan(options, with_names(planned.plan, planned.knowledge))
    refuse(planned.plan, allow_large=allow_large)
    if planned.plan.changes and not yes and not await confirmed(f"Apply to {escape(planned.plan.workspace.name)}?"):
        say("Nothing was written.")
        return 1
    return await _run(options, command, session, planned)


async def _run(options: Options, command: str, session: Session, planned: Planned) -> int:
    """Carry the plan out, keep the state whatever happens, say what became of it; the exit code."""
    gc.enable()
    started, before = time.monotonic(), Requests(*_sent(session))
    assert session.journal is not None
    recorder = session.recorder(command, planned.plan.config_digest)
    applier = Applier(planned, _reporter(options), session.journal, recorder)
    interrupted = False

    def stop() -> None:
        nonlocal interrupted
        if interrupted:
            raise KeyboardInterrupt
        interrupted = True
        applier.stop()
        say(_interrupted(*applier.uploads))

    with _noting_down(lambda: _sent(session)[2] > before.write):
        try:
            with on_interrupt(stop):
                outcomes = await applier.run()
        finally:
            recorder.close()
            session.keep(merged(session.state, planned.state.as_kept(), applier.state))
    read, search, write = _sent(session)
    requests = Requests(read - before.read, search - before.search, write - before.write)
    if planned.plan.changes:
        _print_run(options, outcomes, len(planned.plan.blocked), time.monotonic() - started, requests)
    if interrupted:
        return 130
    if session.client.outage is not None and not requests.write:
        return 1
    whole = not planned.plan.blocked and all(outcome.status in _FINE for outcome in outcomes)
    return 0 if whole and not (planned.plan.changes and streams.failure()) else 3


def _interrupted(uploads: int, sent: int, size: int) -> str:
    """What an interruption waits for: an upload may take longer than anybody cares to."""
    if not uploads:
        return "Interrupted: what is in flight ends first. Ctrl-C again leaves at once."
    waiting = f"{plural(uploads, 'upload')} with it ({data_size(sent, size)} sent)"
    cancelled = "cancels it" if uploads == 1 else "cancels them"
    return f"Interrupted: what is in flight ends first, {waiting}. Ctrl-C again leaves at once, and {cancelled}."


def _print_run(options: Options, outcomes: Sequence[Outcome], blocked: int, seconds: float, requests: Requests) -> None:
    width, color = options.width, options.color(sys.stdout)
    out("")
    out(run_text(outcomes, blocked=blocked, seconds=seconds, requests=requests, width=width, color=color))


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

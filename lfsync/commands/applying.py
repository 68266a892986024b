"""`lfsync apply` and `lfsync undo`. I/O."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from lfsync.applying.apply import Applier
from lfsync.applying.progress import Job
from lfsync.applying.reporter import Reporter
from lfsync.commands.console import Options, out, say
from lfsync.commands.planning import listener, print_plan, read_plan, warn_of_merges
from lfsync.errors import StateError, UnrecordedError, UsageError
from lfsync.model import Outcome, Plan, Requests
from lfsync.planning.draft import Wishes
from lfsync.planning.plan import refuse_large, with_names
from lfsync.planning.session import Session, open_session, refuse_unwritable
from lfsync.render.outcome import run_text
from lfsync.render.progress import LineProgress, TerminalProgress
from lfsync.render.terminal import escape
from lfsync.state import history
from lfsync.state.state import merged

_FINE = ("done", "unchanged")


def apply(options: Options, wishes: Wishes, *, yes: bool, allow_large: bool, only: Iterable[str]) -> int:
    """0; 3 where anything was blocked, failed, skipped, stale or not converged (rule A6); 130 after Ctrl-C."""

    async def made(session: Session) -> Job:
        return await session.plan(only, wishes)

    return _carry_out(options, "apply", made, yes=yes, allow_large=allow_large)


def apply_saved(options: Options, path: Path, *, yes: bool, allow_large: bool) -> int:
    """As `apply`, for a plan that was made before."""
    saved = read_plan(path)

    async def made(session: Session) -> Job:
        return await session.plan_saved(saved)

    return _carry_out(options, "apply", made, yes=yes, allow_large=allow_large)


def undo(options: Options, name: str | None, *, yes: bool, allow_large: bool) -> int:
    """As `apply`, for what puts a run back."""

    async def made(session: Session) -> Job:
        run = history.find(session.workspace.history_path, name)
        say(f"Undoing run {run.header.run} of {escape(run.header.who)}.")
        return await session.plan_undo(run)

    return _carry_out(options, "undo", made, yes=yes, allow_large=allow_large)


def _carry_out(
    options: Options, command: str, made: Callable[[Session], Awaitable[Job]], *, yes: bool, allow_large: bool
) -> int:
    if not yes and not sys.stdin.isatty():
        raise UsageError(f"{command} asks before it writes, and there is no terminal to ask on", hint="Pass --yes.")
    return asyncio.run(_carried_out(options, command, made, yes=yes, allow_large=allow_large))


async def _carried_out(
    options: Options, command: str, made: Callable[[Session], Awaitable[Job]], *, yes: bool, allow_large: bool
) -> int:
    async with open_session(options.root, options.workspace, listener(options), writing=True) as session:
        warn_of_merges(session.workspace)
        job = await made(session)
        if command == "undo" and not job.plan.changes and not job.plan.blocked:
            out("Nothing to put back: all is as it was before that run.")
            return 0
        print_plan(options, with_names(job.plan, job.live))
        refuse_unwritable(job.plan.missing_scopes)
        if not allow_large:
            refuse_large(job.plan, session.project.settings.safety, len(session.state.bindings))
        if job.plan.changes and not yes and not _confirmed(job.plan):
            say("Nothing was written.")
            return 1
        outcomes, interrupted = await _run(options, command, session, job)
        if interrupted:
            return 130
        return 0 if not job.plan.blocked and all(outcome.status in _FINE for outcome in outcomes) else 3


def _confirmed(plan: Plan) -> bool:
    """Ask, on the main thread and with Python's own Ctrl-C: asyncio's would wait for the line to be typed out."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return click.confirm(f"\nApply to {escape(plan.workspace.name)}?", default=False, err=True)
    finally:
        signal.signal(signal.SIGINT, before)


async def _run(options: Options, command: str, session: Session, job: Job) -> tuple[list[Outcome], bool]:
    """Carry the plan out, keep the state whatever happens, and say what became of it. True where Ctrl-C ended it."""
    gc.enable()
    started, before = time.monotonic(), Requests(*_sent(session))
    assert session.journal is not None
    recorder = session.recorder(command, job.plan.config_digest)
    applier = Applier(job, session.client, _reporter(options), session.journal, recorder)
    interrupted = False

    def stop() -> None:
        nonlocal interrupted
        if interrupted:
            raise KeyboardInterrupt
        interrupted = True
        applier.stop()
        say("Interrupted: what is in flight ends first. Ctrl-C again leaves at once.")

    with _noting_down(lambda: _sent(session)[2] > before.write):
        try:
            with _on_interrupt(stop):
                outcomes = await applier.run()
        finally:
            recorder.close()
            session.keep(merged(session.state, job.state, applier.state))
    if job.plan.changes:
        read, search, write = _sent(session)
        requests = Requests(read - before.read, search - before.search, write - before.write)
        seconds = time.monotonic() - started
        color = options.color(sys.stdout)
        out("")
        out(run_text(outcomes, seconds=seconds, requests=requests, width=options.width, color=color))
    return outcomes, interrupted


@contextmanager
def _noting_down(wrote: Callable[[], bool]) -> Iterator[None]:
    """Journal, history and state that can't be written end a run; by the exit code it tells whether it `wrote`."""
    try:
        yield
    except (OSError, StateError) as error:
        kind = UnrecordedError if wrote() else StateError
        raise kind(
            f"what the run does can't be noted down, so it stopped: {error}",
            hint="Make room for it, or let it be written. The next apply first finds out what is done already.",
        ) from None


def _sent(session: Session) -> tuple[int, int, int]:
    sent = session.client.requests
    return sent["read"], sent["search"], sent["write"]


@contextmanager
def _on_interrupt(stop: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, stop)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)


def _reporter(options: Options) -> Reporter:
    if sys.stderr.isatty():
        return TerminalProgress(sys.stderr, color=options.color(sys.stderr))
    return LineProgress(sys.stderr, time.monotonic)

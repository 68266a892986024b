"""`lfsync plan` and `lfsync apply`. I/O."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from lfsync import planfile
from lfsync.apply import Applier
from lfsync.commands.console import Options, out, say
from lfsync.errors import UsageError
from lfsync.model import Outcome, Plan, Requests
from lfsync.plan import refuse_large
from lfsync.render.outcome import run_text
from lfsync.render.progress import LineProgress, TerminalProgress
from lfsync.render.terminal import escape
from lfsync.render.text import plan_text
from lfsync.report import Reporter
from lfsync.session import Session, open_session, refuse_unwritable
from lfsync.wire import Exchange
from lfsync.writer import Job

_FINE = ("done", "unchanged")


def plan(options: Options, *, format: str, output: Path | None, detailed: bool, only: Iterable[str]) -> int:
    """0; 1 where something is blocked; 2 for changes where `detailed` is asked for."""
    made = asyncio.run(_plan(options, only))
    if output is not None:
        _save(made, output)
    out(
        planfile.dumps(made)
        if format == "json"
        else plan_text(made, width=options.width, color=options.color(sys.stdout))
    )
    if made.blocked:
        return 1
    return 2 if detailed and made.changes else 0


async def _plan(options: Options, only: Iterable[str]) -> Plan:
    async with open_session(options.root, options.workspace, _listener(options)) as session:
        job = await session.plan(only)
        if options.verbose:
            say(str(session.timings))
        return job.plan


def apply(options: Options, *, yes: bool, allow_large: bool, only: Iterable[str]) -> int:
    """0; 3 where anything was blocked, failed, skipped, stale or not converged (rule A6); 130 after Ctrl-C."""
    if not yes and not sys.stdin.isatty():
        raise UsageError("apply asks before it writes, and there is no terminal to ask on", hint="Pass --yes.")
    return asyncio.run(_apply(options, yes=yes, allow_large=allow_large, only=only))


async def _apply(options: Options, *, yes: bool, allow_large: bool, only: Iterable[str]) -> int:
    async with open_session(options.root, options.workspace, _listener(options)) as session:
        job = await session.plan(only)
        out(plan_text(job.plan, width=options.width, color=options.color(sys.stdout)))
        refuse_unwritable(job.plan.missing_scopes)
        if not allow_large:
            refuse_large(job.plan, session.project.settings.safety, len(session.state.bindings))
        if job.plan.changes and not yes and not await asyncio.to_thread(_confirmed, job.plan):
            say("Nothing was written.")
            return 1
        outcomes, interrupted = await _run(options, session, job)
        if interrupted:
            return 130
        return 0 if not job.plan.blocked and all(outcome.status in _FINE for outcome in outcomes) else 3


def _confirmed(plan: Plan) -> bool:
    return click.confirm(f"\nApply to {escape(plan.workspace.name)}?", default=False, err=True)


async def _run(options: Options, session: Session, job: Job) -> tuple[list[Outcome], bool]:
    """Apply, keep the state whatever happens, and say what became of it. True where Ctrl-C ended it."""
    started, before = time.monotonic(), Requests(*_sent(session))
    applier = Applier(job, session.client, _reporter(options))
    interrupted = False

    def stop() -> None:
        nonlocal interrupted
        if interrupted:
            raise KeyboardInterrupt
        interrupted = True
        applier.stop()
        say("Interrupted: what is in flight ends first. Ctrl-C again leaves at once.")

    try:
        with _on_interrupt(stop):
            outcomes = await applier.run()
    finally:
        session.keep(applier.state)
    if job.plan.changes:
        read, search, write = _sent(session)
        requests = Requests(read - before.read, search - before.search, write - before.write)
        seconds = time.monotonic() - started
        color = options.color(sys.stdout)
        out(run_text(outcomes, seconds=seconds, requests=requests, width=options.width, color=color))
    return outcomes, interrupted


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


def _listener(options: Options) -> Callable[[Exchange], None] | None:
    """-vv shows each request; never its headers."""
    if options.verbose < 2:
        return None

    def show(exchange: Exchange) -> None:
        answer = exchange.status or "no answer"
        say(f"{exchange.method} {escape(exchange.path)} {answer} {exchange.seconds * 1000:.0f} ms")

    return show


def _save(made: Plan, path: Path) -> None:
    """The JSON plan, readable by its owner alone: it holds personal data (design.md, section 12)."""
    try:
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(planfile.dumps(made))
    except OSError as error:
        raise UsageError(f"the plan can't be saved to {path}: {error.strerror}") from None

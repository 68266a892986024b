"""`lfsync plan`, and what every command does that makes a plan. I/O."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lfsync.api.wire import Exchange
from lfsync.commands.answers.saved_file import refuse_own, save
from lfsync.commands.opening import open_session
from lfsync.commands.shown_plan import Manner, print_plan
from lfsync.commands.terminal.console import Options, say
from lfsync.commands.terminal.loop import awaited
from lfsync.planning import plan_file as planfile
from lfsync.planning.draft import Wishes
from lfsync.planning.field_history import with_history
from lfsync.planning.make import plan_declared
from lfsync.planning.plan import with_names
from lfsync.planning.selection import Patterns
from lfsync.project import merge_driver
from lfsync.project.workspace import Workspace
from lfsync.render.reading import ReadingBars, ReadingLines, ReadingProgress
from lfsync.render.terminal import escape


def plan(
    options: Options,
    wishes: Wishes,
    patterns: Patterns,
    *,
    output: Path | None,
    detailed: bool,
    history: bool,
    manner: Manner,
) -> int:
    """0; 3 where something is blocked; 2 for changes where `detailed` is asked for. `history`: of what drifted.

    `manner`: of what is printed; what is saved is whole.
    """
    return awaited(
        _planned(options, wishes, patterns, output=output, detailed=detailed, history=history, manner=manner)
    )


async def _planned(
    options: Options,
    wishes: Wishes,
    patterns: Patterns,
    *,
    output: Path | None,
    detailed: bool,
    history: bool,
    manner: Manner,
) -> int:
    with reading_progress(options) as watcher:
        async with open_session(options.root, options.workspace, listener(options), watcher=watcher) as session:
            if output is not None:
                refuse_own(output, session.project.root, session.project.files)
            warn_of_merges(session.workspace)
            planned = await plan_declared(session, patterns, wishes)
            made = await with_history(session.client, planned.plan) if history else planned.plan
    if options.verbose:
        say(str(session.timings))
    if output is not None:
        save(planfile.dumps(made), output)
    shown = made if manner.format == "json" else with_names(made, planned.knowledge)
    print_plan(options, shown, session.project.settings.redact, manner)
    if made.blocked:
        return 3
    return 2 if detailed and made.changes else 0


def warn_of_merges(workspace: Workspace) -> None:
    """A clone without the merge driver would merge states as text (rule M2). A sandbox's state is in no clone."""
    if not workspace.is_sandbox and merge_driver.is_missing(workspace.root):
        say("warning: git would merge states as text here: this clone lacks the driver that .gitattributes names")
        say(f"    {merge_driver.COMMAND}")


def listener(options: Options) -> Callable[[Exchange], None] | None:
    """-vv shows each request; never its headers."""
    if options.verbose < 2:
        return None

    def show(exchange: Exchange) -> None:
        answer = exchange.status or "no answer"
        say(f"{exchange.method} {escape(exchange.path)} {answer} {exchange.seconds * 1000:.0f} ms")

    return show


@contextmanager
def reading_progress(options: Options) -> Iterator[ReadingProgress]:
    """What is read for a plan, shown on stderr until the plan is there."""
    shown: ReadingProgress
    if sys.stderr.isatty():
        shown = ReadingBars(sys.stderr, time.monotonic, color=options.color(sys.stderr))
    else:
        shown = ReadingLines(sys.stderr, time.monotonic)
    try:
        yield shown
    finally:
        shown.close()

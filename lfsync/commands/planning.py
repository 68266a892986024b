"""`lfsync plan` and `lfsync show`. I/O."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from lfsync.api.wire import Exchange
from lfsync.commands.console import Options, out, say
from lfsync.errors import RefusedError, UsageError
from lfsync.model import Plan
from lfsync.planning import plan_file as planfile
from lfsync.planning.draft import Wishes
from lfsync.planning.plan import with_names
from lfsync.planning.session import open_session
from lfsync.project import merge_driver
from lfsync.project.workspace import Workspace
from lfsync.render.terminal import escape
from lfsync.render.text import plan_text


def plan(
    options: Options, wishes: Wishes, *, format: str, output: Path | None, detailed: bool, only: Iterable[str]
) -> int:
    """0; 1 where something is blocked; 2 for changes where `detailed` is asked for."""
    return asyncio.run(_planned(options, wishes, only, format=format, output=output, detailed=detailed))


async def _planned(
    options: Options, wishes: Wishes, only: Iterable[str], *, format: str, output: Path | None, detailed: bool
) -> int:
    # The plan stays in here: asyncio and signal make the repr of what `run` returns, which takes longer than the plan.
    async with open_session(options.root, options.workspace, listener(options)) as session:
        warn_of_merges(session.workspace)
        job = await session.plan(only, wishes)
        if options.verbose:
            say(str(session.timings))
    made = job.plan
    if output is not None:
        _save(made, output)
    print_plan(options, made if format == "json" else with_names(made, job.live), format)
    if made.blocked:
        return 1
    return 2 if detailed and made.changes else 0


def show(options: Options, path: Path, *, format: str) -> int:
    """A saved plan, whatever became of the workspace since."""
    print_plan(options, read_plan(path), format)
    return 0


def print_plan(options: Options, made: Plan, format: str = "text") -> None:
    """To stdout."""
    if format == "json":
        out(planfile.dumps(made))
    else:
        out(plan_text(made, width=options.width, color=options.color(sys.stdout)))


def read_plan(path: Path) -> Plan:
    """A saved plan. RefusedError where it was edited or is of another format."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise UsageError(f"the plan {path} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise RefusedError("the plan file was edited after it was saved: it is no text any more") from None
    return planfile.from_json(text)


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


def _save(made: Plan, path: Path) -> None:
    """The JSON plan, readable by its owner alone: it holds personal data (design.md, section 12)."""
    try:
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(planfile.dumps(made))
    except OSError as error:
        raise UsageError(f"the plan can't be saved to {path}: {error.strerror}") from None

"""`lfsync plan` and `lfsync show`. I/O."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lfsync.api.wire import Exchange
from lfsync.commands.console import Options, out, say
from lfsync.commands.loop import awaited
from lfsync.commands.opening import open_session
from lfsync.commands.repository import folder_in_repository
from lfsync.commands.saved_file import refuse_own, save
from lfsync.errors import RefusedError, UsageError
from lfsync.model import Plan
from lfsync.planning import plan_file as planfile
from lfsync.planning.draft import Wishes
from lfsync.planning.field_history import with_history
from lfsync.planning.make import plan_declared
from lfsync.planning.plan import with_names
from lfsync.planning.redaction import Redaction, redacted
from lfsync.planning.selection import Patterns
from lfsync.project import merge_driver
from lfsync.project.folder import SETTINGS
from lfsync.project.load import load_project
from lfsync.project.redact_rules import RedactRule
from lfsync.project.workspace import Workspace
from lfsync.render.annotations import plan_annotations
from lfsync.render.reading import ReadingBars, ReadingLines, ReadingProgress
from lfsync.render.terminal import escape
from lfsync.render.text import plan_text

_OWN = ("text", "json")
"""Formats for those who may read the workspace; all others are published."""


def plan(
    options: Options,
    wishes: Wishes,
    patterns: Patterns,
    *,
    format: str,
    output: Path | None,
    detailed: bool,
    history: bool,
    redact: bool = False,
) -> int:
    """0; 3 where something is blocked; 2 for changes where `detailed` is asked for. `history`: of what drifted.

    `redact`: what is printed shows no value; what is saved is whole.
    """
    return awaited(
        _planned(
            options,
            wishes,
            patterns,
            format=format,
            output=output,
            detailed=detailed,
            history=history,
            redact=redact,
        )
    )


async def _planned(
    options: Options,
    wishes: Wishes,
    patterns: Patterns,
    *,
    format: str,
    output: Path | None,
    detailed: bool,
    history: bool,
    redact: bool,
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
    shown = made if format == "json" else with_names(made, planned.knowledge)
    print_plan(options, shown_plan(shown, format, session.project.settings.redact, hidden=redact), format)
    if made.blocked:
        return 3
    return 2 if detailed and made.changes else 0


def show(options: Options, path: Path, *, format: str, redact: bool) -> int:
    """A saved plan, whatever became of the workspace since."""
    made = read_plan(path)
    print_plan(options, shown_plan(made, format, rules_of(options, format), hidden=redact), format)
    return 0


def rules_of(options: Options, format: str) -> Sequence[RedactRule]:
    """What the project that a saved plan is shown in hides; a plan that is shown outside of any hides nothing."""
    if format in _OWN or not (options.root / SETTINGS).exists():
        return ()
    return load_project(options.root, may_be_empty=True).settings.redact


def shown_plan(made: Plan, format: str, rules: Sequence[RedactRule], *, hidden: bool) -> Plan:
    """The plan as this format may show it: the one place where it is decided what is redacted (rule G2).

    `rules`: of lfsync.yaml; they hold wherever others read along. `hidden`: no value at all is shown.
    """
    return redacted(made, Redaction(() if format in _OWN else rules, everything=hidden))


def print_plan(options: Options, made: Plan, format: str = "text") -> None:
    """To stdout."""
    if format == "json":
        out(planfile.dumps(made))
    elif format == "github":
        out(plan_annotations(made, folder_in_repository(options.root)))
    else:
        out(plan_for_people(options, made))


def plan_for_people(options: Options, made: Plan) -> str:
    """The plan as text, as wide and as colourful as stdout takes it."""
    return plan_text(made, width=options.width, color=options.color(sys.stdout))


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

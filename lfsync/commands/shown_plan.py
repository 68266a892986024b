"""`lfsync show`, and how every command shows a plan. I/O."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lfsync.commands.forges.repository import folder_in_repository
from lfsync.commands.terminal.console import Options, out, say
from lfsync.errors import RefusedError, UsageError
from lfsync.model import Plan
from lfsync.planning import plan_file as planfile
from lfsync.planning.plan_part import part_of
from lfsync.planning.redaction import Redaction, redacted
from lfsync.planning.selection import Patterns
from lfsync.project.folder import SETTINGS
from lfsync.project.load import load_project
from lfsync.project.redact_rules import RedactRule
from lfsync.render.annotations import plan_annotations
from lfsync.render.markdown import plan_markdown
from lfsync.render.text import plan_text
from lfsync.render.words import plural

_OWN = ("text", "json")
"""Formats for those who may read the workspace; all others are published."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a plan is shown. `brief`: its counts and what needs a look; `hidden`: no value of any record."""

    format: str = "text"
    brief: bool = False
    hidden: bool = False


def show(options: Options, path: Path, patterns: Patterns, manner: Manner) -> int:
    """A saved plan, whatever became of the workspace since; or the part of it that `patterns` name."""
    whole = read_plan(path)
    made = part_of(whole, patterns)
    if patterns:
        shown = f"{len(made.changes)} of {plural(len(whole.changes), 'change')}"
        say(f"Shown: {shown}. Refusals, requests and time are those of the whole plan.")
    if manner.format not in _OWN and not manner.hidden and not is_project(options):
        say("warning: no project here, so no `redact:` holds: every value is shown")
        say("    Run it in the project's folder (-C DIR), or pass --redact.")
    print_plan(options, made, rules_of(options, manner.format), manner)
    return 0


def rules_of(options: Options, format: str) -> Sequence[RedactRule]:
    """What the project that a saved plan is shown in hides; a plan that is shown outside of any hides nothing."""
    if format in _OWN or not is_project(options):
        return ()
    return load_project(options.root).settings.redact


def is_project(options: Options) -> bool:
    """Whether there is a project, whose rules of redaction hold."""
    return (options.root / SETTINGS).exists()


def shown_plan(made: Plan, format: str, rules: Sequence[RedactRule], *, hidden: bool) -> Plan:
    """The plan as this format may show it: the one place where it is decided what is redacted (rule G2).

    `rules`: of lfsync.yaml; they hold wherever others read along. `hidden`: no value at all is shown.
    """
    return redacted(made, Redaction(() if format in _OWN else rules, everything=hidden))


def print_plan(options: Options, made: Plan, rules: Sequence[RedactRule], manner: Manner) -> None:
    """To stdout."""
    shown = shown_plan(made, manner.format, rules, hidden=manner.hidden)
    if manner.format == "json":
        out(planfile.dumps(shown))
    elif manner.format == "github":
        out(plan_annotations(shown, folder_in_repository(options.root)))
    elif manner.format == "markdown":
        out(plan_markdown(shown, brief=manner.brief))
    elif manner.format == "html":
        from lfsync.render.html import plan_html  # jinja2, which no other format waits for

        out(plan_html(shown, brief=manner.brief))
    else:
        out(plan_for_people(options, shown, brief=manner.brief))


def plan_for_people(options: Options, made: Plan, *, brief: bool = False) -> str:
    """The plan as text, as wide and as colourful as stdout takes it."""
    return plan_text(made, width=options.width, color=options.color(sys.stdout), brief=brief)


def read_plan(path: Path) -> Plan:
    """A saved plan. RefusedError where it was edited or is of another format."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise UsageError(f"the plan {path} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise RefusedError("the plan file was edited after it was saved: it is no text any more") from None
    return planfile.from_json(text)

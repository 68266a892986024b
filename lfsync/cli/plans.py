"""Commands that show a plan, or what is behind it: plan, show, explain, comment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lfsync.cli.parameters import (
    EXCLUDE,
    FILE,
    FORMAT,
    KEEP,
    ONLY,
    PAGES,
    PRUNE,
    RECREATE,
    REDACT,
    SUMMARY,
    completing,
    no_slip,
)

if TYPE_CHECKING:
    from lfsync.commands.terminal.console import Options


def _refuse_for_programs(format: str, *, redact: bool, summary: bool) -> None:
    if redact and format == "json":
        raise click.UsageError("--redact and --format json: programs are told every value; keep it from people instead")
    if summary and format in ("json", "github"):
        raise click.UsageError(f"--summary and --format {format}: programs are told the whole plan")


@click.command()
@click.option("-o", "--out", "output", type=FILE, callback=no_slip, metavar="FILE", help="Save the JSON plan.")
@click.option("--format", type=click.Choice([*PAGES, "github"]), default="text", show_default=True)
@SUMMARY
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 where there are changes.")
@click.option("--drift-only", is_flag=True, help="Only what people changed in Lightfield since the last apply.")
@click.option("--no-history", is_flag=True, help="Don't ask when what drifted was changed.")
@KEEP
@PRUNE
@RECREATE
@ONLY
@EXCLUDE
@REDACT
@click.pass_obj
def plan(
    options: Options,
    output: Path | None,
    format: str,
    summary: bool,
    detailed_exitcode: bool,
    drift_only: bool,
    no_history: bool,
    keep_drift: bool,
    prune: bool,
    recreate_missing: bool,
    only: tuple[str, ...],
    exclude: tuple[str, ...],
    redact: bool,
) -> int:
    """Show what apply would do."""
    _refuse_for_programs(format, redact=redact, summary=summary)
    from lfsync.commands.planning import plan
    from lfsync.commands.shown_plan import Manner
    from lfsync.planning.draft import Wishes
    from lfsync.planning.selection import Patterns

    wishes = Wishes(prune=prune, recreate_missing=recreate_missing, drift_only=drift_only, keep_drift=keep_drift)
    patterns = Patterns(only, exclude)
    return plan(
        options,
        wishes,
        patterns,
        output=output,
        detailed=detailed_exitcode,
        history=not no_history,
        manner=Manner(format, brief=summary, hidden=redact),
    )


@click.command()
@click.argument("plan", type=FILE)
@click.option("--format", type=click.Choice(PAGES), default="text", show_default=True)
@SUMMARY
@ONLY
@EXCLUDE
@REDACT
@click.pass_obj
def show(
    options: Options,
    plan: Path,
    format: str,
    summary: bool,
    only: tuple[str, ...],
    exclude: tuple[str, ...],
    redact: bool,
) -> int:
    """Show a saved PLAN, stale or not."""
    _refuse_for_programs(format, redact=redact, summary=summary)
    from lfsync.commands.shown_plan import Manner, show
    from lfsync.planning.selection import Patterns

    return show(options, plan, Patterns(only, exclude), Manner(format, brief=summary, hidden=redact))


@click.command()
@click.argument("address", shell_complete=completing("address"))
@FORMAT
@click.pass_obj
def explain(options: Options, address: str, format: str) -> int:
    """Tell why the plan wants what it wants of ADDRESS."""
    from lfsync.commands.explain import explain_address

    return explain_address(options, address, format=format)


@click.command()
@click.argument("plan", type=FILE)
@click.option("--on", type=click.Choice(["github", "gitlab"]), help="Whose CI this is. Default: the environment tells.")
@click.option("--dry-run", is_flag=True, help="Print the comment, and put it nowhere.")
@click.pass_obj
def comment(options: Options, plan: Path, on: str | None, dry_run: bool) -> int:
    """Put a saved PLAN on the pull or merge request that the CI runs for.

    One comment for each workspace and project, updated in place.
    """
    from lfsync.commands.comment import comment

    return comment(options, plan, on=on, dry_run=dry_run)

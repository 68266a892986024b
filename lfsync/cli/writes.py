"""Commands that write to Lightfield: apply, undo."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lfsync.cli.parameters import EXCLUDE, FILE, FORMAT, KEEP, LARGE, ONLY, PRUNE, RECREATE, YES, no_slip

if TYPE_CHECKING:
    from lfsync.commands.terminal.console import Options


@click.command()
@click.argument("plan", required=False, type=FILE)
@YES
@KEEP
@PRUNE
@RECREATE
@LARGE
@ONLY
@EXCLUDE
@FORMAT
@click.option(
    "--events",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    callback=no_slip,
    metavar="FILE",
    help="Write a line of JSON for each event, as it happens; - is stdout.",
)
@click.option(
    "--failed",
    type=FILE,
    callback=no_slip,
    metavar="FILE",
    help="Write the rows of sources that were not applied, with the reason.",
)
@click.pass_obj
def apply(
    options: Options,
    plan: Path | None,
    yes: bool,
    keep_drift: bool,
    prune: bool,
    recreate_missing: bool,
    allow_large: bool,
    only: tuple[str, ...],
    exclude: tuple[str, ...],
    format: str,
    events: Path | None,
    failed: Path | None,
) -> int:
    """Plan, show, ask, and make it so; or do what a saved PLAN says."""
    from lfsync.commands.applying import Manner, apply, apply_saved
    from lfsync.planning.draft import Wishes
    from lfsync.planning.selection import Patterns

    if events == Path("-") and format == "json":
        raise click.UsageError("--events - and --format json both want stdout: name a file for the events")
    manner = Manner(yes, allow_large, format, events, failed=failed)
    if plan is not None:
        if keep_drift or prune or recreate_missing or only or exclude:
            options_refused = "--keep-drift, --prune, --recreate-missing, --only, --exclude"
            raise click.UsageError(f"a saved PLAN says itself what is to be done: no {options_refused}")
        return apply_saved(options, plan, manner)
    wishes = Wishes(prune=prune, recreate_missing=recreate_missing, keep_drift=keep_drift)
    return apply(options, wishes, Patterns(only, exclude), manner)


@click.command()
@click.argument("run", required=False)
@YES
@LARGE
@click.option("--dry-run", is_flag=True, help="Show what would be put back, and write nothing.")
@FORMAT
@click.pass_obj
def undo(options: Options, run: str | None, yes: bool, allow_large: bool, dry_run: bool, format: str) -> int:
    """Put back what a RUN wrote; the last one without."""
    from lfsync.commands.applying import Manner, undo

    return undo(options, run, Manner(yes, allow_large, format, dry=dry_run))

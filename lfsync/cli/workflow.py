"""The group `workflow`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lfsync.cli.parameters import FORMAT

if TYPE_CHECKING:
    from lfsync.commands.terminal.console import Options


@click.group()
def workflow() -> None:
    """Runs of workflows, which are built and started in Lightfield."""


@workflow.command(name="status")
@click.argument("run")
@click.option("--wait", is_flag=True, help="Ask again until the run has ended.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, max=10**9),
    metavar="SECONDS",
    help="Wait no longer than this; goes with --wait. Default: 3600.",
)
@FORMAT
@click.pass_obj
def workflow_status(options: Options, run: str, wait: bool, timeout: float | None, format: str) -> int:
    """Tell how a workflow's RUN stands.

    Exit codes: 0 completed, or still running without --wait; 3 failed, or not ended in time; 1 no such run, or a
    status that lfsync doesn't know.
    """
    from lfsync.commands.workflow import DEFAULT_TIMEOUT, status

    if timeout is not None and not wait:
        raise click.UsageError("--timeout says how long --wait may take: pass --wait too")
    return status(options, run, wait=(DEFAULT_TIMEOUT if timeout is None else timeout) if wait else None, format=format)

"""`lfsync` itself: what comes before the command, and all of its commands."""

from __future__ import annotations

from pathlib import Path

import click

from lfsync import __version__
from lfsync.cli import live, plans, project, records, sandbox, workflow, writes
from lfsync.cli.parameters import completing


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "-C",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The project's folder. Default: the nearest one upwards.",
)
@click.option(
    "-w",
    "workspace",
    metavar="WORKSPACE",
    shell_complete=completing("workspace"),
    help="The workspace. Default: LFSYNC_WORKSPACE, then lfsync.yaml.",
)
@click.option("--no-color", is_flag=True, help="No colours; so does NO_COLOR.")
@click.option("-v", "verbose", count=True, help="Say more; twice: each request.")
@click.version_option(__version__, prog_name="lfsync", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context, folder: Path | None, workspace: str | None, no_color: bool, verbose: int) -> None:
    """Config-as-code for Lightfield: YAML in git, plan, apply.

    Exit codes: 0 done; 1 failed before any write; 2 changes (plan --detailed-exitcode); 3 the run ended whole, and
    something was blocked (plan too), failed, skipped, stale or not converged; 4 refused; 70 a bug in lfsync;
    130 interrupted.
    """
    from lfsync.commands.terminal.console import Options

    options = Options(folder, workspace, no_color, verbose)
    if isinstance(context.obj, list):  # `run` words the errors, for whom it must know the project
        context.obj.append(options)
    context.obj = options


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> int:
    """Print the script that lets a shell complete commands, options, workspaces and addresses."""
    from click.shell_completion import get_completion_class

    from lfsync.commands.terminal.console import out

    script = get_completion_class(shell)
    assert script is not None
    out(script(context.find_root().command, {}, "lfsync", "_LFSYNC_COMPLETE").source())
    return 0


for _command in (
    *(project.init, project.validate, project.schema),
    *(plans.plan, plans.show, plans.explain, plans.comment),
    *(writes.apply, writes.undo),
    *(live.definitions, live.import_, live.accept),
    *(records.history, records.state),
    *(workflow.workflow, sandbox.sandbox, completion),
):
    cli.add_command(_command)

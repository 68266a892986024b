"""What lfsync keeps of its work: history, state."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lfsync.cli.parameters import FILE, FORMAT, completing

if TYPE_CHECKING:
    from lfsync.commands.terminal.console import Options


@click.group(invoke_without_command=True)
@FORMAT
@click.pass_context
def history(context: click.Context, format: str) -> int | None:
    """List the runs that wrote something, newest first."""
    from lfsync.commands.records import history

    return None if context.invoked_subcommand else history(context.obj, format=format)


@history.command(name="show")
@click.argument("run", required=False)
@FORMAT
@click.pass_obj
def history_show(options: Options, run: str | None, format: str) -> int:
    """Show what a RUN wrote, and what was there before; the last one without."""
    from lfsync.commands.records import history_show

    return history_show(options, run, format=format)


@click.group()
def state() -> None:
    """Addresses, and the records they are bound to."""


@state.command(name="list")
@FORMAT
@click.pass_obj
def state_list(options: Options, format: str) -> int:
    """List every address and its record."""
    from lfsync.commands.records import state_list

    return state_list(options, format=format)


@state.command(name="show")
@click.argument("address", shell_complete=completing("bound"))
@click.pass_obj
def state_show(options: Options, address: str) -> int:
    """Show what is remembered of ADDRESS."""
    from lfsync.commands.records import state_show

    return state_show(options, address)


@state.command(name="rm")
@click.argument("address", shell_complete=completing("bound"))
@click.pass_obj
def state_rm(options: Options, address: str) -> int:
    """Let go of ADDRESS; its record stays as it is."""
    from lfsync.commands.records import state_rm

    return state_rm(options, address)


@state.command(name="mv")
@click.argument("old", shell_complete=completing("bound"))
@click.argument("new", shell_complete=completing("address"))
@click.pass_obj
def state_mv(options: Options, old: str, new: str) -> int:
    """Rename OLD to NEW, after the key was renamed in the files."""
    from lfsync.commands.records import state_mv

    return state_mv(options, old, new)


@state.command(name="merge")
@click.argument("base", type=FILE)
@click.argument("ours", type=FILE)
@click.argument("theirs", type=FILE)
def state_merge(base: Path, ours: Path, theirs: Path) -> int:
    """Write to OURS what OURS and THEIRS say since BASE: git's merge driver for state files."""
    from lfsync.commands.records import state_merge

    return state_merge(base, ours, theirs)

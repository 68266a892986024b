"""A project, checked without its workspace: init, validate, schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lfsync.cli.parameters import FOR_REVIEW

if TYPE_CHECKING:
    from lfsync.commands.terminal.console import Options


@click.command()
@click.option("--from-workspace", is_flag=True, help="For a workspace that is in use; imports nothing yet.")
@click.pass_obj
def init(options: Options, from_workspace: bool) -> int:
    """Make a project that plans at once."""
    from lfsync.commands.project import init, init_from_workspace

    return init_from_workspace(options) if from_workspace else init(options)


@click.command()
@click.option("--online", is_flag=True, help="Check against the workspace's live definitions too.")
@FOR_REVIEW
@click.pass_obj
def validate(options: Options, online: bool, format: str) -> int:
    """Check the files; without --online, without network."""
    from lfsync.commands.project import validate

    return validate(options, online=online, format=format)


_FILES = ("resources", "lfsync", "plan", "run", "event")
_ANSWERS = ("problems", "import", "accept", "state", "history", "definitions", "explain", "workflow", "quirks")


@click.command()
@click.argument("name", required=False, type=click.Choice([*_FILES, *_ANSWERS]))
@click.pass_obj
def schema(options: Options, name: str | None) -> int:
    """Print the JSON Schema of the files and plans.

    Of resource files, of lfsync.yaml, of saved plans, of what `apply --format json` prints (`run`), of a line of
    `apply --events`, of what other commands print with `--format json`, and of the `problems` that any prints that
    fails; of all of them by name where none is named. With saved definitions of the workspace, those of the files know
    its fields, options and members.
    """
    from lfsync.commands.project import schema

    return schema(options, name)

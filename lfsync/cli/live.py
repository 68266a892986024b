"""Commands that bring what is live into the files: definitions, import, accept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from lfsync.cli.parameters import FORMAT, completing

if TYPE_CHECKING:
    from lfsync.commands.terminal.console import Options


@click.command()
@click.argument("kinds", nargs=-1, metavar="[KIND ...]", shell_complete=completing("kind"))
@click.option("--save", is_flag=True, help="Keep them in .lfsync/definitions, with schemas for editors.")
@click.option("--check", is_flag=True, help="Exit with 2 where they are not those that were saved.")
@FORMAT
@click.pass_obj
def definitions(options: Options, kinds: tuple[str, ...], save: bool, check: bool, format: str) -> int:
    """Show what the workspace has: fields, options, relationships, members."""
    from lfsync.commands.definitions import definitions

    return definitions(options, kinds, save=save, check=check, format=format)


@click.command(name="import")
@click.argument("kinds", nargs=-1, metavar="[KIND ...]", shell_complete=completing("kind"))
@click.option("--all", "everything", is_flag=True, help="Every kind that the key may read.")
@click.option("--id", "ids", multiple=True, metavar="ID", help="Only this record; repeatable.")
@click.option("--where", multiple=True, metavar="KEY=VALUE", help="Only records that match; repeatable.")
@click.option("--field", "fields", multiple=True, metavar="KEY", help="Only this field or relationship; repeatable.")
@click.option("--into", default=".", metavar="DIR", help="The folder of the files, below the project's.")
@click.option(
    "--members",
    type=click.Choice(["exact", "include", "none"]),
    default="include",
    show_default=True,
    help="How the members of lists are declared.",
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most so many records of each kind.")
@click.option("--download", is_flag=True, help="Files too, with their content.")
@click.option("--dry-run", is_flag=True, help="Show what would be written.")
@FORMAT
@click.pass_obj
def import_(
    options: Options,
    kinds: tuple[str, ...],
    everything: bool,
    ids: tuple[str, ...],
    where: tuple[str, ...],
    fields: tuple[str, ...],
    into: str,
    members: Literal["exact", "include", "none"],
    limit: int | None,
    download: bool,
    dry_run: bool,
    format: str,
) -> int:
    """Bring live records into files and under management."""
    from lfsync.commands.importing import Request, import_live

    request = Request(kinds, everything, ids, where, limit, download, fields, into, members)
    return import_live(options, request, dry_run=dry_run, format=format)


@click.command()
@click.argument("patterns", nargs=-1, metavar="[PATTERN]...", shell_complete=completing("pattern"))
@click.option("--conflicts", is_flag=True, help="Also what the files and Lightfield both changed.")
@click.option("--dry-run", is_flag=True, help="Show the diff, and write nothing.")
@FORMAT
@click.pass_obj
def accept(options: Options, patterns: tuple[str, ...], conflicts: bool, dry_run: bool, format: str) -> int:
    """Write what people changed in Lightfield into the files.

    A PATTERN is an address with * and ?, a kind, or file:PATH; everything without one.
    """
    from lfsync.commands.accept import accept_drift

    return accept_drift(options, patterns, conflicts=conflicts, dry_run=dry_run, format=format)

"""Options and arguments that several commands take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from lfsync.commands.completion import What

FC = TypeVar("FC", bound="Callable[..., object] | click.Command")


def completing(what: What) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """What a shell offers for a parameter."""

    def offered(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        from lfsync.commands.completion import complete

        given = context.find_root().params
        return complete(what, given.get("folder"), given.get("workspace"), incomplete)

    return offered


def no_slip(context: click.Context, option: click.Parameter, value: Path | None) -> Path | None:
    """`-o --detailed-exitcode` and `-out=x` are slips, not files of these names (rule C17)."""
    is_dash = str(value) == "-" and option.name == "events"
    if value is not None and not is_dash and str(value).startswith(("-", "=", "ut=")):
        written = "-o FILE" if option.name == "output" else f"--{option.name} FILE"
        raise click.BadParameter(f"{value} is no file's name here. Write {written}, or ./FILE if it is meant.")
    return value


FORMAT = click.option("--format", type=click.Choice(["text", "json"]), default="text", show_default=True)
FOR_REVIEW = click.option("--format", type=click.Choice(["text", "json", "github"]), default="text", show_default=True)
PAGES = ["text", "json", "markdown", "html"]
"""What a plan can be shown as."""
FILE = click.Path(path_type=Path, dir_okay=False)


def patterns(name: str, what: str) -> Callable[[FC], FC]:
    """An option that takes PATTERNs."""
    said = f"{what}: an address with * and ?, a kind, or file:PATH; repeatable."
    offered = completing("pattern")
    return click.option(name, multiple=True, metavar="PATTERN", shell_complete=offered, help=said)


ONLY = patterns("--only", "Only these and what they depend on")
EXCLUDE = patterns("--exclude", "Not these, whatever else is chosen")
KEEP = click.option(
    "--keep-drift", is_flag=True, help="Leave what people changed in Lightfield since the last apply, and list it."
)
SUMMARY = click.option("--summary", is_flag=True, help="Only the counts and what needs a look.")
REDACT = click.option("--redact", is_flag=True, help="Show no value of any record; not with --format json.")
PRUNE = click.option("--prune", is_flag=True, help="Trash what was managed before and is declared no more.")
RECREATE = click.option(
    "--recreate-missing",
    is_flag=True,
    help="Restore bound records that are gone; make anew what the API can't restore.",
)
YES = click.option("--yes", is_flag=True, help="Don't ask.")
LARGE = click.option("--allow-large", is_flag=True, help="Go on above the thresholds of `safety`.")

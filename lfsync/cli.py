"""The command line: options → one call → exit code, and the one place where errors are worded.

Only click is imported here, so that `lfsync --version` starts at once; each command imports what it needs.
"""

from __future__ import annotations

import errno
import gc
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lfsync import __version__

if TYPE_CHECKING:
    from lfsync.commands.console import Options
    from lfsync.errors import LfsyncError

_BUG = 70
_INTERRUPTED = 130
_BEFORE_THE_COMMAND = {"-C", "-w", "-v", "--no-color"}
# A full disk, a read-only folder, a file where a folder should be: nothing that a traceback would tell more about.
_REFUSED_BY_SYSTEM = {
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.EEXIST
}  # fmt: skip


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "-C", "root", type=click.Path(path_type=Path), default=Path(), metavar="DIR", help="The project's folder."
)
@click.option(
    "-w", "workspace", metavar="WORKSPACE", help="The workspace. Default: LFSYNC_WORKSPACE, then lfsync.yaml."
)
@click.option("--no-color", is_flag=True, help="No colours; so does NO_COLOR.")
@click.option("-v", "verbose", count=True, help="Say more; twice: each request.")
@click.version_option(__version__, prog_name="lfsync", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context, root: Path, workspace: str | None, no_color: bool, verbose: int) -> None:
    """Config-as-code for Lightfield: YAML in git, plan, apply.

    Exit codes: 0 done; 1 failed before any write; 2 changes (plan --detailed-exitcode); 3 applied, but not all of it;
    4 refused; 70 a bug in lfsync; 130 interrupted.
    """
    from lfsync.commands.console import Options

    context.obj = Options(root, workspace, no_color, verbose)


@cli.command()
@click.pass_obj
def init(options: Options) -> int:
    """Make a project that plans at once."""
    from lfsync.commands.project import init

    return init(options)


@cli.command()
@click.option("--online", is_flag=True, help="Check against the workspace's live definitions too.")
@click.pass_obj
def validate(options: Options, online: bool) -> int:
    """Check the files; without --online, without network."""
    from lfsync.commands.project import validate

    return validate(options, online=online)


_ONLY = click.option(
    "--only", multiple=True, metavar="ADDRESS", help="Only this resource and what it depends on; repeatable."
)


_PRUNE = click.option("--prune", is_flag=True, help="Trash what was managed before and is declared no more.")
_RECREATE = click.option(
    "--recreate-missing",
    is_flag=True,
    help="Restore bound records that are gone; make anew what the API can't restore.",
)
_YES = click.option("--yes", is_flag=True, help="Don't ask.")
_LARGE = click.option("--allow-large", is_flag=True, help="Go on above the thresholds of `safety`.")
_FORMAT = click.option("--format", type=click.Choice(["text", "json"]), default="text", show_default=True)
_FILE = click.Path(path_type=Path, dir_okay=False)


@cli.command()
@click.option("-o", "output", type=_FILE, metavar="FILE", help="Save the JSON plan.")
@_FORMAT
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 where there are changes.")
@click.option("--drift-only", is_flag=True, help="Only what people changed in Lightfield since the last apply.")
@_PRUNE
@_RECREATE
@_ONLY
@click.pass_obj
def plan(
    options: Options,
    output: Path | None,
    format: str,
    detailed_exitcode: bool,
    drift_only: bool,
    prune: bool,
    recreate_missing: bool,
    only: tuple[str, ...],
) -> int:
    """Show what apply would do."""
    from lfsync.commands.planning import plan
    from lfsync.planning.draft import Wishes

    wishes = Wishes(prune=prune, recreate_missing=recreate_missing, drift_only=drift_only)
    return plan(options, wishes, format=format, output=output, detailed=detailed_exitcode, only=only)


@cli.command()
@click.argument("plan", required=False, type=_FILE)
@_YES
@_PRUNE
@_RECREATE
@_LARGE
@_ONLY
@click.pass_obj
def apply(
    options: Options,
    plan: Path | None,
    yes: bool,
    prune: bool,
    recreate_missing: bool,
    allow_large: bool,
    only: tuple[str, ...],
) -> int:
    """Plan, show, ask, and make it so; or do what a saved PLAN says."""
    from lfsync.commands.applying import apply, apply_saved
    from lfsync.planning.draft import Wishes

    if plan is not None:
        if prune or recreate_missing or only:
            raise click.UsageError(
                "a saved PLAN says itself what is to be done: no --prune, --recreate-missing, --only"
            )
        return apply_saved(options, plan, yes=yes, allow_large=allow_large)
    wishes = Wishes(prune=prune, recreate_missing=recreate_missing)
    return apply(options, wishes, yes=yes, allow_large=allow_large, only=only)


@cli.command()
@click.argument("plan", type=_FILE)
@_FORMAT
@click.pass_obj
def show(options: Options, plan: Path, format: str) -> int:
    """Show a saved PLAN, stale or not."""
    from lfsync.commands.planning import show

    return show(options, plan, format=format)


@cli.command()
@_FORMAT
@click.pass_obj
def history(options: Options, format: str) -> int:
    """List the runs that wrote something, newest first."""
    from lfsync.commands.records import history

    return history(options, format=format)


@cli.command()
@click.argument("run", required=False)
@_YES
@_LARGE
@click.pass_obj
def undo(options: Options, run: str | None, yes: bool, allow_large: bool) -> int:
    """Put back what a RUN wrote; the last one without."""
    from lfsync.commands.applying import undo

    return undo(options, run, yes=yes, allow_large=allow_large)


@cli.group()
def state() -> None:
    """Addresses, and the records they are bound to."""


@state.command(name="list")
@click.pass_obj
def state_list(options: Options) -> int:
    """List every address and its record."""
    from lfsync.commands.records import state_list

    return state_list(options)


@state.command(name="show")
@click.argument("address")
@click.pass_obj
def state_show(options: Options, address: str) -> int:
    """Show what is remembered of ADDRESS."""
    from lfsync.commands.records import state_show

    return state_show(options, address)


@state.command(name="rm")
@click.argument("address")
@click.pass_obj
def state_rm(options: Options, address: str) -> int:
    """Let go of ADDRESS; its record stays as it is."""
    from lfsync.commands.records import state_rm

    return state_rm(options, address)


@state.command(name="mv")
@click.argument("old")
@click.argument("new")
@click.pass_obj
def state_mv(options: Options, old: str, new: str) -> int:
    """Rename OLD to NEW, after the key was renamed in the files."""
    from lfsync.commands.records import state_mv

    return state_mv(options, old, new)


@state.command(name="merge")
@click.argument("base", type=_FILE)
@click.argument("ours", type=_FILE)
@click.argument("theirs", type=_FILE)
def state_merge(base: Path, ours: Path, theirs: Path) -> int:
    """Write to OURS what OURS and THEIRS say since BASE: git's merge driver for state files."""
    from lfsync.commands.records import state_merge

    return state_merge(base, ours, theirs)


@cli.command()
@click.argument("name", required=False, type=click.Choice(["resources", "lfsync", "plan"]))
def schema(name: str | None) -> int:
    """Print the JSON Schema of the files and plans.

    Of resource files, of lfsync.yaml, or of saved plans; of all three by name where none is named.
    """
    from lfsync.commands.project import schema

    return schema(name)


@cli.group()
def sandbox() -> None:
    """The embedded emulator of the Lightfield API."""


@sandbox.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8787, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option("--db", "database", type=_FILE, metavar="FILE", help="Keep the records here. Default: in memory.")
@click.option("--seed", type=_FILE, metavar="FILE", help="What a new database holds.")
@click.option("--rps", default=25, show_default=True, type=click.IntRange(min=0), help="Per category; 0: no limit.")
@click.option("--index-lag", default=0.0, type=click.FloatRange(min=0), metavar="SECONDS", help="Lists trail writes.")
@click.option("--latency", default=0.0, type=click.FloatRange(min=0), metavar="SECONDS", help="Of each request.")
@click.option("--faults", default=0.0, type=click.FloatRange(0, 1), metavar="RATE", help="Share of requests that fail.")
@click.option("--random-seed", type=int, metavar="N", help="Makes ids and faults repeatable.")
@click.option("--quirk", "quirks", multiple=True, metavar="NAME=VALUE", help="An answer to an unknown; repeatable.")
def serve(
    host: str,
    port: int,
    database: Path | None,
    seed: Path | None,
    rps: int,
    index_lag: float,
    latency: float,
    faults: float,
    random_seed: int | None,
    quirks: tuple[str, ...],
) -> int:
    """Serve the sandbox over HTTP until Ctrl-C."""
    from lfsync.commands.sandbox import serve

    return serve(
        host=host,
        port=port,
        database=database,
        seed=seed,
        rps=rps,
        index_lag=index_lag,
        latency=latency,
        faults=faults,
        random_seed=random_seed,
        quirks=quirks,
    )


@sandbox.command()
@click.pass_obj
def reset(options: Options) -> int:
    """Forget what a sandbox workspace holds."""
    from lfsync.commands.sandbox import reset

    return reset(options)


@sandbox.command()
@click.option("--format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_obj
def quirks(options: Options, format: str) -> int:
    """List the API's unknowns and the answers to choose from."""
    from lfsync.commands.sandbox import quirks

    return quirks(options, format=format)


# ---------------------------------------------------------------- the one error boundary


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script. Never returns."""
    # Planning 10,000 resources makes a million objects that live to its end; looking through them again and again would
    # be a third of its time. What may go on for long, `apply` and `sandbox serve`, turns the collector on again.
    gc.disable()
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """The exit code of a command line (design.md, section 8)."""
    try:
        result = cli.main(arguments, prog_name="lfsync", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.ClickException as error:
        error.show()
        if isinstance(error, click.NoSuchOption) and error.option_name in _BEFORE_THE_COMMAND:
            name = error.option_name
            click.echo(f"    {name} goes before the command: lfsync {name} ... COMMAND", err=True)
        return 1
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return _INTERRUPTED
    except BrokenPipeError:
        _forget_stdout()
        return 1
    except Exception as error:
        return _failed(error)


def _failed(error: Exception) -> int:
    from lfsync.errors import LfsyncError

    known = _known(error, LfsyncError)
    if known is None and isinstance(error, OSError) and error.errno in _REFUSED_BY_SYSTEM:
        known = LfsyncError(f"{error.filename or 'a file of the project'} can't be written: {error.strerror}")
    if known is None:
        return _bug(error)
    _show(known)
    return known.exit_code


def _known(error: BaseException, kind: type[LfsyncError]) -> LfsyncError | None:
    """The error itself, or the first of a group that holds nothing else."""
    if isinstance(error, kind):
        return error
    if isinstance(error, BaseExceptionGroup):
        found = [_known(each, kind) for each in error.exceptions]
        return found[0] if all(found) else None
    return None


def _show(error: LfsyncError) -> None:
    from lfsync.errors import ConfigError
    from lfsync.render.terminal import escape, problem_text

    if isinstance(error, ConfigError):
        for problem in error.problems:
            click.echo(problem_text(problem), err=True)
        click.echo(f"{error.message}. Nothing was written.", err=True)
        return
    click.echo(f"lfsync: {escape(error.message)}", err=True)
    if error.hint:
        click.echo(f"    {escape(error.hint)}", err=True)


def _bug(error: Exception) -> int:
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="lfsync-bug-", suffix=".txt", delete=False, encoding="utf-8") as file:
        file.write(f"lfsync {__version__}, Python {sys.version}\n\n")
        file.write("".join(traceback.format_exception(error)))
    click.echo(f"lfsync: a bug in lfsync: {type(error).__name__}. The traceback is in {file.name}", err=True)
    return _BUG


def _forget_stdout() -> None:
    """A reader that went away gets no second complaint when Python flushes on exit."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

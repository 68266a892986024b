"""The command line: options → one call → exit code, and the one place where errors are worded.

Only click is imported here, so that `lfsync --version` starts at once; each command imports what it needs.
"""

from __future__ import annotations

import errno
import gc
import signal
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

import click

from lfsync import __version__

if TYPE_CHECKING:
    from lfsync.commands.completion import What
    from lfsync.commands.console import Options
    from lfsync.errors import LfsyncError, Problem

FC = TypeVar("FC", bound="Callable[..., object] | click.Command")

_BUG = 70
_INTERRUPTED = 130
_BEFORE_THE_COMMAND = {"-C", "-w", "-v", "--no-color"}
# A full disk, a read-only folder, a file where a folder should be: nothing that a traceback would tell more about.
_REFUSED_BY_SYSTEM = {
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.EEXIST
}  # fmt: skip


def _completing(what: What) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """What a shell offers for a parameter."""

    def offered(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        from lfsync.commands.completion import complete

        given = context.find_root().params
        return complete(what, given.get("folder"), given.get("workspace"), incomplete)

    return offered


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
    shell_complete=_completing("workspace"),
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
    from lfsync.commands.console import Options

    options = Options(folder, workspace, no_color, verbose)
    if isinstance(context.obj, list):  # `run` words the errors, for whom it must know the project
        context.obj.append(options)
    context.obj = options


def _no_slip(context: click.Context, option: click.Parameter, value: Path | None) -> Path | None:
    """`-o --detailed-exitcode` and `-out=x` are slips, not files of these names (rule C17)."""
    is_dash = str(value) == "-" and option.name == "events"
    if value is not None and not is_dash and str(value).startswith(("-", "=", "ut=")):
        written = "-o FILE" if option.name == "output" else f"--{option.name} FILE"
        raise click.BadParameter(f"{value} is no file's name here. Write {written}, or ./FILE if it is meant.")
    return value


_FORMAT = click.option("--format", type=click.Choice(["text", "json"]), default="text", show_default=True)
_FOR_REVIEW = click.option("--format", type=click.Choice(["text", "json", "github"]), default="text", show_default=True)
_PAGES = ["text", "json", "markdown", "html"]
"""What a plan can be shown as."""
_FILE = click.Path(path_type=Path, dir_okay=False)


@cli.command()
@click.option("--from-workspace", is_flag=True, help="For a workspace that is in use; imports nothing yet.")
@click.pass_obj
def init(options: Options, from_workspace: bool) -> int:
    """Make a project that plans at once."""
    from lfsync.commands.project import init, init_from_workspace

    return init_from_workspace(options) if from_workspace else init(options)


@cli.command()
@click.option("--online", is_flag=True, help="Check against the workspace's live definitions too.")
@_FOR_REVIEW
@click.pass_obj
def validate(options: Options, online: bool, format: str) -> int:
    """Check the files; without --online, without network."""
    from lfsync.commands.project import validate

    return validate(options, online=online, format=format)


def _patterns(name: str, what: str) -> Callable[[FC], FC]:
    """An option that takes PATTERNs."""
    said = f"{what}: an address with * and ?, a kind, or file:PATH; repeatable."
    offered = _completing("pattern")
    return click.option(name, multiple=True, metavar="PATTERN", shell_complete=offered, help=said)


_ONLY = _patterns("--only", "Only these and what they depend on")
_EXCLUDE = _patterns("--exclude", "Not these, whatever else is chosen")
_KEEP = click.option(
    "--keep-drift", is_flag=True, help="Leave what people changed in Lightfield since the last apply, and list it."
)
_SUMMARY = click.option("--summary", is_flag=True, help="Only the counts and what needs a look.")
_FILES = ("resources", "lfsync", "plan", "run", "event")
_ANSWERS = ("problems", "import", "accept", "state", "history", "definitions", "explain", "workflow", "quirks")
_REDACT = click.option("--redact", is_flag=True, help="Show no value of any record; not with --format json.")
_PRUNE = click.option("--prune", is_flag=True, help="Trash what was managed before and is declared no more.")
_RECREATE = click.option(
    "--recreate-missing",
    is_flag=True,
    help="Restore bound records that are gone; make anew what the API can't restore.",
)
_YES = click.option("--yes", is_flag=True, help="Don't ask.")
_LARGE = click.option("--allow-large", is_flag=True, help="Go on above the thresholds of `safety`.")


def _refuse_for_programs(format: str, *, redact: bool, summary: bool) -> None:
    if redact and format == "json":
        raise click.UsageError("--redact and --format json: programs are told every value; keep it from people instead")
    if summary and format in ("json", "github"):
        raise click.UsageError(f"--summary and --format {format}: programs are told the whole plan")


@cli.command()
@click.option("-o", "--out", "output", type=_FILE, callback=_no_slip, metavar="FILE", help="Save the JSON plan.")
@click.option("--format", type=click.Choice([*_PAGES, "github"]), default="text", show_default=True)
@_SUMMARY
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 where there are changes.")
@click.option("--drift-only", is_flag=True, help="Only what people changed in Lightfield since the last apply.")
@click.option("--no-history", is_flag=True, help="Don't ask when what drifted was changed.")
@_KEEP
@_PRUNE
@_RECREATE
@_ONLY
@_EXCLUDE
@_REDACT
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


@cli.command()
@click.argument("plan", required=False, type=_FILE)
@_YES
@_KEEP
@_PRUNE
@_RECREATE
@_LARGE
@_ONLY
@_EXCLUDE
@_FORMAT
@click.option(
    "--events",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    callback=_no_slip,
    metavar="FILE",
    help="Write a line of JSON for each event, as it happens; - is stdout.",
)
@click.option(
    "--failed",
    type=_FILE,
    callback=_no_slip,
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


@cli.command()
@click.argument("kinds", nargs=-1, metavar="[KIND ...]", shell_complete=_completing("kind"))
@click.option("--save", is_flag=True, help="Keep them in .lfsync/definitions, with schemas for editors.")
@click.option("--check", is_flag=True, help="Exit with 2 where they are not those that were saved.")
@_FORMAT
@click.pass_obj
def definitions(options: Options, kinds: tuple[str, ...], save: bool, check: bool, format: str) -> int:
    """Show what the workspace has: fields, options, relationships, members."""
    from lfsync.commands.definitions import definitions

    return definitions(options, kinds, save=save, check=check, format=format)


@cli.command(name="import")
@click.argument("kinds", nargs=-1, metavar="[KIND ...]", shell_complete=_completing("kind"))
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
@_FORMAT
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


@cli.command()
@click.argument("address", shell_complete=_completing("address"))
@_FORMAT
@click.pass_obj
def explain(options: Options, address: str, format: str) -> int:
    """Tell why the plan wants what it wants of ADDRESS."""
    from lfsync.commands.explain import explain_address

    return explain_address(options, address, format=format)


@cli.command()
@click.argument("plan", type=_FILE)
@click.option("--format", type=click.Choice(_PAGES), default="text", show_default=True)
@_SUMMARY
@_ONLY
@_EXCLUDE
@_REDACT
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


@cli.command()
@click.argument("plan", type=_FILE)
@click.option("--on", type=click.Choice(["github", "gitlab"]), help="Whose CI this is. Default: the environment tells.")
@click.option("--dry-run", is_flag=True, help="Print the comment, and put it nowhere.")
@click.pass_obj
def comment(options: Options, plan: Path, on: str | None, dry_run: bool) -> int:
    """Put a saved PLAN on the pull or merge request that the CI runs for.

    One comment for each workspace and project, updated in place.
    """
    from lfsync.commands.comment import comment

    return comment(options, plan, on=on, dry_run=dry_run)


@cli.command()
@click.argument("patterns", nargs=-1, metavar="[PATTERN]...", shell_complete=_completing("pattern"))
@click.option("--conflicts", is_flag=True, help="Also what the files and Lightfield both changed.")
@click.option("--dry-run", is_flag=True, help="Show the diff, and write nothing.")
@_FORMAT
@click.pass_obj
def accept(options: Options, patterns: tuple[str, ...], conflicts: bool, dry_run: bool, format: str) -> int:
    """Write what people changed in Lightfield into the files.

    A PATTERN is an address with * and ?, a kind, or file:PATH; everything without one.
    """
    from lfsync.commands.accept import accept_drift

    return accept_drift(options, patterns, conflicts=conflicts, dry_run=dry_run, format=format)


@cli.group(invoke_without_command=True)
@_FORMAT
@click.pass_context
def history(context: click.Context, format: str) -> int | None:
    """List the runs that wrote something, newest first."""
    from lfsync.commands.records import history

    return None if context.invoked_subcommand else history(context.obj, format=format)


@history.command(name="show")
@click.argument("run", required=False)
@_FORMAT
@click.pass_obj
def history_show(options: Options, run: str | None, format: str) -> int:
    """Show what a RUN wrote, and what was there before; the last one without."""
    from lfsync.commands.records import history_show

    return history_show(options, run, format=format)


@cli.command()
@click.argument("run", required=False)
@_YES
@_LARGE
@click.option("--dry-run", is_flag=True, help="Show what would be put back, and write nothing.")
@_FORMAT
@click.pass_obj
def undo(options: Options, run: str | None, yes: bool, allow_large: bool, dry_run: bool, format: str) -> int:
    """Put back what a RUN wrote; the last one without."""
    from lfsync.commands.applying import Manner, undo

    return undo(options, run, Manner(yes, allow_large, format, dry=dry_run))


@cli.group()
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
@_FORMAT
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


@cli.group()
def state() -> None:
    """Addresses, and the records they are bound to."""


@state.command(name="list")
@_FORMAT
@click.pass_obj
def state_list(options: Options, format: str) -> int:
    """List every address and its record."""
    from lfsync.commands.records import state_list

    return state_list(options, format=format)


@state.command(name="show")
@click.argument("address", shell_complete=_completing("bound"))
@click.pass_obj
def state_show(options: Options, address: str) -> int:
    """Show what is remembered of ADDRESS."""
    from lfsync.commands.records import state_show

    return state_show(options, address)


@state.command(name="rm")
@click.argument("address", shell_complete=_completing("bound"))
@click.pass_obj
def state_rm(options: Options, address: str) -> int:
    """Let go of ADDRESS; its record stays as it is."""
    from lfsync.commands.records import state_rm

    return state_rm(options, address)


@state.command(name="mv")
@click.argument("old", shell_complete=_completing("bound"))
@click.argument("new", shell_complete=_completing("address"))
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


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> int:
    """Print the script that lets a shell complete commands, options, workspaces and addresses."""
    from click.shell_completion import get_completion_class

    from lfsync.commands.console import out

    script = get_completion_class(shell)
    assert script is not None
    out(script(context.find_root().command, {}, "lfsync", "_LFSYNC_COMPLETE").source())
    return 0


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
@click.option("--workflow-latency", default=0.0, type=click.FloatRange(min=0), metavar="SECONDS", help="Of a run.")
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
    workflow_latency: float,
    faults: float,
    random_seed: int | None,
    quirks: tuple[str, ...],
) -> int:
    """Serve the sandbox over HTTP until Ctrl-C."""
    from lfsync.commands.sandbox import serve

    serve(
        host=host,
        port=port,
        database=database,
        seed=seed,
        rps=rps,
        index_lag=index_lag,
        latency=latency,
        workflow_latency=workflow_latency,
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
@click.argument("name", default="rehearsal")
@click.option("--records", is_flag=True, help="With the records, and what the state knows of them.")
@click.pass_obj
def clone(options: Options, name: str, records: bool) -> int:
    """Make a sandbox of a live workspace, to rehearse a plan in.

    NAME is what the clone's workspace is called: `lfsync -w rehearsal apply`. The one that is cloned is that of -w.
    """
    from lfsync.commands.cloning import clone

    return clone(options, name, records=records)


@sandbox.command()
@_FORMAT
@click.pass_obj
def quirks(options: Options, format: str) -> int:
    """List the API's unknowns and the answers to choose from."""
    from lfsync.commands.sandbox import quirks

    return quirks(options, format=format)


# ---------------------------------------------------------------- the one error boundary


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script. Never returns."""
    from lfsync.commands import streams

    streams.install()
    signal.signal(signal.SIGTERM, _terminated)
    # Planning 10,000 resources makes a million objects that live to its end; looking through them again and again would
    # be a third of its time. What may go on for long, `apply` and `sandbox serve`, turns the collector on again.
    gc.disable()
    code = run(arguments)
    gc.freeze()  # the interpreter looks through them once more as it ends, and finds nothing that the system won't free
    sys.exit(code)


def _terminated(number: int, frame: FrameType | None) -> None:
    """SIGTERM is Ctrl-C, whatever Ctrl-C means just now; also in the background of a script, where it means nothing."""
    if signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, None):
        raise KeyboardInterrupt
    signal.raise_signal(signal.SIGINT)


def run(arguments: Sequence[str] | None = None) -> int:
    """The exit code of a command line (design.md, section 8)."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    begun: list[Options] = []
    try:
        result = cli.main(given, prog_name="lfsync", standalone_mode=False, obj=begun)
        return _printed_whole(result if isinstance(result, int) else 0)
    except (Exception, KeyboardInterrupt) as error:
        for_github = _wants(given, "github")
        failure = _failure(error, silent=for_github)
        if for_github:
            _show_annotations(failure, begun)
        elif _wants(given, "json"):
            _show_json(failure)
        return failure.exit_code


def _printed_whole(code: int) -> int:
    """The code, unless stdout could not be written for another reason than that its reader had enough."""
    from lfsync.commands import streams

    why = streams.failure()
    if why is None:
        return code
    click.echo(f"lfsync: what it said could not be written whole: {why}", err=True)
    return code or 1


class _Failure(NamedTuple):
    """How a command line ended that did not go well: its exit code, and what a program is told of it."""

    exit_code: int
    problems: Sequence[Problem]


def _failure(error: BaseException, *, silent: bool) -> _Failure:
    """Words the error on stderr; `silent`: only what quotes nobody, for a runner obeys what it reads there, too."""
    from lfsync.commands.problems import problems_of
    from lfsync.errors import LfsyncError, Problem

    if isinstance(error, click.Abort) and isinstance(error.__cause__, EOFError):
        error = error.__cause__  # click takes any for a Ctrl-D at a question of its own, of which there is none
    if isinstance(error, click.ClickException):
        hint = _show_usage(error)
        return _Failure(1, (Problem(error.format_message(), hint=hint),))
    if isinstance(error, click.Abort | KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return _Failure(_INTERRUPTED, (Problem("interrupted"),))
    known = _known(error, LfsyncError)
    if known is None and isinstance(error, OSError) and error.errno in _REFUSED_BY_SYSTEM:
        known = LfsyncError(f"{error.filename or 'a file of the project'} can't be written: {error.strerror}")
    if known is None:
        return _Failure(_BUG, (Problem(_bug(error)),))
    if not silent:
        _show(known)
    return _Failure(known.exit_code, problems_of(known))


def _show_usage(error: click.ClickException) -> str | None:
    error.show()
    if not isinstance(error, click.NoSuchOption) or error.option_name not in _BEFORE_THE_COMMAND:
        return None
    hint = f"{error.option_name} goes before the command: lfsync {error.option_name} ... COMMAND"
    click.echo(f"    {hint}", err=True)
    return hint


def _wants(arguments: Sequence[str], format: str) -> bool:
    """Whether `--format FORMAT` is there: told from the words alone, for they may be what is wrong."""
    return f"--format={format}" in arguments or ("--format", format) in pairwise(arguments)


def _show_json(failure: _Failure) -> None:
    from lfsync.commands.console import out
    from lfsync.commands.problems import problems_json

    out(problems_json(failure.problems))


def _show_annotations(failure: _Failure, begun: Sequence[Options]) -> None:
    from lfsync.commands.annotating import problems_for_github
    from lfsync.commands.console import out

    placed = any(problem.place for problem in failure.problems)  # then the project was found
    out(problems_for_github(failure.problems, begun[0] if placed and begun else None))


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
    from lfsync.render.terminal import escape, problems_text

    if isinstance(error, ConfigError):
        click.echo(problems_text(error), err=True)
        return
    click.echo(f"lfsync: {escape(error.message)}", err=True)
    if error.hint:
        click.echo(f"    {escape(error.hint)}", err=True)


def _bug(error: BaseException) -> str:
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="lfsync-bug-", suffix=".txt", delete=False, encoding="utf-8") as file:
        file.write(f"lfsync {__version__}, Python {sys.version}\n\n")
        file.write("".join(traceback.format_exception(error)))
    message = f"a bug in lfsync: {type(error).__name__}. The traceback is in {file.name}"
    click.echo(f"lfsync: {message}", err=True)
    return message

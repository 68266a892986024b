"""From a command line to its exit code: the one place where errors are worded."""

from __future__ import annotations

import errno
import gc
import signal
import sys
from collections.abc import Sequence
from itertools import pairwise
from types import FrameType
from typing import TYPE_CHECKING, NamedTuple

import click

from lfsync import __version__
from lfsync.cli.root import cli

if TYPE_CHECKING:
    from lfsync.commands.terminal.console import Options
    from lfsync.errors import LfsyncError, Problem

_BUG = 70
_INTERRUPTED = 130
_BEFORE_THE_COMMAND = {"-C", "-w", "-v", "--no-color"}
# A full disk, a read-only folder, a file where a folder should be: nothing that a traceback would tell more about.
_REFUSED_BY_SYSTEM = {
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.EEXIST
}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script. Never returns."""
    from lfsync.commands.terminal import streams

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
    from lfsync.commands.terminal import streams

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
    from lfsync.commands.answers.problems import problems_of
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
    from lfsync.commands.answers.problems import problems_json
    from lfsync.commands.terminal.console import out

    out(problems_json(failure.problems))


def _show_annotations(failure: _Failure, begun: Sequence[Options]) -> None:
    from lfsync.commands.forges.annotating import problems_for_github
    from lfsync.commands.terminal.console import out

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

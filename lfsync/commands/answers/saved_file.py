"""Where a plan is saved: which places are refused, and how nothing is ever half written (rule C17). I/O."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import tempfile
from collections.abc import Container
from pathlib import Path
from typing import Final

from lfsync.commands.terminal.console import out
from lfsync.errors import UsageError

_OURS: Final = {".lfsync", ".git"}
_DESCRIPTOR: Final = re.compile(r"/dev/fd/(\d+)|/proc/self/fd/(\d+)|/dev/std(in|out|err)")
_STANDARD: Final = {"in": 0, "out": 1, "err": 2}


def refuse_own(path: Path, root: Path, own: Container[Path], *, what: str = "the plan") -> None:
    """UsageError where `path` is the project's own (`own`: its files, links followed), or would become so."""
    given, real = Path(os.path.abspath(path)), _real(path)  # noqa: PTH100  (`..` goes, links stay)
    why = None
    if found := _OURS & {*given.parts, *real.parts}:
        why = f"lies below `{min(found)}`"
    elif real in own or "lfsync.yaml" in (given.name, real.name):
        why = "is a file of the project itself"
    elif real.is_relative_to(root) and real.suffix in (".yaml", ".yml"):
        why = "would be read as one of the project's resource files"
    if why:
        hint = "Save it as NAME.plan.json." if what == "the plan" else "Name another file, outside of these."
        raise UsageError(f"{what} can't be saved to {path}, which {why}", hint=hint)


def save(text: str, path: Path, *, what: str = "the plan") -> None:
    """For its owner alone: a plan holds personal data (design.md, section 12). UsageError where it can't be written."""
    try:
        if descriptor := _DESCRIPTOR.fullmatch(str(path)):
            _pass_on(text, int(descriptor[1] or descriptor[2] or _STANDARD[descriptor[3]]))
        elif _is_special(path):
            _write_through(text, path)
        else:
            _replace(text, _real(path))
    except OSError as error:
        raise UsageError(f"{what} can't be saved to {path}: {error.strerror}") from None


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _is_special(path: Path) -> bool:
    """A device, a pipe: it is there, and no file that could be replaced."""
    with contextlib.suppress(FileNotFoundError):
        return not stat.S_ISREG(path.stat().st_mode)
    return False


def _pass_on(text: str, descriptor: int) -> None:
    """To what this process was given: opened by its name it would be begun anew, over what is in it already."""
    if descriptor == 1:
        out(text)
        return
    with contextlib.suppress(BrokenPipeError), os.fdopen(os.dup(descriptor), "w", encoding="utf-8") as file:
        file.write(text)


def _write_through(text: str, path: Path) -> None:
    with contextlib.suppress(BrokenPipeError), path.open("w", encoding="utf-8") as file:  # its reader had enough
        file.write(text)


def _replace(text: str, path: Path) -> None:
    """Write beside, then replace."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
    beside = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:  # mkstemp gives it mode 0600
            file.write(text)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise

"""Where commands print: data to stdout, everything else to stderr. I/O."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TextIO

import click

from lfsync.project.folder import find_project


@dataclass(frozen=True)
class Options:
    """The options of every command. `folder` is what -C names; None without it."""

    folder: Path | None = None
    workspace: str | None = None
    no_color: bool = False
    verbose: int = 0

    @cached_property
    def root(self) -> Path:
        """The project's folder: what -C names, else the nearest one upwards (rule C17)."""
        if self.folder is not None:
            return self.folder
        here = Path.cwd()
        found = find_project(here)
        if found == here:
            return Path()
        above = os.path.relpath(found, here)
        say(f"The project is {above}; paths below start there.")
        return Path(above)

    @property
    def width(self) -> int | None:
        """Columns of the terminal, None into a pipe."""
        return shutil.get_terminal_size().columns if sys.stdout.isatty() else None

    def color(self, stream: TextIO) -> bool:
        """Whether to colour what goes to `stream` (https://no-color.org)."""
        return stream.isatty() and not self.no_color and not os.environ.get("NO_COLOR")


def say(text: str) -> None:
    """To stderr."""
    click.echo(text, err=True)


def out(text: str) -> None:
    """To stdout, as whole lines; of no text none.

    What no UTF-8 can hold is escaped; a pipe into a plain ASCII locale never fails.
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    whole = text.encode(encoding, "backslashreplace").decode(encoding)
    click.echo(whole, nl=bool(text) and not text.endswith("\n"))

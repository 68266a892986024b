"""Where commands print: data to stdout, everything else to stderr. I/O."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import click


@dataclass(frozen=True, slots=True)
class Options:
    """The options of every command."""

    root: Path = Path()
    workspace: str | None = None
    no_color: bool = False
    verbose: int = 0

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
    """To stdout, as whole lines. What no UTF-8 can hold is escaped; a pipe into a plain ASCII locale never fails."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    click.echo(text.encode(encoding, "backslashreplace").decode(encoding), nl=not text.endswith("\n"))

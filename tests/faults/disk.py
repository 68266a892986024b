"""A disk that is full, or read-only, below one folder: what the machine's owner can't be made to feel by modes."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest


def refuse(patch: pytest.MonkeyPatch, folder: Path, step: str, code: int) -> None:
    """From now on a step of writing a file fails below `folder`: `mkstemp`, `fsync`, `link` or `replace`."""
    home = tempfile if step == "mkstemp" else os
    work = getattr(home, step)

    def refusing(*arguments: Any, **more: Any) -> Any:
        where = more.get("dir") or (_path(arguments[0]) if arguments else "")
        if Path(where).is_relative_to(folder):
            raise OSError(code, os.strerror(code))
        return work(*arguments, **more)

    patch.setattr(home, step, refusing)


def _path(argument: int | str | Path) -> str:
    return str(Path(f"/proc/self/fd/{argument}").readlink() if isinstance(argument, int) else argument)

"""Git's merge driver for state files: `init` sets it, a clone without it is told (rule M2). I/O."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Final

ATTRIBUTE: Final = ".lfsync/state/*.jsonl merge=lfsync"
COMMAND: Final = "git config merge.lfsync.driver 'lfsync state merge %O %A %B'"
_SETTINGS: Final = {"name": "lfsync: states by address", "driver": "lfsync state merge %O %A %B"}
_NAMED = re.compile(r"^[^#\n]*\bmerge=lfsync\b", re.MULTILINE)
_SET = re.compile(r"^\s*\[\s*merge\s+\"lfsync\"\s*\][^\[]*?^\s*driver\s*=", re.MULTILINE | re.IGNORECASE)


def set_driver(root: Path) -> bool:
    """Set the driver in the repository that holds `root`. False where there is none, or no git."""
    try:
        for key, value in _SETTINGS.items():
            command = ["git", "-C", str(root), "config", "--local", f"merge.lfsync.{key}", value]
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def is_missing(root: Path) -> bool:
    """Whether `.gitattributes` names the driver and this clone does not have it. Reads files, and never starts git."""
    if not _NAMED.search(_text(root / ".gitattributes")):
        return False
    repository = _repository(root.resolve())
    return repository is not None and not any(_SET.search(_text(path)) for path in [repository / "config", *_of_user()])


def _repository(folder: Path) -> Path | None:
    """The `.git` folder that has the config: of a worktree or a submodule, the one that its `.git` file names."""
    found = next((each / ".git" for each in (folder, *folder.parents) if (each / ".git").exists()), None)
    if found is None or found.is_dir():
        return found
    git = found.parent / _text(found).removeprefix("gitdir:").strip()
    return git / _text(git / "commondir").strip()


def _of_user() -> list[Path]:
    home = Path.home()
    elsewhere = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    return [home / ".gitconfig", elsewhere / "git" / "config"]


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""

"""Reads and replaces the state file, whole or not at all. I/O."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

from lfsync.errors import StateError
from lfsync.state.state import State, decode, encode

# A line without a leading `/` holds at any depth: the schemas of a workspace that is called `sandbox` are let in again.
_IGNORED = ("journal/", "history/", "sandbox/", "!/schemas/*/")


def read(path: Path) -> State:
    """The state at `path`, or a new one with a salt of its own. StateError where it can't be read."""
    try:
        return decode(path.read_text("utf-8"), str(path))
    except FileNotFoundError:
        return State(salt=secrets.token_hex(16))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise StateError(f"{path}: the state can't be read: {why}") from None


def write(path: Path, state: State) -> None:
    """Write beside, flush, replace. A state that says the same as the file leaves it untouched."""
    replace_text(path, encode(state))


def replace_text(path: Path, text: str, what: str = "the state") -> bool:
    """As `write`, for a text; whether it had to be written. `what` it is, for people."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if path.read_text("utf-8") == text:
            return False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(Path(os.path.realpath(path)), text)  # through a link, not in its place
    except OSError as error:
        raise StateError(f"{path}: {what} can't be written: {error.strerror}") from None
    return True


def ignore_local_files(folder: Path) -> None:
    """Make `.lfsync/` with the `.gitignore` that keeps journals, history and the sandbox out of git.

    Lines that an older one lacks are added; what else stands there stays.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ignore = folder / ".gitignore"
    old = ignore.read_bytes() if ignore.exists() else b""
    missing = [line for line in _IGNORED if line.encode() not in old.split()]
    if missing:
        gap = b"" if not old or old.endswith(b"\n") else b"\n"
        ignore.write_bytes(old + gap + "".join(f"{line}\n" for line in missing).encode())


def _replace(path: Path, text: str) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise

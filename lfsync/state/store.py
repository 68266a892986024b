"""Where a state lies: what the program asks of it, and the first of the two, a file of the project. I/O.

The other one, an object store, is in `remote.py`. Journal and history are local with both.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

from lfsync.state import lock, state_file
from lfsync.state.state import State


class Store(Protocol):
    """One state. `write` and `may_write` are for those who are within `held`."""

    def held(self) -> AbstractAsyncContextManager[None]:
        """Its lock. RefusedError, naming the holder, where another run has it."""
        ...

    async def read(self) -> State:
        """What it holds, or a new one with a salt of its own. StateError where it can't be read."""
        ...

    def write(self, state: State) -> None:
        """Replace it whole, or not at all. StateError; UnkeptError where it is the journal that keeps the rest."""
        ...

    async def may_write(self) -> None:
        """LockLostError where its lock is ours no more, so that nobody may write for it (rule K3)."""
        ...


class LocalStore:
    """A file of the project."""

    def __init__(self, path: Path, lock_path: Path, workspace: str) -> None:
        self._path = path
        self._lock_path = lock_path
        self._workspace = workspace

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """The operating system's lock."""
        with lock.held(self._lock_path, self._workspace):
            yield

    async def read(self) -> State:
        """What the file holds."""
        return state_file.read(self._path)

    def write(self, state: State) -> None:
        """Beside, then in its place."""
        state_file.write(self._path, state)

    async def may_write(self) -> None:
        """Always: the operating system takes its lock from nobody."""

"""Opens a workspace for one run: project, lock, journal, state, connection. I/O."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

from lfsync.api.client import Client, Watcher
from lfsync.api.wire import Exchange
from lfsync.commands.terminal.console import say
from lfsync.connection import client_settings, open_transport
from lfsync.errors import ConfigError
from lfsync.planning.session import Session, Timings
from lfsync.project.load import Project, load_project
from lfsync.project.workspace import LOCAL, Workspace, choose_workspace
from lfsync.state import journal as journals
from lfsync.state import state_file
from lfsync.state.journal import Journal
from lfsync.state.store import LocalStore, Store


@asynccontextmanager
async def open_session(
    root: Path,
    name: str | None,
    on_exchange: Callable[[Exchange], None] | None = None,
    *,
    watcher: Watcher | None = None,
    writing: bool = False,
    connect: Callable[[Workspace], AbstractAsyncContextManager[Client]] | None = None,
) -> AsyncIterator[Session]:
    """Read the project and open its workspace; under the lock of its state where the run may write.

    `connect` gives another client than the workspace's own, for tests.
    """
    started = time.perf_counter()
    project = load_project(root)
    workspace = choose_workspace(project, name)
    if writing or workspace.is_sandbox:  # a plan needs no folder that it may write (rule P4)
        state_file.ignore_local_files(workspace.root / LOCAL)
    store = state_store(workspace)
    may_write = store.may_write if writing else None
    async with AsyncExitStack() as stack:
        if writing:
            await stack.enter_async_context(store.held())
        left = journals.read(workspace.journal_path)
        state = journals.recovered(await store.read(), left)
        timings = Timings(parse=time.perf_counter() - started)
        opened = connect(workspace) if connect else _connected(project, workspace, on_exchange, watcher, may_write)
        async with opened as client:
            session = Session(project, workspace, client, state, left, timings=timings)
            if writing:
                session.store = store
                session.journal = Journal(workspace.journal_path)
            try:
                yield session
            finally:
                if session.journal is not None:
                    session.journal.abandon()


@asynccontextmanager
async def _connected(
    project: Project,
    workspace: Workspace,
    on_exchange: Callable[[Exchange], None] | None,
    watcher: Watcher | None,
    may_write: Callable[[], Awaitable[None]] | None,
) -> AsyncIterator[Client]:
    async with AsyncExitStack() as stack:
        try:
            transport = await stack.enter_async_context(open_transport(workspace))
        except ConfigError as error:  # of the sandbox's seed: told together with the project's own problems
            raise ConfigError([*project.problems, *error.problems]) from None
        settings = client_settings(workspace, transport)
        client = Client(settings, on_exchange=on_exchange, watcher=watcher, may_write=may_write)
        yield await stack.enter_async_context(client)


def state_store(workspace: Workspace) -> Store:
    """Where the state of a workspace lies."""
    url = workspace.settings.state_url
    if url is None:
        return LocalStore(workspace.state_path, workspace.lock_path, workspace.name)
    from lfsync.state import lease  # a file needs none of this
    from lfsync.state.remote import RemoteStore

    return RemoteStore(url, workspace.lock_path, workspace.name, tell=say, terms=lease.TERMS)

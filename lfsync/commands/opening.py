"""Opens a workspace for one run: project, lock, journal, state, connection. I/O."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path

from lfsync.api.client import Client, Watcher
from lfsync.api.wire import Exchange
from lfsync.connection import client_settings, open_transport
from lfsync.errors import ConfigError
from lfsync.planning.session import Session, Timings
from lfsync.project.load import Project, load_project
from lfsync.project.workspace import LOCAL, Workspace, choose_workspace
from lfsync.state import journal as journals
from lfsync.state import lock, state_file
from lfsync.state.journal import Journal


@asynccontextmanager
async def open_session(
    root: Path,
    name: str | None,
    on_exchange: Callable[[Exchange], None] | None = None,
    *,
    watcher: Watcher | None = None,
    writing: bool = False,
    may_be_empty: bool = False,
    connect: Callable[[Workspace], AbstractAsyncContextManager[Client]] | None = None,
) -> AsyncIterator[Session]:
    """Read the project and open its workspace; under the lock of its state where the run may write.

    `connect` gives another client than the workspace's own, for tests.
    """
    started = time.perf_counter()
    project = load_project(root, may_be_empty=may_be_empty)
    workspace = choose_workspace(project, name)
    if writing or workspace.is_sandbox:  # a plan needs no folder that it may write (rule P4)
        state_file.ignore_local_files(workspace.root / LOCAL)
    with ExitStack() as stack:
        if writing:
            stack.enter_context(lock.held(workspace.lock_path, workspace.name))
        left = journals.read(workspace.journal_path)
        state = journals.recovered(state_file.read(workspace.state_path), left)
        timings = Timings(parse=time.perf_counter() - started)
        async with connect(workspace) if connect else _connected(project, workspace, on_exchange, watcher) as client:
            session = Session(project, workspace, client, state, left, timings=timings)
            if writing:
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
) -> AsyncIterator[Client]:
    async with AsyncExitStack() as stack:
        try:
            transport = await stack.enter_async_context(open_transport(workspace))
        except ConfigError as error:  # of the sandbox's seed: told together with the project's own problems
            raise ConfigError([*project.problems, *error.problems]) from None
        client = Client(client_settings(workspace, transport), on_exchange=on_exchange, watcher=watcher)
        yield await stack.enter_async_context(client)

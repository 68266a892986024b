"""The way to a workspace: the real API, or the sandbox in process. I/O."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx

from lfsync.api.wire import ClientSettings
from lfsync.errors import ConfigError, Problem
from lfsync.project.workspace import SANDBOX_URL, Workspace

_SANDBOX_KEY = "sk_lf_sandbox"


@asynccontextmanager
async def open_transport(workspace: Workspace) -> AsyncIterator[httpx.AsyncBaseTransport | None]:
    """The sandbox in process; None for a real workspace."""
    settings = workspace.settings.sandbox
    if settings is None:
        yield None
        return
    from lfsync.sandbox import transport as sandbox  # the emulator is not needed against the real API

    seed = workspace.inside(settings.seed) if settings.seed else None
    workspace.database_path.parent.mkdir(parents=True, exist_ok=True)
    try:
        transport = sandbox.open_transport(settings, database=workspace.database_path, seed=seed)
    except ConfigError as error:
        raise ConfigError([_named(problem, str(seed), settings.seed or "") for problem in error.problems]) from None
    try:
        yield transport
    finally:
        await transport.aclose()


def _named(problem: Problem, path: str, name: str) -> Problem:
    """A problem of the seed under the name that lfsync.yaml gives it."""
    if problem.place is None or problem.place.file != path:
        return problem
    return replace(problem, place=problem.place._replace(file=name))


def client_settings(workspace: Workspace, transport: httpx.AsyncBaseTransport | None) -> ClientSettings:
    """Where the client goes, and with which key (rule C14)."""
    settings = workspace.settings
    if workspace.is_sandbox:
        return ClientSettings(SANDBOX_URL, _SANDBOX_KEY, settings.rate_share, transport=transport)
    key = os.environ.get(settings.api_key_env, "")
    return ClientSettings(workspace.base_url, key, settings.rate_share, settings.api_key_env)

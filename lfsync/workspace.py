"""Which workspace a run is for, where it is, and where what is kept of it lies. I/O."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import httpx

from lfsync.errors import ConfigError, Problem, UsageError
from lfsync.files import Project, load_project
from lfsync.folder import SETTINGS, Folder
from lfsync.model import Place
from lfsync.settings import WorkspaceSettings, base_url
from lfsync.suggest import did_you_mean
from lfsync.wire import ClientSettings

LOCAL = ".lfsync"
_SANDBOX_URL = "http://localhost"
_SANDBOX_KEY = "sk_lf_sandbox"


@dataclass(frozen=True, slots=True)
class Workspace:
    """The workspace that a run is for, and where what is kept of it lies."""

    name: str
    settings: WorkspaceSettings
    root: Path

    @property
    def is_sandbox(self) -> bool:
        return self.settings.sandbox is not None

    def inside(self, name: str) -> Path:
        """A path that lfsync.yaml names. ConfigError where it leads out of the project."""
        return Folder(self.root).path(name, Place(SETTINGS, 1))

    @property
    def state_path(self) -> Path:
        if self.settings.state:
            return self.inside(self.settings.state)
        return self.root / LOCAL / ("sandbox" if self.is_sandbox else "state") / f"{self.name}.jsonl"

    @property
    def journal_path(self) -> Path:
        return self.root / LOCAL / "journal" / f"{self._state_name}.jsonl"

    @property
    def lock_path(self) -> Path:
        return self.root / LOCAL / "journal" / f"{self._state_name}.lock"

    @property
    def _state_name(self) -> str:
        """What the state's lock and journal are called: two workspaces may share one state, and then these too."""
        if not self.settings.state:
            return self.name
        path = self.state_path.relative_to(self.root.resolve())
        is_anothers_default = path.parent == Path(LOCAL, "state") and path.suffix == ".jsonl"
        return path.stem if is_anothers_default else quote(str(path), safe="")

    @property
    def history_path(self) -> Path:
        return self.root / LOCAL / "history" / self.name

    @property
    def database_path(self) -> Path:
        sandbox = self.settings.sandbox
        if sandbox is not None and sandbox.db:
            return self.inside(sandbox.db)
        return self.root / LOCAL / "sandbox" / f"{self.name}.db"

    @property
    def base_url(self) -> str:
        """LIGHTFIELD_BASE_URL wins over the file, but never touches a sandbox (rule C14)."""
        if self.is_sandbox:
            return _SANDBOX_URL
        try:
            return base_url(os.environ.get("LIGHTFIELD_BASE_URL") or self.settings.base_url)
        except ValueError as error:
            raise UsageError(f"LIGHTFIELD_BASE_URL can't be used: {error}") from None


def choose_workspace(project: Project, name: str | None) -> Workspace:
    """The workspace that `-w`, LFSYNC_WORKSPACE or the file names."""
    # An empty -w is what a script's unset variable gives: the default could be another workspace than was meant.
    chosen = name if name is not None else os.environ.get("LFSYNC_WORKSPACE") or project.settings.default_workspace
    known = project.settings.workspaces
    if chosen is None:
        raise UsageError(
            "no workspace is named", hint=f"Name one with -w, or set `default_workspace`: {', '.join(known)}."
        )
    if chosen not in known:
        hint = did_you_mean(chosen, known) or f"workspaces here: {', '.join(known)}"
        raise UsageError(f"there is no workspace `{chosen}` in lfsync.yaml", hint=hint)
    return Workspace(chosen, known[chosen], project.root)


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
        return ClientSettings(_SANDBOX_URL, _SANDBOX_KEY, settings.rate_share, transport=transport)
    key = os.environ.get(settings.api_key_env, "")
    return ClientSettings(workspace.base_url, key, settings.rate_share, settings.api_key_env)


def reset_sandbox(root: Path, name: str | None) -> Workspace:
    """Throw away all that is kept of a sandbox workspace. UsageError for a real one."""
    workspace = choose_workspace(load_project(root), name)
    if not workspace.is_sandbox:
        raise UsageError(f"`{workspace.name}` is no sandbox", hint="Only a workspace with `sandbox:` can be reset.")
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{workspace.database_path}{suffix}").unlink(missing_ok=True)
    for path in (workspace.state_path, workspace.journal_path):
        path.unlink(missing_ok=True)
    for path in workspace.history_path.glob("*.jsonl"):
        path.unlink()
    return workspace

"""One run against one workspace: files → definitions → desired → refresh → plan. I/O.

Static problems and problems against the live definitions are reported together (rule C2), before anything else is read.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx

from lfsync import statefile
from lfsync.api import Token
from lfsync.client import Client
from lfsync.config import digest
from lfsync.definitions import builtin_definitions, builtin_schema, parse_definitions
from lfsync.errors import ApiError, ConfigError, RefusedError, UsageError
from lfsync.files import Project, load_project
from lfsync.folder import SETTINGS, Folder
from lfsync.kinds import KINDS, MEMBER_KEYS
from lfsync.model import Address, Definitions, Desired, Member, Place, Resource, Schema, WorkspaceInfo
from lfsync.plan import Context, plan, reading_scopes
from lfsync.prepare import prepare
from lfsync.refresh import Refresher
from lfsync.selection import select
from lfsync.settings import WorkspaceSettings, base_url
from lfsync.state import State, organisation_ids, refuse_foreign
from lfsync.suggest import did_you_mean
from lfsync.wire import ClientSettings, Exchange
from lfsync.writer import Job

LOCAL = ".lfsync"
_SANDBOX_URL = "http://localhost"
_SANDBOX_KEY = "sk_lf_sandbox"


@dataclass(slots=True)
class Timings:
    """Seconds of each part of a planning run, for `-v`."""

    parse: float = 0.0
    check: float = 0.0
    refresh: float = 0.0
    diff: float = 0.0

    def __str__(self) -> str:
        return f"timings parse={self.parse:.3f} check={self.check:.3f} refresh={self.refresh:.3f} diff={self.diff:.3f}"


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
    chosen = name or os.environ.get("LFSYNC_WORKSPACE") or project.settings.default_workspace
    known = project.settings.workspaces
    if chosen is None:
        raise UsageError(
            "no workspace is named", hint=f"Name one with -w, or set `default_workspace`: {', '.join(known)}."
        )
    if chosen not in known:
        hint = did_you_mean(chosen, known) or f"workspaces here: {', '.join(known)}"
        raise UsageError(f"there is no workspace `{chosen}` in lfsync.yaml", hint=hint)
    return Workspace(chosen, known[chosen], project.root)


@dataclass(slots=True)
class Session:
    """An open workspace. `desired` and `schema` are there once `prepare` has run."""

    project: Project
    workspace: Workspace
    client: Client
    state: State
    timings: Timings = field(default_factory=Timings)

    async def prepare(self) -> tuple[dict[Address, Desired], Schema, Token]:
        """Type-check everything. ConfigError with every problem; RefusedError where the key may not read enough."""
        started = time.perf_counter()
        try:
            token = await self.client.validate()
            schema = await self._schema(token)
        except ApiError:
            if self.project.problems:
                raise ConfigError(self.project.problems) from None
            raise
        desired, problems = prepare(self.project.resources, schema)
        if self.project.problems or problems:
            raise ConfigError([*self.project.problems, *problems])
        _refuse_unreadable(reading_scopes(desired.values()), token)
        self.timings.check += time.perf_counter() - started
        return desired, schema, token

    async def plan(self, only: Iterable[str] = ()) -> Job:
        """The plan, and all that an apply of it needs."""
        desired, schema, token = await self.prepare()
        refuse_foreign(self.state.ids, schema, f"the state of `{self.workspace.name}`")
        whole = not (only := tuple(only))
        chosen = desired if whole else select(desired, only)
        refresher = Refresher(
            self.client, chosen, schema, self.state, lag_timeout=self.workspace.settings.index_lag_timeout
        )
        started = time.perf_counter()
        made = await refresher.run()
        self.timings.refresh += time.perf_counter() - started - refresher.seconds_drafting
        self.timings.diff += refresher.seconds_drafting
        context = Context(
            workspace=WorkspaceInfo(self.workspace.name, self.workspace.base_url, organisation_ids(schema)),
            created_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            config_digest=digest(self.project.resources),
            warnings=self.project.warnings,
            enrichment=self.project.settings.enrichment,
            rate_share=self.workspace.settings.rate_share,
            scopes=None if token.full else frozenset(token.scopes),
            whole=whole,
        )
        made_plan = plan(made, chosen, self.state, context)
        return Job(made_plan, made, chosen, schema, self.state, refresher.live, self.project.settings.enrichment)

    def keep(self, state: State) -> None:
        """Write the state down."""
        statefile.write(self.workspace.state_path, state)

    async def _schema(self, token: Token) -> Schema:
        """The members, and the definitions of every kind that is declared or looked for by a match."""
        members = asyncio.create_task(self._members(token))
        found: dict[str, Definitions] = {}
        while kinds := _kinds(self.project.resources.values(), found) - found.keys():
            _refuse_unreadable({f"{KINDS[kind].scope}:read" for kind in kinds}, token)
            fetched = await asyncio.gather(*(self._definitions(kind) for kind in sorted(kinds)))
            found.update((definitions.kind, definitions) for definitions in fetched)
        return Schema(found, await members)

    async def _definitions(self, kind: str) -> Definitions:
        if not KINDS[kind].definitions:
            return builtin_definitions(kind)
        return parse_definitions(kind, dict(await self.client.definitions(KINDS[kind])))

    async def _members(self, token: Token) -> tuple[Member, ...]:
        return await self.client.members() if token.full or "members:read" in token.scopes else ()


def _kinds(resources: Iterable[Resource], known: Mapping[str, Definitions]) -> set[str]:
    """The kinds whose definitions are needed, as far as `known` ones tell what custom relationships point at."""
    kinds: set[str] = set()
    for resource in resources:
        kind = resource.address.kind
        kinds.add(kind)
        for key, links in resource.relationships.items():
            if any(ref.match for ref in (*links.include, *links.exclude)):
                rel = known[kind].relationships.get(key) if kind in known else None
                kinds.add(rel.target if rel else kind)
        if resource.members and any(ref.match for ref in (*resource.members.include, *resource.members.exclude)):
            kinds |= MEMBER_KEYS.keys()
    return kinds & KINDS.keys()


def _refuse_unreadable(needed: set[str], token: Token) -> None:
    missing = [] if token.full else sorted(needed - set(token.scopes))
    if missing:
        raise RefusedError(
            f"the API key may not read all that is declared; it lacks {', '.join(missing)}",
            hint="Make a key with these scopes in Lightfield's settings.",
        )


def refuse_unwritable(missing: Iterable[str]) -> None:
    """RefusedError before any write, naming the scopes that the key lacks."""
    if missing := tuple(missing):
        raise RefusedError(
            f"the API key may not write all that is planned; it lacks {', '.join(missing)}",
            hint="Make a key with these scopes in Lightfield's settings. Nothing was written.",
        )


@asynccontextmanager
async def open_session(
    root: Path, name: str | None, on_exchange: Callable[[Exchange], None] | None = None
) -> AsyncIterator[Session]:
    """Read the project and open its workspace."""
    started = time.perf_counter()
    project = load_project(root)
    workspace = choose_workspace(project, name)
    state = statefile.read(workspace.state_path)
    timings = Timings(parse=time.perf_counter() - started)
    statefile.ignore_local_files(workspace.root / LOCAL)
    async with (
        _transport(workspace) as transport,
        Client(_client_settings(workspace, transport), on_exchange=on_exchange) as client,
    ):
        yield Session(project, workspace, client, state, timings)


@asynccontextmanager
async def _transport(workspace: Workspace) -> AsyncIterator[httpx.AsyncBaseTransport | None]:
    settings = workspace.settings.sandbox
    if settings is None:
        yield None
        return
    from lfsync.sandbox.transport import open_transport  # the emulator is not needed against the real API

    seed = workspace.inside(settings.seed) if settings.seed else None
    workspace.database_path.parent.mkdir(parents=True, exist_ok=True)
    transport = open_transport(settings, database=workspace.database_path, seed=seed)
    try:
        yield transport
    finally:
        await transport.aclose()


def _client_settings(workspace: Workspace, transport: httpx.AsyncBaseTransport | None) -> ClientSettings:
    settings = workspace.settings
    if workspace.is_sandbox:
        return ClientSettings(_SANDBOX_URL, _SANDBOX_KEY, settings.rate_share, transport=transport)
    key = os.environ.get(settings.api_key_env, "")
    return ClientSettings(workspace.base_url, key, settings.rate_share, settings.api_key_env)


def reset_sandbox(root: Path, name: str | None) -> Workspace:
    """Throw away the database and the state of a sandbox workspace. UsageError for a real one."""
    workspace = choose_workspace(load_project(root), name)
    if not workspace.is_sandbox:
        raise UsageError(f"`{workspace.name}` is no sandbox", hint="Only a workspace with `sandbox:` can be reset.")
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{workspace.database_path}{suffix}").unlink(missing_ok=True)
    workspace.state_path.unlink(missing_ok=True)
    return workspace


def check_offline(root: Path) -> Project:
    """Everything that can be said without a workspace. ConfigError with all problems."""
    project = load_project(root)
    _, problems = prepare(project.resources, builtin_schema(), complete=False)
    if project.problems or problems:
        raise ConfigError([*project.problems, *problems])
    return project

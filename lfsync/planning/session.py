"""One run against one workspace: files → definitions → desired → refresh → plan. I/O.

Static problems and problems against the live definitions are reported together (rule C2), before anything else is read.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Container, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from lfsync.api.answers import Token
from lfsync.api.client import Client
from lfsync.api.server_clock import unix_time
from lfsync.api.wire import Exchange
from lfsync.applying.progress import Job
from lfsync.applying.recovery import settle
from lfsync.connection import client_settings, open_transport
from lfsync.errors import ApiError, ConfigError, RefusedError
from lfsync.kinds import KINDS, MEMBER_KEYS
from lfsync.knowledge.refresh import Refresher
from lfsync.model import Address, Blocked, Definitions, Desired, Member, Plan, Resource, Schema, WorkspaceInfo
from lfsync.planning.definitions import builtin_definitions, builtin_schema, parse_definitions
from lfsync.planning.draft import Draft, Wishes
from lfsync.planning.plan import Context, plan, reading_scopes
from lfsync.planning.prepare import prepare
from lfsync.planning.selection import mentioned, select, witnesses
from lfsync.planning.undo import BY_HAND, relinked, reverse
from lfsync.project.load import Project, load_project
from lfsync.project.resource_file import digest
from lfsync.project.workspace import LOCAL, Workspace, choose_workspace
from lfsync.state import journal as journals
from lfsync.state import lock
from lfsync.state import state_file as statefile
from lfsync.state.history import Recorder
from lfsync.state.journal import Intent, Journal, now
from lfsync.state.ledger import Ledger
from lfsync.state.runs import Entry, Run, address_of
from lfsync.state.state import State, organisation_ids, refuse_foreign

_PAUSE = 0.5  # seconds until an index that lags is asked again


@dataclass(slots=True)
class Timings:
    """Seconds of each part of a planning run, for `-v`."""

    parse: float = 0.0
    check: float = 0.0
    refresh: float = 0.0
    diff: float = 0.0

    def __str__(self) -> str:
        return f"timings parse={self.parse:.3f} check={self.check:.3f} refresh={self.refresh:.3f} diff={self.diff:.3f}"


@dataclass(slots=True)
class Session:
    """An open workspace. `journal` is there where the run may write; `open` are creates of earlier runs (rule A4)."""

    project: Project
    workspace: Workspace
    client: Client
    state: State
    open: dict[Address, Intent] = field(default_factory=dict)
    journal: Journal | None = None
    timings: Timings = field(default_factory=Timings)

    async def prepare(self, more: Iterable[str] = ()) -> tuple[dict[Address, Desired], Schema, Token]:
        """Type-check everything. ConfigError with every problem; RefusedError where the key may not read enough.

        `more`: kinds whose definitions are needed beside the declared ones.
        """
        started = time.perf_counter()
        try:
            token = await self.client.validate()
            declared = [*self.project.resources.values(), *self._readable(self.project.mappings, token)]
            schema = await self._schema(declared, token, more)
        except ApiError:
            if self.project.problems:
                raise ConfigError(self.project.problems) from None
            raise
        desired, problems = prepare(self.project.resources, schema, mappings=self.project.mappings)
        if self.project.problems or problems:
            raise ConfigError([*self.project.problems, *problems], workspace=self.workspace.name)
        _refuse_unreadable(reading_scopes(desired.values()), token)
        self._refuse_foreign(schema)
        self.timings.check += time.perf_counter() - started
        return desired, schema, token

    @staticmethod
    def _readable(mappings: Iterable[Resource], token: Token) -> list[Resource]:
        """Those whose kinds the key may read: where no resource needs a kind, no scope for it is missed either."""
        return [m for m in mappings if token.full or f"{KINDS[m.address.kind].scope}:read" in token.scopes]

    async def plan(self, only: Iterable[str] = (), wishes: Wishes | None = None) -> Job:
        """The plan, and all that an apply of it needs."""
        wishes = replace(wishes or Wishes(), state_file=self._state_file)
        only = tuple(only)
        desired, schema, token = await self.prepare(self._orphan_kinds(wishes))
        notes = await self._settle(desired)
        orphans = self.state.bindings.keys() - desired.keys() if wishes.prune else set()
        chosen, named = select(desired, orphans, only) if only else (desired, None)
        seen = chosen | witnesses(desired, self.state.bindings, named) if named else chosen
        made, job = await self._job(seen, schema, replace(wishes, only=named), self.state)
        if named:
            made.restrict(chosen.keys() | named)
        context = self._context(schema, token, (*self.project.warnings, *notes), whole=not only)
        return replace(job, plan=plan(made, chosen, self.state, context))

    async def plan_saved(self, saved: Plan) -> Job:
        """A plan that was made before, on what is there now. RefusedError where it is not for this (rule S1)."""
        if saved.workspace.name != self.workspace.name:
            raise RefusedError(
                f"the plan is for the workspace `{saved.workspace.name}`, not `{self.workspace.name}`",
                hint=f"Pass -w {saved.workspace.name}, or plan again.",
            )
        if saved.config_digest != digest(self.project.resources) and not self.project.problems:
            raise RefusedError("the plan was made from other files than these", hint="Plan again.")
        kinds = {change.address.kind for change in saved.changes}
        desired, schema, token = await self.prepare(kinds)
        refuse_foreign(saved.workspace.ids, schema, "the plan")
        await self._settle(desired)
        planned = {change.address for change in saved.changes}
        orphans = planned - desired.keys()
        named = mentioned(saved.changes) & desired.keys()
        chosen, _ = select(desired, orphans, map(str, planned | named))
        chosen |= witnesses(desired, self.state.bindings, orphans)
        gone = any(change.address in self.state.bindings for change in saved.changes if change.action == "create")
        wishes = Wishes(
            prune=any(change.action == "delete" for change in saved.changes),
            recreate_missing=gone or any(change.action == "restore" for change in saved.changes),
            only=frozenset(orphans),
            state_file=self._state_file,
        )
        _, job = await self._job(chosen, schema, wishes, self.state)
        missing = () if token.full else tuple(s for s in saved.required_scopes if s not in token.scopes)
        return replace(job, plan=replace(saved, missing_scopes=missing))

    async def plan_undo(self, run: Run) -> Job:
        """What puts a run of the past back; `Job.state` knows nothing but what that run wrote (rule L3)."""
        token = await self.client.validate()
        schema = await self._schema((), token, {address_of(entry).kind for entry in run.entries})
        self._refuse_foreign(schema)
        await self._settle(self.project.resources)
        addresses = [address_of(entry) for entry in run.entries]
        asked = zip(run.entries, addresses, strict=True)
        records = await asyncio.gather(*(self.client.retrieve(KINDS[a.kind], entry.id) for entry, a in asked))
        found = dict(zip(addresses, records, strict=True))
        listed = [e for e in run.entries if e.members and found[address_of(e)] is not None]
        members = {address_of(entry): await self._members_of(entry, run.header.at) for entry in listed}
        file = str((self.workspace.history_path / f"{run.header.run}.jsonl").relative_to(self.workspace.root))
        reversal = reverse(run.entries, file, schema, self.state, found, members)
        state = replace(self.state, bindings=reversal.bindings)
        made, job = await self._job(reversal.desired, schema, Wishes(recreate_missing=True), state)
        made.blocked |= {blocked.address: blocked for blocked in reversal.blocked}
        _refuse_adoption(made, reversal.desired)
        context = self._context(schema, token, (), whole=False)
        return replace(job, plan=plan(made, reversal.desired, state, context))

    def recorder(self, command: str, config_digest: str) -> Recorder:
        """Where a run of `command` on these files goes on record."""
        return Recorder(
            self.workspace.history_path,
            workspace=self.workspace.name,
            command=command,
            config_digest=config_digest,
            days=self.workspace.settings.history_days,
        )

    def keep(self, state: State) -> None:
        """Write the state down; then the journal has nothing more to tell."""
        statefile.write(self.workspace.state_path, state)
        if self.journal is not None:
            self.journal.end()

    async def _job(
        self, desired: Mapping[Address, Desired], schema: Schema, wishes: Wishes, state: State
    ) -> tuple[Draft, Job]:
        """Refresh and draft. The job still wants its plan."""
        timeout = self.workspace.settings.index_lag_timeout
        refresher = Refresher(self.client, desired, schema, state, lag_timeout=timeout, wishes=wishes)
        started = time.perf_counter()
        made = await refresher.run()
        self.timings.refresh += time.perf_counter() - started - refresher.seconds_drafting
        self.timings.diff += refresher.seconds_drafting
        empty = Plan(WorkspaceInfo(self.workspace.name, self.workspace.base_url), now(), "")
        return made, Job(empty, made, desired, schema, state, refresher.live, self.project.settings.enrichment)

    def _context(self, schema: Schema, token: Token, warnings: tuple[str, ...], *, whole: bool) -> Context:
        return Context(
            workspace=WorkspaceInfo(self.workspace.name, self.workspace.base_url, organisation_ids(schema)),
            created_at=now(),
            config_digest=digest(self.project.resources),
            warnings=warnings,
            enrichment=self.project.settings.enrichment,
            rate_share=self.workspace.settings.rate_share,
            scopes=None if token.full else frozenset(token.scopes),
            whole=whole,
        )

    async def _settle(self, declared: Container[Address]) -> list[str]:
        """Settle the creates that an earlier run left open, if this one may write; else name them (rule A4)."""
        if self.journal is None:
            return [f"{a}: an earlier run may have created it; the next apply finds out first" for a in self.open]
        if not self.open:
            return []
        recorder = self.recorder("recovery", digest(self.project.resources))
        ledger = Ledger(self.state.bindings, self.journal, recorder)
        try:
            notes = await settle(self.open.values(), declared, self.client, ledger)
        finally:
            recorder.close()
        self.state = replace(self.state, bindings=ledger.bindings)
        self.open = {}
        return notes

    def _refuse_foreign(self, schema: Schema) -> None:
        refuse_foreign(self.state.ids, schema, f"the state of `{self.workspace.name}`")

    @property
    def _state_file(self) -> str:
        return str(self.workspace.state_path.relative_to(self.workspace.root))

    def _orphan_kinds(self, wishes: Wishes) -> set[str]:
        return {a.kind for a in self.state.bindings.keys() - self.project.resources.keys()} if wishes.prune else set()

    async def _schema(self, resources: Iterable[Resource], token: Token, more: Iterable[str]) -> Schema:
        """The members, and the definitions of every kind that is declared or looked for by a match."""
        members = asyncio.create_task(self._members(token))
        found: dict[str, Definitions] = {}
        resources = tuple(resources)
        while kinds := (_kinds(resources, found) | set(more)) - found.keys():
            _refuse_unreadable({f"{KINDS[kind].scope}:read" for kind in kinds}, token)
            fetched = await asyncio.gather(*(self._definitions(kind) for kind in sorted(kinds)))
            found.update((definitions.kind, definitions) for definitions in fetched)
        if any(_names_members(resource, found[resource.address.kind]) for resource in resources):
            _refuse_unreadable({"members:read"}, token)
        return Schema(found, await members)

    async def _definitions(self, kind: str) -> Definitions:
        if not KINDS[kind].definitions:
            return builtin_definitions(kind)
        return parse_definitions(kind, dict(await self.client.definitions(KINDS[kind])))

    async def _members(self, token: Token) -> tuple[Member, ...]:
        return await self.client.members() if token.full or "members:read" in token.scopes else ()

    async def _members_of(self, entry: Entry, at: str) -> frozenset[str]:
        """Who is in a list that a run wrote `at` that time; asked again until the index has caught up (rule R2)."""
        assert entry.members is not None
        kind, added, removed = entry.members
        bound = self.state.bindings.get(address_of(entry))
        written = unix_time((bound.written_at if bound else None) or at) or 0.0
        while True:
            found = frozenset((await self.client.list_members(entry.id, KINDS[kind])).records)
            if not relinked(found, added, removed) or time.time() > written + self.workspace.settings.index_lag_timeout:
                return found
            await asyncio.sleep(_PAUSE)


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


def _refuse_adoption(made: Draft, desired: Mapping[Address, Desired]) -> None:
    """What an undo would make again is there: somebody made it, and it is theirs (rule L3)."""
    for address in made.resolution.adopted:
        made.changes.pop(address, None)
        made.bindings.pop(address, None)
        reason = f"left alone, for it changed since: {made.resolution.ids[address]} is in its place"
        made.blocked[address] = Blocked(address, reason, BY_HAND, desired[address].place)


def _names_members(resource: Resource, definitions: Definitions) -> bool:
    """Whether a ref of it can only be looked up among the members."""
    known = definitions.relationships
    return any(
        key in known and known[key].target == "member" and bool(links.include or links.exclude)
        for key, links in resource.relationships.items()
    )


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
async def _connected(
    project: Project, workspace: Workspace, on_exchange: Callable[[Exchange], None] | None
) -> AsyncIterator[Client]:
    async with AsyncExitStack() as stack:
        try:
            transport = await stack.enter_async_context(open_transport(workspace))
        except ConfigError as error:  # of the sandbox's seed: told together with the project's own problems
            raise ConfigError([*project.problems, *error.problems]) from None
        client = Client(client_settings(workspace, transport), on_exchange=on_exchange)
        yield await stack.enter_async_context(client)


@asynccontextmanager
async def open_session(
    root: Path,
    name: str | None,
    on_exchange: Callable[[Exchange], None] | None = None,
    *,
    writing: bool = False,
    connect: Callable[[Workspace], AbstractAsyncContextManager[Client]] | None = None,
) -> AsyncIterator[Session]:
    """Read the project and open its workspace; under the lock of its state where the run may write.

    `connect` gives another client than the workspace's own, for tests.
    """
    started = time.perf_counter()
    project = load_project(root)
    workspace = choose_workspace(project, name)
    statefile.ignore_local_files(workspace.root / LOCAL)
    with ExitStack() as stack:
        if writing:
            stack.enter_context(lock.held(workspace.lock_path, workspace.name))
        left = journals.read(workspace.journal_path)
        state = journals.recovered(statefile.read(workspace.state_path), left)
        timings = Timings(parse=time.perf_counter() - started)
        async with connect(workspace) if connect else _connected(project, workspace, on_exchange) as client:
            session = Session(project, workspace, client, state, left.open, timings=timings)
            if writing:
                session.journal = _begun_journal(workspace, state, left)
            try:
                yield session
            finally:
                if session.journal is not None:
                    session.journal.abandon()


def _begun_journal(workspace: Workspace, state: State, left: journals.Left) -> Journal:
    """A journal for this run; what earlier ones left goes to the state first."""
    if left.bound:
        statefile.write(workspace.state_path, state)
    journal = Journal(workspace.journal_path)
    journal.begin(state, left)
    return journal


def check_offline(root: Path) -> Project:
    """Everything that can be said without a workspace. ConfigError with all problems."""
    project = load_project(root)
    _, problems = prepare(project.resources, builtin_schema(), complete=False, mappings=project.mappings)
    if project.problems or problems:
        raise ConfigError([*project.problems, *problems])
    return project

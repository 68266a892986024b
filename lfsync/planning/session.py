"""An open workspace: what a run plans with, and where it writes down what it did. I/O."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from lfsync.api.client import Client, Token
from lfsync.errors import ApiError, ConfigError, Problem, UnkeptError
from lfsync.model import Address, Desired, Resource, Schema
from lfsync.planning.live_schema import may_read, read_answers, read_schema, refuse_unreadable
from lfsync.planning.plan import reading_scopes
from lfsync.planning.prepare import prepare
from lfsync.planning.redaction import unknown_keys
from lfsync.planning.saved_definitions import schema_of
from lfsync.project.load import Project
from lfsync.project.redact_rules import RedactRule
from lfsync.project.workspace import Workspace
from lfsync.state.history import Recorder
from lfsync.state.journal import Journal, Left
from lfsync.state.ledger import Intent, OpenUpload
from lfsync.state.state import State, is_foreign, organisation_ids, refuse_foreign
from lfsync.state.store import Store
from lfsync.times import iso
from lfsync.wording import did_you_mean

_FOREIGN_JOURNAL = (
    "A run was killed there. Check the API key and the base URL of the workspace; apply there, and what it did is kept."
)


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
    """An open workspace. `state` is as its file and the journal have it, with what earlier runs `left` there.

    `store` is where it lies, and `journal` is there, where the run may write: it begins once the organisation is known
    to be the right one.

    `clock` (steady, seconds) and `sleep` are for tests.
    """

    project: Project
    workspace: Workspace
    client: Client
    state: State
    left: Left = field(default_factory=Left)
    store: Store | None = None
    journal: Journal | None = None
    timings: Timings = field(default_factory=Timings)
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _token: Token | None = None

    @property
    def open(self) -> Mapping[Address, Intent]:
        """Creates of earlier runs whose outcome nobody knows (rule A4)."""
        return self.left.open

    @property
    def uploads(self) -> Mapping[str, OpenUpload]:
        """Upload sessions that earlier runs began, by id (rule F1)."""
        return self.left.uploads

    async def token(self) -> Token:
        """What the key may do. ConfigError where nobody tells, and the files have problems anyway."""
        if self._token is None:
            try:
                self._token = await self.client.validate()
            except ApiError:
                if self.project.problems:
                    raise ConfigError(self.project.problems) from None
                raise
        return self._token

    async def prepare(self, more: Collection[str] = ()) -> tuple[dict[Address, Desired], Schema]:
        """Type-check everything. ConfigError with every problem; RefusedError where the key may not read enough.

        `more`: kinds whose definitions are needed beside the declared ones.
        """
        started = time.perf_counter()
        token = await self.token()
        try:
            mappings = _readable(self.project.mappings, token)
            schema = await read_schema(self.client, token, [*self.project.resources.values(), *mappings], more)
        except ApiError:
            if self.project.problems:
                raise ConfigError(self.project.problems) from None
            raise
        desired, problems = prepare(self.project.resources, schema, mappings=mappings)
        problems += _unknown_redacted(self.project.settings.redact, schema)
        if self.project.problems or problems:
            raise ConfigError([*self.project.problems, *problems], workspace=self.workspace.name)
        refuse_unreadable(reading_scopes(desired.values()), token)
        await self.recognise(schema, token)
        self.timings.check += time.perf_counter() - started
        return desired, schema

    @property
    def moved(self) -> State:
        """The state as the project's `moved:` blocks make it (rule M1)."""
        return self.state.moving(self.project.former)

    async def recognise(self, schema: Schema, token: Token) -> None:
        """RefusedError where state or journal are another organisation's (rule S1); else the run may note down.

        `schema` may lack just the kinds that their ids are of: all that the key may read is looked at first.
        """
        if any(is_foreign(ids, schema) for ids in (self.state.ids, self.left.ids)):
            schema = schema_of(await read_answers(self.client, token))
        self.refuse_foreign(schema)
        if self.journal is not None and not self.journal.is_open:
            self._begin(self.journal, schema)

    def refuse_foreign(self, schema: Schema) -> None:
        """RefusedError where state or journal are another organisation's (rule S1)."""
        refuse_foreign(self.left.ids, schema, f"the journal of `{self.workspace.name}`", _FOREIGN_JOURNAL)
        refuse_foreign(self.state.ids, schema, f"the state of `{self.workspace.name}`")

    def _begin(self, journal: Journal, schema: Schema) -> None:
        """The journal of this run; what earlier ones left goes to the state first."""
        state = replace(self.state, ids=organisation_ids(schema, self.state.ids))
        if self.left.outcomes:
            assert self.store is not None
            self.store.write(state)
        journal.begin(state, self.left, self.now())

    @property
    def state_file(self) -> str:
        """Where the state is, for people."""
        return self.workspace.state_name

    def now(self) -> str:
        """The server's time, as the state writes it."""
        return iso(self.client.now())

    def recorder(self, command: str, config_digest: str) -> Recorder:
        """Where a run of `command` on these files goes on record."""
        return Recorder(
            self.workspace.history_path,
            workspace=self.workspace.name,
            command=command,
            config_digest=config_digest,
            days=self.workspace.settings.history_days,
        )

    def keep(self, state: State, schema: Schema) -> None:
        """Write the state down, as this organisation's (rule S1); then the journal has nothing more to tell.

        UnkeptError where it lies elsewhere and can't be written: the journal tells the next run, then.
        """
        assert self.store is not None
        state = replace(state, ids=organisation_ids(schema, state.ids))
        try:
            self.store.write(state.forgetting(self.client.now()))
        except UnkeptError:
            if self.journal is not None:
                self.journal.note(self.state, state)
            raise
        if self.journal is not None:
            self.journal.end()


def _unknown_redacted(rules: Iterable[RedactRule], schema: Schema) -> Iterator[Problem]:
    """Rules that would hide nothing, for their key is called otherwise here."""
    for rule, keys in unknown_keys(rules, schema.kinds):
        hint = did_you_mean(rule.key or "", keys) or f"known here: {', '.join(keys)}"
        yield Problem(f"`redact`: {rule.kind} has no `{rule.key}`", rule.place, hint=hint)


def _readable(mappings: Iterable[Resource], token: Token) -> list[Resource]:
    """Those whose kinds the key may read: where no resource needs a kind, no scope for it is missed either."""
    return [mapping for mapping in mappings if may_read(token, mapping.address.kind)]

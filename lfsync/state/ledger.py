"""What a run writes down as it goes: bindings in memory, the journal, the history. Pure: others keep them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, JsonValue
from pydantic import Field as Secret

from lfsync.model import JSON, Address
from lfsync.state.state import Binding, Released, State

Operation: TypeAlias = Literal["create", "update", "delete", "restore"]


@dataclass(slots=True)
class Written:
    """What one request wrote, with what was there before: enough to put it back.

    `fields`: (before, after) in the API's form. `links`: ids added and removed, by key.
    `members`: their kind, ids added and removed. `origin` and `generation`: of what was trashed.
    """

    address: Address
    action: Operation
    id: str
    fields: Mapping[str, tuple[JSON, JSON]] = field(default_factory=dict)
    links: Mapping[str, tuple[list[str], list[str]]] = field(default_factory=dict)
    members: tuple[str, list[str], list[str]] | None = None
    origin: Literal["created", "adopted"] | None = None
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Create:
    """A create that is about to be sent: its key, and enough to know its record again (rule A4).

    `match`: the canonical values of the match, by key; `body` is the request's own.
    """

    address: Address
    key: str
    generation: int
    match: Mapping[str, JSON]
    body: Mapping[str, JSON]


class Intent(BaseModel):
    """A create that was about to be sent; `at` by the server's clock."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
    address: str
    at: AwareDatetime
    key: str
    generation: int = 0
    match: dict[str, JsonValue]
    body: dict[str, JsonValue]


class OpenUpload(BaseModel):
    """An upload session that was begun and has not come to its end (rule F1). `url` is a secret."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
    address: str
    id: str
    url: str = Secret(repr=False)
    headers: dict[str, str]
    expires: str | None
    sha256: str
    body: dict[str, JsonValue]


class JournalLike(Protocol):
    """Where intents and outcomes go, before and after each write (`journal.Journal`)."""

    def intend(self, create: Create, at: str) -> None: ...
    def bound(self, binding: Binding) -> None: ...
    def released(self, gone: Released) -> None: ...
    def dropped(self, address: Address) -> None: ...

    def uploading(self, upload: OpenUpload) -> None: ...

    def ended(self, id: str) -> None: ...


class HistoryLike(Protocol):
    """Where a run's record goes (`history.Recorder`)."""

    def wrote(self, written: Written) -> None: ...


class NoJournal:
    """Remembers nothing: for an apply whose end nobody has to recover."""

    def intend(self, create: Create, at: str) -> None:
        """Nothing to do."""

    def bound(self, binding: Binding) -> None:
        """Nothing to do."""

    def released(self, gone: Released) -> None:
        """Nothing to do."""

    def dropped(self, address: Address) -> None:
        """Nothing to do."""

    def uploading(self, upload: OpenUpload) -> None:
        """Nothing to do."""

    def ended(self, id: str) -> None:
        """Nothing to do."""


class NoHistory:
    """Keeps nothing."""

    def wrote(self, written: Written) -> None:
        """Nothing to do."""


class Ledger:
    """The state as of now. Every change of it is journaled, and what was written goes on record, before anything else.

    `server_time` tells what time the server has, as the state writes it.
    """

    def __init__(
        self, state: State, journal: JournalLike, history: HistoryLike, server_time: Callable[[], str]
    ) -> None:
        self._bindings = dict(state.bindings)
        self._released = dict(state.released)
        self._journal = journal
        self._history = history
        self.server_time = server_time

    @property
    def bindings(self) -> Mapping[Address, Binding]:
        """Every address that has a record as of now."""
        return self._bindings

    @property
    def released(self) -> Mapping[Address, Released]:
        """Every address that was let go of within the last day."""
        return self._released

    def intend(self, create: Create) -> None:
        """A create is about to be sent."""
        self._journal.intend(create, self.server_time())

    def answered(self, written: Written) -> None:
        """A write was answered: it goes on record at once, whatever becomes of this run (rule A8)."""
        self._history.wrote(written)

    def bind(self, binding: Binding) -> None:
        """An address has this record, and these hashes."""
        self._bindings[binding.address] = binding
        self._released.pop(binding.address, None)
        self._journal.bound(binding)

    def release(self, address: Address, trashed: str | None = None) -> None:
        """An address has no record any more. `trashed`: the id of what was, also where nothing was bound to it."""
        binding = self._bindings.pop(address, None)
        id = trashed or (binding.id if binding else None)
        if id is None:
            return
        before = binding or self._released.get(address)
        gone = Released(address, before.generation if before else 0, id, self.server_time())
        self._released[address] = gone
        self._journal.released(gone)

    def drop(self, address: Address) -> None:
        """A create made nothing, or its key is never to be sent again."""
        self._journal.dropped(address)

    def begin_upload(self, upload: OpenUpload) -> None:
        """An upload session was begun."""
        self._journal.uploading(upload)

    def end_upload(self, id: str) -> None:
        """An upload session has ended without a file, or somebody else will see to it."""
        self._journal.ended(id)

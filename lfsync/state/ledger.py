"""What a run knows and writes down as it goes: bindings in memory, the journal, the history. Pure: others keep them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from lfsync.model import JSON, Address
from lfsync.state.state import Binding

Operation: TypeAlias = Literal["create", "update", "delete", "restore"]


@dataclass(slots=True)
class Written:
    """What one change wrote, with what was there before: enough to put it back.

    `fields`: (before, after) in the API's form. `links`: ids added and removed, by key.
    `members`: their kind, ids added and removed. `origin` and `generation`: of what was trashed.
    """

    address: Address
    action: Operation
    id: str = ""
    fields: dict[str, tuple[JSON, JSON]] = field(default_factory=dict)
    links: dict[str, tuple[list[str], list[str]]] = field(default_factory=dict)
    members: tuple[str, list[str], list[str]] | None = None
    origin: Literal["created", "adopted"] | None = None
    generation: int = 0


class JournalLike(Protocol):
    """Where intents and outcomes go, before and after each write (`journal.Journal`)."""

    def intend(
        self,
        address: Address,
        action: Operation,
        *,
        key: str | None = None,
        generation: int = 0,
        body: Mapping[str, JSON] | None = None,
    ) -> None: ...
    def bound(self, binding: Binding) -> None: ...
    def released(self, binding: Binding) -> None: ...
    def dropped(self, address: Address) -> None: ...


class HistoryLike(Protocol):
    """Where a run's record goes (`history.Recorder`)."""

    def wrote(self, written: Written) -> None: ...


class NoJournal:
    """Remembers nothing: for an apply whose end nobody has to recover."""

    def intend(
        self,
        address: Address,
        action: Operation,
        *,
        key: str | None = None,
        generation: int = 0,
        body: Mapping[str, JSON] | None = None,
    ) -> None:
        """Nothing to do."""

    def bound(self, binding: Binding) -> None:
        """Nothing to do."""

    def released(self, binding: Binding) -> None:
        """Nothing to do."""

    def dropped(self, address: Address) -> None:
        """Nothing to do."""


class NoHistory:
    """Keeps nothing."""

    def wrote(self, written: Written) -> None:
        """Nothing to do."""


class Ledger:
    """The bindings as of now. Every change of them is journaled before anything else happens."""

    def __init__(self, bindings: Mapping[Address, Binding], journal: JournalLike, history: HistoryLike) -> None:
        self.bindings = dict(bindings)
        self.journal = journal
        self.history = history

    def bind(self, binding: Binding) -> None:
        """An address has this record, and these hashes."""
        self.bindings[binding.address] = binding
        self.journal.bound(binding)

    def release(self, address: Address) -> None:
        """An address has no record any more."""
        binding = self.bindings.pop(address, None)
        if binding is not None:
            self.journal.released(binding)

    def drop(self, address: Address) -> None:
        """A create was refused: nothing was made."""
        self.journal.dropped(address)

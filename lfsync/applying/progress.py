"""What an apply is given, and how far one of its changes has come. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lfsync.knowledge.knowledge import Live
from lfsync.model import Address, Desired, Place, Plan, Record, Schema, Status
from lfsync.planning.diff import Key
from lfsync.planning.draft import Draft
from lfsync.state.ledger import Written
from lfsync.state.state import Binding, State


@dataclass(frozen=True, slots=True)
class Job:
    """All that an apply needs: the plan, and the draft that it was made of."""

    plan: Plan
    draft: Draft
    desired: Mapping[Address, Desired]
    schema: Schema
    state: State
    live: Live
    enrichment: str = "auto"


@dataclass(slots=True)
class Progress:
    """One change on its way: the record as last seen, what was sent, what is linked once it exists."""

    written: Written
    record: Record | None = None
    keys: set[Key] = field(default_factory=set)
    late: list[Address] = field(default_factory=list)
    created: bool = False


class GiveUpError(Exception):
    """This change ends here."""

    def __init__(self, status: Status, reason: str, hint: str | None = None, source: Place | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.hint = hint
        self.source = source


def place_of(wish: Desired, section: str, key: str) -> Place:
    """Where a key of a resource is declared; the resource's own place where it is not."""
    found = {"fields": wish.fields.get(key), "links": wish.links.get(key), "members": wish.members}[section]
    return found.place if found is not None else wish.place


def bindings_of(job: Job) -> dict[Address, Binding]:
    """The state's bindings, with what the draft saw of those that are bound already (rule S3)."""
    bindings = dict(job.state.bindings)
    for address, binding in job.draft.bindings.items():
        if address in bindings and bindings[address].id == binding.id:
            bindings[address] = binding
    return bindings

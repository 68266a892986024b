"""A plan, and all that an apply of it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lfsync.knowledge.knowledge import Knowledge
from lfsync.knowledge.reader import Reader
from lfsync.model import Address, Desired, Plan, Schema
from lfsync.planning.draft import Draft
from lfsync.planning.recovery import Recovery
from lfsync.planning.uploads import Leftovers
from lfsync.state.state import State


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and the draft that it was made of.

    `state`: what the plan rests on, recovered creates included. `missing`: what is blocked and has no record, so that
    nothing of its kind may be deleted (rule A9).
    """

    plan: Plan
    draft: Draft
    desired: Mapping[Address, Desired]
    schema: Schema
    state: State
    reader: Reader
    enrichment: str = "auto"
    recovery: Recovery = field(default_factory=Recovery)
    missing: frozenset[Address] = frozenset()

    @property
    def leftovers(self) -> Leftovers:
        """Uploads that killed runs left open."""
        return self.draft.leftovers

    @property
    def knowledge(self) -> Knowledge:
        """What planning came to know."""
        return self.reader.knowledge

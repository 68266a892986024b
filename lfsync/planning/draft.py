"""What one round of planning has decided, and what the command line asks of it. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field

from lfsync.kinds import rank
from lfsync.model import (
    Address,
    Blocked,
    Cause,
    Change,
    Desired,
    Kept,
    MembersChange,
    PlanWarning,
    Query,
    Quoted,
    Target,
)
from lfsync.planning.resolution import Resolution
from lfsync.planning.rule_lists import without
from lfsync.planning.uploads import Leftovers
from lfsync.state.state import Binding, State

REDACTED = "this key sees the metadata of {id} only, so that what is hidden can't be compared"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line asks for beyond the files.

    `only`: prune no orphan but these. `state_file`: where orphans are declared still, for people. `left_out`: what this
    run writes nothing of. `members`: who comes and goes by a saved plan, of its lists by rule (rule K1).
    """

    prune: bool = False
    recreate_missing: bool = False
    drift_only: bool = False
    keep_drift: bool = False
    only: frozenset[Address] | None = None
    state_file: str = "state"
    left_out: frozenset[Address] = frozenset()
    members: Mapping[Address, MembersChange | None] = field(default_factory=dict)

    def prunable(self, state: State, desired: Mapping[Address, Desired]) -> list[Address]:
        """The orphans that may go, in order: bound before, declared no more (rule L2)."""
        if not self.prune or self.drift_only:
            return []
        return sorted((a for a in state.orphans(desired) if self.only is None or a in self.only), key=rank)


@dataclass(slots=True)
class Draft:
    """One round of planning.

    `bindings`: what the state holds of every resource that has a record (rule S3). `released`: addresses that are to
    have none, and whose record is gone already. `members`: how many a list has that is declared. `leftovers`: uploads
    that killed runs left open. `kept`: what people changed in Lightfield, and is to stay (rule P5). `rests`: of lists
    by rule, on whose changes it rests who is in, by the member as a plan names it (rule K1). `unplanned`: what differs
    as the files ask, which --drift-only leaves out.
    """

    desired: dict[Address, Desired]
    resolution: Resolution
    changes: dict[Address, Change] = field(default_factory=dict)
    blocked: dict[Address, Blocked] = field(default_factory=dict)
    bindings: dict[Address, Binding] = field(default_factory=dict)
    released: list[Address] = field(default_factory=list)
    members: dict[Address, int] = field(default_factory=dict)
    warnings: list[PlanWarning] = field(default_factory=list)
    leftovers: Leftovers = field(default_factory=Leftovers)
    kept: dict[Address, tuple[Kept, ...]] = field(default_factory=dict)
    rests: dict[Address, Mapping[str, frozenset[Address]]] = field(default_factory=dict)
    unplanned: set[Address] = field(default_factory=set)

    def warn(self, message: str, quoted: tuple[Quoted, ...] = ()) -> None:
        """Add a warning; `quoted` as in `PlanWarning`."""
        self.warnings.append(PlanWarning(message, quoted))

    def can_do_without(self, address: Address, needed: Address) -> bool:
        """Take one that can't be made out of a list by rule, if it is in by the rule alone, and not by its name."""
        change, wish = self.changes[address], self.desired[address]
        rule = wish.members.rule if wish.members is not None else None
        if rule is None or change.members is None or any(target.address == needed for target in rule.include):
            return False
        left, self.desired[address] = without(change, wish, {str(needed)}, self.resolution)
        if left.fields or left.members or left.action != "update":
            self.changes[address] = left
        else:
            del self.changes[address]
        return True

    def restrict(self, kept: Container[Address]) -> None:
        """Forget what was drafted of any other address: it was looked at only to be told from these."""
        self.changes = {address: change for address, change in self.changes.items() if address in kept}
        self.blocked = {address: blocked for address, blocked in self.blocked.items() if address in kept}
        self.bindings = {address: binding for address, binding in self.bindings.items() if address in kept}
        self.released = [address for address in self.released if address in kept]
        self.kept = {address: values for address, values in self.kept.items() if address in kept}

    def binding_for(self, state: State, address: Address, id: str) -> Binding | None:
        """The binding whose hashes speak about this record: also one that moves here from a former key (rule I4)."""
        known = (state.bindings.get(each) for each in (address, self.resolution.moved.get(address, address)))
        return next((binding for binding in known if binding is not None and binding.id == id), None)


def overall(causes: frozenset[Cause]) -> Cause | None:
    if not causes:
        return None
    return next(iter(causes)) if len(causes) == 1 else "conflict"


# ---------------------------------------------------------------- refs


def pending(targets: Iterable[Target]) -> list[Address]:
    """The addresses among refs: what may still have to be made."""
    return [target.address for target in targets if target.address is not None]


def references(change: Change) -> list[Address]:
    """The resources of this project that a change links to."""
    added = [text for link in change.relationships for text in link.add]
    if change.members is not None:
        added += change.members.add
    return [Address.parse(text) for text in added if "." in text]


def query_targets(query: Query | None) -> list[Address]:
    """The addresses that a match refers to."""
    return [a for term in query.terms for a in pending(term.targets)] if query else []

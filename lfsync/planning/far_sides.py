"""Links of two resources that can't both hold, should they be one link seen from two sides (rule C9). Pure.

Of the documented relationships it is known which are the two sides of one; of others the definitions tell where both
kinds show one id. Where they show none, nobody can tell before a write: two relationships between the same kinds may
be one, and a target may be one record's alone. What is declared of two resources that could contradict each other is
found here; whether it does, the records show after a write (`applying/look_back.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from lfsync.kinds import is_kind, kind_of
from lfsync.model import Address, Desired, DesiredLinks, Place, RelDef, Schema, Target

TWO_SIDES = "Declare the link on one side, or alike on both; of links onto what one alone may link, keep one."


@dataclass(frozen=True, slots=True, order=True)
class Side:
    """One relationship of one resource."""

    address: Address
    key: str


def other_sides(schema: Schema, kind: str, rel: RelDef) -> Iterator[RelDef]:
    """This relationship as the definitions of the kind that it points at show it: under the same id.

    One of a kind with itself is there once: its directions tell (API sheet, section 2.4).
    """
    theirs = schema.kinds.get(rel.target) if rel.id and rel.target != kind else None
    for back in theirs.relationships.values() if theirs else ():
        if back.id == rel.id and back.target == kind:
            yield back


def inverses(schema: Schema, kind: str) -> dict[str, str]:
    """Relationships of a kind that another kind's definitions show as well, with that one's key (rule C9)."""
    found = dict(kind_of(kind).inverse)
    ours = schema.kinds.get(kind)
    for key, rel in ours.relationships.items() if ours else ():
        for back in other_sides(schema, kind, rel):
            found.setdefault(key, back.key)
    return found


class FarSides:
    """What everything declared says of the links that no definition tells of.

    `meant`: the id that a target is, or the address of what is still to be made; None where that is not known.
    """

    def __init__(
        self,
        desired: Mapping[Address, Desired],
        ids: Mapping[Address, str],
        meant: Callable[[Target], str | Address | None],
    ) -> None:
        self._desired = desired
        self._ids = ids
        self._meant = meant
        self._owners = {id: address for address, id in ids.items()}
        self._holders: dict[tuple[str, str | Address], list[Side]] = defaultdict(list)
        for wish in desired.values():
            for key in wish.links:
                if self._link(wish.address, key) is not None:
                    for target in self._targets(wish.links[key].include):
                        self._holders[wish.address.kind, target].append(Side(wish.address, key))

    def place(self, side: Side) -> Place:
        """Where it is declared."""
        return self._desired[side.address].links[side.key].place

    def against(self, side: Side) -> Iterator[Side]:
        """Relationships of its targets, and of what names it, that say otherwise."""
        link = self._link(side.address, side.key)
        if link is None:
            return
        here = self._ids.get(side.address, side.address)
        for target in self._targets(link.include):
            far = self._owners.get(target) if isinstance(target, str) else target
            for key in self._desired[far].links if far else ():
                theirs = self._link(far, key) if far else None
                if far and theirs and theirs.definition.target == side.address.kind and self._leaves_out(theirs, here):
                    yield Side(far, key)
        for other in self._holders.get((link.definition.target, here), ()):
            if self._leaves_out(link, self._ids.get(other.address, other.address)):
                yield other

    def beside(self, side: Side) -> Iterator[Side]:
        """The same relationship of others that link a target of its own: it may be one record's alone."""
        link = self._link(side.address, side.key)
        for target in self._targets(link.include) if link else ():
            for each in self._holders[side.address.kind, target]:
                if each.key == side.key and each != side:
                    yield each

    def _link(self, address: Address, key: str) -> DesiredLinks | None:
        """What is declared of a relationship that is to stay so, and of whose other side no definition tells."""
        wish = self._desired[address]
        link = wish.links.get(key)
        if link is None or not wish.manages(key) or key in kind_of(address.kind).relationships:
            return None
        target = link.definition.target
        return link if is_kind(target) and target != address.kind else None

    def _targets(self, targets: tuple[Target, ...]) -> list[str | Address]:
        return [meant for target in targets if (meant := self._meant(target)) is not None]

    def _leaves_out(self, link: DesiredLinks, here: str | Address) -> bool:
        included = [self._meant(target) for target in link.include]
        excluded = here in self._targets(link.exclude)
        return excluded or (link.exact and here not in included and None not in included)

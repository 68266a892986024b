"""Links onto what one record alone may link (rule C9). Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from lfsync.model import Address, Desired, Target


class Taker(NamedTuple):
    """A resource, and its ref to what it wants to link."""

    address: Address
    target: Target


def takers(
    desired: Iterable[Desired], meant: Callable[[Target], str | Address | None]
) -> Iterator[tuple[str, list[Taker]]]:
    """By relationship: all who link the same. `meant` tells what a ref means; None where that is not known."""
    found: dict[tuple[str, str, str | Address], list[Taker]] = defaultdict(list)
    for wish in desired:
        for key, link in wish.links.items():
            for target in link.include if link.definition.exclusive and wish.manages(key) else ():
                if (what := meant(target)) is not None:
                    found[wish.address.kind, key, what].append(Taker(wish.address, target))
    for (_, key, _), taking in found.items():
        yield key, taking

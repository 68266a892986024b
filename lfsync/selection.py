"""`--only`: the named resources and all they depend on (rule P3). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lfsync.draft import pending, query_targets
from lfsync.errors import UsageError
from lfsync.model import Address, Desired
from lfsync.suggest import nearest


def select(desired: Mapping[Address, Desired], only: Iterable[str]) -> dict[Address, Desired]:
    """The named resources and all they depend on (rule P3). UsageError for an address that is not declared."""
    waiting = [_declared_address(desired, text) for text in only]
    chosen: set[Address] = set()
    while waiting:
        address = waiting.pop()
        if address not in chosen:
            chosen.add(address)
            waiting += _dependencies(desired[address])
    return {address: wish for address, wish in desired.items() if address in chosen}


def _declared_address(desired: Mapping[Address, Desired], text: str) -> Address:
    try:
        address = Address.parse(text)
    except ValueError:
        raise UsageError(f"--only {text}: not an address", hint="An address is `kind.key`: `account.acme`.") from None
    if address not in desired:
        near = nearest(text, [str(a) for a in desired])
        raise UsageError(f"--only {text}: nothing of that address is declared", hint=near and f"Did you mean {near}?")
    return address


def _dependencies(wish: Desired) -> list[Address]:
    links = [*wish.links.values(), *([wish.members] if wish.members else [])]
    found = [address for link in links for address in pending((*link.include, *link.exclude))]
    return found + query_targets(wish.query)

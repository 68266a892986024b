"""`--only`: the named resources and all they depend on (rule P3). Pure."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

from lfsync.errors import UsageError
from lfsync.model import Address, Change, Desired
from lfsync.planning.draft import pending, query_targets
from lfsync.wording import nearest, nfc


def select(
    desired: Mapping[Address, Desired], orphans: Container[Address], only: Iterable[str]
) -> tuple[dict[Address, Desired], frozenset[Address]]:
    """The named resources with all they depend on, and the named orphans. UsageError for an address that is neither."""
    waiting: list[Address] = []
    named: set[Address] = set()
    for text in only:
        address = _address(text)
        if address in orphans:
            named.add(address)
        elif address in desired:
            waiting.append(address)
        else:
            near = nearest(text, [str(a) for a in desired])
            hint = f"Did you mean {near}?" if near else None
            raise UsageError(f"--only {text}: nothing of that address is declared", hint=hint)
    return _with_dependencies(desired, waiting), frozenset(named)


def witnesses(
    desired: Mapping[Address, Desired], bound: Container[Address], orphans: Iterable[Address]
) -> dict[Address, Desired]:
    """What must be resolved before these orphans may go: all that might turn out to be one of them (rule I4)."""
    kinds = {orphan.kind for orphan in orphans}
    unbound = [a for a, wish in desired.items() if a.kind in kinds and (wish.id is not None or a not in bound)]
    return _with_dependencies(desired, unbound)


def mentioned(changes: Iterable[Change]) -> set[Address]:
    """The resources that the links and members of a plan name: who applies it has to know their ids."""
    links = (link for change in changes for link in (*change.relationships, change.members) if link is not None)
    return {Address.parse(text) for link in links for text in (*link.add, *link.remove) if "." in text}


def _with_dependencies(desired: Mapping[Address, Desired], named: Iterable[Address]) -> dict[Address, Desired]:
    waiting = list(named)
    chosen: set[Address] = set()
    while waiting:
        address = waiting.pop()
        if address not in chosen:
            chosen.add(address)
            waiting += _dependencies(desired[address])
    return {address: wish for address, wish in desired.items() if address in chosen}


def _address(text: str) -> Address:
    try:
        return Address.parse(nfc(text))  # as keys are (rule C18), whatever the terminal makes of it
    except ValueError:
        raise UsageError(f"--only {text}: not an address", hint="An address is `kind.key`: `account.acme`.") from None


def _dependencies(wish: Desired) -> list[Address]:
    links = [*wish.links.values(), *([wish.members] if wish.members else [])]
    found = [address for link in links for address in pending((*link.include, *link.exclude))]
    return found + query_targets(wish.query)

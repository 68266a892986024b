"""Unique values that change owners within one plan (rule A7). Pure.

A field that is unique in the workspace takes a value only after its old owner has let go of it. So the change that
takes a value waits for the one that frees it; where they wait for each other in a circle, one of them is cleared first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from lfsync.model import Address, Change, Desired, FieldChange
from lfsync.values.table import VALUE_TYPES
from lfsync.values.valuetype import match_keys


def handovers(changes: Iterable[Change], desired: Mapping[Address, Desired]) -> dict[Address, dict[Address, set[str]]]:
    """By the address that takes a value: the addresses that free it, and the keys of the fields."""
    owners: dict[tuple[str, str, str], Address] = {}
    takers: list[tuple[Address, str, frozenset[str]]] = []
    for change in changes:
        for field in _unique(change, desired):
            definition = desired[change.address].fields[field.key].definition
            canonical = VALUE_TYPES[definition.type].canonical
            before = match_keys(canonical(field.before_raw, definition))
            after = match_keys(canonical(field.after_raw, definition))
            owners.update(((change.address.kind, field.key, value), change.address) for value in before - after)
            takers.append((change.address, field.key, after - before))
    found: dict[Address, dict[Address, set[str]]] = defaultdict(lambda: defaultdict(set))
    for taker, key, values in takers:
        for value in values:
            owner = owners.get((taker.kind, key, value))
            if owner is not None and owner != taker:
                found[taker][owner].add(key)
    return found


def cleared_first(changes: Iterable[Change], desired: Mapping[Address, Desired]) -> dict[Address, set[str]]:
    """Who is cleared before anything else, and which fields: owners that a taker can't wait for."""
    changes = tuple(changes)
    waits = {change.address: set(change.depends_on) for change in changes}
    found: dict[Address, set[str]] = defaultdict(set)
    for taker, owners in handovers(changes, desired).items():
        for owner, keys in owners.items():
            if owner not in waits[taker]:
                found[owner] |= keys
    return found


def _unique(change: Change, desired: Mapping[Address, Desired]) -> Iterable[FieldChange]:
    wish = desired.get(change.address)
    if wish is None or change.action not in ("create", "update"):
        return ()
    return (field for field in change.fields if wish.fields[field.key].definition.unique)

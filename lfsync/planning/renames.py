"""Asks whether what a plan creates is what is declared no more, under another name. Pure.

A resource whose key and match both changed can't be told from a new one: its record becomes an orphan, and another one
is created. Where all else that is declared is the same, as far as the state's hashes tell, the plan asks (issue 8).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TypeAlias

from lfsync.model import Address, Change, Plan
from lfsync.planning.diff import Comparer, Key, binding_hashes
from lfsync.project.moves import MOVED

_Rest: TypeAlias = tuple[str, frozenset[str], frozenset[tuple[Key, str]]]


def with_renames(made: Plan, comparer: Comparer) -> Plan:
    """The plan, each create that may be a renamed orphan with a question. `made` is of everything declared."""
    creates = [change for change in made.changes if change.action == "create"]
    going = {change.address for change in made.changes if change.action == "delete"} - comparer.desired.keys()
    orphans = sorted({*going, *(orphan.address for orphan in made.orphans)})
    there = [a for a in orphans if not comparer.knowledge.is_missing(a.kind, comparer.state.bindings[a].id)]
    asked = _pairs(creates, there, comparer)
    changes = tuple(
        replace(change, warnings=(*change.warnings, _question(asked[change.address], change.address)))
        if change.action == "create" and change.address in asked
        else change
        for change in made.changes
    )
    return replace(made, changes=changes)


def _pairs(creates: list[Change], orphans: list[Address], comparer: Comparer) -> Mapping[Address, Address]:
    """By what is created, the one orphan that it may be, of which it is the only one."""
    new: dict[_Rest, list[Address]] = defaultdict(list)
    kinds = {address.kind for address in orphans}
    for change in creates:
        if change.address.kind in kinds and (rest := _declared_rest(change.address, comparer)):
            new[rest].append(change.address)
    old: dict[_Rest, list[Address]] = defaultdict(list)
    matches = {(kind, keys) for kind, keys, _ in new}
    for address in orphans:
        for rest in _kept_rests(address, matches, comparer):
            old[rest].append(address)
    return {created[0]: old[rest][0] for rest, created in new.items() if len(created) == len(old[rest]) == 1}


def _declared_rest(address: Address, comparer: Comparer) -> _Rest | None:
    """What is declared beside the match, by its hashes; None for nothing, or nothing that can be told yet."""
    wish = comparer.desired[address]
    match = frozenset(term.key for term in wish.query.terms) if wish.query else frozenset[str]()
    hash = comparer.state.hash
    rest = {(key, hash(value)) for key, value in comparer.declared(wish).items() if key[1] not in match}
    return (address.kind, match, frozenset(rest)) if rest else None


def _kept_rests(address: Address, matches: set[tuple[str, frozenset[str]]], comparer: Comparer) -> Iterator[_Rest]:
    """The same of what the state remembers, for each match that something new of its kind has."""
    known = {(key, hashes.declared) for key, hashes in binding_hashes(comparer.state.bindings[address]).items()}
    for kind, match in matches:
        if kind == address.kind:
            yield kind, match, frozenset(each for each in known if each[0][1] not in match)


def _question(before: Address, after: Address) -> str:
    what = f"renamed? {before} is declared no more, and all but the match of both is the same"
    return f"{what}; if so: `{MOVED}: [{{from: {before}, to: {after}}}]`"

"""The part of a saved plan that `show --only` and `--exclude` name (rule P3). Pure."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import replace

from lfsync.model import Address, Change, Plan
from lfsync.planning.selection import Known, Patterns


def part_of(plan: Plan, patterns: Patterns) -> Plan:
    """The plan with nothing but what the patterns name and what that depends on.

    What is not listed counts as left out; why apply would refuse the plan holds for the whole, and stays.
    UsageError for a pattern that nothing in the plan matches.
    """
    if not patterns:
        return plan
    chosen = _chosen(plan, patterns)
    return replace(
        plan,
        changes=tuple(change for change in plan.changes if change.address in chosen),
        blocked=tuple(each for each in plan.blocked if each.address in chosen),
        orphans=tuple(each for each in plan.orphans if each.address in chosen),
        kept=tuple(each for each in plan.kept if each.address in chosen),
        unchanged=0,
        left_out=plan.left_out + plan.unchanged + len(_addresses(plan) - chosen),
    )


def _addresses(plan: Plan) -> set[Address]:
    return {each.address for part in (plan.changes, plan.blocked, plan.kept) for each in part}


def _chosen(plan: Plan, patterns: Patterns) -> set[Address]:
    changes = {change.address: change for change in plan.changes}
    placed = {address: change.source.file for address, change in changes.items()}
    placed |= {each.address: each.source.file for each in plan.blocked}
    placed |= {each.address: each.source.file for each in plan.kept}
    orphans = {orphan.address for orphan in plan.orphans}
    known = Known({a: file for a, file in placed.items() if a not in orphans}, orphans, "nothing in the plan")
    excluded = {address for text in patterns.exclude for address in known.matched(text, "--exclude")}
    if not patterns.only:
        return (placed.keys() | orphans) - excluded
    named = {address for text in patterns.only for address in known.matched(text, "--only")}
    return _with_needed(changes, named, excluded)


def _with_needed(
    changes: Mapping[Address, Change], named: Iterable[Address], without: Container[Address]
) -> set[Address]:
    """The named ones, and all that they wait for, as far as a way leads there around `without`."""
    waiting, chosen = list(named), set[Address]()
    while waiting:
        address = waiting.pop()
        if address not in chosen and address not in without:
            chosen.add(address)
            waiting += changes[address].depends_on if address in changes else ()
    return chosen

"""What has to be read in any case, before anything can be drafted. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from lfsync.kinds import is_kind, kind_of
from lfsync.knowledge.knowledge import Need
from lfsync.model import Address, Desired, Query, Rule, Target, Term
from lfsync.planning.uploads import is_searched_for
from lfsync.state.state import State


def needs_of(desired: Mapping[Address, Desired], state: State, *, rematch: bool) -> dict[str, Need]:
    """By kind: the records of what is declared, and what its matches and refs name.

    `rematch`: bound ones are looked for by their match too, for their records may be gone.
    """
    needs: dict[str, Need] = defaultdict(Need)
    for wish in desired.values():
        binding = state.bindings.get(wish.address)
        id = wish.id or (binding.id if binding else None)
        if id:
            needs[wish.address.kind].ids.add(id)
        if is_searched_for(wish, binding, state) or (rematch and wish.upload):
            needs[wish.address.kind].is_listed = True
        if wish.query and (rematch or not id):
            _need_query(needs, wish.query)
        if wish.members is not None and wish.members.rule is not None and not wish.absent:
            _need_all(needs, wish.members.definition.target, wish.members.rule)
        for link in wish.all_links:
            for target in (*link.include, *link.exclude):
                _need_target(needs, link.definition.target, target)
    return needs


def _need_all(needs: dict[str, Need], kind: str, rule: Rule) -> None:
    """Who is in a list by rule only a complete search tells; so it is whether what a record links is still there."""
    if rule.conditions:
        needs[kind].is_listed = True
    for condition in rule.conditions:
        far = condition.links.definition.target if condition.links is not None else ""
        if condition.key in kind_of(kind).inverse:
            needs[far].is_listed |= condition.empty  # what we wrote there lately is read by id: it may show more
        elif condition.empty and is_kind(far):
            needs[far].is_listed = True


def _need_query(needs: dict[str, Need], query: Query) -> None:
    need = needs[query.kind]
    if query.kind not in kind_of("account").mirrors or not any(map(_is_account, query.terms)):
        need.is_listed = True  # an account's mirror would show it, and is wanted once the account has an id
    for term in query.terms:
        for target in term.targets:
            assert term.rel is not None
            _need_target(needs, term.rel.target, target)


def _need_target(needs: dict[str, Need], kind: str, target: Target) -> None:
    if target.query is not None:
        _need_query(needs, target.query)
    elif target.id is not None and is_kind(kind):
        needs[kind].ids.add(target.id)


def _is_account(term: Term) -> bool:
    return term.rel is not None and term.rel.target == "account" and not term.empty

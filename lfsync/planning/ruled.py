"""Lists by rule, once all else of a draft is decided (rule K1). Pure."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import replace

from lfsync.knowledge.knowledge import Knowledge
from lfsync.model import Address, Blocked, Desired
from lfsync.planning.diff import Comparer
from lfsync.planning.draft import Draft, Wishes
from lfsync.planning.identity import StuckError
from lfsync.planning.rule_lists import Answer, Answers, Drafted


def answered(
    made: Draft, comparer: Comparer, ruled: Iterable[Desired], wishes: Wishes
) -> Iterator[tuple[Desired, frozenset[str]]]:
    """Each list that can be drafted, with its members, and the ids that were judged by a row alone."""
    kept = {(address, each.key) for address, values in made.kept.items() for each in values}
    quiet = {*made.blocked, *wishes.left_out}
    drafted = Drafted(made.desired, dict(made.changes), quiet, kept, wishes.drift_only)
    answers = Answers(drafted, comparer.schema, made.resolution, comparer.knowledge)
    for wish in ruled:
        if wish.address in made.blocked:
            continue
        try:
            answer = _answer(made, answers, wish, wishes, comparer.knowledge)
        except StuckError as stuck:
            made.blocked[wish.address] = Blocked(wish.address, stuck.reason, stuck.hint, wish.place, stuck.quoted)
            continue
        if answer is None:
            continue
        made.desired[wish.address] = replace(wish, members=answer.members)
        made.rests[wish.address] = {comparer.written(answer.members, name): by for name, by in answer.rests.items()}
        for id, why in answer.unread.items():
            made.warn(f"{wish.address}: whether {id} is in can't be told, and it stays as it is: {why}")
        yield made.desired[wish.address], answer.rows


def _answer(made: Draft, answers: Answers, wish: Desired, wishes: Wishes, knowledge: Knowledge) -> Answer | None:
    """Who is in a list by rule; None where something must be read first."""
    assert wish.members is not None
    assert wish.members.rule is not None
    if wish.address not in wishes.members:
        return answers.answer(wish.members, wish.members.rule)
    id, planned = made.resolution.ids.get(wish.address), wishes.members[wish.address]
    if planned is None:
        return Answer(replace(wish.members, rule=replace(wish.members.rule, silent=True)))
    members = knowledge.members(id, wish.members.definition.target) if id else frozenset[str]()
    return None if members is None else answers.saved(wish.members, planned, members, made.blocked)


def doubt_rows(made: Draft, comparer: Comparer, wish: Desired, rows: Container[str]) -> None:
    """Whom a row alone lets in or out is read by id first (rule R1)."""
    change, kept = made.changes.get(wish.address), made.kept.get(wish.address, ())
    moving = [change.members] if change is not None else []
    for each in (*moving, *kept):
        for text in (*each.add, *each.remove) if each is not None else ():
            id = comparer.resolution.ids.get(Address.parse(text), text) if "." in text else text
            if id in rows and wish.members is not None:
                comparer.knowledge.wanted.records.add((wish.members.definition.target, id))

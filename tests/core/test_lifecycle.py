"""Orphans and --only: what may go, and what must be looked at before it may."""

from __future__ import annotations

import pytest

from lfsync.model import Address, Place
from lfsync.planning.draft import Wishes, draft
from lfsync.planning.selection import witnesses
from lfsync.state.state import Binding
from tests.core.world import SCHEMA, bound, live, record, wishes

OLD = Address("account", "old")
TEXT = """
accounts:
  acme: {fields: {$name: Acme}}
  birch: {fields: {$name: Birch}, relationships: {parent: acme}}
  cedar: {id: acc_3, fields: {$name: Cedar}}
tasks:
  call: {fields: {$title: Call, $status: TODO}, relationships: {$account: birch, $assignedTo: kai@corp.example}}
"""


def test_witnesses_are_what_an_orphan_may_turn_out_to_be() -> None:
    desired = wishes(TEXT)
    assert set(map(str, witnesses(desired, {Address("account", "birch")}, [OLD]))) == {"account.acme", "account.cedar"}
    assert witnesses(desired, desired.keys(), [Address("note", "old")]) == {}


def test_a_draft_is_restricted_to_what_was_asked_for() -> None:
    now = live(record("acc_1", {"$name": "Acme"}, fresh=True), record("acc_9", {"$name": "Old"}, fresh=True))
    state = bound(Binding(OLD, "acc_9"))
    asked = Wishes(prune=True, only=frozenset({OLD}))
    made = draft(wishes("accounts: {acme: {fields: {$name: Acme}}}"), SCHEMA, state, now, wishes=asked)
    assert {str(a): c.action for a, c in made.changes.items()} == {"account.acme": "adopt", "account.old": "delete"}
    made.restrict({OLD})
    assert list(made.changes) == [OLD]
    assert made.bindings == {}


def test_an_orphan_stands_where_the_state_has_it() -> None:
    now = live(record("acc_8", {}, fresh=True), record("acc_9", {}, fresh=True))
    state = bound(Binding(OLD, "acc_9"), Binding(Address("account", "a"), "acc_8"))
    made = draft({}, SCHEMA, state, now, wishes=Wishes(prune=True, state_file="prod.jsonl"))
    assert made.changes[OLD].source == Place("prod.jsonl", 3)


def test_an_orphan_is_read_by_id_before_it_goes() -> None:
    state = bound(Binding(OLD, "acc_9"))
    made = draft({}, SCHEMA, state, live(record("acc_9", {"$name": "Old"})), wishes=Wishes(prune=True))
    assert made.wanted.records == {("account", "acc_9")}
    assert not made.changes


@pytest.mark.parametrize("asked", [Wishes(), Wishes(prune=True, drift_only=True), Wishes(prune=True, only=frozenset())])
def test_nothing_goes_that_nobody_asked_for(asked: Wishes) -> None:
    now = live(record("acc_9", {"$name": "Old"}, fresh=True))
    assert not draft({}, SCHEMA, bound(Binding(OLD, "acc_9")), now, wishes=asked).changes

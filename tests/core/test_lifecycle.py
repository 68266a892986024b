"""Orphans and --only: what may go, and what must be looked at before it may."""

from __future__ import annotations

from typing import Literal

import pytest

from lfsync.model import Address, MembersChange, Place
from lfsync.planning.draft import Wishes
from lfsync.planning.selection import witnesses
from lfsync.state.state import Binding
from tests.core.world import bound, drafted, in_trash, live, record, told, wishes

OLD, ACME = Address("account", "old"), Address("account", "acme")
OLD_RECORD = record("acc_9", {"$name": "Old"}, fresh=True)
ORPHANED = bound(Binding(OLD, "acc_9", origin="created"))
PRUNE = Wishes(prune=True)
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
    made = drafted("accounts: {acme: {fields: {$name: Acme}}}", now, state, asked)
    assert {str(a): c.action for a, c in made.changes.items()} == {"account.acme": "adopt", "account.old": "delete"}
    made.restrict({OLD})
    assert list(made.changes) == [OLD]
    assert made.bindings == {}


def test_an_orphan_stands_where_the_state_has_it() -> None:
    now = live(record("acc_8", {}, fresh=True), record("acc_9", {}, fresh=True))
    state = bound(Binding(OLD, "acc_9"), Binding(Address("account", "a"), "acc_8"))
    made = drafted("{}", now, state, Wishes(prune=True, state_file="prod.jsonl"))
    assert made.changes[OLD].source == Place("prod.jsonl", 3)


def test_an_orphan_is_read_by_id_before_it_goes() -> None:
    now = live(record("acc_9", {"$name": "Old"}))
    made = drafted("{}", now, ORPHANED, PRUNE)
    assert now.wanted.records == {("account", "acc_9")}
    assert not made.changes


def test_an_orphan_that_an_index_does_not_show_is_asked_of_the_trash() -> None:
    """U9: a read by id may show what is in it."""
    now = live()
    now.add(OLD_RECORD)
    drafted("{}", now, ORPHANED, PRUNE)
    assert now.wanted.probes == {"account"}
    made = drafted("{}", in_trash(now, OLD_RECORD, shown=True), ORPHANED, PRUNE)
    assert (made.changes, made.released) == ({}, [OLD])
    assert told(made) == ["account.old (acc_9) is gone already; an apply forgets it"]


def test_an_orphan_that_is_gone_is_let_go_of() -> None:
    now = live()
    now.absent.add(("account", "acc_9"))
    made = drafted("{}", now, ORPHANED, PRUNE)
    assert (made.changes, made.released, bool(now.wanted)) == ({}, [OLD], False)


@pytest.mark.parametrize("asked", [Wishes(), Wishes(prune=True, drift_only=True), Wishes(prune=True, only=frozenset())])
def test_nothing_goes_that_nobody_asked_for(asked: Wishes) -> None:
    now = live(record("acc_9", {"$name": "Old"}, fresh=True))
    assert not drafted("{}", now, bound(Binding(OLD, "acc_9")), asked).changes


# ---------------------------------------------------------------- what stays (rules I4, L1, L2)


@pytest.mark.parametrize("ref", ["acc_9", "{match: {$name: Old}}"])
@pytest.mark.parametrize(
    "text",
    [
        "notes: {{n: {{fields: {{$title: N}}, relationships: {{$account: [{}]}}}}}}",
        "notes: {{n: {{fields: {{$title: N}}, relationships: {{$account: {{include: [{}]}}}}}}}}",
        "notes: {{n: {{fields: {{$title: N}}, relationships: {{$account: {{exclude: [{}]}}}}}}}}",
        "lists: {{l: {{fields: {{$name: L, $objectType: $account}}, members: [{}]}}}}",
        "tasks: {{t: {{match: {{$title: T, $account: {}}}, fields: {{$title: T}}}}}}",
        "accounts: {{a: {{fields: {{$name: A}}, relationships: {{parent: {}}}}}}}",
    ],
)
def test_a_record_that_a_ref_names_is_no_orphan(text: str, ref: str) -> None:
    """Rule L2: by id or match, in links, in members, in a match."""
    made = drafted(text.format(ref), live(OLD_RECORD), ORPHANED, PRUNE)
    assert OLD not in made.changes
    assert "account.old (acc_9) is declared no more and stays: a ref of this project names it" in told(made)


def test_a_record_that_is_declared_under_another_key_is_no_orphan() -> None:
    """Rule I4: it moves there, and prune can't touch it."""
    made = drafted("accounts: {acme: {fields: {$name: Old}}}", live(OLD_RECORD), ORPHANED, PRUNE)
    assert {str(a): c.action for a, c in made.changes.items()} == {"account.acme": "adopt"}


def test_a_record_that_a_blocked_resource_may_be_stays() -> None:
    twin = record("acc_8", {"$name": "Old"}, fresh=True)
    made = drafted("accounts: {acme: {fields: {$name: Old}}}", live(OLD_RECORD, twin), ORPHANED, PRUNE)
    assert made.blocked.keys() == {ACME}
    assert not made.changes
    assert "the record of a resource that is blocked" in told(made)[0]


def test_a_protected_orphan_stays() -> None:
    """Rule L1: `protect` stays in the state until the file says otherwise."""
    made = drafted("{}", live(OLD_RECORD), bound(Binding(OLD, "acc_9", protect=True)), PRUNE)
    assert not made.changes
    assert told(made) == ["account.old (acc_9) is protected and stays, though it is declared no more"]


def test_an_orphan_that_this_key_may_not_read_stays() -> None:
    """Rule A9."""
    now = live()
    now.forbidden["account", "acc_9"] = "it is hidden"
    made = drafted("{}", now, ORPHANED, PRUNE)
    assert (made.changes, made.released, bool(now.wanted)) == ({}, [], False)
    assert "it can't be read: it is hidden" in told(made)[0]


@pytest.mark.parametrize("origin", ["created", "adopted"])
def test_a_delete_says_whether_the_record_is_ours(origin: Literal["created", "adopted"]) -> None:
    """Rule L2: one that existed before lfsync is marked so."""
    made = drafted("{}", live(OLD_RECORD), bound(Binding(OLD, "acc_9", origin=origin)), PRUNE)
    ours = () if origin == "created" else ("it was there before lfsync managed it",)
    assert made.changes[OLD].warnings == ours
    assert (made.changes[OLD].name, made.changes[OLD].link) == ("Old", OLD_RECORD.link)


# ---------------------------------------------------------------- absent (rule L2)

ABSENT = "accounts: {acme: {fields: {$name: Acme}, lifecycle: {absent: true}}}"
ACME_RECORD = record("acc_1", {"$name": "Acme"}, fresh=True)


@pytest.mark.parametrize(("asked", "goes"), [(Wishes(), False), (PRUNE, True), (Wishes(drift_only=True), False)])
def test_what_was_never_bound_goes_with_prune_only(asked: Wishes, goes: bool) -> None:
    made = drafted(ABSENT, live(ACME_RECORD), asked=asked)
    assert [change.action for change in made.changes.values()] == (["delete"] if goes else [])
    if not goes and not asked.drift_only:
        assert told(made) == [
            "account.acme is declared absent, and acc_1 matches it, which lfsync never managed: --prune trashes it"
        ]


def test_what_is_bound_goes() -> None:
    made = drafted(ABSENT, live(ACME_RECORD), bound(Binding(ACME, "acc_1")))
    assert [(change.action, change.id) for change in made.changes.values()] == [("delete", "acc_1")]


@pytest.mark.parametrize(
    ("says", "known", "blocked"),
    [("", True, True), (", protect: false", True, False), (", protect: true", False, True), ("", False, False)],
)
def test_what_is_protected_stays_until_the_file_says_otherwise(says: str, known: bool, blocked: bool) -> None:
    """Rule L1."""
    text = ABSENT.replace("absent: true", f"absent: true{says}")
    made = drafted(text, live(ACME_RECORD), bound(Binding(ACME, "acc_1", protect=known)))
    assert (ACME in made.blocked, ACME in made.changes) == (blocked, not blocked)


def test_what_is_gone_already_is_let_go_of() -> None:
    """Rule I6: a bound id that is gone satisfies `absent: true`."""
    now = live()
    now.absent.add(("account", "acc_1"))
    made = drafted(ABSENT, now, bound(Binding(ACME, "acc_1")))
    assert (made.changes, made.blocked, made.released) == ({}, {}, [ACME])


LIST = Address("list", "l")
LIST_RECORD = record("lst_1", {"$name": "L", "$objectType": "account"}, fresh=True)


@pytest.mark.parametrize("late", [True, False])
def test_a_list_shows_its_members_before_it_goes(late: bool) -> None:
    """Rule A1; who is in one that was written lately nobody knows yet (R2)."""
    now = live(LIST_RECORD, record("acc_1", {"$name": "Acme"}, fresh=True))
    now.late_lists |= {"lst_1"} if late else set()
    state = bound(Binding(LIST, "lst_1", origin="created"))
    made = drafted("{}", now, state, PRUNE)
    if late:
        assert made.changes[LIST].members is None
        return
    assert now.wanted.memberships == {("lst_1", "account")}
    assert not made.changes
    now.memberships["lst_1"] = frozenset({"acc_1"})
    assert drafted("{}", now, state, PRUNE).changes[LIST].members == MembersChange((), ("acc_1",))

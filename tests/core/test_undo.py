"""Undo: what a run wrote, put back; and nothing where people went on since."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfsync.model import JSON, Address, Place, Record
from lfsync.planning.draft import Wishes
from lfsync.planning.drafting import draft
from lfsync.planning.undo import Reversal, reverse
from lfsync.state.ledger import Operation
from lfsync.state.runs import Entry, Run, RunHeader
from lfsync.state.state import Binding, Hashes, State, merged
from tests.core.world import SCHEMA, STATE, bound, live, record
from tests.laws.profiles import examples

ACME, BEST = Address("account", "acme"), Address("list", "best")
LINKED = ("acc_1", "acc_2", "acc_3", "acc_4")
FIELDS: dict[str, st.SearchStrategy[JSON]] = {
    "$name": st.sampled_from(["Acme", "Acme Solar"]),
    "tier": st.sampled_from([None, "opt_g", "opt_s"]),
    "nickname": st.sampled_from([None, "Sunny", "Ä\u202e"]),
    "employees": st.sampled_from([None, 0, 7, 7.5]),
}


def entry(action: Operation, address: Address = ACME, id: str = "acc_0", **more: Any) -> Entry:
    return Entry(address=str(address), action=action, id=id, **more)


def reversed_(one: Entry, state: State, *records: Record, members: frozenset[str] = frozenset()) -> Reversal:
    return reverse([one], "run.jsonl", SCHEMA, state, live(*records), {one.id: members})


@st.composite
def updates(draw: st.DrawFn) -> tuple[Entry, Record, Record]:
    """What a run wrote, with the record before and after it."""
    keys = draw(st.lists(st.sampled_from(sorted(FIELDS)), unique=True))
    before = {key: draw(values) for key, values in FIELDS.items()}
    after = before | {key: draw(FIELDS[key]) for key in keys}
    partners, now = (draw(st.sets(st.sampled_from(LINKED))) for _ in range(2))
    owner, owned = (draw(st.sampled_from([(), ("mem_kai",), ("mem_mia",)])) for _ in range(2))
    links = {"partners": (sorted(now - partners), sorted(partners - now))}
    if owner != owned:
        links["$owner"] = (list(owned), list(owner))
    wrote = entry("update", fields={key: (before[key], after[key]) for key in keys}, relationships=links)
    return (
        wrote,
        record("acc_0", before, {"partners": tuple(sorted(partners)), "$owner": owner}, fresh=True),
        record("acc_0", after, {"partners": tuple(sorted(now)), "$owner": owned}, fresh=True),
    )


def _others() -> list[Record]:
    return [record(id, {"$name": id}, fresh=True) for id in LINKED]


@examples(150)
@given(updates())
def test_the_reverse_of_a_run_puts_back_what_was_there(case: tuple[Entry, Record, Record]) -> None:
    wrote, before, after = case
    state = bound(Binding(ACME, "acc_0", origin="created"))
    reversal = reversed_(wrote, state, after)
    assert not reversal.blocked
    world = live(after, *_others())
    made = draft(reversal.desired, SCHEMA, bound(*reversal.bindings.values()), world, Wishes())
    assert not world.wanted
    assert not made.blocked
    fields, links = dict(after.fields), {key: set(ids) for key, ids in after.links.items()}
    for change in made.changes.values():
        fields |= {each.key: each.after_raw for each in change.fields}
        for link in change.relationships:
            gone = set(link.remove) if SCHEMA.kinds["account"].relationships[link.key].many else links[link.key]
            links[link.key] = (links[link.key] - gone) | set(link.add)
    assert fields == before.fields
    assert links == {key: set(ids) for key, ids in before.links.items()}


@examples(100)
@given(updates(), st.sampled_from(sorted(FIELDS)))
def test_what_people_changed_since_is_left_alone(case: tuple[Entry, Record, Record], key: str) -> None:
    wrote, _, after = case
    moved = record("acc_0", {**after.fields, key: "opt_x" if key == "tier" else 99 if key == "employees" else "New"})
    reversal = reversed_(wrote.model_copy(update={"relationships": {}}), bound(Binding(ACME, "acc_0")), moved)
    assert bool(reversal.blocked) == (key in wrote.fields)
    assert bool(reversal.desired) != (key in wrote.fields)


def test_a_has_one_that_was_cleared_and_set_by_a_person_is_theirs() -> None:
    wrote = entry("update", relationships={"$owner": ([], ["mem_kai"])})
    theirs = record("acc_0", {"$name": "Acme"}, {"$owner": ("mem_mia",)})
    assert reversed_(wrote, bound(Binding(ACME, "acc_0")), theirs).blocked


def test_what_lfsync_let_go_of_is_left_alone() -> None:
    for action in ("create", "update"):
        reversal = reversed_(entry(action, fields={"$name": (None, "Acme")}), STATE, record("acc_0", {"$name": "Acme"}))
        assert "let go" in reversal.blocked[0].reason
        assert not reversal.desired


def test_a_renamed_key_is_followed() -> None:
    renamed = Address("account", "acme-solar")
    wrote = entry("update", fields={"$name": ("Before", "Acme")})
    reversal = reversed_(wrote, bound(Binding(renamed, "acc_0")), record("acc_0", {"$name": "Acme"}))
    assert list(reversal.desired) == [renamed]


def test_another_record_under_the_same_key_is_left_alone() -> None:
    wrote = entry("delete", fields={"$name": ("Acme", None)})
    reversal = reversed_(wrote, bound(Binding(ACME, "acc_9")))
    assert "acc_9" in reversal.blocked[0].reason


def test_a_trashed_record_comes_back_as_what_it_was() -> None:
    reversal = reversed_(entry("delete", origin="created", generation=3), STATE)
    assert reversal.bindings == {ACME: Binding(ACME, "acc_0", 3, "created")}


def test_a_field_that_a_list_no_longer_has_is_left_out() -> None:
    fields = {"$name": ("Best", None), "$objectType": ("account", None), "$createdAt": ("2026-01-01", None)}
    wrote = entry("delete", BEST, "lst_0", fields=fields, members=("account", [], ["acc_1"]))
    reversal = reversed_(wrote, STATE)
    assert set(reversal.desired[BEST].fields) == {"$name", "$objectType"}


@pytest.mark.parametrize("action", ["create", "restore"])
def test_what_a_run_brought_is_trashed(action: Operation) -> None:
    """Rule L3."""
    there = record("acc_0", {"$name": "Acme"}, fresh=True)
    state = bound(Binding(ACME, "acc_0", 1, "created"))
    reversal = reversed_(entry(action), state, there)
    assert reversal.desired[ACME].absent
    made = draft(reversal.desired, SCHEMA, bound(*reversal.bindings.values()), live(there), Wishes())
    assert [(change.action, change.id) for change in made.changes.values()] == [("delete", "acc_0")]


def test_what_is_protected_is_not_trashed() -> None:
    """Rule L1."""
    state = bound(Binding(ACME, "acc_0", 1, "created", protect=True))
    reversal = reversed_(entry("create"), state, record("acc_0", {"$name": "Acme"}))
    assert "protected" in reversal.blocked[0].reason
    assert not reversal.desired


@pytest.mark.parametrize(("hidden", "said"), [(False, "acc_0 is gone"), (True, "this key may not read acc_0")])
def test_what_is_not_there_is_left_alone(hidden: bool, said: str) -> None:
    now = live()
    if hidden:
        now.forbidden["account", "acc_0"] = "not yours"
    state = bound(Binding(ACME, "acc_0"))
    (blocked,) = reverse([entry("update")], "run.jsonl", SCHEMA, state, now, {}).blocked
    assert said in blocked.reason
    assert blocked.source == Place("run.jsonl", 2)


@pytest.mark.parametrize(
    ("members", "left_alone"),
    [({"acc_1", "acc_2"}, False), ({"acc_1", "acc_2", "acc_9"}, False), ({"acc_1"}, True), ({"acc_2"}, True)],
)
def test_members_that_people_changed_since_are_left_alone(members: set[str], left_alone: bool) -> None:
    """Rule L3: what people put in beside them is not of this run."""
    wrote = entry("update", BEST, "lst_0", members=("account", ["acc_1", "acc_2"], ["acc_3"]))
    there = record("lst_0", {"$name": "Best", "$objectType": "account"}, fresh=True)
    reversal = reversed_(wrote, bound(Binding(BEST, "lst_0")), there, members=frozenset(members))
    assert bool(reversal.blocked) == left_alone
    if not left_alone:
        wanted = reversal.desired[BEST].members
        assert wanted is not None
        assert [target.id for target in wanted.include] == ["acc_3"]
        assert [target.id for target in wanted.exclude] == ["acc_1", "acc_2"]
        assert not wanted.exact


def test_all_requests_of_one_record_are_one_to_undo() -> None:
    """Rule A8: what was created and then linked is trashed, once."""
    entries = (
        entry("create", fields={"$name": (None, "Acme")}, generation=1, origin="created"),
        entry("update", fields={"nickname": (None, "Sunny")}, relationships={"partners": (["acc_1"], [])}),
    )
    header = RunHeader(run="r", workspace="w", who="me", at="", command="apply", config_digest="", lfsync_version="")
    state = bound(Binding(ACME, "acc_0", 1, "created"))
    there = record("acc_0", {"$name": "Acme", "nickname": "Sunny"}, {"partners": ("acc_1",)}, fresh=True)
    reversal = reverse(Run(header, entries).merged(), "run.jsonl", SCHEMA, state, live(there), {})
    assert not reversal.blocked
    assert reversal.desired[ACME].absent
    moved = record("acc_0", {"$name": "Acme", "nickname": "Sunny"}, fresh=True)
    assert reverse(Run(header, entries).merged(), "run.jsonl", SCHEMA, state, live(moved), {}).blocked


# ---------------------------------------------------------------- the state after it

HASHES = {"$name": Hashes("a" * 16, "b" * 16), "tier": Hashes("c" * 16, "d" * 16)}


def test_an_undo_leaves_the_rest_of_the_state() -> None:
    other = Binding(Address("account", "birch"), "acc_5", fields=HASHES)
    whole = bound(Binding(ACME, "acc_0", 1, "created", fields=HASHES, protect=True), other)
    planned = bound(Binding(ACME, "acc_0", 1, "created"))
    written = {"tier": Hashes("e" * 16, "e" * 16)}
    applied = bound(Binding(ACME, "acc_0", 1, "created", "2026-01-01T00:00:00Z", fields=written))
    made = merged(whole, planned, applied).bindings
    assert made[other.address] == other
    acme = made[ACME]
    assert acme.fields == {"$name": HASHES["$name"], "tier": Hashes("c" * 16, None)}, "no verdict on what undo wrote"
    assert acme.protect
    assert acme.written_at == "2026-01-01T00:00:00Z"


def test_what_an_undo_trashed_is_forgotten_and_what_it_brought_back_is_known() -> None:
    whole, planned = bound(Binding(ACME, "acc_0")), bound(Binding(ACME, "acc_0"))
    assert merged(whole, planned, bound()).bindings == {}
    assert merged(bound(), planned, planned).bindings == planned.bindings


def test_an_apply_of_the_whole_is_taken_as_it_is() -> None:
    whole, applied = bound(Binding(ACME, "acc_0")), bound(Binding(ACME, "acc_1"))
    assert merged(whole, whole, applied) is applied

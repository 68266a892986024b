"""Who moved what: the two hashes of each key, and the rows that may be believed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfsync.model import JSON, Address, Cause, Record
from lfsync.planning.diff import Comparer, Difference
from lfsync.planning.resolution import resolve
from lfsync.state.state import Binding, Hashes, LinkHashes
from lfsync.values.table import VALUE_TYPES
from tests.core.world import SCHEMA, STATE, applied, bound, change, drafted, live, record, wishes

A = Address("account", "a")
NAMED = "accounts: {{a: {{fields: {{$name: A, nickname: {}}}}}}}"


def compared(text: str, now: Record, binding: Binding | None) -> Difference:
    desired = wishes(text)
    workspace = live(now)
    resolution = resolve(desired, SCHEMA, STATE, workspace)
    return Comparer(desired, SCHEMA, STATE, workspace, resolution).comparison(desired[A], now, binding)


def hashed(declared: str, shown: str | None) -> Hashes:
    return Hashes(STATE.hash(declared), None if shown is None else STATE.hash(shown))


@pytest.mark.parametrize(
    ("last", "declared", "shown", "cause"),
    [
        # no hashes yet
        (None, "new", "new", None),
        (None, "new", "other", "config"),
        # declared and live equal, whatever the hashes say
        (hashed("old", "old"), "new", "new", None),
        (hashed("old", "server"), "new", "new", None),
        # both as last time: the server's own form of our value (rule S5)
        (hashed("new", "server"), "new", "server", None),
        (hashed("new", "new"), "new", "new", None),
        # declared moved
        (hashed("old", "old"), "new", "old", "config"),
        (hashed("old", "server"), "new", "server", "config"),
        # live moved
        (hashed("new", "new"), "new", "edited", "drift"),
        (hashed("new", "server"), "new", "edited", "drift"),
        # both moved
        (hashed("old", "old"), "new", "edited", "conflict"),
        (hashed("old", "server"), "new", "edited", "conflict"),
        # a write that did not converge left no live hash: planned again
        (hashed("new", None), "new", "server", "config"),
        (hashed("old", None), "new", "edited", "config"),
    ],
)
def test_the_verdict_table(last: Hashes | None, declared: str, shown: str, cause: Cause | None) -> None:
    """Rules S4 and S5."""
    binding = Binding(A, "acc_1", fields={"nickname": last} if last else {})
    now = record("acc_1", {"$name": "A", "nickname": shown}, fresh=True)
    made = compared(NAMED.format(declared), now, binding)
    assert [each.cause for each in made.fields] == ([cause] if cause else [])
    assert made.causes == ({cause} if cause else set())
    if cause is None:
        assert made.hashes["fields", "nickname"] == hashed(declared, shown)
    else:
        assert made.hashes.get(("fields", "nickname")) == last


@pytest.mark.parametrize(
    ("key", "declared", "was", "shown"),
    [("employees", "5", 5, 6.0), ("tier", "Gold", "opt_g", "opt_s"), ("$industry", "[]", [], ["opt_x"])],
)
def test_a_value_that_is_no_text_never_settles(key: str, declared: str, was: JSON, shown: JSON) -> None:
    """Rule S5: what did not converge has no live hash, and is planned again."""
    assert not VALUE_TYPES[SCHEMA.kinds["account"].fields[key].type].settles
    now = record("acc_1", {"$name": "A", key: shown}, fresh=True)
    binding = Binding(A, "acc_1", fields={key: Hashes(STATE.hash(was), None)})
    made = compared(f"accounts: {{a: {{fields: {{$name: A, {key}: {declared}}}}}}}", now, binding)
    assert [each.key for each in made.fields] == [key]


def test_the_types_whose_own_form_counts_as_settled() -> None:
    """Rule S5."""
    texts = {"TEXT", "MARKDOWN", "URL", "EMAIL", "TELEPHONE", "SOCIAL_HANDLE", "ADDRESS", "FULL_NAME"}
    assert {name for name, row in VALUE_TYPES.items() if row.settles} == texts


@settings(max_examples=150, deadline=None)
@given(*(st.sampled_from(["a", "b", "c"]) for _ in range(4)), st.booleans())
def test_every_combination_has_one_verdict(was: str, saw: str, declared: str, shown: str, fresh: bool) -> None:
    binding = Binding(A, "acc_1", fields={"nickname": hashed(was, saw)})
    now = record("acc_1", {"$name": "A", "nickname": shown}, fresh=fresh)
    made = compared(NAMED.format(declared), now, binding)
    moved = (was != declared, saw != shown)
    causes: dict[tuple[bool, bool], Cause] = {
        (True, False): "config",
        (False, True): "drift",
        (True, True): "conflict",
    }
    expected = None if declared == shown else causes.get(moved)
    assert [each.cause for each in made.fields] == ([expected] if expected else [])
    if fresh:
        assert not made.doubtful
    elif expected or moved[1]:
        assert made.doubtful, "a listed row made a change or hides one (rule R1)"
    else:
        assert not made.doubtful


@settings(max_examples=100, deadline=None)
@given(st.sets(st.integers(1, 6)), st.sets(st.integers(1, 6)), st.sets(st.integers(1, 6)))
def test_a_set_of_links(include: set[int], exclude: set[int], linked: set[int]) -> None:
    exclude -= include
    text = (
        f"accounts: {{a: {{fields: {{$name: A}}, relationships: "
        f"{{$contact: {{include: {_ids(include)}, exclude: {_ids(exclude)}}}}}}}}}"
    )
    now = record("acc_1", {"$name": "A"}, {"$contact": tuple(f"con_{n}" for n in linked)})
    made = compared(text, now, None)
    added = [id for link in made.links for id in link.add]
    removed = [id for link in made.links for id in link.remove]
    assert sorted(added) == [f"con_{n}" for n in sorted(include - linked)]
    assert sorted(removed) == [f"con_{n}" for n in sorted(exclude & linked)]


@settings(max_examples=100, deadline=None)
@given(st.sets(st.integers(1, 6)), st.sets(st.integers(1, 6)), st.sets(st.integers(1, 6)))
def test_an_exact_set_leaves_out_what_is_in_the_trash(include: set[int], linked: set[int], gone: set[int]) -> None:
    """Rule S6."""
    gone -= include
    now = record("acc_1", {"$name": "A"}, {"$contact": tuple(f"con_{n}" for n in linked)}, fresh=True)
    workspace = live(now, *(record(f"con_{n}", {}, fresh=True) for n in range(1, 7)))
    workspace.absent |= {("contact", f"con_{n}") for n in gone}
    text = f"accounts: {{a: {{fields: {{$name: A}}, relationships: {{$contact: {_ids(include)}}}}}}}"
    made = drafted(text, workspace)
    links = [link for each in made.changes.values() for link in each.relationships]
    assert sorted(id for link in links for id in link.add) == [f"con_{n}" for n in sorted(include - linked)]
    assert sorted(id for link in links for id in link.remove) == [f"con_{n}" for n in sorted(linked - include - gone)]
    assert not workspace.wanted.records


def test_what_is_not_declared_is_not_in_the_difference() -> None:
    now = record("acc_1", {"$name": "A", "nickname": "x", "tier": "opt_g"}, {"$owner": ("mem_kai",)})
    made = compared("accounts: {a: {fields: {$name: A, nickname: y}}}", now, None)
    assert [each.key for each in made.fields] == ["nickname"]
    assert made.hashes.keys() == {("fields", "$name")}


@pytest.mark.parametrize("empty", ["null", "''"])
@pytest.mark.parametrize("shown", [{}, {"nickname": None}, {"nickname": ""}])
def test_null_absent_and_empty_are_one_value(empty: str, shown: dict[str, JSON]) -> None:
    """Rule C8."""
    assert not compared(NAMED.format(empty), record("acc_1", {"$name": "A", **shown}), None)


def test_ignored_keys_take_live_as_it_is() -> None:
    """Rules L1, I7."""
    text = """accounts: {a: {fields: {$name: A, nickname: mine}, relationships: {$owner: kai@corp.example},
                             lifecycle: {ignore_changes: [nickname, $owner]}}}"""
    now = record("acc_1", {"$name": "A", "nickname": "theirs"}, {"$owner": ("mem_mia",)})
    made = compared(text, now, None)
    assert not made
    assert made.hashes.keys() == {("fields", "$name")}


def test_create_only_keys_that_differ_are_frozen() -> None:
    """Rule I8."""
    text = """
    accounts: {x: {fields: {$name: X}}, y: {fields: {$name: Y}}}
    opportunities: {o: {match: [$name], fields: {$name: O, $amount: 5}, relationships: {$account: y}}}
    """
    now = live(
        record("acc_x", {"$name": "X"}),
        record("acc_y", {"$name": "Y"}),
        record("opp_1", {"$name": "O"}, {"$account": ("acc_x",)}, fresh=True),
    )
    made = drafted(text, now)
    blocked = made.blocked[Address("opportunity", "o")]
    assert blocked.reason == "`$account` (account.x → account.y) can only be set when the record is created"
    assert Address("opportunity", "o") not in made.changes


def test_both_sides_of_a_link_form_one_set() -> None:
    """Rule C9: the contact's side writes it."""
    text = """
    accounts: {a: {fields: {$name: A}, relationships: {$contact: [c, d]}}}
    contacts:
      c: {fields: {$email: [c@x.example]}, relationships: {$account: [a]}}
      d: {fields: {$email: [d@x.example]}}
    """
    made = drafted(text, live())
    assert change(made, "account.a").relationships[0].add == ("contact.d",)
    assert change(made, "contact.c").relationships[0].add == ("account.a",)


def test_names_are_for_people_and_ids_for_the_api() -> None:
    now = live(
        record("acc_1", {"$name": "A", "tier": "opt_s"}, {"$owner": ("mem_mia",), "partners": ("acc_2",)}, fresh=True),
        record("acc_2", {"$name": "Old"}, fresh=True),
    )
    text = "accounts: {a: {fields: {$name: A, tier: Gold}, relationships: {$owner: kai@corp.example, partners: []}}}"
    made = change(drafted(text, now), "account.a")
    (tier,) = made.fields
    assert (tier.before, tier.after, tier.before_raw, tier.after_raw) == ("Silver", "Gold", "opt_s", "opt_g")
    owner, partners = made.relationships
    assert (owner.before, owner.after, owner.add) == ("mia@corp.example", "kai@corp.example", ("mem_kai",))
    assert (partners.before, partners.after, partners.remove) == (["Old (acc_2)"], [], ("acc_2",))


def test_members_in_the_order_of_their_names() -> None:
    text = "lists: {l: {fields: {$name: L, $objectType: $account}, members: []}}"
    now = live(record("lst_1", {"$name": "L", "$objectType": "account"}, fresh=True))
    for n in range(9):
        now.add(record(f"acc_{n}", {"$name": f"N{n}"}, fresh=True))
    now.listed["account"] = frozenset(now.records["account"])
    now.memberships["lst_1"] = frozenset(now.records["account"])
    members = change(drafted(text, now), "list.l").members
    assert members is not None
    assert members.remove == tuple(f"acc_{n}" for n in range(9))


def test_an_apply_that_writes_nothing_records_what_equals_live() -> None:
    """Rule S3."""
    now = live(record("acc_1", {"$name": "A", "nickname": "x"}))
    binding = applied(NAMED.format("x"), now).bindings[A]
    assert binding.fields == {"$name": hashed("A", "A"), "nickname": hashed("x", "x")}
    assert (binding.id, binding.origin, binding.written_at) == ("acc_1", "adopted", None)


@pytest.mark.parametrize("said", ["", ", lifecycle: {protect: true}", ", lifecycle: {protect: false}", ", id: acc_1"])
@pytest.mark.parametrize("left", [{}, {"also": ("acc_2",)}, {"owed": ("nickname",)}, {"protect": True}])
def test_nothing_to_do_leaves_a_binding_as_the_file_has_it(said: str, left: dict[str, Any]) -> None:
    """Rules M2, L1: what the file decides is noted, and what is over forgotten, also where no value differs."""
    text = f"accounts: {{a: {{fields: {{$name: A, nickname: x}}{said}}}}}"
    now = live(record("acc_1", {"$name": "A", "nickname": "x"}, fresh=True))
    before = replace(applied(text, now).bindings[A], generation=3, origin="created", written_at="2026-01-02T03:04:05Z")
    made = drafted(text, now, bound(replace(before, **left)))
    assert not made.changes
    if "also" in left and "id:" not in said:
        assert A in made.blocked  # until the file says which is right
        return
    protect = before.protect if "protect" in said else before.protect or left.get("protect", False)
    assert made.bindings[A] == replace(before, protect=protect)


def test_a_renamed_label_moves_nothing() -> None:
    """Rule S2."""
    now = live(record("acc_1", {"$name": "A", "tier": "opt_g"}))
    state = applied("accounts: {a: {fields: {$name: A, tier: Gold}}}", now)
    by_id = drafted("accounts: {a: {fields: {$name: A, tier: opt_g}}}", now, state)
    assert not by_id.changes
    assert by_id.bindings[A].fields == state.bindings[A].fields
    assert replace(state, bindings={A: by_id.bindings[A]}) == state


# ---------------------------------------------------------------- who moved a link (rule S4)

LINKED = "accounts: {{a: {{fields: {{$name: A}}, relationships: {{$contact: {}}}}}}}"


def con(*numbers: int) -> tuple[str, ...]:
    return tuple(f"con_{n}" for n in numbers)


def after_apply(was: str, linked: tuple[str, ...]) -> Binding:
    """What the state holds after an apply of `was` that left these contacts linked."""
    now = live(record("acc_1", {"$name": "A"}, {"$contact": linked}, fresh=True), *_contacts())
    return applied(LINKED.format(was), now).bindings[A]


def _contacts() -> list[Record]:
    return [record(id, {"$email": [f"{id}@x.example"]}, fresh=True) for id in con(1, 2, 3)]


@pytest.mark.parametrize(
    ("was", "left", "declared", "linked", "cause"),
    [
        # the file moved, whatever form it has now
        ("[con_1]", con(1), "[con_1, con_2]", con(1), "config"),
        ("[con_1]", con(1), "[]", con(1), "config"),
        ("[]", (), "[con_1]", (), "config"),
        ("[con_1]", con(1), "{include: [con_2], exclude: [con_1]}", con(1), "config"),
        ("[con_1]", con(1), "{include: [con_2]}", con(1), "config"),
        ("{include: [con_1]}", con(1, 3), "[con_1]", con(1, 3), "config"),
        ("{include: [con_1]}", con(1, 3), "{exclude: [con_1]}", con(1, 3), "config"),
        ("{exclude: [con_2]}", con(1), "{include: [con_2]}", con(1), "config"),
        ("{exclude: [con_2]}", con(1), "[con_2]", con(1), "config"),
        # people moved it
        ("[con_1]", con(1), "[con_1]", (), "drift"),
        ("[con_1]", con(1), "[con_1]", con(1, 2), "drift"),
        ("{include: [con_1]}", con(1), "{include: [con_1]}", con(2), "drift"),
        ("{exclude: [con_1]}", (), "{exclude: [con_1]}", con(1), "drift"),
        # both did
        ("[con_1]", con(1), "[con_1, con_2]", con(1, 3), "conflict"),
        ("[con_1]", con(1), "{include: [con_2], exclude: [con_1]}", con(1, 3), "conflict"),
        ("{include: [con_1]}", con(1), "[con_2]", (), "conflict"),
        ("{exclude: [con_1]}", (), "{exclude: [con_1], include: [con_2]}", con(1), "conflict"),
        # what nobody spoke of says nothing: people may link it as they like
        ("{include: [con_1]}", con(1), "{include: [con_1, con_2]}", con(1, 3), "config"),
        ("{include: [con_1]}", con(1), "{include: [con_1]}", con(1, 3), None),
        ("[con_1]", con(1), "{include: [con_1]}", con(1, 2), None),
    ],
)
def test_who_moved_a_link(
    was: str, left: tuple[str, ...], declared: str, linked: tuple[str, ...], cause: Cause | None
) -> None:
    """Rule S4, in every form of links."""
    now = record("acc_1", {"$name": "A"}, {"$contact": linked}, fresh=True)
    made = compared(LINKED.format(declared), now, after_apply(was, left))
    assert [each.cause for each in made.links] == ([cause] if cause else [])


def test_links_that_nobody_has_seen_are_of_the_file() -> None:
    now = record("acc_1", {"$name": "A"}, {"$contact": con(3)}, fresh=True)
    for last in (None, LinkHashes(STATE.hash(["con_1"]), None)):
        binding = Binding(A, "acc_1", links={"$contact": last} if last else {})
        assert [each.cause for each in compared(LINKED.format("[con_1]"), now, binding).links] == ["config"]


@pytest.mark.parametrize(
    ("declared", "shown", "cause"),
    [
        ("kai@corp.example", "mem_kai", None),
        ("mia@corp.example", "mem_kai", "config"),
        ("kai@corp.example", "mem_mia", "drift"),
        ("kai@corp.example", None, "drift"),
        ("null", "mem_kai", "config"),
        ("null", "mem_mia", "conflict"),
        ("mia@corp.example", None, "conflict"),
    ],
)
def test_who_moved_a_has_one(declared: str, shown: str | None, cause: Cause | None) -> None:
    """Rule S4; it was Kai when the last apply saw it."""
    text = f"accounts: {{a: {{fields: {{$name: A}}, relationships: {{$owner: {declared}}}}}}}"
    kai = record("acc_1", {"$name": "A"}, {"$owner": ("mem_kai",)}, fresh=True)
    state = applied(text.replace(declared, "kai@corp.example"), live(kai))
    now = record("acc_1", {"$name": "A"}, {"$owner": (shown,) if shown else ()}, fresh=True)
    assert [each.cause for each in compared(text, now, state.bindings[A]).links] == ([cause] if cause else [])


@pytest.mark.parametrize(
    ("declared", "members", "cause"),
    [
        ("[acc_1]", {"acc_1"}, None),
        ("[acc_1, acc_2]", {"acc_1"}, "config"),
        ("{include: [acc_2], exclude: [acc_1]}", {"acc_1"}, "config"),
        ("[acc_1]", {"acc_1", "acc_2"}, "drift"),
        ("[acc_2]", set(), "conflict"),
    ],
)
def test_who_moved_the_members_of_a_list(declared: str, members: set[str], cause: Cause | None) -> None:
    """Rule S4; the last apply left acc_1 in it."""
    text = "lists: {{l: {{fields: {{$name: L, $objectType: $account}}, members: {}}}}}"
    rows = [record(f"acc_{n}", {"$name": f"N{n}"}, fresh=True) for n in (1, 2)]
    now = live(*rows, record("lst_1", {"$name": "L", "$objectType": "account"}, fresh=True))
    now.memberships["lst_1"] = frozenset({"acc_1"})
    state = applied(text.format("[acc_1]"), now)
    now.memberships["lst_1"] = frozenset(members)
    made = drafted(text.format(declared), now, state)
    assert [each.cause for each in made.changes.values()] == ([cause] if cause else [])


ADDRESS = "accounts: {{a: {{fields: {{$name: A, $primaryAddress: {}}}}}}}"
HERE: JSON = {
    "street": "1 Main St",
    "street2": None,
    "city": "Austin",
    "state": None,
    "postalCode": None,
    "country": None,
    "latitude": 30.2672,
    "longitude": -97.7431,
}


@pytest.mark.parametrize(
    ("was", "declared", "cause"),
    [
        ("{street: 1 Main St, city: Austin}", "{street: 1 Main St, city: Austin}", None),
        ("{street: 1 Main St, city: Austin}", "null", "config"),
        ("{street: 1 Main St, city: Austin}", "{street: 2 Main St, city: Austin}", "config"),
        (
            "{street: 1 Main St, city: Austin}",
            "{street: 1 Main St, city: Austin, latitude: 1, longitude: 2}",
            "config",
        ),
        (
            "{street: 1 Main St, city: Austin, latitude: 30.2672, longitude: -97.7431}",
            "{street: 2 Main St, city: Austin}",
            "config",
        ),
        ("{street: 1 Main St, city: Austin, latitude: 30.2672, longitude: -97.7431}", "null", "config"),
    ],
)
def test_an_address_that_the_file_moved_is_no_conflict(was: str, declared: str, cause: Cause | None) -> None:
    """Rules S4, C7: coordinates that the server added are compared only if named, and are nobody's edit."""
    now = record("acc_1", {"$name": "A", "$primaryAddress": HERE}, fresh=True)
    state = applied(ADDRESS.format(was), live(now))
    made = compared(ADDRESS.format(declared), now, state.bindings[A])
    assert [each.cause for each in made.fields] == ([cause] if cause else [])


@pytest.mark.parametrize(("declared", "cause"), [("{street: 1 Main St, city: Austin}", "drift"), ("null", "conflict")])
def test_an_address_that_people_moved_is_theirs(declared: str, cause: Cause) -> None:
    now = record("acc_1", {"$name": "A", "$primaryAddress": HERE}, fresh=True)
    state = applied(ADDRESS.format("{street: 1 Main St, city: Austin}"), live(now))
    assert isinstance(HERE, dict)
    moved = replace(now, fields={**now.fields, "$primaryAddress": {**HERE, "city": "Dallas"}})
    assert [each.cause for each in compared(ADDRESS.format(declared), moved, state.bindings[A]).fields] == [cause]


def _ids(numbers: set[int]) -> str:
    return f"[{', '.join(f'con_{n}' for n in sorted(numbers))}]"

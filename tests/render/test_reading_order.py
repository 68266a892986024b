"""The order in which people read a plan (design.md, 15): what needs a look, what is alike, the rest by kind."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lfsync.model import (
    JSON,
    Address,
    Change,
    Kept,
    LastChange,
    LinkChange,
    MembersChange,
    Orphan,
    Place,
    Plan,
    PlanWarning,
    Refusal,
    WorkspaceInfo,
)
from lfsync.project.documents import CONTROL, parse
from lfsync.render.reading_order import Group, ReadingOrder, reading_order
from lfsync.render.shown import yaml_pair, yaml_shown
from lfsync.render.shown_change import LARGE_MEMBERSHIP, shown_change
from tests.render.render_samples import field, plan_of_everything
from tests.render.render_strategies import HOSTILE, plans

PLACE = Place("crm/a.yaml", 3, 5)


def change(key: str, action: str = "update", kind: str = "account", **more: object) -> Change:
    base = Change(Address(kind, key), "update", PLACE, id=f"acc_{key}", name=f"Name of {key}", cause="config")
    return replace(base, action=action, **more)  # type: ignore[arg-type]


def tiered(key: str, old: str = "Silver", cause: str = "config", action: str = "update", **more: object) -> Change:
    tier = field("tier", "Tier", old, "Gold", cause=cause)
    return replace(change(key, action), fields=(tier,), cause=cause, **more)  # type: ignore[arg-type]


def order(*changes: Change, **more: object) -> ReadingOrder:
    plan = Plan(WorkspaceInfo("prod", "https://x.example"), "2026-01-01T00:00:00Z", "d", changes=changes)
    return reading_order(replace(plan, **more))  # type: ignore[arg-type]


def looks(found: ReadingOrder) -> dict[str, list[list[str]]]:
    return {look.reason: [keys(group) for group in look.groups] for look in found.looks}


def keys(group: Group) -> list[str]:
    return [change.address.key for change in group.changes]


def everywhere(found: ReadingOrder) -> list[Address]:
    groups = [group for look in found.looks for group in look.groups] + list(found.alike)
    grouped = [change.address for group in groups for change in group.changes]
    return grouped + [change.address for section in found.sections for change in section.changes]


# ---------------------------------------------------------------- laws


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plans)
def test_every_change_stands_in_one_place_alone(plan: Plan) -> None:
    found = reading_order(plan)
    assert Counter(everywhere(found)) == Counter(change.address for change in plan.changes)
    assert sum(count for _, count in found.counts) == len(plan.changes)
    assert len(found.blocked) == len(plan.blocked)
    assert sum(len(each.rows) for each in found.kept) == len(plan.kept)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plans, st.randoms(use_true_random=False))
def test_the_order_of_the_plan_does_not_matter(plan: Plan, chance: random.Random) -> None:
    changes = list({change.address: change for change in plan.changes}.values())
    whole = replace(plan, changes=tuple(changes))
    chance.shuffle(changes)
    assert reading_order(replace(plan, changes=tuple(changes))) == reading_order(whole)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plans)
def test_what_may_go_unlooked_at_is_none_of_what_the_contract_names(plan: Plan) -> None:
    """Deletes, conflicts, drift that is overwritten, adoptions with changes, large memberships, warnings."""
    found = reading_order(plan)
    first = {each.address for look in found.looks for group in look.groups for each in group.changes}
    for each in plan.changes:
        causes = {each.cause, *(f.cause for f in each.fields), *(link.cause for link in each.relationships)}
        grave = each.action == "delete" or causes & {"drift", "conflict"} or each.warnings
        if grave or (each.adopted and each.action == "update"):
            assert each.address in first


# ---------------------------------------------------------------- what needs a look


def test_the_gravest_reason_decides_where_a_change_stands_and_all_are_told() -> None:
    gone = tiered("gone", cause="drift", action="delete", warnings=("it was there before",))
    both = change("both", fields=(field("a", "A", 1, 2, cause="conflict"), field("b", "B", 1, 2, cause="drift")))
    taken = tiered("taken", adopted=True)
    found = order(
        tiered("calm"), taken, both, gone, tiered("edited", cause="drift"), change("odd", "create", warnings=("hm",))
    )
    assert looks(found) == {
        "delete": [["gone"]],
        "conflict": [["both"]],
        "drift": [["edited"]],
        "adoption": [["taken"]],
        "warning": [["odd"]],
    }
    assert found.looks[0].groups[0].first.reasons == ("delete", "drift", "warning")
    assert [section.counts for section in found.sections] == [(("update", 1),)]


def test_a_large_change_of_members_or_links_needs_a_look_and_a_new_list_does_not() -> None:
    names = tuple(f"account.a{n}" for n in range(LARGE_MEMBERSHIP + 1))
    few = MembersChange(names[:5], names[5:LARGE_MEMBERSHIP])
    many = MembersChange(names[:5], names[5:])
    links = LinkChange("$contact", [], [*names], names, (), "config")
    found = order(
        change("few", kind="list", members=few),
        change("many", kind="list", members=many),
        change("new", "create", kind="list", members=many),
        change("linked", relationships=(links,)),
    )
    assert looks(found) == {"membership": [["linked"], ["many"]]}


def test_an_adoption_without_changes_needs_no_look() -> None:
    assert order(change("a", "adopt", adopted=True)).looks == ()


def test_what_an_apply_would_refuse_and_what_the_whole_plan_warns_of() -> None:
    large = Refusal("threshold", "max_deletes", "too many", ())
    policy = Refusal("policy", "owner", "give it an owner", (Address("account", "a"),))
    scope = Refusal("scope", "tasks:delete", "the API key lacks tasks:delete")
    found = order(refusals=(large, scope, policy), missing_scopes=("tasks:delete",), warnings=(PlanWarning("hm"),))
    assert found.refusals == (large, policy)
    assert found.missing_scopes == ("tasks:delete",)
    assert found.warnings == ("hm",)
    assert not found.is_empty


# ---------------------------------------------------------------- what is alike


def test_same_kind_same_keys_same_values_are_one_group() -> None:
    changed = LastChange("2026-11-20T08:00:00Z", "Bronze")
    later = LastChange("2026-11-21T08:00:00Z", None)

    def drifted(key: str, last: LastChange | None) -> Change:
        moved = replace(field("tier", "Tier", "Silver", "Gold", cause="drift"), changed=last)
        return change(key, cause="drift", fields=(moved,))

    alike = [tiered("c"), tiered("a"), tiered("b")]
    others = [
        tiered("d", "Bronze"),
        replace(tiered("e"), address=Address("contact", "e")),
        tiered("f", action="restore"),
    ]
    found = order(*alike, *others, drifted("x", later), drifted("y", changed), drifted("z", None))
    assert [keys(group) for group in found.alike] == [["a", "b", "c"]]
    assert [each.name for each in found.alike[0].changes] == ["Name of a", "Name of b", "Name of c"]
    assert [(s.title, [c.address.key for c in s.changes]) for s in found.sections] == [
        ("accounts", ["d", "f"]),
        ("contacts", ["e"]),
    ]
    (group,) = found.looks[0].groups
    assert keys(group) == ["x", "y", "z"]
    assert group.changed(0) == (changed, later)


def test_orphans_that_are_trashed_are_no_orphans_any_more() -> None:
    kept, gone = Address("task", "kept"), Address("task", "gone")
    found = order(change("gone", "delete", kind="task"), orphans=(Orphan(kept, "tsk_1"), Orphan(gone, "tsk_2")))
    assert [orphan.address for orphan in found.orphans] == [kept]


# ---------------------------------------------------------------- rows


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "null"),
        ("", "null"),
        ([], "null"),
        (True, "true"),
        (75000.0, "75000"),
        (0.1, "0.1"),
        ("Hooli GmbH & Co. KG", "Hooli GmbH & Co. KG"),
        ("yes", '"yes"'),
        ("12", '"12"'),
        ("a: b", '"a: b"'),
        ("null", '"null"'),
        (" x", '" x"'),
        (["a, b", "c"], '["a, b", c]'),
        ({"street": "Hafen 1", "city": "Kiel"}, "{street: Hafen 1, city: Kiel}"),
        ("a\nb", r'"a\nb"'),
        ("\u202egpj.exe", r'"\u202egpj.exe"'),
        ("\x1b[2J", r'"\u001b[2J"'),
    ],
)
def test_values_can_be_pasted_into_yaml(value: JSON, told: str) -> None:
    assert yaml_shown(value) == told


# Control characters no file may hold, not even spelt out.
_plain = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\t\n\x85"), max_size=30)
_hostile = st.sampled_from([text for text in HOSTILE if "\ud800" not in text and not CONTROL.search(text)])
_values = st.recursive(
    st.booleans() | st.integers(-(10**12), 10**12) | st.floats(-1e9, 1e9) | _plain | _hostile,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_plain, inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None)
@example("a\u200db", "ab")
@example("caf\u00e9", "cafe\u0301")
@given(_values, _values)
def test_what_is_pasted_is_the_value_again(before: JSON, after: JSON) -> None:
    for value, told in zip((before, after), yaml_pair(before, after), strict=True):
        assert "\n" not in told
        if told != "null":
            assert parse(f"key: {told}\n", "a.yaml").data == {"key": value}


def test_two_values_that_look_the_same_are_told_apart() -> None:
    assert yaml_pair("caf\u00e9", "cafe\u0301") == (r'"caf\xe9"', r'"cafe\u0301"')
    assert yaml_pair("a\u00a0b", "a b") == (r'"a\xa0b"', "a b")


def test_a_create_shows_what_it_sets_and_an_update_old_and_new() -> None:
    fields = (field("tier", "Tier", None, "Gold"),)
    (row,) = shown_change(change("a", "create", fields=fields)).rows
    assert (row.old, row.new) == (None, "Gold")
    (row,) = shown_change(change("a", fields=fields)).rows
    assert (row.old, row.new) == ("null", "Gold")


def test_a_text_of_several_lines_is_a_diff() -> None:
    (row,) = shown_change(change("a", fields=(field("about", "About", "x\ny\nz", "x\nY\nz"),))).rows
    assert (row.old, row.new) == ("", "")
    assert [(line.sign, line.text) for line in row.diff()] == [(" ", "x"), ("-", "y"), ("+", "Y"), (" ", "z")]


def test_links_go_by_their_names_where_these_tell_all() -> None:
    named = LinkChange("$c", ["Ada, Countess (con_1)"], ["contact.b"], ("contact.b",), ("con_1",), "config")
    twins = LinkChange("$c", ["Ada", "Ada"], [], (), ("con_1", "con_2"), "config")
    one = LinkChange("$owner", None, "kai@corp.example", ("mem_1",), (), "config")
    rows = shown_change(change("a", relationships=(named, twins, one))).rows
    assert [row.is_many for row in rows] == [True, True, False]
    assert (rows[0].added, rows[0].removed) == (("contact.b",), ("Ada, Countess (con_1)",))
    assert rows[1].removed == ("con_1", "con_2")
    assert (rows[2].old, rows[2].new) == ("null", "kai@corp.example")


def test_what_moved_the_members_is_what_nothing_else_accounts_for() -> None:
    moved = MembersChange(("account.b",), ())
    plain = field("a", "A", 1, 2)
    assert [row.cause for row in shown_change(change("x", fields=(plain,), members=moved, cause="drift")).rows] == [
        "config",
        "drift",
    ]
    assert shown_change(change("x", members=moved, cause="conflict")).rows[0].cause == "conflict"
    assert shown_change(change("x", fields=(plain,), members=moved)).cause == "config"


def test_what_is_kept_stands_by_resource() -> None:
    at = Address("list", "q4")
    value = Kept(at, PLACE, "$name", "Name", "TEXT", "Live", "Declared", name="Q4", id="lst_1")
    members = Kept(at, Place("b.yaml", 9), "members", "members", None, None, None, ("account.a",), ("Acme (acc_9)",))
    owner = Kept(at, PLACE, "$owner", "Owner", None, "kai@corp.example", None, (), ("mem_1",))
    (kept,) = order(kept=(value, members, owner)).kept
    assert (kept.address, kept.name, kept.places[1].file) == (at, "Q4", "b.yaml")
    first, second, third = kept.rows
    assert (first.old, first.new) == ("Live", "Declared")
    assert (second.is_many, second.added, second.removed) == (True, ("account.a",), ("Acme (acc_9)",))
    assert (third.old, third.new) == ("kai@corp.example", "null")


def test_the_plan_of_everything() -> None:
    found = order()
    assert found.is_empty
    assert found.headline == "No changes. Workspace prod is as declared: 0 resources."
    everything = reading_order(plan_of_everything())
    assert looks(everything) == {
        "delete": [["old"]],
        "conflict": [["hooli"]],
        "drift": [["acme-renewal"]],
        "adoption": [["東京"]],
        "membership": [["q4-targets"]],
    }

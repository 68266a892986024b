"""Drafts and plans: what must be read first, what the plan says of itself, and when it refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lfsync.errors import RefusedError
from lfsync.model import Address, Change, Orphan, Place, Plan, Record, Requests
from lfsync.planning.plan import reading_scopes, refuse_large, skip_enrichment
from lfsync.project.settings import SafetySettings
from lfsync.state.state import Binding, Hashes, State
from tests.core.world import CONTEXT, STATE, applied, bound, change, drafted, live, planned, record, wishes

A = Address("account", "a")
TEXT = "accounts: {a: {fields: {$name: A, nickname: x}}}"
LISTED = record("acc_1", {"$name": "A", "nickname": "x"})


def moved(now: Record, **fields: str) -> Record:
    return replace(now, fields={**now.fields, **fields})


# ---------------------------------------------------------------- what a draft wants (rule R1)


def test_an_unchanged_row_is_believed() -> None:
    state = applied(TEXT, live(LISTED))
    for known in (STATE, state):
        made = drafted(TEXT, live(LISTED), known)
        assert not made.wanted
    assert not made.changes


@pytest.mark.parametrize("known", [True, False])
def test_a_row_that_differs_is_read_by_id_before_it_is_a_change(known: bool) -> None:
    state = applied(TEXT, live(LISTED)) if known else STATE
    row = moved(LISTED, nickname="y")
    assert drafted(TEXT, live(row), state).wanted.records == {("account", "acc_1")}
    assert not drafted(TEXT, live(replace(row, fresh=True)), state).wanted


def test_a_row_that_equals_the_declared_value_but_not_the_state_is_read_by_id() -> None:
    """A lagging row can't hide an edit: it may show what was there before it."""
    settled = {"$name": Hashes(STATE.hash("A"), STATE.hash("A")), "nickname": Hashes(STATE.hash("x"), STATE.hash("z"))}
    state = bound(Binding(A, "acc_1", fields=settled))
    assert drafted(TEXT, live(LISTED), state).wanted.records == {("account", "acc_1")}


def test_a_member_to_be_removed_is_looked_at_first() -> None:
    """Rule S6: it may be in the trash."""
    text = "lists: {l: {fields: {$name: L, $objectType: $account}, members: []}}"
    now = live(record("lst_1", {"$name": "L", "$objectType": "account"}, fresh=True))
    now.memberships["lst_1"] = frozenset({"acc_1"})
    assert drafted(text, now).wanted.records == {("account", "acc_1")}
    now.add(record("acc_1", {"$name": "A"}, fresh=True))
    assert drafted(text, now).wanted.trash == {"account"}
    now.trash["account"] = {}
    assert not drafted(text, now).wanted


def test_members_that_nobody_has_read_are_asked_for() -> None:
    text = "lists: {l: {fields: {$name: L, $objectType: $account}, members: []}}"
    made = drafted(text, live(record("lst_1", {"$name": "L", "$objectType": "account"})))
    assert made.wanted.memberships == {("lst_1", "account")}
    assert not made.changes


@pytest.mark.parametrize("recent", [True, False])
def test_a_membership_that_we_wrote_lately_is_asked_again(recent: bool) -> None:
    """Rule R2."""
    text = "accounts: {a: {fields: {$name: A}}}\nlists: {l: {fields: {$name: L, $objectType: $account}, members: [a]}}"
    now = live(record("acc_1", {"$name": "A"}), record("lst_1", {"$name": "L", "$objectType": "account"}))
    now.memberships["lst_1"] = frozenset({"acc_1"})
    state = applied(text, now)
    assert not drafted(text, now, state, ["lst_1"]).wanted
    now.memberships["lst_1"] = frozenset()
    made = drafted(text, now, state, ["lst_1"] if recent else [])
    assert made.wanted.memberships == ({("lst_1", "account")} if recent else set())


def test_an_unsettled_membership_is_reported_and_no_change() -> None:
    text = "accounts: {a: {fields: {$name: A}}}\nlists: {l: {fields: {$name: L, $objectType: $account}, members: [a]}}"
    now = live(record("acc_1", {"$name": "A"}), record("lst_1", {"$name": "L", "$objectType": "account"}))
    now.memberships["lst_1"] = frozenset({"acc_1"})
    state = applied(text, now)
    now.memberships["lst_1"] = frozenset()
    now.unsettled.add("lst_1")
    made = drafted(text, now, state, ["lst_1"])
    assert not made.changes
    assert not made.wanted
    assert made.warnings == ["list.l: its members are not settled in the index yet and were left out of this plan"]
    assert made.bindings == state.bindings, "what the last apply saw stays remembered"


# ---------------------------------------------------------------- the plan


def test_actions_and_counts() -> None:
    text = """
    accounts:
      new: {fields: {$name: New}}
      same: {fields: {$name: Same}}
      known: {fields: {$name: Known}}
      other: {fields: {$name: Other, tier: Gold}}
      two: {fields: {$name: Two}}
    """
    rows = [record(f"acc_{n}", {"$name": n.capitalize()}, fresh=True) for n in ("same", "known", "other", "two")]
    now = live(*rows, record("acc_two2", {"$name": "Two"}, fresh=True))
    state = bound(Binding(Address("account", "known"), "acc_known"))
    made = planned(text, now, state)
    assert {str(each.address): (each.action, each.adopted) for each in made.changes} == {
        "account.new": ("create", False),
        "account.same": ("adopt", True),
        "account.other": ("update", True),
    }
    assert [str(each.address) for each in made.blocked] == ["account.two"]
    assert made.unchanged == 1
    assert made.requests == Requests(read=1, search=1, write=2)
    assert made.enrichment_events == 1
    assert made.estimated_seconds == 0.08


@pytest.mark.parametrize(("share", "seconds"), [(1.0, 2.4), (0.5, 4.8)])
def test_the_estimate_is_the_longest_category_at_the_rate(share: float, seconds: float) -> None:
    text = "accounts:\n" + "".join(f"  a{n}: {{fields: {{$name: A{n}}}}}\n" for n in range(60))
    assert planned(text, live(), context=replace(CONTEXT, rate_share=share)).estimated_seconds == seconds


def test_scopes_that_reading_and_writing_need() -> None:
    text = """
    accounts: {a: {fields: {$name: A}, relationships: {$owner: kai@corp.example}}}
    tasks: {t: {fields: {$title: T, $status: TODO}, relationships: {$assignedTo: kai@corp.example, $account: a}}}
    """
    now = live(record("acc_1", {"$name": "A"}, fresh=True))
    allowed = replace(CONTEXT, scopes=frozenset({"accounts:read", "tasks:read", "tasks:create", "members:read"}))
    made = planned(text, now, context=allowed)
    assert made.required_scopes == (
        "accounts:read",
        "accounts:update",
        "members:read",
        "tasks:create",
        "tasks:read",
    )
    assert made.missing_scopes == ("accounts:update",)
    assert planned(text, now).missing_scopes == ()


def test_the_kinds_that_refs_point_at_must_be_readable() -> None:
    desired = wishes("notes: {n: {fields: {$title: N}, relationships: {$opportunity: [opp_1]}}}")
    assert reading_scopes(desired.values()) == {"notes:read", "opportunities:read"}


def test_targets_come_before_what_refers_to_them() -> None:
    text = """
    lists: {l: {fields: {$name: L, $objectType: $account}, members: [b]}}
    tasks: {t: {fields: {$title: T, $status: TODO}, relationships: {$assignedTo: kai@corp.example, $opportunity: o}}}
    opportunities: {o: {fields: {$name: O}, relationships: {$account: b, $champion: c}}}
    contacts: {c: {fields: {$email: [c@x.example]}, relationships: {$account: [b]}}}
    accounts: {b: {fields: {$name: B}, relationships: {parent: a}}, a: {fields: {$name: A}}}
    """
    made = planned(text, live())
    place = {each.address: number for number, each in enumerate(made.changes)}
    assert all(place[target] < place[each.address] for each in made.changes for target in each.depends_on)
    assert {str(each.address): [str(target) for target in each.depends_on] for each in made.changes} == {
        "account.a": [],
        "account.b": ["account.a"],
        "contact.c": ["account.b"],
        "opportunity.o": ["account.b", "contact.c"],
        "task.t": ["opportunity.o"],
        "list.l": ["account.b"],
    }


def test_an_update_waits_for_what_it_links_to() -> None:
    text = "accounts: {a: {fields: {$name: A}, relationships: {parent: b}}, b: {fields: {$name: B}}}"
    made = planned(text, live(record("acc_1", {"$name": "A"}, fresh=True)))
    assert [str(each.address) for each in made.changes] == ["account.b", "account.a"]
    assert change(made, "account.a").depends_on == (Address("account", "b"),)


def test_a_cycle_costs_a_second_step_and_says_so() -> None:
    text = """accounts: {a: {fields: {$name: A}, relationships: {parent: b}},
                         b: {fields: {$name: B}, relationships: {parent: a}}}"""
    made = planned(text, live())
    assert made.requests == Requests(read=1, search=2, write=3)
    assert change(made, "account.a").warnings == ("the link to account.b is set in a second step, once both exist",)
    assert change(made, "account.b").warnings == ()


@pytest.mark.parametrize(
    ("number", "setting", "skipped"), [(49, "auto", False), (50, "auto", True), (1, "skip", True), (60, "allow", False)]
)
def test_enrichment(number: int, setting: str, skipped: bool) -> None:
    changes = [
        Change(Address("account" if n % 2 else "contact", f"a{n}"), "create", Place("f", 1)) for n in range(number)
    ]
    others = [Change(Address("task", f"t{n}"), "create", Place("f", 1)) for n in range(60)]
    assert skip_enrichment([*changes, *others], setting) == skipped


def test_orphans_and_who_took_their_records() -> None:
    """Rule I4."""
    state = bound(Binding(Address("account", "old"), "acc_1"), Binding(Address("account", "gone"), "acc_2"))
    made = planned("accounts: {a: {fields: {$name: A}}}", live(record("acc_1", {"$name": "A"})), state)
    assert made.orphans == (Orphan(Address("account", "gone"), "acc_2"),)
    assert change(made, "account.a").warnings == ("was account.old before",)
    assert planned(TEXT, live(), state, replace(CONTEXT, whole=False)).orphans == ()


@pytest.mark.parametrize(
    ("updates", "share", "floor", "managed", "refused"),
    [
        (10, 0.3, 10, 1, False),
        (11, 0.3, 10, 1, True),
        (30, 0.3, 10, 100, False),
        (31, 0.3, 10, 100, True),
        (1, 0.0, 0, 100, True),
        (0, 0.0, 0, 0, False),
        (5, 1.0, 0, 5, False),
    ],
)
def test_thresholds(updates: int, share: float, floor: int, managed: int, refused: bool) -> None:
    """Rule P4: creates and adoptions don't count."""
    changes = [Change(Address("account", f"u{n}"), "update", Place("f", 1)) for n in range(updates)]
    changes += [Change(Address("account", f"a{n}"), "update", Place("f", 1), adopted=True) for n in range(50)]
    changes += [Change(Address("account", f"c{n}"), "create", Place("f", 1)) for n in range(50)]
    made = Plan(CONTEXT.workspace, "", "", tuple(changes))
    safety = SafetySettings.model_validate({"max_updates": f"{share:.0%}", "floor": floor})
    if refused:
        with pytest.raises(RefusedError, match=f"^{updates} of {managed} managed resources would be updated"):
            refuse_large(made, safety, managed)
    else:
        refuse_large(made, safety, managed)


def test_a_state_of_nothing_is_no_state() -> None:
    assert planned(TEXT, live(replace(LISTED, fresh=True)), State("salt-of-its-own")).changes[0].action == "adopt"

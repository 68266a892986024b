"""Drafts and plans: what must be read first, what the plan says of itself, and when it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from lfsync.errors import RefusedError
from lfsync.knowledge.knowledge import Knowledge, Trash, Wanted
from lfsync.model import Action, Address, Change, LinkChange, MembersChange, Orphan, Place, Record, Requests
from lfsync.planning.draft import Wishes
from lfsync.planning.plan import plan, reading_scopes, refusals, refuse, skip_enrichment
from lfsync.project.settings import SafetySettings
from lfsync.state.state import Binding, Hashes, State
from tests.core.world import CONTEXT, STATE, applied, bound, change, drafted, live, planned, record, told, wishes

A = Address("account", "a")
TEXT = "accounts: {a: {fields: {$name: A, nickname: x}}}"
LISTED = record("acc_1", {"$name": "A", "nickname": "x"})


def moved(now: Record, **fields: str) -> Record:
    return replace(now, fields={**now.fields, **fields})


# ---------------------------------------------------------------- what a draft wants (rule R1)


def test_an_unchanged_row_is_believed() -> None:
    state = applied(TEXT, live(LISTED))
    for known in (STATE, state):
        now = live(LISTED)
        made = drafted(TEXT, now, known)
        assert not now.wanted
    assert not made.changes


@pytest.mark.parametrize("known", [True, False])
def test_a_row_that_differs_is_read_by_id_before_it_is_a_change(known: bool) -> None:
    state = applied(TEXT, live(LISTED)) if known else STATE
    row = moved(LISTED, nickname="y")
    now = live(row)
    drafted(TEXT, now, state)
    assert now.wanted == Wanted(records={("account", "acc_1")})
    now = live(replace(row, fresh=True))
    drafted(TEXT, now, state)
    assert not now.wanted


def test_a_row_that_equals_the_declared_value_but_not_the_state_is_read_by_id() -> None:
    """A lagging row can't hide an edit: it may show what was there before it."""
    settled = {"$name": Hashes(STATE.hash("A"), STATE.hash("A")), "nickname": Hashes(STATE.hash("x"), STATE.hash("z"))}
    now = live(LISTED)
    drafted(TEXT, now, bound(Binding(A, "acc_1", fields=settled)))
    assert now.wanted == Wanted(records={("account", "acc_1")})


def test_what_was_written_lately_is_read_by_id() -> None:
    """Rule R4: also a row that is as it should be."""
    now = live(LISTED)
    now.recent.add(("account", "acc_1"))
    drafted(TEXT, now, applied(TEXT, live(LISTED)))
    assert now.wanted == Wanted(records={("account", "acc_1")})


LIST = "lists: {l: {fields: {$name: L, $objectType: $account}, members: []}}"


def test_a_member_to_be_removed_is_looked_at_first() -> None:
    """Rule S6: it may be in the trash."""
    now = live(record("lst_1", {"$name": "L", "$objectType": "account"}, fresh=True))
    now.memberships["lst_1"] = frozenset({"acc_1"})
    drafted(LIST, now)
    assert now.wanted == Wanted(records={("account", "acc_1")})
    now.add(record("acc_1", {"$name": "A"}, fresh=True))
    drafted(LIST, now)
    assert now.wanted == Wanted(probes={"account"})
    now.shows_trashed["account"] = True
    now.trash["account"] = Trash()
    drafted(LIST, now)
    assert now.wanted == Wanted(trash={("account", "acc_1")})
    now.trash["account"] = Trash(whole=True)
    assert change(drafted(LIST, now), "list.l").members == MembersChange((), ("acc_1",))
    assert not now.wanted


def test_a_link_to_be_removed_is_looked_at_first() -> None:
    """Rule S6: what is known to be in the trash is ignored."""
    text = "accounts: {a: {fields: {$name: A}, relationships: {partners: []}}}"
    now = live(record("acc_1", {"$name": "A"}, {"partners": ("acc_2",)}, fresh=True))
    drafted(text, now)
    assert now.wanted == Wanted(records={("account", "acc_2")})
    now.absent.add(("account", "acc_2"))
    assert change(drafted(text, now), "account.a").action == "adopt"
    assert not now.wanted


def test_members_that_nobody_has_read_are_asked_for() -> None:
    now = live(record("lst_1", {"$name": "L", "$objectType": "account"}))
    made = drafted(LIST, now)
    assert now.wanted == Wanted(memberships={("lst_1", "account")})
    assert not made.changes


MEMBER = "accounts: {a: {fields: {$name: A}}}\nlists: {l: {fields: {$name: L, $objectType: $account}, members: [a]}}"


def with_member() -> Knowledge:
    now = live(record("acc_1", {"$name": "A"}), record("lst_1", {"$name": "L", "$objectType": "account"}))
    now.memberships["lst_1"] = frozenset({"acc_1"})
    return now


@pytest.mark.parametrize("late", [True, False])
def test_a_membership_that_we_wrote_lately_is_asked_again(late: bool) -> None:
    """Rule R2."""
    now = with_member()
    state = applied(MEMBER, now)
    now.late_lists |= {"lst_1"} if late else set()
    drafted(MEMBER, now, state)
    assert not now.wanted
    now.memberships["lst_1"] = frozenset()
    drafted(MEMBER, now, state)
    assert now.wanted == (Wanted(memberships={("lst_1", "account")}) if late else Wanted())


def test_an_unsettled_membership_is_reported_and_no_change() -> None:
    """Rule R2."""
    now = with_member()
    state = applied(MEMBER, now)
    now.memberships["lst_1"] = frozenset()
    now.late_lists.add("lst_1")
    now.unsettled.add("lst_1")
    made = drafted(MEMBER, now, state)
    assert not made.changes
    assert not now.wanted
    assert told(made) == ["list.l: its members are not settled in the index yet and were left out of this plan"]
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
    assert str(change(made, "account.a").moved_from) == "account.old"
    assert planned(TEXT, live(), state, replace(CONTEXT, whole=False)).orphans == ()


def changes(
    action: Action, number: int, *, adopted: bool = False, members: MembersChange | None = None
) -> list[Change]:
    return [
        Change(Address("account", f"{action}{adopted:d}{n}"), action, Place("f", 1), adopted=adopted, members=members)
        for n in range(number)
    ]


def refused(
    made: list[Change],
    safety: Mapping[str, object] | None = None,
    *,
    bound: int,
    declared: int = 0,
    members: dict[Address, int] | None = None,
) -> list[str]:
    """The names of the thresholds that these changes are above."""
    context = replace(CONTEXT, bound=bound, safety=SafetySettings.model_validate(safety or {}))
    return [refusal.name for refusal in refusals(made, (), members or {}, context, declared=declared)]


@pytest.mark.parametrize(
    ("number", "share", "floor", "managed", "above"),
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
@pytest.mark.parametrize(("action", "name"), [("update", "max_updates"), ("delete", "max_deletes")])
def test_thresholds(
    number: int, share: float, floor: int, managed: int, above: bool, action: Action, name: str
) -> None:
    """Rule P4: refused above `floor` and above the share of bound resources; creates and adoptions don't count."""
    made = changes(action, number) + changes("create", 50) + changes("adopt", 50, adopted=True) + changes("restore", 50)
    expected = [name] if above else []
    assert refused(made, {"floor": floor, name: f"{share:.0%}"}, bound=managed) == expected


def test_updates_and_deletes_are_counted_each_for_itself() -> None:
    assert refused(changes("update", 11) + changes("delete", 11), bound=100) == ["max_deletes"]
    assert refused(changes("update", 31) + changes("delete", 11), bound=100) == ["max_updates", "max_deletes"]


@pytest.mark.parametrize(
    ("adopted", "updates", "bound_", "declared", "above"),
    [
        # a lost state lifts no limit: all that is declared is what counts
        (31, 0, 0, 100, True),
        (30, 0, 0, 100, False),
        (20, 11, 0, 100, True),
        # a state that is there
        (20, 11, 100, 100, True),
        (1, 30, 50, 100, True),
        (1, 20, 50, 100, False),
    ],
)
def test_adoptions_with_changes_count_as_updates(
    adopted: int, updates: int, bound_: int, declared: int, above: bool
) -> None:
    """Rule P4: of declared resources."""
    made = changes("update", adopted, adopted=True) + changes("update", updates)
    assert refused(made, bound=bound_, declared=declared) == (["max_updates"] if above else [])


@pytest.mark.parametrize(
    ("gone", "there", "above"), [(10, 10, False), (11, 11, True), (30, 100, False), (31, 100, True)]
)
def test_members_that_go_count_for_each_list(gone: int, there: int, above: bool) -> None:
    """Rule P4: `max_removals`, of what is there; a deleted list counts as a delete."""
    members = MembersChange(tuple(f"acc_a{n}" for n in range(99)), tuple(f"acc_{n}" for n in range(gone)))
    lists = {each.address: there for each in changes("update", 2)}
    expected = ["max_removals"] * 2 if above else []
    assert refused(changes("update", 2, members=members), bound=100, members=lists) == expected
    assert refused(changes("delete", 2, members=members), bound=100, members=lists) == []


@pytest.mark.parametrize(("gone", "there", "above"), [(10, 10, False), (11, 11, True), (31, 200, False)])
def test_links_that_go_count_for_each_has_many_and_never_for_a_has_one(gone: int, there: int, above: bool) -> None:
    """Rule P4."""
    many = LinkChange("partners", [*map(str, range(there))], [], (), tuple(map(str, range(gone))), "config")
    one = LinkChange("$owner", "kai@corp.example", None, (), ("mem_kai",), "config")
    (made,) = changes("update", 1)
    assert refused([replace(made, relationships=(many, one))], bound=100) == (["max_removals"] if above else [])
    only = [replace(made, relationships=(one,))]
    assert refused(only, {"floor": 0, "max_removals": "0%", "max_updates": "100%"}, bound=100) == []


def test_a_plan_says_when_apply_would_refuse_it() -> None:
    """Rule P4; --allow-large lets the thresholds pass, and no missing scope."""
    rows = [record(f"acc_{n}", {"$name": f"A{n}", "nickname": "x"}, fresh=True) for n in range(11)]
    text = "accounts:\n" + "".join(f"  a{n}: {{fields: {{$name: A{n}, nickname: y}}}}\n" for n in range(11))
    made = planned(text, live(*rows))
    (refusal,) = made.refusals
    assert (refusal.kind, refusal.name, len(refusal.addresses)) == ("threshold", "max_updates", 11)
    assert refusal.message == "11 of 11 managed resources would be updated, above 30% and above 10"
    with pytest.raises(RefusedError, match="11 of 11") as caught:
        refuse(made, allow_large=False)
    assert caught.value.exit_code == 4
    refuse(made, allow_large=True)
    lacking = planned(text, live(*rows), context=replace(CONTEXT, scopes=frozenset({"accounts:read"})))
    with pytest.raises(RefusedError, match="accounts:update"):
        refuse(lacking, allow_large=True)


def test_a_delete_says_that_it_waits_for_what_is_blocked() -> None:
    """Rule A9: deletes of a kind wait for that kind's creates."""
    text = """
    accounts: {two: {fields: {$name: Two}}}
    notes: {n: {fields: {$title: N}}}
    """
    twins = [record(f"acc_{n}", {"$name": "Two"}, fresh=True) for n in (1, 2)]
    old, note = Address("account", "old"), Address("note", "old")
    now = live(*twins, record("acc_9", {"$name": "Old"}, fresh=True), record("note_9", {"$title": "Old"}, fresh=True))
    created = [Binding(old, "acc_9", origin="created"), Binding(note, "note_9", origin="created")]
    state = bound(*created)
    made = drafted(text, now, state, Wishes(prune=True))
    waits = "waits for account.two, which is blocked"
    assert {str(a): waits in c.warnings for a, c in made.changes.items() if c.action == "delete"} == {
        "account.old": True,
        "note.old": False,
    }
    assert waits in change(plan(made, made.desired, state, CONTEXT), "account.old").warnings
    now.absent.add(("account", "acc_7"))
    known = drafted(text, now, bound(*created, Binding(Address("account", "two"), "acc_7")), Wishes(prune=True))
    assert Address("account", "two") in known.blocked
    assert not any(waits in each.warnings for each in known.changes.values()), "it was made, and may be restored"


def test_a_state_of_nothing_is_no_state() -> None:
    assert planned(TEXT, live(replace(LISTED, fresh=True)), State("salt-of-its-own")).changes[0].action == "adopt"

"""Is a change still what its plan shows? Each row of the table in `last_look` (rule A1)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lfsync.applying.give_up import GiveUpError
from lfsync.applying.last_look import last_values, moved_since, quoted, refuse_moved_links, still_planned
from lfsync.knowledge.knowledge import Knowledge
from lfsync.model import JSON, Address, Change, FieldChange, Place, Record
from lfsync.planning.diff import Comparer, Difference
from lfsync.planning.draft import Draft
from tests.core.world import SCHEMA, STATE, drafted, live, record

A = Address("account", "a")
TEXT = "accounts: {a: {match: {$name: A}, fields: {nickname: new, employees: 5}}}"
THEN = record("acc_1", {"$name": "A", "nickname": "old", "employees": 1}, fresh=True)


def others() -> list[Record]:
    """What may be linked: each is there."""
    rows = [record(f"acc_{n}", {"$name": f"N{n}"}, fresh=True) for n in range(2, 7)]
    return [*rows, *(record(f"con_{n}", {"$email": [f"c{n}@x.example"]}, fresh=True) for n in range(1, 7))]


def world(*records: Record) -> Knowledge:
    return live(*records, *others())


def comparer(made: Draft, now: Knowledge) -> Comparer:
    return Comparer(made.desired, SCHEMA, STATE, now, made.resolution)


def look(
    text: str,
    then: Record,
    now: Record,
    *,
    shown: Change | None = None,
    touched: frozenset[str] = frozenset(),
    cleared: frozenset[str] = frozenset(),
    members: frozenset[str] | None = None,
) -> Difference:
    """What is still to be sent of the plan that was made on `then`, or of `shown`, a part of it."""
    made, planned = on(text, then)
    change = shown or planned
    knowledge = world(now)
    if members is not None:
        knowledge.memberships[now.id] = members
    current = comparer(made, knowledge).comparison(made.desired[change.address], now, None)
    return still_planned(change, made.desired[change.address], current, planned, touched, cleared)


def on(text: str, then: Record, members: frozenset[str] | None = None) -> tuple[Draft, Change]:
    """The draft on what was there at planning, and its one update."""
    knowledge = world(then)
    if members is not None:
        knowledge.memberships[then.id] = members
    made = drafted(text, knowledge)
    assert not knowledge.wanted
    (change,) = (each for each in made.changes.values() if each.action == "update")
    return made, change


def moved(now: Record = THEN, links: dict[str, tuple[str, ...]] | None = None, **fields: JSON) -> Record:
    return replace(now, fields={**now.fields, **fields}, links=now.links if links is None else links)


# ---------------------------------------------------------------- nothing written yet: fields


@pytest.mark.parametrize(
    ("now", "sent"),
    [
        # equals the plan's `before`
        (THEN, ["employees", "nickname"]),
        # equals `after`: done
        (moved(nickname="new"), ["employees"]),
        (moved(employees=5), ["nickname"]),
        (moved(nickname="new", employees=5), []),
        # what is not managed is nobody's business
        (moved(tier="opt_g"), ["employees", "nickname"]),
        # the server's other form of the same value
        (moved(employees=1.0), ["employees", "nickname"]),
    ],
)
def test_what_is_as_planned_is_sent_and_what_is_done_is_not(now: Record, sent: list[str]) -> None:
    assert sorted(field.key for field in look(TEXT, THEN, now).fields) == sent


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (moved(nickname="edited"), '`nickname` was "old" in the plan, now it is "edited"'),
        (moved(nickname=None), '`nickname` was "old" in the plan, now it is null'),
        (moved(employees=2), "`employees` was 1 in the plan, now it is 2"),
        (moved(nickname="new", employees=2), "`employees` was 1 in the plan, now it is 2"),
    ],
)
def test_what_people_changed_since_is_stale(now: Record, said: str) -> None:
    with pytest.raises(GiveUpError, match=f"^{said}") as caught:
        look(TEXT, THEN, now)
    assert caught.value.status == "stale"
    assert caught.value.hint


def test_a_managed_value_that_the_plan_does_not_show_is_stale() -> None:
    """It was as declared, and has moved since."""
    then = moved(employees=5)
    with pytest.raises(GiveUpError, match=r"^`employees` was 5 in the plan, now it is 7"):
        look(TEXT, then, moved(employees=7))


def test_a_plan_of_drift_alone_leaves_the_rest_as_its_own_reading_saw_it() -> None:
    """The saved plan shows one of two keys that differ."""
    _, planned = on(TEXT, THEN)
    part = replace(planned, fields=tuple(field for field in planned.fields if field.key == "nickname"))
    assert [field.key for field in look(TEXT, THEN, THEN, shown=part).fields] == ["nickname"]
    with pytest.raises(GiveUpError, match="`employees` was 1 in the plan, now it is 2"):
        look(TEXT, THEN, moved(employees=2), shown=part)


def test_a_value_that_this_run_emptied_is_set_anew() -> None:
    """Rule A7: unique values that swap owners are cleared first."""
    with pytest.raises(GiveUpError):
        look(TEXT, THEN, moved(nickname=None))
    sent = look(TEXT, THEN, moved(nickname=None), cleared=frozenset({"nickname"}))
    assert sorted(field.key for field in sent.fields) == ["employees", "nickname"]


def test_an_address_whose_coordinates_the_server_found_is_as_it_was() -> None:
    """Rule C7: they are compared only if named."""
    text = "accounts: {a: {match: {$name: A}, fields: {$primaryAddress: {street: 2 Main St}}}}"
    address: dict[str, JSON] = {"street": "1 Main St", "latitude": None}
    then = record("acc_1", {"$name": "A", "$primaryAddress": {**address}}, fresh=True)
    now = record("acc_1", {"$name": "A", "$primaryAddress": {**address, "latitude": 30.2, "longitude": 1}}, fresh=True)
    assert [field.key for field in look(text, then, now).fields] == ["$primaryAddress"]


# ---------------------------------------------------------------- links

LINKS = "accounts: {{a: {{match: {{$name: A}}, fields: {{}}, relationships: {{$contact: {}}}}}}}"


def linked(*numbers: int) -> Record:
    return record("acc_1", {"$name": "A"}, {"$contact": tuple(f"con_{n}" for n in numbers)}, fresh=True)


@pytest.mark.parametrize(
    ("declared", "then", "now", "add", "remove"),
    [
        # as it was
        ("[con_1, con_2]", [3], [3], [1, 2], [3]),
        ("{include: [con_1], exclude: [con_3]}", [3], [3], [1], [3]),
        # done in part, or all of it
        ("[con_1, con_2]", [3], [1, 3], [2], [3]),
        ("[con_1, con_2]", [3], [1, 2], [], []),
        ("{include: [con_1], exclude: [con_3]}", [3], [1], [], []),
        # of a partial set, only what is named counts
        ("{include: [con_1]}", [3], [3, 4], [1], []),
        ("{include: [con_1]}", [3], [], [1], []),
    ],
)
def test_links_that_are_still_to_come_and_go(
    declared: str, then: list[int], now: list[int], add: list[int], remove: list[int]
) -> None:
    links = look(LINKS.format(declared), linked(*then), linked(*now)).links
    assert [id for link in links for id in link.add] == [f"con_{n}" for n in add]
    assert [id for link in links for id in link.remove] == [f"con_{n}" for n in remove]


@pytest.mark.parametrize(
    ("declared", "then", "now", "came"),
    [
        # somebody linked one that the exact set would unlink, and nobody has seen that in the plan
        ("[con_1, con_2]", [3], [3, 4], "con_4"),
        # somebody unlinked what was as declared
        ("[con_1, con_2]", [1], [], "con_1"),
        ("{include: [con_1, con_2]}", [1], [], "con_1"),
        ("{include: [con_1], exclude: [con_3]}", [], [3], "con_3"),
    ],
)
def test_links_that_people_changed_since_are_stale(declared: str, then: list[int], now: list[int], came: str) -> None:
    with pytest.raises(GiveUpError, match=r"^`\$contact` was .* in the plan, now it is") as caught:
        look(LINKS.format(declared), linked(*then), linked(*now))
    assert caught.value.status == "stale"
    sent = look(LINKS.format(declared), linked(*then), linked(*now), touched=frozenset({came}))
    texts = {id for link in sent.links for id in (*link.add, *link.remove)}
    assert came not in texts, "this run wrote the other side of it: allowed for, and not this change's to send"


OWNER = "accounts: {a: {match: {$name: A}, fields: {}, relationships: {$owner: kai@corp.example}}}"


@pytest.mark.parametrize(
    ("then", "now", "stale", "sent"),
    [
        (None, None, False, True),
        ("mem_mia", "mem_mia", False, True),
        ("mem_mia", "mem_kai", False, False),
        (None, "mem_mia", True, False),
        ("mem_mia", "mem_zoe", True, False),
    ],
)
def test_a_has_one(then: str | None, now: str | None, stale: bool, sent: bool) -> None:
    def owned(id: str | None) -> Record:
        return record("acc_1", {"$name": "A"}, {"$owner": (id,) if id else ()}, fresh=True)

    if stale:
        with pytest.raises(GiveUpError, match=r"^`\$owner` was"):
            look(OWNER, owned(then), owned(now))
    else:
        assert bool(look(OWNER, owned(then), owned(now)).links) == sent


@pytest.mark.parametrize("now", [None, "mem_kai"])
def test_a_has_one_that_was_cleared_since(now: str | None) -> None:
    """What the plan removes is gone already: what is left of it is no surprise that must be kept."""
    then = record("acc_1", {"$name": "A"}, {"$owner": ("mem_mia",)}, fresh=True)
    cleared = record("acc_1", {"$name": "A"}, {"$owner": (now,) if now else ()}, fresh=True)
    text = OWNER.replace("kai@corp.example", "null")
    if now is None:
        assert not look(text, then, cleared).links
    else:
        with pytest.raises(GiveUpError, match=r"^`\$owner` was"):
            look(text, then, cleared)


# ---------------------------------------------------------------- members

LIST = "lists: {{l: {{fields: {{$name: L, $objectType: $account}}, members: {}}}}}"
BEST = record("lst_1", {"$name": "L", "$objectType": "account"}, fresh=True)


def members(declared: str, then: set[str], now: set[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Who is still to come, and to go."""
    made, change = on(LIST.format(declared), BEST, frozenset(then))
    knowledge = world(BEST)
    knowledge.memberships["lst_1"] = frozenset(now)
    current = comparer(made, knowledge).comparison(made.desired[change.address], BEST, None)
    sent = still_planned(change, made.desired[change.address], current, change, frozenset(), ()).members
    return (sent.add, sent.remove) if sent else ((), ())


@pytest.mark.parametrize(
    ("then", "now", "add", "remove"),
    [
        ({"acc_3"}, {"acc_3"}, ("acc_2",), ("acc_3",)),
        ({"acc_3"}, {"acc_2", "acc_3"}, (), ("acc_3",)),
        ({"acc_3"}, {"acc_2"}, (), ()),
    ],
)
def test_members_that_are_still_to_come_and_go(
    then: set[str], now: set[str], add: tuple[str, ...], remove: tuple[str, ...]
) -> None:
    assert members("[acc_2]", then, now) == (add, remove)


@pytest.mark.parametrize(
    ("declared", "then", "now"),
    [
        ("[acc_2]", {"acc_3"}, {"acc_3", "acc_4"}),
        ("[acc_2, acc_5]", {"acc_5"}, set()),
        ("{include: [acc_2], exclude: [acc_4]}", set(), {"acc_4"}),
    ],
)
def test_members_that_people_changed_since_are_stale(declared: str, then: set[str], now: set[str]) -> None:
    with pytest.raises(GiveUpError, match="its members have changed since the plan") as caught:
        members(declared, then, now)
    assert caught.value.status == "stale"


# ---------------------------------------------------------------- written by this run

SEVERAL = """
accounts: {a: {match: {$name: A}, fields: {nickname: new, employees: 5}, relationships: {$contact: [con_1]}}}
"""
WRITTEN = moved(links={"$contact": ()}, nickname="new")


@pytest.mark.parametrize(
    ("now", "what"),
    [
        # as our last write's answer left it: what is not sent yet may be sent
        (WRITTEN, None),
        # what is as declared by now is as it should be, whoever wrote it
        (moved(WRITTEN, employees=5), None),
        (moved(WRITTEN, {"$contact": ("con_1",)}), None),
        # anything else
        (moved(WRITTEN, employees=2), "`employees`"),
        (moved(WRITTEN, nickname="edited"), "`nickname`"),
        (moved(WRITTEN, {"$contact": ("con_2",)}), "`$contact`"),
        # not managed
        (moved(WRITTEN, tier="opt_g"), None),
    ],
)
def test_what_moved_while_this_run_wrote(now: Record, what: str | None) -> None:
    made, _ = on(SEVERAL, moved(links={"$contact": ()}))
    assert moved_since(comparer(made, world(now)), made.desired[A], WRITTEN, now, frozenset()) == what


def test_what_this_run_linked_from_the_other_side_is_its_own() -> None:
    made, _ = on(SEVERAL, moved(links={"$contact": ()}))
    now = moved(WRITTEN, {"$contact": ("con_2",)})
    found = moved_since(comparer(made, world(now)), made.desired[A], WRITTEN, now, frozenset({"con_2"}))
    assert found is None


def test_the_servers_own_form_of_our_value_is_no_move() -> None:
    """It is as our write's answer left it, whatever was sent."""
    made, _ = on(SEVERAL, moved(links={"$contact": ()}))
    left = moved(WRITTEN, nickname="NEW")
    assert moved_since(comparer(made, world(left)), made.desired[A], left, left, frozenset()) is None


# ---------------------------------------------------------------- deletes


def delete(*fields: FieldChange) -> Change:
    return Change(A, "delete", Place("state", 2), id="acc_1", fields=fields)


def shown(key: str, value: JSON, value_type: str = "TEXT") -> FieldChange:
    return FieldChange(key, key, value_type, value, None, value, None, "config")


def test_a_delete_whose_values_are_as_planned_goes() -> None:
    change = delete(shown("nickname", "old"), shown("employees", 1, "NUMBER"))
    definitions = SCHEMA.kinds["account"]
    assert last_values(change, THEN, definitions) == {"nickname": "old", "employees": 1}
    assert last_values(change, moved(employees=1.0, tier="opt_g"), definitions) == {"nickname": "old", "employees": 1.0}


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (moved(nickname="edited"), '`nickname` was "old" in the plan, now it is "edited"'),
        (moved(nickname=None), '`nickname` was "old" in the plan, now it is'),
    ],
)
def test_a_delete_goes_stale_if_a_managed_key_moved(now: Record, said: str) -> None:
    """Rule A1."""
    with pytest.raises(GiveUpError, match=f"^{said}") as caught:
        last_values(delete(shown("nickname", "old")), now, SCHEMA.kinds["account"])
    assert caught.value.status == "stale"


def test_a_delete_whose_field_is_gone_is_stale() -> None:
    with pytest.raises(GiveUpError, match="the field `dropped` is gone since the plan"):
        last_values(delete(shown("dropped", "old")), THEN, SCHEMA.kinds["account"])


@pytest.mark.parametrize(
    ("planned", "now", "touched", "stale"),
    [
        ({"con_1"}, {"con_1"}, set(), False),
        (set(), set(), set(), False),
        ({"con_1"}, {"con_1", "con_2"}, set(), True),
        ({"con_1"}, set(), set(), True),
        ({"con_1"}, {"con_1", "con_2"}, {"con_2"}, False),
        ({"con_1"}, set(), {"con_1"}, False),
    ],
)
def test_a_delete_goes_stale_if_a_managed_link_moved(
    planned: set[str], now: set[str], touched: set[str], stale: bool
) -> None:
    """Rule A1; this run's own writes are allowed for."""

    def name(key: str, id: str) -> str:
        return f"the {key} {id}"

    if not stale:
        refuse_moved_links({"$contact": planned}, {"$contact": now}, touched, name)
        return
    with pytest.raises(GiveUpError, match=r"^`\$contact` was .* now it is ") as caught:
        refuse_moved_links({"$contact": planned}, {"$contact": now}, touched, name)
    assert "the $contact con_1" in caught.value.reason


def test_a_relationship_that_the_plan_does_not_show_was_empty() -> None:
    refuse_moved_links({}, {"$contact": set()}, set(), lambda _, id: id)
    with pytest.raises(GiveUpError, match=r"^`\$contact` was \[\] in the plan"):
        refuse_moved_links({}, {"$contact": {"con_1"}}, set(), lambda _, id: id)


@pytest.mark.parametrize(
    ("value", "text"), [("a", '"a"'), (None, "null"), (["Ä"], '["Ä"]'), ("x" * 200, f'"{"x" * 78}…')]
)
def test_a_value_for_a_message_is_cut_where_it_is_long(value: JSON, text: str) -> None:
    assert quoted(value) == text

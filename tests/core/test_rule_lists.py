"""Who is in a list by rule, where something can't be told; and what counts of each record (rules K1, I9, R1)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lfsync.model import JSON, Address, Record
from lfsync.planning.draft import Draft, Wishes
from lfsync.state.state import Binding
from tests.core.world import bound, change, drafted, live, record, told

GOLD = Address("list", "gold")
LIST = """
lists:
  gold:
    fields: {$name: Gold, $objectType: $account}
    members: {where: %s}
"""


def account(id: str, fields: dict[str, JSON], *, fresh: bool = True, owner: str = "") -> Record:
    links: dict[str, tuple[str, ...]] = {"$owner": (owner,)} if owner else {}
    return record(f"acc_{id}", {"$name": id.title(), **fields}, links, fresh=fresh)


def members(made: Draft) -> tuple[str, ...]:
    found = change(made, "list.gold").members
    return found.add if found else ()


def asked(where: str, *records: Record, more: str = "") -> Draft:
    return drafted(LIST % where + more, live(*records))


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("{tier: Gold}", ["acc_a", "acc_b"]),
        ("{tier: opt_g}", ["acc_a", "acc_b"]),
        ("{tier: ' gold '}", ["acc_a", "acc_b"]),
        ("{tier: [Gold, Silver]}", ["acc_a", "acc_b", "acc_c"]),
        ("{tier: null}", ["acc_d"]),
        ("{tier: []}", ["acc_d"]),  # rule C8
        ('{tier: ""}', ["acc_d"]),
        ("{tier: [Silver, null]}", ["acc_c", "acc_d"]),
        ("{tier: Gold, $owner: KAI@corp.example}", ["acc_a"]),
        ("{$owner: mem_kai}", ["acc_a", "acc_c"]),
        ("{$owner: [kai@corp.example, mia@corp.example]}", ["acc_a", "acc_b", "acc_c"]),
        ("{$owner: null}", ["acc_d"]),
        ("{$owner: [null, mia@corp.example]}", ["acc_b", "acc_d"]),
        ("{employees: 5.00}", ["acc_a"]),
        ("{employees: [5, 7]}", ["acc_a", "acc_b"]),
        ("{nickname: Éclair}", ["acc_a"]),  # rules I2, C18: trimmed, NFC
        ("{nickname: éclair}", []),  # exact
        ("{$website: HTTPS://Acme.example}", ["acc_a"]),  # a value shared, host without case
        ("{$website: [acme.example, birch.example]}", ["acc_a", "acc_b"]),
    ],
)
def test_what_is_asked(where: str, expected: list[str]) -> None:
    made = asked(
        where,
        account(
            "a",
            {
                "tier": "opt_g",
                "employees": 5,
                "nickname": " E\u0301clair ",
                "$website": ["https://x.example", "https://acme.example"],
            },
            owner="mem_kai",
        ),
        account("b", {"tier": "opt_g", "employees": 7.0, "$website": ["https://birch.example"]}, owner="mem_mia"),
        account("c", {"tier": "opt_s"}, owner="mem_kai"),
        account("d", {"tier": None, "nickname": "  "}),
    )
    assert [*members(made)] == expected


def test_a_hidden_value_blocks_the_list_and_a_visible_one_that_fails_does_not() -> None:  # rule I9
    hidden = replace(account("a", {}), redacted=True)
    made = asked("{tier: Gold}", hidden, account("b", {"tier": "opt_g"}))
    assert "metadata only of acc_a" in made.blocked[GOLD].reason
    other = replace(account("a", {"tier": "opt_s"}), redacted=True)
    assert members(asked("{tier: Gold}", other, account("b", {"tier": "opt_g"}))) == ("acc_b",)
    named = asked("{tier: Gold}, exclude: [acc_a]", hidden, account("b", {"tier": "opt_g"}))
    assert members(named) == ("acc_b",)


def test_a_text_of_a_redacted_record_may_be_a_mask() -> None:  # rule I9
    hidden = replace(account("a", {"nickname": "•••"}), redacted=True)
    assert GOLD in asked("{nickname: Sunny}", hidden).blocked


def test_only_a_complete_search_tells() -> None:  # rule I9
    now = live(account("a", {"tier": "opt_g"}))
    del now.listed["account"]
    made = drafted(LIST % "{tier: Gold}", now)
    assert GOLD not in made.changes
    assert now.wanted.searches == {"account": set()}
    now.unlistable.add("account")
    made = drafted(LIST % "{tier: Gold}", now)
    assert "moves while it is read" in made.blocked[GOLD].reason
    assert not now.wanted


def test_a_row_is_read_before_it_lets_somebody_in_or_out() -> None:  # rule R1
    now = live(
        account("a", {"tier": "opt_g"}, fresh=False),
        account("b", {"tier": "opt_s"}, fresh=False),
        account("c", {"tier": "opt_s"}, fresh=False),
        record("lst_1", {"$name": "Gold", "$objectType": "account"}, fresh=True),
    )
    now.memberships["lst_1"] = frozenset(("acc_b",))
    drafted(LIST % "{tier: Gold}", now)
    assert now.wanted.records == {("account", "acc_a"), ("account", "acc_b")}


def test_a_row_that_equals_the_files_is_believed() -> None:  # rule R1
    files = LIST % "{tier: Gold}" + "accounts: {a: {fields: {$name: A, tier: Gold}}}\n"
    now = live(account("a", {"$name": "A", "tier": "opt_g"}, fresh=False))
    made = drafted(files, now, bound(Binding(Address("account", "a"), "acc_a")))
    assert members(made) == ("account.a",)
    assert not now.wanted


def test_who_can_not_be_read_stays_as_it_is() -> None:  # rule A9: that record only
    now = live(
        account("a", {"tier": "opt_g"}, fresh=False),
        account("b", {"tier": "opt_s"}, fresh=False),
        account("c", {"tier": "opt_g"}),
        record("lst_1", {"$name": "Gold", "$objectType": "account"}, fresh=True),
    )
    now.memberships["lst_1"] = frozenset(("acc_b",))
    now.forbidden |= {("account", "acc_a"): "no", ("account", "acc_b"): "no"}
    made = drafted(LIST % "{tier: Gold}", now)
    found = change(made, "list.gold").members
    assert found is not None
    assert (found.add, found.remove) == (("acc_c",), ())
    assert not now.wanted
    assert sum("stays as it is" in message for message in told(made)) == 2


FILES = "accounts: {a: {fields: {$name: A, tier: Gold}, %s}}\n" + LIST % "{tier: Gold}"


@pytest.mark.parametrize(
    ("lifecycle", "is_in"),
    [
        ("", True),
        ("lifecycle: {ignore_changes: [tier]}", False),  # it stays Silver
        ("lifecycle: {seed: true}", False),
    ],
)
def test_what_the_files_say_counts_where_it_will_be_so(lifecycle: str, is_in: bool) -> None:  # rule K1
    now = live(account("a", {"$name": "A", "tier": "opt_s"}))
    made = drafted(FILES % lifecycle, now, bound(Binding(Address("account", "a"), "acc_a")))
    assert members(made) == (("account.a",) if is_in else ())
    assert bool(made.rests[GOLD]) == is_in


def test_a_new_seed_and_what_is_set_at_create_only_count_as_declared() -> None:  # rules K1, L1
    files = FILES % "lifecycle: {seed: true, ignore_changes: [tier]}"
    assert members(drafted(files, live())) == ("account.a",)


def test_what_is_left_out_of_the_run_counts_as_it_is() -> None:  # rules P3, K1
    now = live(account("a", {"$name": "A", "tier": "opt_s"}))
    made = drafted(FILES % "", now, asked=Wishes(left_out=frozenset((Address("account", "a"),))))
    assert members(made) == ()


def test_an_absent_list_asks_for_nothing() -> None:
    files = LIST % "{tier: Gold}" + "    lifecycle: {absent: true}\n"
    now = live()
    del now.listed["account"]
    made = drafted(files, now)
    assert not made.changes
    assert not now.wanted


def test_a_rule_that_names_what_is_absent_is_blocked() -> None:
    files = "accounts: {a: {fields: {$name: A}, lifecycle: {absent: true}}}\n" + LIST % "{parent: a}"
    made = drafted(files, live(account("a", {"$name": "A"})))
    assert "declared absent" in made.blocked[GOLD].reason


def test_who_is_included_and_excluded_is_blocked() -> None:
    files = LIST % "{tier: Gold}, include: [acc_a], exclude: [{match: {$name: A}}]"
    made = drafted(files, live(account("a", {"$name": "A"})))
    assert "includes and excludes" in made.blocked[GOLD].reason

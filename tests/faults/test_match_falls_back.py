"""`match: [[...], [...]]`: the first list of keys that has values and hits; no create while any hits (rule K2)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.faults.town import Town

ONE = "accounts: {a: {match: [[$website], [$name]], fields: {$name: Acme, $website: [https://acme.example]}}}\n"


def test_the_first_list_wins_over_a_later_one(build: Callable[..., Town]) -> None:
    town = build()
    town.make("/v1/accounts", {"$name": "Acme"})
    by_site = town.make("/v1/accounts", {"$name": "Other", "$website": ["https://acme.example"]})
    town.write(ONE)
    town.apply()
    assert town.id("account.a") == by_site


def test_two_hits_of_a_list_are_refused_and_no_later_one_is_asked(build: Callable[..., Town]) -> None:
    town = build()
    for name in ("X", "Y"):
        town.make("/v1/accounts", {"$name": name, "$website": ["https://acme.example"]})
    town.make("/v1/accounts", {"$name": "Acme"})
    town.write(ONE)
    town.forget()
    plan = town.plan()
    assert [each["address"] for each in plan["blocked"]] == ["account.a"]
    assert "2 live records match $website" in plan["blocked"][0]["reason"]
    town.apply(expect=3)
    assert town.writes() == []


@pytest.mark.parametrize("fields", [{"$name": "Acme"}, {"$name": "Z", "$website": ["https://acme.example"]}])
def test_nothing_is_made_while_any_list_hits(build: Callable[..., Town], fields: dict[str, object]) -> None:
    """Rule A1: also where the record came between the plan and its create, whichever list it is that hits."""
    town = build()
    town.write(ONE)
    plan = town.root.parent / "p.json"
    assert town.lfsync("plan", "-o", str(plan)).code == 0
    id = town.make("/v1/accounts", fields)
    town.forget()
    said = town.lfsync("apply", str(plan), "--yes")
    assert said.code in (3, 4), said
    assert town.writes() == []
    town.apply()
    assert town.id("account.a") == id
    assert len(town.rows("/v1/accounts")) == 1


def test_a_killed_create_is_met_again_by_the_first_list_with_values(build: Callable[..., Town]) -> None:
    town = build()
    town.write("accounts: {a: {match: [[$website], [$name]], fields: {$name: Acme, $website: null}}}\n")
    town.killed_apply(1, unanswered=True)
    town.apply()
    assert len(town.rows("/v1/accounts")) == 1
    town.write(ONE)
    town.apply()
    assert len(town.rows("/v1/accounts")) == 1
    assert town.actions() == {}


def test_a_list_that_waits_for_another_resource_falls_back(build: Callable[..., Town]) -> None:
    """A list of keys that refers to what is still to be made hits nothing; the next one is asked."""
    town = build()
    kai = town.ask("GET", "/v1/members")["data"][0]["id"]
    known = town.make("/v1/tasks", {"$title": "Call", "$status": "TODO"}, assignedTo=kai)
    town.write(
        "accounts: {a: {fields: {$name: New}}}\n"
        "tasks: {t: {match: [[$title, $account], [$title]], fields: {$title: Call, $status: TODO},"
        " relationships: {$account: a}}}\n"
    )
    town.apply()
    assert town.id("task.t") == known

"""Importing again: only what came since, whatever was done to what is managed (rule V1: bound, or found by a match)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.faults.town import Build, Town
from tests.importing.other_reader import load

_SEED = """\
members: [{ref: kai, email: kai@corp.example, role: admin}]
records:
  accounts:
    - {ref: acme, fields: {$name: Acme}, relationships: {$owner: kai}}
    - {ref: twin, fields: {$name: Twin}}
    - {fields: {$name: Twin}}
  contacts:
    - {fields: {$name: {firstName: Ada}, $email: [ada@acme.example]}, relationships: {$account: [acme]}}
  tasks:
    - {fields: {$title: Call, $status: TODO}, relationships: {$account: acme, $assignedTo: kai}}
"""


@pytest.fixture
def place(build: Build) -> Town:
    """A workspace all of which is imported."""
    made = build(seed=_SEED)
    assert len(imported(made)) == 5
    return made


def imported(place: Town, *arguments: str) -> dict[str, str]:
    """What `lfsync import` takes, address → id; it leaves nothing, and writes nothing to Lightfield."""
    before = place.writes()
    said = place.lfsync("import", *(arguments or ("--all",)), "--format", "json")
    assert said.code == 0, said
    assert place.writes() == before
    told: dict[str, Any] = json.loads(said.out)
    return {each["address"]: each["id"] for each in told["imported"]}


def bytes_of(place: Town) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in place.root.glob("*.yaml")}


def without(place: Town, key: str, name: str) -> None:
    """Somebody takes a resource out of a file."""
    text = (place.root / name).read_text()
    head, found, rest = text.partition(f"  {key}:\n")
    assert found
    kept = rest[rest.index("\n\n") + 2 :] if "\n\n" in rest else ""
    (place.root / name).write_text(head + kept)


def test_only_what_came_since(place: Town) -> None:
    before = bytes_of(place)
    new = place.make("/v1/accounts", {"$name": "Birch"})
    one = place.make("/v1/contacts", {"$name": {"firstName": "Bo"}, "$email": ["bo@birch.example"]}, account=[new])
    assert imported(place) == {"account.birch": new, "contact.bo@birch.example": one}
    after = bytes_of(place)
    assert after.keys() == before.keys()
    assert all(after[name].startswith(data.rstrip(b"\n")) for name, data in before.items()), "every byte stays"
    assert after["tasks.yaml"] == before["tasks.yaml"]
    assert load(after["contacts.yaml"].decode())["contacts"]["bo@birch.example"]["relationships"] == {
        "$account": ["birch"]
    }
    assert place.actions() == {}


def test_after_a_rename_in_the_crm(place: Town) -> None:
    """What is bound is managed under its old key; that it is called otherwise now is drift."""
    place.edit("/v1/accounts", place.id("account.acme"), fields={"$name": "Acme Energy"})
    assert imported(place) == {}
    (change,) = place.plan()["changes"]
    assert (change["address"], change["fields"][0]["key"], change["fields"][0]["cause"]) == (
        "account.acme",
        "$name",
        "drift",
    )


def test_a_new_record_that_took_the_old_name_of_another(place: Town) -> None:
    """It is nobody's match: `acme` is bound. So it comes, under the next key, and by its id (rule C10)."""
    place.edit("/v1/accounts", place.id("account.acme"), fields={"$name": "Acme Energy"})
    new = place.make("/v1/accounts", {"$name": "Acme"})
    assert imported(place) == {"account.acme-2": new}
    assert load((place.root / "accounts.yaml").read_text())["accounts"]["acme-2"]["id"] == new
    assert list(place.actions()) == ["account.acme"]


def test_after_trash(place: Town) -> None:
    """What is in the trash is not active; its resource is blocked, and never made again. Restored, it is as it was."""
    id = place.id("account.acme")
    place.trash("/v1/accounts", id)
    assert imported(place) == {}
    assert "account.acme" in [each["address"] for each in place.plan()["blocked"]], "and with it what refers to it"
    place.ask("POST", f"/v1/accounts/{id}/restore", {})
    assert imported(place) == {}
    assert place.actions() == {}


def test_what_was_made_anew_after_trash(place: Town) -> None:
    """A record of the trashed one's name is another record: it is imported, by its id (rules C10, I6)."""
    place.trash("/v1/accounts", place.id("account.acme"))
    new = place.make("/v1/accounts", {"$name": "Acme"})
    assert imported(place) == {"account.acme-2": new}
    plan = place.plan()
    assert "account.acme" in [each["address"] for each in plan["blocked"]]
    assert "account.acme-2" not in [each["address"] for each in (*plan["blocked"], *plan["changes"])]


def test_after_state_rm(place: Town) -> None:
    """What a declared resource finds is managed, bound or not: by its match, and twins by their `id:`."""
    before = bytes_of(place)
    for address in list(place.state()):
        place.lfsync("state", "rm", address)
    assert imported(place) == {}
    assert bytes_of(place) == before
    assert set(place.actions().values()) == {"adopt"}


def test_what_is_bound_and_in_no_file_any_more_is_managed(place: Town) -> None:
    without(place, "call", "tasks.yaml")
    assert imported(place) == {}
    assert [each["address"] for each in place.plan()["orphans"]] == ["task.call"]


def test_what_was_let_go_comes_again_under_its_key(place: Town) -> None:
    id = place.id("task.call")
    without(place, "call", "tasks.yaml")
    place.lfsync("state", "rm", "task.call")
    assert imported(place) == {"task.call": id}
    assert place.actions() == {}


def test_a_key_that_moved_is_not_given_twice(place: Town) -> None:
    """After `state mv` and an edit of the file, the address that is free again can be another record's."""
    text = (place.root / "accounts.yaml").read_text()
    (place.root / "accounts.yaml").write_text(text.replace("  acme:\n", "  birch:\n"))
    for name in ("contacts.yaml", "tasks.yaml"):
        path = place.root / name
        path.write_text(path.read_text().replace("[acme]", "[birch]").replace("$account: acme", "$account: birch"))
    assert imported(place) == {}, "a renamed key finds its record by the match (rule I4)"
    new = place.make("/v1/accounts", {"$name": "Birch"})
    assert imported(place) == {"account.birch-2": new}


def test_what_a_declared_resource_can_not_choose_from_is_left(build: Build) -> None:
    """With an `id:` elsewhere the match of the declared one would hit none, and the next plan would make a third."""
    place = build(seed=_SEED)
    place.write("accounts: {mine: {fields: {$name: Twin}}}\n", "mine.yaml")
    said = place.lfsync("import", "account", "--format", "json")
    told = json.loads(said.out)
    assert said.code == 3
    assert [each["address"] for each in told["imported"]] == ["account.acme"]
    assert ["account.mine" in each["reason"] for each in told["left"]] == [True, True]
    plan = place.plan()
    assert (plan["changes"], [each["address"] for each in plan["blocked"]]) == ([], ["account.mine"])


def test_an_import_asks_for_nothing_twice(build: Build) -> None:
    """Issue 8: it costs what a plan does."""
    place = build(seed=_SEED)
    place.forget()
    assert place.lfsync("import", "--all", "--dry-run").code == 0
    log = [line.replace("&offset=0", "") for line in place.log()]
    assert sorted(log) == sorted(set(log))

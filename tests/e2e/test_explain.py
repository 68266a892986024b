"""`lfsync explain ADDRESS`: why does the plan want this (design.md, section 13)?"""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import MakeProject
from tests.e2e.rig import Project, Server

_FILES = {
    "accounts.yaml": (
        "accounts:\n"
        "  acme:\n"
        "    fields:\n"
        "      $name: Acme of explain\n"
        "      tier: Gold\n"
        "      score: 5\n"
        "      nickname: Ace\n"
        "tasks:\n"
        "  call:\n"
        "    fields: {$title: Call of explain, $status: TODO}\n"
        "    relationships: {$account: acme, $assignedTo: kai@corp.example}\n"
        "    lifecycle: {ignore_changes: [$status]}\n"
        "lists:\n"
        "  targets:\n"
        "    fields: {$name: Targets of explain, $objectType: $account}\n"
        "    members: [acme]\n"
    ),
}


def explained(place: Project, address: str, expect: int = 0) -> dict[str, Any]:
    found = place.lfsync("explain", address, "--format", "json", expect=expect).json()
    return {**found, "keys": {key["key"]: key for key in found["keys"]}}


def test_the_verdicts_are_those_of_the_plan(server: Server, make: MakeProject) -> None:
    """Rule S4: config, drift, conflict; and nothing where both sides are the same."""
    place = make(_FILES)
    place.apply()
    id = place.ids()["account.acme"]
    options = server.sdk().account.definitions().field_definitions["tier"].type_configuration.options
    silver = next(option.id for option in options or () if option.label == "Silver")
    server.sdk().account.update(id, fields={"tier": silver, "nickname": "Edited"})
    place.write("accounts.yaml", _FILES["accounts.yaml"].replace("score: 5", "score: 6").replace("Ace", "Declared"))
    told = explained(place, "account.acme")
    assert (told["found_by"], told["id"], told["action"]) == ("state", id, "update")
    assert told["name"] == "Acme of explain"
    assert told["link"]
    verdicts = {key: told["keys"][key]["verdict"] for key in ("$name", "tier", "score", "nickname")}
    assert verdicts == {"$name": "same", "tier": "drift", "score": "config", "nickname": "conflict"}
    tier = told["keys"]["tier"]
    assert (tier["declared"], tier["live"]) == ("Gold", "Silver")
    assert tier["source"] == {"file": "accounts.yaml", "line": 5, "column": 13}
    planned = {f["key"]: f["cause"] for f in place.plan()["changes"][0]["fields"]}
    assert planned == {key: verdict for key, verdict in verdicts.items() if verdict != "same"}


def test_how_the_record_was_found(server: Server, make: MakeProject) -> None:
    """Rule I1: id, state, match, or none."""
    place = make(_FILES)
    told = explained(place, "account.acme")
    assert (told["found_by"], told["id"], told["action"]) == (None, None, "create")
    assert {key["verdict"] for key in told["keys"].values()} == {"new"}
    there = server.sdk().account.create(fields={"$name": "Acme of explain"})
    assert explained(place, "account.acme")["found_by"] == "match"
    named = _FILES["accounts.yaml"].replace("  acme:\n", f"  acme:\n    id: {there.id}\n")
    place.write("accounts.yaml", named)
    told = explained(place, "account.acme")
    assert (told["found_by"], told["id"]) == ("id", there.id)


def test_a_default_is_told_by_its_place(make: MakeProject) -> None:
    place = make(_FILES)
    settings = (place.folder / "lfsync.yaml").read_text()
    place.write("lfsync.yaml", f"{settings}\ndefaults: {{account: {{fields: {{renewalDate: 2027-03-01}}}}}}\n")
    told = explained(place, "account.acme")["keys"]
    assert told["renewalDate"]["default"] is True
    assert told["renewalDate"]["source"]["file"] == "lfsync.yaml"
    assert told["tier"]["default"] is False


def test_members_links_and_ignored_keys(make: MakeProject) -> None:
    place = make(_FILES)
    place.apply()
    members = explained(place, "list.targets")["keys"]["members"]
    assert (members["verdict"], members["declared"], members["live"]) == ("same", ["acme"], ["account.acme"])
    task = explained(place, "task.call")["keys"]
    assert task["$status"]["verdict"] == "ignored"
    assert task["$account"]["verdict"] == "same"


def test_the_content_of_a_file_is_the_same_until_it_changes(make: MakeProject) -> None:
    """Rule F1: no answer of the API shows what a file holds; the state's hash knows."""
    place = make({"crm.yaml": "files: {notes: {path: notes.txt}}\n", "notes.txt": "explained\n"})
    place.apply()
    assert explained(place, "file.notes")["keys"]["sha256"]["verdict"] == "same"
    place.write("notes.txt", "changed\n")
    told = explained(place, "file.notes")
    assert (told["action"], told["keys"]["sha256"]["verdict"]) == ("update", "new")


def test_an_orphan_says_what_becomes_of_it(make: MakeProject) -> None:
    place = make(_FILES)
    place.apply()
    place.write("accounts.yaml", "accounts: {}\n")
    run = place.lfsync("explain", "account.acme")
    assert "--prune" in run.out
    assert place.ids()["account.acme"] in run.out


def test_a_blocked_resource_says_why(server: Server, make: MakeProject) -> None:
    """Rule A6: what is blocked is exit 3."""
    place = make(_FILES)
    for _ in range(2):
        server.sdk().account.create(fields={"$name": "Acme of explain"})
    told = explained(place, "account.acme", expect=3)
    assert "2 live records match" in told["blocked"]["reason"]
    assert "blocked: 2 live records match" in place.lfsync("explain", "account.acme", expect=3).out


@pytest.mark.parametrize(
    ("address", "hint"),
    [("account.acmee", "did you mean `account.acme`?"), ("acme", "kind.key"), ("banana.acme", "account.acme")],
)
def test_a_wrong_address_is_told_with_the_nearest(make: MakeProject, address: str, hint: str) -> None:
    run = make(_FILES).lfsync("explain", address, expect=1)
    assert hint in run.err


def test_one_screen(make: MakeProject) -> None:
    """What is the same on both sides takes a line each."""
    place = make(_FILES)
    place.apply()
    lines = place.lfsync("explain", "account.acme").out.splitlines()
    assert len(lines) < 24
    assert lines[0].startswith("account.acme  accounts.yaml:2:3")
    assert all(len(line) < 120 for line in lines)


def test_into_a_pipe_nothing_is_cut(make: MakeProject) -> None:
    """Rule P2; on a terminal a text of thousands of characters would fill more than the one screen."""
    long = "x" * 3000
    place = make({"accounts.yaml": f"accounts: {{acme: {{fields: {{$name: Acme, nickname: {long}}}}}}}\n"})
    assert long in place.lfsync("explain", "account.acme").out
    place.apply()
    assert long in place.lfsync("explain", "account.acme").out

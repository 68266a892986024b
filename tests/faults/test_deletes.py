"""Deleting what is still wanted: rules L2, A9, I6 and P4."""

from __future__ import annotations

import pytest
from starlette.responses import Response

from tests.faults.town import Build, Town, error

_ADA = "{$name: {firstName: Ada, lastName: Lind}, $email: [ada@acme.example]}"
_NAMED = {
    "by match": """\
accounts: {acme: {fields: {$name: Acme}, relationships: {$contact: {include: [{match: {$email: ada@acme.example}}]}}}}
""",
    "by id": """\
accounts: {acme: {fields: {$name: Acme}, relationships: {$contact: {include: [ADA]}}}}
""",
    "as a champion": """\
accounts: {acme: {fields: {$name: Acme}}}
opportunities:
  deal:
    fields: {$name: Deal, $stage: Discovery}
    relationships: {$account: acme, $champion: {match: {$email: ada@acme.example}}}
""",
    "as a member": """\
lists:
  friends:
    fields: {$name: Friends, $objectType: $contact}
    members: {include: [{match: {$email: ada@acme.example}}]}
""",
    "by a default": """\
accounts: {acme: {fields: {$name: Acme}}}
notes: {hello: {fields: {$title: Hello}}}
""",
    "by a blocked resource": """\
accounts: {twin: {fields: {$name: Twin}, relationships: {$contact: {include: [{match: {$email: ada@acme.example}}]}}}}
""",
}  # fmt: skip


def _with_ada(build: Build) -> tuple[Town, str]:
    """A contact that lfsync made, and that is about to be an orphan."""
    town = build("records: {accounts: [{fields: {$name: Twin}}, {fields: {$name: Twin}}]}\n")
    town.settings(safety={"max_deletes": "100%"})
    town.write(f"contacts: {{ada: {{fields: {_ADA}}}}}\n")
    town.apply()
    return town, town.id("contact.ada")


@pytest.mark.parametrize("how", _NAMED)
def test_prune_keeps_what_a_ref_still_names(build: Build, how: str) -> None:
    """Rule L2: a record that any declared ref names, by key, id or match, is no orphan."""
    town, ada = _with_ada(build)
    if how == "by a default":
        town.settings(safety={"max_deletes": "100%"}, defaults={"note": {"relationships": {"$contact": [ada]}}})
    town.write(_NAMED[how].replace("ADA", ada))
    assert town.actions("--prune").get("contact.ada") != "delete"
    town.apply("--prune", expect=3 if "blocked" in how else 0)
    assert town.titles("/v1/contacts") == ["Ada Lind"]


@pytest.mark.parametrize("how", ["by match", "by id", "as a member"])
def test_what_a_ref_still_names_is_not_listed_as_an_orphan(build: Build, how: str) -> None:
    """Rule L2: a record that any declared ref names is none: a plan without --prune doesn't call it one either."""
    town, ada = _with_ada(build)
    town.write(_NAMED[how].replace("ADA", ada))
    assert town.plan()["orphans"] == []


def test_prune_by_a_full_address_keeps_what_a_ref_still_names(build: Build) -> None:
    """Rules L2 and P3: a full address names an orphan for deletion, and a record that a ref names is none."""
    town, _ = _with_ada(build)
    town.write(_NAMED["by match"])
    town.lfsync("apply", "--yes", "--prune", "--only", "contact.ada")
    assert town.titles("/v1/contacts") == ["Ada Lind"]


def test_prune_trashes_what_nothing_names(build: Build) -> None:
    """Rule L2: orphans go with --prune. Without this, the tests above could pass for a prune that does nothing."""
    town, _ = _with_ada(build)
    town.write("accounts: {acme: {fields: {$name: Acme}}}")
    town.apply("--prune")
    assert town.titles("/v1/contacts") == []


# ---------------------------------------------------------------- rule A9


def _refuse(path: str) -> Response | None:
    return error(400, "invalid_request_error", code="unknown_field") if path == "/v1/lists" else None


@pytest.mark.parametrize("ended", ["orphan", "absent"])
def test_a_list_stays_when_its_successor_was_refused(build: Build, ended: str) -> None:
    """Rule A9: deletes of a kind are skipped (3) if one of that kind's creates failed: a list can't be restored."""
    town = build("records: {accounts: [{fields: {$name: Acme}}]}\n")
    town.settings(safety={"max_deletes": "100%"})
    members = "members: {include: [{match: {$name: Acme}}]}"
    town.write(f"lists: {{old: {{fields: {{$name: Old, $objectType: $account}}, {members}}}}}\n")
    town.apply()
    gone = (
        "old: {fields: {$name: Old, $objectType: $account}, lifecycle: {absent: true}}, " if ended == "absent" else ""
    )
    town.write(f"lists: {{{gone}new: {{fields: {{$name: New, $objectType: $account}}, {members}}}}}\n")
    town.bent.instead = lambda method, path: _refuse(path) if method == "POST" else None
    town.apply("--prune", expect=3)
    assert town.titles("/v1/lists") == ["Old"]
    town.bent.instead = lambda method, path: None
    town.apply("--prune")
    assert town.titles("/v1/lists") == ["New"]


def test_deletes_are_skipped_where_a_create_of_the_kind_is_blocked(build: Build) -> None:
    """Rule A9: deletes of a kind are skipped (3) if one of that kind's creates is blocked; those of others go on."""
    town = build("records: {accounts: [{fields: {$name: Twin}}, {fields: {$name: Twin}}]}\n")
    town.settings(safety={"max_deletes": "100%"})
    town.write(
        "accounts: {old: {fields: {$name: Old}}}\n"
        "tasks: {done: {fields: {$title: Done, $status: TODO}, relationships: {$assignedTo: kai@corp.example}}}\n"
    )
    town.apply()
    town.write("accounts: {new: {fields: {$name: Twin}}}\n")
    town.apply("--prune", expect=3)
    assert town.titles("/v1/accounts") == ["Old", "Twin", "Twin"]
    assert town.titles("/v1/tasks") == []


# ---------------------------------------------------------------- rule I6


@pytest.mark.parametrize("how", ["merged", "made again by hand"])
def test_the_survivor_is_bound_instead_of_restoring(build: Build, how: str) -> None:
    """Rule I6: where the match of a gone record hits exactly one other live record, that one is named, and
    --recreate-missing binds it instead of restoring."""
    town = build()
    town.write("accounts: {acme: {fields: {$name: Acme}}}\n")
    town.apply()
    ours = town.id("account.acme")
    other = town.make("/v1/accounts", {"$name": "Acme"})
    if how == "merged":
        town.ask("POST", "/v1/accounts/merge", {"primaryId": other, "duplicateId": ours})
    else:
        town.trash("/v1/accounts", ours)
    (blocked,) = town.plan()["blocked"]
    assert blocked["address"] == "account.acme"
    assert other in blocked["reason"] + (blocked["hint"] or "")
    town.apply("--recreate-missing")
    assert [row["id"] for row in town.rows("/v1/accounts")] == [other]
    assert town.id("account.acme") == other
    assert town.plan()["changes"] == []


def test_with_an_id_in_the_file_recreate_missing_only_restores(build: Build) -> None:
    """Rule I6: with `id:` in the file --recreate-missing only restores."""
    town = build()
    id = town.make("/v1/accounts", {"$name": "Acme"})
    town.write(f"accounts: {{acme: {{id: {id}, fields: {{$name: Acme}}}}}}\n")
    town.apply()
    town.trash("/v1/accounts", id)
    town.apply("--recreate-missing")
    assert [row["id"] for row in town.rows("/v1/accounts")] == [id]


# ---------------------------------------------------------------- rule P4

_SIXTY = "records: {accounts: [" + ", ".join(f"{{fields: {{$name: A{n:02}}}}}" for n in range(60)) + "]}\n"


def _list_of(ids: list[str]) -> str:
    return f"lists: {{big: {{fields: {{$name: Big, $objectType: $account}}, members: [{', '.join(ids)}]}}}}\n"


def _members(town: Town) -> int:
    return len(town.rows(f"/v1/lists/{town.id('list.big')}/accounts"))


def test_a_list_that_shrinks_is_seen_by_a_threshold(build: Build) -> None:
    """Rule P4: members count too: `max_removals` (30 %, above `floor`) is what goes of what is there, for each list."""
    town = build(_SIXTY)
    ids = [row["id"] for row in town.rows("/v1/accounts")]
    town.write(_list_of(ids))
    town.apply()
    town.write(_list_of(ids[:1]))
    refused = town.apply(expect=4)
    assert "list.big" in refused.text
    assert _members(town) == 60
    (refusal,) = town.plan()["refusals"]
    assert refusal["kind"] == "threshold"
    town.apply("--allow-large")
    assert _members(town) == 1


def test_what_excludes_takes_out_counts_as_well(build: Build) -> None:
    """Rule P4: what goes of what is there, however the list says so."""
    town = build(_SIXTY)
    ids = [row["id"] for row in town.rows("/v1/accounts")]
    town.write(_list_of(ids))
    town.apply()
    town.write(
        "lists: {big: {fields: {$name: Big, $objectType: $account}, "
        f"members: {{include: [{ids[0]}], exclude: [{', '.join(ids[1:])}]}}}}}}\n"
    )
    town.apply(expect=4)
    assert _members(town) == 60


def test_links_of_a_has_many_count_too(build: Build) -> None:
    """Rule P4: links count too, for each has-many."""
    names = ", ".join(
        f"{{fields: {{$name: {{firstName: P, lastName: L{n:02}}}, $email: [p{n:02}@acme.example]}}}}" for n in range(20)
    )
    town = build(f"records: {{contacts: [{names}]}}\n")
    ids = [row["id"] for row in town.rows("/v1/contacts")]
    text = "accounts: {{acme: {{fields: {{$name: Acme}}, relationships: {{$contact: [{}]}}}}}}\n"
    town.write(text.format(", ".join(ids)))
    town.apply()
    town.write(text.format(ids[0]))
    town.apply(expect=4)
    (acme,) = town.rows("/v1/accounts")
    assert len(acme["relationships"]["$contact"]["values"]) == 20


def test_a_few_members_may_go(build: Build) -> None:
    """Rule P4: refused when above `floor` (10) and above the share: 8 of 8 are below the floor, 15 of 60 below 30 %."""
    town = build(_SIXTY)
    ids = [row["id"] for row in town.rows("/v1/accounts")]
    town.write(_list_of(ids))
    town.apply()
    town.write(_list_of(ids[:45]))
    town.apply()
    assert _members(town) == 45


def test_max_removals_is_a_setting(build: Build) -> None:
    """Rule C11: `max_removals` is a key under `safety`."""
    town = build(_SIXTY)
    town.settings(safety={"max_removals": "100%"})
    ids = [row["id"] for row in town.rows("/v1/accounts")]
    town.write(_list_of(ids))
    town.apply()
    town.write(_list_of(ids[:1]))
    town.apply()
    assert _members(town) == 1


def test_an_adoption_that_takes_members_away_is_seen_by_a_threshold(build: Build) -> None:
    """Rule P4: `max_removals` counts what goes of what is there, also where the list was found by its match."""
    town = build(_SIXTY)
    ids = [row["id"] for row in town.rows("/v1/accounts")]
    town.write(_list_of(ids))
    town.apply()
    members = f"/v1/lists/{town.id('list.big')}/accounts"
    (town.root / ".lfsync/state/prod.jsonl").unlink()
    town.write(_list_of(ids[:1]))
    (change,) = town.plan()["changes"]
    assert (change["action"], change["adopted"]) == ("update", True)
    assert "list.big" in town.apply(expect=4).text
    assert len(town.rows(members)) == 60
    town.apply("--allow-large")
    assert len(town.rows(members)) == 1

"""Cost stays in proportion, counted in requests (rule R6)."""

from __future__ import annotations

import pytest

from tests.faults.town import Build

_KAI = "relationships: {$assignedTo: kai@corp.example"


def _accounts(count: int) -> str:
    return "accounts:\n" + "".join(f"  a{n:03}: {{fields: {{$name: A{n:03}}}}}\n" for n in range(count))


def _tasks(count: int) -> str:
    body = "".join(
        f"  t{n:03}: {{fields: {{$title: Call, $status: TODO}}, {_KAI}, $account: a{n:03}}}}}\n" for n in range(count)
    )
    return f"tasks:\n{body}"


def _pages(rows: int) -> int:
    """Requests that list so many rows once."""
    return rows // 25 + 1


def _seeded(count: int) -> str:
    rows = ", ".join(
        f"{{fields: {{$title: Other, $status: TODO}}, {_KAI.replace('@corp.example', '')}}}}}" for _ in range(count)
    )
    return f"records: {{tasks: [{rows}]}}\n"


@pytest.mark.parametrize("filters", ["honoured", "ignored", "rejected"])
@pytest.mark.parametrize("there", [0, 100])
def test_new_tasks_of_one_title_cost_no_listing_each(build: Build, there: int, filters: str) -> None:
    """Rule R6: n new records of one title cost no listing each."""
    count = 40
    town = build(_seeded(there) if there else "", quirks={"task-filters": filters})
    town.write(_accounts(count))
    town.apply()
    town.write(_accounts(count) + _tasks(count))
    town.forget()
    town.apply()
    assert len(town.rows("/v1/tasks")) == there + count
    # The plan's own complete search, the last looks at the front pages and what the run made: a few times all there is.
    assert town.listings("/v1/tasks") <= 3 * _pages(there + count) + 4


def test_twice_the_new_tasks_cost_no_more_than_twice(build: Build) -> None:
    """Rule R6: costs stay in proportion."""
    town = build(_seeded(50))
    town.write(_accounts(60))
    town.apply()
    searched = []
    for count in (15, 30, 60):
        town.write(_accounts(60) + _tasks(count))
        town.forget()
        town.apply()
        searched.append(town.listings("/v1/tasks"))
    assert searched[2] <= 2 * searched[0] + 6, searched


def test_tasks_of_one_title_that_are_there_are_adopted_from_their_pages(build: Build) -> None:
    """Rule R6: n unbound records of one title cost no listing each (the state is lost)."""
    town = build()
    town.write(_accounts(40) + _tasks(40))
    town.apply()
    (town.root / ".lfsync/state/prod.jsonl").unlink()
    town.forget()
    town.apply()
    assert town.writes() == []
    assert town.listings("/v1/tasks") <= 2 * _pages(40) + 2


def test_new_accounts_cost_no_listing_each(build: Build) -> None:
    """Rules R6 and A1: before a create filters are asked, and front pages only until one shows nothing newer."""
    town = build()
    town.write(_accounts(60))
    town.forget()
    town.apply()
    unfiltered = [line for line in town.log("GET", "/v1/accounts?") if "%24name" not in line]
    assert len(unfiltered) <= 3 * _pages(60) + 2


# ---------------------------------------------------------------- the trash


def _trash(count: int) -> str:
    rows = ", ".join(f"{{fields: {{$name: Gone{n:03}}}, trashed: true}}" for n in range(count))
    return f"records: {{accounts: [{rows}]}}\n"


@pytest.mark.parametrize("retrieve", ["404", "record"])
@pytest.mark.parametrize("missing", [1, 3])
def test_missing_records_do_not_read_the_whole_trash(build: Build, missing: int, retrieve: str) -> None:
    """Rule R6: one missing record costs no listing of all that was ever trashed."""
    town = build(_trash(250), quirks={"trashed-retrieve": retrieve})
    town.write(_accounts(5))
    town.apply()
    for n in range(missing):
        town.trash("/v1/accounts", town.id(f"account.a{n:03}"))
    town.forget()
    plan = town.plan()
    assert len(plan["blocked"]) == missing
    assert town.trash_listings("/v1/accounts") <= 2 * missing


def test_an_old_missing_record_does_not_read_the_whole_trash(build: Build) -> None:
    """Rule R6: as above, for the oldest of the trash, which stands on its last page."""
    seeded = _trash(120).replace("accounts: [", "accounts: [{fields: {$name: A000}}, ")
    town = build(seeded)
    town.write(_accounts(2))
    town.apply()
    town.trash("/v1/accounts", town.id("account.a000"))
    *_, oldest = town.rows("/v1/accounts", "&status=trashed")
    assert oldest["fields"]["$name"]["value"] == "A000"
    town.forget()
    plan = town.plan()
    assert [blocked["address"] for blocked in plan["blocked"]] == ["account.a000"]
    assert town.trash_listings("/v1/accounts") <= 2


# ---------------------------------------------------------------- replays


@pytest.mark.parametrize("seconds", [3, 30])
def test_a_clock_behind_date_costs_no_trash_listing_for_each_create(build: Build, seconds: float) -> None:
    """Rules R6 and A2: an answer that isn't clearly younger than its request is read by id; one listing of the trash
    for each kind and run."""
    town = build(_trash(100))
    town.bent.ahead = seconds
    town.write(_accounts(40))
    town.forget()
    said = town.apply()
    assert "40 created" in said.out
    assert len(town.writes()) == 40
    assert town.trash_listings("/v1/accounts") <= _pages(100)
    assert town.plan()["changes"] == []


def test_a_clock_behind_date_does_not_cost_undo_its_run(build: Build) -> None:
    """Rule A2: bound as created, so that undo trashes them."""
    town = build()
    town.bent.ahead = 3
    town.write(_accounts(12))
    town.apply()
    assert town.lfsync("undo", "--yes", "--allow-large").code == 0
    assert town.rows("/v1/accounts") == []


def test_replays_cost_one_listing_of_the_trash_for_each_kind(build: Build) -> None:
    """Rule A2: state and journal are lost, and all creates are replays: one listing of the trash for the run."""
    town = build(_trash(100))
    town.write(_accounts(30))
    town.apply()
    for path in sorted((town.root / ".lfsync").rglob("*"), reverse=True):
        if path.is_file() and ("journal" in path.parts or "state" in path.parts):
            path.unlink()
    # A person renamed them all, so that no match hits, and each create meets its own key.
    for row in town.rows("/v1/accounts"):
        town.edit("/v1/accounts", row["id"], fields={"$name": f"{row['fields']['$name']['value']} Ltd"})
    town.forget()
    said = town.lfsync("apply", "--yes")
    assert said.code == 3, said
    assert town.trash_listings("/v1/accounts") <= _pages(100)
    assert len(town.rows("/v1/accounts")) == 30

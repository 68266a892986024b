"""One bad thing stops everything: it concerns itself only (rules A9, I6, A6; design 4 and 8)."""

from __future__ import annotations

import json

import pytest
from starlette.responses import Response

from tests.faults.town import Build, Town, error

_NO_RESTORE = ("accounts:read", "accounts:create", "accounts:update", "members:read")


def _accounts(*names: str, nickname: str = "") -> str:
    extra = f", nickname: {nickname}" if nickname else ""
    body = "".join(f"  {name.lower()}: {{fields: {{$name: {name}{extra}}}}}\n" for name in names)
    return f"accounts:\n{body}"


def _nicknames(town: Town) -> dict[str, str | None]:
    rows = {row["fields"]["$name"]["value"]: row["fields"] for row in town.rows("/v1/accounts")}
    return {name: fields["nickname"]["value"] for name, fields in sorted(rows.items())}


# ---------------------------------------------------------------- scopes


@pytest.mark.parametrize("then", ["nothing", "renamed", "trashed", "declared no more"])
@pytest.mark.parametrize("retrieve", ["404", "record"])
def test_a_kill_and_a_key_without_restore(
    build: Build, monkeypatch: pytest.MonkeyPatch, retrieve: str, then: str
) -> None:
    """Rule A9: a key without the restore scope concerns that resource only; rule A2: no second record."""
    town = build(quirks={"trashed-retrieve": retrieve})
    town.as_key(monkeypatch, *_NO_RESTORE)
    names = [f"A{n}" for n in range(6)]
    town.write(_accounts(*names))
    town.killed_apply(1, unanswered=True)
    (made,) = town.rows("/v1/accounts")
    name = made["fields"]["$name"]["value"]
    others = [other for other in names if other != name]
    if then == "renamed":
        town.edit("/v1/accounts", made["id"], fields={"$name": "Renamed"})
    elif then == "trashed":
        town.trash("/v1/accounts", made["id"])
    elif then == "declared no more":
        town.write(_accounts(*others))
    for _ in range(2):
        said = town.lfsync("apply", "--yes")
        assert said.code in (0, 3), said
    found = town.titles("/v1/accounts")
    assert [title for title in found if title in others] == others
    assert found.count(name) + found.count("Renamed") <= 1


def test_a_missing_record_and_a_key_without_restore(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule A9: without the restore scope the trash can't be asked; that concerns the missing record only."""
    town = build()
    town.as_key(monkeypatch, *_NO_RESTORE)
    town.write(_accounts("Acme", "Birch"))
    town.apply()
    town.trash("/v1/accounts", town.id("account.acme"))
    town.write(_accounts("Acme", "Birch", "Cedar", nickname="New"))
    town.apply(expect=3)
    assert _nicknames(town) == {"Birch": "New", "Cedar": "New"}


def test_recreate_missing_and_a_key_without_restore(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule A9: as above, where restoring was asked for."""
    town = build()
    town.as_key(monkeypatch, *_NO_RESTORE)
    town.write(_accounts("Acme", "Birch"))
    town.apply()
    town.trash("/v1/accounts", town.id("account.acme"))
    town.write(_accounts("Acme", "Birch", "Cedar", nickname="New"))
    said = town.lfsync("apply", "--yes", "--recreate-missing")
    if said.code == 4:  # refused for a scope that the plan needs: before any write
        assert "accounts:restore" in said.text
        assert _nicknames(town) == {"Birch": None}
        return
    assert said.code in (0, 3), said
    again = {"Acme": "New"} if said.code == 0 else {}
    assert _nicknames(town) == again | {"Birch": "New", "Cedar": "New"}
    assert len(town.rows("/v1/accounts")) == len(_nicknames(town))


# ---------------------------------------------------------------- a 403 on one record


def _forbidding(town: Town, method: str, id: str) -> None:
    def instead(asked: str, path: str) -> Response | None:
        forbidden = asked == method and path == f"/v1/accounts/{id}"
        return error(403, "permission_error", code="insufficient_permissions") if forbidden else None

    town.bent.instead = instead


def _two_with_a_forbidden_one(build: Build, method: str) -> Town:
    """Both are to be updated, and a third to be made."""
    town = build()
    town.write(_accounts("Acme", "Birch"))
    town.apply()
    town.write(_accounts("Acme", "Birch", "Cedar", nickname="New"))
    _forbidding(town, method, town.id("account.acme"))
    return town


def test_a_403_on_one_record_blocks_that_record_in_a_plan(build: Build) -> None:
    """Rule A9, design 8: the plan shows the rest whole, names the blocked one, and exits 3."""
    town = _two_with_a_forbidden_one(build, "GET")
    plan = town.plan()
    assert [blocked["address"] for blocked in plan["blocked"]] == ["account.acme"]
    assert {change["address"] for change in plan["changes"]} == {"account.birch", "account.cedar"}
    assert plan["exit_code"] == 3


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_403_on_one_record_leaves_the_rest_of_an_apply(build: Build, method: str) -> None:
    """Rule A9: a 403 on one record, read or written, concerns that resource only; rule A6: exit 3."""
    town = _two_with_a_forbidden_one(build, method)
    town.apply(expect=3)
    assert _nicknames(town) == {"Acme": None, "Birch": "New", "Cedar": "New"}
    town.bent.instead = lambda method, path: None
    town.apply()
    assert _nicknames(town) == {"Acme": "New", "Birch": "New", "Cedar": "New"}


def test_a_403_that_comes_after_the_plan(build: Build) -> None:
    """Rule A9: the read just before a write of a saved plan is refused: that resource only."""
    town = _two_with_a_forbidden_one(build, "NONE")
    saved = str(town.root.parent / "plan.json")
    assert town.lfsync("plan", "-o", saved).code == 0
    _forbidding(town, "GET", town.id("account.acme"))
    said = town.lfsync("apply", "--yes", saved)
    assert said.code == 3, said
    assert _nicknames(town) == {"Acme": None, "Birch": "New", "Cedar": "New"}


def test_a_403_on_a_delete(build: Build) -> None:
    """Rule A9: likewise."""
    town = build()
    town.settings(safety={"max_deletes": "100%"})
    town.write(_accounts("Acme", "Birch"))
    town.apply()
    _forbidding(town, "DELETE", town.id("account.acme"))
    town.write(_accounts("Cedar"))
    town.apply("--prune", expect=3)
    assert town.titles("/v1/accounts") == ["Acme", "Cedar"]


def test_a_403_on_a_record_that_an_undo_looks_at(build: Build) -> None:
    """Rule A9: an undo puts back the rest."""
    town = build()
    town.write(_accounts("Acme", "Birch", nickname="Old"))
    town.apply()
    town.write(_accounts("Acme", "Birch", nickname="New"))
    town.apply()
    _forbidding(town, "GET", town.id("account.acme"))
    said = town.lfsync("undo", "--yes")
    assert said.code == 3, said
    assert _nicknames(town) == {"Acme": "New", "Birch": "Old"}


# ---------------------------------------------------------------- trashed by a person


@pytest.mark.parametrize("retrieve", ["404", "record"])
def test_a_record_trashed_by_a_person_does_not_stop_the_plan(build: Build, retrieve: str) -> None:
    """Design 8: a blocked resource stops only what depends on it; `plan` prints and saves the rest whole, and exits 3,
    also with --detailed-exitcode."""
    town = build(quirks={"trashed-retrieve": retrieve})
    town.write(_accounts("Acme", "Birch"))
    town.apply()
    town.trash("/v1/accounts", town.id("account.acme"))
    town.write(_accounts("Acme", "Birch", "Cedar", nickname="New"))
    saved = town.root.parent / "plan.json"
    said = town.lfsync("plan", "--detailed-exitcode", "-o", str(saved))
    assert said.code == 3, said
    assert town.id("account.acme") in said.out
    plan = json.loads(saved.read_text())
    assert plan["summary"] | {"create": 1, "update": 1, "blocked": 1} == plan["summary"]
    assert town.apply(str(saved), expect=3)
    assert _nicknames(town) == {"Birch": "New", "Cedar": "New"}


def test_exit_3_of_a_plan_with_nothing_but_a_blocked_one(build: Build) -> None:
    """Design 8: exit 3 where something was blocked, `plan` too, also with --drift-only."""
    town = build()
    town.write(_accounts("Acme", "Birch"))
    town.apply()
    town.trash("/v1/accounts", town.id("account.acme"))
    assert town.lfsync("plan").code == 3
    assert town.lfsync("plan", "--drift-only").code == 3


# ---------------------------------------------------------------- absent, once done


@pytest.mark.parametrize(
    ("kind", "by", "retrieve"),
    [
        ("account", "lfsync", "404"),
        ("account", "lfsync", "record"),
        ("account", "a person", "404"),
        ("account", "a person", "record"),
        ("list", "lfsync", "404"),
        ("list", "lfsync", "record"),  # no listing shows it in the trash, but lfsync put it there itself
        ("list", "a person", "404"),
    ],
)
def test_absent_with_an_id_is_done_when_the_record_is_gone(build: Build, kind: str, by: str, retrieve: str) -> None:
    """Rule I6: a bound or named id that is gone satisfies `absent: true`."""
    town = build(quirks={"trashed-retrieve": retrieve})
    town.settings(safety={"max_deletes": "100%"})
    more = ", $objectType: $account" if kind == "list" else ""
    fields = {"$name": "Acme", **({"$objectType": "$account"} if kind == "list" else {})}
    id = town.make(f"/v1/{kind}s", fields)
    town.write(
        f"{kind}s: {{acme: {{id: {id}, fields: {{$name: Acme{more}}}, lifecycle: {{absent: true}}}}}}\n"
        + (_accounts("Birch") if kind == "list" else "tasks: {}\n")
    )
    if by == "a person":
        town.trash(f"/v1/{kind}s", id)
    else:
        town.apply("--prune")
    assert town.titles(f"/v1/{kind}s") == []
    town.apply()
    plan = town.plan("--prune")
    assert (plan["changes"], plan["blocked"], plan["exit_code"]) == ([], [], 0)


def test_absent_of_a_bound_record_that_a_person_trashed(build: Build) -> None:
    """Rule I6: a bound id that is gone satisfies `absent: true`."""
    town = build()
    town.write(_accounts("Acme", "Birch"))
    town.apply()
    town.trash("/v1/accounts", town.id("account.acme"))
    town.write(
        "accounts: {acme: {fields: {$name: Acme}, lifecycle: {absent: true}}, birch: {fields: {$name: Birch}}}\n"
    )
    plan = town.plan()
    assert (plan["changes"], plan["blocked"], plan["exit_code"]) == ([], [], 0)
    town.apply()


def test_absent_with_an_id_is_done_while_the_lag_lasts(build: Build) -> None:
    """Rules I6 and R4: what lfsync trashed is not trashed again, where the index of the trash lags."""
    town = build(
        "records: {accounts: [{fields: {$name: Acme}}, {fields: {$name: Birch}}]}\n",
        quirks={"trashed-retrieve": "record"},
        index_lag=4,
    )
    town.settings(safety={"max_deletes": "100%"}, index_lag_timeout=8)
    acme = next(row["id"] for row in town.rows("/v1/accounts") if row["fields"]["$name"]["value"] == "Acme")
    town.write(f"accounts: {{acme: {{id: {acme}, fields: {{$name: Acme}}, lifecycle: {{absent: true}}}}}}\n")
    town.apply("--prune")
    assert town.plan("--prune")["changes"] == []

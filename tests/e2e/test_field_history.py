"""Field history where a plan shows drift (API sheet 4.14): when it was changed, and what it held before."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.e2e.conftest import MakeProject
from tests.e2e.rig import Project, Server

ACCOUNT = {
    "accounts.yaml": "accounts: {acme: {fields: {$name: Acme of history, tier: Gold, score: 5, nickname: Ace}}}\n"
}
DEAL = {
    "crm.yaml": (
        "accounts: {acme: {fields: {$name: Acme of deals}}}\n"
        "opportunities:\n"
        "  deal: {fields: {$name: Deal of history, $stage: Proposal}, relationships: {$account: acme}}\n"
    )
}
MOMENT = r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"


def option(server: Server, kind: str, key: str, label: str) -> str:
    found = getattr(server.sdk(), kind).definitions().field_definitions[key].type_configuration.options
    return str(next(each.id for each in found if each.label == label))


def fields_of(plan: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {field["key"]: field for change in plan["changes"] for field in change["fields"]}


def history_reads(server: Server) -> list[str]:
    return [entry["path"] for entry in server.log() if entry["path"].partition("?")[0].endswith("/history")]


def drifted(server: Server, place: Project) -> None:
    """The tier is moved in Lightfield, and nothing else."""
    place.apply()
    silver = option(server, "account", "tier", "Silver")
    server.sdk().account.update(place.ids()["account.acme"], fields={"tier": silver})
    server.forget()


def test_a_plan_says_when_a_drifted_field_was_changed(server: Server, make: MakeProject) -> None:
    """Issue 7.6: "changed 2026-11-20 08:00 UTC, before that Gold", one read for each drifted field."""
    place = make(ACCOUNT)
    drifted(server, place)
    tier = fields_of(place.plan())["tier"]
    assert (tier["before"], tier["after"], tier["cause"]) == ("Silver", "Gold", "drift")
    assert tier["changed"]["before"] == "Gold"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", tier["changed"]["at"])
    [read] = history_reads(server)
    assert f"/{place.ids()['account.acme']}/fields/tier/" in read
    assert {entry["category"] for entry in server.log() if entry["path"] == read} == {"read"}
    line = next(each for each in place.lfsync("plan").out.splitlines() if "Silver → Gold" in each)
    assert re.search(rf"\(changed {MOMENT}, before that Gold\)$", line)


def test_no_history_asks_nothing(server: Server, make: MakeProject) -> None:
    place = make(ACCOUNT)
    drifted(server, place)
    assert "changed" not in fields_of(place.plan("--no-history"))["tier"]
    assert "before that" not in place.lfsync("plan", "--no-history").out
    assert history_reads(server) == []


def test_what_the_files_moved_is_not_asked_for(server: Server, make: MakeProject) -> None:
    """Only drift and conflict; beside fields of other causes each says its own."""
    place = make(ACCOUNT)
    drifted(server, place)
    server.sdk().account.update(place.ids()["account.acme"], fields={"nickname": "Edited"})
    text = ACCOUNT["accounts.yaml"].replace("score: 5", "score: 6").replace("Ace", "Declared")
    place.write("accounts.yaml", text)
    fields = fields_of(place.plan())
    assert {key: field["cause"] for key, field in fields.items()} == {
        "tier": "drift",
        "score": "config",
        "nickname": "conflict",
    }
    assert {key: field.get("changed", {}).get("before") for key, field in fields.items()} == {
        "tier": "Gold",
        "score": None,
        "nickname": "Ace",
    }
    assert len(history_reads(server)) == 2
    told = place.lfsync("plan").out
    assert re.search(rf"\(changed in Lightfield: {MOMENT}, before that Gold\)", told)
    assert re.search(rf"\(changed here and in Lightfield: {MOMENT}, before that Ace\)", told)


def test_a_saved_plan_keeps_it_and_apply_ignores_it(server: Server, make: MakeProject) -> None:
    place = make(ACCOUNT)
    drifted(server, place)
    place.lfsync("plan", "-o", place.folder.parent / "p.json")
    saved = json.loads((place.folder.parent / "p.json").read_text())
    assert fields_of(saved)["tier"]["changed"]["before"] == "Gold"
    server.forget()
    shown = place.lfsync("show", place.folder.parent / "p.json")
    assert re.search(rf"changed {MOMENT}, before that Gold", shown.out)
    assert place.lfsync("show", "--format", "json", place.folder.parent / "p.json").json() == saved
    place.lfsync("apply", "--yes", place.folder.parent / "p.json")
    assert history_reads(server) == []
    place.plan(expect=0)


def test_an_edited_moment_is_refused(server: Server, make: MakeProject) -> None:
    """Rule P1: the fingerprint is of all other keys."""
    place = make(ACCOUNT)
    drifted(server, place)
    path = place.folder.parent / "p.json"
    place.lfsync("plan", "-o", path)
    path.write_text(path.read_text().replace('"before": "Gold"}', '"before": "Silver"}'))
    assert "edited" in place.lfsync("show", path, expect=4).err


def test_a_field_without_history_fails_no_plan(server: Server, make: MakeProject) -> None:
    """A column-backed field gives an error whose code is not stated (U23)."""
    place = make(ACCOUNT)
    place.apply()
    server.sdk().account.update(place.ids()["account.acme"], fields={"$name": "Renamed there"})
    server.forget()
    name = fields_of(place.plan())["$name"]
    assert name["cause"] == "drift"
    assert "changed" not in name
    assert len(history_reads(server)) == 1


def test_a_stage_has_a_history(server: Server, make: MakeProject) -> None:
    place = make(DEAL)
    place.apply()
    id = place.ids()["opportunity.deal"]
    server.sdk().opportunity.update(id, fields={"$stage": option(server, "opportunity", "$stage", "Won")})
    stage = fields_of(place.plan())["$stage"]
    assert (stage["before"], stage["changed"]["before"]) == ("Won", "Proposal")


def test_a_kind_without_history_is_not_asked(server: Server, make: MakeProject) -> None:
    """API sheet 4.4: tasks have no field history."""
    tasks = (
        "tasks:\n"
        "  call:\n"
        "    fields: {$title: Call of history, $status: TODO}\n"
        "    relationships: {$assignedTo: mia@corp.example}\n"
    )
    place = make({"tasks.yaml": tasks})
    place.apply()
    sdk: Any = server.sdk()
    sdk.task.update(place.ids()["task.call"], fields={"$status": "COMPLETE"})
    server.forget()
    assert fields_of(place.plan())["$status"]["cause"] == "drift"
    assert history_reads(server) == []


def test_at_most_50_are_asked_for_custom_fields_first(server: Server, make: MakeProject) -> None:
    """Issue 7.6: at most 50 drifted fields, one read each."""
    rows = "".join(f"{n},Company {n} of history,Ace\n" for n in range(52))
    source = "sources: [{kind: account, file: r.csv, key: Id, fields: {$name: Name, nickname: Nick}}]\n"
    place = make({"sources.yaml": source, "r.csv": f"Id,Name,Nick\n{rows}"})
    place.apply()
    with server.sdk() as sdk:
        for id in place.ids().values():
            sdk.account.update(id, fields={"nickname": "Edited", "$name": f"Renamed {id}"})
    server.forget()
    plan = place.plan()
    reads = history_reads(server)
    assert len(reads) == len(set(reads)) == 50
    assert all("/fields/nickname/" in path for path in reads)
    changed = [f for c in plan["changes"] for f in c["fields"] if "changed" in f]
    assert len(changed) == 50


def test_explain_tells_it_of_each_key_that_differs(server: Server, make: MakeProject) -> None:
    """Design 13: when the field was last changed, where the kind has it."""
    place = make(ACCOUNT)
    drifted(server, place)
    told = place.lfsync("explain", "account.acme", "--format", "json").json()
    changed = {key["key"]: key["changed"] for key in told["keys"]}
    assert changed["tier"]["before"] == "Gold"
    assert [changed[key] for key in ("$name", "score", "nickname")] == [None, None, None]
    assert len(history_reads(server)) == 1
    assert re.search(rf"changed +{MOMENT}, before that Gold$", place.lfsync("explain", "account.acme").out, re.M)

"""For programs: what a run prints as JSON, its events, and its record (design.md, sections 8 and 15; rule A8)."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from tests.e2e.rig import Run
from tests.faults.town import Build, Town

_LIVE = "records:\n  accounts:\n    - {ref: acme, fields: {$name: Acme, tier: Gold}}\n"
_CRM = (
    "accounts: {acme: {fields: {$name: Acme, tier: Silver}}, birch: {fields: {$name: Birch}}}\n"
    "tasks:\n"
    "  call: {fields: {$title: Call, $status: TODO}, relationships: {$account: acme, $assignedTo: kai@corp.example}}\n"
)
_GONE = "accounts: {gone: {id: acc_00000000000000000000, fields: {$name: Gone}}}\n"


def _town(build: Build) -> Town:
    town = build(_LIVE)
    town.write(_CRM)
    return town


def _schema(town: Town, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(town.lfsync("schema", name).out)
    return found


def _run(town: Town, said: Run) -> dict[str, Any]:
    """The document that a run prints: whole, and as its schema says."""
    found: dict[str, Any] = json.loads(said.out)
    jsonschema.validate(found, _schema(town, "run"))
    assert found["exit_code"] == said.code
    return found


def _events(town: Town, path: Path) -> list[dict[str, Any]]:
    events = [json.loads(line) for line in path.read_text().splitlines()]
    schema = _schema(town, "event")
    for event in events:
        jsonschema.validate(event, schema)
    return events


# ---------------------------------------------------------------- --format json


def test_apply_prints_one_document(build: Build) -> None:
    """Design.md, 8: `{plan, run, outcomes, requests, exit_code}`; the run is the one of the history."""
    town = _town(build)
    found = _run(town, town.apply("--format", "json"))
    assert sorted(found) == ["exit_code", "outcomes", "plan", "requests", "run"]
    assert {each["address"]: (each["action"], each["status"]) for each in found["outcomes"]} == {
        "account.acme": ("update", "done"),
        "account.birch": ("create", "done"),
        "task.call": ("create", "done"),
    }
    assert found["plan"]["summary"]["create"] == 2
    assert found["requests"]["write"] == 3
    [on_record] = json.loads(town.lfsync("history", "--format", "json").out)
    assert on_record["run"] == found["run"]


def test_nothing_to_do_is_the_same_document(build: Build) -> None:
    town = _town(build)
    town.apply()
    found = _run(town, town.apply("--format", "json"))
    assert (found["outcomes"], found["run"], found["exit_code"]) == ([], None, 0)


def test_what_is_blocked_is_in_the_document(build: Build) -> None:
    """Rule A6: 3, and the document says so."""
    town = _town(build)
    town.write(_GONE, "gone.yaml")
    found = _run(town, town.apply("--format", "json", expect=3))
    assert [each["address"] for each in found["plan"]["blocked"]] == ["account.gone"]


def test_undo_prints_the_same(build: Build) -> None:
    town = _town(build)
    town.apply()
    found = _run(town, town.lfsync("undo", "--yes", "--allow-large", "--format", "json"))
    assert {each["address"]: each["action"] for each in found["outcomes"]} == {
        "account.acme": "update",
        "account.birch": "delete",
        "task.call": "delete",
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ("apply", "--yes"),
        ("undo", "--yes"),
        ("plan",),
        ("validate",),
        ("validate", "--online"),
        ("explain", "account.acme"),
        ("accept",),
        ("import", "account"),
        ("state", "list"),
        ("history",),
        ("history", "show"),
    ],
)
def test_a_failure_is_json_too(build: Build, arguments: tuple[str, ...]) -> None:
    """Design.md, 8: every failure prints `{problems}`, whole."""
    town = _town(build)
    town.write("accounts: {acme: {feilds: {}}, acme: {}}\n", "bad.yaml")
    if arguments[0] in ("state", "history", "undo"):
        town.write("version: 1\nworkspaces: {prod: {sta: x}}\n", "lfsync.yaml")
    said = town.lfsync(*arguments, "--format", "json")
    assert said.code == 1, said
    found = json.loads(said.out)
    assert list(found) == ["problems"]
    assert found["problems"]
    for problem in found["problems"]:
        assert sorted(problem) == ["address", "column", "file", "hint", "line", "message"]


@pytest.mark.parametrize(
    "arguments", [("state", "list"), ("history",), ("history", "show"), ("explain", "account.acme"), ("validate",)]
)
def test_a_success_is_json(build: Build, arguments: tuple[str, ...]) -> None:
    town = _town(build)
    town.apply()
    said = town.lfsync(*arguments, "--format", "json")
    assert said.code == 0, said
    json.loads(said.out)


def test_a_refusal_is_json(build: Build) -> None:
    town = _town(build)
    town.settings(safety={"floor": 0, "max_updates": "0%"})
    said = town.lfsync("apply", "--yes", "--format", "json")
    assert said.code == 4
    assert list(json.loads(said.out)) == ["problems"]


# ---------------------------------------------------------------- --events


def test_events_tell_it_as_it_happens(build: Build) -> None:
    """Design.md, 15: each with `type`, `time` and `address`; the first is version, and every write has its line."""
    town = _town(build)
    path = town.root / "events.jsonl"
    town.apply("--events", str(path))
    events = _events(town, path)
    types = [event["type"] for event in events]
    assert types[0] == "version"
    assert types[-1] == "summary"
    assert types.count("planned") == types.count("started") == types.count("written") == types.count("outcome") == 3
    assert events[-1] | {"time": ""} == {
        "type": "summary",
        "time": "",
        "address": None,
        "run": json.loads(town.lfsync("history", "--format", "json").out)[0]["run"],
        "outcomes": {"done": 3},
        "blocked": 0,
        "requests": events[-1]["requests"],
        "exit_code": 0,
        "problems": [],
    }
    for address in ("account.acme", "account.birch", "task.call"):
        mine = [event["type"] for event in events if event["address"] == address]
        assert mine == ["planned", "started", "written", "outcome"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_events_on_stdout_are_alone_there(build: Build) -> None:
    """Design.md, 8: data goes to stdout, everything else to stderr."""
    town = _town(build)
    said = town.apply("--events", "-")
    events = [json.loads(line) for line in said.out.splitlines()]
    assert [events[0]["type"], events[-1]["type"]] == ["version", "summary"]
    assert "Applied: 2 created, 1 updated" in said.err


def test_events_and_json_both_on_stdout_is_an_error(build: Build) -> None:
    town = _town(build)
    said = town.lfsync("apply", "--yes", "--events", "-", "--format", "json")
    assert said.code == 1
    assert town.writes() == []


def test_events_tell_of_a_failure(build: Build) -> None:
    """The last event has the exit code and the problems, whatever ended the command."""
    town = _town(build)
    town.write("accounts: {bad: {fields: {$nmae: x}}}\n", "bad.yaml")
    path = town.root / "events.jsonl"
    town.apply("--events", str(path), expect=1)
    events = _events(town, path)
    assert [event["type"] for event in events] == ["version", "summary"]
    assert events[-1]["exit_code"] == 1
    assert {problem["file"] for problem in events[-1]["problems"]} == {"bad.yaml"}


@pytest.mark.parametrize("arguments", [("apply",), ("apply", "nowhere.plan.json", "--yes")])
def test_events_tell_of_a_command_that_fails_at_once(build: Build, arguments: tuple[str, ...]) -> None:
    """docs/commands.md: `summary` has the problems of a command that failed. A log of the run before would mislead."""
    town = _town(build)
    path = town.root / "events.jsonl"
    town.apply("--events", str(path))
    said = town.lfsync(*arguments, "--events", str(path))
    assert said.code == 1, said
    events = _events(town, path)
    assert [event["type"] for event in events] == ["version", "summary"]
    assert events[-1]["exit_code"] == 1
    (problem,) = events[-1]["problems"]
    assert problem["message"] in said.err


@pytest.mark.parametrize("place", [".lfsync/state/prod.jsonl", "new.yaml", "--yes"])
def test_a_wrong_place_for_events_is_told_of_events(place: str, build: Build) -> None:
    """Rule C17; what is wrong is not said of a plan, and no `-o` is named."""
    town = _town(build)
    said = town.lfsync("apply", "--yes", "--events", place if place.startswith("-") else str(town.root / place))
    assert said.code == 1
    assert "events" in said.err
    assert "plan" not in said.err.lower().replace("[plan]", "")
    assert "-o " not in said.err


def test_events_never_replace_what_is_no_log_of_events(build: Build) -> None:
    """Rule C17: a wrong place is never taken silently."""
    town = _town(build)
    notes = town.root / "notes.csv"
    notes.write_text("Id,Name\n")
    for place in ("notes.csv", "crm.yaml", ".lfsync/x", "new.yaml"):
        said = town.lfsync("apply", "--yes", "--events", str(town.root / place))
        assert said.code == 1, said
    assert notes.read_text() == "Id,Name\n"
    assert (town.root / "crm.yaml").read_text() == _CRM
    assert town.writes() == []
    path = town.root / "events.jsonl"
    town.apply("--events", str(path))
    town.apply("--events", str(path))
    assert [event["type"] for event in _events(town, path)] == ["version", "summary"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no such device")  # noqa: PTH110
def test_events_that_can_t_be_written_stop_no_run(build: Build) -> None:
    """Design.md, 8: no full disk turns a run that wrote into exit 1."""
    town = _town(build)
    said = town.apply("--events", "/dev/full", expect=3)
    assert "events can't be written" in said.err
    assert len(town.writes()) == 3


# ---------------------------------------------------------------- history show, undo --dry-run


def test_history_shows_what_a_run_wrote(build: Build) -> None:
    town = _town(build)
    town.apply()
    said = town.lfsync("history", "show")
    assert "~ account.acme" in said.out
    assert "+ account.birch" in said.out
    assert "$name  Birch" in said.out
    name = json.loads(town.lfsync("history", "--format", "json").out)[0]["run"]
    found = json.loads(town.lfsync("history", "show", name, "--format", "json").out)
    entries = {entry["address"]: entry for entry in found["entries"]}
    assert entries["account.birch"]["action"] == "create"
    assert list(entries["account.acme"]["fields"]) == ["tier"]
    assert town.lfsync("history", "show", "nope").code == 1


_LINKED = """\
accounts:
  acme: {fields: {$name: Acme, tier: Gold}, relationships: {$owner: kai@corp.example}}
  birch: {fields: {$name: Birch}, relationships: {parent: acme}}
tasks:
  call: {fields: {$title: Call, $status: TODO}, relationships: {$account: birch, $assignedTo: kai@corp.example}}
lists:
  best: {fields: {$name: Best, $objectType: $account}, members: [acme, birch]}
"""


@pytest.mark.parametrize("saved", [True, False])
def test_history_shows_names_where_it_knows_them(build: Build, saved: bool) -> None:
    """As a plan does: addresses; e-mails and labels by the saved definitions. For a program the ids stay."""
    town = build()
    town.write(_LINKED)
    town.apply()
    if saved:
        assert town.lfsync("definitions", "--save").code == 0
    ids = {str(address): town.id(str(address)) for address in ("account.acme", "account.birch", "list.best")}
    shown = town.lfsync("history", "show").out
    assert "members  + account.acme" in shown or "account.acme" in shown.partition("list.best")[2]
    assert not any(id in shown for id in ids.values())
    assert "account.birch" in shown.partition("task.call")[2]
    assert ("kai@corp.example" in shown, "mem_" in shown) == (saved, not saved)
    assert ("Gold" in shown, "opt_" in shown) == (saved, not saved)
    data = town.lfsync("history", "show", "--format", "json").out
    assert ids["account.birch"] in data
    assert "opt_" in data


def test_history_shows_ids_where_what_is_beside_it_can_not_be_read(build: Build) -> None:
    """The record of a run is whole by itself: a state or saved definitions that are damaged hide nothing of it."""
    town = build()
    town.write(_LINKED)
    town.apply()
    assert town.lfsync("definitions", "--save").code == 0
    next((town.root / ".lfsync/state").glob("*.jsonl")).write_text("no state\n")
    next((town.root / ".lfsync/definitions").glob("*.json")).write_text("{")
    said = town.lfsync("history", "show")
    assert said.code == 0
    assert "account.birch" in said.out.partition("task.call")[2]
    assert "opt_" in said.out


def test_undo_dry_run_writes_nothing(build: Build) -> None:
    town = _town(build)
    town.apply()
    before = town.state()
    town.forget()
    said = town.lfsync("undo", "--dry-run")
    assert said.code == 0
    assert "to delete" in said.out
    assert town.writes() == []
    assert town.state() == before
    assert len(json.loads(town.lfsync("history", "--format", "json").out)) == 1


def test_a_killed_run_is_told_from_one_that_ended(build: Build) -> None:
    """Issue: `undo` of a run that was interrupted says so, and what it holds; a killed run is no whole one."""
    town = build()
    town.write("".join(["accounts:\n", *(f"  a{n}: {{fields: {{$name: A{n}}}}}\n" for n in range(30))]))
    town.killed_apply(3)
    [run] = json.loads(town.lfsync("history", "--format", "json").out)
    assert run["ended"] == "killed"
    assert "killed" in town.lfsync("history").out
    said = town.lfsync("undo", "--dry-run")
    assert f"which was killed: {run['counts']['create']} created is all it did" in said.err
    town.apply()
    assert [run["ended"] for run in json.loads(town.lfsync("history", "--format", "json").out)] == ["whole", "killed"]

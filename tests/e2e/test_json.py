"""Every command's JSON is as its schema says, also when it fails (design.md, sections 8 and 15)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click
import jsonschema  # type: ignore[import-untyped]
import pytest

from lfsync.cli import cli
from lfsync.commands.answers.documents import answer_schemas
from tests.e2e.conftest import SEED
from tests.e2e.rig import Project, Server, project, serving
from tests.locked import skip_unless_locked

SCHEMAS = Path(__file__).parents[2] / "schemas"
RUNS = "workflow_runs: [{id: run_1}, {id: run_2, ends: failed}, {id: run_3, status: waiting for approval}]\n"
FILES = {
    "crm.yaml": """\
accounts:
  acme: {fields: {$name: Acme, tier: Gold, nickname: "two\\nlines"}, relationships: {$owner: kai@corp.example}}
  twin: {fields: {$name: Twin, score: 3}}
  gone: {fields: {$name: Gone}, lifecycle: {absent: true}}
tasks:
  call: {fields: {$title: Call, $status: TODO}, relationships: {$account: acme, $assignedTo: kai@corp.example}}
lists:
  top: {fields: {$name: Top, $objectType: $account}, members: [acme]}
"""
}
WRONG = {"crm.yaml": "accounts: {a: {fields: {$nmae: A}}}\n"}


@cache
def schema(name: str) -> Any:
    return json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))


def hold(name: str, document: Any) -> None:
    jsonschema.Draft202012Validator(schema(name)).validate(document)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    seed = tmp_path_factory.mktemp("seed") / "seed.yaml"
    seed.write_text(SEED + RUNS)
    with serving(seed, "--rps", "0", "--workflow-latency", "0") as server:
        server.start_over()
        yield server


@pytest.mark.parametrize("name", sorted(answer_schemas()))
def test_the_files_under_schemas_are_not_stale(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(answer_schemas()[name])
    skip_unless_locked("pydantic")
    assert schema(name) == answer_schemas()[name]


def test_every_command_keeps_its_schema(workspace: Server, tmp_path: Path) -> None:
    """In the order of a life: each command once, and where its documents differ, each of them."""
    place = project(tmp_path / "p", workspace.url, FILES)
    told: set[str] = set()

    def ask(name: str, command: str, *arguments: str | Path, expect: int = 0) -> Any:
        told.add(command)
        run = place.lfsync(*command.split(), *arguments, "--format", "json", expect=expect)
        document = json.loads(run.out)
        hold(name, document)
        return document

    ask("problems", "validate")
    ask("problems", "validate", "--online")
    plan = ask("plan", "plan", "-o", tmp_path / "saved.json", expect=3)
    assert plan["blocked"], "a plan that has something of everything"
    ask("plan", "show", tmp_path / "saved.json")
    run = ask("run", "apply", "--yes", expect=3)
    assert {each["status"] for each in run["outcomes"]} == {"done"}
    ask("state", "state list")
    assert ask("history", "history")
    ask("history", "history show", run["run"])
    for address in ("account.acme", "task.call", "list.top"):
        assert ask("explain", "explain", address)["keys"]
    ask("explain", "explain", "account.twin", expect=3)
    with workspace.sdk() as sdk:
        sdk.account.update(place.ids()["account.acme"], fields={"nickname": "By hand"})
    assert ask("accept", "accept", "--dry-run", expect=3)["accepted"]
    assert ask("accept", "accept", expect=3)["left"]
    assert ask("import", "import", "contact", "--dry-run")["imported"]
    ask("import", "import", "contact")
    assert ask("definitions", "definitions")["members"]
    ask("definitions", "definitions", "--save")
    ask("definitions", "definitions", "--check")
    ask("run", "undo", "--dry-run", expect=3)
    assert ask("run", "undo", "--yes", expect=3)["outcomes"]
    ask("workflow", "workflow status", "run_1")
    ask("workflow", "workflow status", "run_2", expect=3)
    ask("workflow", "workflow status", "run_3", expect=1)
    ask("quirks", "sandbox quirks")
    assert told == {name for name, formats in commands(cli) if "json" in formats}


def commands(group: click.Group, before: str = "") -> Iterator[tuple[str, list[str]]]:
    """Every command that prints in several formats, and which."""
    for name, command in group.commands.items():
        path = f"{before} {name}".strip()
        for option in command.params:
            if option.name == "format" and isinstance(option.type, click.Choice):
                yield path, list(option.type.choices)
        if isinstance(command, click.Group):
            yield from commands(command, path)


_ARGUMENTS = {
    "show": ["nowhere.json"],
    "explain": ["account.a"],
    "import": ["account"],
    "workflow status": ["run_1"],
    "history show": ["no-such-run"],
    "undo": ["no-such-run", "--yes"],
    "apply": ["--yes"],
}
_NEEDS_NO_FILES = {"sandbox quirks"}


@pytest.mark.parametrize("command", sorted({name for name, formats in commands(cli) if "json" in formats}))
@pytest.mark.parametrize("wrong", ["settings", "option"])
def test_a_command_that_fails_keeps_it_too(workspace: Server, tmp_path: Path, command: str, wrong: str) -> None:
    broken = {"lfsync.yaml": "version: 1\nworkspces: {}\n", **WRONG}
    place: Project = project(tmp_path / "p", workspace.url, broken if wrong == "settings" else WRONG)
    more = [] if wrong == "settings" else ["--no-such-option"]
    if wrong == "settings" and command in _NEEDS_NO_FILES:
        return
    run = place.lfsync(*command.split(), *_ARGUMENTS.get(command, []), *more, "--format", "json", expect=1)
    document = json.loads(run.out)
    assert document["problems"]
    hold("problems", document)


def test_every_line_of_events_keeps_it(workspace: Server, tmp_path: Path) -> None:
    place = project(tmp_path / "p", workspace.url, FILES, "events")
    place.lfsync("apply", "--yes", "--events", tmp_path / "good.jsonl", expect=3)
    place.write("crm.yaml", WRONG["crm.yaml"])
    place.lfsync("apply", "--yes", "--events", tmp_path / "bad.jsonl", expect=1)
    for name in ("good", "bad"):
        events = [json.loads(line) for line in (tmp_path / f"{name}.jsonl").read_text().splitlines()]
        assert events[0]["type"] == "version"
        assert events[-1]["type"] == "summary"
        for event in events:
            hold("event", event)

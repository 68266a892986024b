"""Every example is planned, applied and planned again by the real program: in process, and over HTTP."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_EXAMPLES = Path(__file__).parents[2] / "examples"
_NAMES = ("quickstart", "revops", "seeding")
_LFSYNC = Path(sys.executable).parent / "lfsync"
_KEY = "sk_lf_examples"
_HEADERS = {"Authorization": f"Bearer {_KEY}", "Lightfield-Version": "2026-03-01"}


@dataclass(frozen=True)
class Project:
    """A copy of an example, and the environment its commands run in."""

    folder: Path
    env: Mapping[str, str]
    workspace: str

    def lfsync(self, *arguments: str, expect: int = 0) -> str:
        """Runs one command; its stdout."""
        command: list[str | Path] = [_LFSYNC, "-C", self.folder, "-w", self.workspace, *arguments]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=120)
        assert done.returncode == expect, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout

    def plan(self, expect: int = 0) -> dict[str, Any]:
        plan: dict[str, Any] = json.loads(self.lfsync("plan", "--detailed-exitcode", "--format", "json", expect=expect))
        return plan


def _copied(name: str, tmp_path: Path) -> Path:
    return Path(shutil.copytree(_EXAMPLES / name, tmp_path / name, ignore=shutil.ignore_patterns(".lfsync")))


def _environment(**more: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("LIGHTFIELD_", "LFSYNC_"))}
    return {**kept, "NO_COLOR": "1", **more}


@pytest.fixture(params=_NAMES)
def embedded(request: pytest.FixtureRequest, tmp_path: Path) -> Project:
    """An example in its own sandbox workspace: no server, no key."""
    return Project(_copied(request.param, tmp_path), _environment(), "sandbox")


@dataclass(frozen=True)
class Served(Project):
    """An example whose `prod` is a sandbox in another process, filled from the example's own seed."""

    url: str = ""

    def records(self, path: str) -> list[dict[str, Any]]:
        """All records of a list, read past lfsync."""
        found: list[dict[str, Any]] = []
        while True:
            request = urllib.request.Request(f"{self.url}{path}?limit=25&offset={len(found)}", headers=_HEADERS)
            with urllib.request.urlopen(request, timeout=30) as answer:
                page = json.load(answer)
            found += page["data"]
            if not page["data"] or len(found) >= page["totalCount"]:
                return found

    def named(self, path: str, name: object, key: str = "$name") -> dict[str, Any]:
        """The one record of a list with this name."""
        (found,) = [record for record in self.records(path) if record["fields"][key]["value"] == name]
        return found

    def writes(self) -> int:
        with urllib.request.urlopen(f"{self.url}/_sandbox/log", timeout=30) as answer:
            return sum(entry["method"] != "GET" for entry in json.load(answer))


def _served(name: str, tmp_path: Path) -> Iterator[Served]:
    folder = _copied(name, tmp_path)
    seed = folder / "sandbox" / "workspace.yaml"
    command: list[str | Path] = [
        _LFSYNC,
        "sandbox",
        "serve",
        "--port",
        "0",
        "--rps",
        "0",
        "--seed",
        seed,
        "--db",
        tmp_path / "crm.db",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip().removeprefix("listening on ")
            env = _environment(LIGHTFIELD_BASE_URL=url, LIGHTFIELD_API_KEY=_KEY)
            yield Served(folder, env, "prod", url)
        finally:
            process.terminate()


@pytest.fixture(params=_NAMES)
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    yield from _served(request.param, tmp_path)


@pytest.fixture
def quickstart(tmp_path: Path) -> Iterator[Served]:
    yield from _served("quickstart", tmp_path)


@pytest.fixture
def revops(tmp_path: Path) -> Iterator[Served]:
    yield from _served("revops", tmp_path)


@pytest.fixture
def seeding(tmp_path: Path) -> Iterator[Served]:
    yield from _served("seeding", tmp_path)


def test_plan_after_apply_is_empty_in_process(embedded: Project) -> None:
    assert "Traceback" not in embedded.lfsync("validate")
    first = embedded.plan(expect=2)
    assert first["changes"]
    assert not first["blocked"]
    embedded.lfsync("apply", "--yes")
    assert embedded.plan(expect=0)["changes"] == []


def test_plan_after_apply_is_empty_over_http(served: Served) -> None:
    served.lfsync("validate", "--online")
    served.plan(expect=2)
    served.lfsync("apply", "--yes")
    assert served.plan(expect=0)["changes"] == []


def test_second_apply_writes_nothing(served: Served) -> None:
    served.lfsync("apply", "--yes")
    written = served.writes()
    assert written > 0
    served.lfsync("apply", "--yes")
    assert served.writes() == written


def test_losing_the_state_loses_no_record(served: Served) -> None:
    served.lfsync("apply", "--yes")
    written = served.writes()
    shutil.rmtree(served.folder / ".lfsync")
    actions = {change["action"] for change in served.plan(expect=2)["changes"]}
    assert actions == {"adopt"}
    served.lfsync("apply", "--yes")
    assert served.writes() == written


def _actions(plan: Mapping[str, Any]) -> dict[str, str]:
    return {change["address"]: change["action"] for change in plan["changes"]}


def test_quickstart_has_a_bit_of_everything(quickstart: Served) -> None:
    plan = quickstart.plan(expect=2)
    actions = _actions(plan)
    assert actions["account.acme"] == "update"
    assert actions["contact.ada"] == "adopt"
    assert {address.split(".")[0] for address in actions} == {
        *("account", "contact", "opportunity", "task", "note", "list")
    }
    assert Counter(actions.values()) == {"create": 6, "update": 1, "adopt": 1}
    (acme,) = [change for change in plan["changes"] if change["address"] == "account.acme"]
    assert acme["adopted"] is True


def test_quickstart_keeps_what_it_does_not_mention(quickstart: Served) -> None:
    cedar = quickstart.named("/v1/accounts", "Cedar Wind")
    quickstart.lfsync("apply", "--yes")
    assert quickstart.named("/v1/accounts", "Acme Solar")["fields"]["nickname"]["value"] == "Sunny"
    assert quickstart.named("/v1/accounts", "Cedar Wind") == cedar
    assert len(quickstart.records("/v1/tasks")) == 2


def test_revops_leaves_the_work_of_people_alone(revops: Served) -> None:
    revops.lfsync("apply", "--yes")
    report = revops.named("/v1/tasks", "Send usage report", "$title")
    assert report["fields"]["$status"]["value"] == "COMPLETE"
    assert report["relationships"]["$opportunity"]["values"]
    jonas = revops.named("/v1/contacts", {"firstName": "Jonas", "lastName": "Dahl"})
    assert len(jonas["relationships"]["$account"]["values"]) == 2
    references = revops.named("/v1/lists", "Reference customers")
    members = revops.records(f"/v1/lists/{references['id']}/accounts")
    assert {member["fields"]["$name"]["value"] for member in members} == {"Quarry & Sons", "Two Rivers Brewery"}


def test_revops_reads_notes_from_markdown_files_and_leaves_drafts_out(revops: Served) -> None:
    revops.lfsync("apply", "--yes")
    note = revops.named("/v1/notes", "How we forecast", "$title")
    written = (revops.folder / "notes" / "forecast-rules.md").read_text()
    assert note["fields"]["$content"]["value"].strip() == written.strip()
    revops.named("/v1/accounts", "Northwind Grid")


def test_seeding_fills_a_workspace_once(seeding: Served) -> None:
    actions = _actions(seeding.plan(expect=2))
    assert actions["account.MW-121"] == "update"
    assert Counter(address.split(".")[0] for address in actions) == {
        "account": 24,
        "contact": 36,
        "opportunity": 20,
        "task": 5,
        "list": 2,
    }
    seeding.lfsync("apply", "--yes")
    assert len(seeding.records("/v1/accounts")) == 25  # and the corner store, which nobody declared
    assert len(seeding.records("/v1/contacts")) == 36
    assert len(seeding.records("/v1/opportunities")) == 20


def test_seeding_reads_cells_as_the_readme_says(seeding: Served) -> None:
    seeding.lfsync("apply", "--yes")
    bluestem = seeding.named("/v1/accounts", "Bluestem Grain")["fields"]
    assert bluestem["founded"]["value"] == 1963
    assert bluestem["phone"]["value"] == ["+16085550101"]
    assert len(bluestem["segments"]["value"]) == 2
    assert bluestem["$primaryAddress"]["value"]["city"] == "Des Moines"
    assert bluestem["$primaryAddress"]["value"]["country"] == "US"
    elkhorn = seeding.named("/v1/accounts", "Elkhorn Foods")["fields"]
    assert elkhorn.get("founded", {"value": None})["value"] is None
    pilots = [deal for deal in seeding.records("/v1/opportunities") if deal["fields"]["$name"]["value"] == "Pilot"]
    assert len(pilots) == 6
    assert {len(deal["relationships"]["$account"]["values"]) for deal in pilots} == {1}

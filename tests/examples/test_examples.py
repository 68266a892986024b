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
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lfsync.kinds import KINDS

_EXAMPLES = Path(__file__).parents[2] / "examples"
_NAMES = ("adopted", "everything", "quickstart", "revops", "seeding")
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

    def content(self, id: str) -> str:
        """What a file holds."""
        request = urllib.request.Request(f"{self.url}/v1/files/{id}/url", headers=_HEADERS)
        with urllib.request.urlopen(request, timeout=30) as answer:
            url = json.load(answer)["url"]
        with urllib.request.urlopen(url, timeout=30) as answer:
            return str(answer.read().decode())

    def named(self, path: str, name: object, key: str = "$name") -> dict[str, Any]:
        """The one record of a list with this name."""
        (found,) = [record for record in self.records(path) if record["fields"][key]["value"] == name]
        return found

    def writes(self) -> int:
        with urllib.request.urlopen(f"{self.url}/_sandbox/log", timeout=30) as answer:
            return sum(entry["method"] != "GET" for entry in json.load(answer))


@contextmanager
def _served(name: str, tmp_path: Path) -> Iterator[Served]:
    folder = _copied(name, tmp_path)
    seed = folder / "sandbox" / "workspace.yaml"
    command: list[str | Path] = [_LFSYNC, "sandbox", "serve", "--port", "0", "--rps", "0", "--seed", seed]
    with subprocess.Popen([*command, "--db", tmp_path / "crm.db"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip().removeprefix("listening on ")
            env = _environment(LIGHTFIELD_BASE_URL=url, LIGHTFIELD_API_KEY=_KEY)
            yield Served(folder, env, "prod", url)
        finally:
            process.terminate()


def _converged(served: Served) -> dict[str, Any]:
    """Plans, applies, finds nothing more to do, and finds every record again without a state; the first plan."""
    served.lfsync("validate", "--online")
    first = served.plan(expect=2)
    assert first["blocked"] == []
    served.lfsync("apply", "--yes")
    written = served.writes()
    assert written > 0
    assert served.plan(expect=0)["changes"] == []
    shutil.rmtree(served.folder / ".lfsync")
    again = served.plan(expect=2)
    assert set(_actions(again).values()) == {"adopt"}
    assert len(again["changes"]) == len(first["changes"])
    served.lfsync("apply", "--yes")
    assert served.writes() == written
    return first


def _actions(plan: Mapping[str, Any]) -> dict[str, str]:
    return {change["address"]: change["action"] for change in plan["changes"]}


@pytest.mark.parametrize("name", _NAMES)
def test_plan_after_apply_is_empty_in_process(name: str, tmp_path: Path) -> None:
    """In its own sandbox workspace: no server, no key."""
    embedded = Project(_copied(name, tmp_path), _environment(), "sandbox")
    embedded.lfsync("validate")
    first = embedded.plan(expect=2)
    assert first["changes"]
    assert first["blocked"] == []
    embedded.lfsync("apply", "--yes")
    assert embedded.plan(expect=0)["changes"] == []


def test_quickstart_has_a_bit_of_everything(tmp_path: Path) -> None:
    with _served("quickstart", tmp_path) as served:
        cedar = served.named("/v1/accounts", "Cedar Wind")
        plan = _converged(served)
        actions = _actions(plan)
        assert {address.split(".")[0] for address in actions} == {
            *("account", "contact", "opportunity", "task", "note", "list")
        }
        assert Counter(actions.values()) == {"create": 6, "update": 1, "adopt": 1}
        assert actions["contact.ada"] == "adopt"
        (acme,) = [change for change in plan["changes"] if change["address"] == "account.acme"]
        assert (acme["action"], acme["adopted"]) == ("update", True)
        assert served.named("/v1/accounts", "Acme Solar")["fields"]["nickname"]["value"] == "Sunny"
        assert served.named("/v1/accounts", "Cedar Wind") == cedar
        assert len(served.records("/v1/tasks")) == 2


def test_everything_declares_every_kind(tmp_path: Path) -> None:
    """And custom objects; none of its own rules is in the way of a second plan."""
    with _served("everything", tmp_path) as served:
        dune, weekly = served.named("/v1/accounts", "Dune Storage"), served.named("/v1/meetings", "Weekly", "$title")
        plan = _converged(served)
        actions = _actions(plan)
        assert {change["kind"] for change in plan["changes"]} == {*KINDS, "object.project"}
        assert Counter(actions.values()) == {"create": 13, "update": 1}
        assert actions["account.birch-energy"] == "update"
        assert plan["warnings"] == []
        assert served.named("/v1/accounts", "Dune Storage") == dune
        assert served.named("/v1/meetings", "Weekly", "$title") == weekly
        roof = served.named("/v1/objects/project", "North hall roof", "name")
        acme = served.named("/v1/accounts", "Acme Solar")
        assert acme["relationships"]["currentProject"]["values"] == [roof["id"]]
        assert roof["relationships"]["customer"]["values"] == [acme["id"]]
        assert roof["relationships"]["lead"]["values"]


def test_a_new_transcript_is_uploaded_and_taken_by_its_meeting_in_one_apply(tmp_path: Path) -> None:
    """Design 16: new content is a new file; what refers to its key follows, and the plan says that the old stays."""
    with _served("everything", tmp_path) as served:
        served.lfsync("apply", "--yes")
        old = _transcript(served)
        with (served.folder / "transcripts" / "acme-kick-off.txt").open("a") as file:
            file.write("Kai: Then spring it is.\n")
        plan = served.plan(expect=2)
        assert _actions(plan) == {"file.acme-kick-off": "update", "meeting.acme-kick-off": "update"}
        by_address = {change["address"]: change for change in plan["changes"]}
        assert f"{old} stays as it is" in by_address["file.acme-kick-off"]["warnings"][0]
        assert by_address["meeting.acme-kick-off"]["depends_on"] == ["file.acme-kick-off"]
        (link,) = by_address["meeting.acme-kick-off"]["relationships"]
        assert (link["key"], link["add"], link["remove"]) == ("$transcript", ["file.acme-kick-off"], [old])
        assert f"{old} stays as it is" in served.lfsync("plan")
        served.lfsync("apply", "--yes")
        new = _transcript(served)
        assert new != old
        assert served.content(new).endswith("Kai: Then spring it is.\n")
        assert served.content(old).endswith("the other halls follow.\n")
        assert served.plan(expect=0)["changes"] == []


def _transcript(served: Served) -> str:
    """The id of the file that is the meeting's transcript."""
    meeting = served.named("/v1/meetings", "Acme kick-off", "$title")
    (id,) = meeting["relationships"]["$transcript"]["values"]
    return str(id)


def test_revops_leaves_the_work_of_people_alone(tmp_path: Path) -> None:
    with _served("revops", tmp_path) as served:
        _converged(served)
        report = served.named("/v1/tasks", "Send usage report", "$title")
        assert report["fields"]["$status"]["value"] == "COMPLETE"
        assert report["relationships"]["$opportunity"]["values"]
        jonas = served.named("/v1/contacts", {"firstName": "Jonas", "lastName": "Dahl"})
        assert len(jonas["relationships"]["$account"]["values"]) == 2
        references = served.named("/v1/lists", "Reference customers")
        members = served.records(f"/v1/lists/{references['id']}/accounts")
        assert {member["fields"]["$name"]["value"] for member in members} == {"Quarry & Sons", "Two Rivers Brewery"}
        note = served.named("/v1/notes", "How we forecast", "$title")
        written = (served.folder / "notes" / "forecast-rules.md").read_text()
        assert note["fields"]["$content"]["value"].strip() == written.strip()
        served.named("/v1/accounts", "Northwind Grid")  # not the name that drafts/ has for it


def test_seeding_fills_a_workspace_once(tmp_path: Path) -> None:
    with _served("seeding", tmp_path) as served:
        actions = _actions(_converged(served))
        counts = Counter(address.split(".")[0] for address in actions)
        assert counts == {"account": 24, "contact": 36, "opportunity": 20, "task": 5, "list": 2}
        assert actions["account.MW-121"] == "update"
        assert len(served.records("/v1/accounts")) == 25  # and the corner store, which nobody declared
        assert len(served.records("/v1/contacts")) == 36
        assert len(served.records("/v1/opportunities")) == 20
        _check_cells(served)


def _check_cells(served: Served) -> None:
    """What the README of `seeding` says of single cells."""
    bluestem = served.named("/v1/accounts", "Bluestem Grain")["fields"]
    assert bluestem["founded"]["value"] == 1963
    assert bluestem["phone"]["value"] == ["+16085550101"]
    assert len(bluestem["segments"]["value"]) == 2
    assert bluestem["$primaryAddress"]["value"]["city"] == "Des Moines"
    assert bluestem["$primaryAddress"]["value"]["country"] == "US"
    elkhorn = served.named("/v1/accounts", "Elkhorn Foods")["fields"]
    assert elkhorn.get("founded", {"value": None})["value"] is None
    pilots = [deal for deal in served.records("/v1/opportunities") if deal["fields"]["$name"]["value"] == "Pilot"]
    assert len(pilots) == 6
    assert {len(deal["relationships"]["$account"]["values"]) for deal in pilots} == {1}

"""Saved plans: what was shown is what is applied, here and now; anything else is refused whole (rules A1, S1)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.e2e.conftest import MakeProject
from tests.e2e.rig import Project, Server

_FILES = {
    "crm.yaml": """
accounts:
  solo: {fields: {$name: Solo, score: 2, nickname: Ünal "S"}}
  acme: {fields: {$name: Acme}, relationships: {$owner: kai@corp.example}}
lists:
  best: {fields: {$name: Best, $objectType: $account}, members: [acme, solo]}
"""
}


def saved(place: Project) -> Path:
    path = place.folder.parent / "saved.plan.json"
    place.lfsync("plan", "-o", path)
    return path


def refused(server: Server, place: Project, path: Path, why: str) -> None:
    with server.counting() as writes:
        done = place.lfsync("apply", path, "--yes", expect=4)
    assert why in done.err
    assert writes == []


def test_a_saved_plan_applies_what_a_plain_apply_would(server: Server, make: MakeProject) -> None:
    place = make(_FILES)
    path = saved(place)
    shown = place.lfsync("show", path).out
    assert shown == place.lfsync("plan").out
    with server.counting() as writes:
        done = place.lfsync("apply", path, "--yes")
    assert done.out.startswith(shown)
    assert len(writes) == json.loads(path.read_text())["requests"]["write"] == 3
    assert place.plan(expect=0)["changes"] == []
    with server.counting() as writes:
        again = place.lfsync("apply", path, "--yes")
    assert writes == []
    assert "stale" not in again.out, "what this plan made is as it should be (rule A1)"
    assert place.lfsync("show", path).out == shown, "a plan that was applied can be viewed"


_EDITS: dict[str, Callable[[dict[str, Any]], object]] = {
    "fingerprint": lambda data: data["changes"][0].update(id="acc_other"),
    "format_version 2": lambda data: data.update(format_version=2),
    "format_version none": lambda data: data.pop("format_version"),
}


def test_an_edited_plan_is_refused_whole(server: Server, make: MakeProject) -> None:
    place = make(_FILES)
    path = saved(place)
    whole = path.read_text()
    for why, change in _EDITS.items():
        data = json.loads(whole)
        change(data)
        path.write_text(json.dumps(data))
        refused(server, place, path, why)


def test_a_plan_of_other_files_is_refused_whole(server: Server, make: MakeProject) -> None:
    place = make(_FILES)
    path = saved(place)
    place.write("crm.yaml", _FILES["crm.yaml"].replace("score: 2", "score: 3"))
    refused(server, place, path, "other files")
    place.write("crm.yaml", "# moved\n" + _FILES["crm.yaml"])
    place.lfsync("apply", path, "--yes")


def test_a_plan_of_another_workspace_is_refused_whole(server: Server, make: MakeProject) -> None:
    place = make(_FILES)
    path = saved(place)
    done = place.lfsync("-w", "play", "apply", path, "--yes", expect=4)
    assert f"is for the workspace `{place.workspace}`, not `play`" in done.err
    assert server.writes() == []


def test_a_plan_says_itself_what_to_do(make: MakeProject, server: Server) -> None:
    place = make(_FILES)
    path = saved(place)
    for more in (["--only", "account.acme"], ["--prune", "--recreate-missing"]):
        assert "a saved PLAN says itself" in place.lfsync("apply", path, "--yes", *more, expect=1).err
    assert server.writes() == []
    assert path.stat().st_mode & 0o777 == 0o600

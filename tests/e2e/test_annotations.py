"""`--format github` of `validate` and `plan`: annotations for a runner, exit codes as ever (design.md, 8 and 15)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.rig import Project, Run, Server, project
from tests.render.runner import commands

_WRONG = {"a.yaml": 'accounts:\n  a: {fields: {$nam: A}}\n  "b\\n::stop-commands::x": {fields: {$name: B}}\n'}
_RIGHT = {"a.yaml": "accounts: {a: {fields: {$name: A}}}\n"}


def _log(run: Run) -> str:
    """A runner reads both streams."""
    return run.err + run.out


@pytest.mark.parametrize("command", ["plan", "validate", "validate --online"])
def test_problems_stand_where_github_looks_for_them(untouched: Server, tmp_path: Path, command: str) -> None:
    """Relative to the repository, of which the project may be a folder."""
    place = project(tmp_path / "work" / "crm", untouched.url, _WRONG)
    run = place.lfsync(
        *command.split(), "--format", "github", expect=1, env={"GITHUB_WORKSPACE": str(tmp_path / "work")}
    )
    found = commands(_log(run))
    assert {each.name for each in found} == {"error"}
    assert {(each.properties["file"], each.properties["line"]) for each in found} >= {("crm/a.yaml", "2")}
    assert run.out.count("\n") == len(found)


def test_a_repository_within_the_runners_folder_is_what_the_paths_begin_at(untouched: Server, tmp_path: Path) -> None:
    place = project(tmp_path / "work" / "clone" / "crm", untouched.url, _WRONG)
    (tmp_path / "work" / "clone" / ".git").mkdir()
    run = place.lfsync("validate", "--format=github", expect=1, env={"GITHUB_WORKSPACE": str(tmp_path / "work")})
    assert commands(run.out)[0].properties["file"] == "crm/a.yaml"
    alone = place.lfsync("validate", "--format=github", expect=1, env={"GITHUB_WORKSPACE": str(tmp_path / "other")})
    assert commands(alone.out)[0].properties["file"] == "crm/a.yaml"


def test_what_is_well_is_a_notice_and_exit_codes_stay(untouched: Server, tmp_path: Path) -> None:
    place = project(tmp_path / "p", untouched.url, _RIGHT)
    assert commands(_log(place.lfsync("validate", "--format", "github"))) == []
    run = place.lfsync("plan", "--format", "github", "--detailed-exitcode", expect=2)
    assert [(each.name, each.data) for each in commands(_log(run))] == [("notice", "Plan for prod: 1 to create.")]


def test_what_is_blocked_is_an_error_at_its_place_and_the_plan_is_saved(untouched: Server, tmp_path: Path) -> None:
    gone = {"gone.yaml": "accounts: {gone: {id: acc_00000000000000000000, fields: {$name: Gone}}}\n", **_RIGHT}
    place = project(tmp_path / "p", untouched.url, gone)
    saved = tmp_path / "saved.json"
    blocked, summary = commands(_log(place.lfsync("plan", "--format", "github", "-o", str(saved), expect=3)))
    assert blocked.properties == {"file": "gone.yaml", "line": "1", "col": "12", "title": "account.gone"}
    assert blocked.data.startswith("blocked: ")
    assert summary.data == "Plan for prod: 1 to create; 1 blocked."
    assert saved.exists()


def test_what_has_no_place_is_an_error_with_its_hint(untouched: Server, tmp_path: Path) -> None:
    place = project(tmp_path / "p", untouched.url, _RIGHT)
    (wrong,) = commands(_log(place.lfsync("plan", "--format", "github", "--only", "acount", expect=1)))
    assert wrong.data.endswith("did you mean `account`?")
    (usage,) = commands(place.lfsync("plan", "--format", "github", "--no-such-option", expect=1).out)
    assert "--no-such-option" in usage.data
    (key,) = commands(_log(place.elsewhere(LIGHTFIELD_API_KEY="").lfsync("plan", "--format", "github", expect=1)))
    assert "LIGHTFIELD_API_KEY" in key.data


def test_a_file_that_is_named_like_a_command_is_none(untouched: Server, tmp_path: Path) -> None:
    hostile = {"##[add-mask]a::error::.yaml": "accounts: {a: {fields: {$nam: A}}}\n", **_RIGHT}
    place: Project = project(tmp_path / "p", untouched.url, hostile)
    run = place.lfsync("validate", "--format", "github", expect=1)
    assert {each.name for each in commands(_log(run))} == {"error"}
    assert "##[add-mask]a::error::.yaml" in {each.properties.get("file") for each in commands(run.out)}

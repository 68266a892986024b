"""A command that fails still prints its JSON whole: `{problems: [...]}`, one for each place (design.md, 8 and 15)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.rig import Project, Server, project

_KEYS = {"file", "line", "column", "address", "message", "hint"}
_WRONG = {
    "a.yaml": "accounts:\n  a: {fields: {$nam: A}}\n  b: {fields: {$name: [1]}}\n",
    "rows.csv": "Id,Name,Score\n1,One,x\n2,Two,y\n",
    "b.yaml": "sources: [{kind: account, file: rows.csv, key: Id, fields: {$name: Name, score: Score}}]\n",
}
_RIGHT = {"a.yaml": "accounts: {a: {fields: {$name: A}}}\n"}


def _problems(place: Project, *arguments: str, expect: int = 1) -> list[dict[str, object]]:
    run = place.lfsync(*arguments, "--format", "json", expect=expect)
    found: list[dict[str, object]] = run.json()["problems"]
    assert run.err, "the text stays on stderr"
    assert found
    assert all(problem.keys() == _KEYS for problem in found)
    return found


@pytest.mark.parametrize("command", [["plan"], ["validate", "--online"]], ids=" ".join)
def test_each_place_is_a_problem_of_its_own(untouched: Server, tmp_path: Path, command: list[str]) -> None:
    found = _problems(project(tmp_path / "p", untouched.url, _WRONG), *command)
    places = {(problem["file"], problem["line"]) for problem in found}
    assert places >= {("a.yaml", 2), ("a.yaml", 3), ("rows.csv", 2), ("rows.csv", 3)}
    assert {"account.a", "account.b", "account.1", "account.2"} <= {problem["address"] for problem in found}


@pytest.mark.parametrize("command", ["plan", "validate", "history"])
def test_a_broken_file_is_json_too(untouched: Server, tmp_path: Path, command: str) -> None:
    place = project(tmp_path / "p", untouched.url, {"lfsync.yaml": "version: 1\nworkspces: {}\n", **_RIGHT})
    assert ("lfsync.yaml", 2) in {(each["file"], each["line"]) for each in _problems(place, command)}


def test_what_has_no_place_is_a_problem_with_its_hint(untouched: Server, tmp_path: Path) -> None:
    place = project(tmp_path / "p", untouched.url, _RIGHT)
    (wrong,) = _problems(place, "plan", "--only", "acount")
    assert (wrong["file"], wrong["hint"]) == (None, "did you mean `account`?")
    (usage,) = _problems(place, "plan", "--no-such-option")
    assert "--no-such-option" in str(usage["message"])
    (key,) = _problems(place.elsewhere(LIGHTFIELD_API_KEY=""), "plan")
    assert "LIGHTFIELD_API_KEY" in str(key["hint"])
    place.write("saved.json", "{}")
    assert _problems(place, "show", str(place.folder / "saved.json"), expect=4)


def test_no_problem_is_an_empty_list(untouched: Server, tmp_path: Path) -> None:
    place = project(tmp_path / "p", untouched.url, _RIGHT)
    for more in ([], ["--online"]):
        assert place.lfsync("validate", *more, "--format", "json").json() == {"problems": []}

"""A project without a resource, at every command: as `init` and an import of an empty workspace leave it (issue 8)."""

from __future__ import annotations

import json

import pytest

from tests.faults.town import Build, Town

_NOTHING = "the project declares nothing"
_SEED = "members: [{ref: kai, email: kai@corp.example, role: admin}]\n"
_TWELVE = "accounts:\n" + "".join(f"  a{number}: {{fields: {{$name: A{number}}}}}\n" for number in range(12))
_EMPTY = {
    "no file": {},
    "an empty file": {"crm.yaml": ""},
    "a section without a resource": {"crm.yaml": "accounts:\ntasks: {}\n"},
    "a source without a row": {
        "crm.yaml": "sources: [{kind: account, file: a.csv, key: Name, fields: {$name: Name}}]\n",
        "a.csv": "Name\n",
    },
    "all of it excluded": {"data/crm.yaml": _TWELVE},
}


@pytest.fixture(params=_EMPTY)
def place(build: Build, request: pytest.FixtureRequest) -> Town:
    """An empty workspace, and a project that declares nothing."""
    made = build(seed=_SEED)
    settings = json.loads((made.root / "lfsync.yaml").read_text())
    made.write(json.dumps(settings | {"exclude": ["data/"]}), "lfsync.yaml")
    for name, text in _EMPTY[request.param].items():
        (made.root / name).parent.mkdir(exist_ok=True)
        made.write(text, name)
    return made


def test_each_command_does_what_there_is_to_do(place: Town) -> None:
    """`init` promises a plan without a change; what may be a slip of `exclude` is said all the same."""
    assert place.lfsync("import", "--all").out == "Nothing to import.\n"
    plan = place.plan("--detailed-exitcode")
    assert (plan["changes"], plan["blocked"], plan["orphans"], plan["exit_code"]) == ([], [], [], 0)
    assert [each["message"].partition(":")[0] for each in plan["warnings"]] == [_NOTHING]
    saved = place.root.parent / "plan.json"
    for command in (
        ("plan", "-o", str(saved)),
        ("plan", "--prune"),
        ("plan", "--drift-only"),
        ("show", str(saved)),
        ("apply", str(saved), "--yes"),
        ("apply", "--yes", "--prune"),
        ("validate",),
        ("validate", "--online"),
        ("definitions",),
        ("definitions", "--save"),
        ("definitions", "--check"),
        ("validate",),
        ("accept",),
        ("state", "list"),
        ("history",),
        ("schema",),
    ):
        assert place.lfsync(*command).code == 0, command
    assert place.writes() == []
    assert _NOTHING in place.lfsync("plan").out
    assert _NOTHING in place.lfsync("validate").err
    assert "not declared" in place.lfsync("explain", "account.acme").err
    assert "no run is on record" in place.lfsync("undo", "--yes").err


def test_a_folder_without_a_project_is_no_empty_project(place: Town) -> None:
    """Rule C17: a wrong -C is never taken silently."""
    (place.root / "lfsync.yaml").rename(place.root / "other.yaml")
    for command in (["plan"], ["apply", "--yes"], ["validate"], ["import", "--all"], ["accept"], ["definitions"]):
        said = place.lfsync(*command)
        assert (said.code, said.out) == (1, "")
        assert "there is no lfsync.yaml" in said.err


def test_files_that_are_all_gone_are_no_wish_to_trash_everything(build: Build) -> None:
    """What was managed is orphaned, and shown; --prune of all of it is above every threshold (rule P4)."""
    place = build(seed=_SEED)
    place.write(_TWELVE)
    place.apply()
    (place.root / "crm.yaml").unlink()
    plan = place.plan()
    assert (len(plan["orphans"]), plan["changes"], plan["exit_code"]) == (12, [], 0)
    assert _NOTHING in plan["warnings"][0]["message"]
    pruned = place.plan("--prune")
    assert [each["name"] for each in pruned["refusals"]] == ["max_deletes"]
    assert pruned["exit_code"] == 0
    place.forget()
    assert place.apply("--prune", expect=4).out.count("12 of 12") == 1
    place.apply()
    assert place.lfsync("accept").code == 0
    assert "declared no more" in place.lfsync("explain", "account.a1").out
    assert place.lfsync("validate").code == 0
    assert len(place.lfsync("state", "list").out.splitlines()) == 12
    assert place.writes() == []
    assert len(place.titles("/v1/accounts")) == 12


def test_an_import_tells_of_what_no_file_declares_any_more(build: Build) -> None:
    """It is bound, and so managed (rule V1): whose files are lost is told why nothing comes, and what to do."""
    place = build(seed=_SEED)
    place.write(_TWELVE)
    place.apply()
    (place.root / "crm.yaml").unlink()
    told = json.loads(place.lfsync("import", "--all", "--format", "json").out)
    assert told["imported"] == []
    assert [note for note in told["notes"] if "account.a0" in note and "9 more" in note and "state rm" in note]
    assert "account.a0" not in place.lfsync("import", "task").out
    for number in range(12):
        place.lfsync("state", "rm", f"account.a{number}")
    assert len(json.loads(place.lfsync("import", "account", "--format", "json").out)["imported"]) == 12

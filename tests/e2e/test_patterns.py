"""`--only` and `--exclude` on the command line (rule P3)."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import MakeProject
from tests.e2e.rig import Server, project

_FILES = {
    "crm/accounts.yaml": "accounts:\n  acme: {fields: {$name: Acme of patterns}}\n"
    "  birch: {fields: {$name: Birch of patterns}}\n",
    "crm/tasks.yaml": "tasks:\n  call: {fields: {$title: Call of patterns, $status: TODO}, "
    "relationships: {$account: acme, $assignedTo: kai@corp.example}}\n",
    "sources.yaml": "sources: [{kind: account, file: data/rows.csv, key: Id, fields: {$name: Name}}]\n",
    "data/rows.csv": "Id,Name\none,One of patterns\ntwo,Two of patterns\n",
}


@pytest.mark.parametrize(
    ("arguments", "planned"),
    [
        (["--only", "task"], ["account.acme", "task.call"]),
        (["--only", "task.*"], ["account.acme", "task.call"]),
        (["--only", "account.???"], ["account.one", "account.two"]),
        (["--only", "file:crm/accounts.yaml"], ["account.acme", "account.birch"]),
        (["--only", "file:./data/*.csv"], ["account.one", "account.two"]),
        (["--only", "account", "--exclude", "account.b*"], ["account.acme", "account.one", "account.two"]),
        (["--exclude", "file:data/rows.csv", "--exclude", "task"], ["account.acme", "account.birch"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_patterns_choose(make: MakeProject, arguments: list[str], planned: list[str]) -> None:
    assert sorted(change["address"] for change in make(_FILES).plan(*arguments)["changes"]) == planned


def test_what_needs_an_excluded_create_is_blocked_until_that_has_a_record(server: Server, make: MakeProject) -> None:
    place = make(_FILES)
    plan = place.plan("--exclude", "account.acme", expect=3)
    assert [blocked["address"] for blocked in plan["blocked"]] == ["task.call"]
    assert "account.acme" in plan["blocked"][0]["reason"]
    assert "account.acme" in plan["blocked"][0]["hint"]
    run = place.apply("--exclude", "account.acme", expect=3)
    assert "3 created" in run.out
    assert "1 blocked" in run.out.splitlines()[-1]
    place.apply("--only", "account.acme")
    assert [c["address"] for c in place.plan("--exclude", "account.acme")["changes"]] == ["task.call"]
    place.apply("--exclude", "account")
    assert "task.call" in place.state()
    place.plan(expect=0)
    assert len(server.writes()) == 5


def test_exclude_wins_over_prune(server: Server, make: MakeProject) -> None:
    place = make(_FILES)
    place.apply()
    place.write("crm/accounts.yaml", "accounts:\n  acme: {fields: {$name: Acme of patterns}}\n")
    place.write("data/rows.csv", "Id,Name\none,One of patterns\n")
    plan = place.plan("--prune", "--exclude", "account.birch")
    assert [(change["address"], change["action"]) for change in plan["changes"]] == [("account.two", "delete")]
    only = place.plan("--prune", "--only", "account.*", expect=0)
    assert only["changes"] == [], "only a full address names an orphan"
    named = place.plan("--prune", "--only", "account.birch")
    assert [change["address"] for change in named["changes"]] == ["account.birch"]


@pytest.mark.parametrize("option", ["--only", "--exclude"])
def test_a_pattern_that_matches_nothing_is_a_usage_error(
    untouched: Server, option: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = project(tmp_path_factory.mktemp("p") / "p", untouched.url, _FILES)
    run = place.lfsync("plan", option, "acount", expect=1)
    assert f"{option} acount" in run.err
    assert "did you mean `account`?" in run.err
    assert "file:crm/tasks.yaml" in place.lfsync("plan", option, "file:crm/task.yaml", expect=1).err


def test_with_a_saved_plan_they_are_refused(make: MakeProject, server: Server) -> None:
    place = make(_FILES)
    path = place.folder.parent / "saved.json"
    place.lfsync("plan", "-o", path)
    for option in ("--only", "--exclude"):
        assert "a saved PLAN says itself" in place.lfsync("apply", path, "--yes", option, "task", expect=1).err
    assert server.writes() == []

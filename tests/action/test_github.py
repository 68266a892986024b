"""action.yml: the reviewed plan is applied, and no binding is lost (design.md, 15; rule M2)."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest
import yaml

from lfsync.cli import cli
from tests.action.github import ROOT, GitHub, load
from tests.e2e.rig import KEY, LFSYNC, Server, clean_environment, serving
from tests.forges.fake import Forge
from tests.render.runner import commands
from tests.serving import served

_PUSH = ("plan", "apply")
_PAGE = ROOT / "docs/ci.md"
_PULL = {"pull_request": {"number": 5}}


def _on_the_page() -> str:
    (text,) = re.findall(r"^<!-- workflow -->\n```yaml\n(.*?)^```$", _PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return str(text)


@contextmanager
def _github(shelf: Path, forge: str = "", folder: str = ".") -> Iterator[tuple[GitHub, Path, Server]]:
    """The workflow of docs/ci.md on a repository that holds the quick start, in its top or in a folder."""
    repository = shelf / "project"
    project = repository / folder
    shutil.copytree(ROOT / "examples/quickstart", project, ignore=shutil.ignore_patterns(".lfsync"))
    with serving(project / "sandbox/workspace.yaml") as server:
        env = clean_environment(
            LIGHTFIELD_BASE_URL=server.url,
            LIGHTFIELD_API_KEY=KEY,
            LFSYNC_WORKSPACE="prod",
            GITHUB_API_URL=forge,
            GITHUB_REPOSITORY="corp/crm",
            PATH=os.environ["PATH"].replace(str(LFSYNC.parent), ""),
            GIT_CONFIG_GLOBAL=os.devnull,
        )
        github = GitHub(shelf, env, yaml.safe_load(_on_the_page()), load(ROOT / "action.yml"))
        github.start(repository)
        yield github, project, server


def _names(server: Server) -> set[str]:
    with server.sdk() as sdk:
        return {str(row.fields["$name"].value) for row in sdk.account.list(limit=25).data}


def _bound(github: GitHub, name: str) -> set[str]:
    github.sh(github.shelf, f"git clone -q {github.remote} {name}")
    (kept,) = (github.shelf / name).glob("**/.lfsync/state/prod.jsonl")
    assert not list((github.shelf / name).glob("**/*.plan.json"))
    return {json.loads(line).get("address") for line in kept.read_text("utf-8").splitlines()[1:]}


def test_two_merges_in_a_row_each_apply_the_plan_that_was_reviewed(tmp_path: Path) -> None:
    """The second is merged while the first waits for approval."""
    with _github(tmp_path) as (github, project, server):
        first = github.merge(project)
        waiting = github.run("push", first, "plan")
        assert waiting["plan"].outputs == {"code": "2"}
        assert "6 to create" in waiting["plan"].summary

        (project / "more.yaml").write_text("accounts: {elm: {fields: {$name: Elm Heating}}}\n", "utf-8")
        second = github.merge(project)
        done = github.resume(1, "push", first, waiting, "apply")
        assert done["apply"].ok, done["apply"].log
        assert "Elm Heating" not in _names(server), "it was in no plan that somebody reviewed"

        after = github.run("push", second, *_PUSH)
        assert "1 to create" in after["plan"].summary
        assert "8 unchanged" in after["plan"].summary
        assert after["apply"].ok, after["apply"].log
        assert "Elm Heating" in _names(server)

        bound = _bound(github, "end")
        assert {"account.acme", "list.q4-targets", "account.elm"} <= bound
        assert len(bound) == 8 + 1
        last = github.run("push", github.merge(_touched(project)), *_PUSH)
        assert last.keys() == {"plan"}, "there is nothing to apply"
        assert last["plan"].outputs == {"code": "0"}


def test_two_runs_side_by_side_lose_no_binding(tmp_path: Path) -> None:
    """Where nobody says `concurrency`: both planned from one state, both push."""
    with _github(tmp_path) as (github, project, server):
        github.run("push", github.merge(project), *_PUSH)
        runs = []
        for number, name in enumerate(("elm", "oak"), 2):
            text = "accounts: {%s: {fields: {$name: %s Heating}}}\n" % (name, name)  # noqa: UP031
            (project / f"{name}.yaml").write_text(text, "utf-8")
            commit = github.merge(project)
            runs.append((number, commit, github.run("push", commit, "plan")))
        for number, commit, waiting in reversed(runs):
            github.resume(number, "push", commit, waiting, "apply")
        assert {"account.elm", "account.oak"} <= _bound(github, "end")
        names = _names(server)
        assert {"elm Heating", "oak Heating"} <= names
        fresh = github.run("push", github.merge(_touched(project)), *_PUSH)
        assert fresh["plan"].outputs == {"code": "0"}, fresh["plan"].summary


def test_a_pull_request_gets_one_comment_and_its_plan_as_summary(tmp_path: Path) -> None:
    forge = Forge()
    with served(forge.app()) as url, _github(tmp_path, f"{url}/api/v3") as (github, project, _):
        for name in ("elm", "oak"):
            (project / "more.yaml").write_text(f"accounts: {{{name}: {{fields: {{$name: {name}}}}}}}\n", "utf-8")
            done = github.run("pull_request", github.merge(project), *_PUSH, payload=_PULL)
            assert done.keys() == {"plan"}
            assert done["plan"].ok, done["plan"].log
            (body,) = forge.bodies
            assert f"account&#46;{name}" in body or f"account.{name}" in body
            assert done["plan"].summary.strip() == body.strip()
            assert [each.name for each in done["plan"].annotations] == ["notice"]


@pytest.mark.parametrize("event", ["pull_request_target", "workflow_run"])
def test_no_file_of_a_fork_is_read_with_the_key_at_hand(tmp_path: Path, event: str) -> None:
    """These events have the secrets: an `lfsync.yaml` that is checked out there could send the key anywhere."""
    with _github(tmp_path) as (github, project, server):
        done = github.run(event, github.merge(project), "plan", payload=_PULL)
        assert not done["plan"].ok
        assert [each.name for each in done["plan"].annotations] == ["error"]
        assert server.log() == []


def test_a_mistake_is_an_annotation_in_its_file_and_the_job_is_red(tmp_path: Path) -> None:
    with _github(tmp_path) as (github, project, _):
        (project / "more.yaml").write_text("accounts: {elm: {fields: {$nam: Elm}}}\n", "utf-8")
        done = github.run("push", github.merge(project), *_PUSH)
        assert done.keys() == {"plan"}
        assert not done["plan"].ok
        told = {(each.name, each.properties["file"], each.properties["line"]) for each in done["plan"].annotations}
        assert told == {("error", "more.yaml", "1")}


def test_what_is_blocked_is_told_the_rest_applied_and_the_state_kept(tmp_path: Path) -> None:
    """design.md, section 8: a plan with something blocked is whole; plan and apply exit with 3."""
    with _github(tmp_path) as (github, project, _):
        gone = "accounts: {gone: {id: acc_00000000000000000000, fields: {$name: Gone}}}\n"
        (project / "gone.yaml").write_text(gone, "utf-8")
        done = github.run("push", github.merge(project), *_PUSH)
        assert done["plan"].ok
        assert done["plan"].outputs == {"code": "3"}
        assert [(each.name, each.properties.get("file")) for each in done["plan"].annotations] == [
            ("error", "gone.yaml"),
            ("notice", None),
        ]
        assert not done["apply"].ok
        assert "account.gone" in done["apply"].summary
        assert "Save the state" in done["apply"].steps
        assert len(_bound(github, "end")) == 8


def test_drift_makes_the_job_red_and_is_shown(tmp_path: Path) -> None:
    with _github(tmp_path) as (github, project, server):
        commit = github.merge(project)
        calm = github.run("schedule", commit, *_PUSH)
        assert calm["plan"].ok, calm["plan"].log
        github.run("push", commit, *_PUSH)
        assert github.run("schedule", commit, *_PUSH)["plan"].ok
        with server.sdk() as sdk:
            (acme,) = (row for row in sdk.account.list(limit=25).data if row.fields["$name"].value == "Acme Solar")
            sdk.account.update(acme.id, fields={"tier": "Silver"})
        done = github.run("schedule", commit, *_PUSH)
        assert done.keys() == {"plan"}
        assert not done["plan"].ok
        assert "1 to update" in done["plan"].summary
        assert "Keep the plan" not in done["plan"].steps
        assert done["plan"].annotations[-1].data.startswith("People changed in Lightfield")


def test_a_project_in_a_folder_of_the_repository(tmp_path: Path) -> None:
    with _github(tmp_path, folder="crm/eu") as (github, project, _):
        for job in github.workflow["jobs"].values():
            job["steps"][-1].setdefault("with", {})["folder"] = "crm/eu"
        done = github.run("push", github.merge(project), *_PUSH)
        assert done["apply"].ok, done["apply"].log
        assert len(_bound(github, "end")) == 8
        (project / "more.yaml").write_text("accounts: {elm: {fields: {$nam: Elm}}}\n", "utf-8")
        wrong = github.run("push", github.merge(project), "plan")
        assert wrong["plan"].annotations[0].properties["file"] == "crm/eu/more.yaml"


def test_nothing_that_people_typed_is_obeyed(tmp_path: Path) -> None:
    with _github(tmp_path) as (github, project, _):
        evil = "a\\n::add-mask::a\\n##[add-mask]b\\n::set-output name=code::0"
        text = f'notes: {{n: {{fields: {{$title: "{evil}", $content: "one\\n::error::typed\\n##[add-mask]x"}}}}}}\n'
        (project / "more.yaml").write_text(text, "utf-8")
        done = github.run("push", github.merge(project), *_PUSH)
        assert done["apply"].ok, done["apply"].log
        assert [each.name for each in done["plan"].annotations] == ["notice"]
        assert done["apply"].annotations == []
        assert "add-mask" in {each.name for each in commands(done["apply"].log)}, "it is printed, and not obeyed"


def test_what_redact_hides_is_in_no_log_and_no_summary(tmp_path: Path) -> None:
    """Rule G2: an apply is read by all who read the repository, as its plan is."""
    with _github(tmp_path) as (github, project, _):
        settings = project / "lfsync.yaml"
        settings.write_text(f"{settings.read_text('utf-8')}redact: [account, '*.EMAIL']\n", "utf-8")
        secret = "accounts:\n  oak: {fields: {$name: Secret Oak}}\n  gone: {id: acc_0, fields: {$name: Secret Gone}}\n"
        (project / "more.yaml").write_text(secret, "utf-8")
        done = github.run("push", github.merge(project), *_PUSH)
        for job in done.values():
            assert "Secret" not in job.log + job.summary
            assert "corp.example" not in job.log + job.summary
        assert "account.gone  blocked  more.yaml:3" in done["apply"].summary
        assert re.search(r"^ +\d+ done$", done["apply"].summary, re.MULTILINE)
        assert "account.oak" in _bound(github, "end")

        settings.write_text(f"{settings.read_text('utf-8')}# other files than those that were planned\n", "utf-8")
        (project / "more.yaml").write_text("accounts: {oak: {fields: {$name: Secret Elm}}}\n", "utf-8")
        commit = github.merge(project)
        waiting = github.run("push", commit, "plan")
        (project / "more.yaml").write_text("accounts: {oak: {fields: {$name: Secret Ash}}}\n", "utf-8")
        refused = github.resume(2, "push", github.merge(project), waiting, "apply")
        assert not refused["apply"].ok
        assert "the plan was made from other files than these" in refused["apply"].summary
        assert "Secret" not in refused["apply"].log


def test_it_is_installed_from_its_own_checkout_and_from_the_lock_file_alone(tmp_path: Path) -> None:
    with _github(tmp_path) as (github, project, _):
        github.run("push", github.merge(project), "plan")
        venv, locked, itself = github.installed.splitlines()
        assert venv.startswith("-m venv ")
        assert locked.endswith(f"--require-hashes --requirement {ROOT}/requirements/runtime.txt")
        assert itself.endswith(f"--no-deps --no-build-isolation {ROOT}")


def test_no_input_is_pasted_into_a_script() -> None:
    """An expression in a script would run what somebody called a branch."""
    for step in load(ROOT / "action.yml")["runs"]["steps"]:
        assert "${{" not in step.get("run", "")
        assert "uses" in step or step["shell"] == "bash"


def test_the_example_is_the_workflow_of_the_page() -> None:
    assert load(ROOT / "examples/ci/github.yml") == yaml.safe_load(_on_the_page())


def test_the_readme_asks_for_what_the_action_knows() -> None:
    pattern = r"^<!-- workflow -->\n```yaml\n(.*?)^```$"
    (text,) = re.findall(pattern, (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    (step,) = yaml.safe_load(text)
    assert step["with"].keys() <= load(ROOT / "action.yml")["inputs"].keys()


def test_the_pre_commit_hook_names_a_command() -> None:
    (hook,) = load(ROOT / ".pre-commit-hooks.yaml")
    assert hook["id"] == "lfsync-validate"
    program, command = hook["entry"].split()
    assert program == "lfsync"
    assert isinstance(cli.commands[command], click.Command)
    pattern = re.compile(hook["files"])
    assert all(pattern.search(name) for name in ("lfsync.yaml", "crm/a.yml", "data/companies.csv", "notes/a.md"))
    assert not hook["pass_filenames"]


def _touched(project: Path) -> Path:
    """Something new to merge that changes no record."""
    (project / "README.md").write_text("x", "utf-8")
    return project

"""Two clones of one project, real git, one workspace: no binding is lost (rule M2).

The steps of the run that applies are those of action.yml, word for word.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest

from lfsync.project.documents import parse
from lfsync.project.merge_driver import ATTRIBUTE, COMMAND
from tests.e2e.conftest import MakeProject
from tests.e2e.rig import LFSYNC, Project, Server, clean_environment

ACTION = Path(__file__).parents[2] / "action.yml"
_ACME = "accounts: {acme: {fields: {$name: Acme}}}\n"
_BIRCH = "accounts: {birch: {fields: {$name: Birch}}}\n"


_ALL = cast(Any, parse(ACTION.read_text("utf-8"), "action.yml").data)["runs"]["steps"]
_STEPS = {step["name"]: step["run"] for step in _ALL if "run" in step}


@pytest.fixture(autouse=True)
def _no_settings_of_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """git as on a new machine, and `lfsync` on the path, as its merge driver needs it."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("PATH", f"{LFSYNC.parent}{os.pathsep}{os.environ['PATH']}")
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "Kai")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "kai@corp.example")


def git(folder: Path, *arguments: str, expect: int = 0) -> str:
    done = subprocess.run(["git", "-C", folder, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout


def bash(clone: Project, script: str, *options: str, **env: str) -> None:
    """A script in a clone."""
    command = ["bash", "--noprofile", "--norc", *options, "-c", script]
    done = subprocess.run(command, cwd=clone.folder, env=clean_environment(**env), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def step(clone: Project, name: str) -> None:
    """One step of the action, as GitHub runs it."""
    bash(clone, _STEPS[name], "-eo", "pipefail", FOLDER=".", BRANCH="main", PULL_REQUEST="")


class Origin:
    """The repository that everybody pushes to, and a person's clone of it."""

    def __init__(self, home: Path, first: Project) -> None:
        self.home, self.first = home, first
        self.url = home / "origin.git"
        git(home, "init", "-q", "--bare", "-b", "main", str(self.url))
        git(first.folder, "init", "-q", "-b", "main")
        git(first.folder, "remote", "add", "origin", str(self.url))

    def merge_pull_request(self, name: str, text: str) -> None:
        """A file more on main."""
        self.first.write(name, text)
        git(self.first.folder, "add", ".")
        git(self.first.folder, "commit", "-qm", name)
        if git(self.first.folder, "ls-remote", "origin"):
            git(self.first.folder, "pull", "-q", "--no-rebase", "--no-edit", "origin", "main")
        git(self.first.folder, "push", "-q", "origin", "main")

    def checkout(self, name: str) -> Project:
        """A clone of main as it is now: a runner's, or a person's."""
        folder = self.home / name
        git(self.home, "clone", "-q", str(self.url), str(folder))
        return Project(folder, self.first.env, self.first.workspace)


@pytest.fixture
def origin(make: MakeProject, tmp_path: Path) -> Origin:
    return Origin(tmp_path, make({".gitattributes": f"{ATTRIBUTE}\n"}))


def _names(server: Server) -> list[str]:
    with server.sdk() as sdk:
        return sorted(str(row.fields["$name"].value) for row in sdk.account.list(limit=25).data)


def test_pull_requests_merged_before_the_first_run_ends(origin: Origin, server: Server) -> None:
    """The issue's story: each run pushes its state from a commit that is old by then. Nothing is lost or doubled."""
    before = _names(server)
    origin.merge_pull_request("acme.yaml", _ACME)
    one = origin.checkout("one")
    step(one, "Take the newest state")
    one.apply()
    origin.merge_pull_request("birch.yaml", _BIRCH)
    two = origin.checkout("two")
    step(two, "Take the newest state")
    two.apply()  # knows nothing of the first run's state: it adopts what that one made
    origin.merge_pull_request("cedar.yaml", "accounts: {cedar: {fields: {$name: Cedar}}}\n")
    for clone in (one, two):
        step(clone, "Keep the state")
    three = origin.checkout("three")
    step(three, "Take the newest state")
    three.apply()
    step(three, "Keep the state")
    assert _names(server) == sorted([*before, "Acme", "Birch", "Cedar"])

    fresh = origin.checkout("fresh")
    assert fresh.plan(expect=0)["changes"] == []
    assert fresh.ids() == {**one.ids(), **two.ids(), **three.ids()}
    assert fresh.ids().keys() == {"account.acme", "account.birch", "account.cedar"}


def test_two_runs_that_know_one_state(origin: Origin, server: Server) -> None:
    """Both begin from one state and bind different addresses; the hashes of both stay, so drift is still told."""
    origin.merge_pull_request("acme.yaml", _ACME)
    one = origin.checkout("one")
    step(one, "Take the newest state")
    one.apply()
    step(one, "Keep the state")
    clones = [origin.checkout("two"), origin.checkout("three")]
    for clone in clones:
        step(clone, "Take the newest state")
    for clone, text in zip(clones, (_BIRCH, "accounts: {cedar: {fields: {$name: Cedar}}}\n"), strict=True):
        clone.write("more.yaml", text)
        clone.apply("--only", "account.birch" if text == _BIRCH else "account.cedar")
        (clone.folder / "more.yaml").unlink()
        step(clone, "Keep the state")
    fresh = origin.checkout("fresh")
    assert {address: line["fields"] for address, line in fresh.state().items()} == {
        address: line["fields"] for clone in (one, *clones) for address, line in clone.state().items()
    }


def test_the_way_out_of_conflict_markers(origin: Origin) -> None:
    """A clone without the driver ends with markers in the state; the message's own command takes them apart."""
    origin.first.write(".gitattributes", "")
    origin.merge_pull_request("acme.yaml", _ACME)
    clones = [origin.checkout("one"), origin.checkout("two")]
    for clone in clones:
        clone.apply()
        git(clone.folder, "add", ".")
        git(clone.folder, "commit", "-qm", "state")
    git(clones[0].folder, "push", "-q", "origin", "main")
    two = clones[1]
    git(two.folder, "pull", "-q", "--no-rebase", "--no-edit", "origin", "main", expect=1)
    said = two.lfsync("plan", expect=1).err
    assert "conflict markers" in said
    way_out = said.split("`")[1]
    bash(Project(two.state_file.parent), way_out)
    assert [path.name for path in two.state_file.parent.iterdir()] == [two.state_file.name]
    assert two.plan(expect=0)["changes"] == []


def test_a_clone_without_the_driver_is_told_the_command(origin: Origin) -> None:
    """Rule M2: and not any more once it has been run."""
    origin.merge_pull_request("acme.yaml", _ACME)
    clone = origin.checkout("one")
    for arguments in (("plan",), ("apply", "--yes")):
        assert COMMAND in clone.lfsync(*arguments).err
    git(clone.folder, *shlex.split(COMMAND)[1:])
    assert "driver" not in clone.lfsync("plan").err
    git(clone.folder, "worktree", "add", "-q", "../beside")
    beside = Project(clone.folder.parent / "beside", clone.env, clone.workspace)
    assert "driver" not in beside.lfsync("plan").err, "a worktree has its repository's settings"


def test_init_in_a_repository_sets_the_driver(tmp_path: Path) -> None:
    """Rule M2: also below its top; without git, nothing."""
    git(tmp_path, "init", "-q", "repository")
    inside = Project(tmp_path / "repository" / "crm")
    assert "wrote .gitattributes" in inside.lfsync("init").out
    assert ATTRIBUTE in (inside.folder / ".gitattributes").read_text().splitlines()
    assert git(inside.folder, "config", "merge.lfsync.driver") == "lfsync state merge %O %A %B\n"
    outside = Project(tmp_path / "outside")
    assert ".gitattributes" not in outside.lfsync("init").out
    assert not (outside.folder / ".gitattributes").exists()


def test_a_state_that_cannot_be_read_leaves_ours_as_it_is(tmp_path: Path) -> None:
    """Rule M2: exit 1."""
    place = Project(tmp_path)
    ours = place.write("ours", '{"ids":[],"lfsync_state":1,"salt":"0123456789abcdef"}\n')
    place.write("broken", "{")
    place.write("binary", b"\xff")
    for base, theirs in (("ours", "broken"), ("broken", "ours"), ("ours", "binary"), ("ours", "nowhere")):
        before = ours.read_bytes()
        run = place.lfsync("state", "merge", tmp_path / base, ours, tmp_path / theirs, expect=1)
        assert ("THEIRS " if base == "ours" else "BASE ") in run.err
        assert ours.read_bytes() == before
    place.write("empty", "")
    place.lfsync("state", "merge", tmp_path / "empty", ours, ours)

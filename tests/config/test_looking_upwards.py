"""Where the project is, seen from a folder within (design 3; rules C13, C17)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from lfsync.errors import UsageError
from lfsync.project.folder import find_project
from tests.config.config_samples import write
from tests.e2e.rig import LFSYNC, Run, clean_environment

OURS = "accounts: {a: {fields: {$name: A}}}\n"
ROOT = os.geteuid() == 0


def run(folder: Path, *arguments: str, **env: str) -> Run:
    environment = {**clean_environment(), **env}
    done = subprocess.run([LFSYNC, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    return Run(done.returncode, done.stdout, done.stderr)


def below(root: Path, name: str = "crm/deep") -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    return folder


def test_the_nearest_project_upwards(tmp_path: Path) -> None:
    write(tmp_path, {})
    inner = write(below(tmp_path, "a/b"), {})
    assert find_project(below(inner, "c/d")) == inner
    assert find_project(below(tmp_path)) == tmp_path
    assert find_project(tmp_path) == tmp_path


@pytest.mark.parametrize("git", ["folder", "file"])
def test_the_search_stops_at_the_folder_that_holds_git(tmp_path: Path, git: str) -> None:
    """Also in a worktree or a submodule, where `.git` is a file."""
    write(tmp_path, {})
    repository = below(tmp_path, "repository")
    (repository / ".git").mkdir() if git == "folder" else (repository / ".git").write_text("gitdir: elsewhere\n")
    deep = below(repository)
    assert find_project(deep) == deep
    write(repository, {})
    assert find_project(deep) == repository


@pytest.mark.skipif(not ROOT, reason="only root can give files away")
def test_a_file_of_another_owner_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"crm.yaml": OURS})
    os.chown(tmp_path / "lfsync.yaml", 12345, -1)
    deep = below(tmp_path)
    with pytest.raises(UsageError, match="belongs to another user") as caught:
        find_project(deep)
    assert f"-C {tmp_path}" in str(caught.value.hint)
    assert run(deep, "validate").code == 1
    assert run(deep, "-C", str(tmp_path), "validate").code == 0, "named on the command line it is trusted"
    assert run(tmp_path, "validate").code == 0, "and where one stands it was not looked for"


@pytest.mark.skipif(not ROOT, reason="only root can give files away")
def test_a_link_of_another_owner_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "mine", {})
    (tmp_path / "lfsync.yaml").symlink_to(tmp_path / "mine" / "lfsync.yaml")
    os.lchown(tmp_path / "lfsync.yaml", 12345, -1)
    with pytest.raises(UsageError, match="belongs to another user"):
        find_project(below(tmp_path))


def test_a_run_from_a_folder_within_says_where_paths_start(tmp_path: Path) -> None:
    write(tmp_path, {"crm/a.yaml": OURS.replace("fields", "feilds")})
    told = run(tmp_path / "crm", "validate")
    assert told.code == 1
    assert "The project is ..; paths below start there." in told.err
    assert "crm/a.yaml:1:16: account.a: unknown key `feilds`" in told.err
    assert "The project is" not in run(tmp_path, "validate").err


def test_plan_from_a_folder_within_keeps_what_belongs_to_the_project(tmp_path: Path) -> None:  # rule C13
    write(tmp_path, {"crm/a.yaml": OURS})
    done = run(tmp_path / "crm", "plan", "-o", "mine.json")
    assert done.code == 0, done.err
    assert (tmp_path / "crm" / "mine.json").exists(), "-o is relative to where the user stands"
    assert (tmp_path / ".lfsync").is_dir()
    assert not (tmp_path / "crm" / ".lfsync").exists()


def test_init_never_looks_up(tmp_path: Path) -> None:
    write(tmp_path, {})
    deep = below(tmp_path)
    assert run(deep, "init").code == 0
    assert (deep / "lfsync.yaml").exists()


def test_dash_c_is_no_start_of_a_search(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": OURS})
    below(tmp_path)
    told = run(tmp_path, "-C", "crm/deep", "validate")
    assert told.code == 1
    assert "there is no lfsync.yaml in" in told.err


def test_an_empty_base_url_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, {"lfsync.yaml": "version: 1\nworkspaces: {prod: {}}\n", "a.yaml": OURS})
    for empty in ("", " "):
        told = run(tmp_path, "plan", LIGHTFIELD_BASE_URL=empty, LIGHTFIELD_API_KEY="sk_lf_x")
        assert (told.code, told.err.splitlines()[0]) == (1, "lfsync: LIGHTFIELD_BASE_URL is set, but empty")
    write(tmp_path, {"lfsync.yaml": "version: 1\nworkspaces: {play: {sandbox: {}}}\n"})
    assert run(tmp_path, "plan", LIGHTFIELD_BASE_URL="").code == 0, "it never touches a sandbox (rule C14)"


def test_validate_tells_of_warnings(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": OURS, "docker-compose.yml": "services: {}\n"})
    told = run(tmp_path, "validate")
    assert told.code == 0
    assert told.err.startswith("Warning: docker-compose.yml: no resource file")

"""What lfsync keeps beside the state stays out of git (design.md, section 4)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lfsync.project.merge_driver import ATTRIBUTE, is_missing
from lfsync.state.state_file import ignore_local_files


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (None, "journal/\nhistory/\nsandbox/\n!/schemas/*/\n"),
        ("journal/\nsandbox/", "journal/\nsandbox/\nhistory/\n!/schemas/*/\n"),
        ("# mine\nhistory/\n*.bak\n", "# mine\nhistory/\n*.bak\njournal/\nsandbox/\n!/schemas/*/\n"),
        ("sandbox/\r\nhistory/\r\njournal/\r\n", "sandbox/\r\nhistory/\r\njournal/\r\n!/schemas/*/\n"),
    ],
)
def test_lines_that_an_older_gitignore_lacks_are_added(tmp_path: Path, old: str | None, new: str) -> None:
    (tmp_path / ".lfsync").mkdir()
    path = tmp_path / ".lfsync" / ".gitignore"
    if old is not None:
        path.write_bytes(old.encode())
    for _ in range(2):
        ignore_local_files(tmp_path / ".lfsync")
        assert path.read_bytes().decode() == new


@pytest.mark.parametrize("old", ["", "journal/\nhistory/\nsandbox/\n"])
@pytest.mark.parametrize("workspace", ["prod", "sandbox", "journal", "history", "schemas"])
def test_git_takes_what_is_made_to_be_committed_whatever_the_workspace_is_called(
    tmp_path: Path, workspace: str, old: str
) -> None:
    local = tmp_path / ".lfsync"
    local.mkdir()
    (local / ".gitignore").write_text(old)
    ignore_local_files(local)
    committed = [f"state/{workspace}.jsonl", f"definitions/{workspace}.json", f"schemas/{workspace}/resources.json"]
    ours = [f"journal/{workspace}.jsonl", f"history/{workspace}/x.jsonl", f"sandbox/{workspace}.db"]
    for name in (*committed, *ours):
        (local / name).parent.mkdir(parents=True, exist_ok=True)
        (local / name).write_text("x")
    git = ["git", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q"], check=True)
    command = [*git, "ls-files", "--others", "--exclude-standard"]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert sorted(found) == sorted(f".lfsync/{name}" for name in (".gitignore", *committed))


@pytest.mark.parametrize(
    ("attributes", "config", "missing"),
    [
        (ATTRIBUTE, "", True),
        (ATTRIBUTE, '[merge "lfsync"]\n\tname = states\n\tdriver = lfsync state merge %O %A %B\n', False),
        (ATTRIBUTE, '[merge "other"]\n\tdriver = x\n[core]\n', True),
        (ATTRIBUTE, '[merge "lfsync"]\n\tname = states\n[merge "other"]\n\tdriver = x\n', True),
        (f"# {ATTRIBUTE}", "", False),
        ("", "", False),
    ],
)
def test_whether_this_clone_has_the_merge_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attributes: str, config: str, missing: bool
) -> None:
    """Rule M2: its own settings count, and those of the user."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    root = tmp_path / "repository" / "crm"
    root.mkdir(parents=True)
    (root / ".gitattributes").write_text(f"{attributes}\n")
    assert not is_missing(root), "no repository, nothing to merge"
    (tmp_path / "repository" / ".git").mkdir()
    (tmp_path / "repository" / ".git" / "config").write_text(config)
    assert is_missing(root) == missing
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".gitconfig").write_text('[merge "lfsync"]\n    driver = x\n')
    assert not is_missing(root)

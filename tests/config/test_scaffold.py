"""`lfsync init`: a project that loads at once, and never over what is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from lfsync.errors import UsageError
from lfsync.project.load import load_project
from lfsync.project.scaffold import init


def test_a_new_project_has_no_problems(tmp_path: Path) -> None:
    root = tmp_path / "new" / "crm"
    schemas = [f".lfsync/schemas/sandbox/{name}.json" for name in ("resources", "lfsync")]
    assert init(root) == ["lfsync.yaml", "crm.yaml", "sandbox/workspace.yaml", ".gitignore", *schemas]
    project = load_project(root)
    assert project.problems == ()
    assert project.warnings == ()
    assert len(project.resources) == 4
    assert project.settings.default_workspace == "sandbox"
    assert project.settings.workspaces["prod"].sandbox is None


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "crm.yaml").write_text("mine")
    with pytest.raises(UsageError) as caught:
        init(tmp_path)
    assert caught.value.message == "crm.yaml is there already"
    assert [path.name for path in tmp_path.iterdir()] == ["crm.yaml"]
    with pytest.raises(UsageError) as caught:
        init(tmp_path / "crm.yaml")
    assert "can't be written" in caught.value.message


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("node_modules/", "node_modules/\n# Saved"),
        ("a\n", "a\n# Saved"),
        ("*.plan.json\n.env\n", "*.plan.json\n.env\n"),
        (".env\n", ".env\n# Saved"),
    ],
)
def test_what_git_ignores_is_added_to(tmp_path: Path, old: str, new: str) -> None:
    (tmp_path / ".gitignore").write_text(old)
    init(tmp_path)
    text = (tmp_path / ".gitignore").read_text()
    assert text.startswith(new)
    assert sorted(line for line in text.splitlines() if line in ("*.plan.json", ".env")) == ["*.plan.json", ".env"]

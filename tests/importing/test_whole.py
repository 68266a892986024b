"""An import writes all of its files or none, and what a kill leaves is of use (rule V1)."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from lfsync.editing.imports import targets_first
from tests.e2e.rig import LFSYNC, Project, Server, project
from tests.faults.disk import refuse
from tests.faults.town import Build

_LONG = "x" * 9000
SEED = f"""\
members: [{{ref: kai, email: kai@corp.example, role: admin}}]
definitions: {{account: {{fields: {{nickname: {{type: TEXT}}}}}}}}
records:
  accounts: [{{ref: acme, fields: {{$name: Acme, nickname: {_LONG}}}}}]
  contacts: [{{fields: {{$name: {{firstName: Ada}}, $email: [ada@acme.example]}}, relationships: {{$account: [acme]}}}}]
  notes:
    - {{fields: {{$title: Short, $content: "a\\n\\nb\\n\\nc"}}}}
    - {{fields: {{$title: Long, $content: "{_LONG}\\n\\nb\\n\\nc"}}}}
"""


@pytest.fixture
def place(crm: Server, tmp_path: Path) -> Project:
    return project(tmp_path / "project", crm.url, {})


def there(place: Project) -> dict[str, bytes]:
    paths = [path for path in place.folder.rglob("*") if path.is_file() and ".lfsync" not in path.parts]
    return {str(path.relative_to(place.folder)): path.read_bytes() for path in paths}


def without_room(place: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    """No file may have more than 4 KiB, as on a disk that is full."""
    command = ["sh", "-c", 'ulimit -f 8; exec "$@"', "sh", str(LFSYNC), "-C", str(place.folder), *arguments]
    env = {**place.env, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("kinds", "full"), [(["account", "contact"], "accounts.yaml"), (["note"], "notes/long.content.md")]
)
def test_a_full_disk_leaves_nothing(place: Project, kinds: list[str], full: str) -> None:
    """A contact that refers to an account in a file that has no room would be a project that nothing can plan."""
    place.write("contacts.yaml", "contacts:\n  tom: {fields: {$name: {firstName: Tom}}}\n")
    before = there(place)
    run = without_room(place, "import", *kinds)
    assert (run.returncode, there(place)) == (1, before)
    assert f"{full}: the file can't be written" in run.stderr
    place.lfsync("import", *kinds)
    assert [change["address"] for change in place.plan(expect=2)["changes"]] == ["contact.tom"]


@pytest.mark.parametrize("step", ["mkstemp", "fsync", "link", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
@pytest.mark.parametrize("below", [".", "notes"])
def test_a_disk_that_is_full_or_read_only_leaves_nothing(
    build: Build, monkeypatch: pytest.MonkeyPatch, step: str, code: int, below: str
) -> None:
    """Issue 8, at each step of writing: all of the files as they were, and nothing beside them."""
    town = build(seed=SEED)
    town.write("contacts:\n  tom: {fields: {$name: {firstName: Tom}}}\n", "contacts.yaml")

    def files() -> dict[str, bytes]:
        found = [path for path in town.root.rglob("*") if path.is_file() and ".lfsync" not in path.parts]
        return {str(path.relative_to(town.root)): path.read_bytes() for path in found}

    before = files()
    with monkeypatch.context() as patch:
        refuse(patch, town.root / below, step, code)
        said = town.lfsync("import", "--all")
    if step == "replace" and below == "notes":
        assert said.code == 0, "no file there is replaced"
        return
    assert said.code == 1
    assert "can't be written" in said.err
    assert os.strerror(code) in said.err
    assert files() == before
    assert town.lfsync("import", "--all").code == 0
    assert town.actions() == {"contact.tom": "create"}


def test_a_text_that_a_killed_import_left_is_taken(place: Project) -> None:
    place.write("notes/short.content.md", "a\n\nb\n\nc\n")
    place.write("notes/long.content.md", "mine")
    told = place.lfsync("import", "note", "--format", "json").json()
    assert told["texts"] == ["notes/long.content-2.md", "notes/short.content.md"]
    assert sorted(path.name for path in (place.folder / "notes").iterdir()) == [
        "long.content-2.md",
        "long.content.md",
        "short.content.md",
    ]


def test_a_text_that_something_names_is_not_taken(place: Project) -> None:
    """Else an edit of one would be an edit of the other."""
    place.write("notes/short.content.md", "a\n\nb\n\nc\n")
    place.write("own.yaml", "notes:\n  own: {fields: {$title: Own, $content: {file: notes/short.content.md}}}\n")
    told = place.lfsync("import", "note", "--format", "json").json()
    assert "notes/short.content-2.md" in told["texts"]


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ({}, []),
        ({"a": {"c"}, "b": (), "c": {"b"}}, ["b", "c", "a"]),
        ({"a": {"a"}, "b": {"a"}}, ["a", "b"]),
        ({"a": {"b"}, "b": {"a"}, "c": {"a"}}, ["b", "a", "c"]),
    ],
)
def test_what_is_referred_to_is_in_place_first(named: Mapping[str, set[str]], expected: list[str]) -> None:
    """So a kill between two files leaves no ref to what is not there; but for files that refer to each other."""
    assert targets_first(named) == expected

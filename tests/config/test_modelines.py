"""Files that lfsync writes begin with the line that tells editors their schema (design 14)."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest

from lfsync.cli import run
from lfsync.project.documents import parse

SEED = """\
members: [{ref: kai, email: kai@corp.example}]
definitions: {account: {fields: {tier: {type: SINGLE_SELECT, label: Tier, options: [Gold]}}}}
records:
  accounts: [{fields: {$name: Acme, tier: Gold}}]
  contacts: [{fields: {$name: {firstName: Ada}, $email: [ada@acme.example]}}]
"""


def lfsync(folder: Path, *words: str) -> None:
    assert run(["-C", str(folder), *words]) == 0


def schema_of(path: Path) -> Path:
    """What the first line of a file names, from the file's own folder as an editor goes."""
    first = path.read_text("utf-8").splitlines()[0]
    named = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    assert named, first
    return (path.parent / named[1]).resolve(strict=True)


def is_valid(path: Path) -> bool:
    schema = json.loads(schema_of(path).read_text("utf-8"))
    return bool(jsonschema.Draft7Validator(schema).is_valid(parse(path.read_text("utf-8"), "x.yaml").data))


def test_a_new_project_has_schemas_that_say_what_holds_everywhere(tmp_path: Path) -> None:
    lfsync(tmp_path, "init")
    for name, schema in {"crm.yaml": "resources", "lfsync.yaml": "lfsync"}.items():
        assert schema_of(tmp_path / name) == (tmp_path / ".lfsync" / "schemas" / "sandbox" / f"{schema}.json").resolve()
        assert is_valid(tmp_path / name)


def test_saved_definitions_take_their_place(tmp_path: Path) -> None:
    lfsync(tmp_path, "init")
    typo = tmp_path / "typo.yaml"
    text = (tmp_path / "crm.yaml").read_text("utf-8").replace("Gold", "Glod")
    typo.write_text(text, "utf-8")
    assert is_valid(typo)
    lfsync(tmp_path, "definitions", "--save")
    assert not is_valid(typo)
    assert is_valid(tmp_path / "crm.yaml")


def test_init_leaves_schemas_that_know_more(tmp_path: Path) -> None:
    lfsync(tmp_path, "init")
    lfsync(tmp_path, "definitions", "--save")
    saved = (tmp_path / ".lfsync" / "schemas" / "sandbox" / "resources.json").read_bytes()
    for name in ("lfsync.yaml", "crm.yaml", "sandbox/workspace.yaml"):
        (tmp_path / name).unlink()
    lfsync(tmp_path, "init")
    assert (tmp_path / ".lfsync" / "schemas" / "sandbox" / "resources.json").read_bytes() == saved


def test_init_writes_no_schema_outside_of_the_project(tmp_path: Path) -> None:  # rule C17
    (tmp_path / "elsewhere").mkdir()
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / ".lfsync").symlink_to(tmp_path / "elsewhere")
    run(["-C", str(inside), "init"])
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.fixture
def live(tmp_path: Path) -> Path:
    (tmp_path / "lfsync.yaml").write_text("version: 1\nworkspaces: {crm: {sandbox: {seed: seed.yaml, rps: 0}}}\n")
    (tmp_path / "seed.yaml").write_text(SEED)
    return tmp_path


@pytest.mark.parametrize("into", [".", "crm", "crm/deep"])
def test_an_imported_file_names_its_schema(live: Path, into: str) -> None:
    lfsync(live, "definitions", "--save")
    lfsync(live, "import", "account", "contact", "--into", into)
    for name in ("accounts.yaml", "contacts.yaml"):
        assert is_valid(live / into / name)
    lfsync(live, "plan")


def test_without_schemas_there_is_no_such_line(live: Path) -> None:
    lfsync(live, "import", "account")
    assert "yaml-language-server" not in (live / "accounts.yaml").read_text("utf-8")


def test_a_file_that_is_there_keeps_every_byte(live: Path) -> None:  # design 13
    lfsync(live, "definitions", "--save")
    mine = "# mine\naccounts:\n  birch:\n    fields: {$name: Birch}\n"
    (live / "accounts.yaml").write_text(mine, "utf-8")
    lfsync(live, "import", "account")
    text = (live / "accounts.yaml").read_text("utf-8")
    assert text.startswith(mine)
    assert "Acme" in text
    assert "yaml-language-server" not in text


def test_a_workspace_with_the_name_of_what_git_ignores(tmp_path: Path) -> None:
    """Design 4: the schemas are made to be committed; also beside a `.gitignore` that an older lfsync wrote."""
    lfsync(tmp_path, "init")
    (tmp_path / ".lfsync" / ".gitignore").write_text("journal/\nhistory/\nsandbox/\n")
    lfsync(tmp_path, "apply", "--yes")
    ignored = (tmp_path / ".lfsync" / ".gitignore").read_text().splitlines()
    assert ignored == ["journal/", "history/", "sandbox/", "!/schemas/*/"]

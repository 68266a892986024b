"""With saved definitions `validate` finds offline what a plan would, but what only records can tell (design.md, 14).

Each mistake is checked on both ways, and the problems must be the same to the last character.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from lfsync.cli import run
from tests.mistakes import BEYOND_THE_SCHEMA, DEFAULTS, FILES, GOOD, MISTAKES, SETTINGS

ROOT = Path(__file__).parent.parent.parent

ALL = {**MISTAKES, **BEYOND_THE_SCHEMA, **dict.fromkeys(DEFAULTS, GOOD)}


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the saved definitions of its sandbox."""
    folder = tmp_path_factory.mktemp("offline")
    for name, text in FILES.items():
        (folder / name).write_text(text, "utf-8")
    assert run(["-C", str(folder), "definitions", "--save"]) == 0
    return folder


def _problems(folder: Path, capture: pytest.CaptureFixture[str], *options: str) -> list[dict[str, Any]]:
    capture.readouterr()
    code = run(["-C", str(folder), "validate", *options, "--format", "json"])
    found: list[dict[str, Any]] = json.loads(capture.readouterr().out)["problems"]
    assert code == (1 if found else 0)
    return found


@pytest.mark.parametrize("name", ALL)
def test_a_mistake_is_told_offline_as_it_is_online(name: str, box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (box / "lfsync.yaml").write_text(SETTINGS + (f"defaults: {{{DEFAULTS[name]}}}\n" if name in DEFAULTS else ""))
    (box / "crm.yaml").write_text(ALL[name])
    online = _problems(box, capsys, "--online")
    assert online, "a mistake it must be"
    assert _problems(box, capsys) == online


def test_there_are_many_mistakes() -> None:
    assert len(ALL) >= 50


def test_offline_and_without_a_copy_only_some_are_found(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So that the test above says something of the copy."""
    (box / "lfsync.yaml").write_text(SETTINGS)
    copy, aside = box / ".lfsync/definitions/sandbox.json", box / "aside.json"
    copy.rename(aside)
    try:
        blind = 0
        for text in ALL.values():
            (box / "crm.yaml").write_text(text)
            blind += not _problems(box, capsys)
    finally:
        aside.rename(copy)
    assert blind > 15


@pytest.mark.parametrize("name", ["quickstart", "revops", "seeding", "adopted"])
def test_an_example_has_no_problems_offline(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / name
    shutil.copytree(ROOT / "examples" / name, folder, ignore=shutil.ignore_patterns(".lfsync"))
    assert run(["-C", str(folder), "definitions", "--save"]) == 0
    assert _problems(folder, capsys) == []
    assert run(["-C", str(folder), "validate"]) == 0
    assert "saved today" in capsys.readouterr().out

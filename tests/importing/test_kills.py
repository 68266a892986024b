"""An import that is killed anywhere leaves files and state that agree, and the next one is whole (rule V1, issue 8)."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.effort import size
from tests.faults.town import Build, Town
from tests.importing.worlds import world

_TWO_WAYS = """\
definitions:
  account: {fields: {blurb: {type: TEXT}}, relationships: {
    sponsor: {target: contact, cardinality: HAS_ONE}, main: {target: project, cardinality: HAS_ONE}}}
objects:
  project:
    label: Project
    fields: {name: {type: TEXT}}
    relationships: {lead: {target: contact, cardinality: HAS_ONE}}
records:
  accounts:
    - {ref: acme, fields: {$name: Acme, blurb: "a\\nb\\nc\\nd"}, relationships: {sponsor: ada, main: apollo}}
    - {ref: birch, fields: {$name: Birch}, relationships: {sponsor: twin}}
  contacts:
    - {ref: ada, fields: {$name: {firstName: Ada}}, relationships: {$account: [acme, birch]}}
    - {ref: twin, fields: {$name: {firstName: Twin}}}
    - {fields: {$name: {firstName: Twin}}}
  notes: [{fields: {$title: N, $content: "a\\nb\\nc\\nd"}, relationships: {$account: [acme], $contact: [ada]}}]
  object.project: [{ref: apollo, fields: {name: Apollo}, relationships: {lead: ada}}]
lists: [{fields: {$name: L, $objectType: $account}, members: [acme, birch]}]
"""
_STEPS = ("link", "replace", "rename", "unlink", "fsync")


class _Killed(BaseException):
    """The process is gone."""


class _Axe:
    """Falls before or after a step that the disk would remember. What is there by then stays, whatever unwinds."""

    def __init__(self, root: Path, moment: int) -> None:
        self.root, self.moment, self.steps, self.fell = root, moment, 0, False
        self.left = root.parent / "left"

    def over(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*arguments: Any, **more: Any) -> Any:
            self.step()
            done = work(*arguments, **more)
            self.step()
            return done

        return stepped

    def step(self) -> None:
        self.steps += 1
        if self.steps == self.moment:
            self.fell = True
            shutil.copytree(self.root, self.left, symlinks=True)
            raise _Killed
        if self.fell:
            raise _Killed

    def put_back(self) -> None:
        shutil.rmtree(self.root)
        self.left.rename(self.root)


def killed_import(town: Town, monkeypatch: pytest.MonkeyPatch, moment: int) -> bool:
    """`lfsync import --all`, killed at this step; False where it came to its end before."""
    axe = _Axe(town.root, moment)
    with monkeypatch.context() as patch:
        for name in _STEPS:
            patch.setattr(os, name, axe.over(getattr(os, name)))
        with suppress(_Killed):
            town.lfsync("import", "--all", "--members", "exact")
    if axe.fell:
        axe.put_back()
    return axe.fell


def whole(town: Town) -> None:
    """What is there is a project without a problem, and importing goes on to its end; no plan would write."""
    if any(path.name != "lfsync.yaml" for path in town.root.glob("*.yaml")):
        assert town.lfsync("validate").code == 0
        before = town.plan()
        assert {change["action"] for change in before["changes"]} <= {"adopt"}, before
        assert before["blocked"] == []
    told = json.loads(town.lfsync("import", "--all", "--members", "exact", "--format", "json").out)
    assert told["exit_code"] == 0 or told["left"], told
    after = town.plan()
    assert {change["action"] for change in after["changes"]} <= {"adopt"}
    assert after["blocked"] == []
    again = json.loads(town.lfsync("import", "--all", "--format", "json").out)
    assert again["imported"] == []
    assert town.writes() == []


def fresh(town: Town) -> None:
    """Nothing imported yet."""
    for path in town.root.iterdir():
        if path.name != "lfsync.yaml":
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def test_a_kill_at_each_step(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that refer to each other are two replacements, and between any two a ref may lead nowhere."""
    town = build(seed=_TWO_WAYS)
    moment = 0
    while killed_import(town, monkeypatch, moment := moment + 1):
        whole(town)
        fresh(town)
    assert moment > 30
    accounts = (town.root / "accounts.yaml").read_text()
    assert "sponsor: ada" in accounts, "no trace of it is left in what came to its end"
    assert "con_" not in accounts
    assert [path.name for path in town.root.rglob("*") if ".yaml." in path.name] == []


def test_a_kill_at_each_step_of_an_import_into_files_that_are_there(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = build(seed=_TWO_WAYS)
    own = {
        "accounts.yaml": "# mine\r\naccounts:\r\n  birch: {fields: {$name: Birch}}\r\n",
        "contacts.yaml": "contacts:\n  x: {fields: {$name: {firstName: X}}, lifecycle: {absent: true}}\n",
    }
    moment = 0
    while True:
        for name, text in own.items():
            (town.root / name).write_bytes(text.encode())
        if not killed_import(town, monkeypatch, moment := moment + 1):
            break
        for name, text in own.items():
            assert (town.root / name).read_bytes().decode().startswith(text)
        whole(town)
        fresh(town)
    assert moment > 30


@pytest.mark.parametrize("seed", range(size(3, 60)))
def test_a_kill_somewhere_in_any_world(build: Build, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    chance = Random(f"kill {seed}")
    town = build(seed=world(chance).text)
    for _ in range(4):
        if killed_import(town, monkeypatch, chance.randint(1, 80)):
            whole(town)
        fresh(town)

"""An import that is killed anywhere leaves files and state that agree, and the next one is whole (rule V1, issue 8)."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from tempfile import mkdtemp
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


class _Watch:
    """Keeps what a kill would leave, before and after each step that the disk would remember: each state of it once.

    The process is gone then, so that whatever unwinds it leaves no trace: a copy is just what is there.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.left = Path(mkdtemp(dir=root.parent))
        self.seen: dict[tuple[tuple[str, bytes | int], ...], Path] = {}

    def over(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*arguments: Any, **more: Any) -> Any:
            self.look()
            done = work(*arguments, **more)
            self.look()
            return done

        return stepped

    def look(self) -> None:
        files = sorted(path for path in self.root.rglob("*") if path.is_file())
        there = tuple((str(path.relative_to(self.root)), self.held(path)) for path in files)
        if there not in self.seen:
            self.seen[there] = self.left / str(len(self.seen))
            shutil.copytree(self.root, self.seen[there], symlinks=True)

    def held(self, path: Path) -> bytes | int:
        """What a file says; of those whose times and salts differ anyway, how much."""
        return path.stat().st_size if ".lfsync" in path.parts else path.read_bytes()


def killed(town: Town, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What kills of `lfsync import --all` leave, in folders of their own, the last one that of its end."""
    watch = _Watch(town.root)
    with monkeypatch.context() as patch:
        for name in _STEPS:
            patch.setattr(os, name, watch.over(getattr(os, name)))
        assert town.lfsync("import", "--all", "--members", "exact").code in (0, 3)
    watch.look()
    return list(watch.seen.values())


def put_back(town: Town, left: Path) -> None:
    shutil.rmtree(town.root)
    shutil.copytree(left, town.root, symlinks=True)


def whole(town: Town) -> None:
    """What is there is a project without a problem, and importing goes on to its end; no plan would write."""
    if any(path.name != "lfsync.yaml" for path in town.root.glob("*.yaml")):
        before = town.plan()
        assert not before.get("problems"), before
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


def test_a_kill_at_each_step(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that refer to each other are two replacements, and between any two a ref may lead nowhere."""
    town = build(seed=_TWO_WAYS)
    moments = killed(town, monkeypatch)
    assert len(moments) > 20
    accounts = (town.root / "accounts.yaml").read_text()
    assert "sponsor: ada" in accounts, "no trace of it is left in what came to its end"
    assert "con_" not in accounts
    assert [path.name for path in town.root.rglob("*") if ".yaml." in path.name] == []
    for left in moments:
        put_back(town, left)
        whole(town)


def test_a_kill_at_each_step_of_an_import_into_files_that_are_there(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = build(seed=_TWO_WAYS)
    own = {
        "accounts.yaml": "# mine\r\naccounts:\r\n  birch: {fields: {$name: Birch}}\r\n",
        "contacts.yaml": "contacts:\n  x: {fields: {$name: {firstName: X}}, lifecycle: {absent: true}}\n",
    }
    for name, text in own.items():
        (town.root / name).write_bytes(text.encode())
    moments = killed(town, monkeypatch)
    assert len(moments) > 20
    for left in moments:
        for name, text in own.items():
            assert (left / name).read_bytes().decode().startswith(text)
        put_back(town, left)
        whole(town)


@pytest.mark.parametrize("seed", range(size(3, 60)))
def test_a_kill_somewhere_in_any_world(build: Build, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    chance = Random(f"kill {seed}")
    town = build(seed=world(chance).text)
    moments = killed(town, monkeypatch)
    for left in chance.sample(moments, min(size(3, 6), len(moments))):
        put_back(town, left)
        whole(town)

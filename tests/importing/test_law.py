"""The round trip is a law: of every kind, value type and quirk (design.md, section 13; rules S1 to S6, V1, V2)."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from lfsync.kinds import KINDS, OBJECT
from lfsync.model import Address
from lfsync.project.documents import parse
from tests.effort import size
from tests.faults.town import Town, town
from tests.importing.other_reader import Path as KeyPath
from tests.importing.other_reader import load, without
from tests.importing.worlds import World, disturb, merge, people_edit, seen, world

_DEFAULTS = {
    "account": {"fields": {"tier": "Gold", "blurb": "From the defaults"}, "relationships": {"backers": []}},
    "contact": {"fields": {"$doNotContact": False}},
}
_UNSAYABLE = (
    "may not see",
    "control character",
    "is not active",
    "no member",
    "may be in the trash",
    "no text file can",
)


@contextmanager
def live(
    made: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], chance: Random
) -> Iterator[Town]:
    with tempfile.TemporaryDirectory() as folder, monkeypatch.context() as patch:
        settings = {"random_seed": 7, "quirks": dict(made.quirks)}
        with town(Path(folder), patch, capsys, made.text, made.key, **settings) as place:
            if made.merges:
                merge(place, chance)
            disturb(place, chance)
            yield place
            assert {method for method, _, _ in place.bent.sent} <= {"GET"}, "import, accept and plan write nothing"


def imported(place: Town, *options: str) -> dict[str, Any]:
    """What `import --all` tells. Whole records are never left, only what can't be seen or said of one."""
    said = place.lfsync("import", "--all", *options, "--format", "json")
    assert said.code in (0, 3), said
    told: dict[str, Any] = json.loads(said.out)
    for each in told["left"]:
        assert each["key"], each
        assert any(why in each["reason"] for why in _UNSAYABLE), each
    assert said.code == (3 if told["left"] else 0)
    return told


def is_empty(place: Town, but: Collection[tuple[str, str]] = ()) -> None:
    """The plan shows nothing, but for these keys."""
    plan = place.plan()
    assert not plan.get("problems"), plan
    for change in plan["changes"]:
        keys = {each["key"] for each in (*change["fields"], *change["relationships"])} - {
            k for a, k in but if a == change["address"]
        }
        assert (keys, change["members"], change["action"]) == (set(), None, "update"), change
    assert (plan["blocked"], plan["orphans"], plan["exit_code"]) == ([], [], 0)


@pytest.mark.parametrize("seed", range(size(20, 500)))
def test_the_plan_after_an_import_is_empty(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    """Rule V1: all that this key is shown is imported, once; the next plan is empty, and nothing was written."""
    chance = Random(seed)
    download = chance.random() < 0.5
    options = ["--members", chance.choice(["exact", "include", "none"]), *(["--download"] if download else [])]
    made = world(chance)
    with live(made, monkeypatch, capsys, chance) as place:
        if chance.random() < 0.3:
            place.settings(defaults=_DEFAULTS)
        told = imported(place, *options)
        there = {row["id"] for kind, rows in seen(place).items() if download or kind != "file" for row in rows}
        assert {each["id"] for each in told["imported"]} == there
        is_empty(place)
        files = {name: load(text) for name, text in files_of(place).items() if name.endswith(".yaml")}
        assert [text for data in files.values() for text in values(data) if is_long(text)] == []
        assert files == {name: ours(text) for name, text in files_of(place).items() if name.endswith(".yaml")}
        assert imported(place, *options)["imported"] == [], "a second import takes only what came since"
        is_empty(place)


# Beside the first ones, those that found a fault once: of the people's own account of what they did (239).
@pytest.mark.parametrize("seed", sorted({*range(size(20, 500)), 239}))
def test_what_people_edit_comes_back_and_no_other_byte_moves(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    """Rule V2: after `accept` the plan is empty; only values that were accepted differ in the files, to any reader."""
    chance = Random(f"edits {seed}")
    made = world(chance)
    with live(made, monkeypatch, capsys, chance) as place:
        told = imported(place, "--members", chance.choice(["exact", "include"]))
        managed = {Address.parse(each["address"]): each["id"] for each in told["imported"]}
        before = files_of(place)
        edited = people_edit(place, managed, chance)
        said = place.lfsync("accept", "--format", "json")
        accepted = json.loads(said.out)
        assert said.code in (0, 3), said
        assert all(any(why in each["reason"] for why in _UNSAYABLE) for each in accepted["left"]), accepted["left"]
        held(before, files_of(place), accepted["accepted"], managed, edited)
        is_empty(place, {(each["address"], each["key"]) for each in accepted["left"]})
        assert json.loads(place.lfsync("accept", "--format", "json").out)["accepted"] == []


# ---------------------------------------------------------------- what may differ


def held(
    before: Mapping[str, str],
    after: Mapping[str, str],
    accepted: list[dict[str, Any]],
    managed: Mapping[Address, str],
    edited: set[tuple[str, str]],
) -> None:
    """Of the files, what people edited is what was accepted, and what was accepted is what differs."""
    paths: dict[str, set[KeyPath]] = {}
    for each in accepted:
        address, key = Address.parse(each["address"]), each["key"]
        id = managed[address]
        assert (id, key) in edited or (id, "~") in edited, each
        parts: list[tuple[str, ...]] = [("members",)] if key == "members" else [("fields", key), ("relationships", key)]
        paths.setdefault(each["file"], set()).update((*_home(address), *part) for part in parts)
    assert before.keys() == after.keys()
    for name, text in after.items():
        if name.endswith(".yaml"):
            own = paths.get(name, set())
            assert without(text, own) == without(before[name], own)
            assert _told(load(text)) == _told(ours(text))
            assert _others(load(text), own) == _others(load(before[name]), own)
    moved = {name for name, text in after.items() if text != before[name] and not name.endswith(".yaml")}
    assert moved <= {_file(before[name], path) for name, own in paths.items() for path in own}


def files_of(place: Town) -> dict[str, str]:
    """The project's files, but for those of the settings and the state."""
    files = [path for path in place.root.rglob("*") if path.is_file() and ".lfsync" not in path.parts]
    names = {path.relative_to(place.root).as_posix(): path for path in files if path.name != "lfsync.yaml"}
    return {name: path.read_bytes().decode() for name, path in sorted(names.items())}


def values(data: Any) -> Iterator[str]:
    """Every text that a file says itself."""
    if isinstance(data, str):
        yield data
    for inside in data.values() if isinstance(data, dict) else data if isinstance(data, list) else ():
        yield from values(inside)


def is_long(text: str) -> bool:
    """Whether a text has more than three lines and a file of its own could hold it (design 13)."""
    return len(text.removesuffix("\n").split("\n")) > 3 and "\r\n" not in text and not text.startswith("\ufeff")


def ours(text: str) -> Any:
    return parse(text, "a file").data


def _told(data: Any) -> str:
    """Data with its types: `1` is not `1.0`, nor `true`."""
    return json.dumps(data)


def _home(address: Address) -> KeyPath:
    kind = address.kind
    return (
        ("objects", kind.removeprefix(OBJECT), address.key) if kind not in KINDS else (KINDS[kind].section, address.key)
    )


def _at(data: Any, path: KeyPath) -> Any:
    for step in path:
        data = data.get(step) if isinstance(data, dict) else None
    return data


def _others(data: Any, paths: set[KeyPath]) -> str:
    for path in paths:
        *way, last = path
        if isinstance(body := _at(data, tuple(way)), dict):
            body.pop(last, None)
    return _told(data)


def _file(text: str, path: KeyPath) -> Any:
    """The text of its own that a value has."""
    value = _at(load(text), path)
    return value.get("file") if isinstance(value, dict) else None

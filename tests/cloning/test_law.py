"""A plan made against the live workspace and one made against its clone are the same (rule K5; issue "seeding", 5)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from lfsync.kinds import kind_of
from lfsync.model import Address
from tests.effort import size
from tests.faults.town import Town, town
from tests.importing.worlds import _ADMIN_KEY, disturb, merge, people_edit, world

# Which workspace it is, when it was made, and how it was read.
_OWN = ("workspace", "created_at", "requests", "estimated_seconds", "fingerprint")


def plan(place: Town, workspace: str, *options: str) -> dict[str, Any]:
    """A plan, but for what is its workspace's own: times are, and so is the history of fields."""
    said = place.lfsync("-w", workspace, "plan", "--format", "json", "--no-history", *options)
    assert said.code in (0, 3), said
    # An orphan's place is its line of the state.
    found: dict[str, Any] = json.loads(said.out.replace(".lfsync/sandbox/rehearsal.jsonl", ".lfsync/state/prod.jsonl"))
    return {key: value for key, value in found.items() if key not in _OWN} | {"code": said.code}


def with_clone(place: Town, quirks: dict[str, str]) -> None:
    """lfsync.yaml with a clone's entry, whose sandbox answers the unknowns as the live one does."""
    entry = {"sandbox": {"seed": "sandbox/rehearsal.yaml", "quirks": quirks, "rps": 0}, "index_lag_timeout": 0}
    workspaces = {"prod": {"index_lag_timeout": 0}, "rehearsal": entry}
    (place.root / "sandbox").mkdir(exist_ok=True)
    (place.root / "sandbox" / "rehearsal.yaml").touch()
    place.write(json.dumps({"version": 1, "default_workspace": "prod", "workspaces": workspaces}), "lfsync.yaml")


def people_trash(place: Town, managed: dict[Address, str], chance: Random) -> None:
    for address, id in sorted(managed.items()):
        kind = kind_of(address.kind)
        if not kind.uploaded and chance.random() < 0.1:
            place.people.delete(f"{kind.record_path}/{id}")


def differences(one: Any, other: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Where two plans differ, and in what."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted({*one, *other}):
            yield from differences(one.get(key), other.get(key), f"{path}/{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, pair in enumerate(zip(one, other, strict=True)):
            yield from differences(*pair, f"{path}/{number}")
    elif one != other:
        yield path, (one, other)


@pytest.mark.parametrize("seed", range(size(10, 300)))
def test_a_plan_against_the_clone_is_the_plan(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, seed: int
) -> None:
    chance = Random(f"clone {seed}")
    made = replace(world(chance), key=_ADMIN_KEY)
    settings = {"random_seed": 7, "quirks": dict(made.quirks)}
    with town(tmp_path, monkeypatch, capsys, made.text, made.key, **settings) as place:
        if made.merges:
            merge(place, chance)
        disturb(place, chance)
        with_clone(place, dict(made.quirks))
        said = place.lfsync("import", "--all", "--members", chance.choice(["exact", "include"]), "--format", "json")
        assert said.code in (0, 3), said
        managed = {Address.parse(each["address"]): each["id"] for each in json.loads(said.out)["imported"]}
        if chance.random() < 0.8:
            people_edit(place, managed, chance)
        if chance.random() < 0.5:
            people_trash(place, managed, chance)
        if chance.random() < 0.3:
            (place.root / "notes.yaml").unlink(missing_ok=True)  # orphans
        if chance.random() < 0.5:
            place.write("accounts: {brand-new: {fields: {$name: Brand new}}}", "more.yaml")
        options = chance.sample(["--prune", "--keep-drift", "--recreate-missing"], chance.randint(0, 2))
        cloned = place.lfsync("sandbox", "clone", "--records")
        assert cloned.code == 0, cloned
        ours, theirs = plan(place, "rehearsal", *options), plan(place, "prod", *options)
        assert dict(differences(theirs, ours)) == {}
        assert {method for method, _, _ in place.bent.sent} <= {"GET"}, "a clone writes nothing"

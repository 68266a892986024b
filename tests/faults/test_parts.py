"""A part of a saved plan (`show --only --format json`), applied: a refused plan is not done in slices (rule P4)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.faults.town import Build, Town

_REFUSED = "in the plan that this is a part of 30 of 40 managed resources would be updated"


def _accounts(town: Town, changed: int, count: int = 40) -> None:
    rows = (
        f"  a{n:02}: {{fields: {{$name: A{n:02}, nickname: {'new' if n < changed else 'old'}}}}}" for n in range(count)
    )
    town.write("\n".join(["accounts:", *rows, ""]))


def _bound(build: Build, changed: int, **settings: object) -> Town:
    """40 accounts that were applied, of which so many are another way now."""
    town = build()
    town.settings(**settings)
    _accounts(town, 0)
    town.apply()
    _accounts(town, changed)
    return town


def _part(town: Town, *patterns: str) -> str:
    saved, part = town.root / "whole.plan.json", town.root / "part.plan.json"
    assert town.lfsync("plan", "-o", str(saved)).code == 0
    said = town.lfsync("show", str(saved), "--format", "json", *patterns)
    assert said.code == 0, said
    part.write_text(said.out)
    return str(part)


def _renamed(town: Town) -> int:
    return sum(row["fields"]["nickname"]["value"] == "new" for row in town.rows("/v1/accounts"))


@pytest.mark.parametrize("patterns", [("--only", "account.a0*"), ("--exclude", "account.a2*")], ids=str)
def test_a_part_of_a_plan_that_is_refused_is_refused(build: Build, patterns: tuple[str, str]) -> None:
    """Ten of forty alone would pass; thirty, ten at a time, would not have been seen."""
    town = _bound(build, 30)
    part = _part(town, *patterns)
    said = town.apply(part, expect=4)
    assert _REFUSED in said.err
    assert "--allow-large" in said.err
    assert _renamed(town) == 0
    town.apply(part, "--allow-large")
    assert _renamed(town) == (10 if "--only" in patterns else 20)


def test_a_part_that_was_cut_twice_remembers(build: Build) -> None:
    town = _bound(build, 30)
    part = Path(_part(town, "--only", "account.a0*"))
    said = town.lfsync("show", str(part), "--format", "json", "--only", "account.a00")
    part.write_text(said.out)
    assert _REFUSED in town.apply(str(part), expect=4).err


def test_a_part_of_a_plan_that_passes_is_applied(build: Build) -> None:
    town = _bound(build, 11)
    town.apply(_part(town, "--only", "account.a0*"))
    assert _renamed(town) == 10


def test_a_whole_plan_is_counted_by_the_settings_of_today(build: Build) -> None:
    """Also where `show` left out what nothing was said of."""
    town = _bound(build, 30)
    whole = _part(town, "--only", "account")
    assert "30 of 40" in town.apply(whole, expect=4).err
    town.settings(safety={"max_updates": "100%"})
    town.apply(whole)
    assert _renamed(town) == 30


def test_a_part_without_what_a_policy_refuses_is_refused(build: Build) -> None:
    """No flag overrides a policy (G1); a plan that is made without it is another plan."""
    policy = {
        "name": "keep",
        "when": "change.action == 'update' && change.address == 'account.a00'",
        "deny": "not this one",
    }
    town = _bound(build, 2, policies=[policy])
    part = _part(town, "--only", "account.a01")
    said = town.apply(part, "--allow-large", expect=4)
    assert "policy keep" in said.err
    assert "lfsync plan --exclude" in said.err
    assert _renamed(town) == 0
    assert town.lfsync("plan", "--exclude", "account.a00", "-o", part).code == 0
    town.apply(part)
    assert _renamed(town) == 1


def test_the_part_says_what_the_whole_is_refused_for(build: Build) -> None:
    town = _bound(build, 30)
    part = json.loads(Path(_part(town, "--only", "account.a01")).read_text())
    (refusal,) = part["refusals"]
    assert len(refusal["addresses"]) == 30
    assert len(part["changes"]) == 1

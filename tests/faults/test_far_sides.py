"""Links that are declared on both sides, of relationships whose definitions don't tell that they are one (rule C9).

The sandbox gives each side of a relationship an id of its own, so that nothing but a write shows what belongs together.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

import pytest
import yaml

from lfsync.sandbox.quirks import QUIRKS
from tests.e2e.rig import Run
from tests.effort import size
from tests.faults.town import Build, Town

_ONE, _MANY = "HAS_ONE", "HAS_MANY"


def _definitions(near: str, far: str) -> str:
    """Accounts have a `lead` (`near` of them each), contacts `leads` (`far`); `mentor` and `pupil` are apart."""
    return (
        "definitions:\n  account:\n    relationships:\n"
        f"      lead: {{target: contact, cardinality: {near}, inverse: {{key: leads, cardinality: {far}}}}}\n"
        "      mentor: {target: contact, cardinality: HAS_ONE}\n"
        "  contact: {relationships: {pupil: {target: account, cardinality: HAS_ONE}}}\n"
    )


def _files(**links: str) -> str:
    """Accounts a and b, contacts x and y, each with its line of relationships."""
    found = {name: f", relationships: {{{links[name]}}}" if name in links else "" for name in "abxy"}
    return (
        f"accounts:\n  a: {{fields: {{$name: A}}{found['a']}}}\n  b: {{fields: {{$name: B}}{found['b']}}}\n"
        f"contacts:\n  x: {{fields: {{$name: {{firstName: X}}}}{found['x']}}}\n"
        f"  y: {{fields: {{$name: {{firstName: Y}}}}{found['y']}}}\n"
    )


_FIGHTS = [
    (_ONE, _ONE, {"a": "lead: x", "x": "leads: b"}),
    (_ONE, _ONE, {"a": "lead: x", "b": "lead: x"}),
    (_ONE, _ONE, {"x": "leads: a", "y": "leads: a"}),
    (_ONE, _ONE, {"a": "lead: x", "y": "leads: a"}),
    (_ONE, _ONE, {"a": "lead: null", "x": "leads: a"}),
    (_ONE, _MANY, {"a": "lead: x", "x": "leads: [b]"}),
    (_ONE, _MANY, {"a": "lead: x", "y": "leads: {include: [a]}"}),
    (_ONE, _MANY, {"x": "leads: [a]", "y": "leads: {include: [a]}"}),
    (_MANY, _ONE, {"a": "lead: [x]", "b": "lead: {include: [x]}"}),
    (_MANY, _MANY, {"a": "lead: [x]", "x": "leads: {exclude: [a]}"}),
    (_MANY, _MANY, {"a": "lead: [x]", "x": "leads: [b]", "b": "lead: [x]"}),
    (_MANY, _MANY, {"a": "lead: []", "x": "leads: {include: [a]}"}),
]


def _both(links: Mapping[str, str], text: str) -> bool:
    """Whether a text names the places of two of these: that of what is told of, and the key of the other one."""
    lines = {"a": 2, "b": 3, "x": 5, "y": 6}
    return (
        sum(f"crm.yaml:{lines[name]}" in text for name in links) >= 2
        and sum(f"crm.yaml:{lines[name]}:" in text for name in links) >= 1
    )


@pytest.mark.parametrize(("near", "far", "links"), _FIGHTS)
def test_what_one_link_undid_is_told_and_not_moved_back(
    build: Build, near: str, far: str, links: dict[str, str]
) -> None:
    """Rules C9, A6: not converged, with the other's place; then blocked, and no run after it writes anything."""
    town = build(seed=_definitions(near, far))
    town.write(_files(**links))
    said = town.apply("--allow-large", expect=3)
    assert "not converged" in said.text
    assert _both(links, said.text)
    plan = town.plan()
    assert plan["changes"] == []
    assert plan["blocked"], plan
    assert all("undid it" in each["reason"] and "crm.yaml:" in each["reason"] for each in plan["blocked"])
    town.forget()
    town.apply("--allow-large", expect=3)
    assert town.writes() == []


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(("near", "far", "links"), _FIGHTS)
def test_a_run_that_moves_what_an_earlier_one_set_tells(
    build: Build, near: str, far: str, links: dict[str, str], *, known: bool
) -> None:
    """The second link comes in a later run, of resources that are new or known: still nothing fights."""
    town = build(seed=_definitions(near, far))
    first, *_ = links
    town.write(_files(**({first: links[first]} if known else {})))
    town.apply("--allow-large")
    for name in list(links)[1:]:
        town.write(_files(**{each: links[each] for each in links if each <= name or each == first}))
        town.lfsync("apply", "--yes", "--allow-large")
    town.write(_files(**links))
    town.lfsync("apply", "--yes", "--allow-large")
    plan = town.plan()
    assert plan["changes"] == []
    assert plan["blocked"]


def test_what_is_corrected_is_written(build: Build) -> None:
    """The block lasts as long as the contradiction; alike on both sides, or on one, is fine."""
    town = build(seed=_definitions(_ONE, _MANY))
    town.write(_files(a="lead: x", x="leads: [b]"))
    town.apply("--allow-large", expect=3)
    town.write(_files(a="lead: x", x="leads: [a]"))
    town.apply("--allow-large")
    assert town.plan()["changes"] == []
    town.write(_files(x="leads: [b]"))
    town.apply("--allow-large")
    assert town.plan()["changes"] == []


def test_two_relationships_that_are_two_are_left_alone(build: Build) -> None:
    """The mentor of an account and the pupil of a contact are not one link, whoever they are."""
    town = build(seed=_definitions(_ONE, _ONE))
    town.write(_files(a="mentor: x", b="mentor: x", x="pupil: b", y="pupil: b"))
    town.apply("--allow-large")
    assert town.plan()["changes"] == []
    town.write(_files(a="mentor: y", b="mentor: y", x="pupil: a", y="pupil: null"))
    town.apply("--allow-large")
    plan = town.plan()
    assert (plan["changes"], plan["blocked"]) == ([], [])


def _of_one_id(method: str, path: str, body: bytes) -> bytes:
    """Both sides' definitions show the relationship under one id."""
    if not path.endswith("/definitions"):
        return body
    data = json.loads(body)
    for key in {"lead", "leads"} & data["relationshipDefinitions"].keys():
        data["relationshipDefinitions"][key]["id"] = "rd_lead"
    return json.dumps(data).encode()


@pytest.mark.parametrize(("near", "far", "links"), [each for each in _FIGHTS if set(each[2]) & {"a", "b"}])
def test_where_the_definitions_tell_nothing_is_written(
    build: Build, near: str, far: str, links: dict[str, str]
) -> None:
    """One id on both sides: the contradiction is refused before the first write, with both places."""
    town = build(seed=_definitions(near, far))
    town.bent.after = _of_one_id
    town.write(_files())
    town.apply("--allow-large")
    town.forget()
    town.write(_files(**links))
    said = town.lfsync("apply", "--yes", "--allow-large")
    assert said.code in (1, 3), said
    assert town.writes() == []
    assert _both(links, said.text)


# ---------------------------------------------------------------- small worlds

_QUIRKS = {
    *("duplicate-link", "add-remove-together", "add-on-occupied", "replace-has-many", "clear-has-one", "trashed-links"),
    *("link-order", "link-cap-counts", "definition-keys", "update-atomic", "refusal-status", "noop-update"),
}
_CHOICES = [(quirk.name, quirk.values) for quirk in QUIRKS if quirk.name in _QUIRKS]
_KINDS = {"account": ("a", "b", "c"), "contact": ("x", "y"), "site": ("s", "t")}


def _world(chance: Random) -> tuple[str, dict[str, Any], list[dict[str, Any]]]:
    """A seed, the quirks, and three versions of the files."""
    kinds: dict[str, Any] = {kind: {"relationships": {}} for kind in _KINDS}
    ends: list[tuple[str, str, str, bool]] = []
    for number in range(chance.randint(1, 3)):
        near, far = chance.sample(list(_KINDS), 2)
        cardinalities = chance.choice((_ONE, _MANY)), chance.choice((_ONE, _MANY))
        made: dict[str, Any] = {"target": far, "cardinality": cardinalities[0]}
        ends.append((near, f"n{number}", far, cardinalities[0] == _MANY))
        if chance.random() < 0.8:
            made["inverse"] = {"key": f"f{number}", "cardinality": cardinalities[1]}
            ends.append((far, f"f{number}", near, cardinalities[1] == _MANY))
        kinds[near]["relationships"][f"n{number}"] = made
    site = {"fields": {"name": {"type": "TEXT"}}, **kinds.pop("site")}
    seed = yaml.safe_dump({"definitions": kinds, "objects": {"site": site}})
    quirks = {name: chance.choice(values) for name, values in _CHOICES}
    return seed, quirks, [_declared(chance, ends) for _ in range(3)]


def _declared(chance: Random, ends: list[tuple[str, str, str, bool]]) -> dict[str, Any]:
    accounts = {key: {"fields": {"$name": key.upper()}} for key in _KINDS["account"]}
    contacts = {key: {"fields": {"$name": {"firstName": key.upper()}}} for key in _KINDS["contact"]}
    sites = {key: {"fields": {"name": key.upper()}, "match": ["name"]} for key in _KINDS["site"]}
    sections: dict[str, dict[str, Any]] = {"account": accounts, "contact": contacts, "site": sites}
    for kind, key, target, many in ends:
        for body in sections[kind].values():
            if chance.random() < 0.45:
                body.setdefault("relationships", {})[key] = _links(chance, _KINDS[target], many=many)
    return {"accounts": accounts, "contacts": contacts, "objects": {"site": sites}}


def _links(chance: Random, targets: tuple[str, ...], *, many: bool) -> Any:
    if not many:
        return chance.choice((*targets, None))
    chosen = [key for key in targets if chance.random() < 0.5]
    if chance.random() < 0.6:
        return chosen
    parts = {"include": chosen, "exclude": [key for key in targets if key not in chosen][:1]}
    return {name: keys for name, keys in parts.items() if keys} or []


def _ends(town: Town) -> Iterator[tuple[Run, dict[str, Any]]]:
    """Applies again and again, each time with the plan after it."""
    for _ in range(2):
        yield town.lfsync("apply", "--yes", "--allow-large"), town.plan()


@pytest.mark.parametrize("number", range(size(12, 300)))
def test_no_two_links_of_a_small_world_fight(build: Build, number: int) -> None:
    """Promise 2: after an apply the plan is empty, or what is left is blocked or refused; and never written again.

    What the API refused is planned anew, and refused anew: that is no fight, and exits 3 as well.
    """
    seed, quirks, versions = _world(Random(number))
    town = build(seed=seed, quirks=quirks)
    for files in versions:
        town.write(yaml.safe_dump(files))
        for said, plan in _ends(town):
            assert said.code in (0, 3), said
            if said.code == 0:
                assert (plan["changes"], plan["blocked"]) == ([], []), (files, said)
            assert not plan["changes"] or "failed" in said.text, f"{yaml.safe_dump(files)}\n{quirks}\n{said.text}"

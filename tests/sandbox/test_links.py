"""Whatever is written, both sides of every relationship show the same links."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as bounded
from hypothesis import strategies as st

from lfsync.kinds import KINDS
from lfsync.sandbox.schema import definitions
from tests.sandbox.box import Answer, Box, settings

CUSTOM = {
    ("account", "parent"): "account",
    ("account", "projects"): "project",
    ("contact", "leads"): "project",
    ("project", "customer"): "account",
    ("project", "leader"): "contact",
    ("project", "parts"): "part",
    ("part", "whole"): "project",
    ("part", "next"): "part",
}
TARGETS = CUSTOM | {
    (kind.name, key): rel.target
    for kind in KINDS.values()
    for key, rel in kind.relationships.items()
    if rel.writable and rel.target not in ("member", "meeting", "file")
}
PATHS = {kind.name: kind.path for kind in KINDS.values()} | {
    kind: f"/v1/objects/{kind}" for kind in ("project", "part")
}
MIRRORS = [
    ("account", "projects", "project", ("customer",)),
    ("contact", "leads", "project", ("leader",)),
    ("project", "parts", "part", ("whole",)),
    ("account", "$contact", "contact", ("$account",)),
    ("account", "$opportunity", "opportunity", ("$account",)),
    ("account", "$task", "task", ("$account",)),
    ("account", "$note", "note", ("$account",)),
    ("contact", "$opportunity", "opportunity", ("$champion", "$evaluator")),
    ("contact", "$note", "note", ("$contact",)),
    ("opportunity", "$task", "task", ("$opportunity",)),
    ("opportunity", "$note", "note", ("$opportunity",)),
]


OBJECTS = """
objects:
  project:
    fields: {name: {type: TEXT}}
    relationships:
      customer: {target: account, cardinality: HAS_ONE, inverse: {key: projects}}
      leader: {target: contact, cardinality: HAS_ONE, inverse: {key: leads, cardinality: HAS_ONE}}
      parts: {target: part, cardinality: HAS_MANY, inverse: {key: whole, cardinality: HAS_ONE}}
  part:
    relationships: {next: {target: part, cardinality: HAS_ONE}}
"""


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("links") / "seed.yaml"
    sections = {
        "object.project": "fields: {name: x}",
        "object.part": "fields: {}",
        "accounts": "fields: {$name: x}",
        "contacts": "fields: {$title: x}",
        "opportunities": "fields: {$name: x}",
        "tasks": "fields: {$title: x, $status: TODO}",
        "notes": "fields: {$title: x}",
    }
    ways = "asSource: {cardinality: HAS_ONE, label: P}, asDestination: {cardinality: HAS_MANY, label: S}"
    parent = f"parent: {{target: account, cardinality: HAS_MANY, directions: {{{ways}}}}}"
    lines = [f"definitions: {{account: {{relationships: {{{parent}}}}}}}", OBJECTS, "records:"]
    for section, body in sections.items():
        lines += [f"  {section}:", *[f"    - {{{body}}}"] * 3]
    path.write_text("\n".join(lines))
    return path


def records(box: Box) -> dict[str, dict[str, Answer]]:
    found = {kind: box.get(path)["data"] for kind, path in PATHS.items() if kind != "list"}
    return {kind: {row["id"]: row for row in rows} for kind, rows in found.items()}


def record_path(kind: str, id: str) -> str:
    return f"{PATHS[kind]}/{id}" if kind in KINDS else f"{PATHS[kind]}/values/{id}"


@st.composite
def writes(draw: st.DrawFn) -> list[tuple[str, str, int, str, list[int]]]:
    found = []
    for _ in range(draw(st.integers(1, 12))):
        kind, key = draw(st.sampled_from(sorted(TARGETS)))
        operation = draw(st.sampled_from(["add", "remove", "replace", "exchange", "delete", "restore", "merge"]))
        found.append((operation, kind, draw(st.integers(0, 2)), key, draw(st.lists(st.integers(0, 2), max_size=2))))
    return found


def attempt(box: Box, ids: dict[str, list[str]], write: tuple[str, str, int, str, list[int]]) -> None:
    operation, kind, index, key, numbers = write
    path = record_path(kind, ids[kind][index])
    others = [ids[TARGETS[kind, key]][number] for number in numbers]
    bodies: dict[str, object] = {
        "add": {"add": others},
        "remove": {"remove": others},
        "replace": {"replace": others[0] if others else None},
        "exchange": {"add": others[:1], "remove": others[1:]},
    }
    if operation in bodies:
        answer = box.request("POST", path, {"relationships": {key: bodies[operation]}})
    elif operation == "delete":
        answer = box.request("DELETE", path)
    elif operation == "restore":
        answer = box.request("POST", f"{path}/restore")
    else:
        body = {"primaryId": ids[kind][index], "duplicateId": ids[kind][(index + 1) % 3]}
        answer = box.request("POST", f"{PATHS[kind]}/merge", body)
    assert answer.status_code in (200, 400, 404, 409, 422), answer.text


def links(rows: dict[str, Answer], keys: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for id, row in rows.items():
        for key in keys:
            for other in row["relationships"][key]["values"]:
                yield id, other


@given(writes())
@bounded(max_examples=60, deadline=None)
def test_both_sides_agree(seed: Path, found: list[tuple[str, str, int, str, list[int]]]) -> None:
    box = Box(settings({"create-only-change": "ok", "replace-has-many": "sets"}), seed=seed)
    try:
        ids = {kind: list(rows) for kind, rows in records(box).items()}
        for write in found:
            attempt(box, ids, write)
        for kind in ids:
            for id in ids[kind]:
                box.request("POST", f"{record_path(kind, id)}/restore")
        check(records(box))
    finally:
        box.close()


def check(rows: dict[str, dict[str, Answer]]) -> None:
    for kind, key, other, keys in MIRRORS:
        here = set(links(rows[kind], (key,)))
        there = {(id, source) for source, id in links(rows[other], keys)}
        assert here == there, (kind, key)
    for row in (row for found in rows.values() for row in found.values()):
        for rel in row["relationships"].values():
            assert len(set(rel["values"])) == len(rel["values"])
            assert rel["cardinality"] == "HAS_MANY" or len(rel["values"]) <= 1
    parents = {(id, up) for id, row in rows["account"].items() for up in way(row, "asSource")}
    children = {(down, id) for id, row in rows["account"].items() for down in way(row, "asDestination")}
    assert parents == children
    assert len({id for id, _ in parents}) == len(parents)
    nexts = {(id, other) for id, row in rows["part"].items() for other in way(row, "asSource", "next")}
    assert nexts == {(other, id) for id, row in rows["part"].items() for other in way(row, "asDestination", "next")}
    assert len({id for id, _ in nexts}) == len(nexts)


def way(row: Answer, name: str, key: str = "parent") -> list[str]:
    return list(row["relationships"][key]["directions"][name]["values"])


def test_every_relationship_is_in_the_definitions(seed: Path) -> None:
    box = Box(settings(), seed=seed)
    workspace = box.app.state.workspace
    for kind in [name for name, row in KINDS.items() if not row.uploaded]:
        shown = definitions(workspace.kind(kind), workspace.quirks)
        assert isinstance(shown, dict)
        if kind != "list":
            assert set(shown["relationshipDefinitions"]) >= set(KINDS[kind].relationships)  # type: ignore[arg-type]
    box.close()


@pytest.mark.parametrize("quirk", [{}, {"duplicate-link": "error"}, {"add-on-occupied": "error"}])
def test_a_link_back_is_a_link_of_its_own(seed: Path, quirk: dict[str, str]) -> None:
    """Each record writes its own direction: neither is in the way of the other, nor goes with it."""
    box = Box(settings(quirk), seed=seed)
    try:
        one, two = (row["id"] for row in box.get("/v1/accounts")["data"][:2])
        for id, other in ((one, two), (two, one)):
            box.post(f"/v1/accounts/{id}", {"relationships": {"parent": {"add": other}}})
        box.post(f"/v1/accounts/{one}", {"relationships": {"parent": {"remove": two}}})
        first, second = (box.get(f"/v1/accounts/{id}") for id in (one, two))
        assert (way(first, "asSource"), way(first, "asDestination")) == ([], [two])
        assert (way(second, "asSource"), way(second, "asDestination")) == ([one], [])
    finally:
        box.close()

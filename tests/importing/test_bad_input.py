"""What a live workspace may hold that no file was made for: each tried, and named where it can't be had (issue 8)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from lfsync.model import JSON
from tests.faults.town import Build, Town
from tests.importing.other_reader import load
from tests.importing.worlds import AWKWARD, CONTROLS, TEXTS
from tests.laws.files import dump

_MEMBERS = (
    "members: [{ref: kai, email: kai@corp.example, role: admin}, {email: ida@corp.example, ref: ida, active: false}]"
)


def seed(accounts: Iterable[Any], definitions: dict[str, Any] | None = None) -> str:
    rest = dump({"definitions": definitions or {}, "records": {"accounts": [*accounts]}})
    return f"{_MEMBERS}\n{rest}"


def named(*names: str) -> list[JSON]:
    return [{"fields": {"$name": name}} for name in names]


def imported(place: Town, *arguments: str) -> dict[str, Any]:
    """`lfsync import`; then the plan is empty, and nothing was written."""
    said = place.lfsync("import", *(arguments or ("--all",)), "--format", "json")
    told: dict[str, Any] = json.loads(said.out)
    assert said.code == told["exit_code"] == (3 if told["left"] else 0)
    plan = place.plan()
    assert (plan["changes"], plan["blocked"], plan["exit_code"]) == ([], [], 0)
    assert place.writes() == []
    return told


def declared(place: Town, name: str = "accounts.yaml") -> dict[str, dict[str, Any]]:
    (section,) = load((place.root / name).read_text()).values()
    found: dict[str, dict[str, Any]] = section
    return found


# ---------------------------------------------------------------- names


def test_a_name_of_symbols_alone_is_called_by_its_id(build: Build) -> None:
    """Rule V1: "else the id"."""
    place = build(seed=seed(named("!!!", "***", "- -", "…", "$$$")))
    told = imported(place)
    assert all(each["address"] == f"account.{each['id']}" for each in told["imported"])
    assert {body["fields"]["$name"] for body in declared(place).values()} == {"!!!", "***", "- -", "…", "$$$"}


def test_two_hundred_records_of_one_name(build: Build) -> None:
    """Section 13: a second one `acme-2`, oldest first, the same on every run; twins get an `id:`."""
    place = build(seed=seed(named(*["Acme"] * 200)))
    dry = json.loads(place.lfsync("import", "account", "--dry-run", "--format", "json").out)
    told = imported(place)
    assert told["imported"] == dry["imported"]
    assert [each["address"] for each in told["imported"]] == [
        "account.acme",
        *(f"account.acme-{number}" for number in range(2, 201)),
    ]
    created = {row["id"]: row["createdAt"] for row in place.rows("/v1/accounts")}
    assert [created[each["id"]] for each in told["imported"]] == sorted(created.values())
    assert {key: body["id"] for key, body in declared(place).items()} == {
        each["address"].removeprefix("account."): each["id"] for each in told["imported"]
    }


def test_names_of_ten_thousand_characters(build: Build) -> None:
    """Keys stay short enough to be typed, and tell such records apart (rule V1, design 3)."""
    long = "word " * 2000
    place = build(seed=seed(named(long + "a", long + "b", "é" * 10_000, "x" * 10_000)))
    imported(place)
    bodies = declared(place)
    assert len(bodies) == 4
    assert all(len(key) <= 60 for key in bodies)
    assert {len(body["fields"]["$name"]) for body in bodies.values()} == {10_001, 10_000}


def test_names_that_look_like_yaml_are_what_they_were_to_any_reader(build: Build) -> None:
    place = build(seed=seed(named(*(f"{name}" for name in AWKWARD))))
    imported(place)
    bodies = declared(place)
    assert sorted(body["fields"]["$name"] for body in bodies.values()) == sorted(AWKWARD)
    assert all(isinstance(key, str) for key in bodies)


# ---------------------------------------------------------------- texts


def test_texts_of_any_shape(build: Build) -> None:
    """Tabs, `---`, trailing blanks, only line ends: in the YAML or in a file of its own, the plan is empty."""
    notes = [{"fields": {"$title": f"N {number}", "$content": text}} for number, text in enumerate(TEXTS)]
    place = build(seed=dump({"records": {"notes": notes}}))
    assert imported(place)["left"] == []


@pytest.mark.parametrize(
    ("text", "file"),
    [
        ("a\nb\nc", None),
        ("a\nb\nc\n", None),
        ("a\nb\nc\nd", b"a\nb\nc\nd"),
        ("a\nb\nc\nd\n", b"a\nb\nc\nd\n"),
        ("a\nb\nc\nd\n\n", b"a\nb\nc\nd\n\n"),
        ("a\r\nb\r\nc\r\nd", None),
        ("\ufeffa\nb\nc\nd", None),
        ("a\nb\nc\n" + "d" * 1024 * 1024, None),
    ],
    ids=["three", "three-whole", "four", "four-whole", "blank-end", "crlf", "marked", "too-long"],
)
def test_plain_texts_of_more_than_three_lines_get_a_file(text: str, file: bytes | None, build: Build) -> None:
    """Section 13, of TEXT too: with exactly what Lightfield holds, since its line ends are part of it.

    What no file can hold so, or none would be read of its size, stays where it is.
    """
    definitions = {"account": {"fields": {"blurb": {"type": "TEXT"}}}}
    place = build(seed=seed([{"fields": {"$name": "Acme", "blurb": "x"}}], definitions=definitions))
    (row,) = place.rows("/v1/accounts")
    place.edit("/v1/accounts", row["id"], fields={"blurb": text})
    place.forget()
    assert imported(place)["left"] == []
    name = "accounts/acme.blurb.txt"
    assert declared(place)["acme"]["fields"]["blurb"] == (text if file is None else {"file": name})
    assert ((place.root / name).read_bytes() if (place.root / name).exists() else None) == file


def test_control_characters_are_named_and_the_rest_is_done(build: Build) -> None:
    """No file of a project can hold one. The record is there all the same, by its id, and so is what refers to it."""
    place = build(seed=seed(named("Plain", "Other")))
    ids = [row["id"] for row in place.rows("/v1/accounts")]
    place.edit("/v1/accounts", ids[0], fields={"$name": CONTROLS[0], "$website": ["https://acme.example"]})
    for text in CONTROLS:
        place.make("/v1/notes", {"$title": text, "$content": text}, account=[ids[0]])
    place.forget()
    told = imported(place)
    assert {each["reason"] for each in told["left"]} == {"it holds a control character, which no file can hold"}
    assert sorted(each["key"] for each in told["left"]) == ["$content"] * 3 + ["$name"] + ["$title"] * 3
    assert len(told["imported"]) == 5
    (body,) = [body for body in declared(place).values() if "id" in body]
    assert body == {"id": ids[0], "fields": {"$website": ["https://acme.example"]}}


def test_a_ref_to_a_name_with_control_characters_is_an_id(build: Build) -> None:
    place = build(seed=seed(named("Plain")))
    (row,) = place.rows("/v1/accounts")
    place.edit("/v1/accounts", row["id"], fields={"$name": CONTROLS[0]})
    place.make("/v1/notes", {"$title": "N"}, account=[row["id"]])
    place.forget()
    assert imported(place, "note")["left"] == []
    assert declared(place, "notes.yaml")["n"]["relationships"] == {"$account": [row["id"]]}


# ---------------------------------------------------------------- links


def test_records_that_refer_to_each_other_in_cycles(build: Build) -> None:
    directions = {
        "asSource": {"cardinality": "HAS_ONE", "label": "Parent"},
        "asDestination": {"cardinality": "HAS_MANY", "label": "Children"},
    }
    parent = {"target": "account", "cardinality": "HAS_MANY", "directions": directions}
    names = ["A", "B", "C"]
    accounts: list[Any] = [
        {"ref": name, "fields": {"$name": name}, "relationships": {"parent": names[number - 1]}}
        for number, name in enumerate(names)
    ]
    accounts.append({"ref": "own", "fields": {"$name": "Own"}, "relationships": {"parent": "own"}})
    place = build(seed=seed(accounts, definitions={"account": {"relationships": {"parent": parent}}}))
    assert imported(place)["left"] == []
    linked = json.dumps({key: body["relationships"] for key, body in declared(place).items()})
    assert all(f'"{key}"' in linked for key in ("a", "b", "c", "own"))


def test_a_link_to_a_member_who_is_not_active_is_named(build: Build) -> None:
    """No file can name them, since no list shows them: the link is left, its record is not."""
    accounts: list[Any] = [{"fields": {"$name": "Acme"}, "relationships": {"$owner": "ida"}}]
    place = build(seed=seed(accounts))
    told = imported(place)
    assert [(each["record"], each["key"]) for each in told["left"]] == [("account.acme", "$owner")]
    assert "is not active" in told["left"][0]["reason"]
    assert declared(place) == {"acme": {"fields": {"$name": "Acme"}}}


@pytest.mark.parametrize("trashed", ["404", "record"])
def test_a_link_to_what_may_be_in_a_trash_that_nothing_lists_is_named(build: Build, trashed: str) -> None:
    """U9, API sheet 4.10: a read by id shows it as if it was there, and the next plan would be blocked by any ref."""
    objects = {
        "site": {"fields": {"title": {"type": "TEXT"}}},
        "project": {
            "fields": {"name": {"type": "TEXT"}},
            "relationships": {
                "venue": {"target": "site", "cardinality": "HAS_ONE"},
                "sites": {"target": "site", "cardinality": "HAS_MANY"},
            },
        },
    }
    records = {
        "object.site": [
            {"ref": "gone", "fields": {"title": "Gone"}, "trashed": True},
            {"ref": "s", "fields": {"title": "S"}},
        ],
        "object.project": [{"fields": {"name": "P"}, "relationships": {"venue": "gone", "sites": ["gone", "s"]}}],
    }
    quirks = {"trashed-retrieve": trashed, "trashed-links": "keep"}
    place = build(seed=dump({"objects": objects, "records": records}), quirks=quirks)
    told = imported(place)
    project = declared(place, "object.project.yaml")["project"]["p"]
    if trashed == "404":
        assert told["left"] == []
        assert project["relationships"] == {"sites": ["s"]}
    else:
        assert {(each["key"], "may be in the trash" in each["reason"]) for each in told["left"]} == {
            ("venue", True),
            ("sites", True),
        }
        assert project["relationships"] == {"sites": {"include": ["s"]}}


# ---------------------------------------------------------------- options


def test_an_option_whose_label_another_has_too_is_named_by_its_id(build: Build) -> None:
    tier = {"type": "SINGLE_SELECT", "label": "Tier", "options": ["Gold", "Silver"]}
    accounts: list[Any] = [{"fields": {"$name": name, "tier": name}} for name in ("Gold", "Silver")]
    place = build(seed=seed(accounts, definitions={"account": {"fields": {"tier": tier}}}))

    def alike(method: str, path: str, body: bytes) -> bytes:
        return body.replace(b'"label":"Silver"', b'"label":"Gold"') if path.endswith("/definitions") else body

    place.bent.after = alike
    assert imported(place)["left"] == []
    fields = place.ask("GET", "/v1/accounts/definitions")["fieldDefinitions"]
    ids = {option["label"]: option["id"] for option in fields["tier"]["typeConfiguration"]["options"]}
    assert {key: body["fields"]["tier"] for key, body in declared(place).items()} == {
        "gold": ids["Gold"],
        "silver": ids["Silver"],
    }


# ---------------------------------------------------------------- rights

_ALL = (
    *("accounts", "contacts", "opportunities", "tasks", "notes", "meetings", "lists", "files", "custom_objects"),
    "members",
)
_CRM = """\
members: [{ref: kai, email: kai@corp.example, role: admin}]
records:
  accounts: [{ref: acme, fields: {$name: Acme}, relationships: {$owner: kai}}]
  contacts: [{fields: {$name: {firstName: Ada}}, relationships: {$account: [acme]}}]
  opportunities: [{ref: deal, fields: {$name: Deal}, relationships: {$account: acme}}]
  tasks:
    - fields: {$title: Call, $status: TODO}
      relationships: {$account: acme, $assignedTo: kai, $opportunity: deal}
  notes: [{fields: {$title: N}, relationships: {$account: [acme]}}]
  meetings:
    - fields: {$title: M, $startDate: 2026-01-02T10:00:00Z, $endDate: 2026-01-02T11:00:00Z}
      relationships: {$transcript: call}
  object.project: [{fields: {name: P}, relationships: {customer: acme}}]
lists: [{fields: {$name: L, $objectType: $account}, members: [acme]}]
files: [{ref: call, filename: c.txt, content: x}]
objects:
  project:
    fields: {name: {type: TEXT}}
    relationships: {customer: {target: account, cardinality: HAS_ONE}}
"""


@pytest.mark.parametrize(
    ("hidden", "left"),
    [
        (
            "accounts",
            [
                *("contact.ada $account", "list.l members", "note.n $account", "object.project.p customer"),
                *("opportunity.deal $account", "task.call $account"),
            ],
        ),
        ("opportunities", ["task.call $opportunity"]),
        ("members", ["account.acme $owner", "task.call $assignedTo"]),
        ("files", ["meeting.m $transcript"]),
        ("custom_objects", []),
        ("tasks", []),
    ],
)
def test_a_kind_without_rights(hidden: str, left: list[str], build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ref to what the key may not read would ask the next plan for a scope that it lacks: it is left, and named."""
    place = build(seed=_CRM)
    place.as_key(monkeypatch, *(f"{name}:read" for name in _ALL if name != hidden))
    told = imported(place)
    assert sorted(f"{each['record']} {each['key']}" for each in told["left"]) == left
    if hidden not in ("members", "files"):
        kind = {"accounts": "account", "opportunities": "opportunity", "tasks": "task"}.get(hidden, "custom objects")
        assert any(f"may not read {kind}" in each for each in told["warnings"])
        assert len(told["imported"]) == 7
    else:
        assert len(told["imported"]) == 8


def test_what_is_left_alike_is_told_once(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule C16: one line with its count and the first three, for people; a program is told of each."""
    rows = [f"{{fields: {{$name: N{number}}}, relationships: {{$owner: kai}}}}" for number in range(5)]
    place = build(
        seed=f"members: [{{ref: kai, email: kai@corp.example}}]\nrecords: {{accounts: [{', '.join(rows)}]}}\n"
    )
    place.as_key(monkeypatch, "accounts:read")
    said = place.lfsync("import", "account", "--dry-run")
    lines = [line for line in said.out.splitlines() if line.startswith("left: ")]
    assert lines == ["left: account.n0, account.n1, account.n2 and 2 more: `$owner`: this key may not read member"]
    assert len(imported(place, "account")["left"]) == 5


def test_a_kind_without_rights_that_is_asked_for_is_refused(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    place = build(seed=_CRM)
    place.as_key(monkeypatch, "accounts:read", "members:read")
    said = place.lfsync("import", "task")
    assert said.code == 4
    assert "tasks:read" in said.err
    assert not (place.root / "tasks.yaml").exists()


def test_members_of_a_list_are_named_by_a_match_where_they_are_not_imported(build: Build) -> None:
    """Rule V1: refs to others as a match where that hits exactly once, also where lists alone are imported."""
    place = build(seed=_CRM)
    imported(place, "list")
    assert declared(place, "lists.yaml")["l"]["members"] == {"include": [{"match": {"$name": "Acme"}}]}

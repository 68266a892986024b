"""Saved definitions (design.md, section 14; rule V3): what the file holds, what of it is refused, what moved since."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import random
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from lfsync.errors import ConfigError
from lfsync.kinds import ANY_TYPE, KINDS
from lfsync.model import JSON, Definitions, FieldDef, Member, Option, RelDef, Schema
from lfsync.planning.definitions import parse_definitions
from lfsync.planning.prepare import prepare
from lfsync.planning.saved_definitions import Answers, dumps, loads, moved, not_compared, same, schema_of
from tests.values.workspace_samples import ACCOUNT, OPPORTUNITY, TASK, definition, project, resource

AT = "2026-11-20T08:00:00Z"
FILE = ".lfsync/definitions/prod.json"
PROJECT: dict[str, Any] = {"fieldDefinitions": {"name": definition("TEXT", "Name")}, "relationshipDefinitions": {}}
MEMBERS = (Member("mem_kai", "kai@corp.example", "Kai Berg"), Member("mem_lin", "lin@corp.example", "Lin Ode"))


def answers(
    members: tuple[Member, ...] | None = MEMBERS, missing: tuple[str, ...] = (), **kinds: Mapping[str, JSON]
) -> Answers:
    """Every kind that has definitions; `kinds` replace some, `missing` ones are left out."""
    empty: dict[str, JSON] = {"fieldDefinitions": {}}
    found: dict[str, Mapping[str, JSON]] = {name: empty for name, kind in KINDS.items() if kind.definitions}
    found |= {"account": ACCOUNT, "opportunity": OPPORTUNITY, "task": TASK} | kinds
    return Answers({kind: each for kind, each in found.items() if kind not in missing}, members, missing)


def with_type() -> Answers:
    """With a type of custom objects."""
    plain = answers()
    return Answers({**plain.kinds, "object.project": PROJECT}, plain.members)


def told(before: Answers, after: Answers) -> list[str]:
    return [str(move) for move in moved(schema_of(before), schema_of(after))]


# ---------------------------------------------------------------- the file


def test_what_is_read_again_is_what_was_saved() -> None:
    saved = loads(dumps(with_type(), AT), FILE)
    live = schema_of(with_type())
    assert saved.at == AT
    assert saved.schema.kinds == live.kinds
    assert saved.schema.types == ("project",)
    assert [member.email for member in saved.schema.members] == ["kai@corp.example", "lin@corp.example"]
    assert moved(saved.schema, live) == []
    assert not_compared(saved.schema, live) == []


def test_the_bytes_are_the_same_whatever_order_the_answers_came_in() -> None:
    """So that git shows a change where there is one; the order of options is the workspace's own."""
    dice = random.Random(7)

    def shuffled(data: Any) -> Any:
        if isinstance(data, dict):
            keys = list(data)
            dice.shuffle(keys)
            return {key: shuffled(data[key]) for key in keys}
        return [shuffled(item) for item in data] if isinstance(data, list) else data

    one = with_type()
    for _ in range(5):
        members = tuple(dice.sample(MEMBERS, 2))
        kinds = dict(dice.sample(list(shuffled(dict(one.kinds)).items()), len(one.kinds)))
        assert dumps(Answers(kinds, members), AT) == dumps(one, AT)
    silver_first = json.loads(json.dumps(ACCOUNT))
    silver_first["fieldDefinitions"]["tier"]["typeConfiguration"]["options"].reverse()
    assert dumps(answers(account=silver_first), AT) != dumps(answers(), AT)


def test_the_file_holds_no_name_of_a_person_and_nothing_that_lfsync_does_not_read() -> None:
    noisy = json.loads(json.dumps(ACCOUNT))
    noisy["viewedBy"] = "Lin Ode"
    noisy["fieldDefinitions"]["tier"]["updatedAt"] = "2026-11-20"
    text = dumps(answers(account=noisy), AT)
    assert text == dumps(answers(), AT)
    assert "Ode" not in text


def test_two_spellings_of_a_relationship_are_one_whatever_their_order() -> None:
    """U32: definitions may list a slug; which of two is read must not hang on the order of an answer."""
    both: dict[str, JSON] = {
        "$task-account": {"label": "A", "cardinality": "HAS_ONE", "objectType": "account"},
        "$account-task": {"label": "B", "cardinality": "HAS_ONE", "objectType": "account"},
    }
    there = parse_definitions("task", {"fieldDefinitions": {}, "relationshipDefinitions": both})
    back = parse_definitions(
        "task", {"fieldDefinitions": {}, "relationshipDefinitions": dict(reversed(list(both.items())))}
    )
    assert there.relationships["$account"] == back.relationships["$account"]


def test_an_unchanged_copy_keeps_its_date() -> None:
    text = dumps(answers(), AT)
    known = same(text, answers())
    assert known is not None
    assert dumps(answers(), known.at) == text
    assert same(text, answers(members=MEMBERS[:1])) is None
    assert same("<<<<<<< ours\n", answers()) is None


def _edited(change: Callable[[dict[str, Any]], object]) -> str:
    document = json.loads(dumps(with_type(), AT))
    change(document)
    return json.dumps(document)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no JSON"),
        (dumps(answers(), AT)[:-200], "no JSON"),
        ("[" * 100_000, ""),
        ("[]", ""),
        ("null", ""),
        ('{"a": NaN}', "NaN"),
        (_edited(lambda file: file.update(kinds={})), "`account` is not there"),
        (_edited(lambda file: file["kinds"].pop("task")), "`task` is not there"),
        (_edited(lambda file: file["kinds"].update(customer=PROJECT)), "`customer`"),
        (_edited(lambda file: file["kinds"].update(list=PROJECT)), "`list`"),
        (_edited(lambda file: file["kinds"].update({"object.": PROJECT})), "`object.`"),
        (_edited(lambda file: file.update(missing=["customer"])), "`customer`"),
        (_edited(lambda file: file.update(missing=["account"])), "`account`"),
        (_edited(lambda file: file.update(missing=["custom objects"])), "`custom objects`"),
        (_edited(lambda file: file.update(saved_at="yesterday")), "saved_at"),
        (_edited(lambda file: file.update(saved_at="2026-13-20T08:00:00Z")), "saved_at"),
        (_edited(lambda file: file.update(saved_at=17)), "saved_at"),
        (_edited(lambda file: file.pop("saved_at")), "saved_at"),
        (_edited(lambda file: file.update(more=1)), "more"),
        (_edited(lambda file: file.update(format_version=0)), "format_version"),
        (_edited(lambda file: file.update(format_version="1")), "format_version"),
        (_edited(lambda file: file.update(members=[{"email": "kai@corp.example"}])), "members.0.id"),
        (_edited(lambda file: file.update(members=[{"id": "", "email": "kai@corp.example"}])), "members.0.id"),
        (_edited(lambda file: file["kinds"]["account"].pop("fieldDefinitions")), "account"),
        (_edited(lambda file: file["kinds"]["account"]["fieldDefinitions"]["tier"].pop("valueType")), "account"),
        (_edited(lambda file: file["kinds"]["account"]["fieldDefinitions"]["tier"].update(readonly=True)), "account"),
        (dumps(answers(), AT).replace('"saved_at"', '"saved_at": "", "saved_at"', 1), "twice"),
    ],
)
def test_a_damaged_copy_is_told_with_its_place_and_the_way_out(text: str, why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loads(text, FILE)
    [problem] = caught.value.problems
    assert str(problem).startswith(f"{FILE}:")
    assert "saved definitions" in problem.message
    assert why in problem.message
    assert "`lfsync definitions --save`" in str(problem.hint)


def test_a_copy_with_conflict_markers_is_told_as_that_at_their_line() -> None:
    lines = dumps(answers(), AT).splitlines()
    lines[2:2] = ["<<<<<<< HEAD", ' "saved_at": "2026-11-21T08:00:00Z",', "=======", lines[2], ">>>>>>> other"]
    with pytest.raises(ConfigError) as caught:
        loads("\n".join(lines), FILE)
    [problem] = caught.value.problems
    assert (problem.place and problem.place.line, "conflict" in problem.message) == (3, True)


def test_a_copy_of_a_newer_version_says_so() -> None:
    with pytest.raises(ConfigError) as caught:
        loads(_edited(lambda file: file.update(format_version=2, new_key=1)), FILE)
    [problem] = caught.value.problems
    assert "newer" in problem.message
    assert "definitions --save" in str(problem.hint)


def test_no_damage_whatsoever_is_a_crash() -> None:
    """It is read whole, or told."""
    dice, whole = random.Random(11), dumps(with_type(), AT)
    for _ in range(400):
        at, length = dice.randrange(len(whole)), dice.choice((1, 1, 5, 200))
        text = whole[:at] + dice.choice(("", '"', "{", "null", "0", whole[:50])) + whole[at + length :]
        with contextlib.suppress(ConfigError):
            assert loads(text, FILE).schema.kinds


# ---------------------------------------------------------------- what moved


def test_what_the_key_can_not_see_is_not_compared_and_never_gone() -> None:
    """Types of custom objects, one kind, members: each unseen on either side."""
    blind = answers(missing=(ANY_TYPE,))
    assert told(with_type(), blind) == []
    assert told(blind, with_type()) == []
    assert not_compared(schema_of(with_type()), schema_of(blind)) == [ANY_TYPE]
    assert told(answers(), answers(missing=("account",))) == []
    assert not_compared(schema_of(answers()), schema_of(answers(missing=("account",)))) == ["account"]
    one = Answers({**answers().kinds}, MEMBERS, ("object.project",))
    assert told(with_type(), one) == []
    assert told(answers(), answers(members=None)) == []
    assert not_compared(schema_of(answers(members=None)), schema_of(answers())) == ["members"]


def test_what_is_gone_or_new_is_told_though_something_else_is_hidden() -> None:
    assert told(with_type(), answers()) == ["object.project: is gone"]
    assert told(answers(), with_type()) == ["object.project: is new"]
    assert told(with_type(), answers(missing=("account",))) == ["object.project: is gone"]
    assert told(answers(), answers(members=MEMBERS[:1])) == ["member lin@corp.example: is gone"]
    assert told(answers(members=()), answers(members=MEMBERS[:1])) == ["member kai@corp.example: is new"]
    moved_on = (MEMBERS[0], Member("mem_lin", "lin@new.example", ""))
    assert told(answers(), answers(members=moved_on)) == ["member lin@corp.example: is lin@new.example now"]


_FIELD = FieldDef("tier", "Tier", "SINGLE_SELECT", options=(Option("opt_g", "Gold", "pd_1"),))
_OTHER: Mapping[str, Any] = {
    "type": "TEXT", "label": "Level", "id": "ad_2", "currency": "EUR", "read_only": True, "multiple": True,
    "unique": True, "description": "New", "parent_field": "$pipeline", "handle_service": "TWITTER", "words": ("A",),
    "options": (), "target": "contact", "many": True, "writable": False, "parent": "pd_2", "most": 5,
    "exclusive": True,
}  # fmt: skip


def _lines(before: FieldDef | RelDef, after: FieldDef | RelDef) -> list[str]:
    def schema(part: FieldDef | RelDef) -> Schema:
        is_field = isinstance(part, FieldDef)
        kind = Definitions("account", {part.key: part} if is_field else {}, {} if is_field else {part.key: part})  # type: ignore[dict-item]
        return Schema({"account": kind}, ())

    return [str(move) for move in moved(schema(before), schema(after))]


@pytest.mark.parametrize("name", [each.name for each in dataclasses.fields(FieldDef) if each.name != "key"])
def test_every_property_of_a_field_that_moved_is_named(name: str) -> None:
    [line] = _lines(_FIELD, dataclasses.replace(_FIELD, **{name: _OTHER[name]}))
    assert line.startswith("account.tier: ")


@pytest.mark.parametrize("name", [each.name for each in dataclasses.fields(RelDef) if each.name != "key"])
def test_every_property_of_a_relationship_that_moved_is_named(name: str) -> None:
    before = RelDef("buddy", "Buddy", "account", many=False)
    [line] = _lines(before, dataclasses.replace(before, **{name: _OTHER[name]}))
    assert line.startswith("account.buddy: ")


@pytest.mark.parametrize("name", [each.name for each in dataclasses.fields(Option)])
def test_every_property_of_an_option_that_moved_is_named(name: str) -> None:
    [option] = _FIELD.options
    other = dataclasses.replace(option, **{name: _OTHER.get(name, "Other")})
    lines = _lines(_FIELD, dataclasses.replace(_FIELD, options=(other,)))
    assert lines
    assert all(line.startswith("account.tier: option `Gold`") for line in lines)


# ---------------------------------------------------------------- checked against a copy that lacks something


def _problems(saved: Answers, *resources: Any) -> list[str]:
    _, problems = prepare(project(*resources), schema_of(saved), complete=True)
    return [problem.message for problem in problems]


def test_only_what_a_copy_lacks_goes_unchecked() -> None:
    """A copy without custom objects still checks accounts; one without accounts still knows what is documented."""
    wrong = resource("account.a", {"$name": "A", "teir": "Gold"})
    custom = resource("object.project.p", {"name": "P", "anything": 1}, by=["name"])
    assert _problems(answers(missing=(ANY_TYPE,)), wrong, custom) == ["account has no field `teir`"]
    assert _problems(with_type(), wrong, custom) == [
        "account has no field `teir`",
        "object.project has no field `anything`",
    ]
    assert _problems(answers(missing=("account",)), wrong) == []
    read_only = resource("account.a", {"$name": "A", "score": 1})
    assert _problems(answers(), read_only) == ["`score` can't be written through the API"]


def test_a_member_is_unknown_only_where_members_are_known() -> None:
    stranger = resource("account.a", {"$name": "A"}, {"$owner": "eve@corp.example"})
    assert _problems(answers(members=None), stranger) == []
    assert _problems(answers(), stranger) == ["`$owner`: no member `eve@corp.example` in this workspace"]

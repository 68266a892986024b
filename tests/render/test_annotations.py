"""Annotations of GitHub Actions (design.md, 15): each is one command of its runner, whatever somebody typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfsync.errors import Problem
from lfsync.model import Address, Blocked, Change, Place, Plan, PlanWarning, Refusal, WorkspaceInfo
from lfsync.render.annotations import plan_annotations, problem_annotations, warning_annotations
from lfsync.render.terminal import escape
from tests.render.harmless import assert_harmless
from tests.render.runner import Command, commands

ACME = Address("account", "acme")
HOSTILE = (
    "x\n::set-output name=code::0",
    "x\r::add-mask::a",
    "::stop-commands::forever",
    "##[set-env name=PATH]/tmp",
    "a::error file=other.yaml,line=1::b",
    "%0A::error::twice decoded",
    "%250A,:%25",
    "line=7,col=9::",
    "\x1b[31m\u202e",
)


def plan(**more: object) -> Plan:
    return Plan(WorkspaceInfo("prod", "https://api.lightfield.app"), "2026-11-22T10:00:00Z", "c0ffee", **more)  # type: ignore[arg-type]


def test_a_problem_is_an_error_at_its_place_with_what_to_do() -> None:
    problem = Problem("no field `teir`", Place("crm/a, b.yaml", 4, 7), "account.acme", "did you mean `tier`?")
    told = problem_annotations([problem], "eu: 50%")
    assert told == (
        "::error file=eu%3A 50%25/crm/a%2C b.yaml,line=4,col=7,title=account.acme::"
        "no field `teir`%0Adid you mean `tier`?\n"
    )
    assert commands(told)[0].properties["file"] == "eu: 50%/crm/a, b.yaml"


def test_a_row_has_no_column_and_what_has_no_place_no_file() -> None:
    row, key = commands(problem_annotations([Problem("x", Place("r.csv", 3)), Problem("there is no API key")], ""))[
        ::-1
    ]
    assert row.properties == {"file": "r.csv", "line": "3", "title": "lfsync"}
    assert key == Command("error", {"title": "lfsync"}, "there is no API key")


def test_alike_problems_are_one_annotation_with_their_count_and_first_places() -> None:
    """Rule C16; GitHub shows ten of a step."""
    rows = [Problem(f"`$email`: `x{n}` is no e-mail address", Place("r.csv", n)) for n in range(2, 40)]
    (only,) = commands(problem_annotations(rows, ""))
    assert only.properties["line"] == "2"
    assert only.data.endswith("38 alike, first at r.csv:2, r.csv:3, r.csv:4")


def test_a_plan_tells_what_is_blocked_refused_and_warned_of_and_its_summary() -> None:
    source = Place("crm.yaml", 3, 3)
    told = commands(
        plan_annotations(
            plan(
                changes=(Change(ACME, "update", source, warnings=("watch it",)),),
                blocked=(Blocked(Address("task", "call"), "two records match", "name one", Place("crm.yaml", 9, 3)),),
                refusals=(
                    Refusal("threshold", "max_updates", "11 of 12 would be updated", (ACME, Address("account", "b"))),
                    Refusal("policy", "owners", "account.acme at crm.yaml:3:3: give it an owner", (ACME,)),
                    Refusal("scope", "tasks:delete", "the API key lacks tasks:delete"),
                ),
                warnings=(
                    PlanWarning("data/rows.csv:14: the pattern matches nothing"),
                    PlanWarning("account: Lightfield writes it anew"),
                ),
            ),
            "crm",
        )
    )
    assert told == [
        Command(
            "error",
            {"file": "crm/crm.yaml", "line": "9", "col": "3", "title": "task.call"},
            "blocked: two records match\nname one",
        ),
        Command("error", {"title": "lfsync"}, "apply would refuse this: 11 of 12 would be updated"),
        Command(
            "error",
            {"file": "crm/crm.yaml", "line": "3", "col": "3", "title": "account.acme"},
            "apply would refuse this: policy owners: account.acme at crm.yaml:3:3: give it an owner",
        ),
        Command("error", {"title": "lfsync"}, "apply would refuse this: the API key lacks tasks:delete"),
        Command(
            "warning", {"file": "crm/data/rows.csv", "line": "14", "title": "lfsync"}, "the pattern matches nothing"
        ),
        Command("warning", {"title": "lfsync"}, "account: Lightfield writes it anew"),
        Command("warning", {"file": "crm/crm.yaml", "line": "3", "col": "3", "title": "account.acme"}, "watch it"),
        Command("notice", {"title": "lfsync"}, "Plan for prod: 1 to update; 1 blocked."),
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_makes_a_second_command(text: str) -> None:
    _holds(text)


@given(st.text(st.sampled_from("%0A0D2C:,;=#[]\r\n\x1b ::error") | st.characters(), max_size=40))
def test_no_random_text_makes_a_second_command(text: str) -> None:
    _holds(text)


def _holds(text: str) -> None:
    place = Place(text or "x", 2, 3)
    told = problem_annotations([Problem(text or "x", place, text, text)], text)
    (only,) = commands(told)
    assert (only.name, only.properties["line"], only.properties["col"]) == ("error", "2", "3")
    assert only.data == "\n".join(escape(each) for each in (text or "x", text) if each)
    assert only.properties["title"] == escape(text or "lfsync")
    assert [each.name for each in commands(warning_annotations([text], ""))] == ["warning"]
    whole = plan(blocked=(Blocked(Address("task", text), text, text, place),), warnings=(PlanWarning(text),))
    assert [each.name for each in commands(plan_annotations(whole, text))] == ["error", "warning", "notice"]
    assert_harmless(told)

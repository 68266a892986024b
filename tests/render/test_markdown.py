"""Markdown for a comment (design.md, 15): whole, below what GitHub takes, and nothing that people typed breaks out."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from lfsync.model import Address, Blocked, Change, FieldChange, Place, Plan, WorkspaceInfo
from lfsync.render.markdown import plan_markdown
from tests.render.render_samples import plan_of_everything

LIMIT = 65_536


def _change(number: int, text: str) -> Change:
    field = FieldChange("$name", "Name", "TEXT", text, text + "x", text, text + "x", "config")
    return Change(Address("account", f"a{number}"), "update", Place("a.yaml", 1), name=text, fields=(field,))


def _plan(changes: tuple[Change, ...], blocked: tuple[Blocked, ...] = ()) -> Plan:
    return Plan(WorkspaceInfo("prod", "https://x.example"), "2026-11-22T10:00:00Z", "c0ffee", changes, blocked)


def test_every_change_and_everything_blocked_is_there_under_its_kind() -> None:
    plan = plan_of_everything()
    told = plan_markdown(plan)
    for address in (*(change.address for change in plan.changes), *(each.address for each in plan.blocked)):
        assert address.key.replace("-", "&#45;") in told
    assert told.count("<details>") == len({change.address.kind for change in plan.changes})
    assert "left out" not in told


def test_a_plan_of_any_size_is_cut_at_a_change_and_says_how_many_are_left_out() -> None:
    for text in ("n", "<|>" * 200):
        told = plan_markdown(_plan(tuple(_change(n, text) for n in range(3000))))
        assert len(told) < LIMIT
        shown = len(re.findall(r"^\| update \|.*\|$", told, re.MULTILINE))
        assert f"{3000 - shown} more rows left out" in told
        assert told.count("<details>") == told.count("</details>") == 1


@given(st.text(min_size=1, max_size=60))
def test_what_people_typed_changes_no_structure(text: str) -> None:
    blocked = (Blocked(Address("task", "a"), text, text, Place(text, 3)),)
    told = plan_markdown(_plan((_change(1, text),), blocked))
    tame = plan_markdown(
        _plan((_change(1, "tame"),), (Blocked(Address("task", "a"), "tame", "tame", Place("tame", 3)),))
    )
    skeleton = re.compile(r"<code>(?:[^\W_]|[ ]|&#\d+;)*</code>")
    assert skeleton.sub("", told) == skeleton.sub("", tame)

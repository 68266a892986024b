"""Plan ↔ JSON: equal after a round trip, refused after an edit, as the schema says."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lfsync.errors import RefusedError
from lfsync.model import JSON, Kept, Place, Plan, WorkspaceInfo
from lfsync.planning.plan_file import dumps, from_json, plan_schema, to_json
from tests.locked import skip_unless_locked
from tests.render.render_samples import ACME, plan_of_everything
from tests.render.render_strategies import plans

SCHEMA = Path(__file__).parents[2] / "schemas" / "plan.schema.json"
EMPTY = Plan(WorkspaceInfo("w", "http://localhost"), "2026-01-01T00:00:00Z", "d")
KEPT = Kept(ACME, Place("crm.yaml", 4, 3), "tier", "Tier", "SINGLE_SELECT", "Silver", "Gold", id="acc_1", name="Acme")

bounded = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@bounded
@given(plans)
def test_round_trip(plan: Plan) -> None:
    assert from_json(dumps(plan)) == plan
    assert from_json(json.dumps(to_json(plan))) == plan


@bounded
@given(plans)
def test_saved_text_is_json_that_a_terminal_can_show(plan: Plan) -> None:
    text = dumps(plan)
    assert json.loads(text) == to_json(plan)
    assert not [
        each for each in text if each != "\n" and (each < " " or "\x7f" <= each <= "\x9f" or each in "\u202e\u2066")
    ]
    text.encode("utf-8")


@bounded
@given(plans)
def test_every_plan_is_as_the_schema_says(plan: Plan) -> None:
    jsonschema.Draft202012Validator(plan_schema()).validate(to_json(plan))


def test_kept_schema_is_fresh() -> None:
    """LFSYNC_UPDATE_GOLDEN=1 writes it anew."""
    skip_unless_locked("pydantic")
    text = json.dumps(plan_schema(), indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("LFSYNC_UPDATE_GOLDEN"):
        SCHEMA.write_text(text, encoding="utf-8")
    assert SCHEMA.read_text(encoding="utf-8") == text


def test_keys_are_those_of_the_contract() -> None:
    data = to_json(plan_of_everything())
    assert " ".join(data) == (
        "format_version lfsync_version created_at workspace config_digest fingerprint summary requests "
        "estimated_seconds enrichment_events required_scopes missing_scopes changes blocked orphans warnings kept "
        "refusals"
    )
    assert data["summary"] == {
        "create": 4,
        "update": 5,
        "adopt": 1,
        "delete": 1,
        "restore": 1,
        "unchanged": 212,
        "blocked": 2,
        "drift": 2,
    }
    assert _keys(data["changes"]) == (
        "address kind action id name link moved_from adopted cause source depends_on fields relationships members "
        "warnings"
    )
    assert _keys(data["blocked"]) == "address reason hint source quoted"
    assert _keys(data["orphans"]) == "address id"


def _keys(items: JSON) -> str:
    assert isinstance(items, list)
    assert isinstance(items[0], dict)
    return " ".join(items[0])


def test_fingerprint_is_of_canonical_json() -> None:
    """Rule P1: anyone can check it with two lines of code."""
    data = to_json(plan_of_everything())
    found = data.pop("fingerprint")
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert found == hashlib.sha256(text.encode()).hexdigest()


def test_layout_does_not_matter() -> None:
    plan = plan_of_everything()
    assert from_json(json.dumps(to_json(plan), indent=4, sort_keys=True)) == plan


@pytest.mark.parametrize("key", [key for key in to_json(EMPTY) if key != "format_version"])
def test_an_edited_key_is_refused(key: str) -> None:
    data = to_json(dataclasses.replace(plan_of_everything(), kept=(KEPT,)))
    edits: tuple[JSON, ...] = (None, "x", 3, [], {})
    for value in edits:
        with pytest.raises(RefusedError, match=r"edited|damaged") as caught:
            from_json(json.dumps(data | {key: value}))
        assert caught.value.exit_code == 4


def test_a_missing_or_a_further_key_is_refused() -> None:
    data = to_json(plan_of_everything())
    with pytest.raises(RefusedError):
        from_json(json.dumps(data | {"more": 1}))
    for key in data:
        with pytest.raises(RefusedError):
            from_json(json.dumps({name: value for name, value in data.items() if name != key}))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_byte_changed_is_refused_or_means_the_same(data: st.DataObject) -> None:
    plan = dataclasses.replace(plan_of_everything(), changes=plan_of_everything().changes[:2])
    text = dumps(plan)
    index = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from("0 9aA\"'\\,:{}[]\n-.e") | st.characters(codec="utf-8") | st.just(""))
    with contextlib.suppress(RefusedError):
        assert from_json(text[:index] + other + text[index + 1 :]) == plan


@pytest.mark.parametrize("version", [0, 2, "1", 1.5, True, None])
def test_another_format_is_refused(version: JSON) -> None:
    with pytest.raises(RefusedError, match="format_version"):
        from_json(json.dumps(to_json(EMPTY) | {"format_version": version}))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\ufeff{}", "[" * 100_000, "9" * 10_000, '{"a": NaN}', "\x00"])
def test_what_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(RefusedError):
        from_json(text)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("enrichment_events", "3"),
        ("enrichment_events", -1),
        ("estimated_seconds", float("inf")),
        ("changes", [{"address": "nothing"}]),
        ("orphans", [{"address": "no-kind", "id": "x"}]),
        ("orphans", [{"address": "task.a", "id": "x", "more": 1}]),
        ("warnings", [1]),
        ("summary", to_json(plan_of_everything())["summary"]),
    ],
)
def test_a_forged_fingerprint_does_not_open_the_door(key: str, value: JSON) -> None:
    data = to_json(EMPTY) | {key: value}
    rest = {name: part for name, part in data.items() if name != "fingerprint"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    data["fingerprint"] = hashlib.sha256(text.encode()).hexdigest()
    with pytest.raises(RefusedError, match="damaged"):
        from_json(json.dumps(data))


def test_a_line_for_each_change() -> None:
    plan = plan_of_everything()
    lines = dumps(plan).splitlines()
    assert sum(line.startswith('  {"address"') for line in lines) == len(plan.changes + plan.blocked + plan.orphans)

"""The API's definitions, merged with what is documented of each kind."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfsync.errors import ApiError
from lfsync.kinds import KINDS
from lfsync.model import JSON, Option, RelDef
from lfsync.planning.definitions import builtin_definitions, builtin_schema, parse_definitions
from tests.values.workspace_samples import ACCOUNT, SCHEMA, TASK, definition

account = SCHEMA.kinds["account"]
task = SCHEMA.kinds["task"]


def test_custom_fields_as_the_workspace_defines_them() -> None:
    tier = account.fields["tier"]
    assert (tier.type, tier.label) == ("SINGLE_SELECT", "Support tier")
    assert tier.options == (Option("opt_gold", "Gold"), Option("opt_silver", "Silver"))
    assert account.fields["annualRevenue"].currency == "EUR"
    assert account.fields["$website"].unique
    assert account.fields["$name"].id == "ad_n"


def test_read_only_where_either_source_says_so() -> None:
    assert account.fields["score"].read_only
    assert account.fields["$accountStatus"].read_only
    silent = parse_definitions("account", {"fieldDefinitions": {"$accountStatus": {"valueType": "MARKDOWN"}}})
    assert silent.fields["$accountStatus"].read_only
    assert silent.fields["$accountStatus"].label == "$accountStatus"


def test_stages_know_their_pipeline() -> None:
    stage = SCHEMA.kinds["opportunity"].fields["$stage"]
    assert stage.parent_field == "$pipeline"
    assert {option.parent for option in stage.options} == {"pd_new", "pd_ren"}


def test_several_values_where_the_definition_or_the_sheet_says_so() -> None:
    assert account.fields["$website"].multiple
    assert not account.fields["hotline"].multiple
    plain = parse_definitions(
        "account", {"fieldDefinitions": {"$website": definition("URL"), "url": definition("URL")}}
    )
    assert plain.fields["$website"].multiple
    assert not plain.fields["url"].multiple
    single = parse_definitions("account", {"fieldDefinitions": {"$website": definition("URL", multipleValues=False)}})
    assert not single.fields["$website"].multiple


def test_plain_words_of_closed_kinds() -> None:
    assert task.fields["$status"].words == ("TODO", "IN_PROGRESS", "COMPLETE", "CANCELLED")
    assert builtin_definitions("list").fields["$objectType"].words[0] == "$account"


def test_closed_kinds_keep_their_documented_fields_open_ones_only_what_a_create_needs() -> None:
    assert "$description" in task.fields
    bare = parse_definitions("opportunity", {"fieldDefinitions": {}})
    assert list(bare.fields) == ["$name"]


def test_slugs_become_record_keys_u32() -> None:
    assert task.relationships["$account"] == RelDef("$account", "Account", "account", many=False)
    assert "$task-account" not in task.relationships
    assert account.relationships["$contact"].id == "rd_c"
    assert "$account-contact" not in account.relationships


def test_system_relationships_are_known_though_no_definition_lists_them() -> None:
    assert task.relationships["$opportunity"].target == "opportunity"
    assert not task.relationships["$note"].writable
    assert account.relationships["$task"].many


def test_relationships_of_the_workspace() -> None:
    assert account.relationships["parent"].many
    assert account.relationships["buddy"] == RelDef("buddy", "Buddy", "contact", many=False)
    unlisted: dict[str, JSON] = {"$x": {"label": "X", "cardinality": "HAS_MANY", "objectType": "note"}}
    found = parse_definitions("contact", {"fieldDefinitions": {}, "relationshipDefinitions": unlisted})
    assert not found.relationships["$x"].writable


def test_builtin_schema_has_every_kind() -> None:
    schema = builtin_schema()
    assert set(schema.kinds) == set(KINDS)
    assert schema.members == ()
    assert schema.kinds["contact"].fields["$email"].multiple


@pytest.mark.parametrize(
    "payload", [None, [], {}, {"fieldDefinitions": []}, {"fieldDefinitions": {"x": {"label": "X"}}}]
)
def test_what_is_no_definition_is_an_api_error(payload: JSON) -> None:
    with pytest.raises(ApiError, match="definitions of account"):
        parse_definitions("account", payload)


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(st.text(max_size=5).map("x-{}".format), st.none() | st.text(max_size=3) | st.lists(st.integers()))
)
def test_extra_keys_are_ignored(extra: dict[str, JSON]) -> None:
    fields: dict[str, JSON] = {key: {**extra, **value} for key, value in TASK["fieldDefinitions"].items()}
    found = parse_definitions("task", {**extra, **TASK, "fieldDefinitions": fields})
    assert found == task


def test_kinds_that_this_version_does_not_manage_are_read_as_they_are() -> None:
    found = parse_definitions("object.project", {**ACCOUNT, "objectType": "project"})
    assert set(found.fields) == set(ACCOUNT["fieldDefinitions"])

"""The vendor's SDK with strict response validation does all that the API has, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
from lightfield import Lightfield, NotFoundError, PermissionDeniedError

from tests.sandbox.box import KEY


@pytest.fixture(scope="module")
def sdk(server: str) -> Iterator[Lightfield]:
    with Lightfield(api_key=KEY, base_url=server, _strict_response_validation=True, max_retries=0) as client:
        yield client


def raw(value: object) -> Any:
    """Looks into the SDK's unions freely."""
    return cast(Any, value)


def test_accounts(sdk: Lightfield) -> None:
    made = sdk.account.create(
        fields={
            "$name": "Elm GmbH",
            "$website": ["https://elm.example"],
            "tier": "Gold",
            "tags": ["Red", "Blue"],
            "annualRevenue": 1250000.5,
            "isPartner": True,
            "renewalDate": "2027-03-01T00:00:00+01:00",
            "hotline": ["+12025550123"],
            "$primaryAddress": {"city": "Kiel", "country": "DE", "latitude": 54.3},
            "$linkedIn": "https://linkedin.com/company/elm",
        },
        relationships={"$owner": sdk.member.list().data[0].id, "$contact": [sdk.contact.list().data[0].id]},
        skip_enrichment=True,
    )
    read = sdk.account.retrieve(made.id)
    assert read.fields["renewalDate"].value == "2027-02-28T23:00:00.000Z"
    assert raw(read.fields["$primaryAddress"].value).city == "Kiel"
    assert read.relationships["$contact"].values == [sdk.contact.list().data[0].id]
    updated = sdk.account.update(
        made.id,
        fields={"tier": "Silver", "$website": None},
        relationships={"$contact": {"remove": read.relationships["$contact"].values}, "$owner": {"replace": None}},
    )
    assert updated.fields["$website"].value is None
    assert updated.relationships["$owner"].values == []
    history = sdk.account.field_history("tier", id=made.id)
    assert [entry.display_value for entry in history.data] == ["Silver", "Gold"]
    assert [entry.is_create for entry in history.data] == [False, True]
    found = sdk.account.list(limit=1, extra_query={"$name[equal]": "Elm GmbH"})
    assert [row.id for row in found.data] == [made.id]
    sdk.account.delete(made.id)
    assert made.id in [row.id for row in sdk.account.list(status="trashed").data]
    assert sdk.account.restore(made.id).id == made.id
    assert sdk.account.retrieve(made.id).fields["$name"].value == "Elm GmbH"


def test_account_definitions(sdk: Lightfield) -> None:
    shown = sdk.account.definitions()
    options = shown.field_definitions["tier"].type_configuration.options
    assert options
    assert [option.label for option in options] == ["Gold", "Silver"]
    assert shown.field_definitions["annualRevenue"].type_configuration.currency == "EUR"
    assert shown.field_definitions["locked"].read_only is True
    directions = shown.relationship_definitions["parent"].directions
    assert directions
    assert directions.as_source.cardinality == "HAS_ONE"
    assert directions.as_destination.label == "Subsidiaries"


def test_self_referential_relationship(sdk: Lightfield) -> None:
    child = sdk.account.list(extra_query={"$name[equal]": "Birch AG"}).data[0]
    parent = sdk.account.list(extra_query={"$name[equal]": "Acme Solar"}).data[0]
    below, above = raw(child.relationships["parent"].directions), raw(parent.relationships["parent"].directions)
    assert below.as_source.values == [parent.id]
    assert above.as_destination.values == [child.id]
    found = sdk.account.list(extra_query={"parent:asSource[contains]": parent.id})
    assert [row.id for row in found.data] == [child.id]
    assert sdk.account.list(extra_query={"parent:asDestination[contains]": parent.id}).data == []


def test_contacts(sdk: Lightfield) -> None:
    account = sdk.account.list(extra_query={"$name[equal]": "Acme Solar"}).data[0].id
    made = sdk.contact.create(
        fields={"$name": {"first_name": "Lin", "last_name": "Ek"}, "$email": ["Lin@Acme.example"], "$title": "CTO"},
        relationships={"$account": [account]},
        skip_enrichment=True,
    )
    assert made.fields["$email"].value == ["lin@acme.example"]
    assert made.id in sdk.account.retrieve(account).relationships["$contact"].values
    assert raw(sdk.contact.retrieve(made.id).fields["$name"].value).first_name == "Lin"
    sdk.contact.update(made.id, fields={"$title": "CEO"}, relationships={"$account": {"remove": account}})
    assert made.id not in sdk.account.retrieve(account).relationships["$contact"].values
    assert sdk.contact.definitions().object_type == "contact"
    assert [row.id for row in sdk.contact.list(extra_query={"$email[contains]": "lin@acme"}).data] == [made.id]
    sdk.contact.delete(made.id)
    sdk.contact.delete(made.id)
    with pytest.raises(NotFoundError):
        sdk.contact.retrieve(made.id)
    sdk.contact.restore(made.id)


def test_contact_history(sdk: Lightfield) -> None:
    made = sdk.contact.create(fields={"level": "Low"}, skip_enrichment=True)
    sdk.contact.update(made.id, fields={"level": "High"})
    history = sdk.contact.field_history("level", id=made.id)
    assert [(entry.display_value, entry.is_create) for entry in history.data] == [("High", False), ("Low", True)]
    assert history.next_cursor is None


def test_opportunities(sdk: Lightfield) -> None:
    account = sdk.account.list(extra_query={"$name[equal]": "Acme Solar"}).data[0].id
    made = sdk.opportunity.create(
        fields={"$name": "Renewal", "$pipeline": "Renewals", "$stage": "Qualified", "$amount": 75000},
        relationships={"$account": account, "$champion": sdk.contact.list().data[0].id},
    )
    shown = sdk.opportunity.definitions().field_definitions["$stage"].type_configuration
    assert shown.parent_field_key == "$pipeline"
    labels = {option.id: option.label for option in shown.options or []}
    assert labels[str(made.fields["$stage"].value)] == "Qualified"
    sdk.opportunity.update(made.id, fields={"$stage": "Won", "$pipeline": "New business"})
    history = sdk.opportunity.field_history("$stage", id=made.id, limit=1)
    assert history.has_more
    older = sdk.opportunity.field_history("$stage", id=made.id, after=str(history.next_cursor))
    assert [entry.display_value for entry in [*history.data, *older.data]] == ["Won", "Qualified"]
    assert made.id in sdk.account.retrieve(account).relationships["$opportunity"].values
    assert [row.id for row in sdk.opportunity.list(extra_query={"$account": account, "$name": "Renewal"}).data]
    sdk.opportunity.delete(made.id)
    sdk.opportunity.restore(made.id)
    assert sdk.opportunity.retrieve(made.id).fields["$amount"].value == 75000


def test_tasks(sdk: Lightfield) -> None:
    account = sdk.account.list(extra_query={"$name[equal]": "Acme Solar"}).data[0].id
    member = sdk.member.list().data[0].id
    made = sdk.task.create(
        fields={"title": "Review", "status": "TODO", "due_at": "2026-12-15T17:00:00-06:00", "description": "**x**"},
        relationships={"$assignedTo": member, "$account": account},
    )
    assert sdk.task.retrieve(made.id).fields["$dueAt"].value == "2026-12-15T23:00:00.000Z"
    assert made.id in sdk.account.retrieve(account).relationships["$task"].values
    sdk.task.update(
        made.id, fields={"status": "COMPLETE", "due_at": None}, relationships={"$account": {"replace": None}}
    )
    assert made.id not in sdk.account.retrieve(account).relationships["$task"].values
    assert sdk.task.definitions().object_type == "task"
    assert sdk.task.list(limit=5).total_count >= 2
    sdk.task.delete(made.id)
    assert made.id in [row.id for row in sdk.task.list(status="trashed").data]
    sdk.task.restore(made.id)


def test_notes(sdk: Lightfield) -> None:
    account = sdk.account.list(extra_query={"$name[equal]": "Acme Solar"}).data[0].id
    contact = sdk.contact.list(extra_query={"$email[contains]": "ada@"}).data[0].id
    made = sdk.note.create(
        fields={"title": "Kick-off", "content": "## Agreed\n- weekly"}, relationships={"$account": [account]}
    )
    sdk.note.update(made.id, relationships={"$contact": {"add": contact}, "$account": {"remove": [account]}})
    read = sdk.note.retrieve(made.id)
    assert read.relationships["$contact"].values == [contact]
    assert made.id in sdk.contact.retrieve(contact).relationships["$note"].values
    assert sdk.note.definitions().object_type == "note"
    assert sdk.note.list().object == "list"
    sdk.note.delete(made.id)
    sdk.note.restore(made.id)


def test_lists(sdk: Lightfield) -> None:
    accounts = [sdk.account.create(fields={"$name": f"Pilot {number}"}).id for number in range(3)]
    made = sdk.list.create(
        fields={"name": "Pilots", "object_type": "account", "description": "Q4"},
        relationships={"accounts": accounts[:2]},
    )
    assert made.fields["$objectType"].value == "account"
    sdk.list.update(
        made.id, fields={"description": None}, relationships={"accounts": {"add": accounts[2], "remove": accounts[:1]}}
    )
    members = sdk.list.list_accounts(made.id)
    assert {row.id for row in members.data} == set(accounts[1:])
    assert members.total_count == 2
    assert sdk.list.list_contacts(made.id).data == []
    assert sdk.list.list_opportunities(made.id).data == []
    assert sdk.list.retrieve(made.id).fields["$description"].value is None
    assert made.id in [row.id for row in sdk.list.list().data]
    sdk.list.delete(made.id)
    assert made.id not in [row.id for row in sdk.list.list().data]


def test_merges(sdk: Lightfield) -> None:
    ids = [sdk.account.create(fields={"$name": name, "tags": [tag]}).id for name, tag in (("A", "Red"), ("B", "Blue"))]
    task = sdk.task.create(
        fields={"title": "On B", "status": "TODO"},
        relationships={"$assignedTo": sdk.member.list().data[0].id, "$account": ids[1]},
    )
    merged = sdk.merge.merge_accounts(
        primary_id=ids[0],
        duplicate_id=ids[1],
        field_resolutions={"$name": "duplicate", "score": {"value": 3}},
        options={"multi_select_union": True},
    )
    assert merged.primary.fields["$name"].value == "B"
    assert len(raw(merged.primary.fields["tags"].value)) == 2
    assert merged.primary.relationships["$task"].values == [task.id]
    assert merged.summary.sync_repointed_count == 1
    assert sdk.merge.get_merge(merged.merge.id).status == "done"
    with pytest.raises(NotFoundError):
        sdk.account.retrieve(ids[1])
    people = [sdk.contact.create(fields={"$title": "x"}).id for _ in range(2)]
    assert sdk.merge.merge_contacts(primary_id=people[0], duplicate_id=people[1]).primary.id == people[0]
    deals = [sdk.opportunity.create(fields={"$name": "x"}, relationships={"$account": ids[0]}).id for _ in range(2)]
    assert sdk.merge.merge_opportunities(primary_id=deals[0], duplicate_id=deals[1]).primary.id == deals[0]


PROJECT = {
    "name": "Mir",
    "code": "https://mir.example",
    "phase": "Build",
    "tags": ["Red", "Blue"],
    "budget": 1250000.5,
    "size": 12,
    "due": "2027-03-01T00:00:00+01:00",
    "live": True,
    "about": "**x**",
    "page": "<p>x</p>",
    "site": {"city": "Kiel", "postal_code": "24103"},
    "boss": {"first_name": "Lin", "last_name": "Ek"},
    "mail": ["Lin@Acme.example"],
    "phone": ["+12025550123"],
    "profile": "https://x.com/mir",
    "$stage": "Planned",
    "$pipeline": "Care",
}


def test_custom_objects(sdk: Lightfield) -> None:
    types = sdk.object.list_definitions()
    assert [(row.object_type, row.label) for row in types.data] == [("milestone", "milestone"), ("project", "Project")]
    shown = sdk.object.definitions("project")
    assert shown.object_type == "project"
    assert shown.field_definitions["locked"].read_only is True
    assert shown.field_definitions["code"].type_configuration.unique is True
    assert len({row.value_type for row in shown.field_definitions.values()}) == 15
    directions = shown.relationship_definitions["after"].directions
    assert directions
    assert directions.as_destination.label == "Before"

    account = sdk.account.list(extra_query={"$name[equal]": "Acme Solar"}).data[0].id
    contact = sdk.contact.list(extra_query={"$email[contains]": "ada@"}).data[0].id
    made = sdk.object.create("project", fields=raw(PROJECT), relationships={"customer": account, "team": [contact]})
    read = sdk.object.retrieve(made.id, entity_slug="project")
    assert read.fields["due"].value == "2027-02-28T23:00:00.000Z"
    assert raw(read.fields["site"].value).postal_code == "24103"
    assert raw(read.fields["boss"].value).first_name == "Lin"
    assert all(read.fields[key].value is not None for key in PROJECT if key != "$pipeline")
    assert made.id in sdk.account.retrieve(account).relationships["projects"].values
    assert made.id in sdk.contact.retrieve(contact).relationships["works-on"].values

    earlier = sdk.object.list("project", extra_query={"name[equal]": "Apollo"}).data[0].id
    updated = sdk.object.update(
        made.id,
        entity_slug="project",
        fields={"phase": "Idea", "size": None},
        relationships={"after": {"add": earlier}, "team": {"remove": [contact]}, "customer": {"replace": None}},
    )
    assert updated.fields["size"].value is None
    ways = updated.relationships["after"].directions
    assert ways
    assert (ways.as_source.values, ways.as_destination.values) == ([earlier], [])
    assert (updated.relationships["team"].values, updated.relationships["customer"].values) == ([], [])
    history = sdk.object.field_history("phase", id=made.id, entity_slug="project", limit=1)
    older = sdk.object.field_history("phase", id=made.id, entity_slug="project", after=str(history.next_cursor))
    assert [entry.display_value for entry in (*history.data, *older.data)] == ["Idea", "Build"]

    page = sdk.object.list("project", limit=1, offset=1)
    assert (len(page.data), page.total_count >= 3) == (1, True)
    sdk.object.delete(made.id, entity_slug="project")
    sdk.object.delete(made.id, entity_slug="project", body={})
    assert made.id not in [row.id for row in sdk.object.list("project").data]
    with pytest.raises(NotFoundError):
        sdk.object.restore(made.id, entity_slug="milestone")
    assert sdk.object.restore(made.id, entity_slug="project").id == made.id


def test_merge_of_custom_objects(sdk: Lightfield) -> None:
    ids = [sdk.object.create("project", fields={"name": n, "tags": [t]}).id for n, t in (("A", "Red"), ("B", "Blue"))]
    merged = sdk.merge.merge_object_values(
        "project",
        primary_id=ids[0],
        duplicate_id=ids[1],
        field_resolutions={"name": "duplicate", "size": {"value": 3}},
        options={"multi_select_union": True},
    )
    assert (merged.primary.id, merged.primary.fields["name"].value) == (ids[0], "B")
    assert sdk.merge.get_merge(merged.merge.id).entity_type == "project"
    with pytest.raises(NotFoundError):
        sdk.object.retrieve(ids[1], entity_slug="project")


def test_workflow_runs(sdk: Lightfield) -> None:
    assert sdk.workflow_run.status("run_nightly").status == "completed"
    assert sdk.workflow_run.status("run_import").status == "failed"
    with pytest.raises(NotFoundError):
        sdk.workflow_run.status("run_none")


def test_members_and_key(sdk: Lightfield, server: str) -> None:
    members = sdk.member.list()
    assert {row.fields.email.value for row in members.data} == {"kai@corp.example", "mia@corp.example"}
    assert sdk.member.retrieve(members.data[0].id).relationships.user.values
    assert sdk.auth.validate().scopes == []
    with Lightfield(
        api_key="sk_lf_scopes_accounts:read", base_url=server, _strict_response_validation=True, max_retries=0
    ) as scoped:
        assert scoped.auth.validate().scopes == ["accounts:read"]
        assert scoped.account.list(limit=1).data
        with pytest.raises(PermissionDeniedError, match="Token does not have the 'tasks:read' scope"):
            scoped.task.list()

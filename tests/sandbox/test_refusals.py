"""What the sandbox refuses, with the status, code and param of the API sheet's section 11."""

from __future__ import annotations

import pytest

from tests.sandbox.box import Box
from tests.sandbox.conftest import MakeBox

ACCOUNTS = "/v1/accounts"


def code_and_param(error: dict[str, object]) -> tuple[object, object]:
    return error.get("code"), error.get("param")


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"colour": 1}, "unknown_field", "fields.colour"),
        ({"$pipeline": "x"}, "unknown_field", "fields.$pipeline"),
        ({"$name": 5}, "invalid_type", "fields.$name"),
        ({"score": "many"}, "invalid_type", "fields.score"),
        ({"score": True}, "invalid_type", "fields.score"),
        ({"score": 2**53}, "invalid_type", "fields.score"),
        ({"score": 10**400}, "invalid_type", "fields.score"),
        ({"isPartner": "true"}, "invalid_type", "fields.isPartner"),
        ({"renewalDate": "2027-03-01"}, "invalid_type", "fields.renewalDate"),
        ({"renewalDate": "2027-03-01T10:00:00"}, "invalid_type", "fields.renewalDate"),
        ({"renewalDate": "2027-02-30T10:00:00Z"}, "invalid_type", "fields.renewalDate"),
        ({"renewalDate": "0001-01-01T00:00:00+14:00"}, "invalid_type", "fields.renewalDate"),
        ({"support": "nobody"}, "invalid_type", "fields.support"),
        ({"support": ["a@x.example", "b@x.example"]}, "invalid_type", "fields.support"),
        ({"hotline": ["123"]}, "invalid_type", "fields.hotline"),
        ({"hotline": ["+1"]}, "invalid_type", "fields.hotline"),
        ({"$website": ["not a url"]}, "invalid_type", "fields.$website"),
        ({"$website": ["ftp://x.example"]}, "invalid_type", "fields.$website"),
        ({"$website": ["https://"]}, "invalid_type", "fields.$website"),
        ({"$website": ["http://[x"]}, "invalid_type", "fields.$website"),
        ({"$linkedIn": "birch"}, "invalid_type", "fields.$linkedIn"),
        ({"$linkedIn": "https://evil-linkedin.com/in/x"}, "invalid_type", "fields.$linkedIn"),
        ({"$primaryAddress": {"planet": "Mars"}}, "invalid_type", "fields.$primaryAddress"),
        ({"$primaryAddress": {"country": "Germany"}}, "invalid_type", "fields.$primaryAddress"),
        ({"$primaryAddress": {"latitude": "north"}}, "invalid_type", "fields.$primaryAddress"),
        ({"tier": "Platinum"}, "referenced_resource_missing", "fields.tier"),
        ({"tier": "gold"}, "referenced_resource_missing", "fields.tier"),
        ({"tier": "Bronze"}, "referenced_resource_missing", "fields.tier"),
        ({"tier": 5}, "invalid_type", "fields.tier"),
        ({"tags": "Red"}, "invalid_type", "fields.tags"),
        ({"tags": ["Pink"]}, "referenced_resource_missing", "fields.tags"),
        ({"locked": "x"}, "invalid_configuration", "fields.locked"),
        ({"$howTheyMakeMoney": "x"}, "invalid_configuration", "fields.$howTheyMakeMoney"),
    ],
)
def test_fields(box: Box, fields: dict[str, object], code: str, param: str) -> None:
    error = box.fails(400, "POST", ACCOUNTS, {"fields": {"$name": "x", **fields}})
    assert error["type"] == "bad_request"
    assert code_and_param(error) == (code, param)
    assert box.get(ACCOUNTS)["totalCount"] == 2


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({}, "parameter_missing", "fields"),
        ({"fields": []}, "invalid_type", "fields"),
        ({"fields": {}}, "parameter_missing", "fields.$name"),
        ({"fields": {"$name": ""}}, "parameter_missing", "fields.$name"),
        ({"fields": {"$name": "x"}, "externalId": "1"}, "unknown_field", "externalId"),
        ({"fields": {"$name": "x"}, "skipEnrichment": "yes"}, "invalid_type", "skipEnrichment"),
        ({"fields": {"$name": "x"}, "relationships": {"$boss": "x"}}, "unknown_relationship", "relationships.$boss"),
        ({"fields": {"$name": "x"}, "relationships": {"$task": "x"}}, "invalid_configuration", "relationships.$task"),
        ({"fields": {"$name": "x"}, "relationships": {"$owner": 5}}, "invalid_type", "relationships.$owner"),
        ({"fields": {"$name": "x"}, "relationships": {"$owner": ["a", "b"]}}, "invalid_type", "relationships.$owner"),
        (
            {"fields": {"$name": "x"}, "relationships": {"$owner": "mem_none"}},
            "relationship_entity_missing",
            "relationships.$owner",
        ),
    ],
)
def test_bodies(box: Box, body: dict[str, object], code: str, param: str) -> None:
    assert code_and_param(box.fails(400, "POST", ACCOUNTS, body)) == (code, param)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/tasks", {"fields": {"$title": "x", "$status": "TODO", "priority": 1}}),
        ("/v1/tasks", {"fields": {"$title": "x", "$status": "TODO"}, "skipEnrichment": True}),
        ("/v1/notes", {"fields": {"$title": "x", "$body": "y"}}),
        ("/v1/lists", {"fields": {"$name": "x", "$objectType": "$account", "colour": 1}}),
    ],
)
def test_closed_bodies(box: Box, path: str, body: dict[str, object]) -> None:
    relationships = {"$assignedTo": box.member()} if path == "/v1/tasks" else {}
    error = box.fails(400, "POST", path, {**body, "relationships": relationships})
    assert error["code"] == "unknown_field"


@pytest.mark.parametrize("missing", ["$title", "$status", "$assignedTo"])
def test_what_a_task_needs(box: Box, missing: str) -> None:
    fields = {key: value for key, value in {"$title": "x", "$status": "TODO"}.items() if key != missing}
    relationships = {} if missing == "$assignedTo" else {"$assignedTo": box.member()}
    error = box.fails(400, "POST", "/v1/tasks", {"fields": fields, "relationships": relationships})
    assert error["code"] == "parameter_missing"
    assert str(error["param"]).endswith(missing)


def test_a_required_field_cannot_be_cleared(box: Box) -> None:
    id = box.account()["id"]
    assert box.fails(400, "POST", f"{ACCOUNTS}/{id}", {"fields": {"$name": None}})["param"] == "fields.$name"


def test_a_task_status_is_a_word(box: Box) -> None:
    body = {"fields": {"$title": "x", "$status": "Todo"}, "relationships": {"$assignedTo": box.member()}}
    assert box.fails(400, "POST", "/v1/tasks", body)["param"] == "fields.$status"


def test_targets(box: Box) -> None:
    account = box.account()["id"]
    wrong = {"relationships": {"$owner": {"replace": account}}}
    assert box.fails(400, "POST", f"{ACCOUNTS}/{account}", wrong)["code"] == "relationship_entity_missing"
    contact = box.contact()
    box.ok("DELETE", f"/v1/contacts/{contact}")
    trashed = {"relationships": {"$contact": {"add": [contact]}}}
    assert box.fails(400, "POST", f"{ACCOUNTS}/{account}", trashed)["code"] == "relationship_entity_inactive"
    itself = {"relationships": {"parent": {"add": account}}}
    assert box.fails(400, "POST", f"{ACCOUNTS}/{account}", itself)["code"] == "invalid_configuration"


@pytest.mark.parametrize(
    "operation",
    [
        {},
        "con_x",
        {"set": "con_x"},
        {"add": "a", "replace": "b"},
        {"replace": ["a", "b"]},
        {"add": [5]},
        {"add": "a", "remove": "a"},
    ],
)
def test_operations(box: Box, operation: object) -> None:
    id = box.account()["id"]
    error = box.fails(400, "POST", f"{ACCOUNTS}/{id}", {"relationships": {"$contact": operation}})
    assert error["param"] == "relationships.$contact"


def test_notes_take_no_replace(make_box: MakeBox) -> None:
    box = make_box({"replace-has-many": "sets"})
    note, account = box.id("notes", "Memo"), box.id("accounts", "Acme Solar")
    box.fails(400, "POST", f"/v1/notes/{note}", {"relationships": {"$account": {"replace": account}}})


def test_unique_fields(box: Box) -> None:
    first = box.account(support="help@x.example")["id"]
    taken = {"fields": {"$name": "x", "support": "HELP@x.example"}}
    assert box.fails(409, "POST", ACCOUNTS, taken)["type"] == "conflict"
    box.post(f"{ACCOUNTS}/{first}", {"fields": {"support": None}})
    box.post(ACCOUNTS, taken)


def test_link_cap(box: Box) -> None:
    people = [box.post("/v1/contacts", {"fields": {}})["id"] for _ in range(26)]
    id = box.account()["id"]
    over = {"relationships": {"$contact": {"add": people[:20]}, "partner": {"add": people[20:]}}}
    error = box.fails(422, "POST", f"{ACCOUNTS}/{id}", over)
    assert error["code"] == "relationship_write_limit_exceeded"
    over["relationships"]["partner"]["add"].pop()
    box.post(f"{ACCOUNTS}/{id}", over)
    members = {"fields": {"$name": "x", "$objectType": "$contact"}, "relationships": {"$contacts": people}}
    assert box.fails(422, "POST", "/v1/lists", members)["code"] == "relationship_write_limit_exceeded"


def test_lists(box: Box) -> None:
    account = box.id("accounts", "Acme Solar")
    wrong = {"fields": {"$name": "x", "$objectType": "$contact"}, "relationships": {"$accounts": account}}
    assert box.fails(400, "POST", "/v1/lists", wrong)["param"] == "relationships.$accounts"
    box.fails(400, "POST", "/v1/lists", {"fields": {"$name": "x", "$objectType": "$task"}})
    box.fails(400, "POST", "/v1/lists", {"fields": {"$name": "x", "$objectType": "$opportunity", "$kind": "target"}})
    target = {"fields": {"$name": "x", "$objectType": "$account", "$kind": "target"}}
    box.post("/v1/lists", target)
    box.fails(409, "POST", "/v1/lists", target)
    list_id = box.id("lists", "Top")
    box.fails(400, "POST", f"/v1/lists/{list_id}", {"fields": {"$objectType": "$contact"}})
    box.fails(400, "POST", f"/v1/lists/{list_id}", {"relationships": {"$accounts": {"replace": account}}})
    box.fails(404, "POST", f"/v1/lists/{list_id}/restore")
    box.fails(404, "GET", "/v1/lists/definitions")


def test_ids_of_another_kind_are_not_found(box: Box) -> None:
    id = box.id("accounts", "Acme Solar")
    for method, path in (("GET", id), ("POST", id), ("DELETE", id), ("POST", f"{id}/restore")):
        error = box.fails(404, method, f"/v1/contacts/{path}", {})
        assert error["type"] == "not_found"


@pytest.mark.parametrize("path", ["/v1/objects/account", "/v1/objects/vault", "/v1", "/", "/v1/file"])
def test_what_is_not_there(box: Box, path: str) -> None:
    box.fails(404, "GET", path)
    box.fails(404, "PUT", "/v1/accounts")


# ---------------------------------------------------------------- stages


def test_stages(box: Box) -> None:
    account = box.id("accounts", "Acme Solar")

    def attempt(**fields: object) -> dict[str, object]:
        body = {"fields": {"$name": "x", **fields}, "relationships": {"$account": account}}
        response = box.request("POST", "/v1/opportunities", body)
        return {"status": response.status_code, **response.json().get("error", response.json())}

    options = box.get("/v1/opportunities/definitions")["fieldDefinitions"]
    pipelines = {row["label"]: row["id"] for row in options["$pipeline"]["typeConfiguration"]["options"]}
    stages = options["$stage"]["typeConfiguration"]["options"]
    twice = attempt(**{"$stage": "qualified"})
    assert (twice["status"], twice["code"], twice["param"]) == (422, "ambiguous_stage_label", "fields.$stage")
    assert twice["candidates"] == [
        {"stageOptionId": row["id"], "stageLabel": "Qualified", "pipelineId": row["parentId"], "pipelineName": name}
        for name in ("New business", "Renewals")
        for row in stages
        if row["label"] == "Qualified" and row["parentId"] == pipelines[name]
    ]
    nowhere = attempt(**{"$stage": "Lost"})
    assert (nowhere["code"], nowhere["candidates"]) == ("ambiguous_stage_label", [])
    outside = attempt(**{"$stage": "Won", "$pipeline": "Renewals"})
    assert outside["code"] == "stage_unresolved_in_pipeline"
    assert outside["pipelineId"] == pipelines["Renewals"]
    unknown = attempt(**{"$stage": "Won", "$pipeline": "Old"})
    assert (unknown["code"], unknown["activePipelineIds"]) == ("unknown_pipeline", list(pipelines.values()))
    assert attempt(**{"$pipeline": "Renewals"})["status"] == 422
    for fields in ({"$stage": stages[0]["id"]}, {"$stage": " won "}, {"$stage": "Qualified", "$pipeline": "renewals"}):
        assert attempt(**fields)["status"] == 200


# ---------------------------------------------------------------- the way in


def test_keys(box: Box) -> None:
    for key in ("", "Bearer ", "Bearer lf_x", "Basic sk_lf_x", "Bearer sk_lf_scopes_"):
        assert box.fails(401, "GET", ACCOUNTS, Authorization=key)["type"] == "unauthorized"


def test_versions(box: Box) -> None:
    for version in ("", "2025-01-01"):
        error = box.fails(400, "GET", ACCOUNTS, Lightfield_Version=version)
        assert code_and_param(error) == ("version_header", "Lightfield-Version")


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"x", "text/plain", 415),
        (b"{}", "application/x-www-form-urlencoded", 415),
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b'{"fields": {"$name": "\\ud800"}}', "application/json", 400),
        (b'{"fields": {"score": NaN}}', "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"fields": {"$name": "x"}}', "application/json; charset=utf-8", 200),
    ],
)
def test_content(box: Box, content: bytes, kind: str, status: int) -> None:
    answer = box.run(box.client.post(ACCOUNTS, content=content, headers={"Content-Type": kind}))
    assert answer.status_code == status


def test_an_empty_delete_body_is_fine(box: Box) -> None:
    path = f"{ACCOUNTS}/{box.account()['id']}"
    for method in ("DELETE", "DELETE", "POST", "POST"):
        way = path if method == "DELETE" else f"{path}/restore"
        answer = box.run(box.client.request(method, way, headers={"Content-Type": "application/json"}))
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/v1/accounts", "accounts:read"),
        ("GET", "/v1/accounts/definitions", "accounts:read"),
        ("POST", "/v1/accounts", "accounts:create"),
        ("POST", "/v1/accounts/x", "accounts:update"),
        ("DELETE", "/v1/tasks/x", "tasks:delete"),
        ("POST", "/v1/notes/x/restore", "notes:restore"),
        ("POST", "/v1/contacts/merge", "contacts:update"),
        ("GET", "/v1/lists/x/accounts", "lists:read"),
        ("GET", "/v1/members", "members:read"),
        ("GET", "/v1/opportunities/x/fields/$stage/history", "opportunities:read"),
    ],
)
def test_scopes(box: Box, method: str, path: str, scope: str) -> None:
    error = box.fails(403, method, path, {"nonsense": 1}, Authorization="Bearer sk_lf_scopes_none:read")
    assert error == {"type": "forbidden", "message": f"Token does not have the '{scope}' scope."}
    answer = box.request(method, path, {}, Authorization=f"Bearer sk_lf_scopes_x:read,{scope}")
    assert answer.status_code != 403 or scope not in answer.text


def test_the_trash_needs_the_restore_scope(box: Box) -> None:
    key = "Bearer sk_lf_scopes_accounts:read"
    error = box.fails(403, "GET", "/v1/accounts?status=trashed", Authorization=key)
    assert "accounts:restore" in str(error["message"])
    box.ok("GET", "/v1/accounts?status=trashed", Authorization=f"{key},accounts:restore")


def test_column_fields_have_no_history(box: Box) -> None:
    id = box.id("accounts", "Acme Solar")
    assert box.fails(400, "GET", f"{ACCOUNTS}/{id}/fields/$name/history")["param"] == "$name"
    box.fails(400, "GET", f"{ACCOUNTS}/{id}/fields/nope/history")
    box.fails(400, "GET", f"{ACCOUNTS}/{id}/fields/tier/history?limit=0")


def test_merges(box: Box) -> None:
    acme, birch = box.id("accounts", "Acme Solar"), box.id("accounts", "Birch AG")
    path = f"{ACCOUNTS}/merge"
    assert box.fails(400, "POST", path, {"primaryId": acme})["param"] == "duplicateId"
    box.fails(400, "POST", path, {"primaryId": acme, "duplicateId": acme})
    box.fails(404, "POST", path, {"primaryId": acme, "duplicateId": "acc_none"})
    both = {"primaryId": acme, "duplicateId": birch}
    box.fails(400, "POST", path, {**both, "fieldResolutions": {"nope": "primary"}})
    box.fails(400, "POST", path, {**both, "fieldResolutions": {"tier": "both"}})
    box.fails(400, "POST", path, {**both, "fieldResolutions": {"score": {"value": "x"}}})
    box.fails(404, "GET", "/v1/merges/mrg_none")
    deals = [
        box.post("/v1/opportunities", {"fields": {"$name": "x"}, "relationships": {"$account": account}})["id"]
        for account in (acme, birch)
    ]
    box.fails(422, "POST", "/v1/opportunities/merge", {"primaryId": deals[0], "duplicateId": deals[1]})
    box.post(path, both)
    box.fails(404, "POST", path, both)

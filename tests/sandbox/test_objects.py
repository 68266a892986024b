"""Custom objects: types, records, links from and to other kinds, trash, merge and history (API sheet 4.10)."""

from __future__ import annotations

import pytest

from lfsync.sandbox.catalog import is_slug, kind_row, section_kind
from tests.sandbox.box import Answer, Box
from tests.sandbox.conftest import MakeBox

TYPE = "/v1/objects/project"
VALUES = f"{TYPE}/values"


def apollo(box: Box) -> str:
    return box.id("objects/project", "Apollo")


def record(box: Box, id: str) -> Answer:
    return box.get(f"{VALUES}/{id}")


def links(box: Box, id: str, key: str) -> list[str]:
    return box.linked(f"{VALUES}/{id}", key)


# ---------------------------------------------------------------- types


def test_types_are_those_of_the_caller_alphabetical_and_bare(box: Box) -> None:
    """Sheet 2.3: `{data: [{objectType, label}]}` and nothing else; a hidden type is not available to this caller."""
    assert box.get("/v1/objects") == {
        "data": [{"objectType": "milestone", "label": "milestone"}, {"objectType": "project", "label": "Project"}]
    }


@pytest.mark.parametrize("slug", ["account", "member", "nope", "vault"])
def test_what_is_no_type_is_404(box: Box, slug: str) -> None:
    path = f"/v1/objects/{slug}"
    for method, below in (("GET", ""), ("GET", "/definitions"), ("POST", "/values"), ("POST", "/merge")):
        assert box.fails(404, method, path + below, {})["type"] == "not_found"


def test_a_hidden_type_follows_the_quirk_of_hidden_records(make_box: MakeBox) -> None:
    assert make_box({"hidden-records": "shown"}).get("/v1/objects/vault")["totalCount"] == 1
    make_box({"hidden-records": "403"}).fails(403, "GET", "/v1/objects/vault")


def test_definitions(box: Box) -> None:
    shown = box.get(f"{TYPE}/definitions")
    assert shown["objectType"] == "project"
    types = {row["valueType"] for row in shown["fieldDefinitions"].values()}
    assert len(types) == 15
    assert shown["fieldDefinitions"]["locked"]["readOnly"] is True
    assert shown["fieldDefinitions"]["$stage"]["typeConfiguration"]["parentFieldKey"] == "$pipeline"
    rels = shown["relationshipDefinitions"]
    assert {key: (row["objectType"], row["cardinality"]) for key, row in rels.items()} == {
        "customer": ("account", "HAS_ONE"),
        "team": ("contact", "HAS_MANY"),
        "sponsor": ("member", "HAS_ONE"),
        "milestones": ("milestone", "HAS_MANY"),
        "after": ("project", "HAS_MANY"),
    }
    far = box.get("/v1/accounts/definitions")["relationshipDefinitions"]["projects"]
    assert (far["objectType"], far["cardinality"], far["label"]) == ("project", "HAS_MANY", "Projects")


# ---------------------------------------------------------------- records


def test_the_record_envelope(box: Box) -> None:
    """Sheet 2.2: that of every record, without `objectType`, which only a meeting has."""
    made = box.post(VALUES, {"fields": {"name": "Mir", "phase": "Build"}, "relationships": {"sponsor": box.member()}})
    assert set(made) == {"id", "createdAt", "updatedAt", "httpLink", "externalId", "fields", "relationships"}
    assert made["relationships"]["sponsor"] == {
        "cardinality": "HAS_ONE",
        "objectType": "member",
        "values": [box.member()],
    }
    assert record(box, made["id"]) == made
    assert box.get(TYPE)["data"][0] == made


def test_list_pages_and_filters(box: Box) -> None:
    first_one = apollo(box)
    for number in range(30):
        box.post(VALUES, {"fields": {"name": f"P{number}", "size": number}})
    first, second = box.get(f"{TYPE}?limit=20"), box.get(f"{TYPE}?limit=20&offset=20")
    assert first["totalCount"] == second["totalCount"] == 32
    assert (len(first["data"]), len(second["data"])) == (20, 12)
    found = [row["fields"]["name"]["value"] for row in box.get(f"{TYPE}?size[greaterThan]=27")["data"]]
    assert found == ["P29", "P28"]
    acme = box.id("accounts", "Acme Solar")
    assert [row["id"] for row in box.get(f"{TYPE}?customer[equal]={acme}")["data"]] == [first_one]
    assert [row["id"] for row in box.get(f"/v1/accounts?projects[contains]={first_one}")["data"]] == [acme]
    later = [row["fields"]["name"]["value"] for row in box.get(f"{TYPE}?after:asSource={first_one}")["data"]]
    assert later == ["Gemini"]
    box.fails(400, "GET", f"{TYPE}?nope[equal]=x")


def test_the_trash_cannot_be_listed(make_box: MakeBox) -> None:
    """Sheet 4.10: no `status` here; a quirk says whether it is refused or overlooked, but it never lists the trash."""
    assert make_box().fails(400, "GET", f"{TYPE}?status=trashed")["param"] == "status"
    assert make_box({"object-status": "ignored"}).get(f"{TYPE}?status=trashed")["totalCount"] == 2
    assert make_box().get(TYPE)["totalCount"] == 2


def test_a_field_called_status_is_filtered_like_any_other(box: Box) -> None:
    assert box.get("/v1/objects/milestone?status=open")["totalCount"] == 1
    assert box.get("/v1/objects/milestone?status=trashed")["totalCount"] == 0


def test_stages_of_a_custom_object_need_a_pipeline(box: Box) -> None:
    """Sheet 6: a label without a `$pipeline` is resolved for opportunities only."""
    error = box.fails(422, "POST", VALUES, {"fields": {"name": "x", "$stage": "Done"}})
    assert error["code"] == "ambiguous_stage_label"
    made = box.post(VALUES, {"fields": {"name": "x", "$stage": "Planned", "$pipeline": "Care"}})
    stages = box.get(f"{TYPE}/definitions")["fieldDefinitions"]["$stage"]["typeConfiguration"]["options"]
    owner = {row["id"]: row["parentId"] for row in stages}[made["fields"]["$stage"]["value"]]
    assert [row["id"] for row in box.get(f"{TYPE}?$pipeline[equal]={owner}")["data"]] == [made["id"]]


def test_unique_fields(box: Box) -> None:
    first = box.post(VALUES, {"fields": {"name": "x", "code": "https://x.example"}})["id"]
    taken = {"fields": {"name": "y", "code": "https://x.example"}}
    assert box.fails(409, "POST", VALUES, taken)["type"] == "conflict"
    box.ok("DELETE", f"{VALUES}/{first}")
    box.post(VALUES, taken)


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({}, "parameter_missing", "fields"),
        ({"fields": {}}, "parameter_missing", "fields.name"),
        ({"fields": {"name": "x", "colour": 1}}, "unknown_field", "fields.colour"),
        ({"fields": {"name": "x"}, "skipEnrichment": True}, "unknown_field", "skipEnrichment"),
        ({"fields": {"name": "x"}, "relationships": {"$owner": "x"}}, "unknown_relationship", "relationships.$owner"),
        ({"fields": {"name": "x", "locked": "x"}}, "invalid_configuration", "fields.locked"),
    ],
)
def test_refused_creates(box: Box, body: dict[str, object], code: str, param: str) -> None:
    error = box.fails(400, "POST", VALUES, body)
    assert (error["code"], error["param"]) == (code, param)


def test_the_title_can_be_cleared_where_it_is_optional(make_box: MakeBox) -> None:
    box = make_box()
    box.fails(400, "POST", f"{VALUES}/{apollo(box)}", {"fields": {"name": None}})
    box = make_box({"object-title": "optional"})
    box.post(f"{VALUES}/{apollo(box)}", {"fields": {"name": None}})


# ---------------------------------------------------------------- trash


def test_delete_and_restore(box: Box) -> None:
    """Sheet 4.10 and 12: both are no-ops the second time; another type's slug is 404."""
    id = apollo(box)
    gone = box.ok("DELETE", f"{VALUES}/{id}")
    assert box.ok("DELETE", f"{VALUES}/{id}") == gone
    assert box.get(TYPE)["totalCount"] == 1
    box.fails(404, "GET", f"{VALUES}/{id}")
    box.fails(404, "POST", f"/v1/objects/milestone/values/{id}/restore")
    box.fails(404, "GET", f"{VALUES}/{id}")
    back = box.ok("POST", f"{VALUES}/{id}/restore")
    assert box.ok("POST", f"{VALUES}/{id}/restore") == back == record(box, id)


def test_another_types_id_is_not_found(box: Box) -> None:
    wrong = f"/v1/objects/milestone/values/{apollo(box)}"
    for method, path in (("GET", wrong), ("POST", wrong), ("DELETE", wrong), ("GET", f"{wrong}/fields/step/history")):
        box.fails(404, method, path, {})


# ---------------------------------------------------------------- links


def test_both_sides_write_and_show_one_link(box: Box) -> None:
    id, birch, acme = apollo(box), box.id("accounts", "Birch AG"), box.id("accounts", "Acme Solar")
    box.post(f"/v1/accounts/{birch}", {"relationships": {"projects": {"add": [id]}}})
    assert links(box, id, "customer") == [birch]
    assert box.linked(f"/v1/accounts/{acme}", "projects") == []
    box.post(f"{VALUES}/{id}", {"relationships": {"customer": {"replace": None}}})
    assert box.linked(f"/v1/accounts/{birch}", "projects") == []
    contact = box.contact()
    assert box.linked(f"/v1/contacts/{contact}", "works-on") == [id]
    box.post(f"/v1/contacts/{contact}", {"relationships": {"works-on": {"remove": id}}})
    assert links(box, id, "team") == []


def test_a_far_side_that_takes_one_link_lets_go_of_the_old_one(box: Box) -> None:
    step = box.get("/v1/objects/milestone")["data"][0]["id"]
    gemini = box.linked(f"/v1/objects/milestone/values/{step}", "project")
    box.post(f"{VALUES}/{apollo(box)}", {"relationships": {"milestones": {"add": step}}})
    assert box.linked(f"/v1/objects/milestone/values/{step}", "project") == [apollo(box)]
    assert links(box, gemini[0], "milestones") == []


def test_self_relations_have_directions(box: Box) -> None:
    here, there = apollo(box), box.id("objects/project", "Gemini")
    ways = record(box, here)["relationships"]["after"]["directions"]
    assert (ways["asSource"]["values"], ways["asDestination"]["values"]) == ([], [there])
    ways = record(box, there)["relationships"]["after"]["directions"]
    assert (ways["asSource"]["values"], ways["asDestination"]["values"]) == ([here], [])


def test_a_link_needs_a_record_of_the_type(box: Box) -> None:
    step = box.get("/v1/objects/milestone")["data"][0]["id"]
    wrong = {"relationships": {"customer": {"replace": step}}}
    assert box.fails(400, "POST", f"{VALUES}/{apollo(box)}", wrong)["code"] == "relationship_entity_missing"
    box.ok("DELETE", f"/v1/objects/milestone/values/{step}")
    inactive = {"relationships": {"milestones": {"add": step}}}
    assert box.fails(400, "POST", f"{VALUES}/{apollo(box)}", inactive)["code"] == "relationship_entity_inactive"


# ---------------------------------------------------------------- merge


def test_merge(box: Box) -> None:
    """Sheet 4.11: the duplicate's links move, a has-one that is taken drops them, `entityType` is the slug."""
    ids = [box.post(VALUES, {"fields": {"name": n, "tags": [t]}})["id"] for n, t in (("A", "Red"), ("B", "Blue"))]
    acme, birch = box.id("accounts", "Acme Solar"), box.id("accounts", "Birch AG")
    for id, account in zip(ids, (acme, birch), strict=True):
        box.post(f"{VALUES}/{id}", {"relationships": {"customer": {"replace": account}}})
    box.post(f"{VALUES}/{ids[1]}", {"relationships": {"team": {"add": box.contact()}}})
    body = {"primaryId": ids[0], "duplicateId": ids[1], "options": {"multiSelectUnion": True}}
    merged = box.post(f"{TYPE}/merge", body)
    assert merged["summary"]["warnings"] == ["customer of the duplicate was dropped."]
    assert len(merged["primary"]["fields"]["tags"]["value"]) == 2
    assert links(box, ids[0], "customer") == [acme]
    assert links(box, ids[0], "team") == [box.contact()]
    assert box.linked(f"/v1/accounts/{birch}", "projects") == []
    box.fails(404, "GET", f"{VALUES}/{ids[1]}")
    assert box.get(f"/v1/merges/{merged['merge']['id']}")["entityType"] == "project"


def test_merging_the_far_side_leaves_one_link(box: Box) -> None:
    """Two milestones of two projects become one: it has one project, that of the primary."""
    first = box.get("/v1/objects/milestone")["data"][0]["id"]
    second = box.post(
        "/v1/objects/milestone/values", {"fields": {"step": "Second"}, "relationships": {"project": apollo(box)}}
    )["id"]
    box.post("/v1/objects/milestone/merge", {"primaryId": first, "duplicateId": second})
    gemini = box.id("objects/project", "Gemini")
    assert box.linked(f"/v1/objects/milestone/values/{first}", "project") == [gemini]
    assert links(box, apollo(box), "milestones") == []


def test_both_records_of_a_merge_are_of_the_type(box: Box) -> None:
    step = box.get("/v1/objects/milestone")["data"][0]["id"]
    box.fails(404, "POST", f"{TYPE}/merge", {"primaryId": apollo(box), "duplicateId": step})


# ---------------------------------------------------------------- history, keys, scopes


def test_history(box: Box) -> None:
    """Sheet 4.14: newest first, equal neighbours once, `isCreate` only on a whole history."""
    id = apollo(box)
    for phase in ("Build", "Build", None, "Idea"):
        box.clock.time += 60
        box.post(f"{VALUES}/{id}", {"fields": {"phase": phase, "size": 1}})
    path = f"{VALUES}/{id}/fields/phase/history"
    whole = box.get(path)
    assert [entry["displayValue"] for entry in whole["data"]] == ["Idea", "", "Build", "Idea"]
    assert [entry["isCreate"] for entry in whole["data"]] == [False, False, False, True]
    assert (whole["hasMore"], whole["nextCursor"]) == (False, None)
    first = box.get(f"{path}?limit=3")
    assert (first["hasMore"], len(first["data"])) == (True, 3)
    rest = box.get(f"{path}?limit=3&after={first['nextCursor']}")
    assert [entry["displayValue"] for entry in rest["data"]] == ["Idea"]
    assert not any(entry["isCreate"] for entry in (*first["data"], *rest["data"]))


@pytest.mark.parametrize("key", ["$pipeline", "customer"])
@pytest.mark.parametrize("status", ["400", "409", "422"])
def test_what_has_no_history_is_refused_as_the_quirk_says(make_box: MakeBox, key: str, status: str) -> None:
    """U23: relationships and what no attribute backs."""
    box = make_box({"refusal-status": status})
    box.fails(int(status), "GET", f"{VALUES}/{apollo(box)}/fields/{key}/history")


def test_keys_are_apart_for_each_type(box: Box) -> None:
    one = box.post(VALUES, {"fields": {"name": "x"}}, Idempotency_Key="k")["id"]
    assert box.post("/v1/objects/milestone/values", {"fields": {"step": "x"}}, Idempotency_Key="k")["id"] != one
    assert box.post(VALUES, {"fields": {"name": "y"}}, Idempotency_Key="k")["id"] == one


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/v1/objects", "read"),
        ("GET", TYPE, "read"),
        ("GET", f"{TYPE}/definitions", "read"),
        ("POST", VALUES, "create"),
        ("GET", f"{VALUES}/x", "read"),
        ("POST", f"{VALUES}/x", "update"),
        ("DELETE", f"{VALUES}/x", "delete"),
        ("POST", f"{VALUES}/x/restore", "restore"),
        ("GET", f"{VALUES}/x/fields/name/history", "read"),
        ("POST", f"{TYPE}/merge", "update"),
    ],
)
def test_scopes(make_box: MakeBox, method: str, path: str, scope: str) -> None:
    other = "Bearer sk_lf_scopes_accounts:read"
    error = make_box().fails(403, method, path, {}, Authorization=other)
    assert f"'custom_objects:{scope}'" in str(error["message"])
    stated = scope in ("delete", "restore") or path.endswith(("/merge", "/history"))
    answer = make_box({"object-scopes": "none"}).request(method, path, {}, Authorization=other)
    assert (answer.status_code == 403) == stated


def test_ids_are_bare_where_their_prefix_is_unknown(make_box: MakeBox) -> None:
    assert apollo(make_box()).startswith("obj_")
    assert "_" not in apollo(make_box({"id-prefixes": "bare"}))


def test_a_type_is_a_kind_by_its_slug() -> None:
    assert kind_row("account").path == "/v1/accounts"
    assert (kind_row("project").scope, kind_row("project").path) == ("custom_objects", TYPE)
    assert (section_kind("accounts"), section_kind("object.project")) == ("account", "project")
    assert is_slug("icp-score")
    assert not any(map(is_slug, ("account", "member", "object", "a/b", "", "1st")))

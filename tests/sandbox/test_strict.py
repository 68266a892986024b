"""Rule X5: where the API sheet is sure, the sandbox is strict, in all kinds alike."""

from __future__ import annotations

import pytest

from tests.sandbox.box import Box
from tests.sandbox.conftest import MakeBox

ROWS = {
    "accounts": "/v1/accounts",
    "contacts": "/v1/contacts",
    "opportunities": "/v1/opportunities",
    "tasks": "/v1/tasks",
    "notes": "/v1/notes",
    "lists": "/v1/lists",
    "objects/project": "/v1/objects/project",
}
SINGLES = {"accounts": "$owner", "opportunities": "$champion", "tasks": "$account", "objects/project": "customer"}
MANY = {
    "accounts": "$contact",
    "contacts": "$account",
    "notes": "$account",
    "lists": "$accounts",
    "objects/project": "team",
}


def one(box: Box, section: str) -> str:
    """The path of a record."""
    below = "/values" if section.startswith("objects/") else ""
    return f"{ROWS[section]}{below}/{box.get(ROWS[section])['data'][0]['id']}"


@pytest.mark.parametrize(("section", "key"), [*SINGLES.items(), *MANY.items()])
@pytest.mark.parametrize("operation", [{"add": None}, {"remove": None}, {"add": [None]}, {"replace": [None]}])
def test_links_are_never_null(box: Box, section: str, key: str, operation: object) -> None:
    error = box.fails(400, "POST", one(box, section), {"relationships": {key: operation}})
    assert error["param"] == f"relationships.{key}"


@pytest.mark.parametrize("value", [None, [None]])
def test_links_of_a_create_are_never_null(box: Box, value: object) -> None:
    for path, fields, key in (
        ("/v1/accounts", {"$name": "x"}, "$owner"),
        ("/v1/contacts", {}, "$account"),
        ("/v1/notes", {"$title": "x"}, "$account"),
        ("/v1/lists", {"$name": "x", "$objectType": "$account"}, "$accounts"),
        ("/v1/objects/project/values", {"name": "x"}, "customer"),
    ):
        error = box.fails(400, "POST", path, {"fields": fields, "relationships": {key: value}})
        assert (error["code"], error["param"]) == ("invalid_type", f"relationships.{key}")


@pytest.mark.parametrize(("section", "key"), [("accounts", "$owner"), ("objects/project", "sponsor")])
def test_replace_is_one_id_or_null(box: Box, section: str, key: str) -> None:
    path, member = one(box, section), box.member()
    for value in ([member], [], ""):
        error = box.fails(400, "POST", path, {"relationships": {key: {"replace": value}}})
        assert error["code"] == "invalid_type"
    box.post(path, {"relationships": {key: {"replace": member}}})
    box.post(path, {"relationships": {key: {"replace": None}}})


def test_replace_of_a_has_many_takes_no_array_either(make_box: MakeBox) -> None:
    box = make_box({"replace-has-many": "sets"})
    path, contact = one(box, "accounts"), box.contact()
    box.fails(400, "POST", path, {"relationships": {"$contact": {"replace": [contact]}}})
    box.post(path, {"relationships": {"$contact": {"replace": contact}}})


@pytest.mark.parametrize("section", ROWS)
def test_a_delete_and_a_restore_take_an_empty_body(box: Box, section: str) -> None:
    path = one(box, section)
    ways = [("DELETE", path)] + [("POST", f"{path}/restore")] * (section != "lists")
    for method, way in ways:
        error = box.fails(400, method, way, {"force": True})
        assert (error["code"], error["param"]) == ("unknown_field", "force")
        box.ok(method, way, {})
        box.ok(method, way)


@pytest.mark.parametrize("section", ["accounts", "objects/project"])
def test_the_options_of_a_merge_are_checked(box: Box, section: str) -> None:
    path = ROWS[section]
    ids = [row["id"] for row in box.get(path)["data"]][:2]
    both = {"primaryId": ids[0], "duplicateId": ids[1]}
    for options, param in (
        (None, "options"),
        (["multiSelectUnion"], "options"),
        ({"union": True}, "options.union"),
        ({"multiSelectUnion": "yes"}, "options.multiSelectUnion"),
        ({"multiSelectUnion": None}, "options.multiSelectUnion"),
    ):
        assert box.fails(400, "POST", f"{path}/merge", {**both, "options": options})["param"] == param
    box.post(f"{path}/merge", {**both, "options": {}})


def test_a_limit_over_25_is_refused_where_the_schema_has_a_maximum(box: Box) -> None:
    top = box.id("lists", "Top")
    for path in ("/v1/lists", f"/v1/lists/{top}/accounts", f"/v1/lists/{top}/contacts", "/v1/notes"):
        assert box.fails(400, "GET", f"{path}?limit=26")["param"] == "limit"
        box.get(f"{path}?limit=25")
    for path in ("/v1/accounts", "/v1/tasks", "/v1/members", "/v1/objects/project"):
        box.get(f"{path}?limit=26")


def people(box: Box, count: int) -> list[str]:
    return [box.post("/v1/contacts", {"fields": {}})["id"] for _ in range(count)]


@pytest.mark.parametrize("counts", ["ids", "replace-as-two", "without-removes"])
def test_clearing_a_has_one_that_is_set_is_a_change_of_a_link(make_box: MakeBox, counts: str) -> None:
    box = make_box({"link-cap-counts": counts})
    acme, birch = box.id("accounts", "Acme Solar"), box.id("accounts", "Birch AG")
    body = {"relationships": {"partner": {"add": people(box, 25)}, "$owner": {"replace": None}}}
    if counts == "without-removes":
        box.post(f"/v1/accounts/{acme}", body)
    else:
        error = box.fails(422, "POST", f"/v1/accounts/{acme}", body)
        assert error["code"] == "relationship_write_limit_exceeded"
    assert box.linked(f"/v1/accounts/{birch}", "$owner") == []
    box.post(f"/v1/accounts/{birch}", body)


@pytest.mark.parametrize(("answer", "status"), [("optional-only", 400), ("none", 400), ("all", 200)])
def test_a_required_has_one_is_emptied_by_remove_as_by_null(make_box: MakeBox, answer: str, status: int) -> None:
    """U13: one question, one quirk; an id that is not linked empties nothing."""
    box = make_box({"clear-has-one": answer})
    path = one(box, "tasks")
    box.post(path, {"relationships": {"$assignedTo": {"remove": box.member("kai@corp.example")}}})
    mia = box.member("mia@corp.example")
    taken = box.request("POST", path, {"relationships": {"$assignedTo": {"remove": mia}}})
    assert taken.status_code == status
    assert box.linked(path, "$assignedTo") == ([] if status == 200 else [mia])
    box.post(path, {"relationships": {"$assignedTo": {"replace": mia}}})
    assert box.request("POST", path, {"relationships": {"$assignedTo": {"replace": None}}}).status_code == status
    box.post(path, {"relationships": {"$account": {"remove": box.linked(path, "$account")}}})

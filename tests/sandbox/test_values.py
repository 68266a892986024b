"""The stored form of each value type, by default quirks."""

from __future__ import annotations

import pytest

from tests.sandbox.box import Box


@pytest.mark.parametrize(
    ("key", "written", "read"),
    [
        ("blurb", "  x ", "  x "),
        ("blurb", "", None),
        ("score", 5.0, 5),
        ("score", 0.125, 0.13),
        ("score", -0.0, 0),
        ("score", 2**53 - 1, 2**53 - 1),
        ("annualRevenue", 12.344, 12.34),
        ("isPartner", False, False),
        ("renewalDate", "2026-12-15T17:00:00-06:00", "2026-12-15T23:00:00.000Z"),
        ("renewalDate", "1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z"),
        ("support", "Help@X.example", "help@x.example"),
        ("hotline", ["+1 (202) 555-0123 x100"], ["+12025550123;ext=100"]),
        ("hotline", ["(202) 555-0123 ext:7"], ["+12025550123;ext=7"]),
        ("hotline", ["12 34 567#9"], ["1234567;ext=9"]),
        ("hotline", ["+49 431 12345", "+4943112345"], ["+4943112345"]),
        ("hotline", [], None),
        ("$website", ["HTTPS://Elm.Example/", "https://elm.example"], ["https://elm.example"]),
        ("$website", "elm.example/A?b=C", ["https://elm.example/A?b=C"]),
        ("$linkedIn", "http://de.linkedin.com/company/birch/?trk=x", "https://linkedin.com/company/birch"),
        ("$twitter", "twitter.com/@birch", "https://x.com/birch"),
        ("$primaryAddress", {"city": None}, None),
        ("about", "* a  \n", "* a  \n"),
        ("tags", [], None),
    ],
)
def test_stored_form(box: Box, key: str, written: object, read: object) -> None:
    id = box.account(**{key: written})["id"]
    assert box.value(id, key) == read
    box.post(f"/v1/accounts/{id}", {"fields": {key: read}})
    assert box.value(id, key) == read


def test_an_address_is_whole(box: Box) -> None:
    made = box.account(**{"$primaryAddress": {"city": "Kiel", "country": "de", "latitude": 54}})
    assert made["fields"]["$primaryAddress"]["value"] == {
        "street": None, "street2": None, "city": "Kiel", "state": None, "postalCode": None, "country": "DE",
        "latitude": 54, "longitude": None,
    }  # fmt: skip


def test_selects_take_ids_and_labels(box: Box) -> None:
    fields = box.get("/v1/accounts/definitions")["fieldDefinitions"]
    ids = {row["label"]: row["id"] for row in fields["tags"]["typeConfiguration"]["options"]}
    made = box.account(tags=["Blue", ids["Red"], "Red"])
    assert made["fields"]["tags"]["value"] == [ids["Blue"], ids["Red"]]
    assert box.post(f"/v1/accounts/{made['id']}", {"fields": {"tags": None}})["fields"]["tags"]["value"] is None


def test_a_lists_object_type(box: Box) -> None:
    for written in ("contact", "$contact"):
        made = box.post("/v1/lists", {"fields": {"$name": written, "$objectType": written}})
        assert made["fields"]["$objectType"]["value"] == "contact"


def test_who_made_it(box: Box) -> None:
    kai, mia = box.member(), box.member("mia@corp.example")
    body = {"fields": {"$title": "x", "$status": "TODO"}, "relationships": {"$assignedTo": mia}}
    assert box.post("/v1/tasks", body)["relationships"]["$createdBy"]["values"] == [kai]
    body["relationships"]["$createdBy"] = mia
    assert box.post("/v1/tasks", body)["relationships"]["$createdBy"]["values"] == [mia]


def test_enrichment_is_metered(box: Box) -> None:
    box.account()
    box.post("/v1/contacts", {"fields": {}})
    box.post("/v1/accounts", {"fields": {"$name": "x"}, "skipEnrichment": True})
    box.post("/v1/notes", {"fields": {"$title": "x"}})
    assert box.get("/_sandbox/enrichment") == {"events": 2}


def test_history_of_a_late_value_has_no_create(box: Box) -> None:
    id = box.account()["id"]
    box.clock.time += 1
    box.post(f"/v1/accounts/{id}", {"fields": {"blurb": "a"}})
    history = box.get(f"/v1/accounts/{id}/fields/blurb/history")
    assert [(entry["value"], entry["isCreate"]) for entry in history["data"]] == [("a", False)]
    assert (history["hasMore"], history["nextCursor"]) == (False, None)

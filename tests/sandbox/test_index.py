"""List endpoints: pages, order, the index that lags, and filters by the table of types."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sandbox.box import Box
from tests.sandbox.conftest import MakeBox

ACCOUNTS = "/v1/accounts"


def names(box: Box, path: str) -> list[str]:
    return [row["fields"]["$name"]["value"] for row in box.get(path)["data"]]


def test_pages_are_newest_first(box: Box) -> None:
    for number in range(60):
        box.clock.time += 0.001
        box.account(name=str(number))
    pages = [names(box, f"{ACCOUNTS}?offset={offset}") for offset in (0, 25, 50, 75)]
    assert [len(page) for page in pages] == [25, 25, 12, 0]
    assert [name for page in pages for name in page][:60] == [str(number) for number in reversed(range(60))]
    assert box.get(f"{ACCOUNTS}?limit=1&offset=3")["totalCount"] == 62


def test_an_insert_shifts_the_pages(box: Box) -> None:
    for number in range(50):
        box.account(name=str(number))
    first = names(box, ACCOUNTS)
    box.account(name="late")
    second = names(box, f"{ACCOUNTS}?offset=25")
    assert first[-1] == second[0]


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=x", "offset=-1", "offset=1.5", "status=archived"])
def test_bad_windows(box: Box, query: str) -> None:
    assert box.fails(400, "GET", f"{ACCOUNTS}?{query}")["param"] == query.split("=")[0]


def test_huge_windows(box: Box) -> None:
    assert len(box.get(f"{ACCOUNTS}?limit=99999999999999999999")["data"]) == 2
    assert box.get(f"{ACCOUNTS}?offset=99999999999999999999")["data"] == []


# ---------------------------------------------------------------- lag


def test_lists_trail_and_reads_are_fresh(make_box: MakeBox) -> None:
    box = make_box(index_lag=5)
    before = box.get(ACCOUNTS)["totalCount"]
    made = box.account(name="Late")["id"]
    assert box.get(f"{ACCOUNTS}/{made}")["id"] == made
    assert box.get(ACCOUNTS)["totalCount"] == before
    assert box.get(f"{ACCOUNTS}?$name=Late")["data"] == []
    box.clock.time += 5
    assert names(box, f"{ACCOUNTS}?$name=Late") == ["Late"]
    box.post(f"{ACCOUNTS}/{made}", {"fields": {"$name": "Later"}})
    assert names(box, f"{ACCOUNTS}?$name=Late") == ["Late"]
    assert box.get(f"{ACCOUNTS}?$name=Later")["data"] == []
    box.clock.time += 5
    assert names(box, f"{ACCOUNTS}?$name=Later") == ["Later"]
    box.ok("DELETE", f"{ACCOUNTS}/{made}")
    assert box.get(ACCOUNTS)["totalCount"] == before + 1
    box.clock.time += 5
    assert box.get(ACCOUNTS)["totalCount"] == before


def test_links_trail_too(make_box: MakeBox) -> None:
    box = make_box(index_lag=5)
    acme, contact = box.id("accounts", "Acme Solar"), box.contact()
    top = box.id("lists", "Top")
    box.clock.time += 9
    box.post(f"{ACCOUNTS}/{acme}", {"relationships": {"$contact": {"remove": contact}}})
    box.post(f"/v1/lists/{top}", {"relationships": {"$accounts": {"remove": acme}}})
    assert box.linked(f"{ACCOUNTS}/{acme}", "$contact") == []
    listed = next(row for row in box.get(ACCOUNTS)["data"] if row["id"] == acme)
    assert listed["relationships"]["$contact"]["values"] == [contact]
    assert box.get(f"/v1/contacts?$account={acme}")["totalCount"] == 1
    assert box.get(f"/v1/lists/{top}/accounts")["totalCount"] == 2
    box.clock.time += 5
    assert box.get(f"/v1/contacts?$account={acme}")["totalCount"] == 0
    assert box.get(f"/v1/lists/{top}/accounts")["totalCount"] == 1


def test_a_lag_survives_a_restart(make_box: MakeBox, tmp_path: Path) -> None:
    first = make_box(database=tmp_path / "db", index_lag=5)
    made = first.account(name="Late")["id"]
    second = make_box(database=tmp_path / "db", index_lag=5)
    assert second.get(f"{ACCOUNTS}/{made}")["id"] == made
    assert second.get(f"{ACCOUNTS}?$name=Late")["data"] == []
    assert second.get(ACCOUNTS)["totalCount"] == 2
    second.clock.time += 5
    assert second.get(ACCOUNTS)["totalCount"] == 3


def test_counts_follow_deletes_and_restores(box: Box) -> None:
    id = box.account()["id"]
    counts = []
    for method, path in (("DELETE", id), ("POST", f"{id}/restore"), ("DELETE", id)):
        box.ok(method, f"{ACCOUNTS}/{path}")
        counts.append((box.get(ACCOUNTS)["totalCount"], box.get(f"{ACCOUNTS}?status=trashed")["totalCount"]))
    assert counts == [(2, 2), (3, 1), (2, 2)]


def test_two_apps_share_a_database(make_box: MakeBox, tmp_path: Path) -> None:
    first, second = (make_box(database=tmp_path / "db", random_seed=1) for _ in range(2))
    assert first.get(ACCOUNTS)["totalCount"] == second.get(ACCOUNTS)["totalCount"] == 2
    made = {box.account()["id"] for _ in range(3) for box in (first, second)}
    assert len(made) == 6
    assert first.get(ACCOUNTS)["totalCount"] == second.get(ACCOUNTS)["totalCount"] == 8


# ---------------------------------------------------------------- members of lists


def test_members_are_full_live_records_by_creation(box: Box) -> None:
    acme, birch, top = box.id("accounts", "Acme Solar"), box.id("accounts", "Birch AG"), box.id("lists", "Top")
    made = box.account(name="New")["id"]
    box.post(f"/v1/lists/{top}", {"relationships": {"$accounts": {"add": [made]}}})
    shown = box.get(f"/v1/lists/{top}/accounts")
    assert [row["id"] for row in shown["data"]] == [made, birch, acme]
    assert shown["data"][0]["relationships"]
    assert box.get(f"/v1/lists/{top}/accounts?limit=1&offset=1")["data"][0]["id"] == birch
    box.ok("DELETE", f"{ACCOUNTS}/{birch}")
    assert box.get(f"/v1/lists/{top}/accounts")["totalCount"] == 2
    box.ok("DELETE", f"/v1/lists/{top}")
    box.fails(404, "GET", f"/v1/lists/{top}/accounts")
    assert box.get(f"{ACCOUNTS}/{acme}")["id"] == acme


# ---------------------------------------------------------------- filters


@pytest.fixture
def filled(box: Box) -> Box:
    box.account(name="Elm GmbH", score=10, isPartner=True, tier="Silver", **{"$website": ["https://elm.example"]})
    box.account(
        name="Elm Two",
        score=20.5,
        isPartner=False,
        hotline=["+12025550123"],
        renewalDate="2026-01-01T00:00:00Z",
        **{"$primaryAddress": {"city": "Kiel", "country": "DE"}, "$linkedIn": "linkedin.com/company/elm"},
    )
    return box


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("$name=Elm GmbH", ["Elm GmbH"]),
        ("$name[equal]=Elm", []),
        ("$name[-equal]=Elm GmbH", ["Elm Two", "Birch AG", "Acme Solar"]),
        ("$name[startsWith]=Elm", ["Elm Two", "Elm GmbH"]),
        ("$name[-startsWith]=Elm", ["Birch AG", "Acme Solar"]),
        ("$name[startsWith]=elm", []),
        ("blurb[startsWith]=", []),
        ("$name[startsWith]=", ["Elm Two", "Elm GmbH", "Birch AG", "Acme Solar"]),
        ("score=10", ["Elm GmbH"]),
        ("score[greaterThan]=10", ["Elm Two"]),
        ("score[greaterThanOrEqual]=10.0", ["Elm Two", "Elm GmbH"]),
        ("score[lessThan]=20.5&score[greaterThan]=1", ["Elm GmbH"]),
        ("score[-lessThan]=15", ["Elm Two", "Birch AG", "Acme Solar"]),
        ("renewalDate[lessThanOrEqual]=2026-01-01T01:00:00%2B01:00", ["Elm Two"]),
        ("renewalDate[greaterThan]=2027-01-01T00:00:00Z", ["Birch AG"]),
        ("isPartner=true", ["Elm GmbH"]),
        ("isPartner=false", ["Elm Two"]),
        ("tier=Gold", ["Acme Solar"]),
        ("tier=silver", ["Elm GmbH"]),
        ("tier=None", []),
        ("$website[contains]=elm", ["Elm GmbH"]),
        ("$website=ACME.example", ["Acme Solar"]),
        ("hotline[contains]=5550123", ["Elm Two"]),
        ("$primaryAddress[startsWith]=Kiel", ["Elm Two"]),
        ("$linkedIn=https://linkedin.com/company/elm", ["Elm Two"]),
        ("$name[startsWith]=Elm&tier=Silver", ["Elm GmbH"]),
    ],
)
def test_filters(filled: Box, query: str, found: list[str]) -> None:
    assert names(filled, f"{ACCOUNTS}?{query}") == found


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("nope=1", "unknown_field"),
        ("id=acc_1", "unknown_field"),
        ("createdAt[greaterThan]=2026-01-01T00:00:00Z", "unknown_field"),
        ("$name[contains]=x", "invalid_type"),
        ("$name[like]=x", "invalid_type"),
        ("$website[equal]=x", "invalid_type"),
        ("tags[equal]=Red", "invalid_type"),
        ("about=x", "invalid_type"),
        ("score=many", "invalid_type"),
        ("isPartner=yes", "invalid_type"),
        ("renewalDate=2026-01-01", "invalid_type"),
        ("$owner[startsWith]=mem", "invalid_type"),
        ("$contact:asSource[equal]=x", "unknown_field"),
        ("$name[equal=x", "unknown_field"),
    ],
)
def test_illegal_filters(box: Box, query: str, code: str) -> None:
    assert box.fails(400, "GET", f"{ACCOUNTS}?{query}")["code"] == code


def test_relationship_filters(box: Box) -> None:
    acme, kai = box.id("accounts", "Acme Solar"), box.member()
    assert names(box, f"{ACCOUNTS}?$owner={kai}") == ["Acme Solar"]
    assert names(box, f"{ACCOUNTS}?$owner[-equal]={kai}") == ["Birch AG"]
    assert names(box, f"{ACCOUNTS}?$contact[contains]={box.contact()}") == ["Acme Solar"]
    assert box.get(f"/v1/opportunities?$account={acme}")["totalCount"] == 1
    assert box.get(f"/v1/tasks?$task-account[equal]={acme}")["totalCount"] == 1
    assert names(box, f"{ACCOUNTS}?parent:asSource={acme}") == ["Birch AG"]
    assert names(box, f"{ACCOUNTS}?$meeting=none") == []


def test_stage_filters(box: Box) -> None:
    fields = box.get("/v1/opportunities/definitions")["fieldDefinitions"]
    pipelines = [row["id"] for row in fields["$pipeline"]["typeConfiguration"]["options"]]
    path = "/v1/opportunities"
    assert names(box, f"{path}?$stage=proposal") == ["Deal"]
    assert names(box, f"{path}?$pipeline[equal]={pipelines[0]}") == ["Deal"]
    assert names(box, f"{path}?$pipeline[-equal]={pipelines[0]}") == []
    assert names(box, f"{path}?$stage=Qualified&$pipeline={pipelines[0]}") == []
    assert box.fails(400, "GET", f"{path}?$stage=Qualified")["code"] == "ambiguous_stage_label"
    assert box.fails(400, "GET", f"{path}?$stage=Qualified&$pipeline[-equal]={pipelines[1]}")["candidates"]
    assert box.fails(400, "GET", f"{path}?$pipeline=Renewals")["code"] == "unknown_pipeline"
    box.fails(400, "GET", f"{path}?$pipeline={pipelines[0]}&$pipeline={pipelines[1]}")


def test_filters_see_what_is_stored_now(box: Box) -> None:
    id = box.account(name="One")["id"]
    box.post(f"{ACCOUNTS}/{id}", {"fields": {"$name": "Two"}})
    assert names(box, f"{ACCOUNTS}?$name=One") == []
    box.ok("DELETE", f"{ACCOUNTS}/{id}")
    assert names(box, f"{ACCOUNTS}?$name=Two") == []
    assert names(box, f"{ACCOUNTS}?$name=Two&status=trashed") == ["Two"]


@pytest.mark.parametrize("text", ["%", "_", "'", '"', "\x00", "é", "\U0001f600", "a" * 500, "İ", "ß"])
def test_odd_texts_are_found(box: Box, text: str) -> None:
    for tail in ("", "x", "y"):
        box.account(name=text + tail)
    answer = box.run(box.client.get(ACCOUNTS, params={"$name[equal]": f"{text}x"}))
    assert [row["fields"]["$name"]["value"] for row in answer.json()["data"]] == [f"{text}x"]
    answer = box.run(box.client.get(ACCOUNTS, params={"$name[startsWith]": text}))
    assert answer.json()["totalCount"] == 3


def test_hidden_records_stay_out(box: Box) -> None:
    assert names(box, f"{ACCOUNTS}?$name=Ghost Inc") == []
    assert names(box, f"{ACCOUNTS}?$name[-equal]=x") == ["Birch AG", "Acme Solar"]

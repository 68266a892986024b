"""What requests look like on the wire, and what records look like after it."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import TypeVar

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfsync.api.client import Answer, Client, Exchange
from lfsync.api.server_clock import ServerClock, unix_time
from lfsync.errors import ApiError, NotFoundError
from lfsync.kinds import KINDS
from lfsync.model import JSON, Member
from tests.client.client_fakes import EPOCH, answer, record, run, virtual_client

T = TypeVar("T")
ACCOUNT, TASK, LIST = KINDS["account"], KINDS["task"], KINDS["list"]


def ask(
    reply: Callable[[httpx.Request], httpx.Response], use: Callable[[Client], Coroutine[None, None, T]]
) -> tuple[T, list[httpx.Request]]:
    asked: list[httpx.Request] = []

    async def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return reply(request)

    async def main() -> T:
        with virtual_client(handle) as client:
            async with client:
                return await use(client)

    return run(main), asked


def test_every_request_says_who_asks_and_which_version() -> None:
    _, [request] = ask(lambda request: answer({"scopes": []}), lambda client: client.validate())
    assert request.headers["Lightfield-Version"] == "2026-03-01"
    assert request.headers["User-Agent"].startswith("lfsync/")
    assert "Content-Type" not in request.headers
    assert "Idempotency-Key" not in request.headers


def test_no_scopes_are_all_scopes() -> None:
    token, _ = ask(lambda request: answer({"active": True, "scopes": []}), lambda client: client.validate())
    assert token.full
    token, _ = ask(lambda request: answer({"scopes": ["tasks:read"]}), lambda client: client.validate())
    assert (token.full, token.scopes) == (False, ("tasks:read",))


def test_a_record_holds_bare_values_and_ids() -> None:
    body = {
        **record("acc_1"),
        "fields": {
            "$name": {"value": "Birch AG", "valueType": "TEXT"},
            "$website": {"value": ["https://birch.example"], "valueType": "URL"},
            "amount": {"value": 5, "valueType": "NUMBER"},
            "tier": {"value": None, "valueType": "SINGLE_SELECT"},
            "home": {"value": {"city": "Kiel"}, "valueType": "ADDRESS", "more": 1},
        },
        "relationships": {
            "$owner": {"cardinality": "HAS_ONE", "objectType": "member", "values": ["mem_1"]},
            "parent": {"cardinality": "has_many", "objectType": "account", "values": ["a", "b"], "directions": {}},
            "$note": {"values": []},
        },
    }
    found, _ = ask(lambda request: answer(body), lambda client: client.retrieve(ACCOUNT, "acc_1"))
    assert found is not None
    assert found.fresh
    assert found.kind == "account"
    assert found.link == "https://crm.example/acc_1"
    assert found.fields == {
        "$name": "Birch AG",
        "$website": ["https://birch.example"],
        "amount": 5,
        "tier": None,
        "home": {"city": "Kiel"},
    }
    assert isinstance(found.fields["amount"], int)
    assert found.links == {"$owner": ("mem_1",), "parent": ("a", "b"), "$note": ()}


def test_a_lists_smaller_envelope_is_a_record_too() -> None:
    body = {"id": "lst_1", "createdAt": "x", "fields": {"$name": {"value": "Q4", "valueType": "TEXT"}}}
    page = {"object": "list", "data": [body], "totalCount": 1}
    listing, _ = ask(lambda request: answer(page), lambda client: client.list(LIST))
    assert (listing.records["lst_1"].links, listing.records["lst_1"].link) == ({}, None)
    assert not listing.records["lst_1"].fresh


def test_a_record_that_is_gone_is_none_but_a_proxys_404_proves_nothing() -> None:
    gone = {"error": {"type": "not_found", "message": "nothing under this id"}}
    found, _ = ask(lambda request: answer(gone, 404), lambda client: client.retrieve(TASK, "tsk_1"))
    assert found is None
    with pytest.raises(NotFoundError):
        ask(lambda request: answer(b"<html>", 404), lambda client: client.retrieve(TASK, "tsk_1"))


def test_another_record_than_asked_for_is_refused() -> None:
    with pytest.raises(ApiError, match="another record"):
        ask(lambda request: answer(record("tsk_2")), lambda client: client.retrieve(TASK, "tsk_1"))


def test_filters_are_encoded_whole() -> None:
    empty = {"data": [], "totalCount": 0}
    filters = [("$name[equal]", "A & B+c=ü"), ("$account", "acc_1"), ("x[startsWith]", "")]
    _, [request] = ask(lambda request: answer(empty), lambda client: client.list(ACCOUNT, filters=filters))
    assert request.url.query == (
        b"limit=25&offset=0&%24name%5Bequal%5D=A%20%26%20B%2Bc%3D%C3%BC&%24account=acc_1&x%5BstartsWith%5D="
    )
    _, [request] = ask(lambda request: answer(empty), lambda client: client.list(ACCOUNT, status="trashed"))
    assert request.url.query == b"limit=25&offset=0&status=trashed"


def test_members_of_the_workspace_are_paged_and_named() -> None:
    def reply(request: httpx.Request) -> httpx.Response:
        offset = int(request.url.params["offset"])
        rows = [
            {
                "id": f"mem_{number}",
                "createdAt": "x",
                "fields": {
                    "$email": {"value": f"m{number}@corp.example"},
                    "$name": {"value": {"firstName": "Kai", "lastName": None if number else "Berg"}},
                },
                "relationships": {},
            }
            for number in range(offset, min(offset + 25, 30))
        ]
        return answer({"data": rows, "totalCount": 30})

    members, asked = ask(reply, lambda client: client.members())
    assert members[0] == Member("mem_0", "m0@corp.example", "Kai Berg")
    assert members[29] == Member("mem_29", "m29@corp.example", "Kai")
    assert [request.url.path for request in asked] == ["/v1/members"] * 2


def test_members_of_a_list_are_records_of_its_kind() -> None:
    page = {"data": [record("acc_1")], "totalCount": 1}
    listing, [request] = ask(lambda request: answer(page), lambda client: client.list_members("lst/1", ACCOUNT))
    assert request.url.raw_path == b"/v1/lists/lst%2F1/accounts?limit=25&offset=0"
    assert listing.records["acc_1"].kind == "account"


def test_definitions_come_as_they_are() -> None:
    body = {"objectType": "task", "fieldDefinitions": {"$title": {"x": [1]}}, "relationshipDefinitions": {}}
    payload, [request] = ask(lambda request: answer(body), lambda client: client.definitions(TASK))
    assert payload == body
    assert request.url.path == "/v1/tasks/definitions"


def test_a_write_sends_its_body_and_its_key() -> None:
    body: dict[str, JSON] = {"fields": {"$title": "Grüße \ud800", "$dueAt": None}}
    reply, [request] = ask(lambda request: answer(record("tsk_1")), lambda client: client.create(TASK, body, "key-1"))
    assert json.loads(request.content) == body
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Idempotency-Key"] == "key-1"
    assert reply.record.fresh
    changed, [request] = ask(lambda _: answer(record("tsk_1")), lambda client: client.update(TASK, "tsk_1", {}, "k"))
    assert (request.method, request.url.path, changed.id) == ("POST", "/v1/tasks/tsk_1", "tsk_1")


def test_requests_are_counted_by_category_and_reported() -> None:
    exchanges: list[Exchange] = []

    async def handle(request: httpx.Request) -> httpx.Response:
        empty = {"data": [], "totalCount": 0}
        return answer(empty if request.url.query else record("tsk_1"))

    async def main() -> Client:
        with virtual_client(handle, on_exchange=exchanges.append) as client:
            async with client:
                await client.list(TASK)
                await client.retrieve(TASK, "tsk_1")
                await client.update(TASK, "tsk_1", {}, "k")
            return client

    assert run(main).requests == {"search": 1, "read": 1, "write": 1}
    assert [(each.method, each.status, each.category) for each in exchanges] == [
        ("GET", 200, "search"),
        ("GET", 200, "read"),
        ("POST", 200, "write"),
    ]


# ---------------------------------------------------------------- replays


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def created_at(age: float) -> Answer:
    """The answer to a create whose record the server made `age` seconds ago, by clocks that are years apart."""

    def reply(request: httpx.Request) -> httpx.Response:
        return answer(record("tsk_1", created=iso(EPOCH - age)), date=EPOCH)

    found, _ = ask(reply, lambda client: client.create(TASK, {}, "key"))
    return found


def test_a_record_older_than_its_request_is_a_replay() -> None:
    assert not created_at(0).replayed
    assert not created_at(0.4).replayed
    assert created_at(2).replayed
    assert created_at(86_000).replayed


@pytest.mark.parametrize("now", [(404, "gone"), (200, "changed since")])
def test_a_record_that_may_be_older_than_its_request_is_looked_at(now: tuple[int, str]) -> None:
    status, name = now
    made = record("tsk_1", created=iso(EPOCH - 0.4))
    gone = {"error": {"type": "not_found", "message": name}}
    changed = {**made, "fields": {"$title": {"value": name, "valueType": "TEXT"}}}

    def reply(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return answer(changed if status == 200 else gone, status, date=EPOCH)
        return answer(made, date=EPOCH)

    found, asked = ask(reply, lambda client: client.create(TASK, {}, "key"))
    assert found.replayed
    assert [request.method for request in asked] == ["POST", "GET"]


def test_a_clock_behind_ours_costs_one_look() -> None:
    async def three(client: Client) -> list[Answer]:
        return [await client.create(TASK, {}, f"key {n}") for n in range(3)]

    made = record("tsk_1", created=iso(EPOCH - 0.4))
    found, asked = ask(lambda _: answer(made, date=EPOCH), three)
    assert not any(answer.replayed for answer in found)
    assert [request.method for request in asked] == ["POST", "GET", "POST", "POST"]


def test_a_time_that_can_not_be_read_is_no_replay() -> None:
    found, _ = ask(
        lambda _: answer(record("t", created="soon"), date=EPOCH), lambda client: client.create(TASK, {}, "k")
    )
    assert not found.replayed


@settings(max_examples=150, deadline=None)
@given(
    skew=st.floats(-1e6, 1e6),
    trips=st.lists(st.tuples(st.floats(0, 2), st.floats(0, 2), st.floats(0, 3)), min_size=1, max_size=30),
    age=st.floats(0, 10),
)
def test_no_skew_and_no_lag_makes_a_new_record_look_old(
    skew: float, trips: list[tuple[float, float, float]], age: float
) -> None:
    clock, now = ServerClock(0.0), 1000.0
    for there, back, pause in trips:
        sent, made = now, now + there
        now = made + back
        clock.observe(float(int(made + skew + 2e6)), sent, now)
        now += pause
    server_now = now + skew + 2e6
    assert not clock.precedes(iso(server_now), now)
    if age > 1 + max(there + back for there, back, _ in trips) + 0.6:
        assert clock.precedes(iso(server_now - age), now)
    clock.reckon(iso(server_now), now)
    assert not clock.may_precede(iso(server_now + 5), now + 5)


def test_a_clock_that_is_set_is_followed() -> None:
    clock = ServerClock(0.0)
    clock.observe(1000.0, 10.0, 10.1)
    clock.observe(4600.0, 11.0, 11.1)
    assert clock.earliest(11.1) == pytest.approx(4600)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-02T09:15:04.221Z", 1793610904.221),
        ("2026-11-02T10:15:04+01:00", 1793610904),
        ("2026-11-02T09:15:04", 1793610904),
        ("", None),
        ("yesterday", None),
    ],
)
def test_times_are_read(text: str, seconds: float | None) -> None:
    assert unix_time(text) == (None if seconds is None else pytest.approx(seconds))

"""What requests look like on the wire, and what records look like after it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import TypeVar

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfsync.api.client import Answer, Client, Exchange
from lfsync.api.server_clock import ServerClock
from lfsync.errors import ApiError, NotFoundError
from lfsync.kinds import KINDS
from lfsync.model import JSON, Member
from lfsync.times import unix_time
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


# ---------------------------------------------------------------- the server's time, and the age of an answer


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def made_before(age: float) -> Answer:
    """The answer to a create whose record the server made `age` seconds ago, by clocks that are years apart."""

    def reply(request: httpx.Request) -> httpx.Response:
        return answer(record("tsk_1", created=iso(EPOCH - age)), date=EPOCH)

    found, asked = ask(reply, lambda client: client.create(TASK, {}, "key"))
    assert len(asked) == 1, "who is told that it can't be told has to look"
    return found


@pytest.mark.parametrize(
    ("age", "told"),
    [(-5, None), (0, None), (0.3, 0.0), (0.4, 0.0), (2, 2), (60, 60), (86_000, 86_000)],
)
def test_how_much_older_than_its_request_a_record_is(age: float, told: float | None) -> None:
    """Rule A2: clearly younger, older, or so near that it can't be told."""
    assert made_before(age).age == (None if told is None else pytest.approx(told, abs=0.01))


@pytest.mark.parametrize("created", ["soon", ""])
def test_of_a_time_that_can_not_be_read_nothing_is_told(created: str) -> None:
    """Rule A2: what is not clearly younger is read by id."""
    found, _ = ask(
        lambda _: answer(record("t", created=created), date=EPOCH), lambda client: client.create(TASK, {}, "k")
    )
    assert found.age == 0.0


def test_a_record_that_proved_new_tells_how_far_the_clocks_are_apart() -> None:
    """The server that writes `createdAt` is a little behind the one that writes `Date`: that costs one look."""

    async def three(client: Client) -> list[float | None]:
        first = await client.create(TASK, {}, "first")
        client.proved_new(first)
        return [first.age, *[(await client.create(TASK, {}, f"key {n}")).age for n in range(2)]]

    made = record("tsk_1", created=iso(EPOCH - 0.4))
    found, _ = ask(lambda _: answer(made, date=EPOCH), three)
    assert found == [0.0, None, None]


@pytest.mark.parametrize("ours", [EPOCH - 3600, EPOCH - 3, EPOCH, EPOCH + 3, EPOCH + 3600])
def test_a_record_that_proved_new_tells_it_however_far_off_our_own_clock_is(ours: float) -> None:
    clock = ServerClock(ours)
    clock.observe(EPOCH, 0, 0)
    assert clock.age(iso(EPOCH - 0.4), 0) == 0.0
    clock.reckon(iso(EPOCH - 0.4), 0)
    assert clock.age(iso(EPOCH - 0.4), 0) is None
    assert clock.age(iso(EPOCH - 60), 0) == pytest.approx(60), "and nothing old looks young for it"


@pytest.mark.parametrize("date", [EPOCH, EPOCH + 0.9, EPOCH - 1e8])
def test_the_servers_time_is_that_of_its_answers(date: float) -> None:
    """Rule R4: times in state and journal are the server's."""

    async def later(client: Client) -> tuple[float, float]:
        await client.retrieve(TASK, "tsk_1")
        first = client.now()
        await asyncio.sleep(60)
        return first, client.now()

    (first, second), _ = ask(lambda _: answer(record("tsk_1"), date=date), later)
    assert first == pytest.approx(int(date), abs=1)
    assert second - first == pytest.approx(60, abs=0.1), "it goes on, on the steady clock"


@settings(max_examples=150, deadline=None)
@given(
    skew=st.floats(-1e6, 1e6),
    trips=st.lists(st.tuples(st.floats(0, 2), st.floats(0, 2), st.floats(0, 3)), min_size=1, max_size=30),
    age=st.floats(0, 10),
)
def test_no_skew_and_no_lag_makes_a_new_record_look_old(
    skew: float, trips: list[tuple[float, float, float]], age: float
) -> None:
    """Rule A2: a record that is younger than its request is never taken for an older one, at worst for one in doubt."""
    clock, now = ServerClock(0.0), 1000.0
    for there, back, pause in trips:
        sent, made = now, now + there
        now = made + back
        clock.observe(float(int(made + skew + 2e6)), sent, now)
        now += pause
    server_now = now + skew + 2e6
    assert not clock.age(iso(server_now + 0.001), now)
    if age > 1 + max(there + back for there, back, _ in trips) + 0.6:
        told = clock.age(iso(server_now - age), now)
        assert told is not None
        assert 0 < told <= age + 0.001, "and an old one is not made out older than it is"
    clock.reckon(iso(server_now), now)
    assert clock.age(iso(server_now + 5), now + 5) is None


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

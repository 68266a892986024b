"""What the client asks beside records: a field's last change (API sheet 4.14), a workflow's run (4.13)."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from lfsync.errors import ApiError, NotFoundError
from lfsync.kinds import KINDS, kind_of
from lfsync.model import JSON, LastChange
from lfsync.planning.field_history import Asked, last_changes
from tests.client.client_fakes import answer, now, run, virtual_client

ACCOUNT = KINDS["account"]
MOVED = LastChange("2026-10-20T08:00:00Z", "Qualified")


def entry(shown: str | None, at: str = "2026-10-20T08:00:00.000Z", **more: JSON) -> dict[str, JSON]:
    return {"value": "opt_1", "valueType": "SINGLE_SELECT", "displayValue": shown, "recordedAt": at, **more}


def page(*entries: dict[str, JSON]) -> httpx.Response:
    return answer({"data": [*entries], "hasMore": False, "nextCursor": None})


def asked_of(reply: httpx.Response, kind: str = "account", key: str = "tier") -> tuple[LastChange | None, str]:
    paths: list[str] = []

    async def handle(request: httpx.Request) -> httpx.Response:
        paths.append(f"{request.method} {request.url.raw_path.decode()}")
        return reply

    async def main() -> LastChange | None:
        with virtual_client(handle) as client:
            async with client:
                return await client.last_change(kind_of(kind), "id_1", key)

    found = run(main)
    [path] = paths
    return found, path


def test_the_newest_entry_says_when_and_the_one_before_it_what_was_there() -> None:
    found, path = asked_of(page(entry("Won"), entry("Qualified", "2026-09-01T08:00:00.000Z")))
    assert found == MOVED
    assert path == "GET /v1/accounts/id_1/fields/tier/history?limit=2"


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([], None),
        ([entry("Gold", isCreate=True)], LastChange("2026-10-20T08:00:00Z", None)),
        ([entry("Gold"), entry(None)], LastChange("2026-10-20T08:00:00Z", None)),
        ([entry("Gold"), entry("")], LastChange("2026-10-20T08:00:00Z", None)),
        ([entry(None, "2026-10-20T10:00:00+02:00"), entry("Qualified")], MOVED),
    ],
)
def test_what_a_history_may_hold(entries: list[dict[str, JSON]], expected: LastChange | None) -> None:
    assert asked_of(page(*entries))[0] == expected


def test_custom_objects_and_system_keys_have_their_own_paths() -> None:
    _, path = asked_of(page(), "object.project", "$stage")
    assert path == "GET /v1/objects/project/values/id_1/fields/%24stage/history?limit=2"


@pytest.mark.parametrize("at", ["yesterday", "", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_moment_that_is_none_is_an_unreadable_answer(at: str) -> None:
    with pytest.raises(ApiError, match="a time that is none"):
        asked_of(page(entry("Gold", at)))


def test_kinds_with_history_are_those_of_the_sheet() -> None:
    """API sheet 4.14: account, contact, opportunity, custom object."""
    have = {kind for kind in (*KINDS, "object.project") if kind_of(kind).history}
    assert have == {"account", "contact", "opportunity", "object.project"}


# ---------------------------------------------------------------- never in the way of a plan


def told(reply: httpx.Response | None, fields: int = 3) -> tuple[dict[Asked, LastChange], float, int]:
    """What is known of some fields, when, and after how many requests; None never answers."""
    asked: list[str] = []

    async def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        if reply is None:
            await asyncio.sleep(10**6)
        return reply or answer()

    async def main() -> tuple[dict[Asked, LastChange], float]:
        with virtual_client(handle) as client:
            async with client:
                wanted = [Asked("account", f"acc_{n}", "tier") for n in range(fields)]
                return await last_changes(client, wanted), now()

    found, when = run(main)
    return found, when, len(asked)


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422, 500])
def test_no_refusal_fails_it(status: int) -> None:
    """U23: the code for a field without history is not stated; a 403 is no reason either."""
    found, _, asked = told(answer({"error": {"type": "x", "message": "no"}}, status))
    assert found == {}
    assert asked == 3 or status == 500


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"data": [{}]}', b'{"data": [{"recordedAt": 5}]}'])
def test_no_strange_answer_fails_it(body: bytes) -> None:
    assert told(answer(body))[0] == {}


def test_what_does_not_come_in_time_is_left_out() -> None:
    found, seconds, _ = told(None)
    assert found == {}
    assert seconds <= 31


def test_at_most_50_are_asked_for_each_once() -> None:
    found, _, asked = told(page(entry("Won"), entry("Qualified")), fields=70)
    assert asked == len(found) == 50
    assert set(found.values()) == {MOVED}


def test_a_kind_without_history_is_not_asked() -> None:
    async def main() -> dict[Asked, LastChange]:
        async def handle(request: httpx.Request) -> httpx.Response:
            raise AssertionError(request.url)

        with virtual_client(handle) as client:
            async with client:
                return await last_changes(client, [Asked("task", "tsk_1", "$status")])

    assert run(main) == {}


# ---------------------------------------------------------------- workflow runs


def status_of(reply: httpx.Response, id: str = "run_1") -> tuple[str, str]:
    paths: list[str] = []

    async def handle(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.raw_path.decode())
        return reply

    async def main() -> str:
        with virtual_client(handle) as client:
            async with client:
                return await client.run_status(id)

    return run(main), paths[0]


def test_a_run_is_asked_for_by_its_id() -> None:
    assert status_of(answer({"status": "running"}), "a/b?c") == ("running", "/v1/workflowRun/a%2Fb%3Fc/status")


@pytest.mark.parametrize("id", ["", ".", ".."])
def test_what_is_no_id_is_not_sent(id: str) -> None:
    with pytest.raises(NotFoundError):
        status_of(answer({"status": "running"}), id)


def test_a_status_that_is_no_text_is_an_unreadable_answer() -> None:
    with pytest.raises(ApiError, match="not what the API documents"):
        status_of(answer({"status": 3}))

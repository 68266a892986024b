"""What goes again, how often and how fast (rule A5)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfsync.api.client import Answer, Client
from lfsync.api.retry import Reason, Retries, reason_of
from lfsync.errors import ApiError, ForbiddenError, LostError, RejectedError, UnavailableError
from lfsync.kinds import KINDS, kind_of
from lfsync.model import Record
from tests.client.client_fakes import answer, now, record, run, virtual_client

TASK = KINDS["task"]
FINE = {"data": [], "totalCount": 0}


@dataclass
class Script:
    """Fails as told, `times` times, then answers with `record`; keeps what was asked and when."""

    fail: Callable[[httpx.Request], httpx.Response]
    times: int
    asked: list[tuple[float, httpx.Request]] = field(default_factory=list)
    first_well: bool = True

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/auth/validate":
            return answer({"scopes": []})
        self.asked.append((now(), request))
        await asyncio.sleep(0.01)
        return self.fail(request) if len(self.asked) <= self.times else answer(record("tsk_1", title="T"))


def refuse(status: int, type: str = "x", **headers: str) -> Callable[[httpx.Request], httpx.Response]:
    return lambda request: answer({"error": {"type": type, "message": "no"}}, status, headers)


def cut(error: type[httpx.TransportError]) -> Callable[[httpx.Request], httpx.Response]:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error("cut")

    return fail


async def create(client: Client) -> Answer:
    return await client.create(TASK, {"fields": {"$title": "T"}}, "key-1")


def created(script: Script) -> Answer:
    async def main() -> Answer:
        with virtual_client(script) as client:
            async with client:
                if script.first_well:
                    await client.validate()
                return await create(client)

    return run(main)


TRANSIENT = [
    *(pytest.param(refuse(status), id=str(status)) for status in (408, 429, 500, 502, 503, 504)),
    pytest.param(refuse(409, "idempotency_conflict"), id="idempotency_conflict"),
    pytest.param(lambda request: answer(b"<html>Bad gateway</html>", 502), id="html"),
    pytest.param(cut(httpx.ConnectError), id="connect"),
    pytest.param(cut(httpx.ReadError), id="cut"),
    pytest.param(cut(httpx.ReadTimeout), id="timeout"),
    pytest.param(cut(httpx.RemoteProtocolError), id="protocol"),
]


@pytest.mark.parametrize("fail", TRANSIENT)
def test_what_may_pass_goes_again_under_its_own_key(fail: Callable[[httpx.Request], httpx.Response]) -> None:
    script = Script(fail, times=9)
    assert created(script).record.id == "tsk_1"
    assert len(script.asked) == 10
    assert {request.headers["Idempotency-Key"] for _, request in script.asked} == {"key-1"}
    assert len({request.content for _, request in script.asked}) == 1


@pytest.mark.parametrize("fail", TRANSIENT)
def test_it_is_given_up_in_the_end(fail: Callable[[httpx.Request], httpx.Response]) -> None:
    script = Script(fail, times=1000)
    with pytest.raises(ApiError):
        created(script)
    assert len(script.asked) >= 10
    assert script.asked[-1][0] <= 125


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 415, 422, 418, 301])
def test_what_will_be_refused_again_is_asked_once(status: int) -> None:
    script = Script(refuse(status, "conflict"), times=1)
    with pytest.raises(ApiError) as caught:
        created(script)
    assert caught.value.status == status
    assert len(script.asked) == 1


def test_retry_after_is_honoured() -> None:
    script = Script(refuse(503, **{"Retry-After": "7"}), times=1)
    created(script)
    assert script.asked[1][0] - script.asked[0][0] >= 7


def test_retry_after_a_date_is_honoured() -> None:
    soon = refuse(429, Date="Mon, 02 Nov 2026 09:15:04 GMT", **{"Retry-After": "Mon, 02 Nov 2026 09:15:09 GMT"})
    script = Script(soon, times=1)
    created(script)
    assert 4 <= script.asked[1][0] - script.asked[0][0] <= 6


def test_a_429_without_retry_after_waits_until_the_bucket_is_full() -> None:
    reset = refuse(429, Date="Mon, 02 Nov 2026 09:15:04 GMT", **{"X-RateLimit-Reset": "1793610907"})
    script = Script(reset, times=1)
    created(script)
    assert 2 <= script.asked[1][0] - script.asked[0][0] <= 4


def test_a_wait_of_hours_is_an_error_at_once() -> None:
    script = Script(refuse(503, **{"Retry-After": "7200"}), times=1)
    with pytest.raises(UnavailableError):
        created(script)
    assert len(script.asked) == 1


def test_an_unreachable_host_is_told_soon() -> None:
    script = Script(cut(httpx.ConnectError), times=1000, first_well=False)
    with pytest.raises(UnavailableError, match=r"no answer from https://api\.example") as caught:
        created(script)
    assert len(script.asked) == 3
    assert script.asked[-1][0] < 2
    assert caught.value.hint is not None


def test_one_failed_page_ends_the_others() -> None:
    async def api(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.01)
        if request.url.params["offset"] == "100":
            return answer({"error": {"type": "forbidden", "message": "no"}}, 403)
        rows = [record(f"acc_{request.url.params['offset']}_{number}") for number in range(25)]
        return answer({"data": rows, "totalCount": 25_000})

    async def main() -> int:
        with virtual_client(api) as client:
            async with client:
                with pytest.raises(ForbiddenError):
                    await client.list(KINDS["account"])
                assert len(asyncio.all_tasks()) == 1
                return client.requests["search"]

    assert run(main) < 30


def test_a_thousand_writes_at_the_wall_with_faults_all_arrive() -> None:
    asked: list[str] = []

    async def api(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        await asyncio.sleep(0.1)
        if len(asked) % 10 == 0:
            raise httpx.ReadError("cut")
        return answer(record(request.url.path.rpartition("/")[2]))

    async def main() -> tuple[list[Record], float]:
        with virtual_client(api) as client:
            async with client:
                writes = [client.update(TASK, f"tsk_{number}", {}, f"key-{number}") for number in range(1000)]
                return await asyncio.gather(*writes), now()

    records, seconds = run(main)
    assert len({each.id for each in records}) == 1000
    assert seconds <= len(asked) / 25 / 0.97 + 10


@given(chance=st.floats(0, 1), tries=st.integers(1, 9))
def test_waits_grow_to_eight_seconds_with_full_jitter(chance: float, tries: int) -> None:
    retries = Retries(started=0.0, tries=tries - 1)
    assert retries.wait(0.0, chance, Reason("unanswered")) == pytest.approx(chance * min(8, 0.5 * 2 ** (tries - 1)))


def test_refusals_for_speed_count_against_the_time_only() -> None:
    retries = Retries(started=0.0)
    assert all(retries.wait(float(second), 1.0, Reason("limited", 1.0)) for second in range(110))
    assert retries.wait(120.0, 1.0, Reason("limited", 1.0)) is None


def test_a_conflict_goes_again_only_if_it_is_one_of_keys() -> None:
    assert reason_of(409, "idempotency_conflict", 0).name == "unanswered"
    assert reason_of(409, "conflict", 0).name == "refused"


def test_a_conflict_of_records_is_the_callers_to_settle() -> None:
    with pytest.raises(RejectedError) as caught:
        created(Script(refuse(409, "conflict"), times=1))
    assert caught.value.type == "conflict"


# ---------------------------------------------------------------- creates whose key nobody promises to honour

PROJECT = kind_of("object.project")


def object_created(script: Script) -> Answer:
    async def main() -> Answer:
        with virtual_client(script) as client:
            async with client:
                await client.validate()
                return await client.create(PROJECT, {"fields": {"name": "Apollo"}}, "key-1")

    return run(main)


@pytest.mark.parametrize(
    "fail",
    [
        *(cut(error) for error in (httpx.ReadError, httpx.ReadTimeout, httpx.WriteError, httpx.RemoteProtocolError)),
        *(refuse(status) for status in (408, 500, 502, 503, 504)),
        refuse(409, "idempotency_conflict"),
    ],
)
def test_a_create_of_an_object_is_not_sent_again_once_its_answer_is_lost(
    fail: Callable[[httpx.Request], httpx.Response],
) -> None:
    script = Script(fail, 1)
    with pytest.raises(LostError):
        object_created(script)
    assert [request.method for _, request in script.asked] == ["POST"]


@pytest.mark.parametrize("fail", [cut(httpx.ConnectError), cut(httpx.ConnectTimeout), refuse(429)])
def test_it_goes_again_where_nothing_was_done(fail: Callable[[httpx.Request], httpx.Response]) -> None:
    script = Script(fail, 3)
    assert object_created(script).record.id == "tsk_1"
    assert {request.headers["Idempotency-Key"] for _, request in script.asked} == {"key-1"}


def test_what_refuses_it_is_no_lost_answer() -> None:
    with pytest.raises(RejectedError):
        object_created(Script(refuse(422), 1))

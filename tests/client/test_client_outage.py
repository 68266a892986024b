"""Rule A5: where nobody gets an answer of use for a minute, the run stops, and everyone is told the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import pytest

from lfsync.api.client import Client
from lfsync.api.retry import Silence
from lfsync.errors import OutageError, UnavailableError
from lfsync.kinds import KINDS
from tests.client.client_fakes import answer, now, record, run, virtual_client
from tests.client.test_client_retry import cut, refuse

TASK = KINDS["task"]


class Dies:
    """A server that is well for `seconds`, and then is not."""

    def __init__(self, seconds: float, fail: Callable[[httpx.Request], httpx.Response]) -> None:
        self.seconds = seconds
        self.fail = fail
        self.last = 0.0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.last = now()
        await asyncio.sleep(0.1)
        return answer(record(request.url.path.rpartition("/")[2])) if now() < self.seconds else self.fail(request)


def write_a_thousand(server: Dies) -> tuple[list[object], float, Client]:
    async def main() -> tuple[list[object], float, Client]:
        with virtual_client(server) as client:
            async with client:
                writes = [client.update(TASK, f"tsk_{number}", {}, f"key-{number}") for number in range(1000)]
                found: list[object] = list(await asyncio.gather(*writes, return_exceptions=True))
                return found, now(), client

    return run(main)


@pytest.mark.parametrize(
    "fail",
    [
        pytest.param(cut(httpx.ConnectError), id="refused"),
        pytest.param(cut(httpx.ReadTimeout), id="silent"),
        pytest.param(refuse(503), id="503"),
        pytest.param(refuse(503, **{"Retry-After": "100"}), id="503 for long"),
        pytest.param(refuse(429, **{"Retry-After": "100"}), id="429 for long"),
        pytest.param(refuse(502), id="502"),
    ],
)
def test_a_server_that_dies_in_the_middle_ends_a_run_after_a_minute(
    fail: Callable[[httpx.Request], httpx.Response],
) -> None:
    server = Dies(10, fail)
    found, took, client = write_a_thousand(server)
    assert 59.5 <= took - 10 <= 62
    assert server.last <= took
    told = [each for each in found if isinstance(each, BaseException)]
    assert len(told) > 500
    assert client.outage in told
    stopped = [each for each in told if isinstance(each, OutageError)]
    assert len({id(each) for each in stopped}) == 1, "one error for all"
    assert len(stopped) > len(told) / 2
    assert all(isinstance(each, UnavailableError) for each in told)
    assert "60 seconds" in str(client.outage)
    assert client.outage.hint if client.outage else False


def test_an_outage_stays_one() -> None:
    async def main() -> int:
        server = Dies(1, cut(httpx.ReadError))
        with virtual_client(server) as client:
            async with client:
                together = [client.update(TASK, f"tsk_{n}", {}, f"key-{n}") for n in range(200)]
                await asyncio.gather(*together, return_exceptions=True)
                sent = client.requests.total()
                server.seconds = 1e9
                with pytest.raises(OutageError):
                    await client.retrieve(TASK, "tsk_1")
                return client.requests.total() - sent

    assert run(main) == 0


def test_a_single_request_still_has_ten_tries_of_its_own() -> None:
    async def main() -> float:
        server = Dies(1, refuse(503))
        with virtual_client(server) as client:
            async with client:
                await client.retrieve(TASK, "tsk_1")
                await asyncio.sleep(300)  # nothing under way: no silence
                with pytest.raises(UnavailableError) as caught:
                    await client.retrieve(TASK, "tsk_1")
                assert not isinstance(caught.value, OutageError)
                return now() - 300

    assert run(main) < 60


def test_a_slow_server_that_answers_now_and_then_is_no_outage() -> None:
    async def main() -> bool:
        async def api(request: httpx.Request) -> httpx.Response:
            await asyncio.sleep(29)
            return answer(record(request.url.path.rpartition("/")[2]))

        with virtual_client(api) as client:
            async with client:
                await asyncio.gather(*(client.retrieve(TASK, f"tsk_{number}") for number in range(500)))
                return client.outage is None

    assert run(main)


def test_silence_counts_only_while_something_is_under_way() -> None:
    silence = Silence()
    silence.begin(0)
    silence.begin(10)
    silence.answered(20, 503)
    silence.answered(30, 429)
    assert silence.left(30) == 30
    silence.answered(40, 404)
    assert silence.left(40) == 60
    silence.end(50)
    assert not silence.over(99)
    silence.end(99)
    assert not silence.over(1000)
    silence.begin(1000)
    assert not silence.over(1059)
    assert silence.over(1060)
    silence.answered(1061, 200)
    assert silence.over(1061)

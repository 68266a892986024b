"""Presigned addresses: where bytes may go, what goes with them, when they go again (API sheet 4.9; rules A5, F1)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from hashlib import sha256

import httpx
import pytest

from lfsync.errors import ApiError, OutageError, RejectedError, UnavailableError
from lfsync.kinds import KINDS
from tests.client.client_fakes import SECRET, answer, now, run, virtual_client

ADDRESS = "http://127.0.0.1:9/bucket/1?signature=very-secret"
CONTENT = b"0123456789"


async def chunks() -> AsyncGenerator[bytes, None]:
    for start in range(0, len(CONTENT), 4):
        yield CONTENT[start : start + 4]


def well(status: int) -> Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]:
    async def server(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status)

    return server


def put(
    server: Callable[[httpx.Request], Coroutine[None, None, httpx.Response]],
    url: str = ADDRESS,
    headers: dict[str, str] | None = None,
) -> tuple[bool, float]:
    async def main() -> tuple[bool, float]:
        with virtual_client(server) as client:
            async with client:
                done = await client.storage.put(url, headers or {}, len(CONTENT), chunks)
                return done, now()

    return run(main)


def test_exactly_what_was_asked_for_goes_along() -> None:
    seen: list[httpx.Request] = []

    async def server(request: httpx.Request) -> httpx.Response:
        await request.aread()
        seen.append(request)
        return httpx.Response(201)

    assert put(server, headers={"Content-Type": "text/plain", "x-amz-meta": "a"})[0]
    (request,) = seen
    assert request.content == CONTENT
    assert dict(request.headers) == {
        "host": "127.0.0.1:9",
        "content-type": "text/plain",
        "x-amz-meta": "a",
        "content-length": "10",
    }
    assert SECRET not in str(request.headers)


@pytest.mark.parametrize(
    "url",
    [
        "http://storage.example/1",
        "http://10.0.0.1/1",
        "ftp://127.0.0.1/1",
        "https://user:word@storage.example/1",
        "file:///etc/passwd",
        "//storage.example/1",
        "https://[::1",
        "",
    ],
)
def test_nothing_goes_to_an_address_that_is_not_safe(url: str) -> None:
    """design 16: https, or loopback."""

    async def server(request: httpx.Request) -> httpx.Response:
        raise AssertionError(request.url)

    with pytest.raises(ApiError) as caught:
        put(server, url)
    assert "the API names an address" in caught.value.message


@pytest.mark.parametrize("headers", [{"x": "a\r\nb: c"}, {"a b": "c"}, {"": "x"}])
def test_headers_that_break_out_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(ApiError, match="headers"):
        put(well(200), headers=headers)


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 403, 404, 411, 413])
def test_a_refusal_is_not_tried_again_and_no_redirect_is_followed(status: int) -> None:
    asked = 0

    async def server(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        return httpx.Response(status, headers={"Location": "http://127.0.0.1:9/elsewhere"})

    with pytest.raises(RejectedError) as caught:
        put(server)
    assert asked == 1
    assert "very-secret" not in str(caught.value)


def test_a_name_that_is_taken_may_hold_these_very_bytes() -> None:
    assert put(well(412))[0] is False


@pytest.mark.parametrize("failure", [500, 503, 429, httpx.ReadError, httpx.ConnectError, httpx.WriteTimeout])
def test_it_goes_again_as_a_whole(failure: int | type[httpx.TransportError]) -> None:
    bodies: list[bytes] = []

    async def server(request: httpx.Request) -> httpx.Response:
        bodies.append(await request.aread())
        if len(bodies) < 3:
            if isinstance(failure, int):
                return httpx.Response(failure)
            raise failure(f"to {ADDRESS}")
        return httpx.Response(200)

    assert put(server)[0]
    assert bodies == [CONTENT] * 3


def test_it_is_given_up_after_ten_tries_without_showing_the_address() -> None:
    tries = 0

    async def server(request: httpx.Request) -> httpx.Response:
        nonlocal tries
        tries += 1
        raise httpx.ConnectError(f"to {ADDRESS}")

    with pytest.raises(UnavailableError) as caught:
        put(server)
    assert tries == 10
    assert "very-secret" not in str(caught.value)


def test_what_moves_is_a_sign_of_life() -> None:
    """A5: a run stops where for 60 seconds nobody was answered, and no upload moved."""

    async def main(slow: float) -> type[BaseException] | None:
        async def drops() -> AsyncGenerator[bytes, None]:
            for _ in range(10):
                await asyncio.sleep(slow)
                yield b"x"

        async def server(request: httpx.Request) -> httpx.Response:
            await request.aread()
            return httpx.Response(200 if request.method == "PUT" else 503)

        with virtual_client(server) as client:
            async with client:
                upload = asyncio.create_task(client.storage.put(ADDRESS, {}, 10, drops))
                while not upload.done():
                    try:
                        await client.retrieve(KINDS["task"], "tsk_1")
                    except OutageError as error:
                        upload.cancel()
                        return type(error)
                    except UnavailableError:
                        pass
                return None

    assert run(lambda: main(20)) is None
    assert run(lambda: main(70)) is OutageError


def test_a_lost_begin_is_not_sent_again_but_a_limited_one_is() -> None:
    """A5: a create that isn't promised to honour a key."""
    answers: list[object] = []

    async def server(request: httpx.Request) -> httpx.Response:
        found = answers.pop(0)
        if isinstance(found, httpx.Response):
            return found
        raise httpx.ReadError("cut")

    def begin() -> object:
        async def main() -> object:
            with virtual_client(server) as client:
                async with client:
                    return await client.begin_upload(KINDS["file"], {})

        return run(main)

    body = {
        "id": "fil_1",
        "status": "PENDING",
        "filename": "a",
        "mimeType": "text/plain",
        "sizeBytes": 1,
        "createdAt": "2026-11-02T10:00:00.000Z",
        "uploadUrl": ADDRESS,
        "uploadHeaders": {},
    }
    answers[:] = [httpx.Response(429), answer(body)]
    assert "very-secret" not in repr(begin())
    answers[:] = [None, answer(body)]
    with pytest.raises(UnavailableError):
        begin()
    assert len(answers) == 1


def test_a_download_is_hashed_as_it_passes() -> None:
    async def server(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/url"):
            return answer({"url": ADDRESS, "expiresAt": "2026-11-02T10:00:00.000Z"})
        assert "authorization" not in request.headers
        return httpx.Response(200, content=CONTENT)

    async def main() -> str:
        with virtual_client(server) as client:
            async with client:
                return await client.content(KINDS["file"], "fil_1")

    assert run(main) == sha256(CONTENT).hexdigest()

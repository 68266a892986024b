"""Answers that are no success, or no answer at all: the right error, in words for a person, never a traceback."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfsync.api import answers as api
from lfsync.api.client import Client, ClientSettings, Exchange
from lfsync.errors import (
    ApiError,
    CredentialsError,
    ForbiddenError,
    LfsyncError,
    NotFoundError,
    RejectedError,
    UnavailableError,
    UsageError,
)
from lfsync.kinds import KINDS
from tests.client.client_fakes import SECRET, answer, record, run, virtual_client

ACCOUNT = KINDS["account"]
Use = Callable[[Client], Coroutine[None, None, object]]


def failing(response: Callable[[], httpx.Response], use: Use) -> LfsyncError:
    async def handle(request: httpx.Request) -> httpx.Response:
        return response()

    async def main() -> LfsyncError:
        with virtual_client(handle) as client:
            async with client:
                with pytest.raises(LfsyncError) as caught:
                    await use(client)
                return caught.value

    return run(main)


def validate(client: Client) -> Coroutine[None, None, object]:
    return client.validate()


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (301, ApiError),
        (400, RejectedError),
        (401, CredentialsError),
        (403, ForbiddenError),
        (404, NotFoundError),
        (409, RejectedError),
        (415, RejectedError),
        (422, RejectedError),
        (429, UnavailableError),
        (500, UnavailableError),
        (503, UnavailableError),
        (504, UnavailableError),
    ],
)
@pytest.mark.parametrize("wrapped", [True, False])
def test_each_status_is_its_error_wrapped_or_flat(status: int, expected: type[ApiError], wrapped: bool) -> None:
    envelope = {"type": "a_type", "code": "a_code", "param": "fields.$name", "message": "said so"}
    body = {"error": envelope} if wrapped else envelope
    error = api.refusal("POST /v1/accounts", status, json.dumps(body).encode())
    assert type(error) is expected
    assert (error.status, error.type, error.code, error.param) == (status, "a_type", "a_code", "fields.$name")
    assert "POST /v1/accounts" in error.message
    assert "said so" in error.message or status == 301


@pytest.mark.parametrize(
    ("held", "who", "said", "unsaid"),
    [
        (False, "", "use a key with the scope meetings:update", "whoever"),
        (False, "an admin", "must be the key of an admin", "whoever"),
        (True, "an admin", "use the key of an admin", "meetings:update"),
        (True, "", "its scopes allow it", "meetings:update"),
    ],
)
def test_a_403_names_what_is_missing(held: bool, who: str, said: str, unsaid: str) -> None:
    """Sheet 11.2: scope or role missing; no code tells which, but the key's scopes are known by then."""
    body = b'{"type": "forbidden", "message": "No."}'
    error = api.refusal("POST /v1/meetings/m", 403, body, needs=("meetings:update",), held=held, who=who)
    text = f"{error.message} {error.hint}"
    assert said in text
    assert unsaid not in text
    assert "No. (403)" in error.message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b"\xff\xfe",
        b'{"error": null}',
        b'{"error": 5}',
        b'{"error": []}',
        b'{"error": {"message": {}, "code": [], "type": 1, "param": null}}',
        b'{"error": "text"}',
        b"<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>",
        b"[" * 100_000,
        b'{"error": {"message": "' + b"x" * 1_000_000 + b'"}}',
        b'{"error": {"message": "\\u001b[31mred\\u0000\\u202eevil\\nline"}}',
        b'{"error": {"message": "a", "candidates": [1, null, {}, {"stageLabel": 5}]}}',
        b'{"error": {"message": "a", "activePipelineIds": [1, null, {}]}}',
    ],
)
def test_any_body_gives_one_short_clean_line(body: bytes) -> None:
    error = api.refusal("GET /v1/accounts", 502, body)
    assert isinstance(error, UnavailableError)
    assert len(error.message) < 400
    assert error.message.isprintable()
    assert "<" not in error.message


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=80) | st.text(max_size=80).map(lambda text: json.dumps({"error": {"message": text}}).encode())
)
def test_no_body_breaks_the_reader(body: bytes) -> None:
    assert api.refusal("GET /v1/accounts", 400, body).message.isprintable()
    for parse in (api.parse_token, api.parse_object):
        with suppress(ApiError):
            parse("GET /v1/accounts", body)


def test_a_forbidden_request_names_its_scopes() -> None:
    error = failing(
        lambda: answer({"error": {"type": "forbidden", "message": "scope missing"}}, 403),
        lambda client: client.list(ACCOUNT, status="trashed"),
    )
    assert isinstance(error, ForbiddenError)
    assert "accounts:read and accounts:restore" in error.message
    assert error.exit_code == 4


def test_a_wrong_key_names_where_it_came_from() -> None:
    error = failing(lambda: answer({"error": {"type": "unauthorized", "message": "bad key"}}, 401), validate)
    assert isinstance(error, CredentialsError)
    assert error.hint is not None
    assert "LIGHTFIELD_API_KEY" in error.hint


def test_a_revoked_key_is_no_key() -> None:
    assert isinstance(failing(lambda: answer({"active": False, "scopes": []}), validate), CredentialsError)


def test_a_gateways_html_is_not_shown() -> None:
    error = failing(lambda: answer(b"<html><body>Bad gateway</body></html>", 502), validate)
    assert error.message == "an answer that is not JSON (502 to GET /v1/auth/validate)"


def test_candidates_become_the_hint() -> None:
    stage = {"stageOptionId": "opt_s1", "stageLabel": "Won", "pipelineId": "pd_new", "pipelineName": "New business"}
    envelope = {"error": {"type": "unprocessable_content", "code": "ambiguous_stage_label", "candidates": [stage]}}
    error = api.refusal("POST /v1/opportunities", 422, json.dumps(envelope).encode())
    assert error.hint == "candidates: Won of New business (opt_s1)"
    pipelines = api.refusal("POST /x", 422, b'{"error": {"activePipelineIds": ["pd_1", "pd_2"]}}')
    assert pipelines.hint == "active pipelines: pd_1, pd_2"


WRONG_SHAPES = [
    b"",
    b"<html></html>",
    b"null",
    b"[]",
    b"{}",
    b'{"data": {}, "totalCount": 1}',
    b'{"data": [], "totalCount": -1}',
    b'{"data": [], "totalCount": "many"}',
    b'{"data": [{"id": "a"}], "totalCount": 1}',
    b'{"data": [{"id": "", "createdAt": "x", "fields": {}}], "totalCount": 1}',
    b'{"data": [{"id": "a", "createdAt": "x", "fields": {"k": 1}}], "totalCount": 1}',
    b'{"data": [{"id": "a", "createdAt": "x", "fields": {"k": {}}}], "totalCount": 1}',
    b'{"data": [{"id": "a", "createdAt": "", "fields": {}, "relationships": {"r": {"values": [1]}}}], "totalCount": 1}',
    b'{"data": [{"id": "\xff", "createdAt": "x", "fields": {}}], "totalCount": 1}',
    b'{"data":' + b"[" * 100_000,
]


@pytest.mark.parametrize("body", WRONG_SHAPES)
def test_a_success_of_another_shape_is_said_so(body: bytes) -> None:
    error = failing(lambda: answer(body), lambda client: client.list(ACCOUNT))
    assert isinstance(error, ApiError)
    assert error.message.startswith("the answer to GET /v1/accounts is not what the API documents: ")
    assert error.message.isprintable()


def test_a_success_that_can_not_be_decompressed_is_said_so() -> None:
    # MockTransport would decode while building the response: a raw stream is what a network gives.
    class Raw(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"no gzip"

    error = failing(lambda: httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=Raw()), validate)
    assert "not what the API documents" in error.message


def test_redirects_are_not_followed() -> None:
    asked: list[str] = []

    async def handle(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return answer(status=307, headers={"Location": "https://evil.example/v1/auth/validate"})

    async def main() -> None:
        with virtual_client(handle) as client:
            async with client:
                await client.validate()

    with pytest.raises(ApiError, match="redirects are not followed"):
        run(main)
    assert asked == ["https://api.example/v1/auth/validate"]


# ---------------------------------------------------------------- the key


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 500])
def test_the_key_never_leaks(status: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    exchanges: list[Exchange] = []
    echo = {"error": {"type": SECRET, "code": SECRET, "param": SECRET, "message": f"bad key {SECRET}"}, SECRET: 1}

    async def handle(request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"] == f"Bearer {SECRET}"
        return answer(echo, status, {"Location": f"https://evil.example/{SECRET}"})

    async def main() -> ApiError:
        with virtual_client(handle, on_exchange=exchanges.append) as client:
            async with client:
                with pytest.raises(ApiError) as caught:
                    await client.list(ACCOUNT)
                assert SECRET not in repr(client)
                return caught.value

    error = run(main)
    shown = [repr(error), str(error), str(vars(error)), str(exchanges), caplog.text, repr(error.__cause__)]
    assert all(SECRET not in text for text in shown)


def test_settings_never_show_the_key() -> None:
    assert SECRET not in repr(ClientSettings(api_key=SECRET))


@pytest.mark.parametrize("key", ["", "   ", "sk lf", "sk_lf\nX-Evil: 1", "sk_lf_\u00e9", "sk\x00"])
def test_what_is_no_key_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(CredentialsError) as caught:
        Client(ClientSettings(api_key=key))
    assert len(key.strip()) < 2 or key not in str(caught.value)


# ---------------------------------------------------------------- where it may go


@pytest.mark.parametrize(
    "url",
    [
        "http://api.lightfield.app",
        "http://10.0.0.1:8787",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "ftp://api.example",
        "file:///etc/passwd",
        "api.lightfield.app",
        "",
        "https://",
        "https://user:secret@api.example",
        "https://api.example?x=1",
        "https://[::1",
    ],
)
def test_a_base_url_that_would_show_the_key_is_refused(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        Client(ClientSettings(url, SECRET))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.lightfield.app",
        "https://api.lightfield.app/v1/",
        "http://localhost:1",
        "http://127.0.0.1",
        "http://[::1]:80",
    ],
)
def test_https_and_this_machine_are_fine(url: str) -> None:
    async def main() -> None:
        async with Client(ClientSettings(url, SECRET)):
            pass

    asyncio.run(main())


@pytest.mark.parametrize("id", ["", ".", "..", "definitions", "merge"])
def test_an_id_that_is_another_endpoint_is_never_asked(id: str) -> None:
    async def handle(request: httpx.Request) -> httpx.Response:
        raise AssertionError(request.url)

    async def main() -> None:
        with virtual_client(handle) as client:
            async with client:
                assert await client.retrieve(ACCOUNT, id) is None
                with pytest.raises(NotFoundError):
                    await client.update(ACCOUNT, id, {}, "key")

    run(main)


@settings(max_examples=60, deadline=None)
@given(id=st.text(min_size=1, max_size=20).filter(lambda text: text not in {".", "..", "definitions", "merge"}))
def test_an_id_stays_one_segment_of_the_path(id: str) -> None:
    async def handle(request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode()
        assert path.startswith("/v1/accounts/")
        assert path.count("/") == 3
        assert "?" not in path
        return answer(record(id))

    async def main() -> str | None:
        with virtual_client(handle) as client:
            async with client:
                found = await client.retrieve(ACCOUNT, id)
                return found.id if found else None

    assert run(main) == id

"""Over real sockets: what a mock transport can't show."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from lfsync.api.client import Client, ClientSettings
from lfsync.errors import UnavailableError
from lfsync.kinds import KINDS
from tests.client.client_fakes import SECRET, record

TASK = KINDS["task"]


@asynccontextmanager
async def server(cut_first: int) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Answers every request with one task, but cuts the first connections once they have asked."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            asked.append(head)
            if len(asked) > cut_first:
                body = json.dumps(record("tsk_1")).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
                await writer.drain()
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", asked


def test_a_write_whose_answer_was_cut_goes_again_under_its_key() -> None:
    async def main() -> list[bytes]:
        async with server(cut_first=2) as (url, asked):
            async with Client(ClientSettings(url, SECRET), chance=lambda: 0.01) as client:
                answer = await client.create(TASK, {"fields": {"$title": "T"}}, "key-1")
                assert answer.record.id == "tsk_1"
            return asked

    asked = asyncio.run(main())
    assert len(asked) == 3
    assert all(b"Idempotency-Key: key-1\r\n" in head for head in asked)


def test_a_closed_port_is_told_soon() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"

    async def main() -> None:
        async with Client(ClientSettings(url, SECRET), chance=lambda: 0.1) as client:
            await client.validate()

    with pytest.raises(UnavailableError, match=f"no answer from {url} to GET /v1/auth/validate"):
        asyncio.run(main())


def test_a_proxy_of_the_environment_is_not_on_the_way_to_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")

    async def main() -> None:
        async with server(cut_first=0) as (url, _), Client(ClientSettings(url, SECRET)) as client:
            assert await client.retrieve(TASK, "tsk_1") is not None

    asyncio.run(main())


def test_a_proxy_that_can_not_be_used_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://proxy.example:1")
    with pytest.raises(Exception, match="proxy or certificates that the environment names"):
        Client(ClientSettings("https://api.example", SECRET))


def test_a_dead_proxy_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:hidden@127.0.0.1:{port}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("https_proxy", raising=False)

    async def main() -> None:
        async with Client(ClientSettings("https://api.example", SECRET), chance=lambda: 0.1) as client:
            await client.validate()

    with pytest.raises(UnavailableError, match=rf"through the proxy 127\.0\.0\.1:{port}") as caught:
        asyncio.run(main())
    assert "HTTPS_PROXY" in (caught.value.hint or "")
    assert "hidden" not in f"{caught.value} {caught.value.hint}"


def test_a_proxy_that_refuses_the_way_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async def main() -> None:
        proxy = await asyncio.start_server(refuse, "127.0.0.1", 0)
        async with proxy:
            for name in ("https_proxy", "no_proxy", "NO_PROXY"):
                monkeypatch.delenv(name, raising=False)
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
            async with Client(ClientSettings("https://api.example", SECRET), chance=lambda: 0.1) as client:
                await client.validate()

    with pytest.raises(UnavailableError, match=r"through the proxy 127\.0\.0\.1:\d+: 407"):
        asyncio.run(main())

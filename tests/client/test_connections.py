"""Connections: what one can do opens no second, whatever the requests are."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Sequence

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfsync.api.connections import Connections


class Server(httpx.AsyncBaseTransport):
    """Answers when it is told to, and notes how many ask one client at a time."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.served = 0
        self.at_once = 0
        self.closed = False
        self._under_way = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.served += 1
        self._under_way += 1
        self.at_once = max(self.at_once, self._under_way)
        try:
            await self.gate.wait()
        finally:
            self._under_way -= 1
        if request.url.path == "/fails":
            raise httpx.ConnectError("nobody there")
        return httpx.Response(200, content=request.url.path.encode())

    async def aclose(self) -> None:
        self.closed = True


class Lines:
    """Connections, and the servers that their clients ask."""

    def __init__(self) -> None:
        self.servers: list[Server] = []
        self.connections = Connections(self._made)

    def _made(self) -> httpx.AsyncClient:
        self.servers.append(Server())
        return httpx.AsyncClient(transport=self.servers[-1])

    async def batch(self, paths: Sequence[str]) -> list[httpx.Response | BaseException]:
        """All of them at once."""
        for server in self.servers:
            server.gate.clear()
        tasks = [
            asyncio.create_task(self.connections.send(httpx.Request("GET", f"http://server{path}"))) for path in paths
        ]
        while sum(server.served for server in self.servers) < self.sent + len(paths):
            await asyncio.sleep(0)
        self.sent += len(paths)
        for server in self.servers:
            server.gate.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    sent = 0


@given(st.lists(st.lists(st.sampled_from(["/a", "/b", "/fails"]), min_size=1, max_size=8), min_size=1, max_size=6))
def test_as_many_as_are_under_way_at_once_and_no_more(batches: list[list[str]]) -> None:
    async def sent() -> Lines:
        lines = Lines()
        for paths in batches:
            answers = await lines.batch(paths)
            for path, answer in zip(paths, answers, strict=True):
                if path == "/fails":
                    assert isinstance(answer, httpx.ConnectError)
                else:
                    assert isinstance(answer, httpx.Response)
                    assert answer.text == path
        await lines.connections.aclose()
        return lines

    lines = asyncio.run(sent())
    assert len(lines.servers) == max(map(len, batches))
    assert all(server.at_once <= 1 and server.closed for server in lines.servers)


def test_the_busy_one_is_used_again() -> None:
    """So that the others may idle until the server lets go of them, and none of them is looked at meanwhile."""

    async def served() -> list[int]:
        lines = Lines()
        await lines.batch(["/a"] * 4)
        before = [server.served for server in lines.servers]
        for _ in range(10):
            await lines.batch(["/b"])
        await lines.connections.aclose()
        return sorted(server.served - was for server, was in zip(lines.servers, before, strict=True))

    assert asyncio.run(served()) == [0, 0, 0, 10]


def test_an_answer_is_let_go_of_once_it_is_read() -> None:
    """No collector runs while a plan is made: the bytes of each page would stay to its end."""

    async def answered() -> weakref.ref[httpx.Response]:
        lines = Lines()
        lines.servers[0].gate.set()
        answer = await lines.connections.send(httpx.Request("GET", "http://server/a"))
        assert answer.content == b"/a"
        await lines.connections.aclose()
        return weakref.ref(answer)

    gc.disable()
    try:
        assert asyncio.run(answered())() is None
    finally:
        gc.enable()


def test_a_cancelled_request_gives_its_connection_back() -> None:
    async def served() -> Lines:
        lines = Lines()
        task = asyncio.create_task(lines.connections.send(httpx.Request("GET", "http://server/a")))
        while not lines.servers[0].served:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        lines.servers[0].gate.set()
        await lines.connections.send(httpx.Request("GET", "http://server/b"))
        return lines

    assert len(asyncio.run(served()).servers) == 1

"""The connections to one server: few, and busy. I/O.

httpx's pool looks at each of its connections, and asks the system about each idle one, whenever a request begins or
ends: with sixteen that was a fifth of what planning 10,000 resources costs. So each connection is a client of its own,
and of the idle ones the one goes first that was busy last: what one connection can do opens no second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx


class Connections:
    """As many connections as requests are under way at once. Close when done.

    `make` gives a client for one connection; in process, where connections mean nothing, it may be the same one again.
    """

    def __init__(self, make: Callable[[], httpx.AsyncClient]) -> None:
        self._make = make
        self._idle = [make()]
        self._open = set(self._idle)

    async def send(self, request: httpx.Request) -> httpx.Response:
        """The whole answer. Raises httpx.HTTPError."""
        client = self._idle.pop() if self._idle else self._make()
        self._open.add(client)
        try:
            response = await client.send(request)
            # The one that was read holds the response, as that holds it, so that the bytes would stay to the end.
            response.stream = httpx.ByteStream(response.content)
            return response
        finally:
            self._idle.append(client)

    async def aclose(self) -> None:
        """Lets go of all of them."""
        await asyncio.gather(*(client.aclose() for client in self._open))

"""Bytes to and from the presigned addresses that the API names (API sheet, section 4.9). I/O.

They lead to another server: no key and no header of Lightfield's goes there, redirects are not followed, and an address
is a secret, so that no message shows more than what it was for.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, aclosing, nullcontext
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

import httpx

from lfsync.api.retry import Reason, Retries, reason_of
from lfsync.api.wire import ClientSettings, Wire, clients, is_loopback
from lfsync.errors import ApiError, RejectedError, UnavailableError

Chunks: TypeAlias = Callable[[], AsyncGenerator[bytes, None]]
"""The bytes of an upload from the first one, each time it is called."""

_T = TypeVar("_T")
_DONE: Final = (200, 201, 204)
_TAKEN: Final = 412  # knowledge uploads ask for a free name, which these very bytes may have taken by now
_TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0, pool=None)
_AT_ONCE: Final = 4  # more share one line without being faster
_HEADER: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t -~\x80-\xff]*")


class Storage:
    """Uploads and downloads, with the retries and the one clock of silence that `wire` has for the API (rule A5)."""

    def __init__(
        self, wire: Wire, settings: ClientSettings, *, clock: Callable[[], float], chance: Callable[[], float]
    ) -> None:
        self._wire = wire
        self._settings = settings
        self._clock, self._chance = clock, chance
        self._clients: dict[tuple[str, bool], httpx.AsyncClient] = {}
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def close(self) -> None:
        """Lets go of all connections; the transport of a sandbox in process is the wire's."""
        if self._settings.transport is None:
            await asyncio.gather(*(client.aclose() for client in self._clients.values()))

    async def put(self, url: str, headers: Mapping[str, str], size: int, chunks: Chunks) -> bool:
        """Uploads `size` bytes, all of them anew with each try. False where the name is taken, maybe by these bytes.

        RejectedError for any other refusal; UnavailableError where no try was answered. What `chunks` raises is raised.
        """
        sent = [(name, value) for name, value in headers.items() if name.lower() != "content-length"]
        if not all(_HEADER.fullmatch(f"{name}: {value}") for name, value in sent):
            raise ApiError("the API asks for headers of an upload that can't be sent")

        def request(stack: AsyncExitStack) -> httpx.Request:
            body = self._watched(chunks())
            stack.push_async_callback(body.aclose)
            return _request("PUT", url, [*sent, ("Content-Length", str(size))], body)

        async def status(response: httpx.Response) -> int:
            return response.status_code

        return await self._send(request, status, "the upload", (*_DONE, _TAKEN)) != _TAKEN

    async def digest(self, url: str, keep: Path | None = None) -> str:
        """The sha256 in hex of what is there. Its bytes pass through; into `keep`, written anew with each try."""

        async def hashed(response: httpx.Response) -> str:
            sha256 = hashlib.sha256()
            with keep.open("wb") if keep else nullcontext() as file:
                async for chunk in response.aiter_bytes():
                    sha256.update(chunk)
                    if file:
                        file.write(chunk)
                    self._wire.silence.moved(self._clock())
            return sha256.hexdigest()

        return await self._send(lambda _: _request("GET", url, [], None), hashed, "the download", _DONE)

    async def _watched(self, chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        """The same chunks; each that is asked for tells that the one before went through."""
        async with aclosing(chunks):
            async for chunk in chunks:
                yield chunk
                self._wire.silence.moved(self._clock())

    async def _send(
        self,
        request: Callable[[AsyncExitStack], httpx.Request],
        read: Callable[[httpx.Response], Awaitable[_T]],
        what: str,
        good: tuple[int, ...],
    ) -> _T:
        async with self._slots:
            self._wire.silence.begin(self._clock())
            try:
                return await self._sent(request, read, what, good)
            finally:
                self._wire.silence.end(self._clock())

    async def _sent(
        self,
        request: Callable[[AsyncExitStack], httpx.Request],
        read: Callable[[httpx.Response], Awaitable[_T]],
        what: str,
        good: tuple[int, ...],
    ) -> _T:
        retries = Retries()
        while True:
            self._wire.stop_in_an_outage()
            try:
                async with AsyncExitStack() as stack:
                    made = request(stack)
                    response = await self._client(made.url).send(made, stream=True)
                    stack.push_async_callback(response.aclose)
                    if response.status_code in good:
                        self._wire.silence.answered(self._clock(), response.status_code)
                        return await read(response)
                error = _refused(what, response.status_code)
                reason = reason_of(response.status_code, None, 0.0)
            except httpx.TransportError as failure:
                # Its text may hold the address.
                error = UnavailableError(f"{what} was cut, and gave no answer ({type(failure).__name__})")
                reason = Reason("unanswered")
            retries.started = None  # however long an upload takes, it is begun again
            pause = retries.wait(self._clock(), self._chance(), reason)
            if pause is None:
                raise error
            await self._wire.rest(pause, error)

    def _client(self, url: httpx.URL) -> httpx.AsyncClient:
        way = (url.scheme, is_loopback(url.host))
        if way not in self._clients:
            self._clients[way] = clients(self._settings, f"{url.scheme}://{url.host}")()
        return self._clients[way]


def _request(
    method: str, url: str, headers: list[tuple[str, str]], content: AsyncIterator[bytes] | None
) -> httpx.Request:
    """Exactly this, and no header that a client adds on its own but Host."""
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL:
        raise ApiError("the API names an address for the bytes of a file that is none") from None
    if address.userinfo or not (address.scheme == "https" or (address.scheme == "http" and is_loopback(address.host))):
        raise ApiError(
            "the API names an address for the bytes of a file that is neither https nor on this machine",
            hint="Nothing is sent there.",
        )
    return httpx.Request(method, address, headers=headers, content=content, extensions={"timeout": _TIMEOUT.as_dict()})


def _refused(what: str, status: int) -> ApiError:
    if status == 429 or status >= 500 or status == 408:
        return UnavailableError(f"{what} was answered with {status}", status=status)
    redirect = " (redirects are not followed)" if 300 <= status < 400 else ""
    return RejectedError(f"{what} was refused with {status}{redirect}", status=status)

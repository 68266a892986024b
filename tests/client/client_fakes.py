"""A small stateful API behind httpx.MockTransport, and an event loop whose time is free."""

from __future__ import annotations

import asyncio
import json
import selectors
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any, TypeVar

import httpx

from lfsync.api.client import Client, ClientSettings, Watcher
from lfsync.api.wire import Exchange
from lfsync.model import JSON

T = TypeVar("T")
SECRET = "sk_lf_0_very-secret-indeed"
EPOCH = 1_793_610_000.0


class _NoWait(selectors.DefaultSelector):
    """Never waits: what would have been waited for is added to the loop's time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now += max(0.0, timeout or 0.0)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in which sleeping takes no time."""

    def __init__(self) -> None:
        self._free = _NoWait()
        super().__init__(self._free)

    def time(self) -> float:
        return self._free.now


def run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run `main` in virtual time."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main())
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def now() -> float:
    return asyncio.get_running_loop().time()


@contextmanager
def virtual_client(
    handler: Callable[[httpx.Request], Coroutine[None, None, httpx.Response]],
    *,
    api_key: str = SECRET,
    rate_share: float = 1.0,
    chance: Callable[[], float] = lambda: 0.5,
    on_exchange: Callable[[Exchange], None] | None = None,
    watcher: Watcher | None = None,
) -> Iterator[Client]:
    """A client in virtual time; enter it with `async with`."""
    settings = ClientSettings(
        "https://api.example", api_key, rate_share=rate_share, transport=httpx.MockTransport(handler)
    )
    yield Client(settings, clock=now, chance=chance, on_exchange=on_exchange, watcher=watcher)


def record(id: str, *, created: str = "2026-11-02T09:15:04.221Z", **fields: JSON) -> dict[str, object]:
    return {
        "id": id,
        "createdAt": created,
        "updatedAt": None,
        "httpLink": f"https://crm.example/{id}",
        "externalId": None,
        "fields": {f"${key}": {"value": value, "valueType": "TEXT"} for key, value in fields.items()},
        "relationships": {"$owner": {"cardinality": "has_one", "objectType": "member", "values": ["mem_1"]}},
    }


def answer(
    body: object = None, status: int = 200, headers: Mapping[str, str] | None = None, *, date: float | None = None
) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    dated = {} if date is None else {"Date": formatdate(date, usegmt=True)}
    return httpx.Response(status, content=content, headers={**dated, **(headers or {})})


@dataclass
class Tokens:
    """The server's own bucket: `limit` tokens, `limit` more a second."""

    limit: float
    level: float = field(init=False)
    at: float = 0.0
    refused: int = 0
    served: int = 0

    def __post_init__(self) -> None:
        self.level = self.limit

    def take(self, moment: float) -> bool:
        self.level = min(self.limit, self.level + (moment - self.at) * self.limit)
        self.at = moment
        # Refill in floats: 0.04 seconds at 25 a second are a hair less than one token.
        if self.level < 1 - 1e-6:
            self.refused += 1
            return False
        self.level -= 1
        self.served += 1
        return True

    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(int(self.limit)),
            "X-RateLimit-Remaining": str(int(max(0.0, self.level))),
            "X-RateLimit-Reset": str(int(EPOCH + self.at + 1)),
        }


@dataclass
class Shop:
    """Accounts of one workspace, newest first. `between` runs after each page: how the world moves
    meanwhile. `answered` are the rows as they were at the last page."""

    ids: list[str]
    between: Callable[[Shop, int], None] = lambda shop, pages: None
    latency: float = 0.01
    limit: float = 1_000_000
    pages: int = 0
    asked: list[httpx.Request] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    tokens: Tokens = field(init=False)

    def __post_init__(self) -> None:
        self.tokens = Tokens(self.limit)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        await asyncio.sleep(self.latency)
        if not self.tokens.take(now()):
            limited = {"type": "too_many_requests", "message": "slow down"}
            return answer(limited, 429, {**self.tokens.headers(), "Retry-After": "1"})
        return answer(self._page(request), headers=self.tokens.headers())

    def _page(self, request: httpx.Request) -> object:
        offset, limit = int(request.url.params["offset"]), int(request.url.params["limit"])
        rows = [record(id, name=id) for id in self.ids[offset : offset + limit]]
        body = {"object": "list", "data": rows, "totalCount": len(self.ids)}
        self.pages += 1
        self.answered = list(self.ids)
        self.between(self, self.pages)
        return body

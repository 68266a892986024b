"""What lfsync's client can send: every public method of it is called once for each kind, and nothing is answered.

The methods are found, not listed: one that is new is called as its signature says, and one that can't be called so
fails the test until `_VALUES` can.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

import httpx

from lfsync.api.client import Client, ClientSettings
from lfsync.errors import ApiError
from lfsync.kinds import KINDS, kind_of

# By annotation. Ids are as the SDK's are in its table, and so is the type of custom objects.
_VALUES: dict[str, list[object]] = {
    "Kind": [*KINDS.values(), kind_of("object.contacts")],
    "str": ["x"],
    "Mapping[str, JSON]": [{}],
}


class Sent(NamedTuple):
    """A request of one method of the client."""

    method: str
    verb: str
    path: str


def sent() -> frozenset[Sent]:
    """The first request of every public method of the client, for every kind of resource."""
    return frozenset(asyncio.run(_sent()))


def names() -> list[str]:
    """The public methods that can send something."""
    functions = inspect.getmembers(Client, inspect.isroutine)
    public = [(name, function) for name, function in functions if not name.startswith("_")]
    assert not [name for name, function in public if inspect.isasyncgenfunction(function)], "call these here too"
    return [name for name, function in public if inspect.iscoroutinefunction(function)]


async def _sent() -> list[Sent]:
    found: list[Sent] = []
    for name in names():
        before = len(found)
        for arguments in _arguments(name):
            found += [Sent(name, *request) for request in await _requests(name, arguments)]
        assert len(found) > before, f"Client.{name} sent nothing"
    return found


def _arguments(name: str) -> Iterator[dict[str, Any]]:
    """All ways to call a method with its required arguments alone."""
    parameters = list(inspect.signature(getattr(Client, name)).parameters.values())[1:]
    required = [parameter for parameter in parameters if parameter.default is parameter.empty]
    for parameter in required:
        known = parameter.annotation in _VALUES
        assert known, f"Client.{name} takes {parameter}: tell `_VALUES` what to call it with"
    for values in product(*(_VALUES[parameter.annotation] for parameter in required)):
        yield dict(zip((parameter.name for parameter in required), values, strict=True))


async def _requests(name: str, arguments: dict[str, Any]) -> list[tuple[str, str]]:
    asked: list[tuple[str, str]] = []

    async def refuse(request: httpx.Request) -> httpx.Response:
        asked.append((request.method, request.url.path))
        return httpx.Response(400, json={"type": "bad_request", "message": "it is only written down"})

    settings = ClientSettings("https://api.example", "sk_lf_x", transport=httpx.MockTransport(refuse))
    async with Client(settings) as client:
        try:
            await getattr(client, name)(**arguments)
        except ApiError:
            return asked
    raise AssertionError(f"Client.{name} takes a refusal for an answer")

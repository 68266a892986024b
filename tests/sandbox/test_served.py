"""The table SDK method x served, made from the vendor's SDK itself: what it would send, held against the routes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from lightfield import Lightfield

from lfsync.sandbox.app import operations
from tests.sandbox.box import KEY

_SENT: list[httpx.Request] = []
_OURS = {"extra_headers", "extra_query", "extra_body", "timeout"}
WHOLE = {"account", "contact", "opportunity", "task", "note", "list", "member", "meeting", "file", "auth"}


def _keep(request: httpx.Request) -> httpx.Response:
    _SENT.append(request)
    return httpx.Response(200, json={})


@pytest.fixture(scope="module")
def sdk() -> Iterator[Lightfield]:
    with (
        httpx.Client(transport=httpx.MockTransport(_keep)) as http,
        Lightfield(api_key=KEY, http_client=http) as client,
    ):
        yield client


def _methods(sdk: Lightfield) -> Iterator[tuple[str, str, Any]]:
    for resource in sorted(name for name in vars(type(sdk)) if not name.startswith(("_", "with_"))):
        found = getattr(sdk, resource)
        if not type(found).__name__.endswith("Resource"):
            continue
        for name in sorted(vars(type(found))):
            if not name.startswith(("_", "with_")):
                yield resource, name, getattr(found, name)


def _sent(method: Any) -> httpx.Request:
    """What a call with the least of arguments sends."""
    required = [
        parameter
        for parameter in inspect.signature(method).parameters.values()
        if parameter.default is inspect.Parameter.empty and parameter.name not in _OURS
    ]
    positional = ["x" for parameter in required if parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    named = {p.name: _value(str(p.annotation)) for p in required if p.kind is inspect.Parameter.KEYWORD_ONLY}
    _SENT.clear()
    method(*positional, **named)
    return _SENT[-1]


def _value(annotation: str) -> object:
    if annotation == "str" or annotation.startswith("Literal"):
        return "x"
    return 1 if annotation == "int" else {}


def _served(request: httpx.Request) -> bool:
    return any(
        operation.method == request.method and re.fullmatch(re.sub(r"{\w+}", "[^/]+", operation.path), request.url.path)
        for operation in operations()
    )


def test_every_method_is_served(sdk: Lightfield) -> None:
    table = {}
    for resource, name, method in _methods(sdk):
        request = _sent(method)
        table[resource, name] = _served(request)
        print(f"{f'{resource}.{name}':32} {request.method:6} {request.url.path:60} {table[resource, name]}")  # noqa: T201
    assert not [f"{resource}.{name}" for (resource, name), served in table.items() if resource in WHOLE and not served]
    assert {resource for resource, _ in table} >= WHOLE

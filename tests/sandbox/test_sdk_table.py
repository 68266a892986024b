"""The table "SDK method x served x tried", computed from the vendor's SDK: no method of a kept resource is left out.

Served: the request that the method sends has a route in the sandbox. Tried: a test of this folder calls the method with
strict response validation. Run with `-s` to see the table.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from lightfield import Lightfield
from lightfield._resource import SyncAPIResource
from starlette.routing import Match, Route

from tests.sandbox.box import KEY, Box

SERVED = (
    *("account", "contact", "opportunity", "task", "note", "list"),
    *("member", "meeting", "file", "object", "merge", "workflow_run", "auth"),
)
TRIED_IN = sorted(Path(__file__).parent.glob("test_sdk*.py"))
NOWHERE = "/{path:path}"


class Method(NamedTuple):
    """One method of the SDK, and the request that it sends."""

    resource: str
    name: str
    verb: str
    path: str


class Asked(Exception):  # noqa: N818 - no error: it ends the call once its request is known
    """What a method asked for."""

    def __init__(self, request: httpx.Request) -> None:
        super().__init__(str(request.url))
        self.request = request


def methods() -> Iterator[Method]:
    """Every method of every resource of the SDK's client."""

    def ask(request: httpx.Request) -> httpx.Response:
        raise Asked(request)

    with httpx.Client(transport=httpx.MockTransport(ask)) as http:
        client = Lightfield(api_key=KEY, base_url="http://sandbox", http_client=http, max_retries=0)
        for resource in sorted(name for name in vars(Lightfield) if not name.startswith(("_", "with_"))):
            value = getattr(client, resource)
            if isinstance(value, SyncAPIResource):
                yield from _methods(resource, value)


def _methods(resource: str, value: SyncAPIResource) -> Iterator[Method]:
    for name, function in inspect.getmembers(type(value), inspect.isfunction):
        if not name.startswith("_"):
            request = _request(getattr(value, name), inspect.signature(function))
            yield Method(resource, name, request.method, request.url.path)


def _request(call: Callable[..., object], signature: inspect.Signature) -> httpx.Request:
    """What a call with only the required arguments sends."""
    required = [p for p in signature.parameters.values() if p.default is p.empty and p.name != "self"]
    given = {parameter.name: "x" if parameter.annotation == "str" else {} for parameter in required}
    given |= {name: "contacts" for name in given if name == "entity_slug"}
    given |= {p.name: [] for p in required if str(p.annotation).startswith(("Iterable", "SequenceNotStr"))}
    cause: BaseException | None = None
    try:
        call(**given)
    except Exception as error:  # the SDK wraps what its transport raises
        cause = error
    while cause is not None and not isinstance(cause, Asked):
        cause = cause.__cause__ or cause.__context__
    assert cause, f"{call} sent nothing"
    return cause.request


def is_served(box: Box, method: Method) -> bool:
    scope = {"type": "http", "method": method.verb, "path": method.path}
    routes = [route for route in box.app.routes if isinstance(route, Route) and route.path != NOWHERE]
    return any(route.matches(scope)[0] is Match.FULL for route in routes)


@pytest.fixture(scope="module")
def tried() -> set[tuple[str, str]]:
    calls = re.compile(r"\b(?:sdk|scoped)\.(\w+)\.(\w+)\(")
    return {found for path in TRIED_IN for found in calls.findall(path.read_text(encoding="utf-8"))}


def test_every_method_of_what_is_managed_is_served_and_tried(box: Box, tried: set[tuple[str, str]]) -> None:
    table = [(method, is_served(box, method), method[:2] in tried) for method in methods()]
    for method, served, called in table:
        marks = f"{'served' if served else '-':8}{'tried' if called else '-':7}"
        print(f"{method.resource + '.' + method.name:40}{marks}{method.verb:7}{method.path}")  # noqa: T201
    print(f"{sum(served for _, served, _ in table)} of {len(table)} methods are served")  # noqa: T201
    assert {method.resource for method, _, _ in table} >= set(SERVED)
    missing = [f"{m.resource}.{m.name}" for m, served, _ in table if m.resource in SERVED and not served]
    untried = [f"{m.resource}.{m.name}" for m, _, called in table if m.resource in SERVED and not called]
    assert (missing, untried) == ([], [])

"""The table "SDK method x served x tried x used by lfsync", computed from the vendor's SDK: no method is left out.

Served: the request that the method sends has a route in the sandbox. Tried: a test of this folder calls the method with
strict response validation. Used: lfsync's own client can send the same request. Run with `-s` to see the table.
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

from lfsync.kinds import KINDS
from tests.sandbox import client_requests
from tests.sandbox.box import KEY, Box

SERVED = (
    *("account", "contact", "opportunity", "task", "note", "list"),
    *("member", "meeting", "file", "object", "merge", "workflow_run", "auth"),
)
LFSYNC = Path(__file__).parents[2] / "lfsync"
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


@pytest.fixture(scope="module")
def used() -> set[tuple[str, str]]:
    """Verb and path of what lfsync sends."""
    return {(request.verb, request.path) for request in client_requests.sent()}


def test_every_method_of_what_is_managed_is_served_and_tried(
    box: Box, tried: set[tuple[str, str]], used: set[tuple[str, str]]
) -> None:
    """Issue 7: served for all of account, contact, opportunity, task, note, list, member, meeting, file, object, merge,
    workflow run, auth."""
    table = [(m, is_served(box, m), m[:2] in tried, (m.verb, m.path) in used) for m in methods()]
    for method, served, called, sent in table:
        marks = f"{'served' if served else '-':8}{'tried' if called else '-':7}{'used' if sent else '-':6}"
        print(f"{method.resource + '.' + method.name:40}{marks}{method.verb:7}{method.path}")  # noqa: T201
    counts = (sum(served for _, served, _, _ in table), sum(sent for *_, sent in table))
    print(f"of {len(table)} methods {counts[0]} are served, {counts[1]} used by lfsync")  # noqa: T201
    assert {method.resource for method, *_ in table} >= set(SERVED)
    missing = [f"{m.resource}.{m.name}" for m, served, *_ in table if m.resource in SERVED and not served]
    untried = [f"{m.resource}.{m.name}" for m, _, called, _ in table if m.resource in SERVED and not called]
    unserved = [f"{m.resource}.{m.name}" for m, served, _, sent in table if sent and not served]
    assert (missing, untried, unserved) == ([], [], [])


def test_lfsync_uses_all_that_the_sdk_has_of_what_it_manages(used: set[tuple[str, str]]) -> None:
    """Issue 7: a tool that manages two thirds of a CRM is given up for a script that does all of it."""
    managed = {*KINDS, "object", "auth", "workflow_run"}
    unused = {f"{m.resource}.{m.name}" for m in methods() if m.resource in managed and (m.verb, m.path) not in used}
    # Which types of custom objects there are is what the files name; only import has to ask.
    assert unused == set()
    assert ("GET", "/v1/members") in used


def test_what_lfsync_is_said_to_use_is_called_somewhere() -> None:
    """A method of the client that no room calls would make the table lie."""
    source = "\n".join(path.read_text("utf-8") for path in LFSYNC.rglob("*.py") if path.parent.name != "api")
    uncalled = [name for name in client_requests.names() if not re.search(rf"client\.{name}\b", source)]
    assert uncalled == []

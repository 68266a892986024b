"""The emulator's one Starlette app: its route table, built from the table of kinds (API sheet, section 3)."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lfsync.errors import UsageError
from lfsync.kinds import MEMBER_KEYS, Kind
from lfsync.model import JSON
from lfsync.project.settings import SandboxSettings
from lfsync.sandbox import enrichment, files, histories, meetings, merges, objects, records, runs, searches, storage
from lfsync.sandbox import seed as seeds
from lfsync.sandbox.call import Call, Operation
from lfsync.sandbox.errors import not_found
from lfsync.sandbox.gate import Gate, StorageHandler
from lfsync.sandbox.kinds import KINDS
from lfsync.sandbox.quirks import Quirks, resolve
from lfsync.sandbox.store import Store
from lfsync.sandbox.workspace import Workspace

_EVERY_METHOD = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_MERGED = ("account", "contact", "opportunity")


def create_app(
    settings: SandboxSettings,
    *,
    database: str | Path,
    seed: Path | None,
    clock: Callable[[], float] = time.time,
) -> Starlette:
    """The emulator on one database; `seed` fills it only if it is new.

    Raises ConfigError for a bad seed, UsageError for an unknown quirk or a database that can't be opened.
    `app.state.close()` releases the database, `app.state.workspace` is the Workspace.
    """
    quirks = resolve(settings.quirks)
    plan = seeds.read(seed) if seed else seeds.EMPTY
    store = _store(database, clock, settings.random_seed)
    try:
        workspace = replace(
            _open(store, plan, quirks, round(settings.index_lag * 1000)),
            workflow_latency=round(settings.workflow_latency * 1000),
        )
    except BaseException:
        store.close()
        raise
    gate = Gate(workspace, settings, clock)
    rest = Route("/{path:path}", _endpoint(gate, _NOWHERE), methods=_EVERY_METHOD)
    routes = [*_sandbox_routes(gate), *_storage_routes(gate), *map(_route(gate), operations(quirks)), rest]
    app = Starlette(routes=routes)
    app.state.close = store.close
    app.state.workspace = workspace
    return app


def _store(database: str | Path, clock: Callable[[], float], random_seed: int | None) -> Store:
    try:
        return Store(database, clock, random_seed)
    except sqlite3.Error as error:
        raise UsageError(f"can't open the sandbox's database {database}: {error}") from error


def _open(store: Store, plan: seeds.Plan, quirks: Quirks, index_lag: int) -> Workspace:
    with store.transaction():
        known = store.meta("schema")
        if known is None:
            store.contents.clear()
            return seeds.plant(store, plan, quirks, index_lag)
    return seeds.planted(store, known, quirks, index_lag)


# ---------------------------------------------------------------- routes


def operations(quirks: Quirks) -> Iterator[Operation]:
    """Every endpoint, literal paths before those with an id."""
    yield Operation("GET", "/v1/auth/validate", _validate, "read")
    yield Operation("GET", "/v1/members", searches.members, "search", ("members:read",), "member")
    yield Operation("GET", "/v1/members/{id}", _retrieve_member, "read", ("members:read",), "member")
    yield Operation("GET", "/v1/merges/{id}", merges.retrieve, "read")
    yield from _file_operations(quirks)
    for kind in KINDS.values():
        yield from _literal_operations(kind)
        yield from _record_operations(kind)
    for target in MEMBER_KEYS:
        section = KINDS[target].section
        scopes = ("lists:read", f"{KINDS[target].scope}:read")
        yield Operation("GET", f"/v1/lists/{{id}}/{section}", searches.members_of(target), "search", scopes, "list")
    yield from objects.operations(quirks)
    yield Operation("GET", "/v1/workflowRun/{id}/status", runs.status, "read", versioned=False)


def _literal_operations(kind: Kind) -> Iterator[Operation]:
    path, scope, name = kind.path, kind.scope, kind.name
    listing = searches.lists if name == "list" else searches.records
    yield Operation("GET", path, listing, "search", (f"{scope}:read",), name)
    create = meetings.create if name == "meeting" else records.create
    yield Operation("POST", path, create, "write", (f"{scope}:create",), name, "create")
    if kind.definitions:
        yield Operation("GET", f"{path}/definitions", records.definitions, "read", (f"{scope}:read",), name)
    if name in _MERGED:
        both = (f"{scope}:update", f"{scope}:delete")
        yield Operation("POST", f"{path}/merge", merges.merge, "write", both, name, "merge")


def _record_operations(kind: Kind) -> Iterator[Operation]:
    path, scope, name = f"{kind.path}/{{id}}", kind.scope, kind.name
    yield Operation("GET", path, records.retrieve, "read", (f"{scope}:read",), name)
    # A meeting has rules of its own for every write.
    writes = meetings if name == "meeting" else records
    yield Operation("POST", path, writes.update, "write", (f"{scope}:update",), name, "update")
    yield Operation("DELETE", path, writes.delete, "write", (f"{scope}:delete",), name, "delete")
    if kind.restorable:
        yield Operation("POST", f"{path}/restore", writes.restore, "write", (f"{scope}:restore",), name, "restore")
    if name in _MERGED:
        history = f"{path}/fields/{{key}}/history"
        yield Operation("GET", history, histories.history, "read", (f"{scope}:read",), name)


def _file_operations(quirks: Quirks) -> Iterator[Operation]:
    path, one, create, read = "/v1/files", "/v1/files/{id}", ("files:create",), ("files:read",)
    yield Operation("GET", path, searches.files, "search", read, "file")
    keyed = quirks["file-idempotency"] == "honoured"
    yield Operation("POST", path, files.create, "write", create, "file", "create", keyed=keyed)
    yield Operation("GET", one, files.retrieve, "read", read, "file")
    yield Operation("GET", f"{one}/url", files.url, "read", read, "file")
    yield Operation("POST", f"{one}/complete", files.complete, "write", create, "file")
    yield Operation("POST", f"{one}/cancel", files.cancel, "write", create, "file")


def _validate(call: Call) -> JSON:
    return {
        "active": True,
        "tokenType": "api_key",
        "subjectType": "workspace",
        "scopes": [*sorted(call.scopes)],
    }


def _retrieve_member(call: Call) -> JSON:
    return call.workspace.views.one(call.workspace.find("member", call.path["id"]))


def _no_such_path(call: Call) -> JSON:
    raise not_found("There is no such path.")


_NOWHERE = Operation("GET", "", _no_such_path, "read")


# ---------------------------------------------------------------- wiring

Endpoint = Callable[[Request], Awaitable[Response]]


def _route(gate: Gate) -> Callable[[Operation], Route]:
    def route(operation: Operation) -> Route:
        return Route(operation.path, _endpoint(gate, operation), methods=[operation.method])

    return route


def _endpoint(gate: Gate, operation: Operation) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        return await gate.serve(request, operation)

    return endpoint


def _storage_routes(gate: Gate) -> Iterator[Route]:
    """The presigned addresses, which are no part of the API: no key, no limits."""

    def endpoint(handler: StorageHandler) -> Endpoint:
        async def served(request: Request) -> Response:
            return await gate.serve_storage(request, handler)

        return served

    yield Route(f"/{files.UPLOADS}/{{id}}", endpoint(storage.upload), methods=["PUT"])
    yield Route(f"/{files.DOWNLOADS}/{{id}}", endpoint(storage.download), methods=["GET"])


def _sandbox_routes(gate: Gate) -> Iterator[Route]:
    """Endpoints that only the sandbox has, free of faults, limits, latency and keys (rule X2)."""

    async def show_log(request: Request) -> Response:
        return JSONResponse(gate.log)

    async def reset(request: Request) -> Response:
        gate.log.clear()
        return JSONResponse({})

    async def show_enrichment(request: Request) -> Response:
        return JSONResponse({"events": enrichment.events(gate.workspace)})

    yield Route("/_sandbox/log", show_log, methods=["GET"])
    yield Route("/_sandbox/reset", reset, methods=["POST"])
    yield Route("/_sandbox/enrichment", show_enrichment, methods=["GET"])

"""What every request passes: log, faults, key, version, limits, scopes, body, idempotency, transaction."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Awaitable, Callable, Mapping
from email.utils import formatdate
from typing import TypeAlias
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response

from lfsync.model import JSON
from lfsync.project.settings import SandboxSettings
from lfsync.sandbox import enrichment, idempotency
from lfsync.sandbox.call import Call, Operation, need
from lfsync.sandbox.errors import CutError, FaultError, bad_request
from lfsync.sandbox.faults import Faults
from lfsync.sandbox.idempotency import Replies
from lfsync.sandbox.limits import Limits
from lfsync.sandbox.workspace import Workspace

StorageHandler: TypeAlias = Callable[[Workspace, Request], Awaitable[Response]]

VERSION = "2026-03-01"
ABORT = "lfsync.abort"  # the scope extension through which a server lets a connection be cut
CUT = 0  # the status that the log shows for a cut connection

_KEY = re.compile(r"Bearer sk_lf_(\S+)")
_SCOPED, _PLAIN = "scopes_", "role_member_"
_STORAGE = "storage"  # the log's category of requests to presigned addresses


class Gate:
    """One app's way in. `log` holds the requests in the order of their arrival; status None: still running."""

    def __init__(self, workspace: Workspace, settings: SandboxSettings, clock: Callable[[], float]) -> None:
        self.workspace = workspace
        self.log: list[dict[str, JSON]] = []
        self._clock = clock
        self._latency = settings.latency
        self._limits = Limits(settings.rps, clock)
        self._faults = Faults(settings.faults, settings.random_seed)
        self._replies = Replies(workspace.store)
        self._updating: set[str] = set()

    async def serve(self, request: Request, operation: Operation) -> Response:
        """Answers one request, or cuts its connection."""
        entry = self._enter(request, operation.category)
        trouble = self._faults.draw()
        if trouble == "cut-before":
            return await self._cut(request, entry)
        if trouble == "refuse":
            fault = self._faults.refusal()
            response = self._refusal(operation, fault, {"Retry-After": "0"} if fault.status == 429 else {})
        else:
            response = await self._answer(request, operation)
        if trouble == "cut-after":
            return await self._cut(request, entry)
        entry["status"] = response.status_code
        return response

    async def serve_storage(self, request: Request, handler: StorageHandler) -> Response:
        """Answers a request to a presigned address: with faults and latency, without key, limits and transaction."""
        entry = self._enter(request, _STORAGE)
        trouble = self._faults.draw()
        if trouble == "cut-before":
            await anext(request.stream(), b"")  # some of the bytes are on their way by then
            return await self._cut(request, entry)
        try:
            if trouble == "refuse":
                raise self._faults.refusal()
            if self._latency:
                await asyncio.sleep(self._latency)
            response = await handler(self.workspace, request)
        except FaultError as fault:
            response = _storage_refusal(fault)
        if trouble == "cut-after":
            return await self._cut(request, entry)
        response.headers["Date"] = self._date()
        entry["status"] = response.status_code
        return response

    def _enter(self, request: Request, category: str) -> dict[str, JSON]:
        query = request.url.query
        entry: dict[str, JSON] = {
            "time": self._clock(),
            "method": request.method,
            "path": f"{request.url.path}?{query}" if query else request.url.path,
            "status": None,
            "category": category,
            "idempotency_key": request.headers.get(idempotency.HEADER),
        }
        self.log.append(entry)
        return entry

    async def _cut(self, request: Request, entry: dict[str, JSON]) -> Response:
        """Drops the connection; in process, where there is none, the transport turns CutError into one."""
        entry["status"] = CUT
        abort = request.scope.get("extensions", {}).get(ABORT)
        if abort is None:
            raise CutError
        abort()
        await asyncio.sleep(0)  # lets the server notice, so that it drops what we return
        return Response(status_code=500)

    # ------------------------------------------------------------ answering

    async def _answer(self, request: Request, operation: Operation) -> Response:
        try:
            scopes, admin = _authenticate(request.headers)
            if operation.versioned:
                _check_version(request.headers)
            wait = self._limits.take(operation.category)
            if wait:
                return self._refusal(operation, FaultError(429, "Rate limit exceeded."), {"Retry-After": str(wait)})
            for scope in operation.scopes:
                need(scopes, scope)
            call = await self._call(request, operation, scopes, admin=admin)
            key = idempotency.check(request.headers.get(idempotency.HEADER))
            body, replayed = await self._perform(operation, call, key)
        except FaultError as fault:
            return self._refusal(operation, fault)
        marked = replayed and self.workspace.quirks["replay-header"] == "present"
        return self._response(200, body, operation, {"Idempotent-Replayed": "true"} if marked else {})

    def _refusal(self, operation: Operation, fault: FaultError, headers: Mapping[str, str] | None = None) -> Response:
        return self._response(fault.status, dumps(fault.body(self.workspace.quirks)), operation, headers or {})

    def _response(self, status: int, body: str, operation: Operation, extra: Mapping[str, str]) -> Response:
        limits = self._limits.headers(operation.category)
        headers = {"Date": self._date(), **limits, **extra}
        return Response(body, status, headers, "application/json")

    def _date(self) -> str:
        return formatdate(math.floor(self._clock()), usegmt=True)

    async def _call(self, request: Request, operation: Operation, scopes: frozenset[str], *, admin: bool) -> Call:
        return Call(
            workspace=self.workspace if admin else self.workspace.by_plain_member(),
            kind=operation.kind or request.path_params.get("slug", ""),
            path=request.path_params,
            query=tuple(request.query_params.multi_items()),
            body=_body(request.headers, await request.body()) if operation.category == "write" else {},
            scopes=scopes,
            base=str(request.base_url).rstrip("/"),
        )

    # ------------------------------------------------------------ performing

    async def _perform(self, operation: Operation, call: Call, key: str | None) -> tuple[str, bool]:
        """The answer's body, and whether it is a replay."""
        space = self._space(operation, call)
        if not key or not space:
            return await self._exclusive(operation, call, None), False
        found = self._replies.find(space, key)
        if found is not None:
            return found, True
        self._replies.begin(space, key)
        try:
            return await self._exclusive(operation, call, (space, key)), False
        finally:
            self._replies.end(space, key)

    def _space(self, operation: Operation, call: Call) -> str | None:
        """The namespace of a key: entity type and operation, by a quirk also the id."""
        quirks = self.workspace.quirks
        honoured = operation.verb in ("create", "update") or quirks["idempotent-deletes"] == "yes"
        if not operation.verb or not operation.keyed or not honoured:
            return None
        per_id = quirks["idempotency-namespace"] == "per-id"
        return f"{call.kind}:{operation.verb}" + (f":{call.path.get('id', '')}" if per_id else "")

    async def _exclusive(self, operation: Operation, call: Call, reply: tuple[str, str] | None) -> str:
        """The work, after the latency. By a quirk, an update is refused while another one of the record runs."""
        id = call.path.get("id", "") if operation.verb == "update" else ""
        if id in self._updating and self.workspace.quirks["concurrent-update"] == "conflict":
            raise FaultError(409, "The record is being updated by another request.")
        mine = bool(id) and id not in self._updating
        if mine:
            self._updating.add(id)
        try:
            if self._latency:
                await asyncio.sleep(self._latency)
            return self._work(operation, call, reply)
        finally:
            if mine:
                self._updating.discard(id)

    def _work(self, operation: Operation, call: Call, reply: tuple[str, str] | None) -> str:
        enrichment.run_due(self.workspace)
        if operation.category != "write":
            return dumps(operation.handler(call))
        partial: FaultError | None = None
        with self.workspace.store.transaction():
            try:
                body = dumps(operation.handler(call))
                if reply:
                    self._replies.keep(*reply, body)
            except FaultError as fault:
                if not fault.keeps_work:
                    raise
                partial = fault
        if partial:
            raise partial
        return body


def _authenticate(headers: Mapping[str, str]) -> tuple[frozenset[str], bool]:
    """The key's scopes, empty for full access, and whether its maker is an admin. Raises FaultError 401."""
    found = _KEY.fullmatch(headers.get("authorization", ""))
    if found is None or found[1] in (_SCOPED, _PLAIN + _SCOPED):
        raise FaultError(401, "Invalid API key.")
    admin, rest = not found[1].startswith(_PLAIN), found[1].removeprefix(_PLAIN)
    scopes = frozenset(rest.removeprefix(_SCOPED).split(",")) if rest.startswith(_SCOPED) else frozenset()
    return scopes, admin


def _check_version(headers: Mapping[str, str]) -> None:
    if headers.get("lightfield-version") != VERSION:
        raise bad_request("version_header", f"The Lightfield-Version header must be {VERSION}.", "Lightfield-Version")


def _body(headers: Mapping[str, str], raw: bytes) -> dict[str, JSON]:
    """The request's JSON object; nothing at all counts as an empty one. Raises FaultError 400 or 415."""
    if not raw.strip():
        return {}
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise FaultError(415, "The body must be application/json.")
    try:
        body: JSON = json.loads(raw, parse_constant=_refuse_constant)
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise bad_request("invalid_type", "The body is not valid JSON.") from error
    if not isinstance(body, dict):
        raise bad_request("invalid_type", "The body must be a JSON object.")
    return body


def _refuse_constant(word: str) -> float:
    raise ValueError(word)


def dumps(body: JSON) -> str:
    """As it goes over the wire."""
    return json.dumps(body, separators=(",", ":"))


def _storage_refusal(fault: FaultError) -> Response:
    """As object storage words it: no JSON."""
    body = f"<Error><Code>{fault.type}</Code><Message>{escape(fault.message)}</Message></Error>"
    return Response(body, fault.status, media_type="application/xml")

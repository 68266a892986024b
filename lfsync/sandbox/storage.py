"""The presigned addresses: PUT of an upload, GET of a download, streamed, without a key (API sheet, section 4.9).

As with any object storage, the signed headers must come exactly as they were asked for, and credentials of the API must
not: neither its key nor its version header belongs to another server.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from secrets import token_hex

from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response, StreamingResponse

from lfsync.model import JSON
from lfsync.sandbox import files
from lfsync.sandbox.errors import FaultError
from lfsync.sandbox.store import Row, Store
from lfsync.sandbox.workspace import Workspace

_BLOCK = 1024**2
# What HTTP clients send on their own; anything else must have been asked for.
_TRANSPORT = (
    *("accept", "accept-encoding", "accept-language", "cache-control", "connection", "content-length"),
    *("expect", "host", "keep-alive", "pragma", "te", "transfer-encoding", "user-agent"),
)


async def upload(workspace: Workspace, request: Request) -> Response:
    """PUT: takes the bytes in, all of them or none. Raises FaultError."""
    store = workspace.store
    row = _signed(store, request, files.UPLOADS)
    _check_pending(store, row)
    _check_headers(request.headers, row.fields["headers"])
    _check_length(request.headers, row)
    _check_collision(store, row)
    with store.contents.writer(row.id, token_hex(4)) as content:
        try:
            async for chunk in request.stream():
                content.write(chunk)
        except ClientDisconnect as error:
            raise FaultError(400, "The upload was cut.") from error
        if content.size != row.fields["sizeBytes"]:
            raise FaultError(400, f"There were {content.size} bytes.")
        row = _again(store, row)
        with store.transaction():
            fields: dict[str, JSON] = {**row.fields, "md5": content.keep()}
            store.update(row._replace(fields=fields))
            store.add_terms(files.LISTED, row.id, [("name", _name(row))])
    return Response(status_code=int(workspace.quirks["upload-answer"]))


def _again(store: Store, row: Row) -> Row:
    """The file as it is now that all bytes are here."""
    now = store.get(row.id)
    assert now is not None
    _check_pending(store, now)
    _check_collision(store, now)
    return now


def _check_pending(store: Store, row: Row) -> None:
    now = files.status(store, row)
    if now != "PENDING":
        raise FaultError(403, f"The upload is {now}.")


def _check_headers(headers: Mapping[str, str], asked: JSON) -> None:
    assert isinstance(asked, dict)
    for name in headers:
        if name == "authorization" or name.startswith("lightfield-"):
            raise FaultError(400, f"{name} does not belong here: the address is signed.")
        if name not in _TRANSPORT and name not in asked:
            raise FaultError(403, f"{name} is not among the signed headers.")
    for name, value in asked.items():
        if headers.get(name) != value:
            raise FaultError(403, f"{name} must be {value}.")


def _check_length(headers: Mapping[str, str], row: Row) -> None:
    length, size = headers.get("content-length"), row.fields["sizeBytes"]
    if length is None:
        raise FaultError(411, "Content-Length is missing.", type="length_required")
    if length != str(size):
        raise FaultError(400, f"The upload must have {size} bytes.")


def _check_collision(store: Store, row: Row) -> None:
    """`if-none-match: *`: the name must be free, and is not once these very bytes are there."""
    if "area" not in row.fields:
        return
    if any(store.contents.has(id) for id in store.with_term(files.LISTED, "name", _name(row))):
        raise FaultError(412, "There is a file of this name.", type="precondition_failed")


def _name(row: Row) -> str:
    return f"{row.fields.get('area', row.id)}/{row.fields['filename']}"


async def download(workspace: Workspace, request: Request) -> Response:
    """GET: the bytes of a completed file. Raises FaultError."""
    store = workspace.store
    row = _signed(store, request, files.DOWNLOADS)
    mime, size = str(row.fields["mimeType"]), int(str(row.fields["sizeBytes"]))
    if store.contents.has(row.id):
        return FileResponse(store.contents.path(row.id), media_type=mime)
    return StreamingResponse(_zeros(size), headers={"content-length": str(size)}, media_type=mime)


async def _zeros(size: int) -> AsyncIterator[bytes]:
    """The content of a file that a seed gives a size alone."""
    for start in range(0, size, _BLOCK):
        yield bytes(min(_BLOCK, size - start))


def _signed(store: Store, request: Request, what: str) -> Row:
    """The file that an address was signed for. Raises FaultError 403 for one that is no good, or no more."""
    id = str(request.path_params["id"])
    given = request.query_params.get("expires", "")
    expires = int(given) if given.isascii() and given.isdigit() and len(given) < 20 else 0
    row = store.get(id)
    if row is None or request.query_params.get("signature") != files.signature(store, what, id, expires):
        raise FaultError(403, "The signature does not match.")
    if store.now() >= expires:
        raise FaultError(403, "The address has expired.")
    return row

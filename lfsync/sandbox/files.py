"""Handlers of files: upload sessions, and what becomes of them (API sheet, section 4.9).

The bytes themselves go to and come from presigned addresses (storage.py). A file is a row of the store like a record,
so that its list trails writes as all lists do; one that was uploaded in the app is of another kind, and never listed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from lfsync.model import JSON
from lfsync.sandbox import rules
from lfsync.sandbox.call import Call
from lfsync.sandbox.errors import FaultError, bad_request, not_found, refused
from lfsync.sandbox.forms import iso
from lfsync.sandbox.quirks import Quirks
from lfsync.sandbox.store import Row, Store
from lfsync.sandbox.workspace import Workspace

LISTED, IN_APP = "file", "app-file"
KINDS = (LISTED, IN_APP)
MAX_SIZE = 512 * 1024**2
MAX_ATTACHMENT = 20 * 1024**2
MAX_NAME = 255
MIME = r"[a-zA-Z0-9.+_-]+/[a-zA-Z0-9.+_-]+( *;[ -~]*)?"
UPLOADS, DOWNLOADS = "_uploads", "_downloads"
_KNOWLEDGE = ("knowledge_user", "knowledge_workspace")
_TEXTS = ("text/plain", "text/vtt", "text/markdown", "application/x-subrip", "application/json")
_DOCUMENTS = (
    *(*_TEXTS, "text/csv", "text/html", "application/pdf", "application/msword", "image/png", "image/jpeg"),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
)
# What each purpose takes; nothing: every type (U28).
_PURPOSES: Mapping[str, tuple[str, ...]] = {
    "meeting_transcript": _TEXTS,
    "knowledge_user": _DOCUMENTS,
    "knowledge_workspace": _DOCUMENTS,
    "email_attachment": (),
}
_LIFETIMES = {"hour": 3_600_000, "short": 5_000}  # ms, of upload sessions and of download addresses


# ---------------------------------------------------------------- create


def create(call: Call) -> JSON:
    """POST /v1/files: a new upload session, with the address and the headers of its upload."""
    workspace, quirks = call.workspace, call.workspace.quirks
    filename, mime, size, purpose = _request(call)
    if purpose == "knowledge_workspace" and not workspace.caller.admin:
        raise FaultError(403, "Only admins can upload the workspace's knowledge.")
    now = workspace.store.now()
    headers: dict[str, JSON] = {"content-type": mime}
    if purpose in _KNOWLEDGE:
        filename = _stamped(filename, now)
        headers["if-none-match"] = "*"
    fields: dict[str, JSON] = {
        "filename": filename,
        "mimeType": mime,
        "sizeBytes": size,
        "status": "PENDING",
        "expires": now + _LIFETIMES[quirks["file-sessions"]],
        "headers": headers,
    }
    if purpose in _KNOWLEDGE:
        fields["area"] = purpose if purpose == "knowledge_workspace" else f"{purpose} {workspace.acting}"
    row = insert(workspace, LISTED, fields, created=now)
    return {**_shown(workspace.store, row), "uploadUrl": address(call, UPLOADS, row), "uploadHeaders": headers}


def insert(workspace: Workspace, kind: str, fields: dict[str, JSON], *, created: int, id: str | None = None) -> Row:
    """A new file."""
    row = Row(id or workspace.new_id("file"), kind, workspace.store.next_seq(), created, None, False, False, fields)
    workspace.store.insert(row)
    return row


def _request(call: Call) -> tuple[str, str, int, str | None]:
    """Name, type, size and purpose, checked."""
    body, quirks = call.body, call.workspace.quirks
    close(body, ("filename", "mimeType", "sizeBytes", "purpose"))
    for key in ("filename", "mimeType", "sizeBytes"):
        if body.get(key) in (None, ""):
            raise rules.missing(key, quirks)
    filename = _checked(body, "filename", lambda value: isinstance(value, str) and len(value) <= MAX_NAME)
    mime = _checked(body, "mimeType", lambda value: isinstance(value, str) and re.fullmatch(MIME, value))
    size = body["sizeBytes"]
    if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= MAX_SIZE:
        raise bad_request("invalid_type", f"sizeBytes is a whole number from 1 to {MAX_SIZE}.", "sizeBytes")
    purpose = body.get("purpose")
    if "purpose" in body:
        _checked(body, "purpose", lambda value: isinstance(value, str) and value in _PURPOSES)
        _check_purpose(str(purpose), str(mime), size, quirks)
    return str(filename), str(mime), size, None if purpose is None else str(purpose)


def close(body: Mapping[str, JSON], known: tuple[str, ...]) -> None:
    """Refuses a body that says more than this."""
    for key in body:
        if key not in known:
            raise bad_request("unknown_field", f"A request has no {key!r} here.", key)


def _checked(body: Mapping[str, JSON], key: str, good: Callable[[JSON], object]) -> JSON:
    if not good(body[key]):
        raise bad_request("invalid_type", f"{key} can't be {body[key]!r}.", key)
    return body[key]


def _check_purpose(purpose: str, mime: str, size: int, quirks: Quirks) -> None:
    allowed = _PURPOSES[purpose]
    if purpose == "email_attachment" and size > MAX_ATTACHMENT:
        raise refused(quirks, 422, f"{purpose}: at most {MAX_ATTACHMENT} bytes.", "sizeBytes")
    if quirks["file-types"] == "strict" and allowed and mime.partition(";")[0].strip().lower() not in allowed:
        raise refused(quirks, 422, f"{purpose} takes no {mime}.", "mimeType")


def _stamped(filename: str, now: int) -> str:
    """`plan.pdf` -> `plan-1793610000000.pdf`."""
    stem, dot, extension = filename.rpartition(".")
    if not stem:
        stem, dot, extension = filename, "", ""
    ending = f"-{now}{dot}{extension}"
    return stem[: MAX_NAME - len(ending)] + ending


# ---------------------------------------------------------------- complete, cancel


def complete(call: Call) -> JSON:
    """POST /{id}/complete: the bytes are there; their md5 is checked if the body has it."""
    workspace, quirks = call.workspace, call.workspace.quirks
    row = _find(workspace, call.path["id"])
    close(call.body, ("md5",))
    md5 = call.body.get("md5")
    if "md5" in call.body and not (isinstance(md5, str) and re.fullmatch("[0-9a-f]{32}", md5)):
        raise bad_request("invalid_type", "md5 is 32 hexadecimal digits in lower case.", "md5")
    now = status(workspace.store, row)
    if now == "COMPLETED" and quirks["complete-again"] == "noop":
        return _shown(workspace.store, row)
    if now != "PENDING":
        raise refused(quirks, 409, f"The upload is {now}.")
    if "md5" not in row.fields:
        raise refused(quirks, 422, "Nothing was uploaded.")
    if md5 is not None and md5 != row.fields["md5"]:
        raise _wrong_md5(workspace, row)
    return _shown(workspace.store, _ended(workspace, row, "COMPLETED"))


def _wrong_md5(workspace: Workspace, row: Row) -> FaultError:
    fault = FaultError(422, "The md5 is not that of what was uploaded.", param="md5")
    if workspace.quirks["md5-wrong"] == "cancelled":
        _ended(workspace, row, "CANCELLED")
        fault.keeps_work = True
    return fault


def cancel(call: Call) -> JSON:
    """POST /{id}/cancel: ends a pending upload."""
    workspace = call.workspace
    row = _find(workspace, call.path["id"])
    close(call.body, ())
    now = status(workspace.store, row)
    if now == "PENDING":
        row = _ended(workspace, row, "CANCELLED")
    elif workspace.quirks["cancel-ended"] == "error":
        raise refused(workspace.quirks, 409, f"The upload is {now}.")
    return _shown(workspace.store, row)


def _ended(workspace: Workspace, row: Row, end: str) -> Row:
    fields: dict[str, JSON] = {**row.fields, "status": end, "expires": None}
    if end == "COMPLETED":
        fields["completedAt"] = workspace.store.now()
    else:
        workspace.store.contents.drop(row.id)
    ended = row._replace(fields=fields)
    workspace.store.update(ended)
    return ended


# ---------------------------------------------------------------- reading


def retrieve(call: Call) -> JSON:
    """GET /{id}: any file, those from the app too."""
    return _shown(call.workspace.store, _find(call.workspace, call.path["id"]))


def url(call: Call) -> JSON:
    """GET /{id}/url: where to download a completed file, for a while."""
    workspace = call.workspace
    row = _find(workspace, call.path["id"])
    if status(workspace.store, row) != "COMPLETED":
        raise refused(workspace.quirks, 409, "The file is not completed.")
    expires = workspace.store.now() + _LIFETIMES[workspace.quirks["file-sessions"]] // 2
    return {"url": address(call, DOWNLOADS, row, expires), "expiresAt": iso(expires)}


def show(store: Store, rows: list[Row]) -> list[JSON]:
    """As the list shows them."""
    return [_shown(store, row) for row in rows]


def _find(workspace: Workspace, id: str) -> Row:
    row = workspace.store.get(id)
    if row is None or row.kind not in KINDS:
        raise not_found(f"There is no file {id!r}.")
    return row


def status(store: Store, row: Row) -> str:
    """PENDING turns EXPIRED by itself."""
    pending = row.fields["status"] == "PENDING"
    return "EXPIRED" if pending and store.now() >= expiry(row) else str(row.fields["status"])


def expiry(row: Row) -> int:
    """When the session of a pending upload ends, in milliseconds."""
    return int(str(row.fields["expires"]))


def _shown(store: Store, row: Row) -> dict[str, JSON]:
    now, completed = status(store, row), row.fields.get("completedAt")
    return {
        "id": row.id,
        "status": now,
        "filename": row.fields["filename"],
        "mimeType": row.fields["mimeType"],
        "sizeBytes": row.fields["sizeBytes"],
        "createdAt": iso(row.created),
        "completedAt": None if completed is None else iso(int(str(completed))),
        "expiresAt": iso(expiry(row)) if now == "PENDING" else None,
    }


# ---------------------------------------------------------------- presigned addresses


def address(call: Call, what: str, row: Row, expires: int | None = None) -> str:
    """A presigned address on the server that the request came to."""
    expires = expiry(row) if expires is None else expires
    signed = signature(call.workspace.store, what, row.id, expires)
    return f"{call.base}/{what}/{row.id}?expires={expires}&signature={signed}"


def signature(store: Store, what: str, id: str, expires: int) -> str:
    """What proves that an address was made here."""
    return store.signature(f"{what}/{id}/{expires}")

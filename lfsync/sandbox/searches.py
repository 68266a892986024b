"""Handlers of the list endpoints, which read the index that lags (API sheet, section 8)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lfsync.model import JSON
from lfsync.sandbox import filters, links
from lfsync.sandbox.call import PAGE, Call
from lfsync.sandbox.catalog import kind_row
from lfsync.sandbox.errors import bad_request
from lfsync.sandbox.files import LISTED, show
from lfsync.sandbox.kinds import KINDS
from lfsync.sandbox.schema import MEMBERSHIP
from lfsync.sandbox.store import Row
from lfsync.sandbox.workspace import Workspace

_MAX = 2**53 - 1
_LIMITED = ("list", "note")  # whose limit has a maximum in the API's schema, members of lists too (API sheet 8.1)


def records(call: Call) -> JSON:
    """GET of a kind's records, filtered where its list takes filters."""
    return _listed(call, _filter_query(call), trashed=_trashed(call))


def objects(call: Call) -> JSON:
    """GET of a type's records. No `status` here: the trash can't be listed (API sheet 4.10)."""
    kind = call.workspace.kind(call.kind)
    query = [(key, value) for key, value in call.query if key not in ("limit", "offset")]
    if "status" not in kind.fields and call.parameter("status") is not None:
        if call.workspace.quirks["object-status"] == "rejected":
            raise bad_request("unknown_field", "'status' is no parameter of this list.", "status")
        query = [(key, value) for key, value in query if key != "status"]
    return _listed(call, query, trashed=False)


def _listed(call: Call, query: list[tuple[str, str]], *, trashed: bool) -> JSON:
    workspace = call.workspace
    window = _window(call)
    at = workspace.index_time(fresh=trashed and workspace.quirks["trash-lag"] == "fresh")
    if query or (call.kind == "meeting" and workspace.hides_private):
        kind = workspace.kind(call.kind)
        found = filters.find(
            workspace.store,
            kind,
            filters.parse(kind, query, workspace.quirks),
            workspace.quirks,
            trashed=trashed,
            hidden=workspace.sees_hidden,
            at=at,
        )
        return _cut(workspace, [row for row in found if not workspace.kept_from_caller(row)], window, at)
    return _page(workspace, call.kind, trashed=trashed, window=window, at=at)


def lists(call: Call) -> JSON:
    """GET /v1/lists: no status, no filters."""
    at = call.workspace.index_time()
    return _page(call.workspace, "list", trashed=False, window=_window(call), at=at)


def files(call: Call) -> JSON:
    """GET /v1/files: those made through the API; no status, no filters."""
    store, at, window = call.workspace.store, call.workspace.index_time(), _window(call)
    total = store.count(LISTED, trashed=False, hidden=False, at=at)
    _check_offset(call.workspace, window[0], total)
    order = call.workspace.quirks["tie-break"]
    rows = store.page(LISTED, trashed=False, hidden=False, at=at, window=window, order=order)
    return {"object": "list", "data": show(store, rows), "totalCount": total}


def members(call: Call) -> JSON:
    """GET /v1/members; whether inactive ones are listed is an open question (U29)."""
    workspace, at = call.workspace, call.workspace.index_time()
    if workspace.quirks["inactive-members"] == "hidden":
        return _page(workspace, "member", trashed=False, window=_window(call), at=at)
    everyone = [
        row for trashed in (False, True) for row in workspace.store.scan("member", trashed=trashed, hidden=False, at=at)
    ]
    return _cut(workspace, everyone, _window(call), at)


def members_of(kind: str) -> Callable[[Call], JSON]:
    """The handler of GET /v1/lists/{listId}/{section of this kind}: full records of the list's members."""

    def handler(call: Call) -> JSON:
        workspace = call.workspace
        found = workspace.live("list", call.path["id"], "trashed-retrieve")
        at = workspace.index_time(fresh=workspace.quirks["membership-lag"] == "fresh")
        offset, limit = _window(call)
        if links.members_key(found.fields["$objectType"]) != f"${KINDS[kind].section}":
            return _envelope(workspace, [], 0, at)
        ids = workspace.store.live_linked(
            MEMBERSHIP, found.id, hidden=workspace.sees_hidden, at=at, order=workspace.quirks["tie-break"]
        )
        _check_offset(workspace, offset, len(ids))
        shown = workspace.store.rows(ids[offset : offset + limit], at)
        ordered = sorted(shown, key=_ORDERS[workspace.quirks["tie-break"]])
        return _envelope(workspace, ordered, len(ids), at)

    return handler


# ---------------------------------------------------------------- parameters


def _window(call: Call) -> tuple[int, int]:
    limit = call.number("limit", PAGE, 1, _MAX)
    if limit > PAGE and (call.kind in _LIMITED or call.workspace.quirks["list-limit"] == "reject"):
        raise bad_request("invalid_type", f"limit is at most {PAGE}.", "limit")
    return call.number("offset", 0, 0, _MAX), min(limit, PAGE)


def _trashed(call: Call) -> bool:
    status = call.parameter("status") or "active"
    if status not in ("active", "trashed"):
        raise bad_request("invalid_type", "status is active or trashed.", "status")
    if status == "trashed":
        call.need(f"{kind_row(call.kind).scope}:restore")
    return status == "trashed"


def _filter_query(call: Call) -> list[tuple[str, str]]:
    query = [(key, value) for key, value in call.query if key not in filters.RESERVED]
    answer = call.workspace.quirks["task-filters"]
    if not query or kind_row(call.kind).filterable or answer == "honoured":
        return query
    if answer == "rejected":
        raise bad_request("unknown_field", f"{query[0][0]!r} is no parameter of this list.", query[0][0])
    return []


# ---------------------------------------------------------------- pages


def _page(workspace: Workspace, kind: str, *, trashed: bool, window: tuple[int, int], at: int) -> JSON:
    store, hidden = workspace.store, workspace.sees_hidden
    total = store.count(kind, trashed=trashed, hidden=hidden, at=at)
    _check_offset(workspace, window[0], total)
    order = workspace.quirks["tie-break"]
    rows = store.page(kind, trashed=trashed, hidden=hidden, at=at, window=window, order=order)
    return _envelope(workspace, rows, total, at)


def _cut(workspace: Workspace, rows: Iterable[Row], window: tuple[int, int], at: int) -> JSON:
    ordered = sorted(rows, key=_ORDERS[workspace.quirks["tie-break"]])
    offset, limit = window
    _check_offset(workspace, offset, len(ordered))
    return _envelope(workspace, ordered[offset : offset + limit], len(ordered), at)


_ORDERS: dict[str, Callable[[Row], tuple[int, int | str]]] = {
    "newest-first": lambda row: (-row.created, -row.seq),
    "oldest-first": lambda row: (-row.created, row.seq),
    "by-id": lambda row: (-row.created, row.id),
}


def _check_offset(workspace: Workspace, offset: int, total: int) -> None:
    if offset > total and workspace.quirks["offset-past-end"] == "reject":
        raise bad_request("invalid_type", f"offset is past the last of {total} records.", "offset")


def _envelope(workspace: Workspace, rows: list[Row], total: int, at: int) -> JSON:
    return {"object": "list", "data": workspace.views.several(rows, at), "totalCount": total}

"""The field history: what a field held, newest first (API sheet, section 4.14)."""

from __future__ import annotations

import json
from itertools import groupby

from lfsync.model import JSON
from lfsync.sandbox.call import Call
from lfsync.sandbox.errors import bad_request, refused
from lfsync.sandbox.forms import display, iso
from lfsync.sandbox.schema import FieldSpec

DEFAULT_PAGE, MAX_PAGE = 20, 100


def history(call: Call) -> JSON:
    """GET /{id}/fields/{fieldKey}/history."""
    workspace, key = call.workspace, call.path["key"]
    row = workspace.live(call.kind, call.path["id"], "trashed-retrieve")
    kind = workspace.kind(call.kind)
    spec = kind.fields.get(key)
    if spec is None and key not in kind.relationships:
        raise bad_request("unknown_field", f"{call.kind} has no field {key!r}.", key)
    if spec is None or not spec.has_history:
        raise refused(workspace.quirks, 400, f"{key} has no history.", key)
    sql = "SELECT n, at, value FROM history WHERE id = ? AND key = ? ORDER BY n"
    entries = workspace.store.execute(sql, row.id, key).fetchall()
    newest_first = [next(group) for _, group in groupby(entries, key=lambda entry: str(entry[2]))][::-1]
    return _page(call, spec, newest_first, row.created)


def _page(call: Call, spec: FieldSpec, entries: list[tuple[int, int, str]], created: int) -> JSON:
    limit = call.number("limit", DEFAULT_PAGE, 1, MAX_PAGE)
    after = call.number("after", 2**53, 0, 2**53)
    older = [entry for entry in entries if entry[0] < after]
    shown = older[:limit]
    more = len(older) > limit
    whole = len(shown) == len(entries)
    return {
        "data": [_entry(spec, entry, is_create=whole and entry[1] == created) for entry in shown],
        "hasMore": more,
        "nextCursor": str(shown[-1][0]) if more else None,
    }


def _entry(spec: FieldSpec, entry: tuple[int, int, str], *, is_create: bool) -> JSON:
    value = json.loads(entry[2])
    return {
        "value": value,
        "valueType": spec.type,
        "displayValue": display(spec, value),
        "recordedAt": iso(entry[1]),
        "isCreate": is_create,
    }

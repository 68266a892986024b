"""Merging two records of one kind, and reading a merge back (API sheet, section 4.11)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast

from lfsync.model import JSON
from lfsync.sandbox import rules
from lfsync.sandbox.call import Call
from lfsync.sandbox.errors import bad_request, not_found, refused
from lfsync.sandbox.forms import iso
from lfsync.sandbox.schema import MEMBERSHIP, End, FieldSpec
from lfsync.sandbox.store import FOREVER, Link, Row
from lfsync.sandbox.workspace import Workspace

_KEYS = ("primaryId", "duplicateId", "fieldResolutions", "options")
_UNION = "multiSelectUnion"


def merge(call: Call) -> JSON:
    """POST /merge: the primary stays, the duplicate's links move to it and the duplicate goes to the trash."""
    workspace = call.workspace
    primary, duplicate = _pair(call)
    moved = _resolved(workspace, primary, duplicate, call.body)
    repointed, warnings = _repoint(workspace, primary, duplicate)
    workspace.trash(duplicate, True)
    kept = workspace.change(primary, moved, linked=bool(repointed))
    written = sum(1 for key, value in moved.items() if primary.fields.get(key) != value)
    summary = {"fieldWriteCount": written, "syncRepointedCount": repointed, "warnings": cast(JSON, warnings)}
    return {
        "merge": {"id": _keep(workspace, primary, duplicate), "status": "cleanup_pending"},
        "primary": workspace.views.one(kept),
        "summary": cast(JSON, summary),
    }


def _pair(call: Call) -> tuple[Row, Row]:
    for key in call.body:
        if key not in _KEYS:
            raise bad_request("unknown_field", f"A merge has no {key!r}.", key)
    rows = [_named(call, key) for key in ("primaryId", "duplicateId")]
    if rows[0].id == rows[1].id:
        raise bad_request("invalid_configuration", "A record can't be merged with itself.", "duplicateId")
    if call.kind == "opportunity" and len({_account(call.workspace, row) for row in rows}) > 1:
        raise refused(call.workspace.quirks, 422, "Both opportunities must be on one account.", "duplicateId")
    return rows[0], rows[1]


def _named(call: Call, key: str) -> Row:
    id = call.body.get(key)
    if id is None:
        raise bad_request("parameter_missing", f"{key} is required.", key)
    if not isinstance(id, str):
        raise bad_request("invalid_type", f"{key} must be an id.", key)
    return call.workspace.live(call.kind, id, "trashed-update")


def _account(workspace: Workspace, row: Row) -> str:
    return ",".join(workspace.store.linked("opportunity.$account", row.id, source=True))


# ---------------------------------------------------------------- fields


def _resolved(workspace: Workspace, primary: Row, duplicate: Row, body: Mapping[str, JSON]) -> dict[str, JSON]:
    """The fields that the primary takes on: its gaps from the duplicate, and what the body decides."""
    kind = workspace.kind(primary.kind)
    union = _union(body.get("options", {}))
    moved = {
        key: _default(spec, primary.fields.get(key), duplicate.fields.get(key), union=union)
        for key, spec in kind.fields.items()
        if spec.stored and spec.writable
    }
    resolutions = body.get("fieldResolutions", {})
    if not isinstance(resolutions, dict):
        raise bad_request("invalid_type", "fieldResolutions must be an object.", "fieldResolutions")
    for key, choice in resolutions.items():
        moved.update(_chosen(workspace, primary, duplicate, key, choice))
    return {key: value for key, value in moved.items() if primary.fields.get(key) != value}


def _union(options: JSON) -> bool:
    if not isinstance(options, dict):
        raise bad_request("invalid_type", "options must be an object.", "options")
    for key in options:
        if key != _UNION:
            raise bad_request("unknown_field", f"options have no {key!r}.", f"options.{key}")
    chosen = options.get(_UNION, False)
    if not isinstance(chosen, bool):
        raise bad_request("invalid_type", f"{_UNION} must be true or false.", f"options.{_UNION}")
    return chosen


def _default(spec: FieldSpec, mine: JSON, other: JSON, *, union: bool) -> JSON:
    if union and spec.type == "MULTI_SELECT" and isinstance(mine, list) and isinstance(other, list):
        return [*mine, *(item for item in other if item not in mine)]
    return other if mine is None else mine


def _chosen(workspace: Workspace, primary: Row, duplicate: Row, key: str, choice: JSON) -> dict[str, JSON]:
    kind = workspace.kind(primary.kind)
    param = f"fieldResolutions.{key}"
    if key not in kind.fields:
        raise bad_request("unknown_field", f"{kind.name} has no field {key!r}.", param)
    if choice in ("primary", "duplicate"):
        return {key: (primary if choice == "primary" else duplicate).fields.get(key)}
    if isinstance(choice, dict) and set(choice) == {"value"}:
        return rules.fields(kind, {key: choice["value"]}, workspace.quirks, before=primary)
    raise bad_request("invalid_type", f"{param} is 'primary', 'duplicate' or an object with a value.", param)


# ---------------------------------------------------------------- links


def _repoint(workspace: Workspace, primary: Row, duplicate: Row) -> tuple[int, list[str]]:
    """Moves the duplicate's links. The number of records that now point at the primary, and what was dropped."""
    store, singles = workspace.store, _singles(workspace, primary.kind)
    moved: set[str] = set()
    warnings = []
    for link in store.links([duplicate.id], FOREVER - 1):
        here = End(link.edge, source=link.src == duplicate.id)
        other = link.dst if here.source else link.src
        store.unlink(link)
        if here in singles and store.linked(link.edge, primary.id, source=here.source):
            warnings.append(f"{singles[here]} of the duplicate was dropped.")
        elif other != primary.id and _point(workspace, link, primary, duplicate):
            moved.add(other)
    return len(moved), warnings


def _singles(workspace: Workspace, kind: str) -> dict[End, str]:
    """The ends on which a record holds one link only, under the key by which this kind shows them."""
    every = [rel for spec in workspace.schema.kinds.values() for rel in spec.relationships.values()]
    written = [(rel, rel.ends[0]) for rel in every if rel.ends]
    single = {end for rel, end in written if not rel.near_many}
    single |= {End(end.edge, not end.source) for rel, end in written if not rel.far_many}
    shown = {end: rel.key for rel in workspace.kind(kind).relationships.values() for end in rel.ends}
    return {end: shown.get(end, end.edge) for end in single}


def _point(workspace: Workspace, link: Link, primary: Row, duplicate: Row) -> bool:
    src = primary.id if link.src == duplicate.id else link.src
    dst = primary.id if link.dst == duplicate.id else link.dst
    if dst not in workspace.store.linked(link.edge, src, source=True):
        workspace.store.link(link.edge, src, dst)
    return link.edge != MEMBERSHIP


# ---------------------------------------------------------------- the merge itself


def _keep(workspace: Workspace, primary: Row, duplicate: Row) -> str:
    store = workspace.store
    id, at = store.new_id("mrg_"), store.now()
    body = {"id": id, "entityType": primary.kind, "primaryId": primary.id, "duplicateId": duplicate.id}
    store.execute("INSERT INTO merges VALUES (?,?,?)", id, at, json.dumps(body))
    return id


def retrieve(call: Call) -> JSON:
    """GET /v1/merges/{id}: the clean-up is done by the time anybody asks."""
    found = call.workspace.store.execute("SELECT at, body FROM merges WHERE id = ?", call.path["id"]).fetchone()
    if found is None:
        raise not_found("There is no such merge.")
    at, body = iso(int(found[0])), json.loads(found[1])
    return {**body, "status": "done", "createdAt": at, "updatedAt": at}

"""Handlers of single records: create, retrieve, update, delete, restore (API sheet, sections 3 and 4)."""

from __future__ import annotations

from collections.abc import Mapping

from lfsync.model import JSON
from lfsync.sandbox import enrichment, links, rules
from lfsync.sandbox.call import Call
from lfsync.sandbox.catalog import kind_row
from lfsync.sandbox.errors import FaultError, refused
from lfsync.sandbox.links import Op
from lfsync.sandbox.schema import definitions as shown_definitions
from lfsync.sandbox.store import Row
from lfsync.sandbox.workspace import Workspace


def definitions(call: Call) -> JSON:
    """GET /definitions."""
    return shown_definitions(call.workspace.kind(call.kind), call.workspace.quirks)


def retrieve(call: Call) -> JSON:
    """GET /{id}: always fresh."""
    workspace = call.workspace
    return workspace.views.one(workspace.live(call.kind, call.path["id"], "trashed-retrieve"))


def create(call: Call) -> JSON:
    """POST: a new record, enriched later unless the body skips it."""
    workspace, kind = call.workspace, call.workspace.kind(call.kind)
    enriched = kind_row(call.kind).enriched
    write = rules.Write(call.body, ("skipEnrichment",) if enriched else ())
    rules.require(write, kind, workspace.quirks)
    formed = rules.fields(kind, write.fields, workspace.quirks)
    ops = links.for_create(kind, write.relationships, workspace.quirks)
    links.check(workspace.store, kind, ops, workspace.quirks, id=None)
    id = workspace.new_id(call.kind)
    rules.check_unique(workspace.store, kind, id, formed, workspace.quirks)
    if call.kind == "list":
        links.check_membership(ops, formed["$objectType"], workspace.quirks)
        _check_list(workspace, id, formed)
    row = workspace.insert(call.kind, formed, created=workspace.store.now(), id=id)
    links.apply(workspace.store, row.id, [*ops, *author(workspace, call.kind, ops)])
    enrichment.schedule(workspace, row, skip=write.skip_enrichment)
    return workspace.views.one(row)


def author(workspace: Workspace, kind: str, ops: list[Op]) -> list[Op]:
    """`$createdBy` where the body names nobody: the acting member, else the assignee."""
    rel = workspace.kind(kind).relationships.get("$createdBy")
    if rel is None or any(op.rel.key == rel.key for op in ops):
        return []
    assignee = [other for op in ops if op.rel.key == "$assignedTo" for other in op.add]
    author = [workspace.acting] if workspace.acting else assignee
    return [Op(rel, add=tuple(author))]


def update(call: Call) -> JSON:
    """POST /{id}: only what the body names changes."""
    workspace, quirks = call.workspace, call.workspace.quirks
    if quirks["validation-order"] == "body-first":
        _check_body(call)
    row = workspace.live(call.kind, call.path["id"], "trashed-update")
    write = rules.Write(call.body)
    kind = workspace.kind(call.kind)
    formed = rules.fields(kind, write.fields, quirks, before=row)
    rules.check_unique(workspace.store, kind, row.id, formed, quirks)
    if call.kind == "list":
        _check_list(workspace, row.id, {**row.fields, **formed})
    try:
        ops = _operations(workspace, row, write.relationships)
    except FaultError as fault:
        if quirks["update-atomic"] == "no":
            workspace.change(row, formed)
            fault.keeps_work = True
        raise
    linked = links.apply(workspace.store, row.id, ops)
    return workspace.views.one(workspace.change(row, formed, linked=linked))


def _check_body(call: Call) -> None:
    """The faults of a body that can be told without the record."""
    kind = call.workspace.kind(call.kind)
    write = rules.Write(call.body)
    rules.fields(kind, write.fields, call.workspace.quirks)
    links.for_update(kind, write.relationships, call.workspace.quirks)


def _operations(workspace: Workspace, row: Row, given: Mapping[str, JSON]) -> list[Op]:
    store, quirks = workspace.store, workspace.quirks
    kind = workspace.kind(row.kind)
    ops = links.for_update(kind, given, quirks)
    links.check(store, kind, ops, quirks, id=row.id)
    if row.kind == "list":
        links.check_membership(ops, row.fields["$objectType"], quirks)
    return [op for op in ops if _may_change(workspace, row, op)]


def _may_change(workspace: Workspace, row: Row, op: Op) -> bool:
    """Create-only relationships: refused, ignored or changed after all (U14)."""
    if op.rel.key not in kind_row(row.kind).create_only:
        return True
    answer = workspace.quirks["create-only-change"]
    unchanged = set(links.current(workspace.store, op.rel, row.id)) == set(op.add)
    if answer == "error" and not unchanged:
        raise refused(workspace.quirks, 400, f"{op.rel.key} is set at create only.", op.param)
    return answer == "ok"


def _check_list(workspace: Workspace, id: str, fields: Mapping[str, JSON]) -> None:
    """One `target` list per organisation, of accounts or contacts; names may have to be unique (U5)."""
    quirks = workspace.quirks
    if fields.get("$kind") == "target" and fields.get("$objectType") == "$opportunity":
        raise refused(quirks, 400, "A target list holds accounts or contacts.", "fields.$kind")
    if fields.get("$kind") is None and quirks["list-names"] == "shared":
        return
    hidden, at = True, workspace.index_time(fresh=True)
    for other in workspace.store.scan("list", trashed=False, hidden=hidden, at=at):
        if other.id == id:
            continue
        if fields.get("$kind") == "target" == other.fields.get("$kind"):
            raise refused(quirks, 409, "There is a target list already.", "fields.$kind")
        same = all(fields.get(key) == other.fields.get(key) for key in ("$name", "$objectType"))
        if quirks["list-names"] == "unique" and same:
            raise refused(quirks, 409, "There is a list of this name.", "fields.$name")


def delete(call: Call) -> JSON:
    """DELETE /{id}: to the trash; a no-op if it is there."""
    return _to_trash(call, trashed=True)


def restore(call: Call) -> JSON:
    """POST /{id}/restore: out of the trash; a no-op if it is live."""
    return _to_trash(call, trashed=False)


def _to_trash(call: Call, *, trashed: bool) -> JSON:
    workspace = call.workspace
    row = workspace.find(call.kind, call.path["id"])
    rules.require_nothing(call.body)
    return workspace.views.one(row if row.trashed == trashed else workspace.trash(row, trashed))

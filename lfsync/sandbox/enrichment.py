"""What the server writes on its own after a create: enrichment, which is metered, and generated texts (section 14)."""

from __future__ import annotations

from lfsync.model import JSON
from lfsync.sandbox import derived, syncs
from lfsync.sandbox.catalog import kind_row
from lfsync.sandbox.store import Row
from lfsync.sandbox.workspace import Workspace

DELAY = 1000  # ms after the create
_EVENTS = "enrichment events"
_TEXTS = {"account": "$howTheyMakeMoney", "opportunity": "$opportunityStatus"}


def schedule(workspace: Workspace, row: Row, *, skip: bool) -> None:
    """Counts the metered event and plans the writes that the quirks ask for."""
    if kind_row(row.kind).enriched and not skip:
        workspace.store.set_meta(_EVENTS, str(events(workspace) + 1))
        if workspace.quirks["enrichment"] == "fills":
            _plan(workspace, row, "enrich")
    if row.kind in _TEXTS and workspace.quirks["generated-texts"] == "fills":
        _plan(workspace, row, "write")


def _plan(workspace: Workspace, row: Row, job: str) -> None:
    sql = "INSERT INTO jobs (due, id, job) VALUES (?,?,?)"
    workspace.store.execute(sql, workspace.store.now() + DELAY, row.id, job)


def events(workspace: Workspace) -> int:
    """How many enrichment events this workspace was charged for."""
    return int(workspace.store.meta(_EVENTS) or 0)


def run_due(workspace: Workspace) -> None:
    """Does the writes whose time has come."""
    store = workspace.store
    due = store.execute("SELECT n, id, job FROM jobs WHERE due <= ? ORDER BY n", store.now()).fetchall()
    if not due:
        return
    with store.transaction():
        for n, id, job in due:
            store.execute("DELETE FROM jobs WHERE n = ?", n)
            row = store.get(id)
            if row and not row.trashed:
                _do(workspace, row, job)
        derived.settle(store)


def _do(workspace: Workspace, row: Row, job: str) -> None:
    if job == syncs.JOB:
        syncs.run(workspace, row)
    else:
        workspace.change(row, _written(workspace, row, job))


def _written(workspace: Workspace, row: Row, job: str) -> dict[str, JSON]:
    if job == "write":
        return {_TEXTS[row.kind]: f"Written about {row.fields.get('$name')}."}
    found: dict[str, JSON] = {"$title": "Found by enrichment"}
    if row.kind == "account":
        found = {"$headcount": workspace.kind("account").fields["$headcount"].options[0].id}
    return {key: value for key, value in found.items() if row.fields.get(key) is None}

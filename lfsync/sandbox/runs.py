"""Workflow runs, made up by the seed: the API can't list or start any (API sheet, section 4.13).

A run begins when somebody first asks for it, and ends when `--workflow-latency` has passed.
"""

from __future__ import annotations

from lfsync.model import JSON
from lfsync.sandbox.call import Call
from lfsync.sandbox.errors import not_found
from lfsync.sandbox.store import Store

# The documented words; the status is free text, so others may well be used.
_OTHER_WORDS = {"running": "in_progress", "completed": "succeeded", "failed": "errored"}


def plant(store: Store, id: str, ends: str | None, status: str | None) -> None:
    """A run of the seed. With `status` it stands at that word and never ends."""
    store.execute("INSERT INTO runs (id, ends, status) VALUES (?,?,?)", id, ends, status)


def status(call: Call) -> JSON:
    """GET /v1/workflowRun/{runId}/status."""
    store, id = call.workspace.store, call.path["id"]
    found = store.execute("SELECT begun, ends, status FROM runs WHERE id = ?", id).fetchone()
    if found is None:
        raise not_found(f"There is no workflow run {id!r}.")
    begun, ends, standing = found
    if standing is not None:
        return {"status": str(standing)}
    if begun is None:
        begun = store.now()
        store.execute("UPDATE runs SET begun = ? WHERE id = ?", begun, id)
    over = store.now() - int(begun) >= call.workspace.workflow_latency
    word = str(ends) if over else "running"
    return {"status": word if call.workspace.quirks["run-status-words"] == "documented" else _OTHER_WORDS[word]}

"""Custom objects: their endpoints, which name the type by its slug (API sheet, section 4.10)."""

from __future__ import annotations

from collections.abc import Iterator

from lfsync.model import JSON
from lfsync.sandbox import histories, merges, records, searches
from lfsync.sandbox.call import Call, Category, Handler, Operation
from lfsync.sandbox.quirks import Quirks

_TYPE = "/v1/objects/{slug}"
_VALUES = f"{_TYPE}/values"
_VALUE = f"{_VALUES}/{{id}}"
_HISTORY = f"{_VALUE}/fields/{{key}}/history"


def operations(quirks: Quirks) -> Iterator[Operation]:
    """The endpoints of every type. Quirks decide what the reference leaves open: scopes, category, idempotency."""
    read, create, update = (_unstated(verb, quirks) for verb in ("read", "create", "update"))
    delete, restore = ("custom_objects:delete",), ("custom_objects:restore",)
    keyed = quirks["object-idempotency"] == "honoured"
    listing: Category = "read" if quirks["object-list-category"] == "read" else "search"
    yield Operation("GET", "/v1/objects", types, "read", read)
    yield Operation("GET", _TYPE, _typed(searches.objects), listing, read)
    yield Operation("GET", f"{_TYPE}/definitions", _typed(records.definitions), "read", read)
    merging = ("custom_objects:update", *delete)
    yield Operation("POST", f"{_TYPE}/merge", _typed(merges.merge), "write", merging, verb="merge")
    yield Operation("POST", _VALUES, _typed(records.create), "write", create, verb="create", keyed=keyed)
    yield Operation("GET", _VALUE, _typed(records.retrieve), "read", read)
    yield Operation("POST", _VALUE, _typed(records.update), "write", update, verb="update", keyed=keyed)
    yield Operation("DELETE", _VALUE, _typed(records.delete), "write", delete, verb="delete")
    yield Operation("POST", f"{_VALUE}/restore", _typed(records.restore), "write", restore, verb="restore")
    yield Operation("GET", _HISTORY, _typed(histories.history), "read", ("custom_objects:read",))


def _unstated(verb: str, quirks: Quirks) -> tuple[str, ...]:
    return () if quirks["object-scopes"] == "none" else (f"custom_objects:{verb}",)


def types(call: Call) -> JSON:
    """GET /v1/objects: all types that the caller sees, unpaged (API sheet 2.3)."""
    return {"data": [{"objectType": kind.name, "label": kind.label} for kind in call.workspace.object_types()]}


def _typed(handler: Handler) -> Handler:
    """The handler for a slug that is a type. Raises FaultError 404 for any other, a built-in kind's name too."""

    def checked(call: Call) -> JSON:
        call.workspace.object_type(call.kind)
        return handler(call)

    return checked

"""Handlers of single meetings (API sheet, section 4.6)."""

from __future__ import annotations

from collections.abc import Mapping

from lfsync.model import JSON
from lfsync.sandbox import files, links, privacy, rules, syncs
from lfsync.sandbox.call import Call
from lfsync.sandbox.errors import FaultError, bad_request, not_found, refused
from lfsync.sandbox.forms import instant
from lfsync.sandbox.kinds import KINDS
from lfsync.sandbox.links import Op
from lfsync.sandbox.schema import KindSpec
from lfsync.sandbox.store import Row
from lfsync.sandbox.workspace import Workspace

MAX_ATTENDEES = 500
INVITED = "invited"  # the attendees of the create, kept beside the fields
_ATTENDEES = "$attendeeEmails"
_UPDATE_ONLY = KINDS["meeting"].update_only  # the server has written these by the time of an update


# ---------------------------------------------------------------- create


def create(call: Call) -> JSON:
    """POST: a meeting that is over."""
    workspace, quirks = call.workspace, call.workspace.quirks
    kind = workspace.kind(call.kind)
    write = rules.Write(call.body, (syncs.AUTO,))
    auto = rules.flag(call.body, syncs.AUTO)
    if call.body.get("relationships") == {}:
        raise bad_request("invalid_type", "'relationships' must name one if it is there.", "relationships")
    rules.require(write, kind, quirks)
    formed = _created_fields(workspace, kind, write.fields)
    ops = links.for_create(kind, write.relationships, quirks)
    _check_transcript(workspace, ops)
    kept = {**formed, INVITED: formed.get(_ATTENDEES), syncs.AUTO: auto or None}
    row = workspace.insert(call.kind, kept, created=workspace.store.now(), id=workspace.new_id(call.kind))
    _attach(workspace, row.id, ops)
    return workspace.views.one(syncs.schedule(workspace, row))


def _created_fields(workspace: Workspace, kind: KindSpec, given: Mapping[str, JSON]) -> dict[str, JSON]:
    for key in given:
        if key in kind.fields and (key in _UPDATE_ONLY or not kind.fields[key].writable):
            raise bad_request("unknown_field", f"{key} can't be set at create.", f"fields.{key}")
    _check_shapes(given)
    formed = rules.fields(kind, given, workspace.quirks)
    now = workspace.store.now()
    for key in ("$startDate", "$endDate"):
        if instant(str(formed[key])) >= now:
            raise refused(workspace.quirks, 422, f"{key} must be in the past.", f"fields.{key}")
    if instant(str(formed["$endDate"])) < instant(str(formed["$startDate"])):
        raise refused(workspace.quirks, 422, "$endDate is before $startDate.", "fields.$endDate")
    return formed


def _check_shapes(given: Mapping[str, JSON]) -> None:
    """`$organizerEmail` is one string; `$attendeeEmails` an array that is never null and has a limit."""
    if isinstance(given.get("$organizerEmail"), list):
        raise bad_request("invalid_type", "$organizerEmail takes one address.", "fields.$organizerEmail")
    attendees = given.get(_ATTENDEES, [])
    if not isinstance(attendees, list):
        raise bad_request("invalid_type", f"{_ATTENDEES} takes an array of addresses.", f"fields.{_ATTENDEES}")
    if len(attendees) > MAX_ATTENDEES:
        message = f"A meeting has at most {MAX_ATTENDEES} attendees."
        raise FaultError(422, message, param=f"fields.{_ATTENDEES}")


# ---------------------------------------------------------------- transcripts


def _check_transcript(workspace: Workspace, ops: list[Op]) -> None:
    """A transcript is a file whose upload is complete."""
    for op in ops:
        for id in op.add:
            file = workspace.store.get(id)
            if file is None or file.kind not in files.KINDS:
                raise bad_request("relationship_entity_missing", f"There is no file {id!r}.", op.param)
            if files.status(workspace.store, file) != "COMPLETED":
                raise bad_request("relationship_entity_inactive", f"{id!r} is not completed.", op.param)


def _attach(workspace: Workspace, id: str, ops: list[Op]) -> bool:
    """Makes a file the canonical transcript; one that is not on the meeting yet is attached first."""
    attached = workspace.store.linked("meeting.$transcripts", id, source=True)
    for file in dict.fromkeys(file for op in ops for file in op.add if file not in attached):
        workspace.store.link("meeting.$transcripts", id, file)
    return links.apply(workspace.store, id, ops)


# ---------------------------------------------------------------- update


def update(call: Call) -> JSON:
    """POST /{id}: four fields and the transcript, by who may edit."""
    workspace, quirks = call.workspace, call.workspace.quirks
    if quirks["validation-order"] == "body-first":
        _updated_fields(workspace, call.body, None)
        _operations(workspace, call.body)
    row = workspace.live(call.kind, call.path["id"], "trashed-update")
    _check_editor(workspace, row, quirks["meeting-editors"])
    formed = _updated_fields(workspace, call.body, row)
    try:
        ops = _operations(workspace, call.body)
        _check_transcript(workspace, ops)
    except FaultError as fault:
        if quirks["update-atomic"] == "no":
            workspace.change(row, formed)
            fault.keeps_work = True
        raise
    linked = _attach(workspace, row.id, ops)
    return workspace.views.one(syncs.schedule(workspace, workspace.change(row, formed, linked=linked)))


def _updated_fields(workspace: Workspace, body: dict[str, JSON], row: Row | None) -> dict[str, JSON]:
    given = dict(rules.Write(body).fields)
    _check_shapes(given)
    for key in sorted(_UPDATE_ONLY):
        if given.get(key) == "":
            given[key] = None
    formed = rules.fields(workspace.kind("meeting"), given, workspace.quirks, before=row)
    if row is None or _ATTENDEES not in formed:
        return formed
    if instant(str(row.fields["$endDate"])) > workspace.store.now():
        raise refused(workspace.quirks, 422, "The meeting has not ended.", f"fields.{_ATTENDEES}")
    return {**formed, **_by_hand(row, formed[_ATTENDEES])}


def _by_hand(row: Row, attendees: JSON) -> dict[str, JSON]:
    """The attendees that edits added and removed since the meeting came to be."""
    now, before = _by_folded(attendees), _by_folded(row.fields.get(INVITED))
    added: list[JSON] = [email for folded, email in now.items() if folded not in before]
    removed: list[JSON] = [email for folded, email in before.items() if folded not in now]
    return {"$manuallyAddedAttendeeEmails": added or None, "$manuallyRemovedAttendeeEmails": removed or None}


def _by_folded(emails: JSON) -> dict[str, str]:
    return {str(email).casefold(): str(email) for email in emails} if isinstance(emails, list) else {}


def _operations(workspace: Workspace, body: dict[str, JSON]) -> list[Op]:
    """Only `replace` of the transcript, with a file."""
    kind, given = workspace.kind("meeting"), rules.Write(body).relationships
    ops = links.for_update(kind, given, workspace.quirks)
    for op in ops:
        if not op.replaced:
            raise bad_request("invalid_configuration", f"{op.rel.key} takes replace alone.", op.param)
        if not op.add:
            raise refused(workspace.quirks, 400, f"{op.rel.key} can't be cleared.", op.param)
    return ops


# ---------------------------------------------------------------- trash


def delete(call: Call) -> JSON:
    """DELETE /{id}: by who may edit; 404 for one that is in the trash already."""
    workspace = call.workspace
    rules.require_nothing(call.body)
    row = workspace.find(call.kind, call.path["id"])
    if row.trashed:
        raise not_found(f"There is no meeting {row.id!r}.")
    _check_editor(workspace, row)
    return workspace.views.one(workspace.trash(row, True))


def restore(call: Call) -> JSON:
    """POST /{id}/restore: by who may edit; a no-op if it is live."""
    workspace = call.workspace
    rules.require_nothing(call.body)
    row = workspace.find(call.kind, call.path["id"])
    _check_editor(workspace, row, workspace.quirks["meeting-editors"])
    return workspace.views.one(workspace.trash(row, False) if row.trashed else row)


def _check_editor(workspace: Workspace, row: Row, who: str = "participants") -> None:
    """Of deletes the sheet says who; of all else it says nothing."""
    if who == "participants" and not privacy.may_edit(workspace.store, workspace.caller, row):
        raise FaultError(403, "Only participants and admins can change a meeting.")

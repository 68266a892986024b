"""What the server does about a meeting once it was written: its sync (API sheet, 4.6 and 14)."""

from __future__ import annotations

import json

from lfsync.model import JSON
from lfsync.sandbox import derived, rules
from lfsync.sandbox.store import FOREVER, Row, Store
from lfsync.sandbox.workspace import Workspace

JOB = "sync"
DELAY = 1000  # ms after the write
BLOCKLIST = "blocklist"
AUTO = "autoCreateRecords"  # kept beside the fields until the first sync
_FREE_MAIL = ("gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "yahoo.com", "icloud.com", "gmx.de")


def schedule(workspace: Workspace, meeting: Row) -> Row:
    """The sync that follows a write: at once or a second later, by a quirk."""
    if workspace.quirks["meeting-sync"] == "at-once":
        return run(workspace, meeting)
    sql = "INSERT INTO jobs (due, id, job) VALUES (?,?,?)"
    workspace.store.execute(sql, workspace.store.now() + DELAY, meeting.id, JOB)
    return meeting


def run(workspace: Workspace, meeting: Row) -> Row:
    """Makes records for attendees if the create asked for it, hides the meeting if one is blocked, writes its texts."""
    moved: dict[str, JSON] = {}
    if meeting.fields.get(AUTO):
        _create_records(workspace, meeting)
        moved[AUTO] = None
    if workspace.quirks["meeting-texts"] == "regenerated":
        moved.update(_texts(meeting))
    if moved:
        meeting = workspace.change(meeting, moved)
    if workspace.quirks["blocked-attendee"] == "vanishes" and _blocked(workspace.store, meeting):
        meeting = meeting._replace(hidden=True)
        workspace.store.update(meeting)
    return meeting


def _texts(meeting: Row) -> dict[str, JSON]:
    title, guests = meeting.fields.get("$title"), len(derived.addresses(meeting.fields.get("$attendeeEmails")))
    return {
        "$meetingPrep": f"Written by the server: {title}, {guests} attendees.\n",
        "$postMeetingSummary": f"Written by the server: what {guests} attendees said about {title}.\n",
    }


# ---------------------------------------------------------------- blocked addresses


def _blocked(store: Store, meeting: Row) -> bool:
    """Whether an attendee, or the domain of one, is on the workspace's block list."""
    listed = [str(entry).casefold() for entry in json.loads(store.meta(BLOCKLIST) or "[]")]
    guests = derived.addresses(meeting.fields.get("$attendeeEmails"))
    return any(entry in (guest, _domain(guest)) for guest in guests for entry in listed)


def _domain(email: str) -> str:
    return email.rpartition("@")[2]


# ---------------------------------------------------------------- records for attendees


def _create_records(workspace: Workspace, meeting: Row) -> None:
    own = _own_domains(workspace.store)
    for email in derived.addresses(meeting.fields.get("$attendeeEmails")):
        if _domain(email) in own or derived.live_contact(workspace.store, email):
            continue
        contact = _insert(workspace, "contact", {"$email": [email]})
        if _domain(email) not in _FREE_MAIL:
            workspace.store.link("account.$contact", _account(workspace, _domain(email)), contact)


def _own_domains(store: Store) -> set[str]:
    members = store.scan("member", trashed=False, hidden=True, at=FOREVER - 1)
    return {_domain(str(member.fields["$email"]).casefold()) for member in members}


def _account(workspace: Workspace, domain: str) -> str:
    """The account of a domain: the one whose website it is, else a new one."""
    for id in sorted(workspace.store.with_part("account", "$website", domain)):
        row = workspace.store.get(id)
        if row and not row.trashed and domain in map(_host, derived.addresses(row.fields.get("$website"))):
            return id
    return _insert(workspace, "account", {"$name": domain.partition(".")[0].capitalize(), "$website": [domain]})


def _host(url: str) -> str:
    return url.rpartition("://")[2].partition("/")[0].removeprefix("www.")


def _insert(workspace: Workspace, kind: str, fields: dict[str, JSON]) -> str:
    formed = rules.fields(workspace.kind(kind), fields, workspace.quirks)
    return workspace.insert(kind, formed, created=workspace.store.now(), id=workspace.new_id(kind)).id

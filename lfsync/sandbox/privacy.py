"""Who sees what of a meeting (API sheet, 4.6): the caller's access level, and what is left of a record at METADATA."""

from __future__ import annotations

from dataclasses import dataclass

from lfsync.model import JSON
from lfsync.sandbox.derived import addresses
from lfsync.sandbox.quirks import Quirks
from lfsync.sandbox.store import FOREVER, Row, Store

_TEXTS = ("$description", "$meetingUrl", "$meetingPrep", "$postMeetingSummary")
_TRANSCRIPTS = ("$transcript", "$transcripts")


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose key a request carries. `member` is None where the workspace has nobody for it."""

    member: str | None = None
    admin: bool = True


def may_edit(store: Store, caller: Caller, meeting: Row) -> bool:
    """Admins, and who organises or attends."""
    return caller.admin or _email(store, caller.member) in _participants(meeting)


def full(store: Store, caller: Caller, meeting: Row) -> bool:
    """Whether the caller's access level is FULL: who may edit sees all, others what is not private."""
    return may_edit(store, caller, meeting) or not _private(store, meeting)


def _private(store: Store, meeting: Row) -> bool:
    """By the meeting's own setting; without one, by the organiser's."""
    setting = meeting.fields.get("$privacySetting")
    if setting is not None:
        return setting == "METADATA"
    organisers = addresses(meeting.fields.get("$organizerEmail"))
    members = store.scan("member", trashed=False, hidden=True, at=FOREVER - 1)
    return any(
        member.fields.get("privacy") == "METADATA" and str(member.fields["$email"]).casefold() in organisers
        for member in members
    )


def _participants(meeting: Row) -> list[str]:
    return [*addresses(meeting.fields.get("$organizerEmail")), *addresses(meeting.fields.get("$attendeeEmails"))]


def _email(store: Store, member: str | None) -> str:
    row = store.get(member) if member else None
    return str(row.fields["$email"]).casefold() if row else ""


def redact(fields: dict[str, JSON], relationships: dict[str, JSON], quirks: Quirks) -> None:
    """Takes out of a shown record what METADATA hides: emptied, or without its key, by a quirk."""
    hidden = (*_TEXTS, "$title") if quirks["private-title"] == "redacted" else _TEXTS
    absent = quirks["private-meetings"] == "absent"
    for section, keys, member, empty in (
        (fields, hidden, "value", None),
        (relationships, _TRANSCRIPTS, "values", []),
    ):
        for key in keys:
            shown = section.get(key)
            if absent:
                section.pop(key, None)
            elif isinstance(shown, dict):
                section[key] = {**shown, member: empty}

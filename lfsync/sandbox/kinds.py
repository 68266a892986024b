"""The kinds whose records the emulator serves: those that lfsync manages, and meetings (API sheet, 4.6). Pure."""

from __future__ import annotations

from collections.abc import Mapping

from lfsync.kinds import KINDS as MANAGED
from lfsync.kinds import Field, Kind, Relationship

MEETING = Kind(
    name="meeting",
    section="meetings",
    path="/v1/meetings",
    scope="meetings",
    matches=(("$title", "$startDate"),),
    required=("$title", "$startDate", "$endDate"),
    create_only=frozenset({"$title", "$startDate", "$endDate", "$description", "$meetingUrl", "$organizerEmail"}),
    words={"$privacySetting": ("FULL", "METADATA")},
    fields={
        "$title": Field("TEXT", "Title"),
        "$startDate": Field("DATETIME", "Start"),
        "$endDate": Field("DATETIME", "End"),
        "$description": Field("MARKDOWN", "Description"),
        "$meetingUrl": Field("URL", "Meeting URL"),
        "$organizerEmail": Field("EMAIL", "Organizer"),
        "$attendeeEmails": Field("EMAIL", "Attendees", multiple=True),
        "$privacySetting": Field("TEXT", "Privacy"),
        "$meetingPrep": Field("MARKDOWN", "Meeting prep"),
        "$postMeetingSummary": Field("MARKDOWN", "Summary"),
        "$manuallyAddedAttendeeEmails": Field("EMAIL", "Attendees added by hand", multiple=True, writable=False),
        "$manuallyRemovedAttendeeEmails": Field("EMAIL", "Attendees removed by hand", multiple=True, writable=False),
    },
    relationships={
        "$transcript": Relationship("file"),
        "$transcripts": Relationship("file", many=True, writable=False),
        "$contact": Relationship("contact", many=True, writable=False),
        "$account": Relationship("account", many=True, writable=False),
        "$opportunity": Relationship("opportunity", many=True, writable=False),
        "$note": Relationship("note", many=True, writable=False),
    },
)

# Only an update may set these: the server has written them by then.
UPDATE_ONLY = ("$meetingPrep", "$postMeetingSummary")

# Files are no records: they have endpoints of their own (files.py).
KINDS: Mapping[str, Kind] = {
    **{name: kind for name, kind in MANAGED.items() if not kind.uploaded},
    MEETING.name: MEETING,
}
SECTIONS: Mapping[str, Kind] = {kind.section: kind for kind in KINDS.values()}

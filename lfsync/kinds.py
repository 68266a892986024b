"""The table of kinds: everything that differs from kind to kind is a row here. Pure.

Facts are from the API sheet, section 4; what it leaves open is settled by the live definitions.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from lfsync.model import Address


@dataclass(frozen=True, slots=True)
class Relationship:
    """A system relationship that the API documents. `writable` False: set from the other side.

    `instead`: what to do about one that can't be set here, where no key of the other side tells it.
    """

    target: str
    many: bool = False
    writable: bool = True
    instead: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """A system field that the API documents. The live definitions win where they say more.

    `most`: so many values it takes, where several are taken at all. `unique`: one record of a workspace has a value.
    """

    type: str
    label: str
    multiple: bool = False
    writable: bool = True
    handle_service: str | None = None
    most: int | None = None
    unique: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """What lfsync and the API can do with one kind of resource.

    `matches`       default match, best first: the first whose first key is declared is taken (design.md, section 4)
    `required`      fields and relationships that a create must carry
    `create_only`   keys that only a create may set (rule I8)
    `decides`       fields that say what a resource is: each must declare them, whatever else it leaves out
    `words`         fields whose values are plain words, not option ids
    `history`       the API keeps what its fields held before (API sheet 4.14)
    `filterable`    its list endpoint documents filters (API sheet 8.4)
    `trash`         its list endpoint documents `status=trashed`
    `add_with_remove`  one update may carry both `add` and `remove` of a relationship (U12)
    `mirrors`       relationship keys of this kind that list the ids of tasks and notes linked to it
    `inverse`       relationships that can be written from both sides, with the other side's key (rule C9)
    `definitions`   it has a definitions endpoint
    `deletable`     the API can delete it; else it is never pruned or undone, and what a read by id shows is there
    `keyed`         its create is promised to honour the Idempotency-Key (U25): else none is sent twice (rule A5)
    `content`       the field that stands for its content, which is uploaded and all that is managed of it; its other
                    fields are told to the upload alone
    `update_only`   keys that a create refuses: they go in an update right after it
    `lasting`       fields and relationships that can be replaced, and never cleared
    `never_null`    fields that are cleared with an empty list, and take no null
    `past`          dates that a create takes only once they are over; each no earlier than the one before it here
    `over`          fields that an update takes only once a date of the record is over, which is named
    `words_with`    a word of a field that is taken only beside some words of another: (word, other field, its words)
    `flags`         keys of a create's body beside `fields`, and what they do
    `generated`     texts that the server writes anew over time
    `editors`       who may change, trash and restore a record, where scopes alone don't decide that
    `vanishing`     keys whose write may make the record disappear, and why
    `path`, `record_path`   where its records are listed; where one is made, and stands under its id
    """

    name: str
    section: str
    path: str
    scope: str
    matches: tuple[tuple[str, ...], ...]
    fields: Mapping[str, Field]
    relationships: Mapping[str, Relationship]
    required: tuple[str, ...] = ()
    create_only: frozenset[str] = frozenset()
    decides: frozenset[str] = frozenset()
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    custom_fields: bool = False
    id_prefix: str | None = None
    history: bool = False
    filterable: bool = False
    trash: bool = True
    restorable: bool = True
    definitions: bool = True
    deletable: bool = True
    keyed: bool = True
    content: str | None = None
    enriched: bool = False
    add_with_remove: bool = False
    mirrors: Mapping[str, str] = field(default_factory=dict)
    inverse: Mapping[str, str] = field(default_factory=dict)
    values: str = ""
    update_only: frozenset[str] = frozenset()
    lasting: frozenset[str] = frozenset()
    never_null: frozenset[str] = frozenset()
    past: tuple[str, ...] = ()
    over: Mapping[str, str] = field(default_factory=dict)
    words_with: Mapping[str, tuple[str, str, tuple[str, ...]]] = field(default_factory=dict)
    flags: Mapping[str, str] = field(default_factory=dict)
    generated: frozenset[str] = frozenset()
    editors: str = ""
    vanishing: Mapping[str, str] = field(default_factory=dict)

    @property
    def record_path(self) -> str:
        return self.path + self.values

    @property
    def uploaded(self) -> bool:
        """Whether its content is uploaded."""
        return self.content is not None


_OWNER = Relationship("member")
_ATTENDED = "Lightfield derives it from who attends: set `$attendeeEmails`"

_ROWS = (
    Kind(
        name="account",
        section="accounts",
        path="/v1/accounts",
        scope="accounts",
        matches=(("$name",),),
        required=("$name",),
        custom_fields=True,
        id_prefix="acc_",
        history=True,
        filterable=True,
        enriched=True,
        add_with_remove=True,
        fields={
            "$name": Field("TEXT", "Name"),
            "$website": Field("URL", "Website", multiple=True),
            "$industry": Field("MULTI_SELECT", "Industry"),
            "$headcount": Field("SINGLE_SELECT", "Headcount"),
            "$lastFundingType": Field("SINGLE_SELECT", "Last funding type"),
            "$linkedIn": Field("SOCIAL_HANDLE", "LinkedIn", handle_service="LINKEDIN"),
            "$twitter": Field("SOCIAL_HANDLE", "Twitter", handle_service="TWITTER"),
            "$facebook": Field("SOCIAL_HANDLE", "Facebook", handle_service="FACEBOOK"),
            "$instagram": Field("SOCIAL_HANDLE", "Instagram", handle_service="INSTAGRAM"),
            "$primaryAddress": Field("ADDRESS", "Primary address"),
            "$howTheyMakeMoney": Field("MARKDOWN", "How they make money", writable=False),
            "$accountStatus": Field("MARKDOWN", "Account status", writable=False),
            "$lastInteractionAt": Field("DATETIME", "Last interaction", writable=False),
        },
        relationships={
            "$owner": _OWNER,
            "$contact": Relationship("contact", many=True),
            "$opportunity": Relationship("opportunity", many=True, writable=False),
            "$task": Relationship("task", many=True, writable=False),
            "$note": Relationship("note", many=True, writable=False),
            "$meeting": Relationship("meeting", many=True, writable=False),
            "$files": Relationship("file", many=True, writable=False),
        },
        mirrors={"task": "$task", "note": "$note"},
        inverse={"$contact": "$account"},
    ),
    Kind(
        name="contact",
        section="contacts",
        path="/v1/contacts",
        scope="contacts",
        matches=(("$email",), ("$name",)),
        custom_fields=True,
        id_prefix="con_",
        history=True,
        filterable=True,
        enriched=True,
        fields={
            "$name": Field("FULL_NAME", "Name"),
            "$email": Field("EMAIL", "Email", multiple=True),
            "$profilePhotoUrl": Field("URL", "Profile photo"),
            "$title": Field("TEXT", "Title"),
            "$doNotContact": Field("CHECKBOX", "Do not contact"),
            "$instagram": Field("SOCIAL_HANDLE", "Instagram", handle_service="INSTAGRAM"),
        },
        relationships={
            "$account": Relationship("account", many=True),
            "$opportunity": Relationship("opportunity", many=True, writable=False),
            "$note": Relationship("note", many=True, writable=False),
            "$meeting": Relationship("meeting", many=True, writable=False),
        },
        inverse={"$account": "$contact"},
    ),
    Kind(
        name="opportunity",
        section="opportunities",
        path="/v1/opportunities",
        scope="opportunities",
        matches=(("$name", "$account"),),
        required=("$name", "$account"),
        create_only=frozenset({"$account", "$createdBy"}),
        custom_fields=True,
        id_prefix="opp_",
        history=True,
        filterable=True,
        fields={
            "$name": Field("TEXT", "Name"),
            "$stage": Field("SINGLE_SELECT", "Stage"),
            "$amount": Field("CURRENCY", "Amount"),
            "$opportunityStatus": Field("MARKDOWN", "Status", writable=False),
        },
        relationships={
            "$account": Relationship("account"),
            "$owner": _OWNER,
            "$createdBy": _OWNER,
            "$champion": Relationship("contact"),
            "$evaluator": Relationship("contact"),
            "$task": Relationship("task", many=True, writable=False),
            "$note": Relationship("note", many=True, writable=False),
            "$meeting": Relationship("meeting", many=True, writable=False),
        },
    ),
    Kind(
        name="task",
        section="tasks",
        path="/v1/tasks",
        scope="tasks",
        matches=(("$title", "$account"),),
        required=("$title", "$status", "$assignedTo"),
        create_only=frozenset({"$createdBy"}),
        words={"$status": ("TODO", "IN_PROGRESS", "COMPLETE", "CANCELLED")},
        fields={
            "$title": Field("TEXT", "Title"),
            "$status": Field("SINGLE_SELECT", "Status"),
            "$description": Field("MARKDOWN", "Description"),
            "$dueAt": Field("DATETIME", "Due"),
        },
        relationships={
            "$assignedTo": _OWNER,
            "$account": Relationship("account"),
            "$opportunity": Relationship("opportunity"),
            "$createdBy": _OWNER,
            "$note": Relationship("note", many=True, writable=False),
        },
    ),
    Kind(
        name="meeting",
        section="meetings",
        path="/v1/meetings",
        scope="meetings",
        matches=(("$title", "$startDate"),),
        required=("$title", "$startDate", "$endDate"),
        create_only=frozenset({"$title", "$startDate", "$endDate", "$description", "$meetingUrl", "$organizerEmail"}),
        update_only=frozenset({"$meetingPrep", "$postMeetingSummary"}),
        lasting=frozenset({"$transcript"}),
        never_null=frozenset({"$attendeeEmails"}),
        past=("$startDate", "$endDate"),
        over={"$attendeeEmails": "$endDate"},
        flags={"autoCreateRecords": "Lightfield makes accounts and contacts of those who attended"},
        generated=frozenset({"$meetingPrep", "$postMeetingSummary"}),
        editors="an admin, or somebody who takes part in the meeting",
        vanishing={
            "$attendeeEmails": "an attendee on the workspace's block list, or on a do-not-track list, hides a meeting "
            "from everybody, and only an admin can undo that"
        },
        words={"$privacySetting": ("FULL", "METADATA")},
        fields={
            "$title": Field("TEXT", "Title"),
            "$startDate": Field("DATETIME", "Start"),
            "$endDate": Field("DATETIME", "End"),
            "$description": Field("MARKDOWN", "Description"),
            "$meetingUrl": Field("URL", "Meeting URL"),
            "$organizerEmail": Field("EMAIL", "Organizer"),
            "$attendeeEmails": Field("EMAIL", "Attendees", multiple=True, most=500),
            "$privacySetting": Field("TEXT", "Privacy"),
            "$meetingPrep": Field("MARKDOWN", "Meeting prep"),
            "$postMeetingSummary": Field("MARKDOWN", "Summary"),
            "$manuallyAddedAttendeeEmails": Field("EMAIL", "Attendees added by hand", multiple=True, writable=False),
            "$manuallyRemovedAttendeeEmails": Field(
                "EMAIL", "Attendees removed by hand", multiple=True, writable=False
            ),
        },
        relationships={
            "$transcript": Relationship("file"),
            "$transcripts": Relationship(
                "file", many=True, writable=False, instead="it holds every file that was `$transcript`: set that"
            ),
            "$contact": Relationship("contact", many=True, writable=False, instead=_ATTENDED),
            "$account": Relationship("account", many=True, writable=False, instead=_ATTENDED),
            "$opportunity": Relationship("opportunity", many=True, writable=False, instead=_ATTENDED),
            "$note": Relationship("note", many=True, writable=False),
        },
    ),
    Kind(
        name="note",
        section="notes",
        path="/v1/notes",
        scope="notes",
        matches=(("$title", "$account"),),
        required=("$title",),
        add_with_remove=True,
        fields={
            "$title": Field("TEXT", "Title"),
            "$content": Field("MARKDOWN", "Content"),
        },
        relationships={
            "$account": Relationship("account", many=True),
            "$opportunity": Relationship("opportunity", many=True),
            "$contact": Relationship("contact", many=True),
            "$meeting": Relationship("meeting", many=True),
        },
    ),
    Kind(
        name="list",
        section="lists",
        path="/v1/lists",
        scope="lists",
        matches=(("$name", "$objectType"),),
        required=("$name", "$objectType"),
        create_only=frozenset({"$objectType"}),
        decides=frozenset({"$objectType"}),
        lasting=frozenset({"$name"}),
        words_with={"$kind": ("target", "$objectType", ("$account", "$contact"))},
        words={"$objectType": ("$account", "$contact", "$opportunity"), "$kind": ("target",)},
        trash=False,
        restorable=False,
        definitions=False,
        add_with_remove=True,
        fields={
            "$name": Field("TEXT", "Name"),
            "$objectType": Field("TEXT", "Object type"),
            "$description": Field("TEXT", "Description"),
            "$kind": Field("TEXT", "Kind", unique=True),
        },
        relationships={},
    ),
    Kind(
        name="file",
        section="files",
        path="/v1/files",
        scope="files",
        matches=(),
        id_prefix="fil_",
        trash=False,
        restorable=False,
        definitions=False,
        deletable=False,
        keyed=False,
        content="sha256",
        words={"purpose": ("meeting_transcript", "knowledge_user", "knowledge_workspace", "email_attachment")},
        fields={
            "filename": Field("TEXT", "Filename"),
            "mimeType": Field("TEXT", "Type"),
            "sizeBytes": Field("NUMBER", "Bytes"),
            "purpose": Field("TEXT", "Purpose"),
            "sha256": Field("TEXT", "Content"),
        },
        relationships={},
    ),
)

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _ROWS}
SECTIONS: Mapping[str, Kind] = {kind.section: kind for kind in _ROWS}

OBJECT: Final = "object."
OBJECTS: Final = "objects"
ANY_TYPE: Final = f"{OBJECT}*"  # all types of custom objects
SLUG: Final = "[A-Za-z][A-Za-z0-9_-]*"
_OBJECT: Final = re.compile(re.escape(OBJECT) + SLUG, re.ASCII)
# What relationships point at that is no kind of ours (API sheet, sections 2.2 and 4.15).
_FOREIGN: Final = frozenset({"member", "user", "email", "message", "channel", "sequence", "sender"})


def is_kind(name: str) -> bool:
    """Whether lfsync manages a kind: one of the table, or a type of custom objects, `object.SLUG`."""
    return name in KINDS or _OBJECT.fullmatch(name) is not None


def kind_of(name: str) -> Kind:
    """What the API can do with a kind. KeyError for one that lfsync doesn't manage."""
    return KINDS[name] if name in KINDS or not is_kind(name) else _object(name)


def is_among(kind: str, kinds: Container[str]) -> bool:
    """Whether a kind is one of these, or a type of custom objects where all types are."""
    return kind in kinds or (kind.startswith(OBJECT) and ANY_TYPE in kinds)


def target_kind(object_type: str) -> str:
    """The kind that an `objectType` of the API means: `$account`, `member`, a custom object's slug."""
    name = object_type.removeprefix("$")
    known = name.lower()
    return known if known in KINDS or known in _FOREIGN else OBJECT + name


@cache
def _object(name: str) -> Kind:
    """A type of custom objects (API sheet 4.10): what it has, its definitions say; nothing lists its trash."""
    return Kind(
        name=name,
        section=OBJECTS,
        path=f"/v1/objects/{name.removeprefix(OBJECT)}",
        values="/values",
        scope="custom_objects",
        matches=(),
        fields={},
        relationships={},
        custom_fields=True,
        history=True,
        filterable=True,
        trash=False,
        keyed=False,
    )


# A list holds records of one kind; the key of its members in a request, by that kind (API sheet 4.7).
MEMBER_KEYS: Mapping[str, str] = {
    "account": "$accounts",
    "contact": "$contacts",
    "opportunity": "$opportunities",
}


def member_kind(object_type: object) -> str | None:
    """The kind of a list's members, by its `$objectType` with or without the `$` (U20)."""
    kind = str(object_type).removeprefix("$")
    return kind if kind in MEMBER_KEYS else None


PREFIXES: Mapping[str, str] = {
    "mem_": "member",
    "fil_": "file",
    "file_": "file",
    "eml_": "email",
    "ad_": "field definition",
    "rd_": "relationship definition",
    "opt_": "option",
    "pd_": "pipeline",
} | {kind.id_prefix: kind.name for kind in KINDS.values() if kind.id_prefix}
"""What an id is the id of, by its prefix (API sheet 2.5). Other prefixes are unknown (U27)."""

TITLE_KEYS: Final = ("$name", "$title", "name", "title", "filename")
"""The fields that hold what a person calls a record, best first."""

TYPES: Final = (
    *("TEXT", "MARKDOWN", "HTML", "NUMBER", "CURRENCY", "CHECKBOX", "DATETIME", "EMAIL", "TELEPHONE", "URL"),
    *("SOCIAL_HANDLE", "ADDRESS", "FULL_NAME", "SINGLE_SELECT", "MULTI_SELECT"),
)
"""The types that a field may have (API sheet, section 3); `values/table.py` has a row for each."""

_RANK = {name: rank for rank, name in enumerate(KINDS)}


_ID = re.compile(r"[A-Za-z]+_[A-Za-z0-9_-]+", re.ASCII)
# Whether ids of custom objects have a prefix at all is not known (U27): long, of letters and digits, as no word is.
_BARE_ID = re.compile(r"(?=\D*\d)[A-Za-z0-9]{16,}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)


def is_id(text: str) -> bool:
    """Whether a text may be an id, of whatever prefix: `con_artists & co` is a company, not a contact."""
    return _ID.fullmatch(text) is not None or _BARE_ID.fullmatch(text) is not None


def id_kind(text: str) -> str | None:
    """The kind that an id belongs to; None if the text is no id, or its prefix is not known."""
    return PREFIXES.get(text[: text.index("_") + 1]) if _ID.fullmatch(text) else None


def rank(address: Address) -> tuple[int, str, str]:
    """The order among independent ones: by kind, then by key."""
    return (_RANK.get(address.kind, len(_RANK)), address.kind, address.key)

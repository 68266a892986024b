"""What worlds are made of, and what the oracle knows of it: fields with their types, links with their edges, values.

For each field: what files declare, and what people type (equal to none of the declared ones). Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import md5
from typing import Any, NamedTuple

import phonenumbers

# A type of custom objects goes by its slug here, as in the sandbox: `project.x` stands for `object.project.x`.
KINDS = ("account", "contact", "opportunity", "file", "meeting", "task", "note", "list", "project")
OBJECT = "object."
SECTIONS = {
    "account": "accounts", "contact": "contacts", "opportunity": "opportunities", "task": "tasks", "note": "notes",
    "list": "lists", "project": "objects/project", "meeting": "meetings", "file": "files",
}  # fmt: skip
NAMES = {
    "account": "$name", "contact": "$name", "opportunity": "$name", "task": "$title", "note": "$title", "list": "$name",
    "project": "name", "meeting": "$title",
}  # fmt: skip
IDENTITY = ("$objectType", "$email", "$startDate", "$endDate")
"""What a record needs beside its name to be the one that files declare."""


class Field(NamedTuple):
    """One field that worlds use."""

    type: str
    declared: Sequence[Any]
    people: Sequence[Any]


_OPTIONS = ("Gold", "Silver", "Bronze")
_TAGS = ("Red", "Green", "Blue")
_SPAM = "x@spam.example"  # on the block list: its meetings vanish
_ADDRESS = {"street": "12 Harbour Road", "city": "Kiel", "country": "DE"}

FIELDS: Mapping[str, Mapping[str, Field]] = {
    "account": {
        "$website": Field("URL", (["https://acme.example"], ["b.example", "https://C.example/"]), (["z.example"],)),
        "$primaryAddress": Field("ADDRESS", (_ADDRESS, {"city": "Oslo"}), ({"city": "Rome", "country": "IT"},)),
        "$linkedIn": Field("SOCIAL_HANDLE", ("https://linkedin.com/company/acme",), ("linkedin.com/company/zed",)),
        "nickname": Field("TEXT", ("Sunny", " spaced ", "e\u0301clair", None), ("typed by hand", "sunny")),
        "score": Field("NUMBER", (1, 2.5, 0, None), (99, -7)),
        "revenue": Field("CURRENCY", (75000, 12.5), (1,)),
        "partner": Field("CHECKBOX", (True,), (False,)),
        "since": Field("DATETIME", ("2027-03-01", "2027-03-01T10:00:00+02:00"), ("2001-01-01T00:00:00Z",)),
        "hotline": Field("TELEPHONE", (["+1 202-555-0123"],), (["+49 30 901820"],)),
        "tier": Field("SINGLE_SELECT", ("Gold", "Silver", None), ("Bronze",)),
        "tags": Field("MULTI_SELECT", (["Red", "Green"], ["Green"]), (["Blue"],)),
    },
    "contact": {
        "rank": Field("NUMBER", (1, 2), (50,)),
        "$doNotContact": Field("CHECKBOX", (True,), (False,)),
        "$profilePhotoUrl": Field("URL", ("https://img.example/a.png",), ("https://img.example/z.png",)),
    },
    "opportunity": {
        "$amount": Field("CURRENCY", (75000, 0.5, None), (42,)),
        "$stage": Field("SINGLE_SELECT", ("Discovery", "Proposal"), ("Lost",)),
        "memo": Field("TEXT", ("first", "second"), ("by hand",)),
    },
    "task": {
        "$status": Field("WORD", ("TODO", "IN_PROGRESS"), ("COMPLETE",)),
        "$description": Field("MARKDOWN", ("Use the **list**.", "# T\n\n- a\n- b\n", None), ("done by hand",)),
        "$dueAt": Field("DATETIME", ("2027-12-15T17:00:00-06:00", None), ("2030-01-01T00:00:00Z",)),
    },
    "file": {},
    "meeting": {
        "$description": Field("MARKDOWN", ("About *solar*", None), ("About wind",)),
        "$meetingUrl": Field("URL", ("https://meet.example/x",), ("https://meet.example/z",)),
        "$organizerEmail": Field("EMAIL", ("Kai@corp.example", "mia@corp.example"), ("ole@guest.example",)),
        "$attendeeEmails": Field(
            "EMAIL",
            (["ada@guest.example"], ["kai@corp.example", "Ada@guest.example"], None),
            (["zed@guest.example"], [_SPAM]),
        ),
        "$privacySetting": Field("WORD", ("FULL", "METADATA", None), ("METADATA", "FULL")),
        "$meetingPrep": Field("MARKDOWN", ("Read **it**", "- a\n- b\n", None), ("prepared by hand",)),
        "$postMeetingSummary": Field("MARKDOWN", ("All agreed", None), ("summed up by hand",)),
    },
    "note": {"$content": Field("MARKDOWN", ("## Agreed\n- call", "text", None), ("by hand",))},
    "list": {"$description": Field("TEXT", ("Curated", "In git", None), ("by hand",))},
    "project": {
        "goal": Field("TEXT", ("Moon", " Mars ", None), ("by hand",)),
        "budget": Field("CURRENCY", (75000, 0.5, None), (42,)),
        "phase": Field("SINGLE_SELECT", ("Plan", "Build", None), ("Done",)),
    },
}
_KEYS: Mapping[str, Mapping[str, str]] = {
    "account": {"$name": "TEXT"},
    "contact": {"$name": "FULL_NAME", "$email": "EMAIL"},
    "opportunity": {"$name": "TEXT"},
    "task": {"$title": "TEXT"},
    "note": {"$title": "TEXT"},
    "list": {"$name": "TEXT", "$objectType": "OBJECT_TYPE"},
    "project": {"name": "TEXT"},
    "file": {},
    "meeting": {"$title": "TEXT", "$startDate": "DATETIME", "$endDate": "DATETIME"},
}
TYPES: Mapping[str, Mapping[str, str]] = {
    kind: {**_KEYS[kind], **{key: field.type for key, field in FIELDS[kind].items()}} for kind in KINDS
}


class Link(NamedTuple):
    """One relationship: the edge of the database that holds it, and whether the record is its source."""

    edge: str
    source: bool
    target: str
    many: bool
    far_many: bool = True


LINKS: Mapping[str, Mapping[str, Link]] = {
    "account": {
        "$owner": Link("account.$owner", True, "member", False),
        "$contact": Link("account.$contact", True, "contact", True),
        "sponsor": Link("account.sponsor", True, "contact", False),
        "parent": Link("account.parent", True, "account", False),
        "peers": Link("account.peers", True, "account", True),
        "main": Link("account.main", True, "project", False),
    },
    "contact": {"$account": Link("account.$contact", False, "account", True)},
    "opportunity": {
        "$account": Link("opportunity.$account", True, "account", False),
        "$owner": Link("opportunity.$owner", True, "member", False),
        "$champion": Link("opportunity.$champion", True, "contact", False),
    },
    "task": {
        "$assignedTo": Link("task.$assignedTo", True, "member", False),
        "$account": Link("task.$account", True, "account", False),
        "$opportunity": Link("task.$opportunity", True, "opportunity", False),
    },
    "note": {
        "$account": Link("note.$account", True, "account", True),
        "$contact": Link("note.$contact", True, "contact", True),
        "$opportunity": Link("note.$opportunity", True, "opportunity", True),
        "$meeting": Link("note.$meeting", True, "meeting", True),
    },
    "file": {},
    "meeting": {"$transcript": Link("meeting.$transcript", True, "file", False)},
    "list": {},
    "project": {
        "customer": Link("project.customer", True, "account", False),
        "follows": Link("project.follows", True, "project", False),
    },
}
MEMBERS = "list.$members"
# What lists by rule ask for (rule K1): of several values any one will do, and null is none at all.
RULES: Mapping[str, Mapping[str, Sequence[Any]]] = {
    "account": {
        "tier": ("Gold", ["Gold", "Silver"], ["Bronze", None], None),
        "score": (7, [1, 2.5, 99]),
        "partner": (True,),
        "nickname": ("Sunny", ["typed by hand", None]),
        "$owner": ("kai@corp.example", ["mia@corp.example", None]),
    },
    "contact": {"rank": (1, [2, 50], [1, None]), "$doNotContact": (True,)},
}
PEOPLE = ("kai@corp.example", "mia@corp.example")
REQUIRED = {
    "account": (), "contact": (), "opportunity": ("$account",), "task": ("$assignedTo",), "note": (), "list": (),
    "project": (), "file": (), "meeting": (),
}  # fmt: skip
MATCHES: Mapping[str, Sequence[Sequence[str]]] = {
    "account": (("$name",),),
    "contact": (("$email",), ("$name",)),
    "opportunity": (("$name", "$account"),),
    "task": (("$title", "$account"),),
    "note": (("$title", "$account"),),
    "list": (("$name", "$objectType"),),
    "project": (),  # it must say
    "file": (),  # its content
    "meeting": (("$title", "$startDate"),),
}

# ---------------------------------------------------------------- meetings and files

TEXTS = ("$meetingPrep", "$postMeetingSummary")
_SERVERS = "Written by the server: "


def by_server(key: str, value: Any) -> bool:
    """Whether a text of a meeting is one that the sandbox made up."""
    return key in TEXTS and str(value).startswith(_SERVERS)


def is_private(record: Mapping[str, Any]) -> bool:
    """Whether a meeting of these fields shows its metadata alone to the member whose key is no admin's."""
    people = [*_emails(record.get("$organizerEmail")), *_emails(record.get("$attendeeEmails"))]
    return record.get("$privacySetting") == "METADATA" and PEOPLE[0] not in people


def _emails(value: Any) -> list[str]:
    return [str(item).casefold() for item in (value if isinstance(value, list) else [value] if value else [])]


CONTENTS = ("alpha", "gamma", "longer than the other ones", "0123456789" * 40_000)
MIMES = ("text/plain", "text/markdown")
PURPOSES = ("", "", "", "meeting_transcript", "knowledge_user", "knowledge_workspace")


def digest(content: str) -> str:
    """What the sandbox keeps of a content."""
    return md5(content.encode(), usedforsecurity=False).hexdigest()


def plain_name(name: str) -> str:
    """A file's name without the milliseconds that the API puts before the ending of knowledge's names."""
    return re.sub(r"-\d{13}(?=(\.[^.]*)?$)", "", name)


def records_path(kind: str) -> str:
    """Where a record of a kind is made, and stands under its id."""
    return f"/v1/{SECTIONS[kind]}{'/values' if kind == 'project' else ''}"


def objects() -> dict[str, Any]:
    """The seed's types of custom objects."""
    follows = {
        "asSource": {"cardinality": "HAS_ONE", "label": "Follows"},
        "asDestination": {"cardinality": "HAS_MANY", "label": "Before"},
    }
    return {
        "project": {
            "fields": {
                "name": {"type": "TEXT"},
                "goal": {"type": "TEXT"},
                "budget": {"type": "CURRENCY", "currency": "EUR"},
                "phase": {"type": "SINGLE_SELECT", "options": ["Plan", "Build", "Done"]},
            },
            "relationships": {
                "customer": {"target": "account", "cardinality": "HAS_ONE"},
                "follows": {"target": "project", "cardinality": "HAS_MANY", "directions": follows},
            },
        }
    }


def definitions() -> dict[str, Any]:
    """The seed's definitions."""
    parent = {
        "asSource": {"cardinality": "HAS_ONE", "label": "Parent"},
        "asDestination": {"cardinality": "HAS_MANY", "label": "Subsidiaries"},
    }
    return {
        "account": {
            "fields": {
                "nickname": {"type": "TEXT"},
                "score": {"type": "NUMBER"},
                "revenue": {"type": "CURRENCY", "currency": "EUR"},
                "partner": {"type": "CHECKBOX"},
                "since": {"type": "DATETIME"},
                "hotline": {"type": "TELEPHONE"},
                "tier": {"type": "SINGLE_SELECT", "options": list(_OPTIONS)},
                "tags": {"type": "MULTI_SELECT", "options": list(_TAGS)},
            },
            "relationships": {
                "sponsor": {"target": "contact", "cardinality": "HAS_ONE"},
                "main": {"target": "project", "cardinality": "HAS_ONE"},
                "peers": {"target": "account", "cardinality": "HAS_MANY"},
                "parent": {"target": "account", "cardinality": "HAS_MANY", "directions": parent},
            },
        },
        "contact": {"fields": {"rank": {"type": "NUMBER"}}},
        "opportunity": {"fields": {"memo": {"type": "TEXT"}}},
    }


BLOCKLIST = [_SPAM]
MEMBERS_SEED = [
    {"ref": "admin", "email": "admin@corp.example", "role": "admin"},
    {"ref": "kai", "email": PEOPLE[0]},
    {"ref": "mia", "email": PEOPLE[1]},
]


# ---------------------------------------------------------------- when are two values one


def plain(text: Any) -> str:
    """Text as rules C18 and I2 compare it."""
    return unicodedata.normalize("NFC", str(text)).strip()


def same(type: str, declared: Any, stored: Any, options: Mapping[str, str]) -> bool:
    """Whether the database holds what a file declares, whatever form the server gave it (rules C5 to C8, S5)."""
    left, right = form(type, declared, options), form(type, stored, {})
    return bool(left == right)


def form(type: str, value: Any, options: Mapping[str, str]) -> Any:
    """One form for all spellings of a value. `options`: ids of a select by label."""
    if value is None or value == "" or value == []:
        return None
    made: Any = _FORMS.get(type, plain)(value) if type not in _SELECTS else _SELECTS[type](value, options)
    return made or None if isinstance(made, str | frozenset | tuple) else made


def _instant(value: Any) -> str:
    text = str(value)
    moment = datetime.fromisoformat(text if "T" in text else f"{text}T00:00:00+00:00")
    return moment.astimezone(UTC).isoformat()


def _url(value: Any) -> str:
    text = re.sub(r"^https?://", "", plain(value), flags=re.IGNORECASE)
    host, slash, rest = text.partition("/")
    return f"{host.lower()}{slash}{rest}".rstrip("/")


def _phone(value: Any) -> str:
    found = phonenumbers.parse(str(value), "US")
    return str(phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164))


def _set(one: Any) -> Any:
    return lambda value: frozenset(map(one, value if isinstance(value, list) else [value]))


def _parts(value: Any) -> frozenset[tuple[str, str]]:
    return frozenset((key, plain(part)) for key, part in dict(value).items() if part not in (None, ""))


def _markdown(value: Any) -> str:
    lines = [re.sub(r"^(\s*)[*+] ", r"\1- ", line.rstrip()) for line in str(value).splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


_FORMS: Mapping[str, Any] = {
    "NUMBER": lambda value: round(float(value), 2),
    "CURRENCY": lambda value: round(float(value), 2),
    "CHECKBOX": bool,
    "DATETIME": _instant,
    "URL": _set(_url),
    "EMAIL": _set(lambda value: plain(value).casefold()),
    "TELEPHONE": _set(_phone),
    "ADDRESS": _parts,
    "FULL_NAME": _parts,
    "MARKDOWN": _markdown,
    "OBJECT_TYPE": lambda value: str(value).removeprefix("$"),
    "SOCIAL_HANDLE": lambda value: _url(value).removeprefix("linkedin.com/").removeprefix("www.linkedin.com/"),
}
_SELECTS: Mapping[str, Any] = {
    "SINGLE_SELECT": lambda value, options: options.get(value, value),
    "MULTI_SELECT": lambda value, options: frozenset(options.get(item, item) for item in value),
}

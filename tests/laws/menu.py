"""What random cases are put together from: definitions, odd texts, and every value type in several spellings. Pure.

Three columns for each field: DECLARED is what files say, LIVE what the API holds before lfsync comes, and EDITED what
a person types in between, which is equal to none of the declared ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Data: TypeAlias = Any  # plain data on its way into a YAML file

ODD_TEXTS: Sequence[str] = (
    "Acme",
    "acme",
    "Ünïcode ☃ 🦄",
    "no",
    "0o17",
    "2027-03-01",
    'it\'s "quoted", {really}: [yes] # not',
    "a\tb",
    "[31mred",
    "‮reversed",
    "e\u0301clair",
    "{{ 7*7 }} %s <b>",
    "-5",
    "null",
    "Zoë & Söhne / GmbH; 100%",
    "x" * 90,
)
OPTIONS = ("Gold", "Silver", "Übergröße", "2027", "Manual")
TAGS = ("Red", "Green", "Dark  Blue", "Manual")
PIPELINES = {"New business": ["Qualified", "Proposal", "Won"], "Renewals": ["Qualified", "Renewed"]}
STAGES = ["Discovery", "Proposal", "Won"]

CUSTOM_FIELDS: Mapping[str, Data] = {
    "blurb": {"type": "TEXT"},
    "score": {"type": "NUMBER", "label": "Score"},
    "revenue": {"type": "CURRENCY", "currency": "EUR"},
    "isPartner": {"type": "CHECKBOX"},
    "renewalDate": {"type": "DATETIME"},
    "support": {"type": "EMAIL"},
    "copies": {"type": "EMAIL", "multiple": True},
    "hotline": {"type": "TELEPHONE"},
    "portal": {"type": "URL"},
    "mirrors": {"type": "URL", "multiple": True},
    "site": {"type": "ADDRESS"},
    "chief": {"type": "FULL_NAME"},
    "profile": {"type": "SOCIAL_HANDLE", "handle_service": "LINKEDIN"},
    "tier": {"type": "SINGLE_SELECT", "options": [*OPTIONS, {"label": "Retired", "archived": True}]},
    "tags": {"type": "MULTI_SELECT", "options": list(TAGS)},
    "about": {"type": "MARKDOWN"},
    "locked": {"type": "TEXT", "read_only": True},
}
CUSTOM_RELATIONSHIPS: Mapping[str, Mapping[str, Data]] = {
    "account": {
        "backers": {"target": "contact", "cardinality": "HAS_MANY"},
        "sponsor": {"target": "contact", "cardinality": "HAS_ONE"},
        "main": {"target": "project", "cardinality": "HAS_ONE"},
        "peers": {"target": "account", "cardinality": "HAS_MANY"},
        "parent": {
            "target": "account",
            "cardinality": "HAS_MANY",
            "directions": {
                "asSource": {"cardinality": "HAS_MANY", "label": "Parents"},
                "asDestination": {"cardinality": "HAS_MANY", "label": "Subsidiaries"},
            },
        },
    },
    "contact": {"buddy": {"target": "member", "cardinality": "HAS_ONE"}},
    "opportunity": {"rivals": {"target": "account", "cardinality": "HAS_MANY"}},
}

OBJECT = "object.project"
_AFTER = {
    "asSource": {"cardinality": "HAS_MANY", "label": "After"},
    "asDestination": {"cardinality": "HAS_MANY", "label": "Before"},
}
OBJECTS: Mapping[str, Data] = {
    "project": {
        "label": "Project",
        "fields": {"name": {"type": "TEXT", "label": "Name"}, **CUSTOM_FIELDS},
        "relationships": {
            "customer": {"target": "account", "cardinality": "HAS_ONE"},
            "team": {"target": "contact", "cardinality": "HAS_MANY"},
            "lead": {"target": "member", "cardinality": "HAS_ONE"},
            "after": {"target": "project", "cardinality": "HAS_MANY", "directions": _AFTER},
        },
    }
}

_ADDRESS = {"street": "12 Harbour Road", "city": "Kiel", "postalCode": "24103", "country": "DE"}

DECLARED: Mapping[str, Sequence[Data]] = {
    "blurb": (*ODD_TEXTS, " with space ", "two\nlines\n"),
    "score": (0, 5, 5.0, -3.5, 12.345, 2**53 - 1, 1e3),
    "revenue": (75000, 12.5, 12.50, 0, -1),
    "isPartner": (True, False),
    "renewalDate": (
        "2027-03-01",
        "2027-03-01T17:00:00-06:00",
        "2027-03-01T23:00:00Z",
        "2027-03-01 10:00:00.123+05:30",
        "1999-12-31T23:59:59.999Z",
    ),
    "support": ("Ada@Acme.example", "ada@acme.example", "MAX+tag@sub.Example.com"),
    "copies": ("Ada@Acme.example", ["b@x.example", "A@x.example"], ["a@x.example", "B@X.example"]),
    "hotline": (["+1 202-555-0123"], "(202) 555-0123 x100", ["+12025550123;ext=100", "+49 30 901820"], "030901820"),
    "portal": ("acme.example", "https://Acme.example/", "http://acme.example/a/B?q=1", "https://münchen.example/ä"),
    "mirrors": ("acme.example", ["https://b.example/", "HTTPS://A.example"], ["a.example", "b.example/x"]),
    "site": (_ADDRESS, {"city": "Oslo", "country": "no"}, {**_ADDRESS, "latitude": 54.3, "longitude": 10.1}),
    "chief": ({"firstName": "Ada", "lastName": "Lind"}, {"lastName": "  Ö  "}, {"firstName": "Ada"}),
    "profile": ("https://www.linkedin.com/company/Acme/", "linkedin.com/in/ada?utm=1"),
    "tier": ("Gold", "gold ", "ÜBERGRÖSSE", 2027, "@option:tier:1"),
    "tags": (["Red", "Green"], ["green", "@option:tags:0"], "dark blue", ["Red"]),
    "about": ("# Title\n\n- a\n- b\n", "plain", "tab\tand  two  spaces\r\nCRLF", "    code\n"),
    "$website": ("https://acme.example", ["B.example", "https://a.example/"], ["https://a.example"]),
    "$linkedIn": ("https://linkedin.com/company/acme",),
    "$primaryAddress": (_ADDRESS, {"street": "x", "state": "OR"}),
    "$title": ("CEO", " Head of X "),
    "$doNotContact": (True, False),
    "$profilePhotoUrl": ("https://img.example/a.png",),
    "$amount": (75000, 0.1, 12.50),
    "$description": ("Use the **2026** template.", "x\n\n\ny"),
    "$dueAt": ("2026-12-15T17:00:00-06:00", "2026-12-15"),
    "$content": ("## Agreed\n- weekly call", "text  \nwith break"),
    "$attendeeEmails": (["Ada@corp.example"], ["b@corp.example", "A@corp.example"]),
    "$privacySetting": ("METADATA", "metadata"),
    "$meetingPrep": ("Read **this**.", "x\n\n\ny"),
    "$postMeetingSummary": ("# Went well\n",),
}
LIVE: Mapping[str, Sequence[Data]] = {
    "blurb": ("Acme", "old", " with space "),
    "score": (5, 7.25, 0),
    "revenue": (75000, 1),
    "isPartner": (True, False),
    "renewalDate": ("2027-03-01T23:00:00Z", "2020-01-01T00:00:00Z"),
    "support": ("ada@acme.example", "old@x.example"),
    "copies": (["a@x.example", "b@x.example"],),
    "hotline": (["+12025550123"], ["+4930901820"]),
    "portal": ("https://acme.example", "https://old.example"),
    "mirrors": (["https://a.example", "https://b.example"],),
    "site": (_ADDRESS, {"city": "Bergen", "street2": "kept?"}),
    "chief": ({"firstName": "Ada", "lastName": "Lind"}, {"firstName": "Old", "lastName": "Name"}),
    "profile": ("https://www.linkedin.com/company/acme",),
    "tier": ("Gold", "Silver"),
    "tags": (["Red"], ["Green", "Red"]),
    "about": ("plain", "old text"),
    "$website": (["https://a.example"],),
    "$title": ("CEO", "Clerk"),
    "$amount": (75000, 3),
    "$description": ("old",),
    "$dueAt": ("2026-12-15T23:00:00Z",),
    "$content": ("old",),
    "$attendeeEmails": (["ada@corp.example"], ["old@corp.example"]),
    "$privacySetting": ("METADATA",),
    "$meetingPrep": ("old",),
}
EDITED: Mapping[str, Data] = {
    "blurb": "by\x1b[31m hand",
    "score": 99.5,
    "revenue": 987654,
    "renewalDate": "2031-01-02T03:04:05Z",
    "support": "hand@made.example",
    "copies": ["hand@made.example"],
    "hotline": ["+12125550199"],
    "portal": "https://hand.example",
    "mirrors": ["https://hand.example"],
    "site": {"city": "Handville", "country": "FR"},
    "chief": {"firstName": "Hand", "lastName": "Made"},
    "profile": "https://www.linkedin.com/company/hand-made",
    "tier": "Manual",
    "tags": ["Manual"],
    "about": "written by hand",
    "$website": ["https://hand.example"],
    "$linkedIn": "https://linkedin.com/company/hand-made",
    "$primaryAddress": {"city": "Handville"},
    "$title": "Hand",
    "$profilePhotoUrl": "https://img.example/hand.png",
    "$amount": 987654,
    "$description": "written by hand",
    "$dueAt": "2031-01-02T03:04:05Z",
    "$content": "written by hand",
    "$attendeeEmails": ["hand@corp.example"],
    "$privacySetting": "FULL",
    "$meetingPrep": "written by hand",
}

_CUSTOM = tuple(key for key in CUSTOM_FIELDS if key != "locked")
FIELDS: Mapping[str, Sequence[str]] = {
    "account": (*_CUSTOM, "$website", "$linkedIn", "$primaryAddress"),
    "contact": (*_CUSTOM, "$title", "$doNotContact", "$profilePhotoUrl"),
    "opportunity": (*_CUSTOM, "$amount"),
    "task": ("$description", "$dueAt"),
    "file": (),
    "meeting": ("$attendeeEmails", "$privacySetting", "$meetingPrep", "$postMeetingSummary"),
    "note": ("$content",),
    "list": ("$description",),
    OBJECT: _CUSTOM,
}
STATUSES = ("TODO", "IN_PROGRESS", "COMPLETE", "CANCELLED", "todo")


def definitions(pipelines: bool) -> Data:
    """The `definitions` of a seed: every custom field on every kind that takes some."""
    found: dict[str, Data] = {
        kind: {"fields": dict(CUSTOM_FIELDS), "relationships": dict(own)} for kind, own in CUSTOM_RELATIONSHIPS.items()
    }
    found["opportunity"] |= {"pipelines": PIPELINES} if pipelines else {"stages": STAGES}
    return found

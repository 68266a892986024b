"""Random workspaces of every kind, and people who edit them: what the laws of import and accept are tried on.

What is random comes from one `Random`, so that a failure can be looked at again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx

from lfsync.kinds import KINDS, MEMBER_KEYS, kind_of
from lfsync.model import Address
from lfsync.sandbox.quirks import QUIRKS
from tests.faults.town import HEADERS, Town
from tests.laws.files import dump
from tests.laws.menu import CUSTOM_FIELDS, CUSTOM_RELATIONSHIPS, DECLARED, EDITED, LIVE, PIPELINES, STAGES, Data

AWKWARD: Sequence[str] = (
    *("yes", "- x", "{a}", "null", "1e3", "0123", "12:30", "---", "…", "!!!", "a: b", "a #b", "'", '"', " lead"),
    *("trail ", "Müller & Co", "日本", "Acme.", "con_artists & co", "acme", "ACME", "A" * 300, "x\ty", "é", "é"),
    *("#1", "@home", "$name", "1_000", "<<", "=", "0x1F", ".inf", "~", "2027-03-01"),
    *("\u202ereversed", "\u2028", "a\x85b", "\ufeffmarked", "🦄", "%s {{ 7*7 }}", "| pipe", "> more", "&a", "*a"),
)
TEXTS: Sequence[str] = (
    *AWKWARD,
    *("one\ntwo", "one\n\ntwo\n", "\n\n", "   ", "a\n---\nb\n...\nc", "a\r\nb\rc", "# T\n\n- a\n- b\n\nc"),
    *("\ta\n\tb\nc\nd\ne", "trailing  \nblanks \n\t\nhere ", "  indented\nfirst\nline\nof\nmany", "a\nb\nc\nd\n\n\n"),
    *("a\nb\nc", "a\nb\nc\n", "a\nb\nc\nd", "a\nb\nc\nd\n", "a\r\nb\r\nc\r\nd", "\ufeffa\nb\nc\nd", "a\n" * 50),
)  # fmt: skip
# What the API takes and no file of a project can hold; nobody can seed it, so people type it.
CONTROLS: Sequence[str] = ("a\x00b", "\x1b[31mred", "x\x00\ny\nz\nw\nv")

_FIELDS: Mapping[str, Data] = {**CUSTOM_FIELDS, "cost": {"type": "CURRENCY", "currency": "USD"}}
_BOTH_WAYS = {
    "supplier": {
        "target": "account",
        "cardinality": "HAS_ONE",
        "inverse": {"key": "supplies", "cardinality": "HAS_MANY"},
    },
    "venue": {"target": "site", "cardinality": "HAS_ONE", "inverse": {"key": "events", "cardinality": "HAS_MANY"}},
    "sites": {"target": "site", "cardinality": "HAS_MANY", "inverse": {"key": "projects", "cardinality": "HAS_MANY"}},
    "customer": {"target": "account", "cardinality": "HAS_ONE"},
    "team": {"target": "contact", "cardinality": "HAS_MANY"},
    "lead": {"target": "member", "cardinality": "HAS_ONE"},
    "deal": {"target": "opportunity", "cardinality": "HAS_ONE"},
    "after": {
        "target": "project",
        "cardinality": "HAS_MANY",
        "directions": {
            "asSource": {"cardinality": "HAS_MANY", "label": "After"},
            "asDestination": {"cardinality": "HAS_MANY", "label": "Before"},
        },
    },
}
_OBJECTS: Mapping[str, Data] = {
    "project": {"label": "Project", "fields": {"name": {"type": "TEXT"}, **_FIELDS}, "relationships": _BOTH_WAYS},
    "site": {"label": "Site", "fields": {"title": {"type": "TEXT"}, "size": {"type": "NUMBER"}}},
}
_MEMBERS = [
    {"ref": "kai", "email": "kai@corp.example", "first": "Kai", "last": "Berg", "role": "admin"},
    {"ref": "mia", "email": "mia@corp.example", "first": "Mia", "last": "Okoye"},
    {"ref": "ole", "email": "Ole@Corp.example"},
    {"ref": "ida", "email": "ida@corp.example", "active": False},
]
_SECTIONS = {
    "account": "accounts",
    "contact": "contacts",
    "opportunity": "opportunities",
    "task": "tasks",
    "meeting": "meetings",
    "note": "notes",
    "object.project": "object.project",
    "object.site": "object.site",
}
# Links of a seed: key → (kind of the targets, whether many). Links of tasks and notes to what is gone are among them.
_LINKS: Mapping[str, Mapping[str, tuple[str, bool]]] = {
    "account": {
        "$owner": ("member", False),
        "peers": ("account", True),
        "parent": ("account", True),
        "backers": ("contact", True),
        "sponsor": ("contact", False),
        "main": ("object.project", False),
    },
    "contact": {"$account": ("account", True), "buddy": ("member", False)},
    "opportunity": {
        "$owner": ("member", False),
        "$champion": ("contact", False),
        "$evaluator": ("contact", False),
        "rivals": ("account", True),
    },
    "task": {"$account": ("account", False), "$opportunity": ("opportunity", False)},
    "meeting": {"$transcript": ("file", False)},
    "note": {
        "$account": ("account", True),
        "$contact": ("contact", True),
        "$opportunity": ("opportunity", True),
        "$meeting": ("meeting", True),
    },
    "object.project": {
        "supplier": ("account", False),
        "customer": ("account", False),
        "venue": ("object.site", False),
        "sites": ("object.site", True),
        "team": ("contact", True),
        "lead": ("member", False),
        "deal": ("opportunity", False),
        "after": ("object.project", True),
    },
    "object.site": {},
}
_CUSTOM = tuple(key for key in _FIELDS if key != "locked")
_OWN: Mapping[str, Sequence[str]] = {
    "account": (*_CUSTOM, "$website", "$linkedIn", "$primaryAddress"),
    "contact": (*_CUSTOM, "$title", "$doNotContact", "$profilePhotoUrl"),
    "opportunity": (*_CUSTOM, "$amount"),
    "task": ("$description", "$dueAt"),
    "meeting": ("$attendeeEmails", "$privacySetting", "$meetingPrep", "$description"),
    "note": ("$content",),
    "list": ("$description",),
    "object.project": _CUSTOM,
    "object.site": ("size",),
}
_TEXTUAL = ("blurb", "about", "$title", "$description", "$content", "$meetingPrep")
_MEMBER_KEY = "sk_lf_role_member_RoundTrip"
_ADMIN_KEY = "sk_lf_RoundTrip"


@dataclass(frozen=True)
class World:
    """A seed, the key that lfsync has, the quirks that the sandbox has, and what people merge before the import."""

    seed: Data
    key: str
    quirks: Mapping[str, str]
    merges: bool

    @property
    def text(self) -> str:
        return dump(self.seed)


def world(chance: Random) -> World:
    """A workspace as it may have grown."""
    making = _Making(chance)
    quirks = {quirk.name: chance.choice(quirk.values) for quirk in chance.sample(QUIRKS, chance.randint(0, 4))}
    key = chance.choice([_ADMIN_KEY, _ADMIN_KEY, _MEMBER_KEY])
    return World(making.seed(), key, quirks, merges=chance.random() < 0.3)


class _Making:
    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.refs: dict[str, list[str]] = {
            kind: [f"{kind}{number}" for number in range(chance.randint(1 if kind == "account" else 0, 3))]
            for kind in (*_SECTIONS, "file")
        }
        self.refs["member"] = ["kai", "mia", "ole", "ida"]

    def maybe(self, share: float = 0.5) -> bool:
        return self.chance.random() < share

    def seed(self) -> Data:
        pipelines = self.maybe()
        definitions: dict[str, Data] = {
            kind: {"fields": dict(_FIELDS), "relationships": dict(own)} for kind, own in CUSTOM_RELATIONSHIPS.items()
        }
        definitions["opportunity"] |= {"pipelines": PIPELINES} if pipelines else {"stages": STAGES}
        records = {
            section: [self.record(kind, ref, number) for number, ref in enumerate(self.refs[kind])]
            for kind, section in _SECTIONS.items()
            if kind != "opportunity" or self.refs["account"]
        }
        return {
            "members": _MEMBERS,
            "definitions": definitions,
            "objects": _OBJECTS,
            "files": [
                {"ref": ref, "filename": self.chance.choice(["call.txt", "a/b.txt", "日本.txt"]), "content": f"# {ref}"}
                for ref in self.refs["file"]
            ],
            "records": records,
            "lists": [self.list() for _ in range(self.chance.randint(0, 2))],
        }

    def name(self) -> str:
        return self.chance.choice(AWKWARD)

    def record(self, kind: str, ref: str, number: int) -> Data:
        fields = {**self.identity(kind, number), **self.values(kind)}
        links = {key: self.linked(*row) for key, row in _LINKS[kind].items() if self.refs[row[0]] and self.maybe()}
        if kind == "opportunity":
            links["$account"] = self.chance.choice(self.refs["account"])
        if kind == "task":
            links["$assignedTo"] = self.chance.choice(["kai", "mia"])
        made: dict[str, Data] = {"ref": ref, "fields": fields, "relationships": links}
        if self.maybe(0.15):
            made["trashed"] = True
        elif self.maybe(0.1):
            made["hidden"] = True
        return made

    def identity(self, kind: str, number: int) -> dict[str, Data]:
        name = self.name()
        match kind:
            case "account":
                return {"$name": name}
            case "contact":
                called = {"firstName": name} if self.maybe() else {"firstName": "Ada", "lastName": name}
                mail = {"$email": [f"c{number}@corp.example", "second@corp.example"]} if self.maybe() else {}
                return {"$name": called, **mail}
            case "opportunity":
                return {"$name": name, **({"$stage": "Won"} if self.maybe() else {})}
            case "task":
                return {"$title": name, "$status": self.chance.choice(["TODO", "COMPLETE"])}
            case "meeting":
                dates = {"$startDate": "2026-01-02T10:00:00Z", "$endDate": "2026-01-02T11:00:00.500Z"}
                return {"$title": name, **dates, "$organizerEmail": "kai@corp.example"}
            case "note":
                return {"$title": name}
            case "object.project":
                return {"name": name}
        return {"title": name}

    def values(self, kind: str) -> dict[str, Data]:
        keys = [key for key in _OWN[kind] if self.maybe(_share(kind))]
        return {key: value for key in keys if (value := self.value(key)) is not None}

    def value(self, key: str) -> Data:
        if key in _TEXTUAL:
            return self.chance.choice(TEXTS)
        return self.chance.choice([*LIVE.get(key, _MORE_LIVE.get(key, ()))])

    def linked(self, kind: str, many: bool) -> Data:
        refs = self.refs[kind]
        return self.chance.sample(refs, self.chance.randint(1, len(refs))) if many else self.chance.choice(refs)

    def list(self) -> Data:
        kind = self.chance.choice([*MEMBER_KEYS])
        members = self.chance.sample(self.refs[kind], self.chance.randint(0, len(self.refs[kind])))
        return {"fields": {"$name": self.name(), "$objectType": f"${kind}", **self.values("list")}, "members": members}


def _share(kind: str) -> float:
    """How much of a kind is used: of those with few keys more, so that each of them is."""
    return 0.3 if len(_OWN[kind]) > 6 else 0.7


# What the API holds of keys that the laws' menu has no live value for.
_MORE_LIVE: Mapping[str, Sequence[Data]] = {
    "cost": (0, 12.5, -1, 1e9),
    "size": (0, 3, -0.5, 1e9),
    "tags": (["Red"], ["Green", "Dark  Blue"]),
    "$doNotContact": (True, False),
    "$linkedIn": DECLARED["$linkedIn"],
    "$profilePhotoUrl": DECLARED["$profilePhotoUrl"],
    "$primaryAddress": (DECLARED["$primaryAddress"][0], {"city": "Kiel"}),
}


# ---------------------------------------------------------------- what this key sees


def seen(town: Town) -> dict[str, list[Data]]:
    """The active records that the key of lfsync is shown, by kind."""
    headers = {**HEADERS, "Authorization": f"Bearer {town.key}"}
    with httpx.Client(base_url=town.url, headers=headers, timeout=60, trust_env=False) as client:
        found: dict[str, list[Data]] = {}
        for kind in (*KINDS, "object.project", "object.site"):
            found[kind] = []
            while True:
                page = client.get(kind_of(kind).path, params={"offset": len(found[kind])}).raise_for_status().json()
                found[kind] += page["data"]
                if len(found[kind]) >= page["totalCount"]:
                    break
        return found


def disturb(town: Town, chance: Random) -> None:
    """Somebody pastes control characters into names, now and then."""
    for kind in sorted(_SECTIONS):
        for row in town.rows(kind_of(kind).path):
            if chance.random() < 0.05:
                path = f"{kind_of(kind).record_path}/{row['id']}"
                attempt(town, path, {"fields": _renamed(kind, chance.choice(CONTROLS))})


def merge(town: Town, chance: Random) -> None:
    """Somebody merges two accounts, where there are two."""
    ids = [row["id"] for row in town.rows("/v1/accounts")]
    if len(ids) > 1:
        first, second = chance.sample(ids, 2)
        attempt(town, "/v1/accounts/merge", {"primaryId": first, "duplicateId": second})


# ---------------------------------------------------------------- people


def attempt(town: Town, path: str, body: Data) -> bool:
    """Somebody tries a thing; whether Lightfield let them."""
    return town.people.post(path, json=body).status_code == 200


def people_edit(town: Town, managed: Mapping[Address, str], chance: Random) -> set[tuple[str, str]]:
    """People work on what is managed. (id, key) of what they edited; of links, both of their ends, with the key `~`."""
    edited: set[tuple[str, str]] = set()
    rows = {row["id"]: row for kind in sorted({a.kind for a in managed}) for row in town.rows(kind_of(kind).path)}
    by_kind: dict[str, list[str]] = {"member": [row["id"] for row in town.rows("/v1/members")]}
    for kind, found in seen(town).items():
        by_kind[kind] = [row["id"] for row in found]
    for number, (address, id) in enumerate(sorted(managed.items())):
        path = f"{kind_of(address.kind).record_path}/{id}"
        if kind_of(address.kind).uploaded:
            continue
        fields = {
            key: _new(key, chance)
            for key in _editable(address.kind, town.key)
            if chance.random() < _share(address.kind)
        }
        if chance.random() < 0.2:
            fields |= _renamed(address.kind, f"{chance.choice(AWKWARD)} {number}")
        for key, value in fields.items():
            if attempt(town, path, {"fields": {key: value}}):
                edited.add((id, key))
        for key, (target, many) in [*_LINKS.get(address.kind, {}).items(), *_members(address.kind, rows.get(id))]:
            if by_kind[target] and chance.random() < _share(address.kind):
                linked = _held(town, id, target) if address.kind == "list" else _linked(rows.get(id, {}), key)
                edited |= _relink(town, path, id, key, many, by_kind[target], linked, chance)
    return edited


def _editable(kind: str, key: str) -> Sequence[str]:
    """Who is not shown a meeting's texts knows no last values of it, so that what is shown later is no drift (V2)."""
    return [each for each in _OWN[kind] if each != "$privacySetting" or key != _MEMBER_KEY]


def _new(key: str, chance: Random) -> Data:
    """Another value; None clears."""
    if key in _TEXTUAL:
        return chance.choice([*TEXTS, *CONTROLS[:1], None])
    return chance.choice(
        [*LIVE.get(key, ()), *_MORE_LIVE.get(key, ()), *([EDITED[key]] if key in EDITED else []), None]
    )


def _renamed(kind: str, name: str) -> dict[str, Data]:
    if kind == "contact":
        return {"$name": {"firstName": name, "lastName": "Lind"}}
    keys = {"object.project": "name", "object.site": "title", "task": "$title", "note": "$title", "meeting": "$title"}
    return {keys.get(kind, "$name"): name}


def _members(kind: str, row: Data) -> list[tuple[str, tuple[str, bool]]]:
    if kind != "list" or row is None:
        return []
    held = str(row["fields"]["$objectType"]["value"]).removeprefix("$")
    return [(MEMBER_KEYS[held], (held, True))]


def _relink(
    town: Town, path: str, id: str, key: str, many: bool, ids: Sequence[str], linked: Sequence[str], chance: Random
) -> set[tuple[str, str]]:
    """One link is added, replaced or taken out."""
    other = chance.choice(ids)
    operations: list[Any] = [{"add": [other]}] if many else [{"replace": other}]
    if linked:
        gone = chance.choice(linked) if chance.random() < 0.5 else other
        operations = [{"remove": [gone]}, *operations] if many else [*operations, {"replace": None}]
    if attempt(town, path, {"relationships": {key: chance.choice(operations)}}):
        return {(id, "~"), (other, "~"), *((each, "~") for each in linked)}
    return set()


def _held(town: Town, id: str, kind: str) -> list[str]:
    """The members of a list."""
    return [row["id"] for row in town.rows(f"/v1/lists/{id}/{kind_of(kind).section}")]


def _linked(row: Data, key: str) -> list[str]:
    found = row.get("relationships", {}).get(key) or {}
    values = found.get("values") or []
    return [str(each) for each in values]

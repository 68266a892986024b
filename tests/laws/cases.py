"""Random workspaces and random projects over them, as plain data that becomes YAML and CSV files.

A case is valid by construction: no configuration error, and no two resources that one match can't tell apart. It may
hold resources that are blocked (two records of one name), and everything else that people and files do.

Two marks stand for what is known only once the workspace is there: `@id:SECTION:NUMBER` is the id of that seeded
record, `@option:FIELD:NUMBER` the id of that option.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from hypothesis import strategies as st

from tests.laws.menu import (
    DECLARED,
    FIELDS,
    LIVE,
    OBJECT,
    ODD_TEXTS,
    STATUSES,
    Data,
)

SECTIONS = {
    "account": "accounts",
    "contact": "contacts",
    "opportunity": "opportunities",
    "task": "tasks",
    "file": "files",
    "meeting": "meetings",
    "note": "notes",
    "list": "lists",
    OBJECT: OBJECT,
}
MEMBERS = ("kai@corp.example", "mia@corp.example", "ole@corp.example")
_IDENTITY = ("name", "$name", "$title", "$email", "$startDate", "$endDate")
_OF_A_NEW_MEETING = {
    "$description": ("About **solar**", "x\n\n\ny"),
    "$meetingUrl": ("meet.example/x", "https://Meet.example/"),
    "$organizerEmail": ("Kai@corp.example",),
}
_REWRITTEN = ("$meetingPrep", "$postMeetingSummary")  # by the server, if a quirk says so
_OF_A_NOTE = (
    *(("$account", "account"), ("$contact", "contact")),
    *(("$opportunity", "opportunity"), ("$meeting", "meeting")),
)
_FILENAMES = ("acme.txt", "Ünï ☃ call.txt", "no-ending")
_KEYS = ("acme", "B.irch-2", "0_c@x", "d+e")
ANCHOR = 0  # the first seeded account, contact, opportunity and meeting: no resource claims it, refs may point at it


@dataclass
class Case:
    """`resources` are bodies by kind and key; `rows` are accounts of a CSV source; `contents` of files, by path."""

    seed: dict[str, Data]
    resources: dict[str, dict[str, Data]] = field(default_factory=dict)
    rows: list[dict[str, str]] = field(default_factory=list)
    defaults: dict[str, Data] = field(default_factory=dict)
    pipelines: bool = False
    contents: dict[str, str] = field(default_factory=dict)

    def keys(self, kind: str) -> list[str]:
        return list(self.resources.get(kind, {}))

    def without_files(self) -> Case:
        """The case without uploads, whose create has no key that would be met again (U25)."""
        self.resources.pop("file", None)
        for body in self.resources.get("meeting", {}).values():
            body["relationships"].pop("$transcript", None)
        return self


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A workspace and a project."""
    return _Drawing(draw).case()


class _Drawing:
    """One case on its way. Everything that is random comes from `draw`, so that hypothesis can shrink it."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.case_ = Case({})
        self.records: dict[str, list[dict[str, Data]]] = {kind: [] for kind in SECTIONS}
        self.uploaded: list[dict[str, Data]] = []
        self.twins: dict[tuple[str, str], str] = {}

    def maybe(self) -> bool:
        return self.draw(st.booleans())

    def one(self, values: Sequence[Data]) -> Data:
        return self.draw(st.sampled_from(values))

    def some(self, values: Sequence[Data], most: int = 99) -> list[Data]:
        return self.draw(st.lists(st.sampled_from(values), unique=True, max_size=most)) if values else []

    def case(self) -> Case:
        self.case_.pipelines = self.maybe()
        for kind in SECTIONS:
            keys = _KEYS[: self.draw(st.integers(0 if kind != "account" else 1, 3))]
            self.case_.resources[kind] = {key: {"fields": {}, "relationships": {}} for key in keys}
        self.anchors()
        for kind in SECTIONS:
            for number, key in enumerate(self.case_.keys(kind)):
                self.identity(kind, key, number)
        for kind in SECTIONS:
            for key, body in self.case_.resources[kind].items():
                self.values(kind, body)
                self.lifecycle(kind, key, body)
        self.shared_links()
        self.rows()
        self.strangers()
        self.seed()
        return self.case_

    # ------------------------------------------------------------ what is there already

    def anchors(self) -> None:
        self.record("account", {"$name": "Anchor Ltd", "$website": ["https://anchor.example"]}, "anchor")
        contact = {"$name": {"firstName": "An", "lastName": "Chor"}, "$email": ["anchor@people.example"]}
        self.record("contact", contact, "anchor", {"$account": ["anchor"]})
        self.record("opportunity", {"$name": "Anchor deal"}, "anchor", {"$account": "anchor"})
        self.record(OBJECT, {"name": "Anchor project"}, "anchor", {"customer": "anchor"})
        self.record(
            "meeting", {"$title": "Anchor call", "$startDate": "2026-01-01", "$endDate": "2026-01-02"}, "anchor"
        )

    def record(
        self, kind: str, fields: Data, ref: str | None = None, relationships: Data = None, *, trashed: bool = False
    ) -> None:
        made: dict[str, Data] = {"fields": fields, "relationships": relationships or {}, "trashed": trashed}
        if ref:
            made["ref"] = ref
        if kind == "list":
            made["members"] = made["relationships"].pop("members", [])
        self.records[kind].append(made)

    def live_values(self, kind: str) -> dict[str, Data]:
        keys = self.some([key for key in FIELDS[kind] if key in LIVE], 4)
        return {key: self.one(LIVE[key]) for key in keys}

    def strangers(self) -> None:
        """Records that nothing declares, some of odd names, some in the trash."""
        for number in range(self.draw(st.integers(0, 2))):
            name = f"{self.one(ODD_TEXTS)} stranger {number}"
            self.record("account", {"$name": name, **self.live_values("account")}, trashed=self.maybe())
        if self.maybe():
            links = {"$account": "anchor", "$assignedTo": "kai"}
            self.record("task", {"$title": "Stranger's task", "$status": "TODO"}, None, links)

    def seed(self) -> None:
        self.case_.seed = {
            "members": [
                {"ref": "kai", "email": MEMBERS[0], "first": "Kai", "last": "Berg", "role": "admin"},
                {"ref": "mia", "email": MEMBERS[1], "first": "Mia", "last": "Lund"},
                {"ref": "ole", "email": MEMBERS[2]},
                {"ref": "ida", "email": "ida@corp.example", "active": False},
            ],
            "records": {SECTIONS[kind]: found for kind, found in self.records.items() if kind not in ("list", "file")},
            "lists": self.records["list"],
            "files": self.uploaded,
        }

    # ------------------------------------------------------------ who is who

    def identity(self, kind: str, key: str, number: int) -> None:
        """The fields that a resource is found by, and what of it is live already."""
        body = self.case_.resources[kind][key]
        name = f"{self.one(ODD_TEXTS)} {kind} {number}"
        getattr(self, f"_{kind.partition('.')[0]}")(body, name, number)
        if kind == "file":
            return
        how = self.one(("new", "new", "live", "live", "trashed", "two", "id"))
        if how == "new":
            if kind == "meeting":
                body["fields"] |= {key: self.one(values) for key, values in _OF_A_NEW_MEETING.items() if self.maybe()}
            return
        for ref in (key, f"{key}-2") if how == "two" else (key,):
            self.twin(kind, body, ref, trashed=how == "trashed")
        if how == "id":
            body["id"] = f"@id:{SECTIONS[kind]}:{len(self.records[kind]) - 1}"
        if how in ("live", "id"):
            self.twins[kind, key] = key

    def twin(self, kind: str, body: Data, ref: str, *, trashed: bool) -> None:
        """A live record that a resource's match finds."""
        fields = {key: value for key, value in body["fields"].items() if key in _IDENTITY}
        fields |= self.live_values(kind)
        links: dict[str, Data] = {}
        if kind == "task":
            fields["$status"] = "TODO"
            links["$assignedTo"] = self.one(("kai", "mia"))
        if kind == "list":
            fields["$objectType"] = body["fields"]["$objectType"]
            links["members"] = ["anchor"] if self.maybe() else []
        account = body.get("relationships", {}).get("$account")
        if kind in ("opportunity", "task", "note"):
            links |= self.twin_account(kind, account)
            if kind == "opportunity" and not links:
                links = {"$account": "anchor"}
        if kind == "account" and self.maybe():
            links["peers"] = ["anchor"]
        if kind == OBJECT:
            links |= self.one(({}, {"customer": "anchor"}, {"after": ["anchor"]}))
        self.record(kind, fields, ref, links, trashed=trashed and kind != "list")

    def twin_account(self, kind: str, account: Data) -> dict[str, Data]:
        key = account[0] if isinstance(account, list) and account else account
        if not isinstance(key, str):
            return {}
        ref = "anchor" if key.startswith("@") else self.twins.get(("account", key))
        return {} if ref is None else {"$account": [ref] if kind == "note" else ref}

    def account_ref(self) -> Data:
        """An account of the project, or one that is not managed here: by id or by match."""
        outside = [f"@id:accounts:{ANCHOR}", {"match": {"$name": "Anchor Ltd"}}]
        return self.one([*self.case_.keys("account"), *outside])

    def contact_ref(self) -> Data:
        outside = [f"@id:contacts:{ANCHOR}", {"match": {"$email": "Anchor@people.example"}}]
        return self.one([*self.case_.keys("contact"), *outside])

    def object_ref(self) -> Data:
        outside = [f"@id:{OBJECT}:{ANCHOR}", {"match": {"name": "Anchor project"}}]
        return self.one([*self.case_.keys(OBJECT), *outside])

    def member_ref(self) -> str:
        return str(self.one([*MEMBERS, "KAI@Corp.example", "@id:members:1"]))

    def _account(self, body: Data, name: str, number: int) -> None:
        body["fields"]["$name"] = name
        if self.maybe():
            body["match"] = ["$name"]
        links = body["relationships"]
        if self.maybe():
            links["$owner"] = self.one([self.member_ref(), None])
        if self.maybe():
            links["backers"] = self.exact_or_partial("contact", ANCHOR)
        if self.maybe():
            links["sponsor"] = self.contact_ref()
        if self.maybe():
            links["main"] = self.one([self.object_ref(), None])
        for key in ("peers", "parent"):
            if self.maybe():
                others = [other for other in self.case_.keys("account") if other != _KEYS[number]]
                refs = [*self.some(others), f"@id:accounts:{ANCHOR}"]
                links[key] = refs if self.maybe() else {"include": refs}

    def _contact(self, body: Data, name: str, number: int) -> None:
        if self.maybe():
            body["fields"]["$email"] = self.one((f"P{number}@people.example", [f"p{number}@People.example"]))
        else:
            body["fields"]["$name"] = {"firstName": "P", "lastName": name}
        if self.maybe():
            body["relationships"]["buddy"] = self.one([self.member_ref(), None])

    def _opportunity(self, body: Data, name: str, number: int) -> None:
        body["fields"]["$name"] = name
        links = body["relationships"]
        links["$account"] = self.account_ref()
        for key in self.some(("$champion", "$evaluator")):
            links[key] = self.one([self.contact_ref(), None])
        for key in self.some(("$owner", "$createdBy")):
            links[key] = self.member_ref()
        if self.maybe():
            links["rivals"] = self.exact_or_partial("account", ANCHOR)
        if self.maybe():
            body["fields"] |= self.one(self.stages())

    def stages(self) -> list[dict[str, Data]]:
        if not self.case_.pipelines:
            return [{"$stage": "Proposal"}, {"$stage": "won"}, {"$stage": None}, {"$stage": "@option:$stage:0"}]
        return [
            {"$pipeline": "Renewals", "$stage": "qualified"},
            {"$pipeline": "New business", "$stage": "Qualified"},
            {"$stage": "Won"},
            {"$stage": "@option:$stage:3"},
            {"$stage": None},
        ]

    def _task(self, body: Data, name: str, number: int) -> None:
        body["fields"] |= {"$title": name, "$status": self.one(STATUSES)}
        links = body["relationships"]
        links["$assignedTo"] = self.member_ref()
        if self.maybe():
            links["$account"] = self.one([self.account_ref(), None])
        if self.maybe():
            links["$opportunity"] = self.one([*self.case_.keys("opportunity"), f"@id:opportunities:{ANCHOR}", None])
        if self.maybe():
            links["$createdBy"] = self.member_ref()

    def _meeting(self, body: Data, name: str, number: int) -> None:
        body["fields"] |= {
            "$title": name,
            "$startDate": f"2026-10-0{number + 1}",
            "$endDate": "2026-10-09T10:00:00+02:00",
        }
        if self.maybe():
            body["autoCreateRecords"] = self.maybe()
        if self.maybe() and self.case_.keys("file"):
            body["relationships"]["$transcript"] = self.one(self.case_.keys("file"))

    def _file(self, body: Data, name: str, number: int) -> None:
        """A file of one of few names; one of this name, size and type may be there, of this content or another one."""
        filename, content = self.one(_FILENAMES), f"what number {number} holds"
        body.clear()
        body |= {"path": f"data/{number}/{filename}", "mimeType": self.one(("text/plain", "text/markdown"))}
        purpose = self.one(("", "", "meeting_transcript", "knowledge_user"))
        if purpose:
            body["purpose"] = purpose
        self.case_.contents[body["path"]] = content
        seen = {"filename": filename, "mimeType": body["mimeType"]}
        how = self.one(("new", "new", "alike", "there", "in the app", "id"))
        if how == "alike":
            self.uploaded.append({**seen, "content": content[::-1]})
        elif how != "new":
            self.uploaded.append({**seen, "content": content, "app": how == "in the app"})
        if how == "id":
            body["id"] = f"@id:files:{len([file for file in self.uploaded if not file.get('app')]) - 1}"

    def _note(self, body: Data, name: str, number: int) -> None:
        body["fields"]["$title"] = name
        for key, kind in _OF_A_NOTE:
            if self.maybe():
                body["relationships"][key] = self.exact_or_partial(kind, ANCHOR)

    def _list(self, body: Data, name: str, number: int) -> None:
        kind = self.one(("account", "contact", "opportunity"))
        body["fields"] |= {"$name": name, "$objectType": f"${kind}"}
        if self.maybe():
            body["members"] = self.exact_or_partial(kind, None)
        del body["relationships"]

    def _object(self, body: Data, name: str, number: int) -> None:
        body["fields"]["name"] = name
        body["match"] = self.one((["name"], {"name": name}))
        links = body["relationships"]
        if self.maybe():
            links["customer"] = self.one([self.account_ref(), None])
        if self.maybe():
            links["team"] = self.exact_or_partial("contact", ANCHOR)
        if self.maybe():
            links["lead"] = self.one([self.member_ref(), None])
        if self.maybe():
            others = [other for other in self.case_.keys(OBJECT) if other != _KEYS[number]]
            refs = [*self.some(others), f"@id:{OBJECT}:{ANCHOR}"]
            links["after"] = refs if self.maybe() else {"include": refs}

    def exact_or_partial(self, kind: str, anchor: int | None) -> Data:
        """Targets of one kind: an exact list, or what to include and to exclude."""
        outside = f"@id:{SECTIONS[kind]}:{ANCHOR}"
        refs = self.some([*self.case_.keys(kind), outside])
        if self.maybe():
            return refs
        cut = self.draw(st.integers(0, len(refs)))
        return {"include": refs[:cut], "exclude": refs[cut:]}

    # ------------------------------------------------------------ values

    def values(self, kind: str, body: Data) -> None:
        for key in self.some(FIELDS[kind], 5):
            if key not in body["fields"]:
                body["fields"][key] = self.one([None, *DECLARED[key]])

    def lifecycle(self, kind: str, key: str, body: Data) -> None:
        declared = [*body.get("fields", ()), *body.get("relationships", {})]
        ignored = self.some(declared, 2) if self.maybe() else []
        ignored += [key for key in _REWRITTEN if key in declared and key not in ignored]
        if ignored:
            body["lifecycle"] = {"ignore_changes": ignored}

    def shared_links(self) -> None:
        """account `$contact` and contact `$account` are one link: either side or both declare it, alike (rule C9)."""
        accounts, contacts = self.case_.resources["account"], self.case_.resources["contact"]
        pairs = self.some([(a, c) for a in accounts for c in contacts])
        anchor = f"@id:contacts:{ANCHOR}"
        for key, body in accounts.items():
            if self.maybe():
                linked = [c for a, c in pairs if a == key]
                apart = [c for c in contacts if (key, c) not in pairs]
                body["relationships"]["$contact"] = self.side(linked, apart, anchor)
        for key, body in contacts.items():
            if self.maybe():
                linked = [a for a, c in pairs if c == key]
                apart = [a for a in accounts if (a, key) not in pairs]
                body["relationships"]["$account"] = self.side(linked, apart, f"@id:accounts:{ANCHOR}")

    def side(self, linked: list[str], apart: list[str], anchor: str) -> Data:
        if self.maybe():
            return [*linked, *([anchor] if self.maybe() else [])]
        return {"include": self.some(linked), "exclude": self.some([*apart, anchor])}

    # ------------------------------------------------------------ rows of a source

    def rows(self) -> None:
        for number in range(self.draw(st.integers(0, 3))):
            row = {
                "Id": f"row {number}",
                "Name": f"{self.one(('Row', 'Ünï, row', 'Row | pipe'))} {number}",
                "Score": self.one(("", "5", "-3.50")),
                "Tags": self.one(("", "Red", "Red;Green")),
                "Partner": self.one(("", "yes", "0")),
                "Owner": self.one(("", *MEMBERS)),
                "City": self.one(("", "Kiel")),
            }
            self.case_.rows.append(row)
            if self.maybe():
                self.record("account", {"$name": row["Name"], **self.live_values("account")})


def thin(case: Case, chance: Random) -> None:
    """Let go of some of the resources, and of some of the refs that lists name."""
    for kind, bodies in case.resources.items():
        for key in [key for key in bodies if chance.random() < 0.2]:
            del bodies[key]
        for body in bodies.values():
            links = body.get("relationships", {})
            for key, value in links.items():
                if isinstance(value, list) and kind not in ("task", "note"):
                    links[key] = [ref for ref in value if chance.random() < 0.6]
            if isinstance(body.get("members"), list):
                body["members"] = [ref for ref in body["members"] if chance.random() < 0.6]

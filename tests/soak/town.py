"""The project that the soak tests apply in process: updates, creates, uploads, links either way, a cycle, deletes.

`town` is what the files say now and what is live; `before` is what they said when the state was written last.
Every record has a name of its own, so that a second copy shows.
"""

from __future__ import annotations

from tests.laws.cases import Case
from tests.laws.menu import OBJECT, Data

_STRANGERS = 27
_MEMBERS = [
    {"ref": "kai", "email": "kai@corp.example", "first": "Kai", "last": "Berg", "role": "admin"},
    {"ref": "mia", "email": "mia@corp.example"},
]


def town(*, lists: bool = True, orphan: bool = True, files: bool = True) -> Case:
    """About 30 changes. `lists`: with lists and their members. `orphan`: a bound record that is declared no more.

    `files`: with files, which are the transcripts of meetings.
    """
    case = Case({"members": _MEMBERS, "records": _live(orphan), "lists": [_OLD_LIST] if lists else []})
    case.resources = {
        "account": _accounts(),
        "contact": _contacts(),
        "opportunity": _opportunities(),
        "task": _tasks(),
        "meeting": _meetings(files),
        "note": _notes(),
        OBJECT: _objects(),
    }
    if lists:
        case.resources["list"] = _lists()
    if files:
        case.contents = {"data/call.txt": "what was said", "data/talk.txt": "what was told"}
        case.resources["file"] = {
            key: {"path": f"data/{key}.txt", "mimeType": "text/plain"} for key in ("call", "talk")
        }
    return case


def before(case: Case) -> Case:
    """The project when its state was written: it says what is live, under the keys of then."""
    records = case.seed["records"]
    then = Case(case.seed)
    then.resources = {
        "account": {_key(record): {"fields": record["fields"]} for record in records["accounts"][_STRANGERS:]},
        "contact": {"old-pia": {"fields": records["contacts"][0]["fields"]}},
        "task": {"old-call": _bound_task()},
        "meeting": {"old-meeting": {"fields": records["meetings"][0]["fields"]}},
        OBJECT: {"old-project": {"match": ["name"], "fields": records[OBJECT][0]["fields"]}},
    }
    if case.seed["lists"]:
        strangers = [f"@id:accounts:{number}" for number in range(3)]
        then.resources["list"] = {"old-list": {"fields": _OLD_LIST["fields"], "members": strangers}}
    return then


_OLD_LIST: Data = {
    "fields": {"$name": "Old list", "$objectType": "$account"},
    "members": ["stranger-0", "stranger-1", "stranger-2"],
}


def _key(record: Data) -> str:
    return str(record["fields"]["$name"]).lower().replace(" ", "-")


def _live(orphan: bool) -> Data:
    strangers = [{"ref": f"stranger-{n}", "fields": {"$name": f"Stranger {n}"}} for n in range(_STRANGERS)]
    old = ["Old A", "Old B", "Old C", "Old moved", "Old absent", *(["Old orphan"] if orphan else [])]
    bound = [
        {"ref": name.lower().replace(" ", "-"), "fields": {"$name": name, "blurb": "as it was", "score": 1}}
        for name in old
    ]
    return {
        "accounts": [*strangers, *bound],
        "contacts": [{"fields": {"$email": ["pia@people.example"], "$title": "Clerk", "blurb": "hers"}}],
        "tasks": [
            {
                "fields": {"$title": "Old call", "$status": "TODO"},
                "relationships": {"$assignedTo": "kai", "$account": "old-a"},
            }
        ],
        "meetings": [{"fields": {**_DATES, "$title": "Old meeting", "$privacySetting": "FULL"}}],
        OBJECT: [{"ref": "old-project", "fields": {"name": "Old project", "score": 1}}],
    }


def _bound_task() -> Data:
    return {
        "fields": {"$title": "Old call", "$status": "TODO"},
        "relationships": {"$assignedTo": "kai@corp.example", "$account": "old-a"},
    }


def _accounts() -> Data:
    return {
        "old-a": {"fields": {"$name": "Old A", "blurb": "from git"}, "relationships": {"peers": ["new-1"]}},
        "old-b": {"fields": {"$name": "Old B", "score": 2}, "relationships": {"parent": ["old-a"]}},
        "old-c": {"fields": {"$name": "Old C", "blurb": "as it was"}},
        "renamed": {"fields": {"$name": "Old moved", "score": 7}},
        "old-absent": {"fields": {"$name": "Old absent"}, "lifecycle": {"absent": True}},
        "new-1": {
            "fields": {"$name": "New 1", "tags": ["Red"]},
            "relationships": {"peers": ["new-2"], "$owner": "mia@corp.example"},
        },
        "new-2": {
            "fields": {"$name": "New 2", "revenue": 12.5},
            "relationships": {"peers": ["new-1", "old-c"], "main": "project-1"},
        },
        "new-3": {
            "fields": {"$name": "New 3", "portal": "New3.example", "renewalDate": "2027-03-01"},
            "relationships": {"backers": ["ada", "old-pia"], "sponsor": "ada"},
        },
    }


def _contacts() -> Data:
    return {
        "old-pia": {
            "fields": {"$email": "pia@people.example", "$title": "Head"},
            "relationships": {"$account": ["new-1"]},
        },
        "ada": {
            "fields": {"$email": "ada@people.example", "$name": {"firstName": "Ada", "lastName": "Lind"}},
            "relationships": {"$account": ["old-a", "new-3"]},
        },
        "ben": {"fields": {"$email": "ben@people.example"}, "relationships": {"buddy": "kai@corp.example"}},
    }


def _opportunities() -> Data:
    return {
        "deal-1": {
            "fields": {"$name": "Deal 1", "$stage": "Proposal", "$amount": 5},
            "relationships": {"$account": "new-1", "$champion": "ada"},
        },
        "deal-2": {"fields": {"$name": "Deal 2"}, "relationships": {"$account": "old-a", "rivals": ["new-2", "old-b"]}},
    }


def _tasks() -> Data:
    task = {"$assignedTo": "kai@corp.example"}
    return {
        "old-call": {
            "fields": {"$title": "Old call", "$status": "COMPLETE"},
            "relationships": {"$assignedTo": "mia@corp.example", "$account": "old-a"},
        },
        "call-1": {
            "fields": {"$title": "Call 1", "$status": "TODO"},
            "relationships": {**task, "$account": "new-1", "$opportunity": "deal-1"},
        },
        "call-2": {"fields": {"$title": "Call 2", "$status": "TODO", "$dueAt": "2026-12-15"}, "relationships": task},
    }


_DATES: Data = {"$startDate": "2026-10-01", "$endDate": "2026-10-02"}


def _meetings(files: bool) -> Data:
    """An update and a create, and what goes with an update right after it."""
    made = {
        "old-meeting": {"fields": {**_DATES, "$title": "Old meeting", "$privacySetting": "METADATA"}},
        "meeting-1": {
            "fields": {**_DATES, "$title": "Meeting 1", "$attendeeEmails": ["x@y.example"], "$meetingPrep": "Read it"},
            "lifecycle": {"ignore_changes": ["$meetingPrep"]},
        },
    }
    if files:
        made["old-meeting"]["relationships"] = {"$transcript": "call"}
        made["meeting-1"]["relationships"] = {"$transcript": "talk"}
    return made


def _notes() -> Data:
    return {
        "memo-1": {
            "fields": {"$title": "Memo 1", "$content": "# One\n\n- a"},
            "relationships": {"$account": ["new-1", "old-b"], "$contact": ["ada"]},
        },
        **{
            f"memo-{n}": {"fields": {"$title": f"Memo {n}"}, "relationships": {"$account": ["new-3"]}}
            for n in (3, 4, 5)
        },
        "memo-2": {"fields": {"$title": "Memo 2"}, "relationships": {"$opportunity": {"include": ["deal-2"]}}},
        "memo-6": {"fields": {"$title": "Memo 6"}, "relationships": {"$meeting": ["meeting-1", "old-meeting"]}},
    }


def _objects() -> Data:
    """An update, creates that link to accounts and contacts, and to each other in a circle."""
    return {
        "old-project": {
            "match": ["name"],
            "fields": {"name": "Old project", "score": 2, "blurb": "from git"},
            "relationships": {"customer": "new-1", "after": ["project-1"]},
        },
        "project-1": {
            "match": ["name"],
            "fields": {"name": "Project 1", "tier": "Gold"},
            "relationships": {"customer": "old-a", "team": ["ada", "old-pia"], "after": ["project-2"]},
        },
        "project-2": {
            "match": {"name": "Project 2"},
            "fields": {"name": "Project 2", "revenue": 12.5},
            "relationships": {"lead": "mia@corp.example", "after": ["project-1", "old-project"]},
        },
    }


def _lists() -> Data:
    everyone = [f"@id:accounts:{number}" for number in range(_STRANGERS)]
    return {
        "old-list": {
            "fields": {"$name": "Old list", "$objectType": "$account"},
            "members": ["@id:accounts:0", "new-1", "old-a"],
        },
        "all": {"fields": {"$name": "All", "$objectType": "$account"}, "members": [*everyone, "new-2", "new-3"]},
        "people": {
            "fields": {"$name": "People", "$objectType": "$contact", "$description": "some"},
            "members": {"include": ["ada"], "exclude": ["ben"]},
        },
    }

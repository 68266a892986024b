"""A workspace's definitions as the API gives them, and a shorthand for resources."""

from __future__ import annotations

from typing import Any

from lfsync.model import (
    JSON,
    Address,
    Lifecycle,
    Links,
    Match,
    Member,
    Place,
    Ref,
    Resource,
    Schema,
    Value,
)
from lfsync.planning.definitions import builtin_definitions, parse_definitions


def definition(type: str, label: str = "", **more: Any) -> dict[str, Any]:
    configuration = {key: more.pop(key) for key in list(more) if key not in ("id", "readOnly")}
    return {"label": label, "description": None, "valueType": type, "typeConfiguration": configuration, **more}


def options(*labels: str, parent: str | None = None) -> list[dict[str, Any]]:
    extra = {"parentId": parent} if parent else {}
    prefix = f"{parent}_" if parent else "opt_"
    return [{"id": f"{prefix}{label.lower()}", "label": label, "description": None, **extra} for label in labels]


ACCOUNT: dict[str, Any] = {
    "objectType": "account",
    "fieldDefinitions": {
        "$name": definition("TEXT", "Name", id="ad_n"),
        "$website": definition("URL", "Website", unique=True, multipleValues=True),
        "$primaryAddress": definition("ADDRESS", "Primary address"),
        "$accountStatus": definition("MARKDOWN", "Status", readOnly=True),
        "tier": definition("SINGLE_SELECT", "Support tier", options=options("Gold", "Silver")),
        "tags": definition("MULTI_SELECT", "Tags", options=options("Red", "Blue")),
        "annualRevenue": definition("CURRENCY", "Annual revenue", currency="EUR"),
        "score": definition("NUMBER", "Score", readOnly=True),
        "renewalDate": definition("DATETIME", "Renewal date"),
        "hotline": definition("TELEPHONE", "Hotline"),
        "odd": definition("HOLOGRAM", "Odd"),
    },
    "relationshipDefinitions": {
        "$owner": {"id": "rd_o", "label": "Owner", "cardinality": "HAS_ONE", "objectType": "member"},
        "$account-contact": {"id": "rd_c", "label": "Contacts", "cardinality": "HAS_MANY", "objectType": "contact"},
        "parent": {"label": "Parent", "cardinality": "HAS_MANY", "objectType": "account", "directions": {}},
        "buddy": {"label": "Buddy", "cardinality": "has_one", "objectType": "contact"},
        "$meeting": {"label": "Meetings", "cardinality": "HAS_MANY", "objectType": "meeting"},
        "$files": {"label": "Files", "cardinality": "HAS_MANY", "objectType": "file"},
    },
}

OPPORTUNITY: dict[str, Any] = {
    "objectType": "opportunity",
    "fieldDefinitions": {
        "$name": definition("TEXT", "Name"),
        "$amount": definition("CURRENCY", "Amount", currency="EUR"),
        "$pipeline": definition(
            "SINGLE_SELECT",
            "Pipeline",
            options=[{"id": "pd_new", "label": "New business"}, {"id": "pd_ren", "label": "Renewals"}],
        ),
        "$stage": definition(
            "SINGLE_SELECT",
            "Stage",
            parentFieldKey="$pipeline",
            options=[
                *options("Qualified", "Won", parent="pd_new"),
                *options("Qualified", parent="pd_ren"),
            ],
        ),
    },
    "relationshipDefinitions": {},
}

TASK: dict[str, Any] = {
    "objectType": "task",
    "fieldDefinitions": {
        "$title": definition("TEXT", "Title"),
        "$status": definition("TEXT", "Status"),
        "$dueAt": definition("DATETIME", "Due"),
    },
    "relationshipDefinitions": {
        "$task-account": {"label": "Account", "cardinality": "HAS_ONE", "objectType": "account"},
        "$assignedTo": {"label": "Assignee", "cardinality": "HAS_ONE", "objectType": "member"},
    },
}

SCHEMA = Schema(
    {
        "account": parse_definitions("account", ACCOUNT),
        "opportunity": parse_definitions("opportunity", OPPORTUNITY),
        "task": parse_definitions("task", TASK),
        **{kind: builtin_definitions(kind) for kind in ("contact", "note", "list")},
    },
    (Member("mem_kai", "kai@corp.example", "Kai Berg"), Member("mem_lin", "lin@corp.example", "Lin Ode")),
)

HERE = Place("crm.yaml", 1, 1)


def place(line: int) -> Place:
    return Place("crm.yaml", line, 3)


def ref(text: str | dict[str, JSON]) -> Ref:
    if isinstance(text, dict):
        return Ref(place(7), match={key: Value(data, place(7)) for key, data in text.items()})
    return Ref(place(7), text)


def links(declared: Any) -> Links:
    """`None` or a text for one, a list for the exact set, `{include, exclude}` for a part."""
    if isinstance(declared, list):
        return Links(place(6), "exact", tuple(map(ref, declared)))
    if isinstance(declared, dict) and "match" not in declared:
        parts = {part: tuple(map(ref, declared.get(part, []))) for part in ("include", "exclude")}
        return Links(place(6), "partial", parts["include"], parts["exclude"])
    if isinstance(declared, dict):
        declared = declared["match"]
    return Links(place(6), "one", (ref(declared),) if declared is not None else ())


def match(declared: Any) -> Match:
    if isinstance(declared, dict):
        return Match(place(3), values={key: Value(data, place(3)) for key, data in declared.items()})
    return Match(place(3), keys=tuple(Value(key, place(3)) for key in declared))


def resource(
    address: str,
    fields: dict[str, Any] | None = None,
    relationships: dict[str, Any] | None = None,
    *,
    members: Any = None,
    id: str | None = None,
    by: Any = None,
    ignore: tuple[str, ...] = (),
    line: int = 1,
    ignore_in: str = "crm.yaml",
) -> Resource:
    return Resource(
        Address.parse(address),
        Place("crm.yaml", line, 1),
        {key: Value(data, place(5)) for key, data in (fields or {}).items()},
        {key: links(declared) for key, declared in (relationships or {}).items()},
        None if members is None else links(members),
        None if id is None else Value(id, place(2)),
        None if by is None else match(by),
        Lifecycle(tuple(Value(key, Place(ignore_in, 4, 3)) for key in ignore)),
    )


def project(*resources: Resource) -> dict[Address, Resource]:
    return {one.address: one for one in resources}

"""Three plans to read: of 1, 30 and 3,000 changes. Hidden in the large one: one delete, one conflict, one edit."""

from __future__ import annotations

from dataclasses import replace

from lfsync.model import (
    Address,
    Change,
    LastChange,
    MembersChange,
    Place,
    Plan,
    PlanWarning,
    Refusal,
    Requests,
    WorkspaceInfo,
)
from tests.render.render_samples import field, link

SIZES = (1, 30, 3_000)

DELETE = Address("task", "call-globex")
CONFLICT = Address("account", "initech")
EDIT = Address("opportunity", "hooli-renewal")
"""What a stranger must find at once in the plans of 30 and of 3,000 changes."""


def plan_of(changes: int) -> Plan:
    """One update; or what needs a look among updates that are alike and rows that are created."""
    chosen = (_retitled(),) if changes == 1 else (*_looked_at(), *_alike(changes // 3))
    created = tuple(_created(number) for number in range(changes - len(chosen)))
    plan = Plan(
        workspace=WorkspaceInfo("prod", "https://api.lightfield.app", ("h1",)),
        created_at="2026-11-22T10:00:00Z",
        config_digest="c0ffee",
        changes=(*chosen, *created),
        unchanged=212,
        requests=Requests(read=changes, search=4, write=changes),
        estimated_seconds=changes / 25,
        required_scopes=("accounts:create", "accounts:update"),
    )
    return plan if changes == 1 else _refused(plan)


def _refused(plan: Plan) -> Plan:
    message = "1,004 of 2,100 resources would be updated, more than max_updates (30%) allows"
    warning = PlanWarning("data/companies.csv:14: the pattern of founded does not match 'n/a'; taken as empty")
    return replace(plan, refusals=(Refusal("threshold", "max_updates", message),), warnings=(warning,))


def _retitled() -> Change:
    fields = (field("$title", "Title", "Review pricing", "Review the prices"),)
    return _update(Address("task", "acme-pricing"), "Review pricing", "crm/tasks.yaml", 21, fields=fields)


def _update(address: Address, name: str, file: str, line: int, **more: object) -> Change:
    id = f"{address.kind[:3]}_{address.key.replace('-', '')}"
    place, link = Place(file, line, 3), f"https://crm.example/{id}"
    change = Change(address, "update", place, id=id, name=name, link=link, cause="config")
    return replace(change, **more)  # type: ignore[arg-type]


def _looked_at() -> tuple[Change, ...]:
    gone = _update(DELETE, "Call Globex about the invoice", ".lfsync/state/prod.jsonl", 907)
    stage = field("$stage", "Stage", "Negotiation", "Proposal", "SINGLE_SELECT", "drift")
    moved = replace(stage, changed=LastChange("2026-11-20T08:00:00Z", "Proposal"))
    conflict = (
        field("tier", "Customer tier", "Platinum", "Gold", "SINGLE_SELECT", "conflict"),
        field("$employees", "Employees", 52, 50, "NUMBER", "config"),
    )
    members = MembersChange(tuple(f"account.company-{n:04}" for n in range(1, 25)), ("account.initech",))
    return (
        replace(gone, action="delete", warnings=("it existed before lfsync managed it",)),
        _update(CONFLICT, "Initech", "crm/accounts.yaml", 29, cause="conflict", fields=conflict),
        _update(EDIT, "Hooli renewal 2027", "crm/opportunities.yaml", 12, cause="drift", fields=(moved,)),
        _update(Address("list", "q4-targets"), "Q4 targets", "lists.yaml", 2, members=members),
    )


def _alike(count: int) -> tuple[Change, ...]:
    owner = (link("$owner", "mia@corp.example", "kai@corp.example", ("mem_1",)),)
    return tuple(
        _update(
            Address("account", f"region-{number:04}"), f"Region {number}", "data/regions.csv", number + 2,
            relationships=owner,
        )
        for number in range(count)
    )  # fmt: skip


def _created(number: int) -> Change:
    return Change(
        Address("account", f"company-{number:04}"),
        "create",
        Place("data/companies.csv", number + 2),
        name=f"Company {number}",
        cause="config",
        fields=(
            field("$name", "Name", None, f"Company {number}"),
            field("$website", "Website", None, [f"https://company-{number}.example"], "URL"),
            field("icp-score", "ICP score", None, 7.5, "NUMBER"),
        ),
        relationships=(link("$owner", None, "kai@corp.example", ("mem_1",)),),
    )

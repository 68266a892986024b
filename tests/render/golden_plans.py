"""The three plans that every face is looked at with: 1, 30 and 3,000 changes. The large one hides what matters in it.

`DELETED`, `CONFLICT` and `OVERWRITTEN` are what a stranger must find on the first screen, by address.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lfsync.model import (
    JSON,
    Address,
    Blocked,
    Cause,
    Change,
    FieldChange,
    Kept,
    LastChange,
    LinkChange,
    MembersChange,
    Orphan,
    Place,
    Plan,
    PlanWarning,
    Refusal,
    Requests,
    WorkspaceInfo,
)

DELETED = Address("task", "spring-mailing")
CONFLICT = Address("opportunity", "hooli-renewal")
OVERWRITTEN = Address("account", "initech")

_CRM = "https://crm.lightfield.app"
_TIERS = ("Gold", "Silver", "Bronze")
_TOWNS = ("Kiel", "Porto", "Graz", "Łódź", "京都")
_NOTE = "# Kick-off\n\nMet Ada and Bob.\nThey want a quote by Friday.\n\n## Next\n\n- send pricing\n- book a demo\n"


def golden_plans() -> dict[str, Plan]:
    return {"one": one(), "thirty": thirty(), "large": large()}


def one() -> Plan:
    return _plan((_update("account", "acme", "Acme Solar", 4, _field("tier", "Silver", "Gold", label="Tier")),), 11)


def thirty() -> Plan:
    changes = (*_grave(), *_adopted(), *_creates(8), *_deals(6), *_alike(7))
    plan = _plan(changes, 212)
    return replace(
        plan,
        blocked=(_twins(),),
        orphans=(Orphan(Address("note", "old-minutes"), "note_9"), Orphan(DELETED, "tsk_2")),
        warnings=(PlanWarning("data/companies.csv:14: the pattern of founded does not match 'n/a'; taken as empty"),),
        kept=(
            Kept(
                Address("account", "umbrella"),
                Place("crm/accounts.yaml", 90, 7),
                "tier",
                "Tier",
                "SINGLE_SELECT",
                "Gold",
                "Silver",
                id="acc_90",
                name="Umbrella",
                link=f"{_CRM}/accounts/acc_90",
            ),
        ),
        missing_scopes=("tasks:delete",),
        required_scopes=("accounts:create", "accounts:update", "tasks:delete"),
        refusals=(
            Refusal("policy", "big-deals-need-owner", "give it an owner", (Address("opportunity", "deal-0003"),)),
            Refusal("scope", "tasks:delete", "the API key lacks tasks:delete"),
        ),
    )


def large() -> Plan:
    rest = (*_creates(2_698), *_deals(43), *_alike(250), *_adopted())
    return replace(
        _plan((*rest[:1_500], *_grave(), *rest[1_500:]), 4_100),
        blocked=(_twins(), *_waiting(11)),
        warnings=tuple(
            PlanWarning(f"data/companies.csv: founded matches its pattern in none of {n} rows") for n in (3, 8)
        ),
        refusals=(
            Refusal(
                "threshold",
                "max_updates",
                "298 of 820 managed resources would be updated, above 30% and above 10",
                tuple(change.address for change in _alike(250)),
            ),
        ),
        enrichment_events=0,
    )


# ---------------------------------------------------------------- what needs a look


def _grave() -> Iterator[Change]:
    yield Change(
        DELETED,
        "delete",
        Place(".lfsync/state/prod.jsonl", 907),
        id="tsk_2",
        name="Spring mailing",
        link=f"{_CRM}/tasks/tsk_2",
        cause="config",
        fields=(_field("$title", "Spring mailing", None), _field("$status", "TODO", None)),
        warnings=("it was there before lfsync managed it",),
    )
    stage = _field("$stage", "Negotiation", "Proposal", "conflict", label="Stage")
    yield _update(
        "opportunity", "hooli-renewal", "Hooli renewal", 31, _field("$amount", 90000, 75000), stage, cause="conflict"
    )
    moved = replace(
        _field("tier", "Gold", "Silver", "drift", label="Tier"), changed=LastChange("2026-11-20T08:00:00Z", "Silver")
    )
    yield _update("account", "initech", "Initech", 29, moved, cause="drift")
    yield replace(
        _update("list", "q4-targets", "Q4 targets", 2),
        members=MembersChange(
            tuple(f"account.company-{n:04}" for n in range(1, 31)), ("account.hooli", "Vandelay (acc_77)")
        ),
    )


def _adopted() -> Iterator[Change]:
    website = _field("$website", ["https://globex.example"], ["https://globex.example", "https://globex.de"])
    yield replace(_update("account", "globex", "Globex", 41, website), adopted=True)
    for n, name in enumerate(("Stark", "Wayne", "Wonka")):
        yield replace(_update("account", name.lower(), name, 50 + n), action="adopt", adopted=True)


def _twins() -> Blocked:
    one, other = (f"acc_01HZX8K3V{letter} Massive {_CRM}/accounts/acc_01HZX8K3V{letter}" for letter in "9A")
    return Blocked(
        Address("account", "massive"),
        f"match $name = Massive hits 2 records: {one}, {other}",
        "Name the right one with `id:`, or merge them in Lightfield.",
        Place("crm/accounts.yaml", 61, 3),
    )


def _waiting(count: int) -> Iterator[Blocked]:
    for n in range(count):
        address = Address("task", f"massive-{n:02}")
        yield Blocked(
            address, "refers to account.massive, which is blocked", None, Place("crm/tasks.yaml", n * 4 + 3, 3)
        )


# ---------------------------------------------------------------- the many


def _creates(count: int) -> Iterator[Change]:
    for n in range(1, count + 1):
        yield Change(
            Address("account", f"company-{n:04}"),
            "create",
            Place("data/companies.csv", n + 1),
            name=f"Company {n}",
            fields=(
                _field("$name", None, f"Company {n}"),
                *([_field("$primaryAddress", None, {"city": _TOWNS[n % 5]}, type="ADDRESS")] if n % 4 == 0 else []),
            ),
        )


def _deals(count: int) -> Iterator[Change]:
    for n in range(1, count + 1):
        fields = [_field("$amount", n * 1000, n * 1250)]
        if n % 3 == 0:
            fields.append(_field("closeDate", "2026-12-31", f"2027-0{n % 9 + 1}-01T17:00:00Z", label="Close date"))
        deal = _update("opportunity", f"deal-{n:04}", f"Deal {n}", n * 7, *fields)
        if n % 5 == 0:
            champion = LinkChange("$champion", "Bob Ray (con_2)", "contact.ada", ("contact.ada",), ("con_2",), "config")
            deal = replace(deal, relationships=(champion,))
        yield deal
    yield _update("note", "kick-off", "Kick-off", 3, _field("$content", _NOTE, _NOTE.replace("a demo", "2 demos")))


def _alike(count: int) -> Iterator[Change]:
    for n in range(count):
        tier = _field("tier", "Bronze", "Silver", label="Tier")
        yield replace(
            _update("account", f"branch-{n:03}", f"Branch {n} of {_TOWNS[n % 5]}", 0, tier),
            source=Place("data/branches.csv", n + 2),
        )


# ---------------------------------------------------------------- parts


def _plan(changes: tuple[Change, ...], unchanged: int) -> Plan:
    return Plan(
        workspace=WorkspaceInfo("prod", "https://api.lightfield.app", ("h1", "h2")),
        created_at="2026-11-22T10:00:00Z",
        config_digest="c0ffee",
        changes=changes,
        unchanged=unchanged,
        requests=Requests(read=len(changes) // 2, search=len(changes), write=len(changes)),
        estimated_seconds=len(changes) / 25,
    )


def _update(kind: str, key: str, name: str, line: int, *fields: FieldChange, cause: Cause = "config") -> Change:
    id = f"{kind[:3]}_{key}"
    return Change(
        Address(kind, key),
        "update",
        Place(f"crm/{kind}s.yaml", line, 3),
        id=id,
        name=name,
        link=f"{_CRM}/{kind}s/{id}",
        cause=cause,
        fields=fields,
    )


def _field(
    key: str, before: JSON, after: JSON, cause: Cause = "config", *, label: str = "", type: str = "TEXT"
) -> FieldChange:
    return FieldChange(key, label or key.lstrip("$").capitalize(), type, before, after, before, after, cause)

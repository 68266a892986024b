"""Plans and outcomes to look at: one of every kind of thing."""

from __future__ import annotations

from lfsync.model import (
    Address,
    Blocked,
    Change,
    FieldChange,
    LinkChange,
    MembersChange,
    Orphan,
    Outcome,
    Place,
    Plan,
    PlanWarning,
    Refusal,
    Requests,
    WorkspaceInfo,
)

ACME = Address("account", "acme")
ADA = Address("contact", "ada")
RENEWAL = Address("opportunity", "acme-renewal")

KICKOFF = """# Kick-off

Met Ada and Bob.
They want a quote by Friday.

## Next

- send pricing
- book a demo
- ask about the 東京 office 🏢
"""


def plan_of_everything() -> Plan:
    return Plan(
        workspace=WorkspaceInfo("prod", "https://api.lightfield.app", ("h1", "h2")),
        created_at="2026-11-22T10:00:00Z",
        config_digest="c0ffee",
        changes=(*_accounts(), *_people_and_deals(), *_work(), *_lists()),
        blocked=(
            Blocked(
                Address("account", "globex"),
                "match $name = Globex hits 2 records: acc_01HZX8K3V9 Globex "
                "https://app.lightfield.app/accounts/acc_01HZX8K3V9, "
                "acc_01HZX8K3VA Globex Corporation https://app.lightfield.app/accounts/acc_01HZX8K3VA",
                "merge them in Lightfield, or name one with `id: acc_01HZX8K3V9`",
                Place("crm/accounts.yaml", 41, 3),
            ),
            Blocked(Address("task", "globex-call"), "needs account.globex", None, Place("crm/tasks.yaml", 60, 3)),
        ),
        orphans=(Orphan(Address("task", "spring-mailing"), "tsk_77"), Orphan(Address("note", "old"), "note_9")),
        warnings=(PlanWarning("data/companies.csv:14: the pattern of founded does not match 'n/a'; taken as empty"),),
        unchanged=212,
        requests=Requests(read=9, search=14, write=12),
        estimated_seconds=1.4,
        enrichment_events=2,
        required_scopes=("accounts:create", "accounts:update", "tasks:create"),
        missing_scopes=("tasks:delete",),
        refusals=(Refusal("scope", "tasks:delete", "the API key lacks tasks:delete"),),
    )


def _accounts() -> tuple[Change, ...]:
    return (
        Change(
            ACME,
            "create",
            Place("crm/accounts.yaml", 4, 3),
            fields=(
                field("$name", "Name", None, "Acme Solar"),
                field("$website", "Website", None, ["https://acme-solar.example", "https://acme.example"], "URL"),
                field("tier", "Customer tier", None, "Gold", "SINGLE_SELECT"),
                field("$primaryAddress", "Primary address", None, "Austin, TX", "ADDRESS"),
            ),
            relationships=(link("$owner", None, "kai@corp.example", ("mem_1",)),),
        ),
        Change(
            Address("account", "hooli"),
            "update",
            Place("crm/accounts.yaml", 14, 3),
            id="acc_01HZX8K3VB",
            name="Hooli",
            link="https://crm.example/acc_01HZX8K3VB",
            cause="conflict",
            fields=(
                field("$name", "Name", "Hooli", "Hooli GmbH & Co. KG"),
                field("tier", "Customer tier", "Silver", "Gold", "SINGLE_SELECT", "drift"),
                field("renewalDate", "Renewal date", "2026-01-31", None, "DATETIME", "conflict"),
                field(
                    "$primaryAddress",
                    "Primary address",
                    "1 Main St, Austin",
                    "1 Main St, Dallas, TX",
                    "ADDRESS",
                ),
                field(
                    "$website",
                    "Website",
                    ["https://hooli.example/a-rather-long-path"],
                    ["https://hooli.example/a-rather-long-path", "https://hooli.example"],
                    "URL",
                ),
            ),
        ),
        Change(Address("account", "initech"), "adopt", Place("crm/accounts.yaml", 29, 3), id="acc_01HZX8K3VC"),
        Change(
            Address("account", "東京"),
            "update",
            Place("crm/accounts.yaml", 33, 3),
            id="acc_01HZX8K3VD",
            name="東京ソーラー株式会社 ☀️",
            moved_from=Address("account", "tokyo"),
            adopted=True,
            cause="config",
            fields=(
                field(
                    "$name", "Name", "東京ソーラー株式会社 ☀️", "東京ソーラー株式会社 ☀️ グループ本社 👩‍👩‍👧 第一営業部"
                ),
            ),
            warnings=("adopted although its $website differs",),
        ),
    )


def _people_and_deals() -> tuple[Change, ...]:
    return (
        Change(
            ADA,
            "create",
            Place("crm/contacts.yaml", 2, 3),
            depends_on=(ACME,),
            fields=(
                field("$name", "Name", None, "Ada Lind", "FULL_NAME"),
                field("$email", "Email", None, ["ada@acme-solar.example"], "EMAIL"),
            ),
            relationships=(link("$account", [], ["account.acme"], ("account.acme",)),),
        ),
        Change(
            RENEWAL,
            "update",
            Place("crm/opportunities.yaml", 2, 3),
            id="opp_5",
            cause="drift",
            depends_on=(ADA,),
            fields=(
                field("$stage", "Stage", "Discovery", "Proposal", "SINGLE_SELECT", "drift"),
                field("$amount", "Amount", 50000, 75000.0, "CURRENCY", "drift"),
            ),
            relationships=(
                LinkChange("$champion", "contact.bob", "contact.ada", ("contact.ada",), ("contact.bob",), "drift"),
            ),
        ),
    )


def _work() -> tuple[Change, ...]:
    return (
        Change(
            Address("note", "acme-kickoff"),
            "create",
            Place("notes.yaml", 3, 3),
            fields=(
                field("$title", "Title", None, "Kick-off"),
                field("$content", "Content", None, KICKOFF, "MARKDOWN"),
            ),
        ),
        Change(
            Address("note", "acme-review"),
            "update",
            Place("notes.yaml", 8, 3),
            id="note_4",
            cause="config",
            fields=(
                field(
                    "$content",
                    "Content",
                    KICKOFF,
                    KICKOFF.replace("Bob", "Eve").replace("a demo", "2 demos"),
                    "MARKDOWN",
                ),
            ),
            relationships=(
                LinkChange(
                    "$contact",
                    ["contact.ada", "contact.bob"],
                    ["contact.ada", "contact.eve", "contact.mia"],
                    ("contact.eve", "contact.mia"),
                    ("contact.bob",),
                    "config",
                ),
            ),
        ),
        Change(
            Address("task", "acme-pricing"),
            "restore",
            Place("crm/tasks.yaml", 2, 3),
            id="tsk_3",
            fields=(field("$dueAt", "Due", "2026-12-01T17:00:00-06:00", "2026-12-15T17:00:00-06:00", "DATETIME"),),
        ),
        Change(
            Address("task", "old"),
            "delete",
            Place(".lfsync/state/prod.jsonl", 9),
            id="tsk_2",
            name="Call " + "every one of them " * 8,
            warnings=("it existed before lfsync managed it",),
        ),
    )


def _lists() -> tuple[Change, ...]:
    many = tuple(f"account.company-{number}" for number in range(1, 15))
    return (
        Change(
            Address("list", "q4-targets"),
            "update",
            Place("lists.yaml", 2, 3),
            id="lst_1",
            cause="config",
            fields=(field("$description", "Description", None, "Curated in git"),),
            members=MembersChange(many, ("account.hooli", "acc_01HZX8K3VE")),
        ),
        Change(
            Address("object.project", "apollo"),
            "create",
            Place("projects.yaml", 2, 3),
            fields=(field("name", "Name", None, "Apollo"),),
        ),
    )


def field(
    key: str, label: str, before: object, after: object, value_type: str = "TEXT", cause: str = "config"
) -> FieldChange:
    return FieldChange(key, label, value_type, before, after, before, after, cause)  # type: ignore[arg-type]


def link(key: str, before: object, after: object, add: tuple[str, ...]) -> LinkChange:
    return LinkChange(key, before, after, add, (), "config")  # type: ignore[arg-type]


def outcomes_of_everything() -> tuple[Outcome, ...]:
    place = Place("crm/tasks.yaml", 9, 7)
    return (
        Outcome(ACME, "create", "done", "acc_1"),
        Outcome(ADA, "create", "done", "con_1"),
        Outcome(RENEWAL, "update", "unchanged", "opp_5"),
        Outcome(
            Address("task", "call"),
            "create",
            "failed",
            None,
            "Lightfield refused it (400 invalid_value): $dueAt is not a date",
            "write a date such as 2027-03-01T09:00:00Z",
            place,
        ),
        Outcome(Address("task", "mail"), "update", "skipped", "tsk_4", "needs task.call, which failed", None, place),
        Outcome(
            Address("account", "hooli"),
            "update",
            "not converged",
            "acc_2",
            "tier: declared Gold, Lightfield shows Silver",
            "plan again; the change is still there",
            Place("crm/accounts.yaml", 16, 7),
        ),
        Outcome(
            Address("account", "initech"),
            "update",
            "stale",
            "acc_3",
            "$name is now Initech Inc, the plan showed Initech",
        ),
    )

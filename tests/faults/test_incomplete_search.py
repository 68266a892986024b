"""Faults of one kind: an incomplete search was taken as complete, so a record was made twice (rules I9, I2, A1, I6)."""

from __future__ import annotations

import unicodedata
from typing import Literal

import pytest

from tests.faults.stage import Act, Answer, Ask, Open, Stage


def _accounts(count: int, oldest: Answer = None) -> list[Answer]:
    """So many accounts; `oldest` are the fields of one more, which every page of the others hides."""
    others = [{"fields": {"$name": f"Other {number}"}} for number in range(count)]
    return [{"fields": oldest}, *others] if oldest else others


# ---------------------------------------------------------------- a record far back in the lists


@pytest.mark.parametrize("filters", ["honoured", "ignored", "rejected"])
@pytest.mark.parametrize("kind", ["task", "note"])
def test_one_of_sixty_on_the_last_page_is_found_by_an_account_that_is_matched(
    stage: Open, kind: str, filters: str
) -> None:
    """Rule I9: a page, or the mirror of an account, is never enough for a create."""
    status = {"$status": "TODO"} if kind == "task" else {}
    links = {"$account": "hub", "$assignedTo": "kai"} if kind == "task" else {"$account": "hub"}
    old = {"fields": {"$title": "The old one", **status}, "relationships": links}
    rest = [{"fields": {"$title": f"No. {n}", **status}, "relationships": links} for n in range(59)]
    hub = [{"ref": "hub", "fields": {"$name": "Hub"}}]
    assigned = ", $assignedTo: kai@corp.example" if kind == "task" else ""
    account = "{match: {$name: Hub}}"
    box = stage(
        f"{kind}s:\n  old:\n    fields: {{$title: The old one{', $status: TODO' if status else ''}}}\n"
        f"    relationships: {{$account: {account if kind == 'task' else f'[{account}]'}{assigned}}}\n",
        {"accounts": hub, f"{kind}s": [old, *rest]},
        quirks={"task-filters": filters},
    )
    (change,) = box.plan(expect=2)["changes"]
    assert change["action"] == "adopt"
    box.apply(expect=0)
    assert len(box.called(kind, "The old one")) == 1
    assert box.writes() == []


def test_an_opportunity_of_an_account_that_is_matched_is_found_among_sixty(stage: Open) -> None:
    """Rule I9, for a kind with filters."""
    deals = [
        {"fields": {"$name": name, "$stage": "Open"}, "relationships": {"$account": "hub"}}
        for name in ["The old one", *(f"No. {n}" for n in range(59))]
    ]
    box = stage(
        "opportunities:\n  old:\n    fields: {$name: The old one}\n"
        "    relationships: {$account: {match: {$name: Hub}}}\n",
        {"accounts": [{"ref": "hub", "fields": {"$name": "Hub"}}], "opportunities": deals},
    )
    box.apply(expect=0)
    assert len(box.called("opportunity", "The old one")) == 1


# ---------------------------------------------------------------- spellings that a filter can't see


@pytest.mark.parametrize("others", [4, 89])
@pytest.mark.parametrize(("declared", "live"), [("Acme", " Acme"), (" Acme", " Acme"), ("Acme", "\tAcme ")])
def test_a_name_with_blanks_around_is_adopted_however_many_there_are(
    stage: Open, declared: str, live: str, others: int
) -> None:
    """Rules I2 and I9: text is compared after trimming, and a filter that may miss that is not enough for a create."""
    box = stage(
        f"accounts: {{acme: {{fields: {{$name: '{declared}'}}}}}}\n",
        {"accounts": _accounts(others, {"$name": live})},
    )
    made = box.called("account", "Acme")
    box.apply(expect=0)
    assert box.called("account", "Acme") == made


@pytest.mark.parametrize("others", [4, 89])
@pytest.mark.parametrize("declared", ["NFC", "NFD"])
def test_a_name_in_another_unicode_form_is_adopted(stage: Open, declared: Literal["NFC", "NFD"], others: int) -> None:
    """Rules C18 and I9: text is compared in NFC."""
    name = "Möller Énergie"
    written = unicodedata.normalize(declared, name)
    live = unicodedata.normalize("NFD" if declared == "NFC" else "NFC", name)
    box = stage(
        f"accounts: {{acme: {{fields: {{$name: {written}}}}}}}\n", {"accounts": _accounts(others, {"$name": live})}
    )
    box.apply()
    assert len([row for row in box.rows("account") if str(row.fields["$name"]).startswith("M")]) == 1


@pytest.mark.parametrize("contains", ["substring", "element"])
def test_an_address_in_another_case_is_adopted_among_ninety(stage: Open, contains: str) -> None:
    """Rules I2 and I9: e-mail without case, where the server keeps it."""
    others = [
        {"fields": {"$name": {"firstName": "No", "lastName": str(n)}, "$email": [f"no{n}@corp.example"]}}
        for n in range(89)
    ]
    box = stage(
        "contacts: {ada: {fields: {$name: {firstName: Ada, lastName: Lind}, $email: [ada@acme.example]}}}\n",
        {"contacts": [{"fields": {"$name": {"firstName": "Ada"}, "$email": ["Ada@ACME.example"]}}, *others]},
        quirks={"email-case": "kept", "contains-match": contains},
    )
    box.apply(expect=0)
    assert len(box.rows("contact")) == 90


@pytest.mark.parametrize("contains", ["substring", "element"])
def test_a_host_in_another_case_is_adopted_among_ninety(stage: Open, contains: str) -> None:
    """Rules I2 and I9: hosts without case, where the server keeps it."""
    box = stage(
        "accounts: {acme: {match: [$website], fields: {$name: Acme, $website: [https://acme.example]}}}\n",
        {"accounts": _accounts(89, {"$name": "Acme", "$website": ["https://ACME.example/"]})},
        quirks={"url-form": "kept", "contains-match": contains},
    )
    box.apply()
    assert len(box.rows("account")) == 90


# ---------------------------------------------------------------- made by somebody else since the plan

_ACME = "accounts: {acme: {match: [$website], fields: {$name: Acme, $website: ['https://Acme-Solar.example/']}}}\n"
_ADA = "contacts: {ada: {fields: {$name: {firstName: Ada, lastName: Lind}, $email: [Ada@Acme.example]}}}\n"
_LATE: list[tuple[str, str, Answer, str]] = [
    (_ACME, "account", {"$name": "Acme Inc", "$website": ["https://acme-solar.example"]}, "canonical"),
    (_ACME, "account", {"$name": "Acme Inc", "$website": ["https://acme-solar.example"]}, "kept"),
    (_ACME, "account", {"$name": "Acme Inc", "$website": ["https://ACME-SOLAR.example/"]}, "kept"),
    (_ADA, "contact", {"$name": {"firstName": "Ada"}, "$email": ["ada@acme.example"]}, "canonical"),
    ("accounts: {acme: {fields: {$name: Acme}}}\n", "account", {"$name": " Acme"}, "canonical"),
    ("accounts: {acme: {fields: {$name: ' Acme'}}}\n", "account", {"$name": "Acme"}, "canonical"),
]


@pytest.mark.parametrize("later", [0, 60])
@pytest.mark.parametrize(("crm", "kind", "fields", "form"), _LATE)
def test_a_record_made_since_the_plan_with_another_spelling_is_seen(
    stage: Open, crm: str, kind: str, fields: Answer, form: str, later: int
) -> None:
    """Rule A1: a create goes only if its match still hits nothing, by the equality of rule I2."""
    box = stage(crm, {"accounts": _accounts(89)}, quirks={"url-form": form})
    saved = str(box.folder / "saved.plan.json")
    box.plan("-o", saved, expect=2)
    made = box.make(kind, fields)
    for number in range(later):  # so many stand before it in the lists
        name = f"Later {number}"
        box.make(kind, {"$name": name if kind == "account" else {"firstName": name}})
    before = box.ids(kind)
    assert box.apply(saved).code == 3
    assert box.ids(kind) == before
    (change,) = box.plan()["changes"]
    assert change["adopted"]
    assert change["id"] == made


def test_a_record_made_while_the_run_searches_is_seen(stage: Open) -> None:
    """Rule A1: also within one apply, when it comes after the plan's search."""
    box = stage(_ACME, {"accounts": _accounts(89)})
    made: list[str] = []

    async def come(ask: Ask, answer: Answer) -> None:
        body = {"fields": {"$name": "Acme Inc", "$website": ["https://acme-solar.example"]}}
        made.append((await ask("POST", "/v1/accounts", body))["id"])

    _after_the_plan(box, come)
    assert box.apply().code == 3
    assert len(made) == 1
    assert len(box.rows("account")) == 90


def _after_the_plan(box: Stage, act: Act) -> None:
    """Acts at the first search that is no page of the plan's own listing: 90 records are 4 pages."""
    pages = {"left": 4}

    async def count(ask: Ask, answer: Answer) -> None:
        pages["left"] -= 1
        if pages["left"] == 0:
            await act(ask, answer)

    box.meanwhile("GET", "/v1/accounts", count, after=True, every=True)


# ---------------------------------------------------------------- what is in the trash


@pytest.mark.parametrize("account", ["", "$account: {id}, ", "$account: hub, "])
def test_a_task_that_is_linked_to_a_trashed_account_is_not_made_again(stage: Open, account: str) -> None:
    """Rules I9 and S6, the state lost: the link to the trashed record is still there (U10), and is no difference."""
    box = stage(
        "",
        {
            "accounts": [{"ref": "hub", "fields": {"$name": "Hub"}}],
            "tasks": [
                {
                    "fields": {"$title": "Call", "$status": "TODO"},
                    "relationships": {"$account": "hub", "$assignedTo": "kai"},
                }
            ],
        },
    )
    (hub,), (task,) = box.ids("account"), box.ids("task")
    declared = "accounts: {hub: {fields: {$name: Hub}}}\n" if "hub" in account else ""
    box.write(
        f"{declared}tasks:\n  call:\n    fields: {{$title: Call, $status: TODO}}\n"
        f"    relationships: {{{account.replace('{id}', hub)}$assignedTo: kai@corp.example}}\n"
    )
    box.trash("account", hub)
    box.apply()
    assert box.ids("task") == {task}


_RECORD = {"trashed-retrieve": "record", "trashed-update": "ok"}


@pytest.mark.parametrize("others", [2, 120])
@pytest.mark.parametrize("nickname", ["Sunny", "Rainy"])
def test_a_trashed_record_that_can_be_read_is_blocked_and_never_written_to(
    stage: Open, nickname: str, others: int
) -> None:
    """Rule I6: gone is what the trash shows, also where a read by id still answers (U9)."""
    crm = "accounts: {acme: {fields: {$name: Acme, nickname: Sunny}}, birch: {fields: {$name: Birch}}}\n"
    box = stage(crm, {"accounts": _accounts(others)}, quirks=_RECORD)
    box.apply(expect=0)
    (acme,) = box.called("account", "Acme")
    box.trash("account", acme)
    box.write(crm.replace("Sunny", nickname))
    box.forget_writes()
    plan = box.plan()
    assert plan["changes"] == []
    (blocked,) = plan["blocked"]
    assert acme in blocked["reason"]
    box.apply(expect=3)
    assert box.writes() == []


@pytest.mark.parametrize("others", [2, 120])
def test_recreate_missing_restores_a_trashed_record_that_can_be_read(stage: Open, others: int) -> None:
    """Rule I6: `--recreate-missing` restores it."""
    box = stage("accounts: {acme: {fields: {$name: Acme}}}\n", {"accounts": _accounts(others)}, quirks=_RECORD)
    box.apply(expect=0)
    (acme,) = box.called("account", "Acme")
    box.trash("account", acme)
    box.apply("--recreate-missing", expect=0)
    assert box.called("account", "Acme") == [acme]


@pytest.mark.parametrize("others", [2, 120])
def test_a_trashed_record_that_an_id_names_and_that_can_be_read_is_never_written_to(stage: Open, others: int) -> None:
    """Rule I6, for `id:` in the file: a bound or named id that is gone blocks its resource."""
    box = stage("", {"accounts": _accounts(others)}, quirks=_RECORD)
    acme = box.make("account", {"$name": "Acme"})
    box.trash("account", acme)
    box.write(f"accounts: {{acme: {{id: {acme}, fields: {{$name: Acme, nickname: Sunny}}}}}}\n")
    plan = box.plan()
    assert plan["changes"] == []
    box.apply(expect=3)
    assert box.writes() == []
    assert box.called("account", "Acme") == []


def test_a_record_trashed_between_plan_and_write_that_can_be_read_is_left_alone(stage: Open) -> None:
    """Rules A1 and I6: the last look asks for more than an answer to the read by id."""
    crm = "accounts: {acme: {fields: {$name: Acme, nickname: Sunny}}}\n"
    box = stage(crm, {"accounts": _accounts(120)}, quirks=_RECORD)
    box.apply(expect=0)
    (acme,) = box.called("account", "Acme")
    box.write(crm.replace("Sunny", "Rainy"))
    saved = str(box.folder / "saved.plan.json")
    box.plan("-o", saved, expect=2)
    box.trash("account", acme)
    box.forget_writes()
    box.apply(saved, expect=3)
    assert box.writes() == []

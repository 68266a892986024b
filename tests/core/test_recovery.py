"""Creates of earlier runs whose outcome nobody knows, as part of the plan (rule A4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lfsync.knowledge.knowledge import Knowledge
from lfsync.model import JSON, Address, Record
from lfsync.planning.create_key import create_key
from lfsync.planning.planned import Planned
from lfsync.planning.recovery import Recovery, recover, still_asked, written_by
from lfsync.planning.recovery import bound as bound_
from lfsync.state.ledger import Intent, Written
from lfsync.state.state import Binding, State
from tests.core.crm import Crm
from tests.core.world import SCHEMA, STATE, bound, drafted, in_trash, live, record, told

ACME = Address("account", "acme")
AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
BODY: dict[str, JSON] = {"fields": {"$name": "Acme", "nickname": " Sunny"}}
OTHER_NOW = "accounts: {acme: {fields: {$name: Acme Solar}}}"


def intent(
    match: dict[str, JSON] | None = None,
    body: dict[str, JSON] | None = None,
    *,
    address: Address = ACME,
    generation: int = 2,
    key: str = "",
) -> Intent:
    values: dict[str, JSON] = {"$name": "Acme"} if match is None else match
    key = key or create_key("test", address, values, generation)
    said = {"address": str(address), "at": AT, "key": key, "generation": generation}
    return Intent.model_validate({**said, "match": values, "body": body or BODY})


def made(
    id: str, fields: dict[str, JSON], links: dict[str, tuple[str, ...]] | None = None, *, age: float = -1
) -> Record:
    """A record that is so many seconds older than the intent."""
    created = (AT - timedelta(seconds=age)).isoformat().replace("+00:00", "Z")
    return replace(record(id, fields, links), created_at=created)


OURS = made("acc_1", {"$name": "Acme", "nickname": " Sunny", "tier": "opt_g"})


def recovered(now: Knowledge, text: str = OTHER_NOW, *intents: Intent, state: State = STATE) -> tuple[Recovery, State]:
    """What became of the intents, and the state with it."""
    found = recover(intents or (intent(),), SCHEMA, state, drafted(text, now, state), now)
    return found, bound_(state, found, AT.timestamp() + 3600)


# ---------------------------------------------------------------- is it still asked for?


@pytest.mark.parametrize(
    ("text", "key", "asked"),
    [
        # declared with the same match values: a create under its own key
        ("accounts: {acme: {fields: {$name: Acme}}}", "", True),
        ("accounts: {acme: {fields: {$name: Acme, nickname: new}}}", "", True),
        # the file has another match now, or none of this
        (OTHER_NOW, "", False),
        ("accounts: {acme: {match: {nickname: Acme}, fields: {$name: Acme}}}", "", False),
        ("accounts: {solar: {fields: {$name: Acme}}}", "", False),
        ("accounts: {}", "", False),
        ("accounts: {acme: {fields: {$name: Acme}, lifecycle: {absent: true}}}", "", False),
        # a key of another workspace, or of something else
        ("accounts: {acme: {fields: {$name: Acme}}}", "of something else", False),
    ],
)
def test_the_same_create_is_still_asked_for(text: str, key: str, asked: bool) -> None:
    draft = drafted(text, live())
    assert still_asked(intent(key=key), "test", draft) == asked
    assert not still_asked(intent(key=key), "prod", draft)


def test_what_is_there_already_is_not_asked_for() -> None:
    """Today's match has one hit: that is adopted."""
    now = live(record("acc_9", {"$name": "Acme"}, fresh=True))
    assert not still_asked(intent(), "test", drafted("accounts: {acme: {fields: {$name: Acme}}}", now))


@pytest.mark.parametrize(("account", "asked"), [("acc_1", True), ("acc_2", False)])
def test_a_link_is_part_of_the_match(account: str, asked: bool) -> None:
    """The ids that it names count: a key that moved to another record asks for something else."""
    task = Address("task", "t")
    text = """
    accounts: {acme: {fields: {$name: Acme}}}
    tasks: {t: {fields: {$title: T, $status: TODO}, relationships: {$account: acme, $assignedTo: kai@corp.example}}}
    """
    values: dict[str, JSON] = {"$title": "T", "$account": [account]}
    now = live(record("acc_1", {"$name": "Acme"}, fresh=True))
    assert still_asked(intent(values, address=task), "test", drafted(text, now)) == asked


# ---------------------------------------------------------------- what did it make?


def test_a_single_record_that_shows_the_body_is_bound_as_created() -> None:
    found, state = recovered(live(OURS))
    assert found.made.keys() == found.dropped == {ACME}, "and its key is never sent again"
    assert state.bindings == {
        ACME: Binding(ACME, "acc_1", 3, "created", written_at="2026-03-01T10:00:00Z"),
    }
    assert told(found) == ['account.acme: an interrupted run created it: acc_1 "Acme" https://crm.example/acc_1']


@pytest.mark.parametrize(("text", "action"), [(OTHER_NOW, "update"), ("accounts: {}", None)])
def test_what_it_made_is_updated_where_it_is_declared_and_else_an_orphan(text: str, action: str | None) -> None:
    now = live(replace(OURS, fresh=True))
    _, state = recovered(now, text)
    draft = drafted(text, now, state)
    assert [(change.action, change.id) for change in draft.changes.values()] == ([(action, "acc_1")] if action else [])
    assert ACME in state.bindings


def test_todays_hit_is_adopted_and_nothing_is_looked_for() -> None:
    now = live(OURS, record("acc_9", {"$name": "Acme Solar"}, fresh=True))
    found, state = recovered(now)
    assert (found.made, found.dropped, found.warnings) == ({}, {ACME}, [])
    assert state.bindings == {}


def test_nothing_was_made() -> None:
    found, state = recovered(live(made("acc_1", {"$name": "Birch", "nickname": " Sunny"})))
    assert (found.made, found.dropped, found.warnings, state) == ({}, {ACME}, [], STATE)


MAY_BE = 'account.acme: an interrupted run may have created it: look at acc_1 "Acme" https://crm.example/acc_1'


@pytest.mark.parametrize(
    ("rows", "warning"),
    [
        # it matches, and does not show the body: a person's
        ([made("acc_1", {"$name": "Acme"})], MAY_BE),
        ([made("acc_1", {"$name": "Acme", "nickname": "Other"})], MAY_BE),
        # several match
        ([OURS, made("acc_2", {"$name": "Acme"})], f'{MAY_BE}; acc_2 "Acme" https://crm.example/acc_2'),
        ([OURS, replace(OURS, id="acc_2")], f'{MAY_BE}; acc_2 "Acme" https://crm.example/acc_1'),
    ],
)
def test_any_other_hit_is_a_warning_and_left_alone(rows: list[Record], warning: str) -> None:
    found, state = recovered(live(*rows))
    assert (found.made, found.dropped, told(found)) == ({}, {ACME}, [warning])
    assert state == STATE


@pytest.mark.parametrize(("age", "ours"), [(-60, True), (0, True), (1.5, True), (10, False), (86_400, False)])
def test_a_record_older_than_the_intent_is_not_its(age: float, ours: bool) -> None:
    found, _ = recovered(live(replace(OURS, created_at=made("acc_1", {}, age=age).created_at)))
    assert bool(found.made) == ours
    assert bool(found.warnings) == ours


@pytest.mark.parametrize("created", ["", "soon"])
def test_a_record_of_no_known_age_is_not_bound(created: str) -> None:
    assert not recovered(live(replace(OURS, created_at=created)))[0].made


def test_a_record_that_is_bound_already_is_not_its() -> None:
    state = bound(Binding(Address("account", "other"), "acc_1"))
    found, after = recovered(live(OURS), state=state)
    assert (found.made, found.warnings, after) == ({}, [], state)


def test_a_record_that_is_gone_was_trashed_since() -> None:
    now = live(OURS)
    now.absent.add(("account", "acc_1"))
    assert not recovered(now)[0].made
    shown = live(OURS)
    assert not recovered(in_trash(shown, OURS, shown=True))[0].made


def test_each_open_create_is_looked_at_for_itself() -> None:
    birch = Address("account", "birch")
    second = intent({"$name": "Birch"}, {"fields": {"$name": "Birch"}}, address=birch, generation=0)
    found, state = recovered(live(OURS, made("acc_2", {"$name": "Birch"})), "accounts: {}", intent(), second)
    assert {str(a): (b.id, b.generation) for a, b in state.bindings.items()} == {
        "account.acme": ("acc_1", 3),
        "account.birch": ("acc_2", 1),
    }
    assert found.dropped == {ACME, birch}


@pytest.mark.parametrize(
    ("match", "fields", "links", "hit"),
    [
        # compared as a match compares (rule I2)
        ({"$name": "Acme"}, {"$name": " Acme "}, {}, True),
        ({"$name": "Acme"}, {"$name": "acme"}, {}, False),
        (
            {"$website": ["https://b.example", "https://acme.example"]},
            {"$website": ["https://ACME.example/"]},
            {},
            True,
        ),
        ({"$website": ["https://b.example"]}, {"$website": ["https://acme.example"]}, {}, False),
        # a part that was not declared was empty
        ({"$name": "Acme", "nickname": None}, {"$name": "Acme"}, {}, True),
        ({"$name": "Acme", "nickname": None}, {"$name": "Acme", "nickname": "x"}, {}, False),
        ({"$name": "Acme", "parent": []}, {"$name": "Acme"}, {}, True),
        ({"$name": "Acme", "parent": []}, {"$name": "Acme"}, {"parent": ("acc_5",)}, False),
        # links by id
        ({"$name": "Acme", "parent": ["acc_5"]}, {"$name": "Acme"}, {"parent": ("acc_5",)}, True),
        ({"$name": "Acme", "parent": ["acc_5"]}, {"$name": "Acme"}, {"parent": ("acc_6",)}, False),
    ],
)
def test_by_what_it_is_known_again(
    match: dict[str, JSON], fields: dict[str, JSON], links: dict[str, tuple[str, ...]], hit: bool
) -> None:
    now = live(made("acc_1", fields, links))
    found, _ = recovered(now, "accounts: {}", intent(match, {"fields": {}}))
    assert bool(found.made) == hit


@pytest.mark.parametrize(
    ("body", "fields", "links", "shown"),
    [
        ({"fields": {"$name": "Acme", "employees": 5}}, {"employees": 5.0}, {}, True),
        ({"fields": {"$name": "Acme", "employees": 5}}, {"employees": 6}, {}, False),
        ({"fields": {"$name": "Acme", "nickname": None}}, {}, {}, True),
        ({"fields": {"$name": "Acme", "nickname": None}}, {"nickname": "x"}, {}, False),
        ({"fields": {"$name": "Acme", "dropped": "x"}}, {}, {}, False),
        ({"fields": {"$name": "Acme"}, "relationships": {"$owner": "mem_kai"}}, {}, {"$owner": ("mem_kai",)}, True),
        ({"fields": {"$name": "Acme"}, "relationships": {"$owner": "mem_kai"}}, {}, {"$owner": ("mem_mia",)}, False),
        (
            {"fields": {"$name": "Acme"}, "relationships": {"partners": ["acc_5"]}},
            {},
            {"partners": ("acc_5", "acc_6")},
            True,
        ),
        ({"fields": {"$name": "Acme"}, "relationships": {"partners": ["acc_5"]}}, {}, {}, False),
        ({"fields": {"$name": "Acme"}, "skipEnrichment": True}, {}, {}, True),
    ],
)
def test_what_shows_the_body(
    body: dict[str, JSON], fields: dict[str, JSON], links: dict[str, tuple[str, ...]], shown: bool
) -> None:
    found, _ = recovered(live(made("acc_1", {"$name": "Acme", **fields}, links)), "accounts: {}", intent(body=body))
    assert bool(found.made) == shown
    assert bool(found.warnings)


# ---------------------------------------------------------------- for undo (rule A8)


def test_what_was_made_can_be_undone() -> None:
    """With the values as the server shows them: its own form of ours is no change that a person made."""
    body: dict[str, JSON] = {
        "fields": {"$name": " Acme", "score": 1},
        "relationships": {"$owner": "mem_1", "$contact": ["con_1", "con_2"]},
    }
    written = written_by(ACME, body, record("acc_1", {"$name": "Acme"}), 3)
    fields: dict[str, tuple[JSON, JSON]] = {"$name": (None, "Acme"), "score": (None, 1)}
    links: dict[str, tuple[list[str], list[str]]] = {"$owner": (["mem_1"], []), "$contact": (["con_1", "con_2"], [])}
    assert written == Written(ACME, "create", "acc_1", fields, links, origin="created", generation=3)


def test_members_of_a_list_that_was_made_are_no_links() -> None:
    body: dict[str, JSON] = {"fields": {"$name": "Best"}, "relationships": {"$accounts": ["acc_1"]}}
    written = written_by(Address("list", "best"), body, record("lst_1", {"$name": "Best"}), 1)
    assert (written.links, written.members) == ({}, ("account", ["acc_1"], []))


# ---------------------------------------------------------------- with the index that lags

BIRCH = "accounts: {birch: {fields: {$name: Company 1}}}\n"
PROJECT = "accounts: {acme: {fields: {$name: Acme}}}\n"


@pytest.fixture
def crm(tmp_path: Path) -> Iterator[Crm]:
    rows = [{"fields": {"$name": f"Company {n}"}} for n in range(3)]
    opened = Crm(tmp_path, {"records": {"accounts": rows}}, lag=20)
    opened.skipped += 60
    yield opened
    opened.close()


def interrupted(crm: Crm, *, answered: bool = True, ago: float = 0.0) -> Intent:
    """A run was about to create Acme; `answered`: and the request arrived."""
    at = datetime.fromtimestamp(crm.now(), UTC)
    body: dict[str, JSON] = {"fields": {"$name": "Acme"}}
    if answered:
        crm.person("POST", "/v1/accounts", body)
    crm.skipped += ago
    return intent(body=body, generation=0).model_copy(update={"at": at})


def summary(planned: Planned) -> list[tuple[str, str]]:
    return [(str(change.address), change.action) for change in planned.plan.changes]


@pytest.mark.parametrize("answered", [True, False])
def test_the_same_create_is_planned_under_its_own_key_without_a_wait(crm: Crm, answered: bool) -> None:
    """Its key meets what it made, if it made it (rule A2)."""
    open = interrupted(crm, answered=answered)
    before = crm.skipped
    planned = crm.plan(PROJECT, open={ACME: open})
    assert summary(planned) == [("account.acme", "create")]
    assert planned.recovery.open == {ACME: open}
    assert not planned.recovery.dropped
    assert crm.skipped == before


@pytest.mark.parametrize("text", [PROJECT.replace("Acme", "Acme Solar"), BIRCH])
def test_what_is_asked_for_no_more_is_looked_for_when_the_lag_has_passed(crm: Crm, text: str) -> None:
    """Never before: the index that lags would show nothing, and it would be made twice."""
    open = interrupted(crm)
    before = crm.skipped
    planned = crm.plan(text, open={ACME: open})
    assert 28 <= crm.skipped - before <= 32, "index_lag_timeout is 30"
    (binding,) = planned.recovery.made.values()
    assert binding.id == crm.id("account", "Acme")
    assert planned.state.bindings[ACME].id == binding.id
    declared = "Solar" in text
    assert summary(planned) == [("account.acme", "update") if declared else ("account.birch", "adopt")]
    assert [orphan.address for orphan in planned.plan.orphans] == ([] if declared else [ACME])
    assert "an interrupted run created it" in told(planned.plan)[0]


def test_what_was_begun_long_ago_is_looked_for_at_once(crm: Crm) -> None:
    open = interrupted(crm, ago=300)
    before = crm.skipped
    assert crm.plan(BIRCH, open={ACME: open}).recovery.made
    assert crm.skipped == before


def test_what_was_never_made_is_forgotten(crm: Crm) -> None:
    planned = crm.plan(PROJECT.replace("Acme", "Acme Solar"), open={ACME: interrupted(crm, answered=False)})
    assert summary(planned) == [("account.acme", "create")]
    assert (planned.recovery.made, planned.recovery.dropped, planned.plan.warnings) == ({}, {ACME}, ())

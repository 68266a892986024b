"""The journal: what a killed run leaves, read by the next one."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lfsync.errors import StateError
from lfsync.model import Address
from lfsync.state import journal
from lfsync.state.journal import Intent, Journal
from lfsync.state.state import Binding, Hashes, State

ACME, BIRCH, CEDAR = Address("account", "acme"), Address("account", "birch"), Address("account", "cedar")
STATE = State("0123456789abcdef")
HASHES = {"$name": Hashes("a" * 16, "b" * 16)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal" / "prod.jsonl"


def begun(path: Path, state: State = STATE) -> Journal:
    made = Journal(path)
    made.begin(state, journal.Left())
    return made


def test_nothing_is_left_where_there_is_no_journal(path: Path) -> None:
    assert journal.read(path) == journal.Left()


def test_an_outcome_is_left_for_the_next_run(path: Path) -> None:
    made = begun(path)
    made.intend(ACME, "create", key="k", generation=2, body={"fields": {"$name": "Acme\u2028"}})
    made.bound(Binding(ACME, "acc_1", 3, "created", fields=HASHES))
    made.intend(BIRCH, "update")
    made.released(Binding(BIRCH, "acc_2"))
    made.abandon()
    left = journal.read(path)
    assert left.salt == STATE.salt
    assert left.bound == {ACME: Binding(ACME, "acc_1", 3, "created", fields=HASHES), BIRCH: None}
    assert left.open == {}, "an update is never sent again"


def test_a_create_without_an_outcome_stays_open(path: Path) -> None:
    made = begun(path)
    made.intend(ACME, "create", key="k", generation=2, body={"fields": {}})
    made.intend(BIRCH, "create", key="l", body={})
    made.dropped(BIRCH)
    made.end()
    left = journal.read(path)
    assert [(a, i.key, i.generation, i.body) for a, i in left.open.items()] == [(ACME, "k", 2, {"fields": {}})]
    again = Journal(path)
    again.begin(STATE, left)
    assert journal.read(path).open == left.open, "and through every run that does not settle it"
    again.bound(Binding(ACME, "acc_1"))
    again.end()
    assert not path.exists()


def test_keys_that_were_spent_are_remembered_for_a_day(path: Path) -> None:
    made = begun(path)
    made.released(Binding(ACME, "acc_1", 3, "created"))
    made.released(Binding(BIRCH, "acc_2", 0, "adopted"))
    made.end()
    left = journal.read(path)
    assert (left.bound, left.open, list(left.spent)) == ({}, {}, [ACME])
    state = journal.recovered(STATE, left)
    assert [state.generation(address) for address in (ACME, BIRCH)] == [3, 0]
    adopted = replace(state, bindings={ACME: Binding(ACME, "acc_9", 0)})
    assert adopted.generation(ACME) == 3, "also where another record was adopted meanwhile"
    again = Journal(path)
    again.begin(state, left)
    again.end()
    assert journal.read(path).spent == left.spent, "and through the runs of that day"
    long_ago = left.spent[ACME].model_copy(update={"at": datetime.now(UTC) - timedelta(hours=25)})
    path.write_text(json.dumps({"spent": long_ago.model_dump(mode="json")}) + "\n")
    assert journal.read(path) == journal.Left()


def test_a_run_that_ends_well_leaves_nothing(path: Path) -> None:
    made = begun(path)
    made.bound(Binding(ACME, "acc_1"))
    made.end()
    assert not path.exists()
    made.end()
    made.bound(Binding(BIRCH, "acc_2"))
    assert not path.exists(), "nothing is written after the end"


def test_an_abandoned_run_that_did_nothing_leaves_nothing(path: Path) -> None:
    begun(path).abandon()
    assert not path.exists()


def test_it_is_for_its_owner_alone(path: Path) -> None:
    made = begun(path)
    made.bound(Binding(ACME, "acc_1"))
    made.abandon()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_last_line_that_was_cut_short_says_nothing(path: Path) -> None:
    made = begun(path)
    made.intend(ACME, "create", key="k", body={"fields": {"$name": "Ä"}})
    made.bound(Binding(ACME, "acc_1"))
    made.abandon()
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    for length in range(len(whole) - len(lines[-1]), len(whole)):
        path.write_bytes(whole[:length])
        left = journal.read(path)
        assert (ACME in left.open) != (ACME in left.bound), length


def test_a_line_in_the_middle_that_is_damaged_is_named(path: Path) -> None:
    made = begun(path)
    made.bound(Binding(ACME, "acc_1"))
    made.abandon()
    run, bound = path.read_text().splitlines()
    for wrong in ("{", "[]", '{"unknown": 1}', '{"released": "nobody"}', '{"released": "planet.mars"}'):
        path.write_text(f"{run}\n{wrong}\n{bound}\n")
        with pytest.raises(StateError, match=r"prod\.jsonl:2: ") as caught:
            journal.read(path)
        assert caught.value.hint


def test_an_intent_without_a_time_zone_is_damaged(path: Path) -> None:
    begun(path).abandon()
    path.parent.mkdir(exist_ok=True)
    intent = {"address": "account.acme", "action": "create", "at": "2026-01-01T00:00:00", "key": "k"}
    path.write_text(json.dumps({"intent": intent}) + "\n")
    with pytest.raises(StateError):
        journal.read(path)


def test_what_it_knows_goes_to_the_state() -> None:
    state = State(STATE.salt, bindings={BIRCH: Binding(BIRCH, "acc_2"), CEDAR: Binding(CEDAR, "acc_3")})
    left = journal.Left(STATE.salt, {ACME: Binding(ACME, "acc_1", fields=HASHES), BIRCH: None})
    assert journal.recovered(state, left).bindings == {
        ACME: Binding(ACME, "acc_1", fields=HASHES),
        CEDAR: Binding(CEDAR, "acc_3"),
    }


def test_hashes_under_another_salt_say_nothing() -> None:
    state = State("f" * 16, bindings={BIRCH: Binding(BIRCH, "acc_2")})
    members = Hashes("a" * 16, None)
    left = journal.Left(STATE.salt, {ACME: Binding(ACME, "acc_1", 4, fields=HASHES, links=HASHES, members=members)})
    made = journal.recovered(state, left)
    assert made.salt == "f" * 16
    assert made.bindings[ACME] == Binding(ACME, "acc_1", 4)


def test_a_first_run_that_was_killed_before_it_wrote_a_state_keeps_its_hashes() -> None:
    left = journal.Left(STATE.salt, {ACME: Binding(ACME, "acc_1", fields=HASHES)})
    made = journal.recovered(State("f" * 16), left)
    assert made.salt == STATE.salt
    assert made.bindings[ACME].fields == HASHES


def test_the_age_of_an_intent_is_in_seconds() -> None:
    hour = datetime.now(UTC) - timedelta(hours=1)
    assert Intent(address="account.acme", action="create", at=hour).age == pytest.approx(3600, abs=60)

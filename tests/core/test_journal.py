"""The journal: what a killed run leaves, read by the next one."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lfsync.errors import StateError
from lfsync.model import JSON, Address
from lfsync.state import journal
from lfsync.state.journal import Journal
from lfsync.state.ledger import Create
from lfsync.state.state import Binding, Hashes, LinkHashes, Released, State

ACME, BIRCH, CEDAR = Address("account", "acme"), Address("account", "birch"), Address("account", "cedar")
STATE = State("0123456789abcdef")
HASHES = {"$name": Hashes("a" * 16, "b" * 16)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal" / "prod.jsonl"


AT, LATER = "2026-03-01T09:00:00Z", "2026-03-01T09:30:00Z"


def begun(path: Path, state: State = STATE) -> Journal:
    made = Journal(path)
    made.begin(state, journal.Left(), AT)
    return made


def create(address: Address, **more: JSON) -> Create:
    return Create(
        address, f"key of {address}", 2, {"$name": "Acme\u2028"}, {"fields": {"$name": " Acme\u2028"}, **more}
    )


def test_nothing_is_left_where_there_is_no_journal(path: Path) -> None:
    assert journal.read(path) == journal.Left()


def test_an_outcome_is_left_for_the_next_run(path: Path) -> None:
    made = begun(path)
    made.intend(create(ACME), AT)
    made.bound(Binding(ACME, "acc_1", 3, "created", fields=HASHES))
    made.bound(Binding(BIRCH, "acc_2"))
    made.released(Released(BIRCH, 1, "acc_2", LATER))
    made.abandon()
    left = journal.read(path)
    assert left.salt == STATE.salt
    assert left.outcomes == {
        ACME: Binding(ACME, "acc_1", 3, "created", fields=HASHES),
        BIRCH: Released(BIRCH, 1, "acc_2", LATER),
    }
    assert left.open == {}


def test_a_create_without_an_outcome_stays_open(path: Path) -> None:
    """Rule A4: with its key, its match and its body, through every run that does not settle it."""
    made = begun(path)
    made.intend(create(ACME, skipEnrichment=True), AT)
    made.intend(create(BIRCH), AT)
    made.dropped(BIRCH)
    made.end()
    left = journal.read(path)
    (intent,) = left.open.values()
    assert (intent.address, intent.key, intent.generation) == ("account.acme", "key of account.acme", 2)
    assert intent.match == {"$name": "Acme\u2028"}
    assert intent.body == {"fields": {"$name": " Acme\u2028"}, "skipEnrichment": True}
    assert intent.at == datetime(2026, 3, 1, 9, tzinfo=UTC), "by the server's clock"
    again = Journal(path)
    again.begin(STATE, left, LATER)
    assert journal.read(path).open == left.open
    again.end()
    assert journal.read(path).open == left.open
    again = Journal(path)
    again.begin(STATE, left, LATER)
    again.bound(Binding(ACME, "acc_1"))
    again.end()
    assert not path.exists()


def test_whose_it_is_outlives_a_run(path: Path) -> None:
    """Rule S1: the same hashes as the state's header, as long as there is a journal."""
    made = begun(path, replace(STATE, ids=("one", "two")))
    made.intend(create(ACME), AT)
    assert journal.read(path).ids == ("one", "two")
    made.end()
    left = journal.read(path)
    assert (left.ids, [*left.open]) == (("one", "two"), [ACME])
    assert journal.recovered(STATE, left).ids == ("one", "two"), "a state that does not know yet"
    assert journal.recovered(replace(STATE, ids=("three",)), left).ids == ("three",)


def test_the_last_intent_of_an_address_counts(path: Path) -> None:
    """Rule A2: a create goes on to its next key where the record of the first one is gone."""
    made = begun(path)
    for generation in (2, 3):
        made.intend(Create(ACME, f"k{generation}", generation, {}, {}), AT)
    made.end()
    assert [intent.key for intent in journal.read(path).open.values()] == ["k3"]


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
    made.intend(Create(ACME, "k", 0, {"$name": "Ä"}, {"fields": {"$name": "Ä"}}), AT)
    made.bound(Binding(ACME, "acc_1"))
    made.abandon()
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    for length in range(len(whole) - len(lines[-1]), len(whole)):
        path.write_bytes(whole[:length])
        left = journal.read(path)
        assert (ACME in left.open) != (ACME in left.outcomes), length


def test_a_line_in_the_middle_that_is_damaged_is_named(path: Path) -> None:
    made = begun(path)
    made.bound(Binding(ACME, "acc_1"))
    made.abandon()
    run, bound = path.read_text().splitlines()
    for wrong in (
        "{",
        "[]",
        '{"unknown": 1}',
        '{"dropped": "nobody"}',
        '{"dropped": "planet.mars"}',
        '{"released": {"address": "planet.mars", "generation": 0, "released": "acc_1", "at": ""}}',
    ):
        path.write_text(f"{run}\n{wrong}\n{bound}\n")
        with pytest.raises(StateError, match=r"prod\.jsonl:2: ") as caught:
            journal.read(path)
        assert caught.value.hint


def test_an_intent_without_a_time_zone_is_damaged(path: Path) -> None:
    begun(path).abandon()
    path.parent.mkdir(exist_ok=True)
    intent = {"address": "account.acme", "at": "2026-01-01T00:00:00", "key": "k", "match": {}, "body": {}}
    path.write_text(json.dumps({"intent": intent}) + "\n")
    with pytest.raises(StateError):
        journal.read(path)
    path.write_text(json.dumps({"intent": {**intent, "at": AT}}) + "\n")
    assert list(journal.read(path).open) == [ACME]


# ---------------------------------------------------------------- to the state (rule S2)


def known(*lines: Binding | Released, salt: str = STATE.salt) -> State:
    return State(
        salt,
        bindings={line.address: line for line in lines if isinstance(line, Binding)},
        released={line.address: line for line in lines if isinstance(line, Released)},
    )


def left(*outcomes: Binding | Released) -> journal.Left:
    return journal.Left(STATE.salt, {outcome.address: outcome for outcome in outcomes})


def test_what_it_knows_goes_to_the_state() -> None:
    gone = Released(BIRCH, 0, "acc_2", AT)
    made = journal.recovered(
        known(Binding(BIRCH, "acc_2"), Binding(CEDAR, "acc_3")), left(Binding(ACME, "acc_1", fields=HASHES), gone)
    )
    assert made == known(Binding(ACME, "acc_1", fields=HASHES), Binding(CEDAR, "acc_3"), gone)


@pytest.mark.parametrize(
    ("state", "outcome", "newer"),
    [
        # of equal or higher generation and time: the journal knows better
        (Binding(ACME, "acc_1"), Binding(ACME, "acc_2"), True),
        (Binding(ACME, "acc_1", 1, written_at=AT), Binding(ACME, "acc_2", 1, written_at=AT), True),
        (Binding(ACME, "acc_1", 1, written_at=AT), Binding(ACME, "acc_2", 1, written_at=LATER), True),
        (Binding(ACME, "acc_1", 1, written_at=LATER), Binding(ACME, "acc_2", 2, written_at=AT), True),
        (Binding(ACME, "acc_1"), Binding(ACME, "acc_2", written_at=AT), True),
        (Binding(ACME, "acc_1", 1, written_at=AT), Released(ACME, 1, "acc_1", LATER), True),
        (Released(ACME, 1, "acc_1", AT), Binding(ACME, "acc_2", 2, written_at=LATER), True),
        (Released(ACME, 1, "acc_1", AT), Binding(ACME, "acc_2", 1, written_at=LATER), True),
        # the state came from another machine meanwhile
        (Binding(ACME, "acc_1", 1, written_at=LATER), Binding(ACME, "acc_2", 1, written_at=AT), False),
        (Binding(ACME, "acc_1", 2, written_at=AT), Binding(ACME, "acc_2", 1, written_at=LATER), False),
        (Binding(ACME, "acc_1", written_at=AT), Binding(ACME, "acc_2"), False),
        (Binding(ACME, "acc_1", 1, written_at=LATER), Released(ACME, 1, "acc_1", AT), False),
        (Released(ACME, 1, "acc_1", LATER), Binding(ACME, "acc_1", 1, written_at=AT), False),
        (Released(ACME, 2, "acc_1", AT), Binding(ACME, "acc_2", 1, written_at=LATER), False),
    ],
)
def test_an_older_outcome_is_not_folded_in(state: Binding | Released, outcome: Binding | Released, newer: bool) -> None:
    """Rule S2: only where generation and `written_at` are no older than the state's line."""
    assert journal.recovered(known(state), left(outcome)) == known(outcome if newer else state)


def test_hashes_under_another_salt_say_nothing() -> None:
    links = {"$owner": LinkHashes("a" * 16, ("b" * 16, "="))}
    members = LinkHashes("a" * 16, None)
    outcome = Binding(ACME, "acc_1", 4, fields=HASHES, links=links, members=members)
    made = journal.recovered(known(Binding(BIRCH, "acc_2"), salt="f" * 16), left(outcome))
    assert made == known(Binding(BIRCH, "acc_2"), Binding(ACME, "acc_1", 4), salt="f" * 16)


def test_a_first_run_that_was_killed_before_it_wrote_a_state_keeps_its_hashes() -> None:
    made = journal.recovered(State("f" * 16), left(Binding(ACME, "acc_1", fields=HASHES)))
    assert made == known(Binding(ACME, "acc_1", fields=HASHES))


def test_a_state_that_only_remembers_what_it_let_go_of_keeps_its_salt() -> None:
    gone = Released(BIRCH, 1, "acc_2", AT)
    made = journal.recovered(known(gone, salt="f" * 16), left(Binding(ACME, "acc_1", fields=HASHES)))
    assert made == known(gone, Binding(ACME, "acc_1"), salt="f" * 16)

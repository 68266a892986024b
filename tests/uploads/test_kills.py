"""Killed anywhere in an upload of three files, and run again: each content is there once, and no session stays open
that a run began and could have ended (rules A4, A5, F1; issue 7).

A step is: before and after each request and each line of the journal, and 256 KiB on their way.
"""

from __future__ import annotations

from random import Random

import pytest

from tests.effort import size
from tests.uploads.yard import Yard, hashes, yard

A, B, C = b"a" * 7_000_000, b"b" * 5_000_000, b"c" * 20
FILES = {"a": A, "b": B, "c": C}
QUIRKS = [
    {"complete-again": "error", "upload-answer": "204"},
    {"file-idempotency": "honoured", "cancel-ended": "noop", "md5-wrong": "cancelled", "upload-answer": "201"},
    {"file-sessions": "short", "complete-again": "error"},
]


def steps(quirks: dict[str, str], purpose: str = "") -> int:
    with yard(quirks) as made:
        made.declare(FILES, **dict.fromkeys(FILES, purpose))
        made.fine()
        return made.reaper.steps


def judge(made: Yard, moments: list[int], *lost: str) -> None:
    for moment in moments:
        made.apply(moment)
    journaled = set(made.left().uploads)
    unanswered = made.pending() - journaled  # the answer to their begin was lost with the run
    made.lose(*lost)
    made.fine()
    assert made.completed() == hashes(A, B, C)
    assert made.pending() <= unanswered | (journaled if lost else set()), (moments, made.reaper.was)
    assert not made.left().uploads
    again = made.plan()
    assert not again.plan.changes
    assert not again.plan.blocked


def test_killed_at_every_one_of_a_hundred_steps() -> None:
    count = steps({})
    assert count >= 100
    for moment in range(1, count + 1):
        with yard() as made:
            made.declare(FILES)
            judge(made, [moment])


@pytest.mark.parametrize("quirks", QUIRKS)
@pytest.mark.parametrize("purpose", ["", ", purpose: knowledge_user"])
def test_killed_under_every_answer_of_the_api(quirks: dict[str, str], purpose: str) -> None:
    """With a purpose of knowledge, names get a suffix and the same bytes again are a 412."""
    quirks = {**quirks, "file-types": "lenient"}
    for moment in range(1, steps(quirks, purpose) + 1, size(6, 1)):
        with yard(quirks) as made:
            made.declare(FILES, **dict.fromkeys(FILES, purpose))
            judge(made, [moment])


@pytest.mark.parametrize("lost", [("journal",), ("journal", "state")])
def test_killed_and_the_journal_is_lost(lost: tuple[str, ...]) -> None:
    """What is completed is found by its content; a session that nobody knows expires (rule F1)."""
    for moment in range(1, steps({}) + 1, size(5, 1)):
        with yard() as made:
            made.declare(FILES)
            judge(made, [moment], *lost)


def test_killed_while_the_index_lags() -> None:
    for moment in range(1, steps({}) + 1, size(5, 1)):
        with yard(lag=1.5) as made:
            made.declare(FILES)
            judge(made, [moment])


def test_killed_again_and_again() -> None:
    chance, count = Random(7), steps({})
    for _ in range(size(15, 300)):
        with yard(chance.choice([{}, *QUIRKS]), lag=chance.choice([0, 1.5])) as made:
            made.declare(FILES)
            judge(made, [chance.randrange(1, count) for _ in range(chance.randrange(2, 6))])


def test_killed_while_new_content_takes_the_place_of_old() -> None:
    """Changed content is a new file under the same address; the old one stays."""
    old = {"a": b"old a", "b": b"old b", "c": b"old c"}
    with yard() as made:
        made.declare(old)
        made.fine()
        made.declare(FILES)
        made.fine()
        count = made.reaper.steps
    for moment in range(1, count + 1, size(5, 1)):
        with yard() as made:
            made.declare(old)
            made.fine()
            made.declare(FILES)
            made.apply(moment)
            made.fine()
            assert made.completed() == hashes(A, B, C, *old.values())
            assert not made.left().uploads
            assert not made.plan().plan.changes


def test_killed_and_the_files_are_changed_before_it_runs_again() -> None:
    """What is not wanted any more is cancelled; what was completed is let go of, and stays (rule F1)."""
    for moment in range(1, steps({}) + 1, size(5, 1)):
        with yard() as made:
            made.declare(FILES)
            made.apply(moment)
            unanswered = made.pending() - set(made.left().uploads)
            made.declare({"a": b"other", "b": B})
            made.fine()
            found = made.completed()
            assert found[next(iter(hashes(b"other")))] == 1
            assert found[next(iter(hashes(B)))] == 1
            assert set(found.values()) == {1}
            assert made.pending() <= unanswered
            assert not made.left().uploads
            assert not made.plan().plan.changes

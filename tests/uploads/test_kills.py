"""Killed anywhere in an upload of three files, and run again: each content is there once, and no session stays open
that a run began and could have ended (rules A4, A5, F1; issue 7)."""

from __future__ import annotations

import pytest

from tests.uploads.yard import Yard, hashes, yard

A, B, C = b"a" * 700_000, b"b" * 300_000, b"c" * 20
FILES = {"a": A, "b": B, "c": C}
QUIRKS = [
    {},
    {"complete-again": "error", "upload-answer": "204"},
    {"file-idempotency": "honoured", "cancel-ended": "noop", "md5-wrong": "cancelled", "upload-answer": "201"},
    {"file-sessions": "short"},
]


def steps(quirks: dict[str, str], more: dict[str, str]) -> int:
    with yard(quirks) as made:
        made.declare(FILES, **more)
        made.fine()
        return made.reaper.steps


def judge(made: Yard, moment: int) -> None:
    assert made.apply(moment) is None
    journaled = set(made.left().uploads)
    lost = made.pending() - journaled  # their begin was never answered, or the answer was lost with the run
    made.fine()
    assert made.completed() == hashes(A, B, C)
    assert made.pending() <= lost, (moment, made.reaper.was)
    assert not made.left().uploads
    again = made.plan()
    assert not again.plan.changes
    assert not again.plan.blocked


@pytest.mark.parametrize("quirks", QUIRKS)
def test_killed_at_every_step(quirks: dict[str, str]) -> None:
    """A step is: before and after each request and each line of the journal, and 256 KiB on their way."""
    count = steps(quirks, {})
    assert count >= 50
    for moment in range(1, count + 1):
        with yard(quirks) as made:
            made.declare(FILES)
            judge(made, moment)

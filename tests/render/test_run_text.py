"""The closing summary of an apply."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import get_args

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lfsync.model import Address, Outcome, Requests, Status
from lfsync.render.outcome import run_summary, run_text
from tests.render.harmless import assert_harmless
from tests.render.render_samples import ACME, outcomes_of_everything
from tests.render.render_strategies import outcomes
from tests.render.test_plan_text import golden


def shown(found: Sequence[Outcome], width: int | None = None, *, color: bool = False, blocked: int = 0) -> str:
    return run_text(found, blocked=blocked, seconds=12.3, requests=Requests(3, 8, 5), width=width, color=color)


def test_golden() -> None:
    golden("run-80", shown(outcomes_of_everything(), 80))


def test_nothing_to_do() -> None:
    assert shown(()) == "Nothing to do.\n"


def test_all_went_well() -> None:
    text = shown([Outcome(ACME, "create", "done", "acc_1"), Outcome(ACME, "update", "unchanged", "acc_1")])
    assert text == ("Requests: 3 read, 8 search, 5 write in 12 s\nApplied: 1 created; 2 converged, 0 not converged.\n")


def test_summary_counts_what_was_written_and_what_was_not() -> None:
    assert run_summary(outcomes_of_everything()) == (
        "Applied: 2 created, 1 updated; 3 converged, 1 not converged, 1 failed, 1 stale, 1 skipped."
    )


def test_the_summary_counts_what_the_plan_had_blocked() -> None:
    done = [Outcome(Address("account", str(number)), "create", "done", "acc_1") for number in range(463)]
    assert shown(done, blocked=6).endswith("Applied: 463 created; 463 converged, 0 not converged, 6 blocked.\n")
    assert run_summary((), 6) == "Nothing to do; 6 blocked."


def test_every_outcome_is_counted_once() -> None:
    statuses = get_args(Status)
    found = [Outcome(Address("account", status), "update", status, "acc_1", "why") for status in statuses]
    counted = sum(map(int, re.findall(r"(\d+) (?!updated)", run_summary(found, 2))))
    assert counted == len(statuses) + 2


def test_rule_a5_what_was_not_begun_is_one_line_with_its_count_and_the_cause() -> None:
    why = "not begun: Lightfield gave no answer of use for 60 seconds: no answer from https://api.example"
    found = [Outcome(Address("account", str(number)), "create", "skipped", None, why) for number in range(700)]
    text = shown(found)
    assert text.count("not begun") == 1
    assert "! 700 changes: not begun: Lightfield gave no answer" in text
    assert len(text.splitlines()) < 10


def test_failures_for_one_reason_tell_it_once_and_name_every_address() -> None:
    found = [Outcome(Address("account", str(number)), "create", "failed", None, "no answer") for number in range(5)]
    text = shown(found)
    assert text.count("no answer") == 1
    assert all(f"! account.{number}  create" in text for number in range(5))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(outcomes, max_size=6), st.sampled_from([None, 40, 80]), st.booleans())
def test_hostile_text_breaks_nothing(found: list[Outcome], width: int | None, color: bool) -> None:
    text = shown(found, width, color=color)
    assert_harmless(text, width=width, color=color)
    flat = text.replace(" ", "").replace("\n", "")
    for outcome in found:
        assert outcome.status in ("done", "unchanged", "skipped") or str(outcome.address) in flat

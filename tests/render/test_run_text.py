"""The closing summary of an apply."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lfsync.model import Outcome, Requests
from lfsync.render.outcome import run_summary, run_text
from tests.render.harmless import assert_harmless
from tests.render.render_samples import ACME, outcomes_of_everything
from tests.render.render_strategies import outcomes
from tests.render.test_plan_text import golden


def shown(found: Sequence[Outcome], width: int | None = None, *, color: bool = False) -> str:
    return run_text(found, seconds=12.3, requests=Requests(3, 8, 5), width=width, color=color)


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


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(outcomes, max_size=6), st.sampled_from([None, 40, 80]), st.booleans())
def test_hostile_text_breaks_nothing(found: list[Outcome], width: int | None, color: bool) -> None:
    text = shown(found, width, color=color)
    assert_harmless(text, width=width, color=color)
    flat = text.replace(" ", "").replace("\n", "")
    for outcome in found:
        assert outcome.status in ("done", "unchanged") or str(outcome.address) in flat

"""The laws under every answer that the API may give to an open question (design.md, section 10)."""

from __future__ import annotations

from zlib import crc32

import pytest
from hypothesis import given, seed
from hypothesis import strategies as st

from lfsync.model import Desired
from lfsync.sandbox.quirks import QUIRKS
from tests.laws.bench import Bench, Run
from tests.laws.cases import Case, cases
from tests.laws.courts import FINE, applied, bench, converges
from tests.laws.laws import blocked, plan_is_empty
from tests.laws.profiles import examples

_OTHERS = [(quirk.name, value) for quirk in QUIRKS for value in quirk.values[1:]]
# Under these a sandbox makes it impossible to end where the files want to be. What must hold then stands beside each.
_REFUSES = {("clear-has-one", "none"): "no has-one can be cleared: that fails each time, and nothing else does"}
_WRITES = {("enrichment", "fills"): "the server fills fields a second later: drift where they are declared empty"}
_SPECIAL = {*_REFUSES, *_WRITES}


@pytest.mark.parametrize(("quirk", "value"), [pair for pair in _OTHERS if pair not in _SPECIAL])
def test_laws_hold_under_each_quirk(quirk: str, value: str) -> None:
    @seed(crc32(f"{quirk}={value}".encode()))  # other cases for each answer
    @examples(3)
    @given(cases())
    def law(case: Case) -> None:
        with bench(case, {quirk: value}) as box:
            converges(box)

    law()


_COMBINED = st.fixed_dictionaries(
    {quirk.name: st.sampled_from([v for v in quirk.values if (quirk.name, v) not in _SPECIAL]) for quirk in QUIRKS}
)


@examples(20)
@given(cases(), _COMBINED)
def test_laws_hold_under_all_quirks_at_once(case: Case, quirks: dict[str, str]) -> None:
    with bench(case, quirks) as box:
        converges(box)


@examples(10)
@given(cases())
def test_what_can_not_be_cleared_fails_alone(case: Case) -> None:
    with bench(case, {"clear-has-one": "none"}) as box:
        run = applied(box)
        for outcome in run.outcomes:
            assert outcome.status in FINE or _clears(run, run.planned.desired[outcome.address]), outcome
        again = applied(box)
        left = [
            change.address for change in again.plan.changes if _clears(again, again.planned.desired[change.address])
        ]
        plan_is_empty(again, left)


def _clears(run: Run, wish: Desired) -> bool:
    """Whether the plan of this resource has a has-one to clear, or waits for one that has."""
    changes = {change.address: change for change in run.plan.changes}
    links = changes[wish.address].relationships
    return any(link.after is None for link in links) or any(
        _clears(run, run.planned.desired[address]) for address in changes[wish.address].depends_on
    )


@examples(10)
@given(cases())
def test_what_the_server_fills_is_cleared_once_more(case: Case) -> None:
    with bench(case, {"enrichment": "fills", "generated-texts": "fills"}) as box:
        first = applied(box)
        assert set(first.fate().values()) <= FINE
        _wait(box)
        drift = applied(box)
        assert {change.cause for change in drift.plan.changes} <= {"drift"}
        assert {field.key for change in drift.plan.changes for field in change.fields} <= {"$title", "$headcount"}
        again = applied(box)
        plan_is_empty(again)
        assert blocked(again.plan) == blocked(first.plan)


def _wait(box: Bench) -> None:
    box.time.skipped += 2

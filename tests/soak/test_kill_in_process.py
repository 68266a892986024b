"""Killed at every request of an apply, before the work and after it, and applied again (rules A2 to A4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.effort import FULL, size
from tests.laws.profiles import examples
from tests.soak.court import LAG, Court
from tests.soak.ground import LOST, Lost, Moment
from tests.soak.tally import Tally


def _moments(requests: int, step: int) -> list[Moment]:
    """Every `step`th request, before its work and after it; by turns in the bounded form."""
    chosen = range(1, requests + 1, step)
    if FULL:
        return [Moment(request, after) for request in chosen for after in (False, True)]
    return [Moment(request, after=bool(turn % 2)) for turn, request in enumerate(chosen)]


@pytest.mark.parametrize("lost", LOST)
def test_killed_at_any_request(lost: Lost, tally: Tally) -> None:
    court = Court(lost)
    assert court.changes >= 20
    for moment in _moments(court.requests, 1 if lost == "nothing" else size(5, 1)):
        court.judge([moment], tally)


@pytest.mark.parametrize("lost", LOST)
def test_killed_while_the_index_shows_nothing_of_it(lost: Lost, tally: Tally) -> None:
    court = Court(lost, lag=LAG)
    for moment in _moments(court.requests, size(4, 1)):
        court.judge([moment], tally)


@pytest.mark.parametrize("lost", LOST)
def test_killed_again_and_again(lost: Lost, tally: Tally) -> None:
    """Also while a killed run is being recovered."""
    court = Court(lost, lag=0 if lost == "nothing" else LAG)
    moment = st.builds(Moment, st.integers(1, court.requests), st.booleans())

    @examples(4, 100)
    @given(st.lists(moment, min_size=2, max_size=6))
    def law(moments: list[Moment]) -> None:
        court.judge(moments, tally)

    law()

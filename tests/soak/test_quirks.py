"""Killed and applied again under every answer that the API may give to an open question, and under mixtures of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfsync.sandbox.quirks import QUIRKS
from tests.effort import FULL, size
from tests.laws.profiles import examples
from tests.soak.court import Court
from tests.soak.ground import LOST, Lost, Moment
from tests.soak.tally import Tally

_MOST_VALUES = max(len(quirk.values) for quirk in QUIRKS)
_ROUNDS = [{quirk.name: quirk.values[turn % len(quirk.values)] for quirk in QUIRKS} for turn in range(_MOST_VALUES)]


def _judge(quirks: dict[str, str], lost: Lost, kills: int, tally: Tally) -> None:
    court = Court(lost, quirks=quirks, row="kill under quirks")
    for number in range(1, kills + 1):
        court.judge([Moment(number * court.requests // (kills + 1), after=bool(number % 2))], tally)


@pytest.mark.parametrize("turn", range(_MOST_VALUES))
def test_killed_under_every_value_of_every_quirk(turn: int, tally: Tally) -> None:
    """All quirks at once; together these rounds take every value of each."""
    for lost in LOST:
        _judge(_ROUNDS[turn], lost, size(2, 12), tally)


@pytest.mark.skipif(not FULL, reason="`make soak`: one quirk at a time")
@pytest.mark.parametrize(("name", "value"), [(quirk.name, value) for quirk in QUIRKS for value in quirk.values[1:]])
def test_killed_under_each_quirk_alone(name: str, value: str, tally: Tally) -> None:
    for lost in LOST:
        _judge({name: value}, lost, 4, tally)


def test_killed_under_random_quirks(tally: Tally) -> None:
    mixture = st.fixed_dictionaries({quirk.name: st.sampled_from(quirk.values) for quirk in QUIRKS})

    @examples(5, 150)
    @given(mixture, st.sampled_from(LOST))
    def law(quirks: dict[str, str], lost: Lost) -> None:
        _judge(quirks, lost, 2, tally)

    law()

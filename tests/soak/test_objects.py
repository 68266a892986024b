"""Creates of custom objects, whose keys nobody promises to honour, are never doubled (rules A4, A5, U25).

Killed at every request, and with a large share of the answers lost, whether the API honours their keys or not.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.effort import size
from tests.laws.cases import Case
from tests.laws.laws import plan_is_empty
from tests.laws.menu import OBJECT
from tests.laws.profiles import examples
from tests.soak.ground import FINE, Ground, Moment, ground, truth
from tests.soak.tally import Tally

_LAG = 1.0  # seconds that the index trails; the project says 2
_HONOURED = ("ignored", "honoured")
_MOST_RUNS = 60


def _case(count: int) -> Case:
    """Objects of which some are live; each links an account of the project, and the one before it."""
    case = Case(
        {
            "members": [{"ref": "kai", "email": "kai@corp.example", "role": "admin"}],
            "records": {OBJECT: [{"fields": {"name": f"Project {n}"}} for n in range(0, count, 5)]},
        }
    )
    case.resources = {
        "account": {"acme": {"fields": {"$name": "Acme"}, "relationships": {"main": "p1"}}},
        OBJECT: {
            f"p{n}": {
                "match": ["name"],
                "fields": {"name": f"Project {n}", "score": n},
                "relationships": {"customer": "acme", "after": [f"p{(n or count) - 1}"]},
            }
            for n in range(count)
        },
    }
    return case


def _is_whole(box: Ground, count: int) -> None:
    """Each is there once, with all its values and links, and the next plan is empty."""
    found = truth(box.snapshot())
    assert set(found.records.values()) == {1}, found
    assert sum(name.startswith("project ") for name in found.records) == count, found
    assert len(found.links) == 2 * count + 1 + len([n for n in found.records if n.startswith("account")]) - 1, found
    box.time.skipped += 2 * _LAG
    plan_is_empty(box.apply_now())


@pytest.mark.parametrize("honoured", _HONOURED)
def test_killed_at_any_request_no_object_is_made_twice(honoured: str, tally: Tally) -> None:
    count = 6
    case, quirks = _case(count), {"object-idempotency": honoured}
    with ground(case, quirks, lag=_LAG) as box:
        box.apply_now()
        requests = box.scythe.sent
        _is_whole(box, count)

    def killed(moments: list[Moment]) -> None:
        with ground(case, quirks, lag=_LAG) as box:
            for moment in moments:
                box.carry_out(moment)
            run = box.apply_now()
            assert all(outcome.status in FINE for outcome in run.outcomes), (moments, run.outcomes)
            assert not run.plan.blocked, (moments, run.plan.blocked)
            _is_whole(box, count)
        tally.add(f"kill, objects, keys {honoured}", tried=len(moments))

    for request in range(1, requests + 1):
        for after in (False, True):
            killed([Moment(request, after)])

    @examples(8, 200)
    @given(st.lists(st.builds(Moment, st.integers(1, requests), st.booleans()), min_size=2, max_size=5))
    def again_and_again(moments: list[Moment]) -> None:
        killed(moments)

    again_and_again()


@pytest.mark.parametrize("lag", [0, _LAG])
@pytest.mark.parametrize("honoured", _HONOURED)
@pytest.mark.parametrize("seed", range(size(2, 10)))
def test_lost_answers_double_no_object(honoured: str, lag: float, seed: int, tally: Tally) -> None:
    count = size(40, 200)
    quirks = {"object-idempotency": honoured}
    with ground(_case(count), quirks, lag=lag, faults=0.35, random_seed=seed) as box:
        for _ in range(_MOST_RUNS):
            run = box.apply_now()
            found = truth(box.snapshot())
            assert set(found.records.values()) <= {1}, found
            if not run.plan.blocked and all(outcome.status in FINE for outcome in run.outcomes):
                break
        else:
            pytest.fail(f"not done after {_MOST_RUNS} runs")
        _is_whole(box, count)
        tally.add(f"faults, objects, keys {honoured}", tried=count)

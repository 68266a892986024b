"""Creates of custom objects, whose keys nobody promises to honour, are never doubled (rules A4, A5, U25).

Killed at every request, and with a large share of the answers lost, whether the API honours their keys or not.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable

import httpx
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


class _Cutter(httpx.AsyncBaseTransport):
    """Loses the answer to the first create of an object; somebody acts before the next request."""

    def __init__(self, box: Ground, act: Callable[[Ground, str], Awaitable[None]]) -> None:
        self.box = box
        self.inner = box.scythe.inner
        self.act = act
        self.sent = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.inner.handle_async_request(request)
        if request.method == "POST" and request.url.path == _VALUES:
            self.sent += 1
            if self.sent == 1:
                await self.act(self.box, json.loads(await response.aread())["id"])
                raise httpx.ReadError("cut")
        return response


_VALUES = "/v1/objects/project/values"


async def _nobody(box: Ground, id: str) -> None:
    """All that happens is that the answer is lost."""


async def _twin(box: Ground, id: str) -> None:
    await box.meanwhile("POST", _VALUES, {"fields": {"name": "Project 1"}})


async def _edit(box: Ground, id: str) -> None:
    await box.meanwhile("POST", f"{_VALUES}/{id}", {"fields": {"score": 99}})


async def _rename(box: Ground, id: str) -> None:
    await box.meanwhile("POST", f"{_VALUES}/{id}", {"fields": {"name": "Another"}})


@pytest.mark.parametrize("honoured", _HONOURED)
@pytest.mark.parametrize(
    ("act", "status", "records"),
    [(_nobody, "done", 1), (_twin, "failed", 2), (_edit, "failed", 1), (_rename, None, None)],
)
def test_what_a_lost_create_made_is_told_from_what_people_made(
    honoured: str, act: Callable[[Ground, str], Awaitable[None]], status: str | None, records: int | None
) -> None:
    """Rule A5: one new hit with the whole body is bound; a twin, or an edit since, is named and left alone."""
    case = Case({"members": [], "records": {}})
    case.resources = {OBJECT: {"p1": {"match": ["name"], "fields": {"name": "Project 1", "score": 1}}}}
    with ground(case, {"object-idempotency": honoured}, lag=_LAG) as box:
        cutter = _Cutter(box, act)
        box.scythe.inner = cutter
        run = box.apply_now()
        (outcome,) = run.outcomes
        names = Counter(row.fields.get("name") for row in box.snapshot().rows.values() if row.kind == "project")
        if status is None:  # renamed out of the match meanwhile: nobody can tell, and it may be made once more
            assert names["Project 1"] <= 1
            return
        assert (outcome.status, names["Project 1"], cutter.sent) == (status, records, 1)
        if status == "failed":
            assert outcome.is_unknown
            assert "Project 1" in str(outcome.reason)
            assert not box.scythe.writes[1:]

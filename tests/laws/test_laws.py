"""The laws of design.md, section 10, on random projects in random workspaces: with lag, with faults, with people."""

from __future__ import annotations

from random import Random

from hypothesis import given, reject
from hypothesis import strategies as st

from lfsync.errors import ConfigError
from lfsync.model import Plan
from lfsync.planning.draft import Wishes
from lfsync.planning.plan_file import dumps, from_json
from lfsync.state.state import State
from tests.laws.bench import Bench
from tests.laws.cases import Case, cases, thin
from tests.laws.courts import FINE, applied, bench, converges
from tests.laws.laws import blocked, plan_is_empty, plan_survives_json, shape
from tests.laws.profiles import examples


@examples(40)
@given(cases())
def test_plan_after_apply_is_empty_and_applying_twice_writes_once(case: Case) -> None:
    with bench(case) as box:
        converges(box)


@examples(15)
@given(cases(), st.integers(0, 2**32))
def test_order_of_files_keys_and_rows_does_not_matter(case: Case, chance: int) -> None:
    with bench(case) as box:
        first = shape(box.plan().plan)
        box.write(Random(chance))
        assert shape(box.plan().plan) == first
        applied(box)
        after = shape(box.plan().plan)
        box.write(Random(chance + 1))
        assert shape(box.plan().plan) == after


@examples(15)
@given(cases())
def test_a_plan_is_equal_after_json_and_planning_twice_gives_one_plan(case: Case) -> None:
    with bench(case) as box:
        plan = box.plan().plan
        plan_survives_json(plan)
        assert shape(box.plan().plan) == shape(plan)


def _does_what_it_shows(box: Bench, plan: Plan) -> None:
    run = box.apply_saved(from_json(dumps(plan)))
    waiting = {change.address for change in plan.changes if any("waits for" in text for text in change.warnings)}
    assert {o.status for o in run.outcomes if o.address not in waiting} <= FINE, run.outcomes
    assert {o.status for o in run.outcomes if o.address in waiting} <= {"skipped"}, run.outcomes  # rule A9
    again = box.plan()
    plan_is_empty(again, waiting)
    assert blocked(again.plan) == blocked(plan)


@examples(20)
@given(cases())
def test_a_first_plan_does_what_it_shows_where_it_was_saved(case: Case) -> None:
    with bench(case) as box:
        _does_what_it_shows(box, box.plan().plan)


@examples(20)
@given(cases(), st.integers(0, 2**32))
def test_a_saved_plan_does_what_it_shows(case: Case, chance: int) -> None:
    """Also where it lets go of links to what it does not change, and trashes what is declared no more."""
    with bench(case) as box:
        converges(box)
        box.wishes = Wishes(prune=True)
        thin(case, Random(chance))
        box.write()
        try:
            plan = box.plan().plan
        except ConfigError:  # the two sides of a link contradict each other now
            reject()
        _does_what_it_shows(box, plan)


@examples(15)
@given(cases())
def test_a_lost_state_is_found_again_without_a_write(case: Case) -> None:
    with bench(case) as box:
        converges(box)
        bindings = {address: binding.id for address, binding in box.state.bindings.items()}
        box.state = State(salt="another salt 0123")
        run = applied(box)
        assert {change.action for change in run.plan.changes} <= {"adopt"}
        assert not run.writes
        assert {address: binding.id for address, binding in box.state.bindings.items()} == bindings


@examples(12)
@given(cases())
def test_laws_hold_while_the_index_lags(case: Case) -> None:
    with bench(case, lag=0.3) as box:
        converges(box)


@examples(15)
@given(cases())
def test_laws_hold_under_faults(case: Case) -> None:
    with bench(case, faults=0.2) as box:
        converges(box)


@examples(8)
@given(cases())
def test_laws_hold_under_faults_and_lag(case: Case) -> None:
    with bench(case, lag=0.2, faults=0.1) as box:
        converges(box)


@examples(15)
@given(cases())
def test_an_apply_that_lost_its_outcomes_makes_nothing_twice(case: Case) -> None:
    """Rule A2: the index does not show yet what a run made, and its state was lost. Each create meets its own key."""
    with bench(case.without_files(), lag=60) as box:
        before = box.state
        first = applied(box)
        made = box.snapshot().rows.keys()
        box.state = before
        box.time.skipped += 5
        second = applied(box)
        assert box.snapshot().rows.keys() == made
        assert set(second.fate().values()) <= FINE, second.outcomes
        assert second.fate().keys() <= first.fate().keys()

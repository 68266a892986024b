"""A bench for a case, and the law that all others build upon: plan → apply → plan is empty."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from tests.laws.bench import Bench, Run
from tests.laws.cases import Case
from tests.laws.laws import Verdict, blocked, plan_is_empty

FINE = frozenset({"done", "unchanged"})


@contextmanager
def bench(case: Case, quirks: Mapping[str, str] | None = None, lag: float = 0, faults: float = 0) -> Iterator[Bench]:
    """A bench that is closed at the end."""
    made = Bench(case, quirks, lag, faults)
    try:
        yield made
    finally:
        made.close()


def applied(box: Bench, meanwhile: Callable[[Run], None] | None = None) -> Run:
    """One apply, held against the laws; `meanwhile` is what people do between plan and apply."""
    was = box.snapshot()

    def between(run: Run) -> None:
        nonlocal was
        if meanwhile is not None:
            meanwhile(run)
            was = box.snapshot()

    run = box.apply(between)
    Verdict(run, box.state, box.crm.schema, was, box.snapshot()).check()
    return run


def converges(box: Bench) -> Run:
    """All of a plan is done, the second plan is empty, a second apply writes nothing. What is blocked stays so."""
    run = applied(box)
    assert set(run.fate().values()) <= FINE, run.outcomes
    again = applied(box)
    plan_is_empty(again)
    assert blocked(again.plan) == blocked(run.plan)
    assert not again.writes
    return run

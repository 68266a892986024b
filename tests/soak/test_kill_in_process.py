"""Killed at every request of an apply, before the work and after it, and applied again (rules A2 to A4)."""

from __future__ import annotations

import pytest

from lfsync.state import Binding
from tests.laws.laws import plan_is_empty
from tests.soak.ground import FINE, LOST, Ground, Lost, Moment, Truth, ground, remembered, truth
from tests.soak.tally import Tally, size
from tests.soak.town import before, town

_LAG = 60.0  # seconds; no run takes as long, so the index shows nothing of a killed run when the next one looks


class Court:
    """One case with its state of before, and what an apply without a kill makes of it."""

    def __init__(self, lost: Lost, *, lag: float = 0, quirks: dict[str, str] | None = None) -> None:
        self.lost = lost
        self.lag = lag
        self.quirks = quirks or {}
        self.case = town(lists=not lag, orphan=lost != "journal and state")
        self.state = ""
        with self.ready() as box:
            box.case = before(self.case)
            box.write()
            adopted = box.carry_out()
            assert adopted is not None
            assert not adopted.writes
            self.state = box.state_file.read_text()
        with self.ready() as box:
            run = box.carry_out()
            assert run is not None
            assert all(outcome.status in FINE for outcome in run.outcomes), run.outcomes
            self.requests = box.scythe.sent
            self.changes = len(run.plan.changes)
            self.truth = truth(box.snapshot())
            self.bindings = box.bound().bindings
            self.names = remembered(box.bound(), box.snapshot())
        assert self.truth.records.most_common(1)[0][1] == 1, "every record has a name of its own"

    def ready(self) -> ...: ...

"""The index is five seconds late: an apply, and at once a plan and another apply (rules R1, R2)."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.e2e.rig import project, serving
from tests.laws.laws import plan_is_empty
from tests.soak.ground import FINE, ground
from tests.soak.tally import Tally
from tests.soak.town import town

_LAG = 5.0


@pytest.mark.parametrize("lists", [False, True])
def test_nothing_to_do_at_once_after_an_apply(lists: bool, tally: Tally) -> None:
    """Without lists nothing is waited for; members have no read by id, so those are asked until they settle."""
    with ground(town(lists=lists), lag=_LAG) as box:
        box.lag_timeout = 4 * _LAG
        box.write()
        first = box.apply_now()
        assert {outcome.status for outcome in first.outcomes} <= set(FINE), first.outcomes
        made = box.snapshot()
        started = box.time.now()
        shown = box.plan()
        plan_is_empty(shown)
        assert not shown.plan.blocked
        assert not any("settled" in warning.message for warning in shown.plan.warnings), (
            "its members had time to settle"
        )
        again = box.apply_now()
        assert not again.plan.changes
        assert not box.scythe.writes
        assert box.snapshot() == made
        if not lists:
            assert box.time.now() - started < _LAG, "the index has caught up: this shows nothing"
        row = f"index {_LAG:.0f} s late, plan and apply at once" + (" with lists" if lists else "")
        tally.add(row, tried=2, remark=f"{len(again.plan.changes)} changes, {len(box.scythe.writes)} writes")


def test_undo_at_once_knows_the_members_that_the_run_wrote(tmp_path: Path, tally: Tally) -> None:
    accounts = "accounts: {acme: {fields: {$name: Acme}}, birch: {fields: {$name: Birch}}}\n"
    some = "lists: {best: {fields: {$name: Best, $objectType: $account}, members: [%s]}}\n"
    (tmp_path / "seed.yml").write_text("{}")
    with serving(tmp_path / "seed.yml", "--rps", "0", "--index-lag", "2") as server:
        place = project(tmp_path / "project", server.url, {"crm.yaml": accounts + some % "acme"})
        place.apply()
        place.write("crm.yaml", accounts + some % "birch")
        place.apply()
        undone = place.lfsync("undo", "--yes", expect=0)
        assert "1 updated" in undone.out
        time.sleep(2.5)  # what an undo wrote is not what the files ask for: no plan waits until the index shows it
        place.write("crm.yaml", accounts + some % "acme")
        place.plan(expect=0)
    tally.add("index 2 s late, undo at once", tried=1, remark="the members are as before")

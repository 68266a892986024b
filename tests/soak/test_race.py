"""Two applies at once, and people who work in Lightfield at the worst moment (rules A1, I6)."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from lfsync.project.settings import SandboxSettings
from tests.e2e.rig import TIMEOUT, project
from tests.laws.bench import Run
from tests.soak.ground import FINE, Ground, Moment, ground, truth
from tests.soak.guillotine import guillotine
from tests.soak.tally import Tally
from tests.soak.town import before, town

_COUNT = 40
_FILES = {
    "sources.yaml": "sources: [{kind: account, file: rows.csv, key: Id, fields: {$name: Name}}]\n",
    "rows.csv": "Id,Name\n" + "".join(f"{n},Company {n}\n" for n in range(_COUNT)),
}
_PATIENCE = 20.0  # seconds; a second apply that gets past the lock waits for the server as long
_SETTINGS = SandboxSettings(rps=0, random_seed=5)


# ---------------------------------------------------------------- two applies


def test_the_second_of_two_applies_is_refused_and_names_the_first(tmp_path: Path, tally: Tally) -> None:
    (tmp_path / "seed.yml").write_text("{}")
    with guillotine(tmp_path / "seed.yml", _SETTINGS) as server:
        place = project(tmp_path / "project", server.url, _FILES)
        begun, go_on = threading.Event(), threading.Event()

        def hold(method: str, path: str) -> int:
            """The first write waits until the second apply is over, which has no need of the server."""
            if method == "POST":
                begun.set()
                assert go_on.wait(_PATIENCE)
            return 0

        server.refuses = hold
        with place.start("apply", "--yes") as first:
            assert begun.wait(TIMEOUT)
            try:
                second = place.lfsync("apply", "--yes", expect=4)
            finally:
                go_on.set()
            _, err = first.communicate(timeout=TIMEOUT)
        assert first.returncode == 0, err
        assert re.search(rf"host \S+, pid {first.pid}, since 20\S+Z", second.err), second.err
        found = truth(server.snapshot())
        assert set(found.records.values()) == {1}
        assert len(found.records) == _COUNT
        place.lfsync("plan", "--detailed-exitcode", expect=0)
        tally.add("two applies at once", tried=1, remark="the second gets exit 4")


def test_the_lock_of_a_dead_process_is_free(tmp_path: Path, tally: Tally) -> None:
    (tmp_path / "seed.yml").write_text("{}")
    with guillotine(tmp_path / "seed.yml", _SETTINGS) as server:
        place = project(tmp_path / "project", server.url, _FILES)
        assert server.apply(place, Moment(20, after=True)) is None
        holder = json.loads((place.folder / ".lfsync" / "journal" / "prod.holder").read_text())
        with pytest.raises(ProcessLookupError):
            os.kill(holder["pid"], 0)
        run = server.apply(place)
        assert run is not None
        assert run.code == 0, run.text
        assert len(truth(server.snapshot()).records) == _COUNT
        tally.add("lock of a dead holder", tried=1, remark="taken over")


# ---------------------------------------------------------------- people


class Office:
    """The town with its state of before, and people who know its ids."""

    def __init__(self, box: Ground) -> None:
        self.box = box
        case, box.case = box.case, before(box.case)
        box.write()
        box.apply_now()
        assert not box.scythe.writes
        box.case = case
        box.write()

    def path(self, key: str) -> str:
        ids = {str(address): binding.id for address, binding in self.box.bound().bindings.items()}
        return f"/v1/accounts/{ids[f'account.{key}']}"

    def status(self, run: Run, address: str) -> str:
        return run.fate()[address]


def _trash(office: Office) -> None:
    office.box.person("DELETE", office.path("old-a"))


def _merge(office: Office) -> None:
    ids = [office.path(key).rpartition("/")[2] for key in ("old-c", "old-a")]
    office.box.person("POST", "/v1/accounts/merge", {"primaryId": ids[0], "duplicateId": ids[1]})


@pytest.mark.parametrize("act", [_trash, _merge])
@pytest.mark.parametrize("retrieve", ["404", "record"])
def test_trashed_or_merged_between_plan_and_apply(act: Callable[[Office], None], retrieve: str, tally: Tally) -> None:
    """It is left alone, never made again, and the next apply says what is known of it."""
    with ground(town(), {"trashed-retrieve": retrieve, "trashed-update": "404"}) as box:
        office = Office(box)
        path = office.path("old-a")
        run = box.apply_now(lambda run: act(office))
        assert run.fate()["account.old-a"] in ("stale", "failed"), run.outcomes
        _never_again(box, path)
        assert [b.reason for b in run.plan.blocked] == []
        again = box.apply_now()
        assert path.rpartition("/")[2] in {str(b.address): b.reason for b in again.plan.blocked}["account.old-a"]
        _never_again(box, path)
        tally.add("trashed or merged between plan and apply", tried=1, remark="left alone, then blocked")


def _never_again(box: Ground, path: str) -> None:
    found = truth(box.snapshot()).records
    assert found['account "Old A" (trashed)'] == 1
    assert found['account "Old A"'] == 0
    id = path.rpartition("/")[2]
    assert box.snapshot().rows[id].fields["blurb"] == "as it was"


def test_made_by_hand_between_plan_and_apply(tally: Tally) -> None:
    with ground(town()) as box:
        Office(box)
        hand = {"fields": {"$name": "New 2", "blurb": "by hand"}}
        run = box.apply_now(lambda run: box.person("POST", "/v1/accounts", hand))
        assert run.fate()["account.new-2"] == "stale"
        assert truth(box.snapshot()).records['account "New 2"'] == 1
        again = box.apply_now()
        assert {change.address.key: change.adopted for change in again.plan.changes}["new-2"]
        assert {outcome.status for outcome in again.outcomes} <= set(FINE), again.outcomes
        found = truth(box.snapshot())
        assert found.records['account "New 2"'] == 1
        assert ('account "New 2"', 'blurb="by hand"') in found.values
        tally.add("made by hand between plan and apply", tried=1, remark="stale, then adopted")


def test_edited_between_plan_and_apply(tally: Tally) -> None:
    """A value that the plan shows: stale. One that it does not show: it survives."""
    with ground(town()) as box:
        office = Office(box)

        def edit(run: Run) -> None:
            box.person("POST", office.path("old-a"), {"fields": {"blurb": "by hand"}})
            box.person("POST", office.path("old-b"), {"fields": {"blurb": "by hand"}})

        run = box.apply_now(edit)
        assert run.fate()["account.old-a"] == "stale"
        assert run.fate()["account.old-b"] == "done"
        values = truth(box.snapshot()).values
        assert ('account "Old A"', 'blurb="by hand"') in values
        assert {('account "Old B"', 'blurb="by hand"'), ('account "Old B"', "score=2")} <= values
        tally.add("edited between plan and apply", tried=2, remark="stale; other keys survive")


def _once(path: str, act: Callable[[], Awaitable[None]]) -> Callable[[httpx.Request], Awaitable[None]]:
    """Acts just before the first write to `path`."""
    acted = False

    async def just_before(request: httpx.Request) -> None:
        nonlocal acted
        if not acted and request.url.path == path and request.method == "POST":
            acted = True
            await act()

    return just_before


def test_edited_between_the_read_and_the_write(tally: Tally) -> None:
    """There is no precondition in the API: the same key can be overwritten within that request. No other key is."""
    with ground(town()) as box:
        office = Office(box)
        path = office.path("old-a")
        others = {"score": 99, "portal": "https://hand.example", "tags": ["Manual"], "$website": ["https://h.example"]}

        async def edit() -> None:
            await box.meanwhile("POST", path, {"fields": {"blurb": "by hand", **others}})

        box.scythe.just_before = _once(path, edit)
        run = box.apply_now()
        assert run.fate()["account.old-a"] == "done"
        row = box.snapshot().rows[path.rpartition("/")[2]]
        assert row.fields["blurb"] == "from git"
        assert row.fields["score"] == 99
        assert row.fields["portal"] == "https://hand.example"
        assert row.fields["$website"] == ["https://h.example"]
        assert row.fields["tags"]
        tally.add("edited between the read and the write", tried=1, remark="every other key survives")


def test_trashed_between_the_read_and_the_write(tally: Tally) -> None:
    with ground(town(), {"trashed-update": "404"}) as box:
        office = Office(box)
        path = office.path("old-a")

        async def trash() -> None:
            await box.meanwhile("DELETE", path)

        box.scythe.just_before = _once(path, trash)
        run = box.apply_now()
        assert run.fate()["account.old-a"] not in FINE
        _never_again(box, path)
        tally.add("trashed between the read and the write", tried=1, remark="never made again")

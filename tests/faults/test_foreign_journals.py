"""A journal says whose it is: where the very first apply was killed, no state does (rule S1)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lfsync.project.settings import SandboxSettings
from lfsync.sandbox.app import create_app
from tests.faults.stage import Moment, Open, Stage

_CRM = "accounts:\n  acme: {fields: {$name: Acme}}\n  birch: {fields: {$name: Birch}}\n"
_FILE = "files: {call: {path: call.txt}}\n"


@contextmanager
def _elsewhere(box: Stage) -> Iterator[None]:
    """Another organisation answers under the same address: the key is another one's, say."""
    seed = box.folder.parent / "seed.yaml"
    own, other = box.between.app, create_app(SandboxSettings(rps=0), database=":memory:", seed=seed)
    box.between.app = other
    try:
        yield
    finally:
        box.between.app = own
        other.state.close()


@pytest.mark.parametrize(
    "moment",
    [
        Moment("GET", "/v1/accounts/acc_.+"),  # bound: the proof reads it
        Moment("POST", "/v1/accounts", after=True),  # open: its answer was lost
    ],
    ids=["bound", "open"],
)
def test_what_a_first_apply_left_is_refused_elsewhere(stage: Open, moment: Moment) -> None:
    """Nothing of it is folded into a state, nothing is written; back home the next apply goes on."""
    box = stage(_CRM, quirks={"text-trim": "trimmed"})
    box.write(_CRM.replace("fields: {$name: Acme}", "fields: {$name: Acme, nickname: ' x '}"))
    box.killed(moment)
    journal = (box.folder / ".lfsync/journal/prod.jsonl").read_bytes()
    with _elsewhere(box):
        box.forget_writes()
        for command in (("plan",), ("apply", "--yes"), ("validate", "--online")):
            run = box.lfsync(*command, expect=4)
            assert "the journal of `prod` belongs to another organisation" in run.err
        assert box.writes() == []
        assert box.rows("account") == []
    assert (box.folder / ".lfsync/journal/prod.jsonl").read_bytes() == journal
    assert not (box.folder / ".lfsync/state/prod.jsonl").exists()
    box.apply(expect=0)
    assert len(box.rows("account")) == 2
    assert not (box.folder / ".lfsync/journal/prod.jsonl").exists()


def test_an_upload_that_was_left_open_is_refused_elsewhere(stage: Open) -> None:
    """Also after a run that ended: what outlives it is of the same organisation."""
    box = stage(_FILE)
    box.write("Ada: hello", "call.txt")
    box.killed(Moment("PUT", "/_uploads/.+"))
    with _elsewhere(box):
        assert "the journal of `prod` belongs to another organisation" in box.lfsync("plan", expect=4).err
    box.write(_FILE + _CRM)
    box.apply("--only", "account", expect=0)
    (box.folder / ".lfsync/state/prod.jsonl").unlink()
    with _elsewhere(box):
        assert "the journal of `prod` belongs to another organisation" in box.lfsync("plan", expect=4).err

"""A disk that can't be written: told as that, by the exit code that is true, and made up for by the next apply."""

from __future__ import annotations

from tests.e2e.conftest import MakeProject
from tests.e2e.rig import Server

_ONE = {"crm.yaml": "accounts: {new: {fields: {$name: New of the disk}}}\n"}


def test_a_journal_that_can_not_be_written_stops_an_apply_before_any_write(server: Server, make: MakeProject) -> None:
    place = make(_ONE)
    place.write(".lfsync/journal", "a file where a folder should be")
    run = place.apply(expect=1)
    assert ".lfsync/journal" in run.err
    assert "can't be written" in run.err
    assert server.writes() == []


def test_a_state_that_can_not_be_written_after_a_write_is_exit_code_3(server: Server, make: MakeProject) -> None:
    place = make(_ONE)
    (place.folder / ".lfsync").mkdir()
    (place.folder / ".lfsync" / "state").symlink_to("nowhere")
    run = place.apply(expect=3)
    assert "can't be noted down" in run.err
    assert len(server.writes()) == 1
    (place.folder / ".lfsync" / "state").unlink()
    place.lfsync("plan", "--detailed-exitcode")
    place.apply()
    assert len(server.writes()) == 1
    assert list(place.ids()) == ["account.new"]

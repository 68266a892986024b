"""The record of a run: kept for its owner alone, for so many days, in the order of the runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lfsync.errors import StateError, UsageError
from lfsync.model import Address
from lfsync.state import history
from lfsync.state.history import Recorder
from lfsync.state.ledger import Written

ACME = Address("account", "acme")
WRITTEN = Written(
    ACME,
    "update",
    "acc_1",
    fields={"$name": ("Old \u202e", "New")},
    links={"$owner": (["mem_1"], ["mem_2"])},
    members=("account", ["acc_2"], []),
)


def recorder(folder: Path, days: int = 90) -> Recorder:
    return Recorder(folder, workspace="prod", command="apply", config_digest="digest", days=days)


def recorded(folder: Path, days: int = 90) -> None:
    made = recorder(folder, days)
    made.wrote(WRITTEN)
    made.close()


def test_a_run_is_kept_as_it_was(tmp_path: Path) -> None:
    recorded(tmp_path)
    run = history.find(tmp_path, None)
    (entry,) = run.entries
    assert run.header.command == "apply"
    assert run.counts() == {"update": 1}
    assert entry.address == "account.acme"
    assert entry.fields == WRITTEN.fields
    assert entry.relationships == WRITTEN.links
    assert entry.members == WRITTEN.members


def test_an_answer_is_on_record_at_once(tmp_path: Path) -> None:
    """Rule A8: whatever becomes of the run, and the parts of one record each for itself."""
    made = recorder(tmp_path)
    made.wrote(Written(ACME, "create", "acc_1", {"$name": (None, "Acme")}, origin="created", generation=1))
    assert history.find(tmp_path, None).counts() == {"create": 1}
    made.wrote(WRITTEN)
    run = history.find(tmp_path, None)
    assert [entry.action for entry in run.entries] == ["create", "update"]
    assert run.counts() == {"create": 1}
    made.close()
    (entry,) = run.merged()
    assert (entry.origin, entry.generation, entry.fields) == ("created", 1, {"$name": (None, "New")})


def test_it_is_for_its_owner_alone(tmp_path: Path) -> None:
    recorded(tmp_path / "history")
    (path,) = (tmp_path / "history").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_run_that_wrote_nothing_leaves_nothing(tmp_path: Path) -> None:
    recorder(tmp_path / "history").close()
    assert not (tmp_path / "history").exists()


def test_runs_of_one_second_keep_their_order(tmp_path: Path) -> None:
    names = []
    for _ in range(20):
        recorded(tmp_path)
        names.append(history.find(tmp_path, None).header.run)
    assert [run.header.run for run in history.runs(tmp_path)] == names[::-1]
    assert len(set(names)) == 20


def old(folder: Path, days: float) -> Path:
    recorded(folder)
    (path,) = folder.iterdir()
    stamp = datetime.now(UTC) - timedelta(days=days)
    return path.rename(folder / f"{stamp:%Y%m%dT%H%M%SZ}-000001.jsonl")


@pytest.mark.parametrize(("age", "days", "kept"), [(89, 90, True), (91, 90, False), (2, 1, False), (0.5, 1, True)])
def test_what_is_too_old_goes(tmp_path: Path, age: float, days: int, kept: bool) -> None:
    path = old(tmp_path, age)
    (tmp_path / "notes.jsonl").write_text("not ours")
    recorder(tmp_path, days).close()
    assert path.exists() is kept
    assert (tmp_path / "notes.jsonl").exists()


def test_zero_days_keep_nothing(tmp_path: Path) -> None:
    path = old(tmp_path, 0.001)
    recorded(tmp_path, days=0)
    assert not path.exists()
    assert history.runs(tmp_path) == []


def test_an_unknown_run_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run is on record"):
        history.find(tmp_path, None)
    with pytest.raises(UsageError, match="no run `20260101` is on record"):
        history.find(tmp_path, "20260101")


def test_a_last_line_that_was_cut_short_says_nothing(tmp_path: Path) -> None:
    recorded(tmp_path)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    assert history.find(tmp_path, None).entries == ()
    path.write_bytes(b"{}\n" + whole[:-9] + b"\xff\n" + whole)
    with pytest.raises(StateError, match=rf"{path.name}:3: "):
        history.runs(tmp_path)
    path.write_bytes(b"\n")
    with pytest.raises(StateError, match="no header"):
        history.runs(tmp_path)


@pytest.mark.parametrize("kept", [0, 1, 20])
def test_a_run_that_was_killed_before_its_first_line_was_whole_is_none(tmp_path: Path, kept: int) -> None:
    """Rule A8: it had nothing on record, and does not keep anybody from undoing the runs before and after it."""
    recorded(tmp_path)
    (path,) = tmp_path.iterdir()
    (tmp_path / "20990101T000000Z-000001.jsonl").write_bytes(path.read_bytes()[:kept])
    assert history.find(tmp_path, None).header.run == path.stem
    assert len(history.runs(tmp_path)) == 1

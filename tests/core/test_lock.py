"""The lock: one writer at a time, and a dead one holds nobody up."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lfsync.errors import RefusedError
from lfsync.project.settings import WorkspaceSettings
from lfsync.project.workspace import Workspace
from lfsync.state import lock

_HOLD = """
import sys, time
from pathlib import Path
from lfsync.state import lock
with lock.held(Path(sys.argv[1]), "prod"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_second_is_refused_at_once_and_told_who_has_it(tmp_path: Path) -> None:
    path = tmp_path / "journal" / "prod.lock"
    with (
        lock.held(path, "prod"),
        pytest.raises(RefusedError, match=r"`prod` is locked by another run") as caught,
        lock.held(path, "prod"),
    ):
        pass
    assert caught.value.exit_code == 4
    for said in (socket.gethostname(), f"pid {os.getpid()}", "since 20"):
        assert said in caught.value.message


def test_it_is_free_after_its_holder_left(tmp_path: Path) -> None:
    path = tmp_path / "prod.lock"
    for _ in range(2):
        with lock.held(path, "prod"):
            pass
    with pytest.raises(ZeroDivisionError), lock.held(path, "prod"):
        raise ZeroDivisionError
    with lock.held(path, "prod"):
        pass


def test_each_state_has_its_own(tmp_path: Path) -> None:
    with lock.held(tmp_path / "prod.lock", "prod"), lock.held(tmp_path / "test.lock", "test"):
        pass


def test_workspaces_that_share_a_state_share_its_lock_and_journal(tmp_path: Path) -> None:
    states = {"prod": None, "ci": ".lfsync/state/prod.jsonl", "one": "crm/all.jsonl", "two": "crm/all.jsonl"}
    places = {name: Workspace(name, WorkspaceSettings(state=state), tmp_path) for name, state in states.items()}
    for one, other in (("prod", "ci"), ("one", "two")):
        assert places[one].lock_path == places[other].lock_path
        assert places[one].journal_path == places[other].journal_path
    assert len({place.lock_path for place in places.values()}) == 2
    for place in places.values():
        assert place.journal_path.parent == tmp_path / ".lfsync" / "journal"


def test_it_is_free_after_its_holder_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "prod.lock"
    with subprocess.Popen([sys.executable, "-c", _HOLD, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(RefusedError, match=f"pid {process.pid}"), lock.held(path, "prod"):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
    with lock.held(path, "prod"):
        pass


@pytest.mark.parametrize("text", ["", "{", "[]", '{"host": 1}', "\x00\xff"])
def test_a_holder_that_can_not_be_read_is_no_reason_to_fail(tmp_path: Path, text: str) -> None:
    path = tmp_path / "prod.lock"
    with lock.held(path, "prod"):
        path.with_suffix(".holder").write_text(text)
        with pytest.raises(RefusedError, match="not known"), lock.held(path, "prod"):
            pass

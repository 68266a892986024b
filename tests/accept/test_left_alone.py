"""What `lfsync accept` must leave alone: files that moved, can't be read or can't be written; runs that are cut off."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.responses import Response

from tests.accept.conftest import Desk
from tests.e2e.rig import LFSYNC, clean_environment
from tests.faults.disk import refuse

ONE = "accounts: {a: {fields: {$name: A, nickname: x}}}\n"
TWO = "accounts: {b: {fields: {$name: B, nickname: x}}}\n"


def meanwhile(desk: Desk, act: Callable[[], object]) -> None:
    """Somebody acts while the plan is being read."""
    done: list[bool] = []

    def instead(method: str, path: str) -> Response | None:
        if not done and "/accounts" in path:
            done.append(True)
            act()
        return None

    desk.town.bent.instead = instead


@pytest.mark.parametrize("now", [ONE + "# mine\n", "accounts: {a: [", "", ONE.replace("a:", "aa:")])
def test_a_file_that_changed_meanwhile_is_left_alone(desk: Desk, now: str) -> None:
    """Rule V2, issue 8: its hash is checked just before it is replaced; everything else is done."""
    desk.begin({"one.yaml": ONE, "two.yaml": TWO})
    desk.people("account.a", {"nickname": "new"})
    desk.people("account.b", {"nickname": "new"})
    meanwhile(desk, lambda: desk.write({"one.yaml": now}))
    out = desk.accept(expect=3).out
    assert "one.yaml:1:45: account.a: `nickname`: the file was changed meanwhile, and is left alone" in out
    assert (desk.read("one.yaml"), desk.read("two.yaml")) == (now, TWO.replace("nickname: x", "nickname: new"))


def test_a_file_that_is_gone_meanwhile_is_named(desk: Desk) -> None:
    desk.begin({"one.yaml": ONE, "two.yaml": TWO})
    desk.people("account.a", {"nickname": "new"})
    meanwhile(desk, lambda: (desk.town.root / "one.yaml").unlink())
    assert "account.a: `nickname`: the file is not there any more" in desk.accept(expect=3).out


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_can_not_be_written(desk: Desk) -> None:
    desk.begin({"data/one.yaml": ONE, "two.yaml": TWO})
    desk.people("account.a", {"nickname": "new"})
    desk.people("account.b", {"nickname": "new"})
    folder = desk.town.root / "data"
    folder.chmod(0o555)
    try:
        out = desk.accept(expect=3).out
    finally:
        folder.chmod(0o755)
    assert "account.a: `nickname`: the file can't be written" in out
    assert (desk.read("data/one.yaml"), desk.read("two.yaml")) == (ONE, TWO.replace("nickname: x", "nickname: new"))


@pytest.mark.parametrize("step", ["mkstemp", "fsync", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_file_that_has_no_room_is_left_whole(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, step: str, code: int
) -> None:
    """Issue 8: disk full or read-only, at each step: nothing half-written and nothing beside it; the rest is done."""
    desk.begin({"data/one.yaml": ONE, "two.yaml": TWO})
    desk.people("account.a", {"nickname": "new"})
    desk.people("account.b", {"nickname": "new"})
    with monkeypatch.context() as patch:
        refuse(patch, desk.town.root / "data", step, code)
        out = desk.town.lfsync("accept").out
    assert f"account.a: `nickname`: the file can't be written: {os.strerror(code)}" in out
    assert (desk.read("data/one.yaml"), desk.read("two.yaml")) == (ONE, TWO.replace("nickname: x", "nickname: new"))
    assert [path.name for path in (desk.town.root / "data").iterdir()] == ["one.yaml"]
    assert desk.town.actions() == {"account.a": "update"}
    desk.accept()
    assert desk.read("data/one.yaml") == ONE.replace("nickname: x", "nickname: new")


def test_what_people_did_while_nothing_could_be_kept_is_no_drift_later(desk: Desk) -> None:
    """Killed between the files and the state: the files agree with Lightfield, and the plan is empty all the same."""
    desk.begin({"one.yaml": ONE})
    state = (desk.town.root / ".lfsync/state/prod.jsonl").read_bytes()
    desk.people("account.a", {"nickname": "new"})
    desk.accept()
    (desk.town.root / ".lfsync/state/prod.jsonl").write_bytes(state)
    assert desk.town.actions() == {}
    desk.people("account.a", {"nickname": "newer"})
    desk.accept("--conflicts")
    assert desk.read("one.yaml") == ONE.replace("nickname: x", "nickname: newer")


def test_the_state_says_that_they_agree(desk: Desk) -> None:
    """Rule V2: what people change after an accept is drift again, and not a conflict."""
    desk.begin({"one.yaml": ONE})
    for value in ("new", "newer"):
        desk.people("account.a", {"nickname": value})
        desk.accept()
        assert desk.read("one.yaml") == ONE.replace("nickname: x", f"nickname: {value}")


def test_nothing_is_written_to_lightfield(desk: Desk) -> None:
    desk.begin({"one.yaml": ONE})
    desk.people("account.a", {"nickname": "new"})
    desk.town.forget()
    desk.accept()
    assert desk.town.writes() == []


def test_modes_and_links_stay(desk: Desk, tmp_path: Path) -> None:
    """A file is replaced where it is, through a link, with its mode."""
    desk.write({"texts/real.txt": "x\n"})
    (desk.town.root / "t.md").symlink_to("texts/real.txt")
    desk.begin({"crm.yaml": "accounts: {a: {fields: {$name: A, about: {file: t.md}}}}\n"})
    (desk.town.root / "texts/real.txt").chmod(0o640)
    desk.people("account.a", {"about": "y"})
    desk.accept()
    assert (desk.town.root / "t.md").is_symlink()
    assert desk.read("texts/real.txt") == "y\n"
    assert (desk.town.root / "texts/real.txt").stat().st_mode & 0o777 == 0o640


def test_a_lock_that_another_run_holds(desk: Desk) -> None:
    """Under the lock of the state (exit 4); a dry run needs none."""
    desk.begin({"one.yaml": ONE})
    desk.people("account.a", {"nickname": "new"})
    held = Path(desk.town.root / ".lfsync/journal/prod.lock")
    script = (
        "import sys, filelock\nwith filelock.FileLock(sys.argv[1], timeout=0):\n    print('held', flush=True); input()"
    )
    python = Path(LFSYNC).parent / "python"
    with subprocess.Popen(
        [python, "-c", script, held], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean_environment(), text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        assert "is locked by another run" in desk.accept(expect=4).err
        desk.accept("--dry-run")
        other.communicate("\n")
    assert desk.read("one.yaml") == ONE


def test_problems_of_the_files_stop_it(desk: Desk) -> None:
    """Exit 1, and nothing is written."""
    desk.begin({"one.yaml": ONE})
    desk.people("account.a", {"nickname": "new"})
    desk.write({"one.yaml": ONE + "contacts: {x: {felds: {}}}\n"})
    desk.accept(expect=1)
    assert desk.read("one.yaml").startswith(ONE)

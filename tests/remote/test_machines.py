"""Two machines, one state in S3: the program itself, over real HTTP on both sides."""

from __future__ import annotations

import json
import shutil
import signal
import threading
import time
from random import Random

import pytest

from tests.e2e.rig import TIMEOUT, Server
from tests.remote.conftest import MakeMachine
from tests.remote.rig import LOCK, Asked, Fault, Machine, Store

ACCOUNTS = "accounts:\n" + "".join(f"  a{n}:\n    fields: {{$name: Account {n}, score: {n}}}\n" for n in range(4))
MANY = "accounts:\n" + "".join(f"  a{n}:\n    fields: {{$name: Account {n}, score: {n}}}\n" for n in range(24))
LONG = "accounts:\n" + "".join(f"  a{n}:\n    fields: {{$name: Account {n}, score: {n}}}\n" for n in range(300))
NAMES = [f"account.a{n}" for n in range(4)]


def names(crm: Server) -> list[str]:
    """The names of all accounts, but for those that the seed made."""
    rows, offset = [], 0
    while page := crm.sdk().account.list(limit=25, offset=offset).data:
        rows += [str(row.fields["$name"].value) for row in page]
        offset += 25
    return sorted(name for name in rows if name.startswith("Account"))


def await_lock(s3: Store) -> None:
    end = time.monotonic() + TIMEOUT
    while (s3.get(LOCK) is None or s3.lock().released) and time.monotonic() < end:
        time.sleep(0.01)
    assert s3.get(LOCK) is not None
    assert not s3.lock().released


def await_writes(crm: Server, count: int) -> None:
    end = time.monotonic() + TIMEOUT
    while len(crm.writes()) < count and time.monotonic() < end:
        time.sleep(0.01)


def test_what_one_machine_bound_the_other_knows(make: MakeMachine, s3: Store, crm: Server) -> None:
    one, other = make({"crm.yaml": ACCOUNTS}), make({"crm.yaml": ACCOUNTS})
    one.apply()
    assert sorted(s3.ids()) == NAMES
    assert not (one.project.folder / ".lfsync" / "state").exists()
    assert other.lfsync("plan", "--detailed-exitcode").code == 0
    assert [line.split()[0] for line in other.lfsync("state", "list").out.splitlines()] == NAMES
    other.lfsync("state", "mv", "account.a0", "account.zero")
    other.lfsync("state", "rm", "account.a1")
    listed = json.loads(one.lfsync("state", "list", "--format", "json").out)
    assert [each["address"] for each in listed] == ["account.a2", "account.a3", "account.zero"]
    one.apply()
    assert sorted(s3.ids()) == NAMES
    assert one.lfsync("undo", "--yes", expect=None).code in (0, 3)
    assert s3.lock().released


def test_a_plan_takes_no_lock_and_writes_nothing(make: MakeMachine, s3: Store) -> None:
    one = make({"crm.yaml": ACCOUNTS})
    asked: list[Asked] = []
    s3.fault = lambda each: asked.append(each)
    one.lfsync("plan")
    one.lfsync("state", "list")
    one.lfsync("explain", "account.a1")
    assert asked
    assert {each.method for each in asked} == {"GET"}


def test_import_and_accept_write_it(make: MakeMachine, s3: Store, crm: Server) -> None:
    one = make({})
    one.lfsync("import", "account", "--where", "$name=Solo")
    (address,) = s3.ids()
    crm.sdk().account.update(s3.ids()[address], fields={"nickname": "Moony"})
    one.lfsync("accept")
    assert "Moony" in (one.project.folder / "accounts.yaml").read_text()
    assert one.lfsync("plan", "--detailed-exitcode").code == 0


def test_the_second_apply_is_refused_at_once(make: MakeMachine, s3: Store, crm: Server) -> None:
    one, other = make({"crm.yaml": MANY}), make({"crm.yaml": MANY})
    told = threading.Event()

    def fault(asked: Asked) -> Fault:
        if asked.method == "PUT" and asked.name.endswith(".jsonl"):
            told.wait(TIMEOUT)  # its last step takes a while
        return None

    s3.fault = fault
    with one.start("apply", "--yes") as process:
        await_lock(s3)
        refused = other.apply(expect=4)
        assert f"pid {process.pid}" in refused.err
        told.set()
        _, err = process.communicate(timeout=TIMEOUT)
        assert process.returncode == 0, err
    other.apply()
    assert len(names(crm)) == 24


@pytest.mark.parametrize("skew", [0.0, 3600.0, -3600.0])
def test_a_killed_run_is_taken_over_and_nothing_is_doubled(
    make: MakeMachine, s3: Store, crm: Server, skew: float
) -> None:
    one, other = make({"crm.yaml": MANY}), make({"crm.yaml": MANY})
    with one.start("apply", "--yes", skew=skew) as process:
        await_writes(crm, 5)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=TIMEOUT)
    end = time.monotonic() + TIMEOUT
    while (run := other.apply(expect=None)).code == 4 and time.monotonic() < end:
        assert "is locked by another run" in run.err  # until its own time is up it can't be told from a live one
        time.sleep(0.2)
    assert run.code == 0, run.text
    if skew:
        assert "seems to be dead" in run.err
    assert len(names(crm)) == len(set(names(crm))) == 24
    assert len(s3.ids()) == 24
    one.apply()  # its journal knows of runs before the other's
    assert len(names(crm)) == 24
    assert other.lfsync("plan", "--detailed-exitcode").code == 0


def test_who_was_taken_over_stops(make: MakeMachine, s3: Store, crm: Server) -> None:
    """A run that hangs for longer than its lease finds out before its next write."""
    one, other = make({"crm.yaml": LONG}), make({"crm.yaml": LONG.replace("$name", "nickname: x, $name")})
    with one.start("apply", "--yes") as process:
        await_writes(crm, 5)
        process.send_signal(signal.SIGSTOP)
        try:
            end = time.monotonic() + TIMEOUT
            while (run := other.apply("--allow-large", expect=None)).code == 4 and time.monotonic() < end:
                time.sleep(0.2)
            assert run.code == 0, run.text
            before = len(crm.writes())
        finally:  # nobody can wait for the end of a process that is stopped
            process.send_signal(signal.SIGCONT)
        out, err = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 3, out + err
    assert "the lock of the state was lost" in out + err
    late = len(crm.writes()) - before
    assert late <= 64, "no more than was under way as it was stopped"
    assert len(names(crm)) == len(set(names(crm))) == 300
    state = s3.get()
    one.lfsync("plan")
    assert s3.get() == state
    other.apply()
    assert other.lfsync("plan", "--detailed-exitcode").code == 0


@pytest.mark.parametrize("fault", ["503", "cut", "lost"])
def test_a_server_that_fails_now_and_then_hurts_nobody(make: MakeMachine, s3: Store, crm: Server, fault: Fault) -> None:
    one = make({"crm.yaml": ACCOUNTS})
    chance = Random(7)
    s3.fault = lambda asked: fault if chance.random() < 0.4 else None
    one.apply()
    s3.fault = lambda asked: None
    assert sorted(s3.ids()) == NAMES
    assert s3.lock().released
    assert one.lfsync("plan", "--detailed-exitcode").code == 0


def test_a_state_that_can_not_be_written_is_kept_by_the_journal(make: MakeMachine, s3: Store, crm: Server) -> None:
    one, other = make({"crm.yaml": ACCOUNTS}), make({"crm.yaml": ACCOUNTS})
    s3.fault = lambda asked: "403" if (asked.method, asked.name[-6:]) == ("PUT", ".jsonl") else None
    run = one.apply("--format", "json", expect=3)
    assert json.loads(run.out)["exit_code"] == 3
    assert "the journal of this machine has it" in run.err
    assert s3.get() is None
    assert len(names(crm)) == 4
    assert one.lfsync("plan", "--detailed-exitcode").code == 0, "the journal knows"
    # No failure counts for a machine that has no journal of it: matches and create keys are enough (rule A2).
    assert other.lfsync("plan", "--detailed-exitcode", expect=2).out.startswith("Plan for")
    s3.fault = lambda asked: None
    one.apply()
    assert sorted(s3.ids()) == NAMES
    assert one.journals == []
    assert other.lfsync("plan", "--detailed-exitcode").code == 0


def test_nothing_to_write_and_no_place_to_write_it_is_exit_1(make: MakeMachine, s3: Store, crm: Server) -> None:
    one = make({"crm.yaml": ACCOUNTS})
    one.apply()
    s3.delete()
    crm.forget()
    s3.fault = lambda asked: "403" if (asked.method, asked.name[-6:]) == ("PUT", ".jsonl") else None
    run = one.apply(expect=1)
    assert "can't be written" in run.err
    assert crm.writes() == []


def test_import_whose_state_can_not_be_written_is_folded_in_later(make: MakeMachine, s3: Store) -> None:
    one = make({})
    s3.fault = lambda asked: "403" if (asked.method, asked.name[-6:]) == ("PUT", ".jsonl") else None
    run = one.lfsync("import", "account", "--where", "$name=Solo", expect=3)
    assert "the files are written, but the state can't be" in run.err
    s3.fault = lambda asked: None
    one.apply()
    assert len(s3.ids()) == 1


def test_a_rename_that_can_not_be_kept_is_none(make: MakeMachine, s3: Store) -> None:
    one = make({"crm.yaml": ACCOUNTS})
    one.apply()
    before = s3.get()
    s3.fault = lambda asked: "403" if (asked.method, asked.name[-6:]) == ("PUT", ".jsonl") else None
    for command in (("state", "rm", "account.a0"), ("state", "mv", "account.a0", "account.b0")):
        assert "Nothing was changed" in one.lfsync(*command, expect=1).err
    s3.fault = lambda asked: None
    assert s3.get() == before
    assert [line.split()[0] for line in one.lfsync("state", "list").out.splitlines()] == NAMES


def test_a_store_that_is_not_there_stops_everything_before_a_write(make: MakeMachine, s3: Store, crm: Server) -> None:
    one = make({"crm.yaml": ACCOUNTS})
    crm.forget()
    s3.fault = lambda asked: "cut"
    for command in (("plan",), ("apply", "--yes"), ("state", "list")):
        run = one.lfsync(*command, expect=1)
        assert "s3://team-states/crm/prod.jsonl" in run.err
    assert crm.writes() == []


def test_a_state_of_another_workspace_is_refused(make: MakeMachine, s3: Store, crm: Server) -> None:
    one = make({"crm.yaml": ACCOUNTS})
    one.apply()
    text = (s3.get() or b"").decode().splitlines()
    first = json.loads(text[0])
    first["ids"] = ["0" * 16]
    s3.put("\n".join([json.dumps(first), *text[1:], ""]).encode())
    assert "another organisation" in one.lfsync("plan", expect=4).err
    assert "another organisation" in one.apply(expect=4).err
    assert s3.lock().released


@pytest.mark.parametrize("body", [b"", b"not json\n", b"\xff\xfe", b'{"lfsync_state": 2}\n'])
def test_a_state_that_can_not_be_read_is_named(make: MakeMachine, s3: Store, body: bytes) -> None:
    one = make({"crm.yaml": ACCOUNTS})
    s3.put(body)
    for command in (("plan",), ("apply", "--yes"), ("state", "list")):
        assert "s3://team-states/crm/prod.jsonl" in one.lfsync(*command, expect=1).err
    assert s3.get() == body
    assert s3.lock().released


def test_a_clone_without_journal_meets_its_own_keys(make: MakeMachine, s3: Store, crm: Server) -> None:
    """The journal is on the other machine's disk: create keys are enough (rule A2)."""
    one = make({"crm.yaml": MANY})
    with one.start("apply", "--yes") as process:
        await_writes(crm, 10)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=TIMEOUT)
    shutil.rmtree(one.project.folder / ".lfsync")
    s3.delete(LOCK)  # a person who knows that the run is dead need not wait
    one.apply()
    assert len(names(crm)) == len(set(names(crm))) == 24


def test_interrupted_while_it_looks_at_a_dead_lock(make: MakeMachine, s3: Store) -> None:
    one = make({"crm.yaml": ACCOUNTS})
    s3.put(b"no lock that anybody could read", LOCK)
    with one.start("apply", "--yes") as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert "seems to be dead" in line
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=TIMEOUT)
    assert process.returncode == 130
    assert s3.get(LOCK) == b"no lock that anybody could read"


def test_workspaces_of_one_state_share_its_journal(make: MakeMachine) -> None:
    """Two names for one organisation: what one left open, the other knows."""
    one: Machine = make({"crm.yaml": ACCOUNTS})
    one.apply()
    one.project.write(
        "lfsync.yaml",
        "version: 1\nworkspaces: {again: {state: 's3://team-states/crm/prod.jsonl'}}\n",
    )
    assert one.lfsync("plan", "--detailed-exitcode").code == 0

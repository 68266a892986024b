"""`lfsync workflow status RUN`: 0 completed or running, 3 failed or timed out, 1 unknown (design.md, section 8)."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.rig import TIMEOUT, Project, Run, Server, checked, project, serving

SEED = """\
members: [{ref: kai, email: kai@corp.example, first: Kai, role: admin}]
workflow_runs:
  - {id: run_nightly}
  - {id: run_import, ends: failed}
  - {id: run_review, status: waiting for approval}
"""


Opened = Callable[..., AbstractContextManager[tuple[Project, Server]]]


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    path = tmp_path / "seed.yaml"
    path.write_text(SEED)
    return path


@pytest.fixture
def place(seed: Path, tmp_path: Path) -> Opened:
    """Opens a project against a sandbox that is served with these options."""

    @contextmanager
    def opened(*options: str) -> Iterator[tuple[Project, Server]]:
        with serving(seed, "--rps", "0", *options) as server:
            yield project(tmp_path / "project", server.url, {}), server

    return opened


def status(place: Project, *arguments: str, expect: int) -> dict[str, Any]:
    return place.lfsync("workflow", "status", *arguments, "--format", "json", expect=expect).json()


def test_each_end_has_its_exit_code(place: Opened) -> None:
    with place() as (here, _):
        assert here.lfsync("workflow", "status", "run_nightly").out == "run_nightly: completed\n"
        assert here.lfsync("workflow", "status", "run_import", expect=3).out == "run_import: failed\n"
        assert status(here, "run_nightly", expect=0) == {
            "run": "run_nightly",
            "status": "completed",
            "outcome": "completed",
            "timed_out": False,
            "exit_code": 0,
        }
        assert status(here, "run_import", expect=3)["outcome"] == "failed"


def test_still_running_is_0_unless_it_was_waited_for(place: Opened) -> None:
    with place("--workflow-latency", "600") as (here, server):
        assert status(here, "run_nightly", expect=0)["outcome"] == "running"
        started = time.monotonic()
        told = status(here, "run_nightly", "--wait", "--timeout", "1.2", expect=3)
        assert time.monotonic() - started < 20
        assert (told["outcome"], told["timed_out"], told["exit_code"]) == ("running", True, 3)
        server.forget()
        run = here.lfsync("workflow", "status", "run_nightly", "--wait", "--timeout", "0", expect=3)
        assert (run.out, len(server.log())) == ("run_nightly: running\n", 1)
        assert "had not ended after 0 seconds" in run.err


def test_wait_asks_at_a_gentle_pace_until_it_ends(place: Opened) -> None:
    """Polled within the Read category, with pauses that grow."""
    with place("--workflow-latency", "2.5") as (here, server):
        run = here.lfsync("workflow", "status", "run_import", "--wait", expect=3)
        assert run.out == "run_import: failed\n"
        assert run.err == "run_import: running; waiting\n"
        log = server.log()
        assert {entry["category"] for entry in log} == {"read"}
        assert {entry["path"] for entry in log} == {"/v1/workflowRun/run_import/status"}
        assert 3 <= len(log) <= 6


def test_an_unknown_word_is_1_and_is_waited_on(place: Opened) -> None:
    """The status is free text (API sheet 4.13): what nobody knows is neither success nor failure."""
    with place() as (here, _):
        run = here.lfsync("workflow", "status", "run_review", expect=1)
        assert run.out == "run_review: waiting for approval\n"
        assert '"waiting for approval"' in run.err
        assert status(here, "run_review", expect=1)["outcome"] == "unknown"
        told = status(here, "run_review", "--wait", "--timeout", "0.1", expect=3)
        assert (told["outcome"], told["timed_out"]) == ("unknown", True)


def test_the_quirk_of_other_words_ends_the_same(place: Opened) -> None:
    """Quirk run-status-words: in_progress, succeeded, errored."""
    with place("--quirk", "run-status-words=other", "--workflow-latency", "1") as (here, _):
        assert status(here, "run_nightly", expect=0)["outcome"] == "running"
        told = status(here, "run_nightly", "--wait", expect=0)
        assert (told["status"], told["outcome"]) == ("succeeded", "completed")
        told = status(here, "run_import", "--wait", expect=3)
        assert (told["status"], told["outcome"]) == ("errored", "failed")


@pytest.mark.parametrize("more", [(), ("--wait",)])
def test_an_unknown_run_is_1(place: Opened, more: tuple[str, ...]) -> None:
    with place() as (here, _):
        run = here.lfsync("workflow", "status", "run_none", *more, expect=1)
        assert (run.out, "has no workflow run run_none" in run.err) == ("", True)
        [problem] = status(here, "run_none", *more, expect=1)["problems"]
        assert "run_none" in problem["message"]


def test_timeout_goes_with_wait(place: Opened) -> None:
    with place() as (here, server):
        assert "--wait" in here.lfsync("workflow", "status", "run_nightly", "--timeout", "5", expect=1).err
        here.lfsync("workflow", "status", "run_nightly", "--wait", "--timeout", "-1", expect=1)
        assert server.log() == []


def test_files_with_mistakes_do_not_matter(place: Opened) -> None:
    with place() as (here, _):
        here.write("accounts.yaml", "accounts: {acme: {fields: 5}}\n")
        here.lfsync("workflow", "status", "run_nightly")


def test_a_sandbox_in_process_serves_runs_too(tmp_path: Path) -> None:
    settings = "version: 1\nworkspaces: {play: {sandbox: {seed: seed.yaml}}}\n"
    files = {"lfsync.yaml": settings, "seed.yaml": SEED}
    here = project(tmp_path / "project", "http://127.0.0.1:9", files)
    assert here.lfsync("workflow", "status", "run_import", expect=3).out == "run_import: failed\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_waiting_is_130(place: Opened, number: signal.Signals) -> None:
    with place("--workflow-latency", "600") as (here, server):
        with here.start("workflow", "status", "run_nightly", "--wait") as process:
            end = time.monotonic() + TIMEOUT
            while not server.log():
                assert time.monotonic() < end
                time.sleep(0.02)
            process.send_signal(number)
            out, err = process.communicate(timeout=TIMEOUT)
        run = checked(Run(process.returncode, out, err), 130)
        assert "Interrupted" in run.err

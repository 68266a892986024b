"""Ctrl-C and SIGTERM, which is the same (rule A5): 130, what was done is kept, and running again completes it."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.rig import LFSYNC, TIMEOUT, Run, Server, checked, project, serving

_COUNT = 240
_SOURCES = "sources: [{kind: account, file: rows.csv, key: Id, fields: {$name: Name}}]\n"


_BOTH = [signal.SIGINT, signal.SIGTERM]


def _companies(count: int) -> dict[str, str]:
    rows = "".join(f"{n},Company {n}\n" for n in range(count))
    return {"sources.yaml": _SOURCES, "rows.csv": f"Id,Name\n{rows}"}


def _until_written(server: Server, count: int) -> None:
    end = time.monotonic() + TIMEOUT
    while len(server.writes()) < count:
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("number", _BOTH)
def test_rule_a5_an_interrupt_keeps_what_was_done(seed_file: Path, tmp_path: Path, number: signal.Signals) -> None:
    with serving(seed_file, "--rps", "0", "--latency", "0.05") as server:
        place = project(tmp_path / "project", server.url, _companies(_COUNT))
        with place.start("apply", "--yes") as process:
            _until_written(server, 1)
            process.send_signal(number)
            out, err = process.communicate(timeout=TIMEOUT)
        run = checked(Run(process.returncode, out, err), 130)
        assert "Interrupted" in run.err
        assert run.out.count("interrupted before it began") <= 2, "told once, not for each change"
        made = len(server.writes())
        assert 0 < made < _COUNT, "it ended early"
        assert len(place.state()) == made, "what was done is kept"
        place.apply()
        assert len(server.writes()) == _COUNT, "each company was made once"
        with server.sdk() as sdk:
            assert sdk.account.list(extra_query={"$name[startsWith]": "Company "}).total_count == _COUNT


@pytest.mark.parametrize("number", _BOTH)
def test_an_interrupt_twice_leaves_at_once_and_loses_nothing(
    seed_file: Path, tmp_path: Path, number: signal.Signals
) -> None:
    # Long enough under way that a busy machine sends both signals before the first answer.
    with serving(seed_file, "--rps", "0", "--latency", "1.5") as server:
        place = project(tmp_path / "project", server.url, _companies(30))
        with place.start("apply", "--yes") as process:
            _until_written(server, 1)
            process.send_signal(number)
            assert process.stderr is not None
            assert any("Interrupted" in line for line in iter(process.stderr.readline, "")), "it ended before"
            process.send_signal(number)
            out, err = process.communicate(timeout=TIMEOUT)
        run = checked(Run(process.returncode, out, err), 130)
        assert "Traceback" not in run.text
        assert not place.state_file.exists() or not place.state(), "it left before the first answer"
        place.apply()
        with server.sdk() as sdk:
            assert sdk.account.list(extra_query={"$name[startsWith]": "Company "}).total_count == 30
        assert len(place.state()) == 30


def _ended(process: subprocess.Popen[str], number: signal.Signals) -> Run:
    process.send_signal(number)
    out, err = process.communicate(timeout=TIMEOUT)
    assert "Warning" not in err
    return checked(Run(process.returncode, out, err), 130)


@pytest.mark.parametrize("number", _BOTH)
def test_a_plan_is_interrupted_at_once(seed_file: Path, tmp_path: Path, number: signal.Signals) -> None:
    with serving(seed_file, "--latency", "20") as server:
        place = project(tmp_path / "project", server.url, _companies(1))
        with place.start("plan", "--format", "json") as process:
            time.sleep(1)
            began = time.monotonic()
            run = _ended(process, number)
        assert time.monotonic() - began < 5
        assert run.json()["problems"][0]["message"] == "interrupted"
        assert not (place.folder / ".lfsync").exists()


def test_an_undo_is_interrupted_and_keeps_what_was_done(seed_file: Path, tmp_path: Path) -> None:
    count = 100
    with serving(seed_file, "--rps", "0", "--latency", "0.1") as server:
        place = project(tmp_path / "project", server.url, _companies(count))
        place.apply()
        with place.start("undo", "--yes", "--allow-large") as process:
            _until_written(server, count + 1)
            _ended(process, signal.SIGTERM)
        undone = len(server.writes()) - count
        assert 0 < undone < count
        assert len(place.state()) == count - undone


def test_sigterm_counts_in_the_background_of_a_script_where_ctrl_c_does_not(seed_file: Path, tmp_path: Path) -> None:
    """A shell without job control starts `lfsync ... &` with SIGINT ignored."""
    with serving(seed_file, "--rps", "0", "--latency", "0.05") as server:
        place = project(tmp_path / "project", server.url, _companies(_COUNT))
        for command, requests in ((["plan"], 0), (["apply", "--yes"], 1)):
            background: list[str | Path] = ["env", "--ignore-signal=INT", LFSYNC, "-C", place.folder, *command]
            with subprocess.Popen(
                background, env=dict(place.env), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            ) as process:
                while not server.log():
                    pass
                _until_written(server, requests)
                process.send_signal(signal.SIGINT)
                _ended(process, signal.SIGTERM)
            if requests:
                assert len(place.state()) == len(server.writes()) < _COUNT
            server.forget()


@pytest.mark.parametrize("number", _BOTH)
@pytest.mark.parametrize("milliseconds", [0, 5, 200])
def test_a_sandbox_ends_quietly_at_any_moment(seed_file: Path, number: signal.Signals, milliseconds: int) -> None:
    command: list[str | Path] = [LFSYNC, "sandbox", "serve", "--port", "0", "--seed", seed_file]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("listening on http://")
        time.sleep(milliseconds / 1000)
        run = _ended(process, number)
    assert run.out == "", "rule X1"
    assert run.err.strip() in ("", "Interrupted.")

"""Ctrl-C in the middle of an apply: what was done is kept, and running again completes it without a second copy."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from tests.e2e.rig import TIMEOUT, Run, Server, checked, project, serving

_COUNT = 240
_SOURCES = "sources: [{kind: account, file: rows.csv, key: Id, fields: {$name: Name}}]\n"


def _companies(count: int) -> dict[str, str]:
    rows = "".join(f"{n},Company {n}\n" for n in range(count))
    return {"sources.yaml": _SOURCES, "rows.csv": f"Id,Name\n{rows}"}


def _until_written(server: Server, count: int) -> None:
    end = time.monotonic() + TIMEOUT
    while len(server.writes()) < count:
        assert time.monotonic() < end


def test_ctrl_c_keeps_what_was_done(seed_file: Path, tmp_path: Path) -> None:
    with serving(seed_file, "--rps", "0", "--latency", "0.05") as server:
        place = project(tmp_path / "project", server.url, _companies(_COUNT))
        with place.start("apply", "--yes") as process:
            _until_written(server, 1)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=TIMEOUT)
        run = checked(Run(process.returncode, out, err), 130)
        assert "Interrupted" in run.err
        made = len(server.writes())
        assert 0 < made < _COUNT, "it ended early"
        assert len(place.state()) == made, "what was done is kept"
        place.apply()
        assert len(server.writes()) == _COUNT, "each company was made once"
        with server.sdk() as sdk:
            assert sdk.account.list(extra_query={"$name[startsWith]": "Company "}).total_count == _COUNT


def test_ctrl_c_twice_leaves_at_once_and_loses_nothing(seed_file: Path, tmp_path: Path) -> None:
    with serving(seed_file, "--rps", "0", "--latency", "0.5") as server:
        place = project(tmp_path / "project", server.url, _companies(30))
        with place.start("apply", "--yes") as process:
            _until_written(server, 1)
            process.send_signal(signal.SIGINT)
            assert process.stderr is not None
            while "Interrupted" not in process.stderr.readline():
                pass
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=TIMEOUT)
        run = checked(Run(process.returncode, out, err), 130)
        assert "Traceback" not in run.text
        assert not place.state_file.exists() or not place.state(), "it left before the first answer"
        place.apply()
        with server.sdk() as sdk:
            assert sdk.account.list(extra_query={"$name[startsWith]": "Company "}).total_count == 30
        assert len(place.state()) == 30

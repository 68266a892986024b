"""Progress is what the server has (rule A8): into a pipe and on a terminal, of the real program over HTTP."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.e2e.rig import COLUMNS, LFSYNC, TIMEOUT, Project, Server, project, serving

_SOURCES = "sources: [{kind: account, file: rows.csv, key: Id, fields: {$name: Name, nickname: {value: 'Sunny '}}}]\n"
# Only a read by id proves what the server trims (rule S5): 96 writes may wait for their proof while others are sent.
_PROVED_LATE = ("--quirk", "text-trim=trimmed")


def _place(folder: Path, server: Server, count: int) -> Project:
    rows = "".join(f"{n},Company {n}\n" for n in range(count))
    return project(folder, server.url, {"sources.yaml": _SOURCES, "rows.csv": f"Id,Name\n{rows}"})


def _answered(server: Server, until: float) -> int:
    """How many writes that came before this moment the server has answered."""
    return sum(_is_write(entry) and entry["time"] <= until for entry in server.log())


def _is_write(entry: Mapping[str, Any]) -> bool:
    return bool(entry["method"] == "POST" and entry["status"] == 200)


def test_rule_a8_progress_in_a_pipe_is_within_5_percent_of_what_the_server_has(seed_file: Path, tmp_path: Path) -> None:
    count = 440
    with serving(seed_file, "--rps", "20", *_PROVED_LATE) as server:
        place = _place(tmp_path / "project", server, count)
        shown: list[tuple[int, int]] = []  # what a line says, what the server has
        with subprocess.Popen(
            [LFSYNC, "-C", place.folder, "apply", "--yes"],
            env=dict(place.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stderr is not None
            for line in process.stderr:
                now = time.time()
                if told := re.match(rf"applied (\d+) of {count}\b", line):
                    shown.append((int(told[1]), _answered(server, now)))
            assert process.wait(TIMEOUT) == 0
        assert len(shown) >= 3, "one every 10 seconds, and the last"
        for said, had in shown:
            assert said <= had <= said + 0.05 * had, shown
        assert shown[-1] == (count, count)


def test_rule_a8_progress_on_a_terminal_counts_what_was_answered(seed_file: Path, tmp_path: Path) -> None:
    """One line of at most 80 columns, which counts up to the end and leaves the screen to what was done."""
    count = 80
    with serving(seed_file, "--rps", "20", *_PROVED_LATE) as server:
        run = _place(tmp_path / "project", server, count).apply_on_terminal("y\n")
    assert run.code == 0
    begin = run.out.index("Applying")
    lines = [line.rstrip() for line in re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "\n", run.out[begin:]))]
    assert max(map(len, lines)) <= COLUMNS
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", run.out[begin:])
    counts = [int(told) for told in re.findall(rf"(\d+)/{count}\b", text)]
    assert counts == sorted(counts)
    assert counts[-1] == count
    assert len(set(counts)) > 10, "while it goes, and not at its end"
    assert re.search(r"0:00:0\d", text), "the time that is left"
    assert run.out.rindex("\x1b[2K") < run.out.rindex(f"{count} created"), "the bar is gone when the run is told of"

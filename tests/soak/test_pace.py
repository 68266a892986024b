"""The real program against the sandbox's buckets, in real time: at the limit, and never over it (issue 3, point 10).

All is a ratio within one run, read from the sandbox's own log.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lfsync.project.settings import SandboxSettings
from tests.e2e.rig import Project, Server, project
from tests.effort import FULL, size
from tests.soak.guillotine import Guillotine, guillotine
from tests.soak.tally import Tally

_LOOSE = 0.95 if FULL else 0.85  # in the bounded form other tests take the machine's time

_UNDER_WAY = 0.3  # seconds; what left before the answer came


def _files(count: int, share: float = 1.0) -> dict[str, str]:
    settings = f"version: 1\ndefault_workspace: prod\nworkspaces:\n  prod:\n    rate_share: {share}\n"
    source = "sources: [{kind: account, file: rows.csv, key: Id, fields: {$name: Name, score: Score}}]\n"
    rows = "".join(f"{n},Company {n},{n}\n" for n in range(count))
    return {"lfsync.yaml": settings, "sources.yaml": source, "rows.csv": "Id,Name,Score\n" + rows}


def _seed(folder: Path, live: int) -> Path:
    path = folder / "seed.yml"
    records = "".join(f"  - {{fields: {{$name: Company {n}, score: -1}}}}\n" for n in range(live))
    definitions = "definitions: {account: {fields: {score: {type: NUMBER}}}}\n"
    path.write_text(definitions + ("records:\n  accounts:\n" + records if live else ""))
    return path


@contextmanager
def _office(folder: Path, rps: int, count: int, share: float, live: int = 0) -> Iterator[tuple[Guillotine, Project]]:
    with guillotine(_seed(folder, live), SandboxSettings(rps=rps, random_seed=1)) as server:
        yield server, project(folder / "project", server.url, _files(count, share))


def _log(server: Guillotine) -> list[dict[str, Any]]:
    return Server(server.url).log()


def _rate(log: list[dict[str, Any]]) -> float:
    """Writes a second, once the first burst is over: of the last two thirds."""
    times: list[float] = sorted(entry["time"] for entry in log if entry["category"] == "write")
    times = times[len(times) // 3 :]
    return (len(times) - 1) / (times[-1] - times[0])


@pytest.mark.parametrize(
    ("rps", "share", "seconds"),
    [(25, 1.0, size(5, 20)), (10, 1.0, size(4, 20)), (25, 0.5, size(4, 20))],
    ids=["limit", "smaller limit", "half share"],
)
def test_writes_at_the_limit_without_a_429(tmp_path: Path, tally: Tally, rps: int, share: float, seconds: int) -> None:
    limit = rps * share
    with _office(tmp_path, rps, round(limit * seconds), share) as (server, place):
        run = server.apply(place)
        assert run is not None
        assert run.code == 0, run.text
        log = _log(server)
    refused = sum(entry["status"] == 429 for entry in log)
    rate = _rate(log)
    row = f"writes at {rps} requests a second" + (f", rate_share {share}" if share < 1 else "")
    writes = sum(entry["category"] == "write" for entry in log)
    tally.add(row, tried=writes, remark=f"{rate:.1f}/s, {rate / limit:.0%} of the limit; {refused} answers of 429")
    assert refused == 0
    assert _LOOSE * limit <= rate <= 1.05 * limit


def test_retry_after_stops_its_own_category_only(tmp_path: Path, tally: Tally) -> None:
    """One search is told to stay away for two seconds: no search comes, and updates, which need none, go on."""
    wait = 2
    refused: list[float] = []
    searches: list[float] = []
    writes: list[float] = []

    def refuses(method: str, path: str) -> int:
        (writes if method == "POST" else searches if path == "/v1/accounts" else []).append(time.monotonic())
        if method == "GET" and path == "/v1/accounts" and len(writes) > 20 and not refused:
            refused.append(time.monotonic())
            return wait
        return 0

    with _office(tmp_path, 25, 150, 1.0, live=100) as (server, place):
        server.refuses = refuses
        run = server.apply(place)
        assert run is not None
        assert run.code == 0, run.text
        limited = [entry for entry in _log(server) if entry["status"] == 429]
    (begun,) = refused
    meanwhile = sum(begun < moment < begun + wait for moment in writes)
    late = [moment - begun for moment in searches if moment > begun + _UNDER_WAY]
    tally.add(f"Retry-After: {wait} on a search", tried=1, remark=f"{meanwhile} writes went on meanwhile")
    assert late
    assert min(late) >= wait * 0.95
    assert meanwhile >= 10
    assert not limited

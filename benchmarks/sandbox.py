"""`lfsync sandbox serve` in a process of its own, so that its CPU is not charged to the client."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.process import BIN, CommandError

_START = "listening on "


@dataclass(frozen=True, slots=True)
class Log:
    """What the sandbox served since its log was emptied: requests by category, 429s, reads of one record."""

    categories: Counter[str]
    throttled: int
    record_reads: int

    @property
    def search(self) -> int:
        return self.categories["search"]

    @property
    def other(self) -> int:
        return self.categories.total() - self.search

    @property
    def largest(self) -> int:
        return max(self.categories.values(), default=0)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox, with the environment that points lfsync at it."""

    url: str

    @property
    def env(self) -> dict[str, str]:
        return {"LIGHTFIELD_BASE_URL": self.url, "LIGHTFIELD_API_KEY": "sk_lf_benchmark", "NO_COLOR": "1"}

    def forget(self) -> None:
        """Empty the log; records stay."""
        request = urllib.request.Request(f"{self.url}/_sandbox/reset", method="POST")
        urllib.request.urlopen(request, timeout=30).close()

    def log(self) -> Log:
        with urllib.request.urlopen(f"{self.url}/_sandbox/log", timeout=120) as answer:
            entries = json.load(answer)
        served = [entry for entry in entries if entry["status"] != 429]
        return Log(
            categories=Counter(str(entry["category"]).lower() for entry in served),
            throttled=len(entries) - len(served),
            record_reads=sum(entry["method"] == "GET" and _is_record(entry["path"]) for entry in served),
        )


def _is_record(path: str) -> bool:
    parts = path.split("?")[0].strip("/").split("/")
    return len(parts) == 3 and parts[1] not in ("auth", "members") and parts[2] != "definitions"


@contextmanager
def serve(db: Path, seed: Path | None = None, rps: int = 0) -> Iterator[Sandbox]:
    """Serve `db`, filled from `seed` first; stopped at the end, the database stays."""
    command: list[str | Path] = [BIN / "lfsync", "sandbox", "serve", "--port", "0", "--db", db, "--rps", str(rps)]
    if seed is not None:
        command += ["--seed", seed]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline().strip()
            if not line.startswith(_START):
                raise CommandError(f"the sandbox said {line!r} instead of {_START!r}...")
            yield Sandbox(line.removeprefix(_START))
        finally:
            process.terminate()

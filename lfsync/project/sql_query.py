"""Asks a process of its own to run a query over the project's files, bounded in time and memory. I/O.

Of its own, because nothing else puts an end to what DuckDB does in one step, or keeps it from what it doesn't count.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from lfsync.errors import ConfigError, Problem
from lfsync.model import JSON, Place

_INSTALL: Final = "install the extra: pip install 'lfsync[sql]'"


@dataclass(frozen=True, slots=True)
class Query:
    """The SQL of a source, and where its first character is. In a `.sql` file and in a YAML block each line is where it
    stands (`lines`), in a file each column, too (`columns`); else all of it is where it begins."""

    sql: str
    place: Place
    lines: bool = False
    columns: bool = False

    def at(self, byte: int | None) -> Place:
        """Where a byte of the SQL stands; without one, where the query does."""
        if byte is None or not self.lines:
            return self.place
        before = self.sql.encode()[:byte].decode(errors="ignore")
        line = self.place.line + before.count("\n")
        return Place(self.place.file, line, len(before) - (before.rfind("\n") + 1) + 1 if self.columns else 0)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may take: seconds, and bytes of memory."""

    seconds: float = 60.0
    memory: int = 1 << 30


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query gives; `files` are the names of those that it read."""

    columns: tuple[str, ...]
    rows: tuple[tuple[JSON, ...], ...]
    files: tuple[str, ...]


def run_query(root: Path, query: Query, limits: Limits = Limits()) -> Answer:
    """The rows of a query. Raises ConfigError with every problem that can be told at once, each at its place."""
    if find_spec("duckdb") is None:
        raise ConfigError([Problem("`query` needs DuckDB, which is not installed", query.place, hint=_INSTALL)])
    question: JSON = {"root": str(root), "sql": query.sql, "memory": limits.memory}
    lines = [json.loads(line) for line in _answered(question, root, query, limits)]
    if isinstance(lines[-1], dict) and "problems" in lines[-1]:
        found = lines[-1]["problems"]
        raise ConfigError(Problem(each["message"], query.at(each["at"]), hint=each["hint"] or None) for each in found)
    head, rows = lines[0], lines[1:]
    return Answer(tuple(head["columns"]), tuple(map(tuple, rows)), tuple(head["files"]))


def _answered(question: JSON, root: Path, query: Query, limits: Limits) -> list[bytes]:
    command = [sys.executable, "-P", "-X", "utf8", "-m", "lfsync.project.sql_process"]
    environment = {name: value for name, value in os.environ.items() if name.startswith("PYTHON")}
    try:
        done = subprocess.run(
            command,
            input=json.dumps(question).encode(),
            capture_output=True,
            cwd=root,
            env=environment,
            timeout=limits.seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        message = f"the query was stopped: it took longer than {limits.seconds:g} seconds"
        hint = "does each join name the columns that it joins on?"
        raise ConfigError([Problem(message, query.place, hint=hint)]) from None
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        message = f"the query could not be run: {last[0] if last else f'DuckDB ended with {done.returncode}'}"
        raise ConfigError([Problem(message, query.place, hint="it may need more memory than a query is given")])
    return done.stdout.splitlines()

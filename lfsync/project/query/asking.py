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
from lfsync.model import JSON, Cell
from lfsync.project.query.syntax import Query
from lfsync.project.rows.source_file import CONTROL_CHARACTERS, Table
from lfsync.wording import nfc

_INSTALL: Final = "install the extra: pip install 'lfsync[sql]'"


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
    command = [sys.executable, "-P", "-X", "utf8", "-m", "lfsync.project.query.process"]
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


def query_table(root: Path, query: Query) -> tuple[Table, tuple[str, ...]]:
    """The rows of a query, all at its place, and the names of the files that it read. ConfigError as `run_query`."""
    answer = run_query(root, query)
    columns = [nfc(name.strip()) for name in answer.columns]
    twice = sorted({name for name in columns if columns.count(name) > 1})
    hint = "give each a name of its own: `as name`"
    problems = [Problem(f"two columns of the query are named `{name}`", query.place, hint=hint) for name in twice]
    rows = [(query.place, dict(zip(columns, map(_cell, row), strict=True))) for row in answer.rows]
    bad = sorted({name for _, cells in rows for name, cell in cells.items() if _has_control(cell)})
    hint = "take them out: regexp_replace(column, '[[:cntrl:]]', '', 'g')"
    problems += [Problem(f"the column `{name}` holds control characters", query.place, hint=hint) for name in bad]
    return Table(columns, rows, problems), answer.files


def _cell(data: JSON) -> JSON:
    """As a cell of a file: text has no type of its own."""
    if isinstance(data, list):
        return [_cell(item) for item in data]
    if isinstance(data, dict):
        return {name: _cell(item) for name, item in data.items()}
    return Cell(data.strip()) if isinstance(data, str) else data


def _has_control(data: JSON) -> bool:
    if isinstance(data, list | dict):
        return any(map(_has_control, data.values() if isinstance(data, dict) else data))
    return isinstance(data, str) and CONTROL_CHARACTERS.search(data) is not None

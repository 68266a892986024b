"""The process that runs one query in DuckDB: a question on stdin, lines of JSON on stdout. I/O.

`{"root", "sql", "memory"}` is the question. The answer begins with `{"columns", "files"}`, then a list for each row;
a line with `{"problems": [{"message", "hint", "at"}]}` ends it, `at` being bytes from the start of the SQL, or null.
`lfsync/project/query/asking.py` asks, and ends it where it takes too long.

What a query can't do rests on several things, each of which would do for most: it is one SELECT that only reads
(`syntax.py`); DuckDB opens the files that it names, and nothing else; the process can't write files, knows nothing
of the environment, and can't take more memory than it is given. One thread, so that the same files give the same rows
in the same order.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time
from decimal import Decimal
from math import isfinite
from pathlib import Path
from typing import Final
from uuid import UUID

import duckdb

from lfsync.errors import ConfigError
from lfsync.model import JSON, Place
from lfsync.project.folder import Folder
from lfsync.project.query.syntax import Parts, Used, Wrong, parts_of

_BESIDE: Final = 1 << 30  # bytes of address space that Python and DuckDB take before a query takes any
_FETCHED: Final = 1_000  # rows at a time
_MAX_ANSWER: Final = 256 << 20  # characters

_SETTINGS: Final = (
    ("threads", "1"),
    ("TimeZone", "'UTC'"),
    ("errors_as_json", "true"),
    ("temp_directory", "''"),
    ("python_enable_replacements", "false"),
    ("enable_external_file_cache", "false"),
    ("autoinstall_known_extensions", "false"),
    ("autoload_known_extensions", "false"),
    ("allow_community_extensions", "false"),
    ("allow_persistent_secrets", "false"),
)


def main() -> None:
    """Answer one question."""
    question = json.load(sys.stdin)
    memory = int(question["memory"])
    bound(memory)
    try:
        lines = answer(Path(question["root"]), str(question["sql"]), memory)
        for line in lines:
            sys.stdout.write(line + "\n")
    except NotRunError as error:
        problems = [{"message": each.message, "hint": each.hint, "at": each.at} for each in error.wrong]
        sys.stdout.write(json.dumps({"problems": problems}) + "\n")


def bound(memory: int) -> None:
    """No file can be written, no core dumped; DuckDB doesn't count all that it takes against its own limit."""
    for what, most in ((resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_AS, memory + _BESIDE)):
        with suppress(ValueError, OSError):  # not every system bounds everything
            resource.setrlimit(what, (most, most))


class NotRunError(Exception):
    """A query that gives no rows, or not all."""

    def __init__(self, *wrong: Wrong) -> None:
        super().__init__(wrong[0].message)
        self.wrong = wrong


def answer(root: Path, sql: str, memory: int) -> Iterator[str]:
    """The lines that answer a query, run where the project's folder is. Raises NotRunError."""
    connection = duckdb.connect(":memory:")
    for name, value in (*_SETTINGS, ("memory_limit", f"'{memory}B'")):
        connection.execute(f"SET {name} = {value}")
    files = _files(root, _checked(connection, sql))
    lock(connection, set(files.values()))
    try:
        yield from _rows(connection, sql, sorted(files))
    except (duckdb.OutOfMemoryException, MemoryError):
        raise NotRunError(_too_much(memory)) from None
    except duckdb.Error as error:
        raise NotRunError(_told(str(error))) from None


def _too_much(memory: int) -> Wrong:
    hint = "join on a column, take fewer rows, or aggregate less at once"
    return Wrong(f"the query needs more than {memory >> 20:,} MB of memory", hint)


# ---------------------------------------------------------------- what it is


def _checked(connection: duckdb.DuckDBPyConnection, sql: str) -> Parts:
    """The parts of a query that may be run, as far as the files are there."""
    found = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    tree = json.loads(str(found[0] if found else "{}"))
    statements = tree.get("statements") or []
    if tree.get("error") and tree.get("error_type") == "parser":
        raise NotRunError(Wrong(str(tree["error_message"]).splitlines()[0], _SYNTAX, _number(tree.get("position"))))
    if tree.get("error") or len(statements) != 1:
        raise NotRunError(Wrong("a query is one SELECT statement", _ONE))
    parts = parts_of(statements[0], _views(connection))
    parts.wrong += _changing(connection, parts)
    if parts.wrong:
        raise NotRunError(*parts.wrong)
    return parts


_SYNTAX: Final = "it is SQL as DuckDB reads it"
_ONE: Final = "nothing before it and nothing behind; PIVOT needs its values: `on column in (...)`"
_STEADY: Final = "a plan must be the same the next time: write the value itself, or take it from a file"


def _views(connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
    rows = connection.execute("SELECT lower(view_name) FROM duckdb_views() WHERE schema_name <> 'information_schema'")
    return frozenset(str(name) for (name,) in rows.fetchall())


def _changing(connection: duckdb.DuckDBPyConnection, parts: Parts) -> Iterator[Wrong]:
    """The functions whose value depends on more than what they are given."""
    functions = _Functions(connection)
    for used in parts.functions:
        if functions.changing(used):
            yield Wrong(f"`{used.name}` gives another value each time", _STEADY, used.at)
    for column in parts.columns:
        if functions.changing_value(column.name):
            hint = f"{_STEADY}; a column of this name needs its table: t.{column.name}"
            yield Wrong(f"`{column.name}` gives another value each time", hint, column.at)


class _Functions:
    """What DuckDB's catalogue says of functions."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.known: dict[str, list[tuple[str | None, str, Sequence[str], str | None]]] = {}
        told = "lower(function_name), stability, coalesce(return_type, ''), parameter_types, macro_definition"
        for name, *rest in connection.execute(f"SELECT {told} FROM duckdb_functions()").fetchall():
            self.known.setdefault(name, []).append((rest[0], rest[1], rest[2] or (), rest[3]))

    def changing(self, used: Used) -> bool:
        """Whether it may give another value for the same arguments."""
        if used.name == "age" and used.arguments == 1:
            return True  # up to today, which the catalogue doesn't say
        return any(
            self.macro(macro) if macro else stability == "VOLATILE" or (stability != "CONSISTENT" and not _zoned(types))
            for stability, gives, takes, macro in self.known.get(used.name, ())
            if macro or stability
            for types in [(*takes, gives) if takes else ()]
        )

    def macro(self, definition: str) -> bool:
        found = self.connection.execute("SELECT json_serialize_sql(?)", [f"SELECT {definition}"]).fetchone()
        parts = parts_of(json.loads(str(found[0] if found else "{}")), frozenset())
        named = any(self.changing_value(column.name) for column in parts.columns)
        return named or bool(parts.wrong) or any(map(self.changing, parts.functions))

    def changing_value(self, name: str) -> bool:
        """Whether a name without parentheses is a function's value where no column has it, as `current_date` is."""
        if name.lower() in self.known and not self.changing(Used(name.lower(), None)):
            return False
        quoted = name.replace('"', '""')
        with suppress(duckdb.Error):
            try:
                self.connection.execute(f'SELECT "{quoted}"')
            except duckdb.BinderException:  # there is no such column, and no such value
                return False
        return True


def _zoned(types: Iterable[str]) -> bool:
    """A function of instants depends on the time zone, which is set, and so not on when or where it runs."""
    return any("TIME ZONE" in each or "TIMESTAMPTZ" in each for each in types)


# ---------------------------------------------------------------- what it may read


def _files(root: Path, parts: Parts) -> dict[str, Path]:
    """By name, the real path of each file that the query reads."""
    folder = Folder(root)
    files: dict[str, Path] = {}
    wrong = []
    for used in parts.files:
        if not {"/", "."} & set(used.name):
            wrong.append(
                Wrong(f"there is no table `{used.name}`", "a query reads files: from 'data/file.csv'", used.at)
            )
            continue
        try:
            files[used.name] = folder.visible(used.name, Place("", 0))
        except ConfigError as error:
            wrong += [Wrong(each.message, each.hint or "", used.at) for each in error.problems]
    if wrong:
        raise NotRunError(*wrong)
    return files


def lock(connection: duckdb.DuckDBPyConnection, files: Iterable[Path]) -> None:
    """From here on only these files can be opened, and no setting changed."""
    listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in sorted(files))
    for setting in (f"allowed_paths = [{listed}]", "enable_external_access = false", "lock_configuration = true"):
        connection.execute(f"SET {setting}")


# ---------------------------------------------------------------- what it gives


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, files: Sequence[str]) -> Iterator[str]:
    result = connection.execute(sql)
    columns = [(str(name), str(kind)) for name, kind, *_ in result.description or ()]
    yield json.dumps({"columns": [name for name, _ in columns], "files": files})
    written = 0
    while rows := result.fetchmany(_FETCHED):
        for row in rows:
            line = json.dumps([_cell(value, *column) for value, column in zip(row, columns, strict=True)])
            written += len(line)
            if written > _MAX_ANSWER:
                raise NotRunError(Wrong("the query gives too many rows to be read", "take the rows apart by `where`"))
            yield line


def _cell(value: object, name: str, kind: str) -> JSON:
    """A value as a cell: text for all that text can say, as in a CSV file; the field decides its type."""
    match value:
        case None | bool():
            return value
        case str():
            return _document(value, name) if kind == "JSON" else value
        case int() | UUID() | time():
            return str(value)
        case float() | Decimal() if isfinite(value):
            return format(Decimal(repr(value)) if isinstance(value, float) else value, "f")
        case datetime():
            return (value.astimezone(UTC) if value.tzinfo else value).isoformat()
        case date():
            return value.isoformat()
        case list() | tuple():
            return [_cell(item, name, "") for item in value]
        case dict():
            return {str(key): _cell(item, name, "") for key, item in value.items()}
    said = value if isinstance(value, float | Decimal) else kind
    hint = f"cast it, for example {name}::varchar"
    raise NotRunError(Wrong(f"the column `{name}` holds {said}, which no field takes", hint))


def _document(text: str, name: str) -> JSON:
    try:
        found: JSON = json.loads(text)
    except ValueError:
        raise NotRunError(Wrong(f"the column `{name}` holds JSON that can't be read", "cast it to varchar")) from None
    return found


def _told(error: str) -> Wrong:
    """What DuckDB says, as message and hint."""
    try:
        told = json.loads(error[error.index("{") :])
        text, at = str(told["exception_message"]), _number(told.get("position"))
    except (ValueError, KeyError, TypeError):
        text, at = error, None
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return Wrong(lines[0] if lines else "DuckDB says no", "; ".join(lines[1:4]), at)


def _number(text: object) -> int | None:
    return int(text) if isinstance(text, str) and text.isdigit() else None


if __name__ == "__main__":
    main()

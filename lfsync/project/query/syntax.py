"""What a query is made of, by DuckDB's own parse tree: its files, functions, columns, and what no query may hold. Pure.

The tree is what `json_serialize_sql` gives; its locations are bytes from the start of the SQL. That a statement is a
SELECT is not enough: its subqueries may be INSERT, DELETE and COPY TO, its tables DESCRIBE and DuckDB's own views.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from lfsync.model import JSON, Place

# The table functions that give the same rows for the same files. What reads files takes their names first.
READERS: Final = ("read_csv", "read_json", "read_ndjson", "read_parquet")
MAKERS: Final = ("generate_series", "json_each", "json_tree", "range", "repeat", "repeat_row", "unnest")
_READERS: Final = frozenset(
    {*READERS, "read_csv_auto", "read_json_auto", "read_json_objects", "read_json_objects_auto"}
    | {"read_ndjson_auto", "read_ndjson_objects", "parquet_scan"}
)

_NOWHERE: Final = 1 << 63  # a location from here on is none
_SELECTS: Final = ("SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE")
_TABLES: Final = ("EMPTY", "BASE_TABLE", "SUBQUERY", "JOIN", "TABLE_FUNCTION", "EXPRESSION_LIST", "PIVOT")
_PATTERN: Final = frozenset("*?[")

Tree = Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class Query:
    """The SQL of a source, and where it is written. In a `.sql` file and in a block of YAML, which begins below its
    place, each line is where it stands (`lines`), in a file each column, too (`columns`)."""

    sql: str
    place: Place
    lines: bool = False
    columns: bool = False

    def at(self, byte: int | None) -> Place:
        """Where a byte of the SQL stands; without one, where the query does."""
        if byte is None or not self.lines:
            return self.place
        before = self.sql.encode()[:byte].decode(errors="ignore")
        line = self.place.line + before.count("\n") + (not self.columns)
        return Place(self.place.file, line, len(before) - (before.rfind("\n") + 1) + 1 if self.columns else 0)


@dataclass(frozen=True, slots=True)
class Used:
    """What a query names, and the byte where; `arguments`: how many a function is given."""

    name: str
    at: int | None
    arguments: int = 0


@dataclass(frozen=True, slots=True)
class Wrong:
    """What no query may hold, and the byte where it starts; None where nothing tells."""

    message: str
    hint: str
    at: int | None = None


@dataclass(slots=True)
class Parts:
    """What a query names: `files` as tables and as what readers are given, `columns` as far as without a table."""

    functions: list[Used] = field(default_factory=list)
    columns: list[Used] = field(default_factory=list)
    files: list[Used] = field(default_factory=list)
    wrong: list[Wrong] = field(default_factory=list)


def parts_of(statement: JSON, views: frozenset[str]) -> Parts:
    """The parts of a serialised SELECT. `views`: DuckDB's own, as far as a plain name stands for them."""
    parts = Parts()
    _Reading(parts, views).read(statement, frozenset())
    return parts


@dataclass(frozen=True, slots=True)
class _Reading:
    parts: Parts
    views: frozenset[str]

    def read(self, node: JSON, known: frozenset[str]) -> None:
        """All below `node`. `known`: the names that `with` has given to subqueries."""
        if isinstance(node, list):
            for item in node:
                self.read(item, known)
        elif isinstance(node, dict):
            known |= _named_by_with(node)
            self.note(node)
            for table in _joined(node.get("from_table")):
                self.table(table, known)
            for key, part in node.items():
                named_apart = key == "function" and node.get("type") == "TABLE_FUNCTION"
                self.read(part.get("arguments") if named_apart and isinstance(part, dict) else part, known)

    def note(self, node: Tree) -> None:
        """One node by itself."""
        at, kind = _at(node), str(node.get("type"))
        if kind.endswith("_NODE") and kind not in _SELECTS:
            self.wrong("a query only reads", "INSERT, UPDATE, DELETE and COPY have no place in it", at)
        if node.get("class") == "PARAMETER":
            self.wrong("a query has no parameters", "write the value itself", at)
        if node.get("sample"):
            self.wrong("a sample takes other rows each time", "take rows by `where`, or `limit`", at)
        if isinstance(node.get("function_name"), str):
            self.parts.functions.append(Used(str(node["function_name"]).lower(), at, len(_items(node, "arguments"))))
        if node.get("class") == "COLUMN_REF" and len(_items(node, "column_names")) == 1:
            self.parts.columns.append(Used(str(_items(node, "column_names")[0]), at))

    def table(self, node: Tree, known: frozenset[str]) -> None:
        """An item of a FROM."""
        at, function = _at(node), node.get("function")
        if node.get("type") not in _TABLES:
            self.wrong("a query is a SELECT that reads rows", "write `select ... from 'data/file.csv'`", at)
        elif isinstance(function, dict):
            self.table_function(str(function["function_name"]).lower(), function, at)
        elif node.get("type") == "BASE_TABLE":
            path = _items(_mapping(node, "qualified_name"), "path")
            name = ".".join(map(str, path))
            if len(path) == 1 and name.lower() in self.views:
                self.wrong(f"`{name}` is a view of DuckDB's own", "a query reads files, and what `with` names", at)
            elif len(path) > 1 or name.lower() not in known:
                self.file(Used(name, at))

    def table_function(self, name: str, function: Tree, at: int | None) -> None:
        if name in _READERS:
            files = list(_files(function))
            if None in files:
                hint = f"write {name}('data/file.csv'), or a list of such names"
                self.wrong(f"`{name}` takes the names of its files as plain text", hint, at)
            for file in files:
                if file:
                    self.file(file)
        elif name not in MAKERS:
            hint = f"there are 'data/file.csv', {', '.join(READERS)}, {', '.join(MAKERS)}"
            self.wrong(f"`{name}` is not for queries", hint, at)

    def file(self, file: Used) -> None:
        if _PATTERN & set(file.name):
            hint = "name each file: read_csv(['data/a.csv', 'data/b.csv'])"
            self.wrong(f"`{file.name}` is a pattern of names", hint, file.at)
        else:
            self.parts.files.append(file)

    def wrong(self, message: str, hint: str, at: int | None) -> None:
        self.parts.wrong.append(Wrong(message, hint, at))


def _named_by_with(node: Tree) -> set[str]:
    entries = _items(_mapping(node, "cte_map"), "map")
    return {str(entry["key"]).lower() for entry in entries if isinstance(entry, dict)}


def _joined(node: JSON) -> Iterator[Tree]:
    """A FROM and what it joins; its subqueries have a FROM of their own."""
    if isinstance(node, dict):
        yield node
        for side in ("left", "right", "source"):
            yield from _joined(node.get(side))


def _files(function: Tree) -> Iterator[Used | None]:
    """The names that a reader is given; None for what is no plain text."""
    for argument in _items(function, "arguments"):
        value = argument.get("expression") if isinstance(argument, dict) else None
        if isinstance(value, dict) and value.get("class") != "COMPARISON" and not _name(argument):
            yield from _texts(value)
            return
    yield None


def _name(argument: JSON) -> str:
    """The name that an argument is given by: `header := true`. (`header = true` is a comparison.)"""
    return str(argument.get("name") or "") if isinstance(argument, dict) else ""


def _texts(node: Tree) -> Iterator[Used | None]:
    literal = _mapping(node, "literal")
    if literal.get("kind") == "STRING":
        yield Used(str(literal["text"]), _at(node))
    elif node.get("function_name") == "list_value" and _items(node, "arguments"):
        for item in _items(node, "arguments"):
            yield from _texts(_mapping(item, "expression") if isinstance(item, dict) else {})
    else:
        yield None


def _items(node: Tree, key: str) -> list[JSON]:
    found = node.get(key)
    return found if isinstance(found, list) else []


def _mapping(node: Tree, key: str) -> Tree:
    found = node.get(key)
    return found if isinstance(found, dict) else {}


def _at(node: Tree) -> int | None:
    at = node.get("query_location")
    return at if isinstance(at, int) and at < _NOWHERE else None

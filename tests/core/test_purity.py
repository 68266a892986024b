"""Pure modules stay pure: what a module imports is read from its text, and followed."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import lfsync

PACKAGE = Path(lfsync.__file__).parent
ALLOWED = frozenset(
    {
        "__future__",
        "collections",
        "collections.abc",
        "contextlib",
        "csv",
        "dataclasses",
        "datetime",
        "decimal",
        "difflib",
        "functools",
        "hashlib",
        "heapq",
        "io",
        "itertools",
        "json",
        "math",
        "re",
        "typing",
        "typing_extensions",
        "unicodedata",
        "urllib.parse",
        "phonenumbers",
        "pydantic",
        "pydantic.alias_generators",
        "pydantic.json_schema",
        "pydantic_core",
        "rich.cells",
        "yaml._yaml",
        "yaml.error",
        "yaml.nodes",
        "yaml.reader",
    }
)
"""Outside modules that a pure one may import: no time, no chance, no files, no network, no terminal."""


class Import(NamedTuple):
    """One import that runs. `inside`: in a function."""

    name: str
    inside: bool


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {name_of(path): ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}
PURE = frozenset(
    name for name, tree in TREES.items() if " Pure" in f" {(ast.get_docstring(tree) or '')}".split("\n\n")[0]
)


def imports(tree: ast.AST, inside: bool = False) -> Iterator[Import]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative imports are not followed here"
            module = node.module or ""
            yield Import(module, inside)
            yield from (
                Import(f"{module}.{alias.name}", inside) for alias in node.names if f"{module}.{alias.name}" in TREES
            )
        else:
            yield from imports(node, inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("module", sorted(PURE))
def test_pure_modules_import_only_pure_ones(module: str) -> None:
    for name, inside in imports(TREES[module]):
        if name == "deepdiff":
            assert (module, inside) == ("lfsync.diff", True)
        elif name.split(".")[0] == "lfsync":
            assert name in PURE or _only_a_package(name), f"{module} imports {name}, which is not pure"
        else:
            assert name in ALLOWED, f"{module} imports {name}"


def _only_a_package(name: str) -> bool:
    """A package whose `__init__` holds nothing but its docstring and version does no harm."""
    return name in TREES and not list(imports(TREES[name])) and (PACKAGE.parent / name.replace(".", "/")).is_dir()


@pytest.mark.parametrize("module", sorted(PURE))
def test_pure_modules_open_and_print_nothing(module: str) -> None:
    called = {
        node.func.id
        for node in ast.walk(TREES[module])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert called.isdisjoint({"open", "print", "input", "exec", "eval", "__import__", "breakpoint"})


@pytest.mark.parametrize("module", sorted(PURE))
def test_pure_modules_ask_no_clock(module: str) -> None:
    called = {
        node.func.attr
        for node in ast.walk(TREES[module])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert called.isdisjoint({"now", "utcnow", "today"})


def test_the_core_is_pure() -> None:
    """House rule 2, and the layout of the style page."""
    core = "model errors kinds values config sources definitions prepare resolve diff plan order writes state matching"
    assert {f"lfsync.{name}" for name in core.split()} <= PURE
    assert {name for name in TREES if name.startswith("lfsync.render.")} - {"lfsync.render.progress"} <= PURE


def test_every_module_says_what_it_is_for() -> None:
    assert [name for name, tree in TREES.items() if not ast.get_docstring(tree)] == []


def test_deepdiff_stays_in_one_function() -> None:
    """House rule 7."""
    found = {(name, each.inside) for name, tree in TREES.items() for each in imports(tree) if "deepdiff" in each.name}
    assert found == {("lfsync.diff", True)}


def test_a_cold_start_needs_click_alone() -> None:
    """Design 11: what `lfsync --version` imports."""
    script = "import sys; before = set(sys.modules); import lfsync.cli; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True)
    tops = {name.split(".")[0] for name in done.stdout.split()}
    assert tops - sys.stdlib_module_names <= {"click", "lfsync", "colorama"}
    assert {name for name in done.stdout.split() if name.split(".")[0] == "lfsync"} == {"lfsync", "lfsync.cli"}
    assert not {"asyncio", "sqlite3", "ssl", "multiprocessing"} & tops

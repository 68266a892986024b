"""What import-linter's contracts can't say of imports and purity; the contracts stand in pyproject.toml."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import lfsync

PACKAGE = Path(lfsync.__file__).parent
CONTRACTS = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
PURE = frozenset(next(contract["source_modules"] for contract in CONTRACTS if contract.get("id") == "pure"))


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {name_of(path): ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}


def test_what_is_pure_says_so_and_is_held_to_it() -> None:
    """House rule 3: a module's docstring and the contract name the same modules."""
    said = {name for name, tree in TREES.items() if " Pure" in (ast.get_docstring(tree) or "").split("\n\n")[0]}
    assert said == PURE


@pytest.mark.parametrize("module", sorted(PURE))
def test_pure_modules_open_and_print_nothing(module: str) -> None:
    called = {call.id for call in _called(module) if isinstance(call, ast.Name)}
    assert called.isdisjoint({"open", "print", "input", "exec", "eval", "__import__", "breakpoint"})


@pytest.mark.parametrize("module", sorted(PURE))
def test_pure_modules_ask_no_clock(module: str) -> None:
    called = {call.attr for call in _called(module) if isinstance(call, ast.Attribute)}
    assert called.isdisjoint({"now", "utcnow", "today"})


def test_every_module_says_what_it_is_for() -> None:
    assert [name for name, tree in TREES.items() if not ast.get_docstring(tree)] == []


def test_deepdiff_is_imported_where_it_is_needed() -> None:
    """House rule 7: inside a function, so that a plan without such a difference doesn't wait for it."""
    at_the_top = {name for name, tree in TREES.items() for node in tree.body if _imports(node, "deepdiff")}
    assert at_the_top == set()


def test_a_cold_start_needs_click_alone() -> None:
    """Design 11: what `lfsync --version` imports."""
    script = "import sys; before = set(sys.modules); import lfsync.cli; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True)
    tops = {name.split(".")[0] for name in done.stdout.split()}
    assert tops - sys.stdlib_module_names <= {"click", "lfsync", "colorama"}
    ours = {name for name in done.stdout.split() if name.split(".")[0] == "lfsync"}
    assert {name for name in ours if name.split(".")[:2] != ["lfsync", "cli"]} == {"lfsync"}
    assert not {"asyncio", "sqlite3", "ssl", "multiprocessing"} & tops


def _called(module: str) -> Iterator[ast.expr]:
    return (node.func for node in ast.walk(TREES[module]) if isinstance(node, ast.Call))


def _imports(node: ast.stmt, name: str) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == name
    return isinstance(node, ast.Import) and name in {alias.name for alias in node.names}

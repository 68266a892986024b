"""Projects on disk from a mapping of names to contents, and a reader that needs no disk."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from lfsync.errors import ConfigError
from lfsync.model import Place
from lfsync.project.declarations import Default
from lfsync.project.documents import compose
from lfsync.project.load import Project, load_project
from lfsync.project.resource_file import Declared, read_resources
from lfsync.project.rows.row_files import RowFile

SETTINGS = "version: 1\nworkspaces: {sandbox: {sandbox: {}}}\n"


def write(root: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in {"lfsync.yaml": SETTINGS, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def load(root: Path, files: Mapping[str, str | bytes]) -> Project:
    return load_project(write(root, files))


def problems(root: Path, files: Mapping[str, str | bytes]) -> list[str]:
    """The problems of a project as a person reads them, each on one line."""
    try:
        found = load(root, files).problems
    except ConfigError as error:
        found = error.problems
    return [str(problem).replace("\n    ", " -- ") for problem in found]


def no_file(path: str, place: Place) -> str:
    raise AssertionError(f"{path} is read at {place}")


def row_file(name: str) -> RowFile:
    """A file of rows that says nothing of how it is read."""
    return RowFile(name, Place("r.yaml", 1))


def declared(text: str, defaults: Mapping[str, Default] | None = None) -> Declared:
    return read_resources(compose(text, "r.yaml"), "r.yaml", defaults or {}, no_file)


def patterns(schema: object) -> list[str]:
    """Every regular expression of a JSON Schema."""
    if isinstance(schema, list):
        return [found for part in schema for found in patterns(part)]
    if not isinstance(schema, dict):
        return []
    own = [schema["pattern"]] if isinstance(schema.get("pattern"), str) else []
    names = schema.get("patternProperties")
    own += names if isinstance(names, dict) else []
    return own + [found for part in schema.values() for found in patterns(part)]


def reads_as_javascript(pattern: str) -> bool:
    """Whether an editor reads a pattern as Python does. With the `u` flag of JavaScript an escape of what is no syntax
    is an error; neither flags nor escapes of Python's own are known there."""
    return not re.search(r"\\(?![sSdDwnrtfv^$\\.*+?()\[\]{}|/]|x[0-9a-f]{2})|\(\?[^!=:]", pattern)

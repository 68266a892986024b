"""Every case of tests/cases: the schema of its workspace refuses its files where a plan there does (design 14)."""

from __future__ import annotations

from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest

from lfsync.errors import ConfigError
from lfsync.project.documents import parse
from tests.cases.runner import Case, cases
from tests.config.test_workspace_schema import Judges

CASES = cases()
# What a plan refuses, and no file says of itself.
BEYOND = {
    "ambiguous-stage": "another value, here or in `defaults`, may say which pipeline is meant",
    "both-sides-contradict": "another resource contradicts it",
    "both-sides-contradict-by-id": "another resource contradicts it",
    "file-outside": "where a path leads",
    "source-first-of-two-cells": "what the rows hold",
    "same-match-twice": "another resource has the same match",
}

# What a plan takes, and a schema can't.
WRITTEN = {"refs-in-cells": "a number written with a plus is a number to a number field, and text to any other"}


@pytest.mark.parametrize("name", CASES)
def test_a_case(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = Case(CASES[name], tmp_path / "project", capsys.readouterr)
    case.lay_out()
    assert case.lfsync("definitions", "--save").code == 0
    said = case.lfsync("validate", "--online")
    wrong = {
        path.name: said.err
        for path in sorted(case.root.rglob("*.yaml"))
        if ".lfsync" not in path.parts and path.name != "seed.yaml" and _refused(Judges(case.root), path)
    }
    assert bool(wrong) == (name in WRITTEN or (said.code == 1 and name not in BEYOND)), (wrong, said)


def _refused(judges: Judges, path: Path) -> bool:
    schema = judges.schema("lfsync" if path.name == "lfsync.yaml" else "resources")
    try:
        data = parse(path.read_text("utf-8"), path.name).data
    except ConfigError:
        return True  # an editor's YAML reader says so
    return not jsonschema.Draft7Validator(schema).is_valid(data)

"""For modules that write nothing to Lightfield: a server of what the module's SEED says, and a project of its FILES."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.rig import Project, Server, project, serving


@pytest.fixture(scope="module")
def crm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    seed = tmp_path_factory.mktemp("seed") / "seed.yaml"
    seed.write_text(request.module.SEED)
    with serving(seed) as server:
        yield server


@pytest.fixture
def unwritten(crm: Server) -> Iterator[Server]:
    """The server; the test fails where anything was written."""
    crm.forget()
    yield crm
    assert crm.writes() == []


@pytest.fixture
def place(request: pytest.FixtureRequest, unwritten: Server, tmp_path: Path) -> Project:
    """A project; an empty one where the module has no FILES."""
    return project(tmp_path / "project", unwritten.url, getattr(request.module, "FILES", {}))

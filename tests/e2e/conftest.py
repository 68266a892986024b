"""Servers and projects for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path

import pytest

from tests.e2e.rig import Project, Server, project, serving
from tests.e2e.seeded import crm as crm
from tests.e2e.seeded import place as place
from tests.e2e.seeded import unwritten as unwritten

SEED = """\
members:
  - {ref: kai, email: kai@corp.example, first: Kai, last: Berg, role: admin}
  - {ref: mia, email: mia@corp.example, first: Mia, last: Okoye}
definitions:
  account:
    fields:
      tier: {type: SINGLE_SELECT, label: Tier, options: [Gold, Silver]}
      score: {type: NUMBER, label: Score}
      renewalDate: {type: DATETIME, label: Renewal date}
      nickname: {type: TEXT, label: Nickname}
  opportunity: {stages: [Discovery, Proposal, Won]}
"""

MakeProject = Callable[[Mapping[str, str | bytes]], Project]


@pytest.fixture(scope="session")
def seed_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("seed") / "seed.yaml"
    path.write_text(SEED)
    return path


@pytest.fixture(scope="session")
def shared(seed_file: Path) -> Iterator[Server]:
    """A server for tests that write nothing. Use `untouched`."""
    with serving(seed_file) as server:
        server.start_over()
        yield server


@pytest.fixture
def untouched(shared: Server) -> Iterator[Server]:
    """The shared server; the test fails where anything was written."""
    shared.forget()
    yield shared
    assert shared.writes() == []


@pytest.fixture(scope="session")
def _crm(seed_file: Path) -> Iterator[Server]:
    with serving(seed_file) as server:
        yield server


@pytest.fixture
def server(_crm: Server) -> Server:
    """A workspace that is as if new: starting a process for each test would take longer than the tests."""
    _crm.start_over()
    return _crm


_NUMBERS = count(1)


@pytest.fixture
def make(server: Server, tmp_path: Path) -> MakeProject:
    """Makes a project against `server`. Its workspace has a name of its own: what earlier tests made with the same
    words would come back as a replay within 24 hours (rule A2)."""

    def made(files: Mapping[str, str | bytes]) -> Project:
        return project(tmp_path / "project", server.url, files, f"prod-{next(_NUMBERS)}")

    return made

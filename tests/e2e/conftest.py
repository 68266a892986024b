"""Servers and projects for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.e2e.rig import Project, Server, project, serving

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
records:
  accounts:
    - {ref: twin-a, fields: {$name: Twin}}
    - {ref: twin-b, fields: {$name: Twin}}
    - {ref: solo, fields: {$name: Solo, $website: [https://solo.example], nickname: Sunny, score: 1}}
  contacts:
    - {ref: ada, fields: {$name: {firstName: Ada, lastName: Lind}, $email: [ada@solo.example]}}
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
        yield server


@pytest.fixture
def untouched(shared: Server) -> Iterator[Server]:
    """The shared server; the test fails where anything was written."""
    shared.forget()
    yield shared
    assert shared.writes() == []


@pytest.fixture
def server(seed_file: Path) -> Iterator[Server]:
    """A server of the test's own."""
    with serving(seed_file) as server:
        yield server


@pytest.fixture
def make(server: Server, tmp_path: Path) -> MakeProject:
    """Makes a project against the test's own server."""

    def made(files: Mapping[str, str | bytes]) -> Project:
        return project(tmp_path / "project", server.url, files)

    return made

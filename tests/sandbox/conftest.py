"""Sandboxes for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.sandbox.box import SEED, Box, served, settings

MakeBox = Callable[..., Box]


@pytest.fixture(scope="session")
def seed_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("seed") / "seed.yaml"
    path.write_text(SEED)
    return path


@pytest.fixture
def make_box(seed_file: Path) -> Iterator[MakeBox]:
    """Makes seeded sandboxes: quirks, then settings by name."""
    made: list[Box] = []

    def make(quirks: Mapping[str, str] | None = None, database: str | Path = ":memory:", **changed: object) -> Box:
        made.append(Box(settings(quirks, **changed), database, seed_file))
        return made[-1]

    yield make
    for box in made:
        box.close()


@pytest.fixture
def box(make_box: MakeBox) -> Box:
    return make_box()


@pytest.fixture(scope="session")
def server(seed_file: Path) -> Iterator[str]:
    """The URL of a sandbox over real HTTP."""
    with served(settings(), seed_file) as (url, _):
        yield url

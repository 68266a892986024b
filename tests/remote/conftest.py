"""One S3 server and one Lightfield for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path

import pytest

from tests.e2e.conftest import SEED
from tests.e2e.rig import Server, serving
from tests.remote.rig import Machine, Store, machine, storing

MakeMachine = Callable[[Mapping[str, str]], Machine]


@pytest.fixture(scope="session")
def _s3() -> Iterator[Store]:
    with storing() as store:
        yield store


@pytest.fixture
def s3(_s3: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An empty bucket, which this process may go to as well."""
    _s3.start_over()
    for name, value in _s3.environment.items():
        monkeypatch.setenv(name, value)
    return _s3


@pytest.fixture(scope="session")
def _crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    seed = tmp_path_factory.mktemp("seed") / "seed.yaml"
    seed.write_text(SEED)
    with serving(seed) as server:
        yield server


@pytest.fixture
def crm(_crm: Server) -> Server:
    _crm.start_over()
    return _crm


_NUMBERS = count(1)


@pytest.fixture
def make(s3: Store, crm: Server, tmp_path: Path) -> MakeMachine:
    """Makes a machine with a clone of these files."""
    name = f"prod-{next(_NUMBERS)}"  # else creates of other tests would be met again (rule A2)

    def made(files: Mapping[str, str]) -> Machine:
        return machine(tmp_path / f"machine {len(list(tmp_path.iterdir()))}", s3, crm.url, files, name)

    return made

"""One forge and one server for all the sequences of a test process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.adversary.forge import Forge, forge
from tests.adversary.stage import Stage, stage


@pytest.fixture(scope="session")
def smithy() -> Iterator[Forge]:
    """Runs lfsync as it is here."""
    with forge() as made:
        yield made


@pytest.fixture(scope="session")
def ground() -> Iterator[Stage]:
    """The sandbox."""
    with stage() as made:
        yield made

"""One forge and one server for all the sequences of a test process; the table that the README quotes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.adversary.forge import Forge, forge
from tests.adversary.stage import Stage, stage
from tests.effort import FULL


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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """With LFSYNC_SOAK=full, what the adversary tried."""
    total: Counter[str] = Counter()
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, tally in report.user_properties:
                if name == "adversary" and isinstance(tally, dict):
                    total.update(tally)
    if FULL and total:
        terminalreporter.section("adversary")
        terminalreporter.line("| " + " | ".join(total) + " |")
        terminalreporter.line("|" + " --- |" * len(total))
        terminalreporter.line("| " + " | ".join(f"{count:,}" for count in total.values()) + " |")

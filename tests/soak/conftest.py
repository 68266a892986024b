"""Collects the figures of every soak test, and prints them at the end."""

from __future__ import annotations

import pytest

from tests.soak.tally import PROPERTY, Tally, table

_WIDTH = 120


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Tally:
    """Where a test counts what it tried."""
    return Tally(request.node)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table, where there is anything to show."""
    entries = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, value in report.user_properties
        if name == PROPERTY and isinstance(value, list)
    ]
    if entries:
        terminalreporter.write_line("")
        terminalreporter.write(table(entries, _WIDTH))

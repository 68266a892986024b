"""What the soak tests counted, and the one table that shows it."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from rich import box
from rich.console import Console
from rich.table import Table

from tests.effort import FULL

PROPERTY = "soak"


@dataclass
class Figures:
    """One row of the table: how often something was tried, and what came of it."""

    tried: int = 0
    duplicates: int = 0
    lost: int = 0
    remarks: list[str] = field(default_factory=list)


class Tally:
    """What one test counts. It travels with the test's report, so that tests may run in several processes."""

    def __init__(self, node: pytest.Item) -> None:
        self._node = node

    def add(self, attempt: str, *, tried: int = 0, duplicates: int = 0, lost: int = 0, remark: str = "") -> None:
        """So much more under the row `attempt`."""
        self._node.user_properties.append((PROPERTY, [attempt, tried, duplicates, lost, remark]))


def table(entries: Iterable[list[object]], width: int) -> str:
    """All that was counted, as text."""
    rows: dict[str, Figures] = {}
    for attempt, tried, duplicates, lost, remark in entries:
        figures = rows.setdefault(str(attempt), Figures())
        figures.tried += int(str(tried))
        figures.duplicates += int(str(duplicates))
        figures.lost += int(str(lost))
        if remark and remark not in figures.remarks:
            figures.remarks.append(str(remark))
    shown = Table(box=box.MARKDOWN, title=f"soak, {'full' if FULL else 'bounded'} form", title_justify="left")
    shown.add_column("attempt")
    for name in ("tried", "duplicates", "lost"):
        shown.add_column(name, justify="right")
    shown.add_column("measured")
    for attempt, figures in sorted(rows.items()):
        counts = (figures.tried, figures.duplicates, figures.lost)
        shown.add_row(attempt, *(f"{count:,}" for count in counts), "; ".join(figures.remarks))
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(shown)
    return out.getvalue()

"""A measured figure beside its target, and the table of them. Pure but for rich's rendering."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. `target` is the largest `value` that is good enough; None: shown for information.

    `note` says what the value was made of, so that a surprising one can be checked without another run.
    """

    part: str
    name: str
    value: float
    unit: str = ""
    target: float | None = None
    note: str = ""

    @property
    def ok(self) -> bool:
        return self.target is None or self.value <= self.target


def missed(figures: Iterable[Figure]) -> list[Figure]:
    return [figure for figure in figures if not figure.ok]


def table(figures: Iterable[Figure]) -> Table:
    shown = Table(title="lfsync benchmarks")
    for heading in ("part", "figure"):
        shown.add_column(heading)
    for heading in ("measured", "target"):
        shown.add_column(heading, justify="right")
    shown.add_column("")
    shown.add_column("how", overflow="fold")
    for figure in figures:
        target = "" if figure.target is None else f"≤ {_number(figure.target)}{figure.unit}"
        measured = _number(figure.value) + figure.unit
        shown.add_row(figure.part, figure.name, measured, target, _verdict(figure), figure.note)
    return shown


def _verdict(figure: Figure) -> str:
    if figure.target is None:
        return ""
    return "[green]ok[/green]" if figure.ok else "[bold red]MISSED[/bold red]"


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:,.2f}"

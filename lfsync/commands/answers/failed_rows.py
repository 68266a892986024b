"""`apply --failed FILE`: the rows that were not applied, as they stood, with a column for the reason. I/O."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from lfsync.commands.answers.saved_file import refuse_own, save
from lfsync.errors import ConfigError, UsageError
from lfsync.model import JSON, Address, Outcome, Place, Plan
from lfsync.project.folder import Folder
from lfsync.project.load import Project, table_of, table_of_query
from lfsync.project.source_rows import keyed_rows

REASON: Final = "lfsync_reason"
_WHAT: Final = "the rows that were not applied"
_NOT_APPLIED: Final = ("blocked", "failed", "skipped", "stale")


def refuse_failed(path: Path, project: Project) -> None:
    """UsageError where the rows can't be saved, before anything is written (rule C17)."""
    refuse_own(path, project.root, project.files, what=_WHAT)
    if not path.parent.is_dir():
        raise UsageError(f"{_WHAT} can't be saved to {path}: there is no folder {path.parent}")


def save_failed(path: Path, project: Project, plan: Plan, outcomes: Iterable[Outcome]) -> int:
    """How many rows they are. The file is there whatever their number; its ending tells its format, as in sources."""
    reasons = {blocked.address: blocked.reason for blocked in plan.blocked}
    reasons |= {each.address: each.reason or each.status for each in outcomes if each.status in _NOT_APPLIED}
    columns, rows = _rows(project, reasons)
    ending = path.name.lower()
    if ending.endswith(".jsonl"):
        text = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
    else:
        text = _table(columns, rows, "\t" if ending.endswith(".tsv") else ",")
    save(text, path, what=_WHAT)
    return len(rows)


_RowId = tuple[Place, str]  # of a query all rows have one place, and each the text that its key is made of


def _rows(project: Project, reasons: Mapping[Address, str]) -> tuple[list[str], list[dict[str, JSON]]]:
    """The columns of all sources that such rows come from, and the rows in the order of their places."""
    by_source: dict[Place, dict[_RowId, str]] = {}
    for address, reason in reasons.items():
        resource = project.resources.get(address)
        if resource is not None and resource.row is not None:
            key = resource.row.cell if project.sources[resource.row.source].query else ""
            by_source.setdefault(resource.row.source, {})[resource.place, key] = reason
    columns: dict[str, None] = {}
    rows: list[dict[str, JSON]] = []
    for at in sorted(by_source or project.sources):
        names, cells = _as_they_stood(project, at)
        columns |= dict.fromkeys(names)
        for row, reason in sorted(by_source.get(at, {}).items()):
            where = ": ".join(map(str, filter(None, row)))
            rows.append({**cells.get(row, {}), REASON: reason if row in cells else f"{where}: {reason}"})
    return [*(name for name in columns if name and name != REASON), REASON], rows


def _as_they_stood(project: Project, at: Place) -> tuple[Sequence[str], Mapping[_RowId, Mapping[str, JSON]]]:
    """The columns and rows of a source; nothing where its files were changed since the project was loaded."""
    source, folder = project.sources[at], Folder(project.root)
    try:
        if source.query:
            table, _ = table_of_query(folder, source.query)
            rows = {(source.query.place, key): cells for key, cells in keyed_rows(source, table).items()}
        else:
            table = table_of(folder, source.file.as_it_stands)
            rows = {(place, ""): cells for place, cells in table.rows}
    except ConfigError:
        return (), {}
    is_same = all(project.digests.get(path) == known for path, known in folder.digests.items())
    return (table.columns, rows) if is_same else ((), {})


def _table(columns: Sequence[str], rows: Iterable[Mapping[str, JSON]], delimiter: str) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row.get(name)) for name in columns] for row in rows)
    return text.getvalue()


def _cell(data: JSON) -> str:
    return data if isinstance(data, str) else "" if data is None else json.dumps(data, ensure_ascii=False)

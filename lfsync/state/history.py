"""What each run wrote, with the values before: enough to put it back (design.md, section 4). I/O.

One file for each run that wrote something, JSON lines, readable by its owner alone: it holds personal data.

  {"run": {"run", "workspace", "who", "at", "command", "config_digest", "lfsync_version"}}
  {"wrote": {"address", "action", "id", "fields": {key: [before, after]}, "relationships": {key: [added, removed]}, …}}
  {"ended": {"at", "interrupted"}}
"""

from __future__ import annotations

import getpass
import json
import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TextIO

from pydantic import BaseModel, ConfigDict, ValidationError

from lfsync import __version__
from lfsync.errors import StateError, UsageError
from lfsync.state.ledger import Written
from lfsync.state.runs import Entry, Run, RunEnd, RunHeader


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", defer_build=True)
    run: RunHeader | None = None
    wrote: Entry | None = None
    ended: RunEnd | None = None


class Recorder:
    """Writes the record of one run, from its first write on. `days` 0: keeps none."""

    def __init__(self, folder: Path, *, workspace: str, command: str, config_digest: str, days: int) -> None:
        at = datetime.now(UTC)
        name = f"{at:%Y%m%dT%H%M%SZ}-{at.microsecond:06}"  # in the order of the runs, also of two in one second
        self._path = folder / f"{name}.jsonl"
        self._header = RunHeader(
            run=name,
            workspace=workspace,
            who=f"{_user()}@{socket.gethostname()}",
            at=f"{at:%Y-%m-%dT%H:%M:%SZ}",
            command=command,
            config_digest=config_digest,
            lfsync_version=__version__,
        )
        self._days = days
        self._file: TextIO | None = None

    def wrote(self, written: Written) -> None:
        """A record was written."""
        if not self._days:
            return
        entry = Entry(
            address=str(written.address),
            action=written.action,
            id=written.id,
            fields=dict(written.fields),
            relationships=dict(written.links),
            members=written.members,
            origin=written.origin,
            generation=written.generation,
        )
        line = json.dumps({"wrote": entry.model_dump(exclude_defaults=True)}) + "\n"
        if self._file is None:
            self._file = self._open()
            line = json.dumps({"run": self._header.model_dump()}) + "\n" + line
        self._file.write(line)
        self._file.flush()

    @property
    def name(self) -> str | None:
        """The run's name in the history; None where nothing of it is kept."""
        return None if self._file is None else self._header.run

    def end(self, *, interrupted: bool) -> None:
        """The run has come to its end by itself: one without this was killed."""
        if self._file is not None:
            end = RunEnd(at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", interrupted=interrupted)
            self._file.write(json.dumps({"ended": end.model_dump()}) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Nothing more comes; what is older than the days to keep goes."""
        if self._file is not None:
            self._file.close()
        oldest = datetime.now(UTC) - timedelta(days=self._days)
        for path in self._path.parent.glob("*.jsonl"):
            began = _began(path)
            if began is not None and began < oldest:
                path.unlink(missing_ok=True)

    def _open(self) -> TextIO:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        return os.fdopen(handle, "w", encoding="utf-8")


def runs(folder: Path) -> list[Run]:
    """The runs that are kept, newest first. StateError for a record that can't be read."""
    return [run for path in sorted(folder.glob("*.jsonl"), reverse=True) if (run := _read(path)) is not None]


def find(folder: Path, name: str | None) -> Run:
    """The run of that name, the last one without. UsageError where there is none."""
    kept = runs(folder)
    chosen = kept[:1] if name is None else [run for run in kept if run.header.run == name]
    if not chosen:
        what = "no run is on record" if name is None else f"no run `{name}` is on record"
        raise UsageError(what, hint="`lfsync history` lists the runs that wrote something.")
    return chosen[0]


def _read(path: Path) -> Run | None:
    """The run on record here; None for one that was killed before its first line was whole: it holds nothing."""
    header = end = None
    entries = []
    try:
        lines = path.read_text("utf-8", errors="replace").split("\n")
    except OSError as error:
        raise StateError(f"{path}: the record of a run can't be read: {error.strerror}") from None
    if len(lines) == 1:
        return None
    for number, text in enumerate(lines, 1):
        try:
            line = _Line.model_validate_json(text) if text else _Line()
        except ValidationError:
            if number < len(lines):  # a kill may cut the last one short
                raise StateError(
                    f"{path}:{number}: the record of a run can't be read", hint="Remove the file: undo can't use it."
                ) from None
            break
        header, end = line.run or header, line.ended or end
        entries += [line.wrote] if line.wrote else []
    if header is None:
        raise StateError(f"{path}:1: the record of a run has no header", hint="Remove the file.")
    return Run(header, tuple(entries), end)


def _began(path: Path) -> datetime | None:
    try:
        return datetime.strptime(path.stem.partition("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"

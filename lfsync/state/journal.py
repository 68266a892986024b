"""What a run is about to create, and what came of each write: one line each, flushed before the next request. I/O.

  {"run": {"salt": …, "at": …, "ids": […]}}                  a run begins; salt and organisation are the state's
  {"intent": {"address", "key", "match", "body", …}}         a create is about to be sent
  {"bound": {a state line}}                                  what the state holds of this address now
  {"released": {a state line of a released address}}         the state lets go of this address
  {"dropped": "account.acme"}                                a create made nothing, or is never to be sent again
  {"upload": {"address", "id", "url", "headers", …}}         an upload session was begun; its address is a secret
  {"ended": "fil_…"}                                         an upload session has ended without a file

A run that ends well folds all this into the state and leaves no journal, but for creates whose outcome nobody knows.
What a killed run leaves is read by the next one: outcomes go to the state, and open creates are part of its plan
(rule A4). A line that the kill cut short is the last one, and says nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TextIO

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lfsync.errors import StateError
from lfsync.model import Address
from lfsync.state.ledger import Create, Intent, OpenUpload
from lfsync.state.state import (
    Binding,
    Released,
    ReleasedLine,
    State,
    StateLine,
    binding_of,
    known_address,
    line_of,
    released_line,
    released_of,
)


class _Run(BaseModel):
    model_config = ConfigDict(extra="forbid", defer_build=True)
    salt: str
    at: str
    ids: list[str] = Field(default_factory=list)


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", defer_build=True)
    run: _Run | None = None
    intent: Intent | None = None
    bound: StateLine | None = None
    released: ReleasedLine | None = None
    dropped: str | None = None
    upload: OpenUpload | None = None
    ended: str | None = None


@dataclass(slots=True)
class Left:
    """What a journal says that the state does not know.

    `open`: creates whose outcome nobody knows. `uploads`: sessions that have come to no end, by id. `ids`: hashes of
    ids that only its organisation has (rule S1).
    """

    salt: str | None = None
    outcomes: dict[Address, Binding | Released] = field(default_factory=dict)
    open: dict[Address, Intent] = field(default_factory=dict)
    uploads: dict[str, OpenUpload] = field(default_factory=dict)
    ids: tuple[str, ...] = ()

    def kept(self) -> list[dict[str, object]]:
        """The lines that outlive a run."""
        kept: list[dict[str, object]] = []
        kept += ({"intent": intent.model_dump(mode="json")} for intent in self.open.values())
        kept += ({"upload": upload.model_dump(mode="json")} for upload in self.uploads.values())
        return kept


def read(path: Path) -> Left:
    """What the runs before left. StateError for a line, other than the last, that can't be read."""
    left = Left()
    try:
        lines = path.read_text("utf-8", errors="replace").split("\n")
    except FileNotFoundError:
        return left
    except OSError as error:
        raise StateError(f"{path}: the journal can't be read: {error.strerror}") from None
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            _take(left, _Entry.model_validate_json(line))
        except (ValidationError, ValueError):
            if number < len(lines):  # a whole line ends with a line feed, so the last piece is one cut short
                raise StateError(
                    f"{path}:{number}: the journal can't be read",
                    hint="Remove the file: creates meet their own keys and matches again.",
                ) from None
    return left


def _take(left: Left, entry: _Entry) -> None:
    if entry.run:
        left.salt, left.ids = entry.run.salt, tuple(entry.run.ids)
    if entry.intent:
        left.open[known_address(entry.intent.address)] = entry.intent
    if entry.bound or entry.released:
        outcome = binding_of(entry.bound) if entry.bound else released_of(entry.released) if entry.released else None
        assert outcome is not None
        left.outcomes[outcome.address] = outcome
        left.open.pop(outcome.address, None)
        left.uploads.pop(outcome.id, None)
    if entry.upload:
        left.uploads[entry.upload.id] = entry.upload
        left.open.pop(known_address(entry.upload.address), None)
    if entry.ended:
        left.uploads.pop(entry.ended, None)
    if entry.dropped:
        left.open.pop(known_address(entry.dropped), None)


def recovered(state: State, left: Left) -> State:
    """The state with what the journal knows better (rule S2), without hashes under another salt: they say nothing."""
    if not state.bindings and not state.released and left.salt and left.outcomes:
        state = replace(state, salt=left.salt)
    bindings, released = dict(state.bindings), dict(state.released)
    for address, outcome in left.outcomes.items():
        if not _is_newer(outcome, state.bindings.get(address) or state.released.get(address)):
            continue
        bindings.pop(address, None)
        released.pop(address, None)
        if isinstance(outcome, Released):
            released[address] = outcome
        elif left.salt == state.salt:
            bindings[address] = outcome
        else:
            bindings[address] = replace(outcome, fields={}, links={}, members=None)
    return replace(state, ids=state.ids or left.ids, bindings=bindings, released=released)


def _is_newer(outcome: Binding | Released, known: Binding | Released | None) -> bool:
    """The state may have come from another machine meanwhile, and know more than this machine's journal."""
    return known is None or _age(outcome) >= _age(known)


def _age(line: Binding | Released) -> tuple[int, str]:
    return (line.generation, line.at if isinstance(line, Released) else line.written_at or "")


class Journal:
    """The journal of one run. Open it under the lock only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._run: dict[str, object] = {}
        self._file: TextIO | None = None

    @property
    def is_open(self) -> bool:
        """Whether a run has begun, and not ended."""
        return self._file is not None

    def begin(self, state: State, left: Left, at: str) -> None:
        """A run begins: `state` is on disk, and holds all that was `left`, but for what outlives a run."""
        self._run = {"run": {"salt": state.salt, "at": at, "ids": list(state.ids)}}
        self._replace([self._run, *left.kept()])
        self._file = self.path.open("a", encoding="utf-8")

    def intend(self, create: Create, at: str) -> None:
        """This is about to be sent."""
        intent = {
            "address": str(create.address),
            "at": at,
            "key": create.key,
            "generation": create.generation,
            "match": dict(create.match),
            "body": dict(create.body),
        }
        self._write({"intent": intent})

    def bound(self, binding: Binding) -> None:
        """The state holds this of an address now."""
        self._write({"bound": line_of(binding)})

    def released(self, gone: Released) -> None:
        """The state lets go of an address."""
        self._write({"released": released_line(gone)})

    def dropped(self, address: Address) -> None:
        """A create made nothing, or is never to be sent again."""
        self._write({"dropped": str(address)})

    def uploading(self, upload: OpenUpload) -> None:
        """An upload session was begun."""
        self._write({"upload": upload.model_dump(mode="json")})

    def ended(self, id: str) -> None:
        """An upload session has ended without a file."""
        self._write({"ended": id})

    def note(self, before: State, after: State) -> None:
        """What `after` has of addresses otherwise than `before`, for the state itself can't be written."""
        for address, binding in after.bindings.items():
            if before.bindings.get(address) != binding:
                self.bound(binding)
        for address, gone in after.released.items():
            if address not in after.bindings and before.released.get(address) != gone:
                self.released(gone)

    def abandon(self) -> None:
        """The run ends before the state was written: what it bound stays here for the next one."""
        if self._file is None:
            return
        if read(self.path).outcomes:
            self._file.close()
            self._file = None
        else:
            self.end()

    def end(self) -> None:
        """The state has taken it all in, but for what outlives a run."""
        if self._file is None:
            return
        self._file.close()
        self._file = None
        if kept := read(self.path).kept():
            self._replace([self._run, *kept])
        else:
            self.path.unlink(missing_ok=True)

    def _replace(self, entries: Iterable[Mapping[str, object]]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_suffix(".new")
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write("".join(map(_line, entries)))
        beside.replace(self.path)

    def _write(self, entry: Mapping[str, object]) -> None:
        if self._file is None:
            return
        self._file.write(_line(entry))
        self._file.flush()


def _line(entry: Mapping[str, object]) -> str:
    return json.dumps(entry, separators=(",", ":")) + "\n"

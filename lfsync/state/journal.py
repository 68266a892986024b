"""What a run is about to write, and what came of it: one line each, flushed before the next request. I/O.

  {"run": {"salt": …, "at": …}}                         a run begins; the salt is the state's
  {"intent": {"address", "action", "key", "body", …}}   about to be sent
  {"bound": {a state line}}                             the outcome: what the state holds of this address now
  {"released": "account.acme"}                          the outcome: the state forgets this address
  {"spent": {"address", "generation", "at"}}            its keys below this generation were used (rule A2)
  {"dropped": "account.acme"}                           the outcome: the API refused, nothing was made

A run that ends well folds all this into the state and leaves no journal, but for keys spent within the last day.
What a killed run leaves is read by the next one: outcomes go to the state, and a create without an outcome is settled
by its own key (rule A4). A line that the kill cut short is the last one, and says nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TextIO

from pydantic import AwareDatetime, BaseModel, ConfigDict, JsonValue, ValidationError

from lfsync.errors import StateError
from lfsync.model import JSON, Address
from lfsync.state.state import Binding, State, StateLine, binding_of, known_address, line_of

_KEYS_KNOWN = 24 * 3600  # seconds


class Intent(BaseModel):
    """A write that was about to be sent. `key` and `body` are those of a create; `at` is ISO 8601, UTC."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
    address: str
    action: Literal["create", "update", "delete", "restore"]
    at: AwareDatetime
    key: str | None = None
    generation: int = 0
    body: dict[str, JsonValue] | None = None

    @property
    def age(self) -> float:
        """Seconds since it was sent."""
        return _age(self.at)


class Spent(BaseModel):
    """An address that has no record any more: the API still knows the keys of its creates for 24 hours."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
    address: str
    generation: int
    at: AwareDatetime


class _Run(BaseModel):
    model_config = ConfigDict(extra="forbid", defer_build=True)
    salt: str
    at: str


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", defer_build=True)
    run: _Run | None = None
    intent: Intent | None = None
    bound: StateLine | None = None
    released: str | None = None
    spent: Spent | None = None
    dropped: str | None = None


@dataclass(slots=True)
class Left:
    """What a journal says that the state does not know.

    `open`: creates whose outcome nobody knows. `spent`: of the last day.
    """

    salt: str | None = None
    bound: dict[Address, Binding | None] = field(default_factory=dict)
    open: dict[Address, Intent] = field(default_factory=dict)
    spent: dict[Address, Spent] = field(default_factory=dict)

    def kept(self) -> list[dict[str, object]]:
        """The lines that outlive a run."""
        models: dict[str, Mapping[Address, BaseModel]] = {"intent": self.open, "spent": self.spent}
        return [
            {name: model.model_dump(mode="json", exclude_none=True)}
            for name, by_address in models.items()
            for model in by_address.values()
        ]


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
        left.salt = entry.run.salt
    if entry.intent and entry.intent.action == "create":
        left.open[known_address(entry.intent.address)] = entry.intent
    if entry.bound:
        binding = binding_of(entry.bound)
        left.bound[binding.address] = binding
        left.open.pop(binding.address, None)
    for text in filter(None, (entry.released, entry.dropped)):
        address = known_address(text)
        left.open.pop(address, None)
        if entry.released:
            left.bound[address] = None
    if entry.spent and _age(entry.spent.at) < _KEYS_KNOWN:
        left.spent[known_address(entry.spent.address)] = entry.spent


def recovered(state: State, left: Left) -> State:
    """The state with what the journal knows better. Hashes under another salt say nothing and are left out."""
    if not state.bindings and left.salt and left.bound:
        state = replace(state, salt=left.salt)
    bindings = dict(state.bindings)
    for address, binding in left.bound.items():
        if binding is None:
            bindings.pop(address, None)
        elif left.salt == state.salt:
            bindings[address] = binding
        else:
            bindings[address] = replace(binding, fields={}, links={}, members=None)
    spent = {address: spent.generation for address, spent in left.spent.items()}
    return replace(state, bindings=bindings, spent=spent)


class Journal:
    """The journal of one run. Open it under the lock only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: TextIO | None = None

    def begin(self, state: State, left: Left) -> None:
        """A run begins: `state` is on disk, and holds all that was `left`, but for what outlives a run."""
        self._replace([{"run": {"salt": state.salt, "at": now()}}, *left.kept()])
        self._file = self.path.open("a", encoding="utf-8")

    def intend(
        self,
        address: Address,
        action: Literal["create", "update", "delete", "restore"],
        *,
        key: str | None = None,
        generation: int = 0,
        body: Mapping[str, JSON] | None = None,
    ) -> None:
        """This is about to be sent."""
        intent: dict[str, JSON] = {"address": str(address), "action": action, "at": now()}
        if key is not None:
            intent |= {"key": key, "generation": generation, "body": dict(body or {})}
        self._write({"intent": intent})

    def bound(self, binding: Binding) -> None:
        """The state holds this of an address now."""
        self._write({"bound": line_of(binding)})

    def released(self, binding: Binding) -> None:
        """The state forgets an address."""
        address = str(binding.address)
        if binding.generation:
            self._write({"spent": {"address": address, "generation": binding.generation, "at": now()}})
        self._write({"released": address})

    def dropped(self, address: Address) -> None:
        """The API refused a create: nothing was made."""
        self._write({"dropped": str(address)})

    def abandon(self) -> None:
        """The run ends before the state was written: what it bound stays here for the next one."""
        if self._file is None:
            return
        if read(self.path).bound:
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
            self._replace(kept)
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


def _age(at: datetime) -> float:
    return (datetime.now(UTC) - at).total_seconds()


def _line(entry: Mapping[str, object]) -> str:
    return json.dumps(entry, separators=(",", ":")) + "\n"


def now() -> str:
    """The time as state, journal and history write it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

"""What lfsync remembers between runs: address to id, and two hashes of each managed key. Pure.

The file is JSON lines, sorted, byte for byte the same when nothing changed (design.md, section 4). Line 1 is a
header with a salt and the hashes of ids that only this organisation has (rule S1). No value can be read in it:
hashes are salted (rule S2).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic import Field as Constraint

from lfsync.errors import RefusedError, StateError
from lfsync.kinds import KINDS
from lfsync.model import JSON, Address, Schema

FORMAT_VERSION = 1
_MAX_IDS = 64
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


class Hashes(NamedTuple):
    """Hashes of a managed key: of the declared value, and of what the server showed after the write.

    `live` is None where the write did not converge (rule S5): the key is planned again.
    """

    declared: str
    live: str | None


@dataclass(frozen=True, slots=True)
class Binding:
    """One address and the record that it is bound to.

    `also`: other records that a merge left for this address, until the file says which is right (rule M2).
    `generation` grows with each confirmed create (rule A2). `written_at` is when lfsync wrote the record last.
    `protect`: never to be trashed, also when it is declared no more (rule L1).
    """

    address: Address
    id: str
    generation: int = 0
    origin: Literal["created", "adopted"] = "adopted"
    written_at: str | None = None
    fields: Mapping[str, Hashes] = field(default_factory=dict)
    links: Mapping[str, Hashes] = field(default_factory=dict)
    members: Hashes | None = None
    protect: bool = False
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """All bindings of one workspace. `ids`: hashes of the organisation's own ids.

    `spent`: generations of addresses that lost their record within the last day. The journal keeps them, not the file.
    """

    salt: str
    ids: tuple[str, ...] = ()
    bindings: Mapping[Address, Binding] = field(default_factory=dict)
    spent: Mapping[Address, int] = field(default_factory=dict)

    def generation(self, address: Address) -> int:
        """The generation of this address's next create: no key before it may be sent again (rule A2)."""
        binding = self.bindings.get(address)
        return max(binding.generation if binding else 0, self.spent.get(address, 0))

    def hash(self, canonical: JSON) -> str:
        """The salted hash of a canonical value: 16 hexadecimal digits."""
        is_text = type(canonical) is str
        marked = f"{self.salt}{is_text:d}{canonical if is_text else _CANONICAL.encode(canonical)}"
        return hashlib.blake2b(marked.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def organisation_ids(schema: Schema) -> tuple[str, ...]:
    """Hashes of ids that no other organisation has: members and custom field definitions (rule S1)."""
    return tuple(sorted(_own_ids(schema))[:_MAX_IDS])


def refuse_foreign(known: Iterable[str], schema: Schema, what: str) -> None:
    """Raise RefusedError where `known` holds ids and none of them is seen in this workspace (rule S1).

    Nothing can be said where the key may not read members and there is no custom field.
    """
    known, here = set(known), _own_ids(schema)
    if known and here and known.isdisjoint(here):
        raise RefusedError(
            f"{what} belongs to another organisation: none of its members and custom fields is here",
            hint="Check the API key and the base URL of the workspace, or name another state file for it.",
        )


def _own_ids(schema: Schema) -> set[str]:
    ids = {member.id for member in schema.members}
    for definitions in schema.kinds.values():
        ids.update(f.id for key, f in definitions.fields.items() if f.id and not key.startswith("$"))
    return {hashlib.sha256(id.encode()).hexdigest()[:16] for id in ids}


def merged(whole: State, planned: State, applied: State) -> State:
    """The whole state after an apply that was planned on a part of it, as an undo is: the rest stays.

    What an undo wrote is not what the files ask for: its hashes say nothing about drift, and are left out.
    """
    if planned.bindings is whole.bindings:
        return applied
    bindings = dict(whole.bindings)
    for address in planned.bindings.keys() - applied.bindings.keys():
        bindings.pop(address, None)
    for address, binding in applied.bindings.items():
        known = whole.bindings.get(address)
        if known is not None and known.id == binding.id:
            binding = replace(
                known,
                written_at=binding.written_at,
                fields=_unsettled(known.fields, binding.fields),
                links=_unsettled(known.links, binding.links),
                members=known.members and known.members._replace(live=None) if binding.members else known.members,
            )
        bindings[address] = binding
    return replace(applied, bindings=bindings)


def _unsettled(known: Mapping[str, Hashes], written: Container[str]) -> dict[str, Hashes]:
    return {key: hashes._replace(live=None) if key in written else hashes for key, hashes in known.items()}


# ---------------------------------------------------------------- text


class _Header(BaseModel):
    model_config = ConfigDict(extra="forbid")
    lfsync_state: Literal[1]
    salt: Annotated[str, Constraint(min_length=8)]
    ids: list[str]


class StateLine(BaseModel):
    """A binding as the state file and the journal write it."""

    model_config = ConfigDict(extra="forbid")
    address: str
    id: str
    also: list[str] = Constraint(default_factory=list)
    generation: int = 0
    origin: Literal["created", "adopted"]
    protect: bool = False
    written_at: str | None = None
    fields: dict[str, Hashes] = Constraint(default_factory=dict)
    relationships: dict[str, Hashes] = Constraint(default_factory=dict)
    members: Hashes | None = None


def encode(state: State) -> str:
    """The file's text: the header, then a line for each address, sorted."""
    header = {"lfsync_state": FORMAT_VERSION, "salt": state.salt, "ids": list(state.ids)}
    lines = [dump(header), *(dump(line_of(state.bindings[address])) for address in sorted(state.bindings))]
    return "\n".join(lines) + "\n"


def decode(text: str, file: str) -> State:
    """The State of a file's text; StateError names the line that is wrong."""
    lines = text.removesuffix("\n").split("\n") if text else []
    if not lines:
        raise StateError(f"{file}:1: the state is empty", hint="Remove the file; the next apply makes it again.")
    _refuse_conflict(lines, file)
    try:
        header = _Header.model_validate_json(lines[0])
    except ValidationError as error:
        raise _unreadable(file, 1, error) from None
    bindings: dict[Address, Binding] = {}
    for number, line in enumerate(lines[1:], 2):
        try:
            binding = binding_of(StateLine.model_validate_json(line))
        except (ValidationError, ValueError) as error:
            raise _unreadable(file, number, error) from None
        if binding.address in bindings:
            raise _unreadable(file, number, ValueError(f"{binding.address} stands here twice"))
        bindings[binding.address] = binding
    return State(header.salt, tuple(header.ids), bindings)


def line_of(binding: Binding) -> dict[str, object]:
    """A binding as a line says it: what is empty is left out."""
    line: dict[str, object] = {"address": str(binding.address), "id": binding.id, "origin": binding.origin}
    if binding.also:
        line["also"] = list(binding.also)
    if binding.protect:
        line["protect"] = True
    if binding.generation:
        line["generation"] = binding.generation
    if binding.written_at:
        line["written_at"] = binding.written_at
    if binding.fields:
        line["fields"] = dict(binding.fields)
    if binding.links:
        line["relationships"] = dict(binding.links)
    if binding.members:
        line["members"] = binding.members
    return line


def binding_of(line: StateLine) -> Binding:
    """The binding of a line. ValueError where its address is none."""
    return Binding(
        address=known_address(line.address),
        id=line.id,
        also=tuple(line.also),
        generation=line.generation,
        origin=line.origin,
        protect=line.protect,
        written_at=line.written_at,
        fields=line.fields,
        links=line.relationships,
        members=line.members,
    )


def known_address(text: str) -> Address:
    """The address that a kept file names. ValueError for anything else, also for a kind that a later lfsync has."""
    address = Address.parse(text)
    if address.kind not in KINDS and not address.kind.startswith("object."):
        raise ValueError(f"{text} is of no kind that is known here")
    return address


def dump(data: object) -> str:
    """One line of the file."""
    return _CANONICAL.encode(data)


def _refuse_conflict(lines: Iterable[str], file: str) -> None:
    """Git leaves its markers where two clones moved the state and the merge driver is not set (rule M2)."""
    for number, line in enumerate(lines, 1):
        if line.startswith(("<<<<<<<", "|||||||", "=======", ">>>>>>>")):
            name = file.replace("\\", "/").rpartition("/")[2]
            # Without a common ancestor git has no :1:, and the empty file that stands for none is right.
            sides = [f"git show :{n}:./{name} > {side}" for n, side in enumerate(("base", "ours", "theirs"), 1)]
            command = f"{'; '.join(sides)} && lfsync state merge base ours theirs && mv ours {name} && rm base theirs"
            raise StateError(
                f"{file}:{number}: the state holds conflict markers: git could not merge it",
                hint=f"In its folder, take the sides apart and merge them by address: `{command}`",
            )


def _unreadable(file: str, number: int, error: Exception) -> StateError:
    detail = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
    return StateError(
        f"{file}:{number}: the state can't be read: {detail}",
        hint="Take the file back from git, or remove it: the next apply finds every record by its match again.",
    )

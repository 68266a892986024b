"""What lfsync remembers between runs: address to id, and two hashes of each managed key. Pure.

The file is JSON lines, sorted, byte for byte the same when nothing changed (design.md, section 4). Line 1 is a
header with a salt and the hashes of ids that only this organisation has (rule S1). No value can be read in it:
hashes are salted (rule S2).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic import Field as Constraint

from lfsync.errors import RefusedError, StateError
from lfsync.kinds import is_kind
from lfsync.model import JSON, Address, Schema
from lfsync.times import unix_time

FORMAT_VERSION = 1
KEYS_KNOWN = 24 * 3600  # seconds (API sheet, section 9)
_MAX_IDS, _OF_EACH = 256, 16
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


class Hashes(NamedTuple):
    """Hashes of a managed field: of the declared value, and of what the server showed after the write.

    `live` is None where the write did not converge (rule S5): the key is planned again.
    """

    declared: str
    live: str | None


class LinkHashes(NamedTuple):
    """A managed relationship, or the members of a list: the declared value's hash, and who was linked when last seen.

    `live` says of every id that the declaration spoke of whether it was linked, one hash each, in order: as it is where
    it was, behind a `-` where it was not; `=` where nothing else was linked. So it means the same whatever form the
    next declaration has. None where nobody knows.
    """

    declared: str
    live: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Binding:
    """One address and the record that it is bound to.

    `also`: other records that a merge left for this address, until the file says which is right (rule M2).
    `generation` grows with each confirmed create (rule A2). `written_at` is when lfsync wrote the record last.
    `protect`: never to be trashed, also when it is declared no more (rule L1). `owed`: keys that its create was to set
    in a request of their own, which never came; nothing but a create sends them.
    """

    address: Address
    id: str
    generation: int = 0
    origin: Literal["created", "adopted"] = "adopted"
    written_at: str | None = None
    fields: Mapping[str, Hashes] = field(default_factory=dict)
    links: Mapping[str, LinkHashes] = field(default_factory=dict)
    members: LinkHashes | None = None
    protect: bool = False
    also: tuple[str, ...] = ()
    owed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Released:
    """An address that has no record any more: which it had, when it was let go of (rules A2, R4).

    The API knows the keys of its creates, those below `generation`, for a day.
    """

    address: Address
    generation: int
    id: str
    at: str


@dataclass(frozen=True, slots=True)
class Moves:
    """What the `moved:` blocks make of the bindings (rule M1). No file holds it.

    `former`: the addresses that each declared one had before. By the new address, `taken`: the binding that it takes
    over; `disputed`: those that can't be taken, for they are of other records than its own. `done`: left over where the
    new address has the record already.
    """

    former: Mapping[Address, tuple[Address, ...]] = field(default_factory=dict)
    taken: Mapping[Address, Binding] = field(default_factory=dict)
    disputed: Mapping[Address, tuple[Binding, ...]] = field(default_factory=dict)
    done: Mapping[Address, Binding] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class State:
    """All bindings of one workspace. `ids`: hashes of the organisation's own ids.

    `moves`: which of the bindings are not under the address that the file has them under.
    """

    salt: str
    ids: tuple[str, ...] = ()
    bindings: Mapping[Address, Binding] = field(default_factory=dict)
    released: Mapping[Address, Released] = field(default_factory=dict)
    moves: Moves = field(default_factory=Moves)

    def generation(self, address: Address) -> int:
        """The generation of this address's next create: no key before it may be sent again (rule A2)."""
        known = (self.bindings.get(address), self.released.get(address))
        return max((each.generation for each in known if each is not None), default=0)

    def lines(self) -> dict[Address, int]:
        """Which line of the file speaks of each address."""
        return {address: number for number, address in enumerate(sorted({*self.bindings, *self.released}), 2)}

    def without(self, address: Address, at: str) -> State:
        """The state after an address was let go of `at` that time."""
        binding = self.bindings.get(address)
        if binding is None:
            return self
        bindings = {each: kept for each, kept in self.bindings.items() if each != address}
        gone = Released(address, binding.generation, binding.id, at)
        return replace(self, bindings=bindings, released={**self.released, address: gone})

    def renamed(self, before: Address, after: Address, at: str) -> State:
        """The state after a binding went to another address, which has none, `at` that time."""
        binding = self._taken_over(self.bindings[before], after)
        left = self.without(before, at)
        released = {address: each for address, each in left.released.items() if address != after}
        return replace(left, bindings={**left.bindings, after: binding}, released=released)

    def _taken_over(self, binding: Binding, after: Address) -> Binding:
        """A binding as another address has it; no key of that one's own creates is ever sent again (rule A2)."""
        return replace(binding, address=after, generation=max(binding.generation, self.generation(after)))

    def moving(self, former: Mapping[Address, tuple[Address, ...]]) -> State:
        """The state as the `moved:` blocks make it (rule M1). `former`: the addresses that each declared one had."""
        taken: dict[Address, Binding] = {}
        disputed: dict[Address, tuple[Binding, ...]] = {}
        done: dict[Address, Binding] = {}
        bindings = dict(self.bindings)
        for after, befores in former.items():
            old = [self.bindings[before] for before in befores if before in self.bindings]
            if len({each.id for each in (*old, self.bindings.get(after)) if each is not None}) > 1:
                disputed[after] = tuple(old)
                continue
            for binding in old:
                bindings.pop(binding.address, None)
                if after in bindings:
                    done[binding.address] = binding
                else:
                    taken[after] = binding
                    bindings[after] = self._taken_over(binding, after)
        return replace(self, bindings=bindings, moves=Moves(former, taken, disputed, done)) if former else self

    def as_kept(self) -> State:
        """The state as its file has it: nothing has moved."""
        moves = self.moves
        kept = {address: binding for address, binding in self.bindings.items() if address not in moves.taken}
        kept |= {binding.address: binding for binding in (*moves.taken.values(), *moves.done.values())}
        return replace(self, bindings=kept, moves=Moves()) if moves.former else self

    def binding(self, found: Mapping[Address, Binding]) -> State:
        """The state with these bindings as well, and what the `moved:` blocks make of them."""
        kept = self.as_kept()
        return replace(kept, bindings={**kept.bindings, **found}).moving(self.moves.former)

    def orphans(self, declared: Container[Address]) -> list[Address]:
        """Bound before, declared no more; what a `moved:` block names is none (rule M1)."""
        named = {binding.address for disputed in self.moves.disputed.values() for binding in disputed}
        return [address for address in self.bindings if address not in declared and address not in named]

    def forgetting(self, now: float) -> State:
        """The state without addresses that were let go of so long ago that the API has forgotten their keys."""
        kept = {a: gone for a, gone in self.released.items() if (unix_time(gone.at) or now) > now - KEYS_KNOWN}
        return self if len(kept) == len(self.released) else replace(self, released=kept)

    def linked(self, linked: Set[str], named: Iterable[str], *, exact: bool) -> tuple[str, ...]:
        """Who is linked, as `LinkHashes.live` keeps it. `named`: the ids that a declaration speaks of."""
        if exact:
            return (*sorted(map(self.hash, linked)), "=")
        return tuple(sorted(f"{'' if id in linked else '-'}{self.hash(id)}" for id in named))

    def relinked(self, last: tuple[str, ...], linked: Set[str]) -> bool:
        """Whether `linked` contradicts what `last` says of it."""
        now = set(map(self.hash, linked))
        known = {each for each in last if each[0] not in "-="}
        if "=" in last:
            return now != known
        return not known <= now or any(each[1:] in now for each in last if each[0] == "-")

    def hash(self, canonical: JSON) -> str:
        """The salted hash of a canonical value: 16 hexadecimal digits."""
        is_text = type(canonical) is str
        marked = f"{self.salt}{is_text:d}{canonical if is_text else _CANONICAL.encode(canonical)}"
        return hashlib.blake2b(marked.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def organisation_ids(schema: Schema, known: Iterable[str] = ()) -> tuple[str, ...]:
    """Hashes of ids that no other organisation has: members and custom field definitions (rule S1).

    A few of each, for other keys and other files see other ones of them; `known`, of runs before, stay for that.
    """
    groups = (set(map(_hashed, ids)) for ids in _own(schema))
    own = {id for group in groups for id in sorted(group)[:_OF_EACH]}
    return tuple(sorted([*sorted(own), *sorted({*known} - own)][:_MAX_IDS]))


_FOREIGN = "Check the API key and the base URL of the workspace, or name another state file for it."


def refuse_foreign(known: Iterable[str], schema: Schema, what: str, hint: str = _FOREIGN) -> None:
    """Raise RefusedError where `known` holds ids and none of them is seen in this workspace (rule S1).

    Nothing can be said where the key may not read members and there is no custom field.
    """
    if is_foreign(known, schema):
        raise RefusedError(
            f"{what} belongs to another organisation: none of its members and custom fields is here",
            hint=hint,
        )


def is_foreign(known: Iterable[str], schema: Schema) -> bool:
    """Whether `known` holds ids, and none of them is among those that `schema` has."""
    known, here = set(known), _own_ids(schema)
    return bool(known and here) and known.isdisjoint(here)


def _own_ids(schema: Schema) -> set[str]:
    return {_hashed(id) for ids in _own(schema) for id in ids}


def _own(schema: Schema) -> Iterator[list[str]]:
    """The organisation's own ids: of members, and of the custom fields of each kind."""
    yield [member.id for member in schema.members]
    for definitions in schema.kinds.values():
        yield [f.id for key, f in definitions.fields.items() if f.id and not key.startswith("$")]


def _hashed(id: str) -> str:
    return hashlib.sha256(id.encode()).hexdigest()[:16]


def merged(whole: State, planned: State, applied: State) -> State:
    """The whole state after an apply that was planned on a part of it, as an undo is: the rest stays.

    What an undo wrote is not what the files ask for: its hashes say nothing about drift, and are left out.
    """
    if not _is_part(planned, whole):
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
                links={key: _left(hashes, binding.links.get(key)) for key, hashes in known.links.items()},
                members=known.members and _left(known.members, binding.members),
            )
        bindings[address] = binding
    return replace(applied, bindings=bindings, released={**whole.released, **applied.released})


def _is_part(planned: State, whole: State) -> bool:
    """Whether something is left out of `planned`, or what is known of it is; what killed runs made is more."""
    if planned.bindings is whole.bindings:
        return False
    found = ((known, planned.bindings.get(address)) for address, known in whole.bindings.items())
    return any(each is None or (each is not known and each.id == known.id) for known, each in found)


def _unsettled(known: Mapping[str, Hashes], written: Container[str]) -> dict[str, Hashes]:
    return {key: hashes._replace(live=None) if key in written else hashes for key, hashes in known.items()}


def _left(known: LinkHashes, written: LinkHashes | None) -> LinkHashes:
    """Who is linked is known after an undo, too: the index may lag behind it (rule R2)."""
    return known if written is None else known._replace(live=written.live)


# ---------------------------------------------------------------- text


class _Header(BaseModel):
    model_config = ConfigDict(extra="forbid", defer_build=True)
    lfsync_state: Literal[1]
    salt: Annotated[str, Constraint(min_length=8)]
    ids: list[str]


class StateLine(BaseModel):
    """A binding as the state file and the journal write it."""

    model_config = ConfigDict(extra="forbid", defer_build=True)
    address: str
    id: str
    also: list[str] = Constraint(default_factory=list)
    generation: int = 0
    origin: Literal["created", "adopted"]
    protect: bool = False
    owed: list[str] = Constraint(default_factory=list)
    written_at: str | None = None
    fields: dict[str, Hashes] = Constraint(default_factory=dict)
    relationships: dict[str, LinkHashes] = Constraint(default_factory=dict)
    members: LinkHashes | None = None


class ReleasedLine(BaseModel):
    """An address that was let go of, as the state file and the journal write it."""

    model_config = ConfigDict(extra="forbid", defer_build=True)
    address: str
    generation: int
    released: str
    at: str


def encode(state: State) -> str:
    """The file's text: the header, then a line for each address, sorted."""
    header = {"lfsync_state": FORMAT_VERSION, "salt": state.salt, "ids": list(state.ids)}
    lines = {address: line_of(binding) for address, binding in state.bindings.items()}
    lines |= {gone.address: released_line(gone) for gone in state.released.values() if gone.address not in lines}
    return "\n".join([dump(header), *(dump(lines[address]) for address in sorted(lines))]) + "\n"


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
    released: dict[Address, Released] = {}
    for number, text in enumerate(lines[1:], 2):
        try:
            found = _read_line(text)
        except (ValidationError, ValueError) as error:
            raise _unreadable(file, number, error) from None
        if found.address in bindings or found.address in released:
            raise _unreadable(file, number, ValueError(f"{found.address} stands here twice"))
        if isinstance(found, Released):
            released[found.address] = found
        else:
            bindings[found.address] = found
    return State(header.salt, tuple(header.ids), bindings, released)


def _read_line(text: str) -> Binding | Released:
    if '"released":' in text:  # no key and no id holds a quotation mark
        return released_of(ReleasedLine.model_validate_json(text))
    return binding_of(StateLine.model_validate_json(text))


def line_of(binding: Binding) -> dict[str, object]:
    """A binding as a line says it: what is empty is left out."""
    line: dict[str, object] = {"address": str(binding.address), "id": binding.id, "origin": binding.origin}
    if binding.also:
        line["also"] = list(binding.also)
    if binding.protect:
        line["protect"] = True
    if binding.owed:
        line["owed"] = list(binding.owed)
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
        owed=tuple(line.owed),
        generation=line.generation,
        origin=line.origin,
        protect=line.protect,
        written_at=line.written_at,
        fields=line.fields,
        links=line.relationships,
        members=line.members,
    )


def released_line(gone: Released) -> dict[str, object]:
    """A released address as a line says it."""
    return {"address": str(gone.address), "generation": gone.generation, "released": gone.id, "at": gone.at}


def released_of(line: ReleasedLine) -> Released:
    """The released address of a line. ValueError where its address is none."""
    return Released(known_address(line.address), line.generation, line.released, line.at)


def known_address(text: str) -> Address:
    """The address that a kept file names. ValueError for anything else, also for a kind that a later lfsync has."""
    address = Address.parse(text)
    if not is_kind(address.kind):
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

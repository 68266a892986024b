"""Two states of one workspace made one, address by address: git's merge driver for state files (rule M2). Pure.

What only one side moved since their common ancestor is taken over. Where both moved, a hash is left out: a missing one
makes no verdict, a wrong one would make a false one. Lines are merged as the JSON that they are, so that the form of
what is kept of a key is of no concern here. A hash says nothing under another salt: each is compared together with the
salt of its file, and those under the salt of OURS stay.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeAlias, TypeVar

from lfsync.model import JSON, Address
from lfsync.state.state import decode, dump

_BY_KEY = ("fields", "relationships")
_WHOLE = ("members",)

_Path: TypeAlias = tuple[str, ...]
_T = TypeVar("_T")


class _Hash(NamedTuple):
    """What a line keeps of one key, under the salt of its file."""

    salt: str
    kept: JSON


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a state: what it says of its address, and the hashes of the managed keys, by their path in the line."""

    facts: Mapping[str, JSON]
    hashes: Mapping[_Path, _Hash] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return str(self.facts.get("id") or self.facts.get("released") or "")

    @property
    def generation(self) -> int:
        found = self.facts.get("generation")
        return found if isinstance(found, int) else 0

    @property
    def time(self) -> str:
        """When the record was written, or let go of: ISO 8601, UTC."""
        return str(self.facts.get("written_at") or self.facts.get("at") or "")

    @property
    def also(self) -> set[str]:
        found = self.facts.get("also")
        return {str(id) for id in found} if isinstance(found, list) else set()

    @property
    def owed(self) -> set[str]:
        found = self.facts.get("owed")
        return {str(key) for key in found} if isinstance(found, list) else set()

    @property
    def is_released(self) -> bool:
        return "released" in self.facts


@dataclass(frozen=True, slots=True)
class _Side:
    header: Mapping[str, JSON] = field(default_factory=dict)
    lines: Mapping[Address, Line] = field(default_factory=dict)

    @property
    def salt(self) -> str:
        return str(self.header["salt"])

    @property
    def ids(self) -> list[str]:
        found = self.header["ids"]
        return [str(id) for id in found] if isinstance(found, list) else []


def merge(base: str, ours: str, theirs: str, names: tuple[str, str, str] = ("BASE", "OURS", "THEIRS")) -> str:
    """The text of the merged state. An empty `base`: the sides have no common ancestor.

    StateError, with the name of the text, where one of them can't be read.
    """
    ancestor = _read(base, names[0]) if base else _Side()
    one, other = _read(ours, names[1]), _read(theirs, names[2])
    merged = [dump({**other.header, **one.header, "ids": sorted({*one.ids, *other.ids})})]
    for address in sorted(one.lines.keys() | other.lines.keys()):
        line = merged_line(ancestor.lines.get(address), one.lines.get(address), other.lines.get(address))
        if line is not None:
            merged.append(dump(_as_json(line, one.salt)))
    return "\n".join(merged) + "\n"


# ---------------------------------------------------------------- one address


def merged_line(base: Line | None, ours: Line | None, theirs: Line | None) -> Line | None:
    """What both sides say of one address. None where it is gone."""
    if ours is None or theirs is None:
        there = ours or theirs
        return None if there == base else there  # let go of here and changed there: kept
    if ours.is_released or theirs.is_released:
        newer = _moved(base, ours, theirs) or max(ours, theirs, key=_newness)
        return _with(newer, {"generation": max(ours.generation, theirs.generation)})
    kept = _one_record(base, ours, theirs) if ours.id == theirs.id else _one_of_two(base, ours, theirs)
    also = _also(base, ours, theirs) | _rivals(base, ours, theirs)
    facts: dict[str, JSON] = {
        "generation": max(ours.generation, theirs.generation),
        "protect": _protect(base, ours, theirs),
        "also": list[JSON](sorted(also - {kept.id})),
    }
    return _with(kept, facts)


def _one_record(base: Line | None, ours: Line, theirs: Line) -> Line:
    """Both sides are bound to one record: key by key."""
    old = base or Line({})
    facts = {
        key: _three_way(old.facts.get(key), ours.facts.get(key), theirs.facts.get(key), None)
        for key in ours.facts.keys() | theirs.facts.keys()
    }
    # Whether a record existed before lfsync is asked before it is trashed: in doubt it did.
    facts["origin"] = facts["origin"] or "adopted"
    facts["written_at"] = max(ours.time, theirs.time) or None
    facts["owed"] = [*sorted(_three_way(old.owed, ours.owed, theirs.owed, ours.owed & theirs.owed))]
    hashes = {
        path: _three_way(old.hashes.get(path), ours.hashes.get(path), theirs.hashes.get(path), None)
        for path in ours.hashes.keys() | theirs.hashes.keys()
    }
    return Line(facts, {path: kept for path, kept in hashes.items() if kept is not None})


def _one_of_two(base: Line | None, ours: Line, theirs: Line) -> Line:
    """The sides are bound to two records: the side that moved, else the higher generation, else the smaller id.

    Hashes are of one record, so the line is taken whole.
    """
    if base is not None and base.id in (ours.id, theirs.id) and not base.is_released:
        return theirs if ours.id == base.id else ours
    return min(ours, theirs, key=lambda line: (-line.generation, line.id))


def _rivals(base: Line | None, ours: Line, theirs: Line) -> set[str]:
    """Ids of which nothing tells the right one: both sides took another than before."""
    ids = {ours.id, theirs.id}
    return ids if len(ids) == 2 and (base is None or base.is_released or base.id not in ids) else set()


def _also(base: Line | None, ours: Line, theirs: Line) -> set[str]:
    """What an earlier merge left open, without what one side has settled since."""
    settled = base.also - (ours.also & theirs.also) if base else set()
    return (ours.also | theirs.also) - settled


def _protect(base: Line | None, ours: Line, theirs: Line) -> bool:
    """The side that moved decides; with no ancestor to tell, protected."""
    mine, yours = bool(ours.facts.get("protect")), bool(theirs.facts.get("protect"))
    return mine if mine == yours else base is None or not base.facts.get("protect")


def _newness(line: Line) -> tuple[int, str, bool, str]:
    """What is bound wins over what was let go of in the same second."""
    return line.generation, line.time, not line.is_released, line.id


def _moved(base: Line | None, ours: Line, theirs: Line) -> Line | None:
    """The side that moved. None if both did."""
    if ours == base:
        return theirs
    return ours if theirs == base else None


def _three_way(base: _T, ours: _T, theirs: _T, clash: _T) -> _T:
    if ours == base:
        return theirs
    return ours if theirs in (base, ours) else clash


def _with(line: Line, facts: Mapping[str, JSON]) -> Line:
    return replace(line, facts={**line.facts, **facts})


# ---------------------------------------------------------------- text


def _read(text: str, name: str) -> _Side:
    decode(text, name)
    header, *lines = map(json.loads, text.removesuffix("\n").split("\n"))
    return _Side(header, {Address.parse(line["address"]): _line(line, header["salt"]) for line in lines})


def _line(data: Mapping[str, JSON], salt: str) -> Line:
    facts = {key: value for key, value in data.items() if key not in (*_BY_KEY, *_WHOLE)}
    return Line(facts, {path: _Hash(salt, kept) for path, kept in _hashed(data)})


def _hashed(data: Mapping[str, JSON]) -> Iterator[tuple[_Path, JSON]]:
    for name in _WHOLE:
        if data.get(name) is not None:
            yield (name,), data[name]
    for name in _BY_KEY:
        by_key = data.get(name)
        if isinstance(by_key, dict):
            yield from (((name, key), kept) for key, kept in by_key.items())


def _as_json(line: Line, salt: str) -> dict[str, JSON]:
    """A line as the file says it: what is empty, and hashes under another salt, are left out."""
    data: dict[str, JSON] = {key: value for key, value in line.facts.items() if value or value == ""}
    for (name, *key), kept in line.hashes.items():
        if kept.salt != salt:
            continue
        if key:
            by_key = data.setdefault(name, {})
            assert isinstance(by_key, dict)
            by_key[key[0]] = kept.kept
        else:
            data[name] = kept.kept
    return data

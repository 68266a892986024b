"""The record of a run: who, when, and what was written with what was there before. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue, field_validator

from lfsync.model import Address
from lfsync.state.state import known_address


class RunHeader(BaseModel):
    """Who ran what, when."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
    run: str
    workspace: str
    who: str
    at: str
    command: str
    config_digest: str
    lfsync_version: str


class RunEnd(BaseModel):
    """A run ended by itself: as it was meant to, or early after Ctrl-C."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
    at: str
    interrupted: bool


class Entry(BaseModel):
    """What was written to one record: (before, after) of fields, (added, removed) ids of links.

    `members`: the kind of a list's members, then ids added and removed. `origin` and `generation`: of what was trashed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
    address: str
    action: Literal["create", "update", "delete", "restore"]
    id: str
    fields: dict[str, tuple[JsonValue, JsonValue]] = {}
    relationships: dict[str, tuple[list[str], list[str]]] = {}
    members: tuple[str, list[str], list[str]] | None = None
    origin: Literal["created", "adopted"] | None = None
    generation: int = 0

    @field_validator("address")
    @classmethod
    def _is_known(cls, text: str) -> str:
        known_address(text)
        return text


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the past. `end`: None where it was killed, or goes on still."""

    header: RunHeader
    entries: tuple[Entry, ...]
    end: RunEnd | None = None

    @property
    def ended(self) -> Literal["whole", "interrupted", "killed"]:
        """How it came to its end."""
        return "killed" if self.end is None else "interrupted" if self.end.interrupted else "whole"

    def counts(self) -> Counter[str]:
        """How many records were created, updated, …"""
        return Counter(entry.action for entry in self.merged())

    def merged(self) -> tuple[Entry, ...]:
        """What was written to each record, all its requests as one, in the order of the first (rule A8)."""
        found: dict[tuple[str, str], Entry] = {}
        for entry in self.entries:
            first = found.get((entry.address, entry.id))
            found[entry.address, entry.id] = entry if first is None else _joined(first, entry)
        return tuple(found.values())


def _joined(first: Entry, second: Entry) -> Entry:
    """Two requests on one record, the second after the first, as one."""
    fields = {
        key: (first.fields[key][0] if key in first.fields else before, after)
        for key, (before, after) in {**first.fields, **second.fields}.items()
    }
    keys = dict.fromkeys((*first.relationships, *second.relationships))
    links = {key: _joined_links(first.relationships.get(key), second.relationships.get(key)) for key in keys}
    members = second.members or first.members
    if members is not None:
        added, removed = _joined_links(first.members and first.members[1:], second.members and second.members[1:])
        members = (members[0], added, removed)
    action = second.action if second.action == "delete" else first.action
    made = second if second.action == "delete" else first
    return second.model_copy(
        update={
            "action": action,
            "fields": fields,
            "relationships": links,
            "members": members,
            "origin": made.origin,
            "generation": made.generation,
        }
    )


def _joined_links(
    first: tuple[list[str], list[str]] | None, second: tuple[list[str], list[str]] | None
) -> tuple[list[str], list[str]]:
    """(added, removed) in all; what was added and removed again, or the other way round, is as it was."""
    steps: dict[str, list[bool]] = {}
    for added, removed in filter(None, (first, second)):
        for ids, is_added in ((removed, False), (added, True)):
            for id in ids:
                steps.setdefault(id, []).append(is_added)
    net = {id: (each[0], each[-1]) for id, each in steps.items()}
    return [id for id, ends in net.items() if ends == (True, True)], [id for id, ends in net.items() if not any(ends)]


def address_of(entry: Entry) -> Address:
    """The address that an entry is about."""
    return Address.parse(entry.address)

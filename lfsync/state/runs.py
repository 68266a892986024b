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
    """One run of the past."""

    header: RunHeader
    entries: tuple[Entry, ...]

    def counts(self) -> Counter[str]:
        """How many records were created, updated, …"""
        return Counter(entry.action for entry in self.entries)


def address_of(entry: Entry) -> Address:
    """The address that an entry is about."""
    return Address.parse(entry.address)

"""Holds a written record against the declared values (design.md, section 7). I/O: one read by id where they differ.

The proof is the plan's own comparison, run again on the write's answer (rule S5): what it finds equal is what the state
remembers. What differs is read by id once more: the server's own form of a text, shown twice, is settled; anything else
is not converged, and planned again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from lfsync.api.client import Client
from lfsync.applying.last_look import quoted
from lfsync.kinds import KINDS
from lfsync.model import JSON, Desired, Record
from lfsync.planning.diff import MEMBERS, Comparer, Key, binding_hashes
from lfsync.state.state import Binding, Hashes, State
from lfsync.values.table import VALUE_TYPES


@dataclass(frozen=True, slots=True)
class Proof:
    """The hashes to remember, and the keys that did not converge, each with what the record shows."""

    hashes: Mapping[Key, Hashes]
    open: Mapping[Key, JSON]

    def binding(self, base: Binding) -> Binding:
        """The binding with these hashes."""
        return replace(
            base,
            fields={key: h for (section, key), h in self.hashes.items() if section == "fields"},
            links={key: h for (section, key), h in self.hashes.items() if section == "links"},
            members=self.hashes.get(MEMBERS),
        )

    def said(self) -> str:
        """What did not converge, for people."""
        shown = ", ".join(f"`{key[1] or 'members'}` ({quoted(value)})" for key, value in sorted(self.open.items()))
        return f"written, but the record does not show it: {shown}"


class Prover:
    """Proves one change after the other."""

    def __init__(self, comparer: Comparer, client: Client, state: State) -> None:
        self._comparer = comparer
        self._client = client
        self._state = state

    async def prove(self, wish: Desired, record: Record, written: set[Key], last: Binding | None) -> Proof:
        """`record`: the write's answer. `written`: the keys that were sent. `last`: what the state remembered."""
        declared, live = self._comparer.prepared(wish, record)
        wrong = {key for key in written if key in declared and declared[key] != live[key]}
        settled: set[Key] = set()
        if wrong:
            answered = live
            reread = await self._client.retrieve(KINDS[record.kind], record.id)
            declared, live = self._comparer.prepared(wish, reread or record)
            wrong = {key for key in wrong if declared[key] != live[key]}
            settled = {key for key in wrong if _settles(wish, key) and live[key] and answered[key] == live[key]}
        hashes = {key: h for key, h in binding_hashes(last).items() if key in declared}
        for key, value in declared.items():
            if value == live[key] or key in settled:
                hashes[key] = Hashes(self._state.hash(value), self._state.hash(live[key]))
            elif key in wrong:
                hashes[key] = Hashes(self._state.hash(value), None)
        return Proof(hashes, {key: live[key] for key in wrong - settled})


def _settles(wish: Desired, key: Key) -> bool:
    section, name = key
    return section == "fields" and VALUE_TYPES[wish.fields[name].definition.type].settles

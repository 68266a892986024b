"""Holds a written record against the declared values (design.md, section 7). I/O: one read by id where they differ.

The proof is the plan's own comparison, run again on the write's answer (rule S5): what it finds equal is what the state
remembers. What differs is read by id once more: the server's own form of a text, shown twice, is settled; anything else
is not converged, and planned again. What this key sees redacted proves nothing, one way or the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

from lfsync.applying.last_look import quoted
from lfsync.applying.run import Run
from lfsync.kinds import kind_of
from lfsync.model import JSON, Desired, Record
from lfsync.planning.diff import MEMBERS, Key, KeyHashes, binding_hashes
from lfsync.state.state import Binding
from lfsync.values.table import VALUE_TYPES


@dataclass(frozen=True, slots=True)
class Proof:
    """The hashes to remember, and the keys that did not converge, each with what the record shows.

    `vanished`: why the record may be gone since it was written; None where it is there.
    """

    hashes: Mapping[Key, KeyHashes]
    open: Mapping[Key, JSON]
    vanished: str | None = None

    def said(self) -> str:
        """What did not converge, for people."""
        shown = ", ".join(f"`{key[1] or 'members'}` ({quoted(value)})" for key, value in sorted(self.open.items()))
        return f"written, but the record does not show it: {shown}"


class Prover:
    """Proves one change after the other."""

    def __init__(self, run: Run) -> None:
        self._run = run

    async def prove(self, wish: Desired, record: Record, written: Set[Key], last: Binding | None) -> Proof:
        """`record`: the write's answer. `written`: the keys that were sent. `last`: what the state remembered."""
        comparer = self._run.comparer
        known = binding_hashes(last)
        sides = comparer.prepared(wish, record)
        reread: Record | None = None
        if reasons := [why for key, why in kind_of(record.kind).vanishing.items() if ("fields", key) in written]:
            reread = await self._run.reader.retrieve(record.kind, record.id)
            if reread is None:
                return Proof({key: h for key, h in known.items() if key not in written}, {}, reasons[0])
        if record.redacted or (reread and reread.redacted):
            return Proof({key: h for key, h in known.items() if key not in written}, {})
        wrong = {key for key in written if key in sides.declared and sides.declared[key] != sides.live[key]}
        settled: set[Key] = set()
        if wrong:
            answered = sides.live
            reread = reread or await self._run.reader.retrieve(record.kind, record.id)
            if reread and reread.redacted:
                return Proof({key: h for key, h in known.items() if key not in written}, {})
            sides = comparer.prepared(wish, reread or record)
            wrong = {key for key in wrong if sides.declared[key] != sides.live[key]}
            settled = {k for k in wrong if _settles(wish, k) and sides.live[k] and answered[k] == sides.live[k]}
        untold = {MEMBERS} if wish.members is not None and MEMBERS not in written else set[Key]()
        hashes = {key: h for key, h in known.items() if key in sides.declared or key in untold}
        for key, value in sides.declared.items():
            if value == sides.live[key] or key in settled:
                hashes[key] = comparer.hashes(wish, sides, key)
            elif key in wrong:
                hashes[key] = comparer.left(wish, sides, key)
        return Proof(hashes, {key: sides.live[key] for key in wrong - settled})


def _settles(wish: Desired, key: Key) -> bool:
    section, name = key
    return section == "fields" and VALUE_TYPES[wish.fields[name].definition.type].settles

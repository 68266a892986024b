"""What the links of a run moved on their other side, where that is declared otherwise (rule C9). I/O.

Nobody can tell before a write that two relationships are one (`planning/far_sides.py`). So when all is written, what
this run's links could have undone is read by id once more. What does not hold is told with both places, and stays on
record as not converged: the next plan blocks it, and does not move it back.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import replace

from lfsync.applying.run import Run
from lfsync.errors import ApiError
from lfsync.model import Address, Change, Outcome
from lfsync.planning.diff import Key, binding_hashes, with_hashes
from lfsync.planning.far_sides import TWO_SIDES, Side

_SENT = ("done", "unchanged", "not converged")


class LookBack:
    """The last look of one run at what its links may have undone."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._sides = run.comparer.far_sides
        self._undone: dict[Side, bool] = {}
        self._apart: set[tuple[str, str, str, str]] = set()

    async def outcomes(self, changes: Iterable[Change], known: Mapping[Address, Outcome]) -> dict[Address, Outcome]:
        """The outcomes, less what another link of this run undid; what could not be read is as it was told."""
        found: dict[Side, Side] = {}
        for change in changes:
            if change.action != "delete" and known[change.address].status in _SENT:
                for link in change.relationships:
                    await self._compare(Side(change.address, link.key), found)
        told = dict(known)
        for undone, by in sorted(found.items()):
            self._tell(told, undone, by)
        return told

    async def _compare(self, side: Side, found: dict[Side, Side]) -> None:
        """Which of it and of what could contradict it does not hold, and what it was that undid it."""
        for others in (self._sides.against(side), self._sides.beside(side)):
            for other in others:
                pair = (side.address.kind, side.key, other.address.kind, other.key)
                if pair in self._apart:
                    break
                ours, theirs = await self._is_undone(side), await self._is_undone(other)
                if theirs:
                    found.setdefault(other, side)
                if ours and (side not in found or not theirs):  # rather what holds than what was undone as well
                    found[side] = other
                if not ours and not theirs:  # so that they are two, and all such pairs with them
                    self._apart.add(pair)

    async def _is_undone(self, side: Side) -> bool:
        """Whether a relationship is not as declared, by a read by id."""
        if side not in self._undone:
            self._undone[side] = False
            with contextlib.suppress(ApiError):
                self._undone[side] = await self._differs(side)
        return self._undone[side]

    async def _differs(self, side: Side) -> bool:
        run, wish = self._run, self._run.planned.desired[side.address]
        id, binding = run.ids.get(side.address), run.ledger.bindings.get(side.address)
        if id is None or binding is None:
            return False
        record = await run.reader.retrieve(side.address.kind, id)
        if record is None or record.redacted:
            return False
        key: Key = ("links", side.key)
        sides = run.comparer.prepared(wish, record)
        if sides.declared[key] == sides.live[key]:
            return False
        left = {**binding_hashes(binding), key: run.comparer.left(wish, sides, key)}
        run.ledger.bind(with_hashes(binding, left))
        return True

    def _tell(self, told: dict[Address, Outcome], undone: Side, by: Side) -> None:
        """The change of what did not hold is not converged; without one, that of what undid it."""
        ended = told.get(undone.address)
        if ended is not None and ended.status in _SENT:
            reason = f"`{undone.key}` does not hold: {by.address}'s `{by.key}` at {self._sides.place(by)} undid it"
            source = self._sides.place(undone)
        elif (ended := told.get(by.address)) is not None and ended.status in _SENT:
            where = self._sides.place(undone)
            reason = f"`{by.key}` was written, and undid {undone.address}'s `{undone.key}` at {where}"
            source = self._sides.place(by)
        else:
            return
        both = f"{ended.reason}; {reason}" if ended.reason else reason
        told[ended.address] = replace(ended, status="not converged", reason=both, hint=TWO_SIDES, source=source)

"""One case with the state that the run before left, and what an apply without a kill makes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from lfsync.state.state import Binding
from tests.laws.laws import plan_is_empty
from tests.soak.ground import FINE, Ground, Lost, Moment, ground, remembered, truth
from tests.soak.tally import Tally
from tests.soak.town import before, town

LAG = 60.0  # seconds; no run takes as long, so the index shows nothing of a killed run when the next one looks


class Court:
    """Kills and judges. `lost`: what the machine that goes on does not have."""

    def __init__(
        self, lost: Lost, *, lag: float = 0, quirks: Mapping[str, str] | None = None, row: str = "kill, in process"
    ) -> None:
        self.lost = lost
        self.lag = lag
        self.row = f"{row}, {lost} lost" + (f", index {lag:.0f} s late" if lag else "")
        self.quirks = quirks or {}
        # Nothing tells of an upload that no list shows yet but the journal and the state.
        self.case = town(lists=not lag, orphan=lost != "journal and state", files=not lag or lost == "nothing")
        self.state = ""
        self._remember()
        with self.ready() as box:
            run = box.apply_now()
            assert all(outcome.status in FINE for outcome in run.outcomes), run.outcomes
            assert not run.plan.blocked, run.plan.blocked
            self.requests = box.scythe.sent
            self.changes = len(run.plan.changes)
            self.truth = truth(box.snapshot())
            self.bindings = box.bound().bindings
            self.names = remembered(box.bound(), box.snapshot())
        assert set(self.truth.records.values()) == {1}, "every record has a name of its own"

    @contextmanager
    def ready(self) -> Iterator[Ground]:
        """The case as it is just before the apply."""
        with ground(self.case, self.quirks, lag=self.lag) as box:
            if self.state:
                box.state_file.parent.mkdir(parents=True)
                box.state_file.write_text(self.state)
            yield box

    def _remember(self) -> None:
        with self.ready() as box:
            box.case = before(self.case)
            box.write()
            box.apply_now()
            assert not box.scythe.writes
            self.state = box.state_file.read_text()

    def judge(self, moments: Sequence[Moment], tally: Tally) -> None:
        """Kill one run after the other, then let one live: all is as if nobody had been killed."""
        with self.ready() as box:
            for moment in moments:
                if box.carry_out(moment) is None:
                    box.lose(self.lost)
                    box.time.skipped += 1
            run = box.apply_now()
            found = truth(box.snapshot())
            duplicates, lost = found.duplicates(self.truth), found.lost(self.truth)
            tally.add(self.row, tried=len(moments), duplicates=duplicates, lost=lost)
            assert (duplicates, lost) == (0, 0), (moments, found, self.truth)
            assert found == self.truth, moments
            assert all(outcome.status in FINE for outcome in run.outcomes), (moments, run.outcomes)
            if run.plan.blocked:
                # Of a kind whose trash nothing lists, what no list shows yet may be in it (rule I6).
                assert self.lag, (moments, run.plan.blocked)
                assert all(_is_open(each.reason) for each in run.plan.blocked), (moments, run.plan.blocked)
                box.time.skipped += self.lag
                run = box.apply_now()
                assert truth(box.snapshot()) == self.truth, moments
            assert not run.plan.blocked, (moments, run.plan.blocked)
            self._state_is_whole(box, moments)

    def _state_is_whole(self, box: Ground, moments: Sequence[Moment]) -> None:
        """Nothing is left to do, and the state says so; without a loss it says what it would have said."""
        box.time.skipped += self.lag
        plan_is_empty(box.apply_now())
        assert not box.scythe.writes, moments
        assert not box.journal_file.exists()
        assert remembered(box.bound(), box.snapshot()) == self.names, moments
        if self.lost == "nothing":
            bindings = box.bound().bindings
            said = {address: _said(binding) for address, binding in bindings.items()}
            assert said == {address: _said(binding) for address, binding in self.bindings.items()}, moments
            # A record whose create was never answered, and that a match finds since, is adopted (rule A4).
            made = {address: (b.generation, b.origin) for address, b in bindings.items() if b.origin == "created"}
            assert made.items() <= {address: (b.generation, b.origin) for address, b in self.bindings.items()}.items()


def _is_open(reason: str) -> bool:
    """Nobody can tell yet, or it refers to what nobody can tell of yet."""
    return "no list shows" in reason or "which is blocked" in reason


def _said(binding: Binding) -> tuple[object, ...]:
    """What a line of the state says, but for the moment and for ids: new records get other ones in each run."""
    links = {key: hashes.live and len(hashes.live) for key, hashes in binding.links.items()}
    members = binding.members and binding.members.live and len(binding.members.live)
    return binding.protect, binding.fields, links, members

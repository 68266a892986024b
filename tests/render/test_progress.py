"""Progress: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import dataclasses
import io

from lfsync.applying.reporter import Reporter
from lfsync.model import Address, Outcome, Plan
from lfsync.render.progress import LineProgress, TerminalProgress
from lfsync.render.words import data_size
from tests.render.harmless import assert_harmless
from tests.render.render_samples import ACME, plan_of_everything

DONE = Outcome(ACME, "create", "done", "acc_1")
FAILED = Outcome(ACME, "create", "failed", None, "no")


class Clock:
    """Seconds, as the test sets them."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def addresses(count: int) -> list[Address]:
    return [Address("account", str(number)) for number in range(count)]


def plan_of(count: int) -> Plan:
    change = plan_of_everything().changes[0]
    changes = tuple(dataclasses.replace(change, address=address) for address in addresses(count))
    return dataclasses.replace(plan_of_everything(), changes=changes)


def test_rule_a8_a_line_every_ten_seconds_counts_what_was_answered_and_one_at_the_end() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = LineProgress(stream, clock)
    progress.start(plan_of(4))
    for address in addresses(3):
        clock.now += 6
        progress.answered(address, "acc_1")
    clock.now += 6
    progress.finished(Outcome(Address("account", "3"), "create", "failed", None, "no"))
    for address in addresses(3):  # the proof comes after all writes, and counts nothing twice
        clock.now += 6
        progress.finished(Outcome(address, "create", "done", "acc_1"))
    progress.close()
    progress.close()
    assert stream.getvalue().splitlines() == [
        "applied 2 of 4, about 12 s left",
        "applied 3 of 4, 1 failed",
        "applied 3 of 4, 1 failed",
        "applied 3 of 4, 1 failed in 42 s",
    ]


def test_rule_a8_what_is_answered_shows_long_before_any_proof() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = LineProgress(stream, clock)
    progress.start(plan_of(1000))
    for address in addresses(400):
        clock.now += 0.04
        progress.answered(address, "acc_1")
    assert stream.getvalue().splitlines()[-1] == "applied 250 of 1000, about 30 s left"


def test_what_needs_no_write_counts_when_it_is_through() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = LineProgress(stream, clock)
    progress.start(plan_of(2))
    progress.finished(Outcome(Address("account", "0"), "adopt", "unchanged", "acc_1"))
    progress.finished(Outcome(Address("account", "1"), "update", "stale", "acc_2", "moved"))
    progress.close()
    assert stream.getvalue() == "applied 1 of 2, 1 stale in 0.0 s\n"


def test_a_note_is_harmless_on_both() -> None:
    for make in (lambda stream: LineProgress(stream, Clock()), lambda stream: TerminalProgress(stream, color=False)):
        stream = io.StringIO()
        progress: Reporter = make(stream)
        progress.start(plan_of_everything())
        progress.note("waiting \x1b[31m [bold]5 s[/bold] \u202e\ud800")
        progress.answered(ACME, "acc_1")
        progress.finished(DONE)
        progress.finished(FAILED)
        progress.close()
        progress.close()
        assert r"waiting \x1b[31m [bold]5 s[/bold] \u202e\ud800" in stream.getvalue()
        assert_harmless(stream.getvalue())


def test_a_run_that_never_started_closes_quietly() -> None:
    stream = io.StringIO()
    LineProgress(stream, Clock()).close()
    TerminalProgress(stream).close()
    assert stream.getvalue().strip() == ""


def test_uploads_tell_by_their_bytes_how_far_they_are() -> None:
    """Issue 7, item 4: progress by bytes, into a pipe and on a terminal; what is begun again counts anew."""
    stream, clock = io.StringIO(), Clock()
    progress = LineProgress(stream, clock)
    progress.start(plan_of(2))
    first, second = addresses(2)
    progress.uploading(first, 0, 3 * 1024**2)
    progress.uploading(second, 0, 1024**2)
    clock.now += 11
    progress.uploading(first, 2 * 1024**2, 3 * 1024**2)
    clock.now += 11
    progress.uploading(first, 0, 3 * 1024**2)
    progress.uploading(first, 3 * 1024**2, 3 * 1024**2)
    progress.uploading(second, 1024**2, 1024**2)
    progress.close()
    assert stream.getvalue().splitlines() == [
        "applied 0 of 2, 2.0 of 4.0 MiB uploaded",
        "applied 0 of 2, 0.0 of 4.0 MiB uploaded",
        "applied 0 of 2, 4.0 of 4.0 MiB uploaded in 22 s",
    ]
    terminal = io.StringIO()
    bar = TerminalProgress(terminal)
    bar.start(plan_of(1))
    bar.uploading(first, 5, 31)
    bar.close()
    assert_harmless(terminal.getvalue())


def test_sizes_are_told_in_their_own_unit() -> None:
    assert data_size(3, 31) == "3 of 31 bytes"
    assert data_size(512, 1024) == "0.5 of 1.0 KiB"
    assert data_size(0, 512 * 1024**2) == "0.0 of 512.0 MiB"
    assert data_size(1024**3, 3 * 1024**3) == "1.0 of 3.0 GiB"

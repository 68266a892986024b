"""Progress: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import dataclasses
import io

from lfsync.applying.reporter import Reporter
from lfsync.model import Outcome
from lfsync.render.progress import LineProgress, TerminalProgress
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


def test_a_line_every_ten_seconds_and_one_at_the_end() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = LineProgress(stream, clock)
    progress.start(dataclasses.replace(plan_of_everything(), changes=plan_of_everything().changes[:4]))
    for outcome in (DONE, DONE, FAILED, DONE):
        clock.now += 6
        progress.finished(outcome)
    progress.close()
    progress.close()
    assert stream.getvalue().splitlines() == [
        "applied 2 of 4, about 12 s left",
        "applied 4 of 4, 1 failed, about 0.0 s left",
        "applied 4 of 4, 1 failed in 24 s",
    ]


def test_a_note_is_harmless_on_both() -> None:
    for make in (lambda stream: LineProgress(stream, Clock()), lambda stream: TerminalProgress(stream, color=False)):
        stream = io.StringIO()
        progress: Reporter = make(stream)
        progress.start(plan_of_everything())
        progress.note("waiting \x1b[31m [bold]5 s[/bold] \u202e\ud800")
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

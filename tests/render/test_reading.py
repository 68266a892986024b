"""What is read for a plan, told while it is read: a bar on a terminal, a line now and then in CI, or nothing."""

from __future__ import annotations

import io

import pytest

from lfsync.render.reading import ReadingBars, ReadingLines
from tests.render.test_progress import Clock


def test_in_ci_a_line_every_ten_seconds_tells_what_is_read_of_how_much() -> None:
    stream, clock = io.StringIO(), Clock()
    shown = ReadingLines(stream, clock)
    for page in range(1, 401):
        shown.reading("account", page * 25, 10_000)
        clock.now += 0.04
    shown.reading("account by id", 3, 7)
    shown.close()
    clock.now += 60
    shown.reading("account by id", 7, 7)
    assert stream.getvalue().splitlines() == ["read 6275 of 10000 account"]


def test_what_is_quick_is_not_told() -> None:
    for make in (ReadingLines, ReadingBars):
        stream, clock = io.StringIO(), Clock()
        shown = make(stream, clock)
        shown.reading("account", 25, 50)
        clock.now += 0.5
        shown.reading("account", 50, 50)
        shown.close()
        assert stream.getvalue() == ""


class Terminal(io.StringIO):
    """A stream that says that it is one."""

    def isatty(self) -> bool:
        return True


def test_a_bar_for_each_kind_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream, clock = Terminal(), Clock()
    shown = ReadingBars(stream, clock, color=False)
    shown.reading("account", 25, 10_000)
    clock.now += 2
    shown.reading("account", 50, 10_000)
    shown.reading("object.\x1b[31m", 75, 50)
    shown.close()
    shown.close()
    assert "Reading account" in stream.getvalue()
    assert "50/10000" in stream.getvalue()
    assert "object.\\x1b[31m" in stream.getvalue(), "what a file says drives no terminal"

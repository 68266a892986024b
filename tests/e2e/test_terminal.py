"""On a terminal: apply asks, shows colours, and takes no for an answer."""

from __future__ import annotations

import os
import pty
import signal
import sys
import time

import pytest

from tests.e2e.conftest import MakeProject
from tests.e2e.rig import Server, read_until

_FILES = {"crm.yaml": "accounts: {solo: {fields: {$name: Solo, score: 2}}}\n"}


def test_no_is_an_answer(server: Server, make: MakeProject) -> None:
    run = make(_FILES).apply_on_terminal("n\n")
    assert run.code == 1
    assert "Nothing was written." in run.out
    assert server.writes() == []


def test_an_end_of_input_is_no_yes(server: Server, make: MakeProject) -> None:
    run = make(_FILES).apply_on_terminal("\x04")
    assert run.code == 1
    assert "Nothing was written." in run.out
    assert server.writes() == []


def test_yes_applies(server: Server, make: MakeProject) -> None:
    run = make(_FILES).apply_on_terminal("y\n")
    assert run.code == 0
    assert len(server.writes()) == 1
    assert "\x1b[" in run.out, "colours on a terminal"


def test_no_color_has_none(server: Server, make: MakeProject) -> None:
    place = make(_FILES)
    flag = place.apply_on_terminal("n\n", "--no-color")
    assert "\x1b[3" not in flag.out
    assert "\x1b[3" not in place.elsewhere(NO_COLOR="1").apply_on_terminal("n\n").out


def test_without_a_terminal_and_without_yes_it_refuses(server: Server, make: MakeProject) -> None:
    run = make(_FILES).lfsync("apply", expect=1)
    assert "--yes" in run.err
    assert server.writes() == []


def test_ctrl_c_is_an_answer(server: Server, make: MakeProject) -> None:
    """At once, without another key, and the lock is free again."""
    place = make({"a.yaml": "accounts: {new: {fields: {$name: Never asked for}}}\n"})
    assert place.apply_on_terminal("\x03").code == 130
    assert server.writes() == []
    place.apply()


def test_sigterm_is_an_answer_too(server: Server, make: MakeProject) -> None:
    place = make({"a.yaml": "accounts: {new: {fields: {$name: Never asked for}}}\n"})
    assert place.apply_on_terminal("", signal_to_send=signal.SIGTERM).code == 130
    assert server.writes() == []
    place.apply()


@pytest.mark.parametrize(("typed", "code"), [("maybe\ny\n", 0), ("YES\n", 0), (" n \n", 1), ("\n", 1)])
def test_it_asks_until_there_is_an_answer(server: Server, make: MakeProject, typed: str, code: int) -> None:
    assert make(_FILES).apply_on_terminal(typed).code == code
    assert len(server.writes()) == (code == 0)


_ASKS = """
import asyncio, itertools, click
from lfsync.commands.terminal.question import confirmed

for number in itertools.count():
    try:
        asyncio.run(confirmed(f"Question {number}?"))
    except (KeyboardInterrupt, click.Abort):
        pass
"""


def test_a_ctrl_c_just_before_the_wait_for_an_answer_is_not_missed() -> None:
    """`input()` looks at signals, and then waits: of 5,000 that came in between it missed 61, and waited on."""
    pid, terminal = pty.fork()
    if pid == 0:  # pragma: no cover  (the child asks)
        os.execv(sys.executable, [sys.executable, "-c", _ASKS])
    try:
        for number in range(300):
            read_until(terminal, f"Question {number}?", timeout=5)
            time.sleep(number * 1e-6)
            os.kill(pid, signal.SIGINT)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)

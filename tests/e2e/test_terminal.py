"""On a terminal: apply asks, shows colours, and takes no for an answer."""

from __future__ import annotations

from tests.e2e.conftest import MakeProject
from tests.e2e.rig import Server

_FILES = {"crm.yaml": "accounts: {solo: {fields: {$name: Solo, score: 2}}}\n"}


def test_no_is_an_answer(server: Server, make: MakeProject) -> None:
    run = make(_FILES).apply_on_terminal("n\n")
    assert run.code == 1
    assert "Nothing was written." in run.out
    assert server.writes() == []


def test_an_end_of_input_is_no_yes(server: Server, make: MakeProject) -> None:
    run = make(_FILES).apply_on_terminal("\x04")
    assert run.code != 0
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

"""The question before a run writes. I/O."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress

import click

from lfsync.commands.terminal.console import say
from lfsync.commands.terminal.signals import on_interrupt


async def confirmed(question: str) -> bool:
    """Ask until there is an answer; the end of input is a no, Ctrl-C an abort."""
    while True:
        click.echo(f"\n{question} [y/N]: ", nl=False, err=True)
        answer = await _typed_line()
        if answer is None:
            say("")
            raise click.Abort
        if answer in ("", "n", "no", "y", "yes"):
            return answer.startswith("y")
        say("Error: invalid input")


async def _typed_line() -> str | None:
    """A line of the terminal, in lower case, empty at the end of input; None for Ctrl-C.

    The event loop waits for it. `input()` would miss a signal that comes just before it begins to wait, and then wait
    on: the loop is woken by signals too.
    """
    loop, terminal = asyncio.get_running_loop(), sys.stdin.fileno()
    typed: asyncio.Future[str | None] = loop.create_future()

    def settle(answer: str | None) -> None:
        if not typed.done():
            typed.set_result(answer)

    def read() -> None:
        line = b""
        with suppress(OSError):  # the terminal was closed
            line = os.read(terminal, 4096)
        settle(line.decode(errors="replace").strip().lower())

    loop.add_reader(terminal, read)
    try:
        with on_interrupt(lambda: settle(None)):
            return await typed
    finally:
        loop.remove_reader(terminal)

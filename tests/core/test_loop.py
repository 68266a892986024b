"""What a command awaits costs its own time and nothing more (rule R6)."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import lfsync
from lfsync.commands.terminal.loop import awaited


class _Large:
    """Its repr is dear; that it was made is seen."""

    shown = 0

    def __repr__(self) -> str:
        self.shown += 1
        return "large"


def test_no_repr_is_made_of_what_a_command_awaits() -> None:
    """asyncio and signal make one of what a task returns: of 10,000 imported records it takes a second."""
    large = _Large()

    async def made() -> _Large:
        await asyncio.sleep(0)
        return large

    assert awaited(made()) is large
    assert large.shown == 0


def test_no_command_runs_its_loop_in_another_way() -> None:
    commands = Path(lfsync.__file__).parent / "commands"
    direct = [path.name for path in commands.rglob("*.py") if re.search(r"asyncio\.(run|Runner)\(", path.read_text())]
    assert direct == ["loop.py"]

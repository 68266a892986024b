"""`lfsync workflow status`: how a run of a workflow stands, and how it ended. I/O."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, replace
from typing import Final

from lfsync.api.client import Client
from lfsync.commands.opening import open_session
from lfsync.commands.planning import listener
from lfsync.commands.terminal.console import Options, out, say
from lfsync.commands.terminal.loop import awaited
from lfsync.errors import NotFoundError, UsageError
from lfsync.model import JSON, Stand
from lfsync.planning.plan_file import safe
from lfsync.render.terminal import escape
from lfsync.wording import plain

DEFAULT_TIMEOUT: Final = 3600.0  # seconds
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 15.0
_SLOWER: Final = 1.5
_ENDS: Final[frozenset[Stand]] = frozenset({"completed", "failed"})

# The status is free text. The API documents the first word of each line; the others can hardly mean anything else.
_WORDS: Final[dict[Stand, str]] = {
    "completed": "completed, complete, succeeded, success, successful, done, finished",
    "failed": "failed, failure, errored, error, cancelled, canceled, aborted, timed out, timeout",
    "running": "running, in progress, processing, pending, queued, scheduled, starting, started, waiting",
}
_STANDS: Final = {word: stand for stand, words in _WORDS.items() for word in words.split(", ")}


@dataclass(frozen=True, slots=True)
class Seen:
    """How a run stood when it was last asked for, in the API's own word. `timed_out`: it was waited for in vain."""

    run: str
    status: str
    timed_out: bool = False

    @property
    def stand(self) -> Stand:
        return _STANDS.get(plain(self.status), "unknown")

    @property
    def exit_code(self) -> int:
        """As design.md, section 8, has it."""
        if self.timed_out or self.stand == "failed":
            return 3
        return 1 if self.stand == "unknown" else 0


def status(options: Options, run: str, *, wait: float | None, format: str) -> int:
    """0 completed, or running and not waited for; 3 failed or not ended in `wait` seconds; 1 a word not known."""
    seen = awaited(_status(options, run, wait))
    if format == "json":
        out(safe(json.dumps(_to_json(seen), ensure_ascii=False, indent=2)))
    else:
        out(escape(f"{seen.run}: {seen.status}"))
    if seen.timed_out:
        say(f"lfsync: the run had not ended after {wait:g} seconds")
    elif seen.stand == "unknown":
        say(f'lfsync: the run stands at "{escape(seen.status)}", which lfsync knows neither as an end nor as under way')
        say("    See the run in Lightfield; --wait asks until it ends.")
    return seen.exit_code


async def _status(options: Options, run: str, wait: float | None) -> Seen:
    async with open_session(options.root, options.workspace, listener(options)) as session:
        try:
            seen = Seen(run, await session.client.run_status(run))
            return seen if wait is None else await _ended(session.client, seen, wait)
        except NotFoundError as error:
            if error.type is None:
                raise  # a proxy's 404, not the API's
            hint = "The id of a run is shown in Lightfield, and by what started it."
            raise UsageError(f"`{session.workspace.name}` has no workflow run {run}", hint=hint) from None


async def _ended(client: Client, seen: Seen, seconds: float) -> Seen:
    """The run once it has ended, or as it stood last when the time was up.

    A word that is not known is waited on, too: `waiting for approval` passes.
    """
    until, pause, told = time.monotonic() + seconds, _FIRST_PAUSE, ""
    while seen.stand not in _ENDS:
        left = until - time.monotonic()
        if left <= 0:
            return replace(seen, timed_out=True)
        if seen.status != told:
            say(escape(f"{seen.run}: {seen.status}; waiting"))
        told = seen.status
        await asyncio.sleep(min(pause, left))
        pause = min(pause * _SLOWER, _LONGEST_PAUSE)
        seen = Seen(seen.run, await client.run_status(seen.run))
    return seen


def _to_json(seen: Seen) -> dict[str, JSON]:
    return {
        "run": seen.run,
        "status": seen.status,
        "outcome": seen.stand,
        "timed_out": seen.timed_out,
        "exit_code": seen.exit_code,
    }

"""Ctrl-C and SIGTERM while an event loop runs. I/O."""

from __future__ import annotations

import asyncio
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn


@contextmanager
def on_interrupt(stop: Callable[[], object]) -> Iterator[None]:
    """Ctrl-C and SIGTERM call `stop` within the block. One that is ignored, as in a script's background, stays so."""
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    heard = [number for number, handler in before.items() if handler != signal.SIG_IGN]
    for number in heard:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in heard:
            loop.remove_signal_handler(number)
            signal.signal(number, before[number])


def leave_at_once() -> NoReturn:
    """The end of whoever is asked to stop again. Connections that were to be begun never are: no mistake to tell of."""
    warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
    raise KeyboardInterrupt

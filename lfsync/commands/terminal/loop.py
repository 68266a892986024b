"""How a command runs what waits for the network. I/O."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

_T = TypeVar("_T")


def awaited(work: Coroutine[object, object, _T]) -> _T:
    """`asyncio.run`, but that its task returns nothing.

    On the way out asyncio and signal make, twice, a repr of what the task returned: of a plan, or of what was imported,
    that takes as long as making it.
    """
    returned: list[_T] = []

    async def kept() -> None:
        returned.append(await work)

    asyncio.run(kept())
    return returned[0]

"""How often a law is looked at: a few cases and the same every time, or many in the full form."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hypothesis import HealthCheck, Phase, settings

from tests.effort import FULL, size

_SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)

T = TypeVar("T", bound=Callable[..., None])


def examples(bounded: int, full: int | None = None) -> Callable[[T], T]:
    """So many random cases; in the full form `full`, or else ten times as many."""

    def decorate(test: T) -> T:
        phases = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
        return settings(
            max_examples=size(bounded, full or 10 * bounded),
            deadline=None,
            derandomize=not FULL,
            database=None,
            suppress_health_check=_SLOW,
            phases=phases,
        )(test)

    return decorate

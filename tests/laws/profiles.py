"""How often a law is looked at: `default` is small and the same every time, `soak` is large, for a night."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

from hypothesis import HealthCheck, Phase, settings

_SOAK = os.environ.get("LFSYNC_HYPOTHESIS_PROFILE", "default") == "soak"
_SOAK_FACTOR = 25
_SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)

T = TypeVar("T", bound=Callable[..., None])


def examples(count: int) -> Callable[[T], T]:
    """So many random cases in the default profile, many more in `soak`."""

    def decorate(test: T) -> T:
        phases = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
        return settings(
            max_examples=count * (_SOAK_FACTOR if _SOAK else 1),
            deadline=None,
            derandomize=not _SOAK,
            database=None,
            suppress_health_check=_SLOW,
            phases=phases,
        )(test)

    return decorate

"""How hard the tests try: bounded in every run, in full with `make soak`."""

from __future__ import annotations

import os

FULL = os.environ.get("LFSYNC_SOAK") == "full"


def size(bounded: int, full: int) -> int:
    """One of two sizes."""
    return full if FULL else bounded

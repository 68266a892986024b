"""Moments as text and as Unix seconds. Pure.

The API, the state, the journal and the history write moments in ISO 8601, UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime


def unix_time(text: str) -> float | None:
    """Unix seconds of an ISO 8601 time, UTC where it has no offset; None for anything else."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def iso(seconds: float) -> str:
    """Unix seconds as state, journal and history write them, cut to whole seconds."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

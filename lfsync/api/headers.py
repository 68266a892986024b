"""What headers of an answer say: whole numbers, moments, how long to wait. Pure."""

from __future__ import annotations

from email.utils import parsedate_to_datetime


def number(text: str | None) -> float | None:
    return float(text) if text and len(text) <= 15 and text.isascii() and text.isdigit() else None


def moment(text: str | None) -> float | None:
    """Unix time of a date as HTTP writes it."""
    try:
        return parsedate_to_datetime(text).timestamp() if text else None
    except (ValueError, OverflowError):
        return None


def seconds(text: str | None, now: float) -> float | None:
    """`Retry-After`: seconds, or a date. `now`: the server's Unix time."""
    if (given := number(text)) is not None:
        return given
    until = moment(text)
    return None if until is None else max(0.0, until - now)

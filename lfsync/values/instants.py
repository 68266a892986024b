"""DATETIME values: ISO 8601 text, compared as instants. Pure.

Sent and compared as the API shows it, `YYYY-MM-DDTHH:MM:SS.mmmZ`: UTC, milliseconds, finer parts cut off.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

from lfsync.model import JSON, Cell, FieldDef
from lfsync.values.valuetype import BadValueError, expect_text, is_empty, show

_FORMS = "a date such as 2027-03-01 (midnight UTC), or a time with its offset such as 2027-03-01T17:00:00-06:00"

_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s?(?:([Zz])|([+-])(\d\d)(?::?(\d\d))?)?)?",
    re.ASCII,
)
_SHAPE = 24  # characters of the canonical form


def parse_datetime(declared: JSON, field: FieldDef) -> JSON:
    """The instant in the API's own form. A date alone is midnight UTC, a time without an offset an error (rule C5)."""
    if is_empty(declared) or (isinstance(declared, Cell) and not declared.strip()):
        return None
    text = expect_text(declared, _FORMS).strip()
    try:
        return _utc(text)
    except _NoOffsetError:
        raise BadValueError(f"{show(text)} has a time but no offset", f"add Z or an offset: {text}Z") from None
    except ValueError as error:
        raise BadValueError(f"{show(text)} is no date: {error}", _FORMS) from None


def canonical_datetime(value: JSON, field: FieldDef, declared: JSON = None, /) -> JSON:
    """The instant in UTC with milliseconds; what is no instant stays as it is."""
    if not isinstance(value, str):
        return None if is_empty(value) else value
    if len(value) == _SHAPE and value[19] == "." and value[23] == "Z" and value[10] == "T":
        return value  # as the API sends it: nearly always
    try:
        return _utc(value.strip()) or None
    except ValueError:
        return value or None


def datetime_text(value: JSON, field: FieldDef) -> JSON:
    """`2027-03-01` for midnight UTC, else `2027-03-01 17:00 UTC`, with seconds only where there are any."""
    canonical = canonical_datetime(value, field)
    if not isinstance(canonical, str) or not (match := _ISO.fullmatch(canonical)):
        return canonical
    if canonical.endswith("T00:00:00.000Z"):
        return canonical[:10]
    _, _, _, hour, minute, second, millis = match.group(1, 2, 3, 4, 5, 6, 7)
    precise = f":{second}.{millis}" if millis != "000" else f":{second}"
    return f"{canonical[:10]} {hour}:{minute}{'' if precise == ':00' else precise} UTC"


class _NoOffsetError(ValueError):
    """A time of day somewhere in the world."""


@lru_cache(maxsize=65536)
def _utc(text: str) -> str:
    match = _ISO.fullmatch(text)
    if match is None:
        raise ValueError("not in the form of ISO 8601")
    year, month, day, hour, minute, second, fraction, zulu, sign, hours, minutes = match.groups()
    if hour is not None and zulu is None and sign is None:
        _instant(year, month, day, hour, minute, second, UTC)  # a time that doesn't exist is the worse mistake
        raise _NoOffsetError
    zone = _zone(sign, hours, minutes) if sign else UTC
    instant = _instant(year, month, day, hour or 0, minute or 0, second or 0, zone)
    millis = f"{fraction or '':0<3}"[:3]
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{millis}Z".rjust(_SHAPE, "0")


def _instant(
    year: str, month: str, day: str, hour: str | int, minute: str | int, second: str | int | None, zone: timezone
) -> datetime:
    if int(hour) == 24:
        raise ValueError("24:00 is 00:00 of the next day")
    if second is not None and int(second) == 60:
        raise ValueError("a leap second can't be stored")
    local = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second or 0), tzinfo=zone)
    try:
        return local.astimezone(UTC)
    except OverflowError:
        raise ValueError("out of range in UTC") from None


def _zone(sign: str, hours: str, minutes: str | None) -> timezone:
    if int(hours) > 23 or int(minutes or 0) > 59:
        raise ValueError("no such offset from UTC")
    offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
    return timezone(-offset if sign == "-" else offset)

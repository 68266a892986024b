"""Dates and times as people write them in cells, in a time zone. Pure.

What a cell names is a day, or a moment. A moment needs an offset (rule C5): the cell's own, or that of `timezone` at
that time. A clock that is set forward skips times, and one that is set back shows them twice: neither is guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from yaml.nodes import Node

from lfsync.project.declarations import Forms
from lfsync.wording import as_it_stands, did_you_mean

DATE_HINT: Final = "correct the cell, or the column's `date` and `timezone`"

_DIRECTIVE: Final = re.compile(r"%(.?)", re.DOTALL)
_KNOWN: Final = "dmYybBaAHIpMSfz%"
_DAY: Final = (("d",), ("m", "b", "B"), ("Y", "y"))
_CLOCK: Final = frozenset("HIpMSf")
_ISO: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)([Zz]|[+-]\d\d:?\d\d)?)?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class CellDate:
    """How a column writes dates: a form of `strptime`, None for ISO 8601; and the zone whose clock it shows."""

    form: str | None = None
    zone: str | None = None

    def read(self, text: str) -> str:
        """The day or the moment, in ISO 8601. ValueError for what is none, shown as it stands."""
        found, has_clock = self._iso(text) if self.form is None else self._formed(text, self.form)
        if found.tzinfo is not None:
            return _moment(found, text)
        if self.zone is None:
            if has_clock:
                raise ValueError(f"{as_it_stands(text)} has a time but no offset")
            return found.date().isoformat()
        return _moment(_placed(found, self.zone, text), text)

    def written(self, value: str) -> Iterator[str]:
        """The cells that may name a moment in ISO 8601, or a day: in the zone where there is one, else in UTC."""
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        try:
            local = aware.astimezone(UTC if self.zone is None else _zone(self.zone))
        except (OverflowError, ValueError):
            return
        if self.form is not None:
            yield local.strftime(self.form)
        elif self.zone is None:
            yield value
        else:
            yield local.date().isoformat()
            plain = local.replace(tzinfo=None)
            yield plain.isoformat(timespec="minutes")
            yield plain.isoformat(timespec="seconds")
            yield plain.isoformat(timespec="milliseconds")

    def _formed(self, text: str, form: str) -> tuple[datetime, bool]:
        try:
            found = datetime.strptime(text, form)
        except ValueError as error:
            if "does not match" in str(error) or "unconverted" in str(error):
                raise ValueError(f"{as_it_stands(text)} is no date of the form `{form}`") from None
            raise ValueError(f"{as_it_stands(text)} is no date: there is no such day") from None
        return found, _has_clock(form)

    def _iso(self, text: str) -> tuple[datetime, bool]:
        hit = _ISO.fullmatch(text)
        if hit is None:
            raise ValueError(f"{as_it_stands(text)} is no date of the form `2027-03-01` or `2027-03-01T17:00`")
        day, clock, offset = hit.groups()
        try:
            found = datetime.fromisoformat(f"{day}T{clock or '00:00'}{(offset or '').upper()}")
        except ValueError:
            raise ValueError(f"{as_it_stands(text)} is no date: there is no such day or time") from None
        return found, clock is not None


def _has_clock(form: str) -> bool:
    return not _CLOCK.isdisjoint(_DIRECTIVE.findall(form))


def _moment(found: datetime, text: str) -> str:
    """A moment in UTC, as finely as its field keeps it."""
    try:
        return found.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rjust(26, "0")[:23] + "Z"
    except (OverflowError, ValueError):
        raise ValueError(f"{as_it_stands(text)} is no date: it is out of range in UTC") from None


def _placed(found: datetime, zone: str, text: str) -> datetime:
    """A time of a zone's clock. ValueError for one that the clock skips, or shows twice."""
    early, late = found.replace(tzinfo=_zone(zone), fold=0), found.replace(tzinfo=_zone(zone), fold=1)
    try:
        if early.utcoffset() == late.utcoffset():
            return early
        back = early.astimezone(UTC).astimezone(early.tzinfo).replace(tzinfo=None)
    except OverflowError:
        raise ValueError(f"{as_it_stands(text)} is no date: it is out of range in UTC") from None
    at = f"{found:%H:%M} on {found.date()} in {zone}"
    if back != found:
        raise ValueError(f"{as_it_stands(text)} is no time: there is no {at}: the clock is set forward over it")
    raise ValueError(
        f"{as_it_stands(text)} is two times: {at} comes twice: the clock is set back over it; write the offset (`%z`)"
    )


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def read_date(forms: Forms, form: Node | None, timezone: Node | None) -> CellDate | None:
    """`date: "%d/%m/%Y"` and `timezone: Europe/Berlin`; each may stand alone."""
    before = len(forms.problems)
    text = None if form is None else forms.text(form, "`date`")
    zone = None if timezone is None else forms.text(timezone, "`timezone`")
    if zone is not None and timezone is not None:
        _check_zone(forms, timezone, zone)
    if text is not None and form is not None:
        wrong = _wrong_form(text) or _wrong_pair(text, zone)
        if wrong:
            forms.say(form, *wrong)
    return CellDate(text, zone) if len(forms.problems) == before else None


def _check_zone(forms: Forms, node: Node, zone: str) -> None:
    try:
        _zone(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        hint = did_you_mean(zone, sorted(available_timezones())) or "write a name such as Europe/Berlin, or UTC"
        forms.say(node, f"there is no time zone `{zone}`", hint)


_FORM_HINT: Final = "for example %d/%m/%Y, %m/%d/%y, %Y-%m-%d %H:%M or %d %b %Y; %d and %m take 3 and 03 alike"


def _wrong_form(form: str) -> tuple[str, str] | None:
    """What is wrong with a form whatever the cells hold, and what to do."""
    found = _DIRECTIVE.findall(form)
    for each in found:
        if not each or each not in _KNOWN:
            return f"`%{each}` can't be read in a date", _FORM_HINT
    named = [each for each in found if each != "%"]
    twice = next((each for each in named if named.count(each) > 1), None)
    if twice:
        return f"`%{twice}` stands twice in the form", _FORM_HINT
    for part, choices in zip(("day", "month", "year"), _DAY, strict=True):
        count = sum(each in choices for each in named)
        if count != 1:
            wanted = " or ".join(f"`%{each}`" for each in choices)
            return f"a date needs one {part}, and the form has {count or 'none'}: {wanted}", _FORM_HINT
    return _wrong_clock(named)


def _wrong_clock(named: list[str]) -> tuple[str, str] | None:
    if "H" in named and "I" in named:
        return "`%H` and `%I` are both the hour", "keep `%H`, or `%I` with `%p`"
    if ("I" in named) != ("p" in named):
        return "`%I` and `%p` belong together: the hour, and AM or PM", "write `%I:%M %p`, or `%H:%M`"
    if not _CLOCK.isdisjoint(named) and "H" not in named and "I" not in named:
        return "a time needs its hour", "write `%H:%M`"
    if "z" in named and _CLOCK.isdisjoint(named):
        return "an offset without a time", "add `%H:%M`, or take `%z` out"
    return None


def _wrong_pair(form: str, zone: str | None) -> tuple[str, str] | None:
    named = _DIRECTIVE.findall(form)
    if "z" in named:
        return ("`%z` beside `timezone`: the cell has its own offset", "keep one of them") if zone else None
    if zone is None and not _CLOCK.isdisjoint(named):
        return (
            "the form has a time but no offset",
            "add `timezone: Europe/Berlin`, `timezone: UTC` or the like; or `%z`",
        )
    return None

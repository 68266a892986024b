"""TELEPHONE values: when two spellings are one number (API sheet, section 5). Pure.

With `+` a number must be possible somewhere; without, it is tried as one of the US and else taken as 7 to 15 local
digits. Sent and compared as `+12025550123;ext=100`, the form in which the API stores it.
"""

from __future__ import annotations

import re
from functools import lru_cache

from lfsync.model import JSON, FieldDef
from lfsync.values.valuetype import BadValueError, canonical_items, expect_text, items, one_or_many, show, unique
from lfsync.wording import nfc

_TELEPHONE_FORMS = "a telephone number such as +12025550123 or +12025550123 x100, or a list of them"

_EXTENSION = re.compile(r"[\s,;]*(?:extension|ext|x|#)[\s.:=]*(\d{1,9})\s*", re.I | re.A)
_DONE = re.compile(r"\+1[2-9]\d{9}", re.A)  # in North America nothing is left to strip
_LOCAL = re.compile(r"[\d\s().\-/]+", re.A)
_DIGITS = range(7, 16)  # of a local number


def parse_telephone(declared: JSON, field: FieldDef) -> JSON:
    """A list of numbers as the API stores them. It takes a list even where the field holds only one number."""
    numbers = unique((_number(item) for item in items(declared)), str)
    one_or_many(numbers, field)
    return [*numbers] or None


def canonical_telephone(value: JSON, field: FieldDef, declared: JSON = None, /) -> JSON:
    """A sorted list; what is no telephone number stays as it is, trimmed."""
    return canonical_items(value, True, _plain)


def _number(item: JSON) -> str:
    text = expect_text(item, _TELEPHONE_FORMS).strip()
    try:
        return normalised(text)
    except ValueError as error:
        raise BadValueError(f"{show(text)} is no telephone number: {error}", _TELEPHONE_FORMS) from None


def _plain(text: str) -> str:
    try:
        return normalised(text.strip())
    except ValueError:
        return nfc(text.strip())


@lru_cache(maxsize=65536)
def normalised(text: str) -> str:
    """E.164, or the digits of a local number, with `;ext=` for an extension. ValueError says why it is neither."""
    if _DONE.fullmatch(text):
        return text
    extension = _EXTENSION.search(text)
    if extension is None or extension.end() != len(text):
        return _base(text)
    return f"{_base(text[: extension.start()])};ext={extension[1]}"


def _base(text: str) -> str:
    number = _e164(text, None if text.startswith("+") else "US")
    if number is not None:
        return number
    digits = re.sub(r"\D", "", text, flags=re.A)
    if text.startswith("+") or not _LOCAL.fullmatch(text) or len(digits) not in _DIGITS:
        raise ValueError("neither an international number with `+` nor 7 to 15 local digits")
    return digits


def _e164(text: str, region: str | None) -> str | None:
    """The number in its international form; None if it can't be one of that region."""
    import phonenumbers as lib  # its tables are large, and most projects have no telephone numbers

    try:
        number = lib.parse(text, region)
    except lib.NumberParseException:
        return None
    fits = lib.is_possible_number(number) if region is None else lib.is_valid_number(number)
    if not fits:
        return None
    formatted: str = lib.format_number(number, lib.PhoneNumberFormat.E164)
    return formatted

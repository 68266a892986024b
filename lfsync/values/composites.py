"""ADDRESS and FULL_NAME values: one value each, with parts (rule C7). Pure.

The whole object is sent, parts that are not named as null: the API doesn't say whether it merges or replaces (U18).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from lfsync.model import JSON, FieldDef
from lfsync.values.numbers import parse_number
from lfsync.values.valuetype import BadValueError, expect_text, is_empty, show
from lfsync.wording import did_you_mean, nfc

_ADDRESS_FORMS = "a mapping of street, street2, city, state, postalCode, country (2 letters), latitude, longitude"
_NAME_FORMS = "a mapping: {firstName: Ada, lastName: Lind}"

PartParser: TypeAlias = Callable[[JSON], JSON]

_DEGREE_DIGITS = 6  # 0.1 m; finer is noise of floating point


def parse_address(declared: JSON, field: FieldDef) -> JSON:
    """All eight parts, or None if all are empty."""
    return _parse(declared, _ADDRESS, _ADDRESS_FORMS)


def canonical_address(value: JSON, field: FieldDef, declared: JSON = None, /) -> JSON:
    """The parts that are not empty; latitude and longitude only if the file names them."""
    if not isinstance(value, dict):
        return None if is_empty(value) else value
    named = declared if isinstance(declared, dict) else {}
    parts = {part: _canonical_part(part, value.get(part)) for part in _ADDRESS if part not in _DEGREES or part in named}
    return {part: form for part, form in parts.items() if form is not None} or None


def address_text(value: JSON, field: FieldDef) -> JSON:
    """One line: `Hafen 1, 24103 Kiel, DE`."""
    if not isinstance(value, dict):
        return None if is_empty(value) else value
    town = " ".join(_texts(value, "postalCode", "city"))
    line = [*_texts(value, "street", "street2"), town, *_texts(value, "state", "country")]
    degrees = [str(value[part]) for part in _DEGREES if value.get(part) is not None]
    return ", ".join(filter(None, [*line, *degrees])) or None


def parse_full_name(declared: JSON, field: FieldDef) -> JSON:
    """Both parts, or None if both are empty."""
    return _parse(declared, _NAME, _NAME_FORMS)


def canonical_full_name(value: JSON, field: FieldDef, declared: JSON = None, /) -> JSON:
    """The parts that are not empty."""
    if not isinstance(value, dict):
        return None if is_empty(value) else value
    parts = {part: _canonical_part(part, value.get(part)) for part in _NAME}
    return {part: form for part, form in parts.items() if form is not None} or None


def full_name_text(value: JSON, field: FieldDef) -> JSON:
    """`Ada Lind`."""
    if not isinstance(value, dict):
        return None if is_empty(value) else value
    return " ".join(_texts(value, *_NAME)) or None


def _parse(declared: JSON, parts: Mapping[str, PartParser], accepts: str) -> JSON:
    if is_empty(declared):
        return None
    if not isinstance(declared, dict):
        raise BadValueError(f"{show(declared)} is not divided into parts", accepts)
    for name in declared:
        if name not in parts:
            raise BadValueError(f"{show(name)} is no part of it", did_you_mean(name, parts) or accepts)
    sent = {name: _parse_part(name, declared.get(name), parse) for name, parse in parts.items()}
    return sent if any(part is not None for part in sent.values()) else None


def _parse_part(name: str, declared: JSON, parse: PartParser) -> JSON:
    try:
        return None if is_empty(declared) else parse(declared)
    except BadValueError as problem:
        raise BadValueError(f"{name}: {problem.message}", problem.hint) from None


def _text(declared: JSON) -> JSON:
    if isinstance(declared, int) and not isinstance(declared, bool):
        declared = str(declared)  # a postal code; one with a leading zero is text already
    return expect_text(declared, "text").strip() or None


def _country(declared: JSON) -> JSON:
    code = expect_text(declared, "the country's two letters, such as DE").strip()
    if code and not (len(code) == 2 and code.isascii() and code.isalpha()):
        raise BadValueError(f"{show(code)} is no country code", "the country's two letters (ISO 3166-1), such as DE")
    return code.upper() or None


def _degrees(limit: int) -> PartParser:
    def parse(declared: JSON) -> JSON:
        number = _exact_number(declared)
        if number is not None and not -limit <= number <= limit:
            raise BadValueError(f"{show(declared)} is out of range", f"degrees between -{limit} and {limit}")
        return number

    return parse


def _exact_number(declared: JSON) -> float | None:
    """Degrees keep the decimals that amounts lose; what is a number at all is the same."""
    if parse_number(declared, _DEGREE_FIELD) is None:
        return None
    assert isinstance(declared, int | float | str)
    return round(float(declared), _DEGREE_DIGITS)


def _canonical_part(part: str, value: JSON) -> JSON:
    if isinstance(value, str):
        value = nfc(value.strip())
        return (value.upper() if part == "country" else value) or None
    if isinstance(value, float):
        return round(value, _DEGREE_DIGITS)
    return None if is_empty(value) else value


def _texts(value: Mapping[str, JSON], *parts: str) -> list[str]:
    texts = [value.get(part) for part in parts]
    return [str(text).strip() for text in texts if not is_empty(text)]


_DEGREE_FIELD = FieldDef("degrees", "Degrees", "NUMBER")
_DEGREES = ("latitude", "longitude")
_ADDRESS: Mapping[str, PartParser] = {
    "street": _text,
    "street2": _text,
    "city": _text,
    "state": _text,
    "postalCode": _text,
    "country": _country,
    "latitude": _degrees(90),
    "longitude": _degrees(180),
}
_NAME: Mapping[str, PartParser] = {"firstName": _text, "lastName": _text}

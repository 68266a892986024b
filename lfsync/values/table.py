"""The table of value types: everything that differs from type to type is a row here. Pure.

What a row does stands beside its kin, in `numbers`, `instants`, `weblinks`, `phones`, `selects`, `composites`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from lfsync.model import JSON, FieldDef
from lfsync.values.composites import (
    address_text,
    canonical_address,
    canonical_full_name,
    full_name_text,
    parse_address,
    parse_full_name,
)
from lfsync.values.instants import canonical_datetime, datetime_text, parse_datetime
from lfsync.values.numbers import (
    canonical_number,
    number_text,
    parse_checkbox,
    parse_number,
)
from lfsync.values.phones import canonical_telephone, parse_telephone
from lfsync.values.selects import (
    canonical_multi_select,
    canonical_select,
    parse_multi_select,
    parse_select,
    select_text,
)
from lfsync.values.valuetype import (
    BadValueError,
    ValueType,
    as_is,
    expect_text,
    is_empty,
    match_keys,
    same,
)
from lfsync.values.weblinks import (
    canonical_email,
    canonical_social,
    canonical_url,
    parse_email,
    parse_social,
    parse_url,
)
from lfsync.wording import nfc

__all__ = ["VALUE_TYPES", "BadValueError", "ValueType", "is_empty", "match_keys"]

_TEXT_FORMS = "text"
_WORDS = re.compile(r"\w+")


def _parse_text(declared: JSON, field: FieldDef) -> JSON:
    """Text as it is written, or the word of a field of plain words."""
    if field.words:
        return parse_select(declared, field)
    return None if is_empty(declared) else expect_text(declared, _TEXT_FORMS)


def _canonical_text(value: JSON, field: FieldDef, declared: JSON = None, /) -> JSON:
    """Exact in NFC, because what a person sees must be what is compared; words whatever their case."""
    return canonical_select(value, field) if field.words else same(value, field)


def _canonical_markdown(value: JSON, field: FieldDef, declared: JSON = None, /) -> JSON:
    """Any line ends, no blank lines around: an editor adds those, and no reader sees them."""
    if not isinstance(value, str):
        return same(value, field)
    lines = value.replace("\r\n", "\n").replace("\r", "\n") if "\r" in value else value
    return nfc(_without_blank_lines(lines)) or None


def _without_blank_lines(text: str) -> str:
    body = text.rstrip()
    indented = len(body) - len(body.lstrip())
    return body[body.rfind("\n", 0, indented) + 1 :]


def _bare_text(text: str) -> str:
    return " ".join(text.split())


def _bare_markdown(text: str) -> str:
    """Its words: blanks, list marks, emphasis and escapes may be written in several ways."""
    return " ".join(_WORDS.findall(text))


def _refuse_html(declared: JSON, field: FieldDef) -> JSON:
    if is_empty(declared):
        return None
    raise BadValueError("the API can't write HTML", "leave the field out")


_ROWS = (
    ValueType("TEXT", _parse_text, _canonical_text, as_is, settles=True, bare=_bare_text),
    ValueType("MARKDOWN", _parse_text, _canonical_markdown, as_is, settles=True, bare=_bare_markdown),
    ValueType("HTML", _refuse_html, same, as_is),
    ValueType("NUMBER", parse_number, canonical_number, number_text),
    ValueType("CURRENCY", parse_number, canonical_number, number_text),
    ValueType("CHECKBOX", parse_checkbox, same, as_is),
    ValueType("DATETIME", parse_datetime, canonical_datetime, datetime_text),
    ValueType("EMAIL", parse_email, canonical_email, as_is, settles=True),
    ValueType("TELEPHONE", parse_telephone, canonical_telephone, as_is, settles=True),
    ValueType("URL", parse_url, canonical_url, as_is, settles=True),
    ValueType("SOCIAL_HANDLE", parse_social, canonical_social, as_is, settles=True),
    ValueType("ADDRESS", parse_address, canonical_address, address_text, settles=True),
    ValueType("FULL_NAME", parse_full_name, canonical_full_name, full_name_text, settles=True),
    ValueType("SINGLE_SELECT", parse_select, canonical_select, select_text),
    ValueType("MULTI_SELECT", parse_multi_select, canonical_multi_select, select_text),
)

VALUE_TYPES: Mapping[str, ValueType] = {row.name: row for row in _ROWS}

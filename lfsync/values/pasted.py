"""A live value as a file would declare it: the inverse of a value type's `parse`. Pure.

What comes out, declared for the same field, means the live value again; `is_faithful` holds it to that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from lfsync.model import JSON, FieldDef
from lfsync.values.instants import canonical_datetime
from lfsync.values.selects import option_id
from lfsync.values.table import VALUE_TYPES, BadValueError, is_empty


def pasted(value: JSON, field: FieldDef) -> JSON:
    """Labels for option ids where a label is enough, dates for midnights, parts that are set; None for nothing."""
    if is_empty(value):
        return None
    return _WAYS.get(field.type, _as_is)(value, field)


def is_faithful(data: JSON, value: JSON, field: FieldDef) -> bool:
    """Whether `data`, declared, is the live `value` again. BadValueError where it can't be declared."""
    row = VALUE_TYPES[field.type]
    return row.canonical(row.parse(data, field), field, data) == row.canonical(value, field, data)


def _as_is(value: JSON, field: FieldDef) -> JSON:
    if field.words:
        return VALUE_TYPES[field.type].canonical(value, field)
    return value[0] if isinstance(value, list) and len(value) == 1 and not field.multiple else value


def _number(value: JSON, field: FieldDef) -> JSON:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _instant(value: JSON, field: FieldDef) -> JSON:
    """`2027-03-01` for midnight UTC, else `2027-03-01T17:00:00Z`, with milliseconds only where there are any."""
    text = canonical_datetime(value, field)
    if not isinstance(text, str):
        return text
    return text.removesuffix("T00:00:00.000Z") if text.endswith("T00:00:00.000Z") else text.replace(".000Z", "Z")


def _option(value: JSON, field: FieldDef) -> JSON:
    """The label, unless another option could be meant by it."""
    if field.words:
        return VALUE_TYPES[field.type].canonical(value, field)
    label = next((option.label for option in field.options if option.id == value), None)
    try:
        return label if label is not None and option_id(label, field) == value else value
    except BadValueError:
        return value


def _options(value: JSON, field: FieldDef) -> JSON:
    return [_option(item, field) for item in value] if isinstance(value, list) else _option(value, field)


def _parts(value: JSON, field: FieldDef) -> JSON:
    if not isinstance(value, dict):
        return value
    return {part: held for part, held in value.items() if not is_empty(held)} or None


def _profile(value: JSON, field: FieldDef) -> JSON:
    """The address of a profile where the API holds no more than a path, `company/acme`, which no file may say."""
    try:
        return value if is_faithful(value, value, field) else VALUE_TYPES[field.type].canonical(value, field)
    except BadValueError:
        return VALUE_TYPES[field.type].canonical(value, field)


_WAYS: Final[Mapping[str, Callable[[JSON, FieldDef], JSON]]] = {
    "NUMBER": _number,
    "CURRENCY": _number,
    "DATETIME": _instant,
    "SINGLE_SELECT": _option,
    "MULTI_SELECT": _options,
    "ADDRESS": _parts,
    "FULL_NAME": _parts,
    "SOCIAL_HANDLE": _profile,
}

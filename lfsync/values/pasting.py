"""Live values to data as a person would write it into a file: the inverse of `parse`. Pure.

`parse(paste(value))` means the same as `value` wherever a file can say it at all: option labels where they are
unambiguous, dates without a time where it is midnight UTC, parts without the empty ones. What no file can say (an
option that is gone, a handle that no service has) comes out as it is, and `parse` refuses it.
"""

from __future__ import annotations

from lfsync.model import JSON, FieldDef
from lfsync.values.composites import ADDRESS_PARTS, NAME_PARTS
from lfsync.values.instants import canonical_datetime
from lfsync.values.numbers import canonical_number
from lfsync.values.selects import canonical_select, option_id
from lfsync.values.valuetype import BadValueError, is_empty

_MIDNIGHT = "T00:00:00.000Z"


def paste_as_is(value: JSON, field: FieldDef) -> JSON:
    """A value that is written as the API holds it."""
    return None if is_empty(value) else value


def paste_text(value: JSON, field: FieldDef) -> JSON:
    """Text, or the word of a field of plain words."""
    return canonical_select(value, field) if field.words else paste_as_is(value, field)


def paste_markdown(value: JSON, field: FieldDef) -> JSON:
    """Lines end in a line feed, as in every file that lfsync reads."""
    return value.replace("\r\n", "\n") or None if isinstance(value, str) else paste_as_is(value, field)


def paste_number(value: JSON, field: FieldDef) -> JSON:
    """Whole numbers without decimals."""
    return canonical_number(value, field)


def paste_datetime(value: JSON, field: FieldDef) -> JSON:
    """`2027-03-01` for midnight UTC, else `2027-03-01T17:00:00Z`, with milliseconds only where there are any."""
    canonical = canonical_datetime(value, field)
    if not isinstance(canonical, str):
        return canonical
    return canonical.removesuffix(_MIDNIGHT) if canonical.endswith(_MIDNIGHT) else canonical.replace(".000Z", "Z")


def paste_items(value: JSON, field: FieldDef) -> JSON:
    """A list where the field takes several; one text alone where it takes one."""
    listed = [item for item in value if not is_empty(item)] if isinstance(value, list) else [value]
    if value is None or listed in ([], [None], [""]):
        return None
    return [*listed] if field.multiple or len(listed) > 1 else listed[0]


def paste_address(value: JSON, field: FieldDef) -> JSON:
    """The parts that are not empty, in their usual order."""
    return _parts(value, ADDRESS_PARTS)


def paste_full_name(value: JSON, field: FieldDef) -> JSON:
    """The parts that are not empty, the first name first."""
    return _parts(value, NAME_PARTS)


def paste_select(value: JSON, field: FieldDef) -> JSON:
    """The option's label, or its id where the label means another one, or several (rule C6)."""
    if field.words or not isinstance(value, str):
        return canonical_select(value, field)
    label = next((option.label.strip() for option in field.options if option.id == value), None)
    return label if label and _means(label, value, field) else value or None


def paste_multi_select(value: JSON, field: FieldDef) -> JSON:
    """A list of labels."""
    listed = value if isinstance(value, list) else [value]
    return [paste_select(item, field) for item in listed if not is_empty(item)] or None


def _means(label: str, id: str, field: FieldDef) -> bool:
    try:
        return option_id(label, field) == id
    except BadValueError:
        return False


def _parts(value: JSON, names: tuple[str, ...]) -> JSON:
    if not isinstance(value, dict):
        return None if is_empty(value) else value
    return {name: value[name] for name in names if not is_empty(value.get(name))} or None

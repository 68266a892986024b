"""NUMBER, CURRENCY and CHECKBOX values. Pure.

Numbers are rounded to 2 decimals before they are sent, a half away from zero and as written (2.675 is 2.68), because
the API keeps 2 and doesn't say whether it rounds or rejects more (API sheet, U17). They are compared at 2 decimals too.
"""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_UP, Decimal

from lfsync.model import JSON, Cell, FieldDef, Numeral
from lfsync.values.valuetype import BadValueError, is_empty, show

_NUMBER_FORMS = "a number, such as 75000 or 12.50"
_CHECKBOX_FORMS = "true or false; in a CSV cell also yes, no, 1, 0"

_LIMIT = 2**53 - 1
_HUGE = _LIMIT // 100
_CENT = Decimal("0.01")
_NUMERAL = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_CELLS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def parse_number(declared: JSON, field: FieldDef) -> JSON:
    """A number at 2 decimals, whole ones as integers."""
    if is_empty(declared):
        return None
    number = _written_number(declared) if isinstance(declared, Cell | Numeral) else _number(declared)
    if number is None:
        return None
    if not -_LIMIT <= number <= _LIMIT:  # false for NaN as well
        raise BadValueError(f"{show(declared)} is out of range", f"a number between -{_LIMIT} and {_LIMIT}")
    return _rounded(number)


def canonical_number(value: JSON, field: FieldDef, declared: JSON = None, /) -> JSON:
    """75000 and 75000.0 are one number; what is no number stays as it is."""
    if isinstance(value, float):
        return _rounded(value) if math.isfinite(value) else str(value)
    return None if is_empty(value) else value


def number_text(value: JSON, field: FieldDef) -> JSON:
    """The number; an amount with its currency where the definition has one."""
    number = canonical_number(value, field)
    return f"{number} {field.currency}" if field.currency and number is not None else number


def parse_checkbox(declared: JSON, field: FieldDef) -> JSON:
    """true, false or None."""
    if isinstance(declared, bool) or is_empty(declared):
        return None if is_empty(declared) else declared
    if isinstance(declared, Cell):
        word = declared.strip().casefold()
        if not word:
            return None
        if word in _CELLS:
            return _CELLS[word]
    raise BadValueError(f"{show(declared)} is neither true nor false", _CHECKBOX_FORMS)


def _number(declared: JSON) -> int | float:
    if isinstance(declared, bool) or not isinstance(declared, int | float):
        written = isinstance(declared, str) and _NUMERAL.fullmatch(declared.strip())
        raise BadValueError(f"{show(declared)} is no number", f"{_NUMBER_FORMS}{', without quotes' if written else ''}")
    return declared


def _written_number(written: Cell | Numeral) -> Decimal | None:
    text = written.strip()
    if text and not _NUMERAL.fullmatch(text):
        raise BadValueError(
            f"{show(written)} is no number", f"{_NUMBER_FORMS}: digits and one `.`, no separators or units"
        )
    return Decimal(text) if text else None


def _rounded(number: float | Decimal) -> int | float:
    if isinstance(number, int):
        return number
    if number == int(number):
        return int(number)
    if not -_HUGE <= number <= _HUGE:  # a float this large has no second decimal to lose
        return float(number)
    exact = number if isinstance(number, Decimal) else Decimal(repr(number))
    cents = exact.quantize(_CENT, ROUND_HALF_UP)
    return int(cents) if cents == int(cents) else float(cents)

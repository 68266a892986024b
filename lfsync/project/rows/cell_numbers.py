"""Numbers as people write them in cells: `1.234,56 €`, `(1,234.56)`, `1 234-`. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from unicodedata import category

from yaml.nodes import Node, ScalarNode

from lfsync.project.declarations import Forms
from lfsync.wording import as_it_stands

NUMBER_KEYS: Final = ("decimal", "thousands")

_MINUS: Final = "-\u2212"  # a hyphen, and the sign that typesetters take
_ALIKE: Final = ("' \u2019", " \u00a0\u202f\u2009")  # marks that are written in several ways
DECIMALS: Final = ".,\u066b"
THOUSANDS: Final = ".,'\u2019 \u00a0\u202f\u2009_\u066c"


@dataclass(frozen=True, slots=True)
class CellNumber:
    """How a column writes numbers: the mark before the fraction, and the one between thousands where there is one."""

    decimal: str = "."
    thousands: str | None = None

    @property
    def hint(self) -> str:
        """What a cell may hold."""
        apart = f"thousands apart by `{self.thousands}` or not at all" if self.thousands else "no thousands separator"
        return f"a number has digits, `{self.decimal}` before the fraction, {apart}, and a sign or a currency sign"

    def read(self, text: str) -> str:
        """The number with `.` only. ValueError for what is none, shown as it stands."""
        digits, negative = _unsigned(text)
        whole, mark, fraction = digits.partition(self.decimal)
        if self.thousands:
            whole = _joined(whole, _spellings(self.thousands), text)
        if not (whole or fraction) or not re.fullmatch(r"[0-9]*", whole + fraction, re.ASCII):
            raise ValueError(f"{as_it_stands(text)} is no number with `{self.decimal}` before the fraction")
        return f"{'-' if negative else ''}{whole or '0'}{f'.{fraction}' if mark and fraction else ''}"

    def written(self, number: int | float) -> str:
        """A number as a cell of the column: without thousands."""
        return f"{Decimal(str(number)):f}".replace(".", self.decimal)


def _unsigned(text: str) -> tuple[str, bool]:
    """The digits and marks of a number without a currency sign, and whether it is below zero."""
    bare = _without_currency(text)
    signs = 0
    if bare[:1] == "(" and bare[-1:] == ")":
        bare, signs = _without_currency(bare[1:-1].strip()), 1
    if bare and (bare[0] in _MINUS or bare[-1] in _MINUS):
        bare, signs = (bare[1:] if bare[0] in _MINUS else bare[:-1]).strip(), signs + 1
    elif bare[:1] == "+" and not signs:
        bare = bare[1:].strip()
    if signs > 1:
        raise ValueError(f"{as_it_stands(text)} is no number: it has two signs")
    return _without_currency(bare), signs == 1


def _without_currency(text: str) -> str:
    """Without the one currency sign before or behind."""
    if text and category(text[0]) == "Sc":
        return text[1:].strip()
    return text[:-1].strip() if text and category(text[-1]) == "Sc" else text


def _spellings(mark: str) -> str:
    return next((alike for alike in _ALIKE if (mark in alike and mark != " ") or alike[0] == mark), mark)


def _joined(whole: str, marks: str, text: str) -> str:
    """The digits of a whole number; ValueError where a separator stands where no thousand ends."""
    inside = re.escape(marks)
    if not re.search(f"[{inside}]", whole):
        return whole
    if not re.fullmatch(rf"[0-9]{{1,3}}(?:[{inside}][0-9]{{3}})+", whole):
        raise ValueError(f"{as_it_stands(text)} is no number: a thousands separator stands where no thousand ends")
    return re.sub(f"[{inside}]", "", whole)


def read_number(forms: Forms, node: Node) -> CellNumber | None:
    """`number: {decimal: ",", thousands: "."}`; what is left out is `.` and none."""
    marks: dict[str, str] = {}
    before = len(forms.problems)
    for key, value in forms.mapping(node, "`number`"):
        allowed = DECIMALS if key.value == "decimal" else THOUSANDS
        if key.value not in NUMBER_KEYS:
            forms.unknown(key, NUMBER_KEYS, "`number`")
        elif isinstance(value, ScalarNode) and len(value.value) == 1 and value.value in allowed:
            marks[key.value] = value.value
        else:
            shown = " ".join("a blank" if mark == " " else f"`{mark}`" for mark in allowed if mark.isascii())
            forms.say(value, f"`{key.value}` must be one mark in quotes", f"one of {shown}")
    if len(forms.problems) > before:
        return None
    found = CellNumber(**marks)
    if found.thousands and found.decimal in _spellings(found.thousands):
        message = f"`{found.decimal}` can't stand between thousands and before the fraction as well"
        forms.say(node, message, 'say both, for example {decimal: ",", thousands: "."}')
        return None
    return found

"""What a value type is, and what several of them share. Pure.

Three forms of a value: *declared* (what a file says), *sent* (what the API takes) and *canonical* (what is compared:
equal exactly where two values mean the same). A live value has the API's form: it is made canonical like a sent one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from lfsync.model import JSON, Cell, FieldDef
from lfsync.wording import cut, nfc

_SHOWN = 60  # characters of a wrong value that a message repeats
_LONG = 1 << 64


class BadValueError(ValueError):
    """A declared value that its field can't take: what is wrong, and what is accepted instead."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Canonical(Protocol):
    """Makes a sent or a live value canonical. Never raises, whatever the server holds.

    `declared` is what the file says, for the parts that are compared only where they are named (rule C7).
    """

    def __call__(self, value: JSON, field: FieldDef, declared: JSON = None, /) -> JSON: ...


@dataclass(frozen=True, slots=True)
class ValueType:
    """A row of the table of value types.

    `parse`      declared -> sent, None where it is empty (rule C8); raises BadValueError
    `canonical`  sent or live -> what is compared
    `text`       sent or live -> what a person reads: labels for ids, one line for an address; a list for several values
    `settles`    the server's own form of the value counts as settled (rule S5)
    `bare`       what any form of a text keeps of it; None where its canonical value is just that
    """

    name: str
    parse: Callable[[JSON, FieldDef], JSON]
    canonical: Canonical
    text: Callable[[JSON, FieldDef], JSON]
    settles: bool = False
    bare: Callable[[str], str] | None = None

    def is_form_of(self, ours: JSON, theirs: JSON) -> bool:
        """Whether one canonical value may be what a server made of the other."""
        if self.bare is None or not (isinstance(ours, str) and isinstance(theirs, str)):
            return ours == theirs
        return self.bare(ours) == self.bare(theirs)

    def forms(self, value: JSON, field: FieldDef) -> list[JSON]:
        """The canonical values that a live value has for one declaration or another (rule C7)."""
        if not isinstance(value, dict):
            return [self.canonical(value, field)]
        declarations: list[JSON] = [None, value]
        declarations += [{part: ""} for part in value]
        return [self.canonical(value, field, declared) for declared in declarations]


def match_keys(canonical: JSON) -> frozenset[str]:
    """By what a canonical value is found: two values match where they share a key; an empty one has none (rule I2)."""
    if isinstance(canonical, list):
        return frozenset[str]().union(*map(match_keys, canonical))
    if isinstance(canonical, str):
        trimmed = nfc(canonical.strip())
        return frozenset((trimmed,)) if trimmed else frozenset()
    return frozenset() if is_empty(canonical) else frozenset((json.dumps(canonical, sort_keys=True),))


def is_empty(value: JSON) -> bool:
    """null, absent, `""` and `[]` are one value (rule C8)."""
    return value is None or value == "" or value == []


def same(value: JSON, field: FieldDef, declared: JSON = None, /) -> JSON:
    """The canonical form of a value that has only one form, but for how its letters are composed (rule C18)."""
    if is_empty(value):
        return None
    return nfc(value) if isinstance(value, str) else value


def as_is(value: JSON, field: FieldDef) -> JSON:
    """The text for people of a value that they can read."""
    return None if is_empty(value) else value


def show(value: JSON) -> str:
    """A wrong value for a message: short, and told apart from text where it is none."""
    if isinstance(value, int) and not -_LONG < value < _LONG:
        return "a number of many digits"
    if isinstance(value, str):
        return f"`{cut(str(value), _SHOWN)}`"
    if isinstance(value, list):
        return "a list"
    return "a mapping" if isinstance(value, dict) else cut(json.dumps(value), _SHOWN)


def expect_text(value: JSON, accepts: str) -> str:
    """The text that a field was given, trimmed of nothing. Raises BadValueError for anything that is no text."""
    if not isinstance(value, str):
        quoted = isinstance(value, bool | int | float) and "; in quotes it is text"
        raise BadValueError(f"{show(value)} is no text", f"{accepts}{quoted or ''}")
    if not value.isascii():
        _encodable(value)
    return str(value)


def items(declared: JSON) -> list[JSON]:
    """One value or a list of them as a list, empty ones left out."""
    listed = declared if isinstance(declared, list) else [declared]
    return [item for item in listed if not is_empty(item) and not (isinstance(item, Cell) and not item.strip())]


def one_or_many(values: list[str], field: FieldDef) -> JSON:
    """The API's form of a field that takes one text or, where it is defined so, a list of them."""
    if field.most is not None and len(values) > field.most:
        raise BadValueError(f"{len(values)} values where the field takes at most {field.most}", "take some of them out")
    if field.multiple or not values:
        return [*values] or None
    if len(values) > 1:
        raise BadValueError(f"{len(values)} values where the field takes one", "name one value")
    return values[0]


def unique(values: Iterable[str], form: Callable[[str], str]) -> list[str]:
    """Values in their order; of those whose `form` is equal, the first."""
    firsts: dict[str, str] = {}
    for value in values:
        firsts.setdefault(form(value), value)
    return list(firsts.values())


def canonical_items(value: JSON, many: bool, form: Callable[[str], str]) -> JSON:
    """Several texts as a sorted list without duplicates. One text alone where the field doesn't take `many`."""
    if isinstance(value, str):
        only = form(value) or None
        return [only] if many and only else only
    if not isinstance(value, list):
        return value
    keyed = {_sort_key(item): item for item in _forms(value, form)}
    forms = [keyed[key] for key in sorted(keyed)]
    return forms[0] if len(forms) == 1 and not many and isinstance(forms[0], str) else (forms or None)


def _forms(values: list[JSON], form: Callable[[str], str]) -> list[JSON]:
    forms = [form(value) if isinstance(value, str) else value for value in values]
    return [value for value in forms if not is_empty(value)]


def _sort_key(value: JSON) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _encodable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadValueError("half of a surrogate pair, which no UTF-8 text can hold", "check the escapes") from None

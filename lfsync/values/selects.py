"""SINGLE_SELECT and MULTI_SELECT values, and fields whose values are plain words. Pure.

A file names an option by id or label (rule C6); ids are sent and compared, so that a renamed label moves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from lfsync.model import JSON, FieldDef, Option
from lfsync.values.valuetype import BadValueError, canonical_items, is_empty, items, show, unique
from lfsync.wording import did_you_mean, folded, nfc, plain


class AmbiguousOptionError(BadValueError):
    """A label that several options have."""

    def __init__(self, text: str, options: Sequence[Option]) -> None:
        named = ", ".join(f"{option.id} ({option.label})" for option in options)
        super().__init__(f"{show(text)} is the label of {len(options)} options", f"name one by its id: {named}")
        self.options = tuple(options)


_SELECT_FORMS = "the label of an option, or its id"

_LISTED = 30  # options that a message names


def parse_select(declared: JSON, field: FieldDef) -> JSON:
    """The id of one option."""
    chosen = items(declared)
    if len(chosen) > 1:
        raise BadValueError(f"{len(chosen)} values where the field takes one", _SELECT_FORMS)
    return option_id(chosen[0], field) if chosen else None


def parse_multi_select(declared: JSON, field: FieldDef) -> JSON:
    """The ids of options in the order of the file, each once."""
    return [*unique((option_id(item, field) for item in items(declared)), str)] or None


def canonical_select(value: JSON, field: FieldDef, declared: JSON = None, /) -> JSON:
    """The id, or the word of a field of plain words."""
    if field.words and isinstance(value, str):
        return _canonical_word(value, field)
    return None if is_empty(value) else value


def canonical_multi_select(value: JSON, field: FieldDef, declared: JSON = None, /) -> JSON:
    """A sorted list of ids."""
    return canonical_items(value, True, str)


def select_text(value: JSON, field: FieldDef) -> JSON:
    """Labels for ids; an id without an option stays an id."""
    if isinstance(value, list):
        return [select_text(item, field) for item in value] or None
    return next((option.label for option in field.options if option.id == value), None if value == "" else value)


def option_id(declared: JSON, field: FieldDef) -> str:
    """The id of the option that a file names (rule C6); the word where the field has plain words."""
    text = _named(declared)
    if field.words:
        return _word(text, field)
    found = _options(text, field.options)
    if len(found) == 1:
        return found[0].id
    if found:
        raise AmbiguousOptionError(text, found)
    raise BadValueError(f"{show(text)} is no option of `{field.key}`", _hint(text, [o.label for o in field.options]))


def find_word(text: str, words: tuple[str, ...]) -> str | None:
    """The plain word that a text means, whatever its case, `$`, spaces or dashes (API sheet, U20)."""
    return _word_index(words).get(plain(text))


def _named(declared: JSON) -> str:
    if isinstance(declared, str):
        return str(declared.strip())
    if isinstance(declared, int) and not isinstance(declared, bool):
        return str(declared)  # a label such as 2027 needs no quotes
    raise BadValueError(f"{show(declared)} names no option", _SELECT_FORMS)


def _options(text: str, options: Sequence[Option]) -> list[Option]:
    """The options that a text names, in the first way that any has: id, label, label but for case and spaces."""
    by_id = [option for option in options if option.id == text]
    exact = by_id or [option for option in options if nfc(option.label.strip()) == nfc(text)]
    return exact or [option for option in options if _loose(option.label) == _loose(text)]


@lru_cache(maxsize=65536)
def _loose(label: str) -> str:
    return " ".join(folded(label).split())


def _word(text: str, field: FieldDef) -> str:
    word = find_word(text, field.words)
    if word is None:
        raise BadValueError(f"{show(text)} is no value of `{field.key}`", _hint(text, field.words))
    return word


def _canonical_word(value: str, field: FieldDef) -> str | None:
    label = next((option.label for option in field.options if option.id == value), value)
    return find_word(label, field.words) or value or None


@lru_cache(maxsize=256)
def _word_index(words: tuple[str, ...]) -> dict[str, str]:
    return {plain(word): word for word in words}


def _hint(text: str, labels: Sequence[str]) -> str:
    if not labels:
        return "the field has no options in this workspace"
    listed = ", ".join(f"`{label}`" for label in labels[:_LISTED])
    more = f" and {len(labels) - _LISTED} more" if len(labels) > _LISTED else ""
    guess = did_you_mean(text, labels)
    return f"{f'{guess} ' if guess else ''}one of {listed}{more}"

"""`where` of a source: which rows it takes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from lfsync.model import JSON, Place
from lfsync.project.declarations import Forms, is_null
from lfsync.project.documents import items, pairs
from lfsync.project.rows.conversions import CellError, cell_text
from lfsync.wording import nfc

_FILLED: Final = "filled"
_EMPTY: Final = "empty"
_HINT: Final = "write a text, [several], {not: ...}, filled or empty"


@dataclass(frozen=True, slots=True)
class Condition:
    """What a row's cell must be: one of `values`; or just filled, or empty, where that is None. `negated`: not so."""

    place: Place
    column: str
    values: frozenset[str] | None = None
    filled: bool = True
    negated: bool = False

    def holds(self, cell: JSON) -> bool:
        """Whether a cell is so. Texts are compared exactly, numbers and truths of JSON as they are written."""
        found = set(_texts(cell))
        is_so = not found.isdisjoint(self.values) if self.values is not None else bool(found) == self.filled
        return is_so != self.negated


def takes(where: Iterable[Condition], cells: Mapping[str, JSON]) -> bool:
    """Whether a row fulfils all conditions."""
    return all(condition.holds(cells.get(condition.column)) for condition in where)


def _texts(cell: JSON) -> Iterable[str]:
    """What a cell holds; of a list of JSON each item."""
    for item in cell if isinstance(cell, list) else [cell]:
        try:
            text = "" if item is None else nfc(cell_text(item).strip())
        except CellError:
            text = "{}"  # a mapping is something, and no text
        if text:
            yield text


def read_where(forms: Forms, node: Node) -> tuple[Condition, ...]:
    """`{Column: value | [values] | {not: ...} | filled | empty}`."""
    found = [_condition(forms, key, value) for key, value in forms.mapping(node, "`where`")]
    if isinstance(node, MappingNode) and not found:
        forms.say(node, "`where` says nothing", "name a column and what it must hold, or take it out")
    return tuple(each for each in found if each)


def _condition(forms: Forms, key: ScalarNode, node: Node, negated: bool = False) -> Condition | None:
    place, column = forms.place(key), nfc(key.value.strip())
    if isinstance(node, MappingNode):
        entries = pairs(node)
        if len(entries) == 1 and entries[0][0].value == "not" and not negated:
            return _condition(forms, key, entries[0][1], negated=True)
        forms.say(node, f"`where` can't compare `{column}` with this", _HINT)
        return None
    listed = items(node) if isinstance(node, SequenceNode) else [node]
    words = [nfc(item.value.strip()) for item in listed if isinstance(item, ScalarNode) and not is_null(item)]
    if not words or len(words) < len(listed) or not all(words):
        forms.say(node, f"`where` compares `{column}` with nothing", f"{_HINT}; `empty` is for cells without text")
        return None
    if not isinstance(node, SequenceNode) and words[0] in (_FILLED, _EMPTY):
        return Condition(place, column, None, words[0] == _FILLED, negated)
    return Condition(place, column, frozenset(words), negated=negated)

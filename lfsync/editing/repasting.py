"""Live values as a file says them, and the smallest edit that makes a file say so. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from lfsync.editing.splices import CantEditError
from lfsync.editing.yaml_edit import Items, Leaf, Parts, Put
from lfsync.model import JSON, FieldDef
from lfsync.project.documents import CONTROL
from lfsync.values.pasted import is_faithful, pasted
from lfsync.values.table import VALUE_TYPES, BadValueError, is_empty

_ONLY_IF_NAMED: Final = ("latitude", "longitude")  # rule C7


def data_of(definition: FieldDef, live: JSON, declared: JSON) -> JSON:
    """A live value as a file says it. CantEditError where none can."""
    data = pasted(live, definition)
    if definition.type == "MARKDOWN" and isinstance(data, str):
        ends = declared[len(declared.rstrip("\n")) :] if isinstance(declared, str) else ""
        data = data.replace("\r\n", "\n").rstrip("\n") + ends  # ends of lines are no part of it, so the file's stay
    if any(CONTROL.search(text) for text in texts_of(data)):
        raise CantEditError("it holds a control character, which no file can hold")
    try:
        said = is_faithful(data, live, definition)
    except BadValueError as error:
        raise CantEditError(f"no file can say it: {error.message}") from None
    if not said:
        raise CantEditError("Lightfield holds it in a form that no file can say")
    return data


def leaf_of(definition: FieldDef, live: JSON, declared: JSON, data: JSON) -> Leaf:
    """The smallest edit that makes `data` of what is declared: what means the same already stays as it is written."""
    if isinstance(declared, dict):
        return _parts(definition, live, declared, data)
    if isinstance(declared, list):
        return _items(definition, live, declared, [] if data is None else data if isinstance(data, list) else [data])
    if isinstance(data, list) and len(data) == 1 and not is_empty(declared):
        return Put(data[0])
    return Put(data)


def _parts(definition: FieldDef, live: JSON, declared: Mapping[str, JSON], data: JSON) -> Leaf:
    if not isinstance(data, dict):
        return Put(None)
    row = VALUE_TYPES[definition.type]

    def means(name: str, value: JSON) -> JSON:
        return row.canonical({name: value}, definition, {name: value})

    wanted = {name: value for name, value in data.items() if name in declared or name not in _ONLY_IF_NAMED}
    parts: dict[str, Leaf] = {
        name: Put(None) for name, said in declared.items() if name not in wanted and not is_empty(said)
    }
    for name, value in wanted.items():
        sent = row.parse({name: declared.get(name)}, definition) if name in declared else None
        said = sent.get(name) if isinstance(sent, dict) else None
        if means(name, said) != means(name, value):
            parts[name] = Put(value)
    changed = {name: part.whole for name, part in parts.items()}
    return Parts({**declared, **changed}, parts)


def _items(definition: FieldDef, live: JSON, declared: list[JSON], data: list[JSON]) -> Leaf:
    row = VALUE_TYPES[definition.type]
    several = replace(definition, multiple=True)

    def meanings(item: JSON) -> list[JSON]:
        found = row.canonical(row.parse([item], several), several)
        return found if isinstance(found, list) else [found]

    wanted = row.canonical(live, several)
    left = [*wanted] if isinstance(wanted, list) else [] if wanted is None else [wanted]
    drop = set()
    for index, item in enumerate(declared):
        meant = [] if is_empty(item) else meanings(item)
        if meant and meant[0] in left:
            left = [each for each in left if each != meant[0]]
        else:
            drop.add(index)
    add = tuple(item for item in data if any(meant in left for meant in meanings(item)))
    kept = [item for index, item in enumerate(declared) if index not in drop]
    return Items([*kept, *add], frozenset(drop), add)


def texts_of(data: JSON) -> list[str]:
    """Every text within data."""
    if isinstance(data, str):
        return [data]
    inside = data if isinstance(data, list) else data.values() if isinstance(data, dict) else ()
    return [text for each in inside for text in texts_of(each)]

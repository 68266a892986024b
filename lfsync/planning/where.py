"""`where` of a list to conditions, typed by the definitions of what the list holds. Pure.

A condition is compared as a match is (rule I2), and may name several values, any of which will do. But null, which
matches nothing in a match, asks here for records that have nothing: a rule chooses, and looks for no single one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lfsync.kinds import kind_of
from lfsync.model import (
    JSON,
    Address,
    Condition,
    Definitions,
    DesiredLinks,
    FieldDef,
    RelDef,
    Value,
)
from lfsync.planning.preparation import Scope, suggestion
from lfsync.planning.refs import ref_of, target_of
from lfsync.values.table import VALUE_TYPES, BadValueError, is_empty, match_keys


def conditions_of(scope: Scope, address: Address, kind: str, where: Mapping[str, Value]) -> tuple[Condition, ...]:
    """The conditions, in order of their keys. What is wrong is reported, and what can't be judged offline left out."""
    definitions = scope.definitions(kind)
    assert definitions is not None  # a list holds records of a kind that every workspace has
    found = (_condition(scope, address, definitions, key, where) for key in sorted(where))
    return tuple(condition for condition in found if condition is not None)


def _condition(
    scope: Scope, address: Address, definitions: Definitions, key: str, where: Mapping[str, Value]
) -> Condition | None:
    value, field, rel = where[key], definitions.fields.get(key), definitions.relationships.get(key)
    if field is not None:
        return _of_field(scope, address, definitions, _narrowed(definitions, field, where), value)
    if rel is not None:
        return _of_links(scope, address, definitions.kind, rel, value)
    if scope.knows_all(definitions.kind):
        known = [(each.key, each.label) for each in definitions.fields.values()]
        known += [(each.key, each.label) for each in definitions.relationships.values() if each.writable]
        message = f"`where`: {definitions.kind} has no field or relationship `{key}`"
        scope.report(value.place, address, message, suggestion(key, known))
    return None


def _of_field(
    scope: Scope, address: Address, definitions: Definitions, narrowed: FieldDef, value: Value
) -> Condition | None:
    field = definitions.fields[narrowed.key]
    values: list[JSON] = []
    empty = False
    for item in _items(value.data):
        if is_empty(item):
            empty = True
            continue
        typed = scope.typed(
            address, definitions, field, Value(item, value.place), None if narrowed is field else narrowed
        )
        if typed is None:
            return None
        if match_keys(typed.canonical):
            values.append(typed.sent)
        else:
            empty = True
    return Condition(field.key, field=field, values=tuple(values), empty=empty)


def _of_links(scope: Scope, address: Address, kind: str, rel: RelDef, value: Value) -> Condition | None:
    if not rel.writable:
        documented = kind_of(kind).relationships.get(rel.key)
        whose = (documented and documented.instead) or f"it is set at the {rel.target}"
        message = f"`where`: `{rel.key}` is not set at the {kind} itself, and no rule can follow it"
        scope.report(value.place, address, message, f"take it out; {whose}")
        return None
    items = _items(value.data)
    refs = [ref_of(item, value.place) for item in items if not is_empty(item)]
    targets = [target_of(scope, ref, rel, address, static=False) for ref in refs]
    found = tuple(target for target in targets if target is not None)
    if len(found) < len(targets):
        return None
    links = DesiredLinks(rel, exact=False, include=found, exclude=(), place=value.place)
    return Condition(rel.key, links=links, empty=len(refs) < len(items))


def _items(data: JSON) -> list[JSON]:
    """One value, or any of several; an empty list is the same as null (rule C8)."""
    return (data or [None]) if isinstance(data, list) else [data]


def _narrowed(definitions: Definitions, field: FieldDef, where: Mapping[str, Value]) -> FieldDef:
    """The field with the options that it has under the parent that is asked for, too: a stage in its pipeline."""
    parent = definitions.fields.get(field.parent_field or "")
    named = where.get(parent.key) if parent is not None else None
    if parent is None or named is None or any(map(is_empty, _items(named.data))):
        return field
    try:
        owners = {str(VALUE_TYPES[parent.type].parse(item, parent)) for item in _items(named.data)}
    except BadValueError:
        return field  # reported at the parent itself
    return replace(field, options=tuple(option for option in field.options if option.parent in owners))

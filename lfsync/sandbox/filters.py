"""Filters of the list endpoints: `key[operator]=value`, by the table of types (API sheet, section 8.3).

Texts are looked up in the store's terms first, which may name too many; every hit is checked on the record.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from lfsync.model import JSON
from lfsync.sandbox import forms, stages
from lfsync.sandbox.errors import bad_request
from lfsync.sandbox.quirks import Quirks
from lfsync.sandbox.rules import CONTAINED, INDEXED, TERM_LENGTH
from lfsync.sandbox.schema import End, FieldSpec, KindSpec, Option, RelSpec
from lfsync.sandbox.store import Row, Store

RESERVED = ("limit", "offset", "status")
_COMPARED = ("equal", "greaterThan", "greaterThanOrEqual", "lessThan", "lessThanOrEqual")
OPERATORS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("NUMBER", "CURRENCY", "DATETIME"), _COMPARED),
    **dict.fromkeys(("TEXT", "FULL_NAME", "SOCIAL_HANDLE", "ADDRESS"), ("equal", "startsWith")),
    **dict.fromkeys(("CHECKBOX", "SINGLE_SELECT"), ("equal",)),
    **dict.fromkeys(("EMAIL", "TELEPHONE", "URL"), ("contains",)),
    **dict.fromkeys(("MULTI_SELECT", "MARKDOWN", "HTML"), ()),
}
_SHAPE = re.compile(r"(?P<key>[^\[\]:]+)(?::(?P<way>asSource|asDestination))?(?:\[(?P<minus>-?)(?P<operator>\w+)\])?")


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition on a field or on a relationship. `negated`: it must not hold."""

    operator: str
    value: str
    negated: bool
    spec: FieldSpec | None = None
    ends: tuple[End, ...] = ()
    options: frozenset[str] = frozenset()


def parse(kind: KindSpec, query: Iterable[tuple[str, str]], quirks: Quirks) -> list[Filter]:
    """The filters of a query, which has no other parameters. Raises FaultError 400 for unknown keys and operators."""
    return _resolve_stages(kind, [_filter(kind, key, value, quirks) for key, value in query])


def _filter(kind: KindSpec, text: str, value: str, quirks: Quirks) -> Filter:
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        raise bad_request("unknown_field", f"{text!r} is no filter.", text)
    key, operator, negated = shape["key"], shape["operator"], shape["minus"] == "-"
    spec = kind.fields.get(key)
    if spec is None:
        return _relationship_filter(kind, key, shape["way"], operator, value, negated, quirks)
    legal = OPERATORS[spec.type]
    operator = operator or ("equal" if "equal" in legal else "contains")
    if operator not in legal or shape["way"]:
        raise bad_request("invalid_type", f"{spec.type} fields have no filter {operator!r}.", text)
    _check_value(spec, value, text)
    return Filter(operator, value, negated, spec)


def _relationship_filter(
    kind: KindSpec, key: str, way: str | None, operator: str | None, value: str, negated: bool, quirks: Quirks
) -> Filter:
    rel = _relationship(kind, key, quirks)
    if operator not in (None, "equal", "contains"):
        raise bad_request("invalid_type", f"Relationships have no filter {operator!r}.", key)
    ends = rel.ends
    if way:
        ends = tuple(end for end in rel.ends if rel.as_source and end.source == (way == "asSource"))
    if way and not ends:
        raise bad_request("unknown_field", f"{key} has no directions.", key)
    return Filter("equal", value, negated, ends=ends or (End("nothing", source=True),))


def _relationship(kind: KindSpec, key: str, quirks: Quirks) -> RelSpec:
    accepted = quirks["filter-keys"]
    for rel in kind.relationships.values():
        keys = {"both": (rel.key, rel.slug), "record": (rel.key,), "slug": (rel.slug or rel.key,)}[accepted]
        if key in keys:
            return rel
    raise bad_request("unknown_field", f"{kind.name} has no field or relationship {key!r}.", key)


def _check_value(spec: FieldSpec, value: str, text: str) -> None:
    try:
        _PARSERS.get(spec.type, str)(value)
    except ValueError as error:
        raise bad_request("invalid_type", f"{spec.key} can't be compared with {value!r}.", text) from error


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


_PARSERS: Mapping[str, Callable[[str], float | bool]] = {
    "NUMBER": float,
    "CURRENCY": float,
    "DATETIME": forms.instant,
    "CHECKBOX": _truth,
}


# ---------------------------------------------------------------- selects and stages


def _resolve_stages(kind: KindSpec, filters: list[Filter]) -> list[Filter]:
    pipelines = [item for item in filters if item.spec and item.spec.key == stages.PIPELINE]
    positive = [item.value for item in pipelines if not item.negated]
    if len(positive) > 1:
        raise bad_request("invalid_configuration", "One positive $pipeline filter at most.", stages.PIPELINE)
    known = [option.id for item in pipelines[:1] for option in _options(item)]
    for item in pipelines:
        if item.value not in known:
            ids: list[JSON] = [*known]
            message = f"There is no active pipeline {item.value!r}."
            raise bad_request("unknown_pipeline", message, stages.PIPELINE, activePipelineIds=ids)
    return [_with_options(kind, item, positive) for item in filters]


def _options(item: Filter) -> list[Option]:
    return stages.active(item.spec) if item.spec else []


def _with_options(kind: KindSpec, item: Filter, pipelines: list[str]) -> Filter:
    """Selects are compared by option id: the filter names an id or a label."""
    spec = item.spec
    if spec is None or spec.type != "SINGLE_SELECT" or spec.words:
        return item
    staged = kind.fields.get(stages.STAGE)
    if spec.key == stages.PIPELINE and staged:
        ids = [option.id for option in staged.options if option.parent == item.value]
        return Filter("equal", item.value, item.negated, staged, options=frozenset(ids))
    found = stages.match(spec.options, item.value, loose=True)
    if spec.parent_field and pipelines and item.value not in [option.id for option in found]:
        found = [option for option in found if option.parent in pipelines]
    if spec.parent_field and len(found) != 1:
        raise stages.ambiguous(kind, item.value, found, status=400)
    return Filter("equal", item.value, item.negated, spec, options=frozenset(option.id for option in found))


# ---------------------------------------------------------------- finding


def find(
    store: Store, kind: KindSpec, filters: Iterable[Filter], quirks: Quirks, *, trashed: bool, hidden: bool, at: int
) -> list[Row]:
    """All the records that match as they were then, in no order."""
    filters = list(filters)
    linked = [(item, _linked(store, item, at)) for item in filters if item.ends]
    wanted = [ids for item, ids in linked if not item.negated]
    barred = {id for item, ids in linked if item.negated for id in ids}
    wanted += [ids for item in filters if (ids := _candidates(store, kind, item)) is not None]
    if wanted:
        rows = store.rows(set.intersection(*wanted), at)
        rows = [row for row in rows if row.kind == kind.name and row.trashed == trashed and row.hidden <= hidden]
    else:
        rows = list(store.scan(kind.name, trashed=trashed, hidden=hidden, at=at))
    checks = [item for item in filters if item.spec]
    return [row for row in rows if row.id not in barred and all(holds(item, row, quirks) for item in checks)]


def _linked(store: Store, item: Filter, at: int) -> set[str]:
    return {other for end in item.ends for other in store.linked(end.edge, item.value, source=not end.source, at=at)}


def _candidates(store: Store, kind: KindSpec, item: Filter) -> set[str] | None:
    """A set of ids that has every match, or None if only a scan can tell."""
    spec = item.spec
    if spec is None or item.negated or spec.type not in INDEXED:
        return None
    if item.options or (spec.type == "SINGLE_SELECT" and not spec.words):
        return {id for option in item.options for id in store.with_term(kind.name, spec.key, option.casefold())}
    needle = item.value.casefold()
    if item.operator == "contains":
        return store.with_part(kind.name, spec.key, needle)
    lookup = store.with_prefix if item.operator == "startsWith" else store.with_term
    return lookup(kind.name, spec.key, needle[:TERM_LENGTH])


def holds(item: Filter, row: Row, quirks: Quirks) -> bool:
    """Whether a record meets a filter on a field. An empty value meets only a negated one."""
    spec = item.spec
    assert spec is not None
    value = row.fields.get(spec.key)
    met = value is not None and value != "" and _meets(item, spec, value, quirks)
    return met != item.negated


def _meets(item: Filter, spec: FieldSpec, value: JSON, quirks: Quirks) -> bool:
    if spec.type == "SINGLE_SELECT" and not spec.words:
        return value in item.options
    if spec.type in _PARSERS:
        return _compares(item.operator, _PARSERS[spec.type](_plain(value)), _PARSERS[spec.type](item.value))
    if spec.type in CONTAINED:
        return _contains(value, item.value.casefold(), quirks)
    return _text_meets(item, forms.display(spec, value) if isinstance(value, dict) else str(value), quirks)


def _plain(value: JSON) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _compares(operator: str, value: float, other: float) -> bool:
    return {
        "equal": value == other,
        "greaterThan": value > other,
        "greaterThanOrEqual": value >= other,
        "lessThan": value < other,
        "lessThanOrEqual": value <= other,
    }[operator]


def _contains(value: JSON, needle: str, quirks: Quirks) -> bool:
    items = [str(item).casefold() for item in (value if isinstance(value, list) else [value])]
    if quirks["contains-match"] == "element":
        return needle in items
    return any(needle in item for item in items)


def _text_meets(item: Filter, text: str, quirks: Quirks) -> bool:
    needle = item.value
    if quirks["filter-case"] == "folded":
        text, needle = text.casefold(), needle.casefold()
    return text.startswith(needle) if item.operator == "startsWith" else text == needle

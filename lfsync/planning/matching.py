"""By what each resource finds its live record, and which two could not be told apart (rules I2, C10). Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import product
from typing import TypeAlias

from lfsync.kinds import kind_of
from lfsync.model import (
    Definitions,
    Desired,
    DesiredField,
    DesiredLinks,
    Match,
    Query,
    Resource,
    Target,
    Term,
    Value,
)
from lfsync.planning.preparation import Scope
from lfsync.planning.refs import query_of
from lfsync.values.table import VALUE_TYPES, is_empty, match_keys

_Found: TypeAlias = tuple[str, ...]


def resource_queries(
    scope: Scope, resource: Resource, fields: Mapping[str, DesiredField], links: Mapping[str, DesiredLinks]
) -> tuple[Query, ...]:
    """The match of a resource: as a list of its own keys, as other values, or its kind's default.

    Of several lists of keys, one query for each that has values, in their order (rule K2); else one, or none.
    """
    match = resource.match
    if match is not None and match.others:
        return _alternatives(scope, resource, match, fields, links)
    if match is None:
        query = _default_query(scope, resource, fields, links)
    elif match.values is None:
        query = _listed_query(scope, resource, match, fields, links)
    elif any(scope.is_faulty(resource, "match", key) for key in match.values):
        query = None
    else:
        query = query_of(scope, resource.address.kind, match.values, match.place, resource.address)
    return (query,) if query else ()


def _alternatives(
    scope: Scope,
    resource: Resource,
    match: Match,
    fields: Mapping[str, DesiredField],
    links: Mapping[str, DesiredLinks],
) -> tuple[Query, ...]:
    found: list[Query] = []
    for keys in match.lists:
        terms = [_own_term(str(key.data), fields, links) for key in keys]
        filled = tuple(term for term in terms if term is not None)
        if len(filled) == len(terms):
            found.append(Query(resource.address.kind, match.place, filled))
    if not found and all(key.data in fields or key.data in links for keys in match.lists for key in keys):
        message = "`match` names nothing that has a value, and an empty value matches nothing"
        scope.report(match.place, resource.address, message, "give one of its lists values, or add `id`")
    return tuple(found)


def report_twins(scope: Scope, desired: Iterable[Desired]) -> None:
    """Report resources of a kind whose matches would find the same record (rule C10); an `id` tells any two apart."""
    seen: dict[tuple[str, ...], Desired] = {}
    for one in desired:
        if one.query is None or one.id is not None:
            continue
        shape = (one.query.kind, *(term.key for term in one.query.terms))
        for found in product(*(sorted(_term_keys(term)) for term in one.query.terms)):
            first = seen.setdefault((*shape, *found), one)
            if first is not one:
                _report_twin(scope, first, one)
                break


def _default_query(
    scope: Scope, resource: Resource, fields: Mapping[str, DesiredField], links: Mapping[str, DesiredLinks]
) -> Query | None:
    definitions = scope.definitions(resource.address.kind)
    assert definitions is not None
    for keys in kind_of(resource.address.kind).matches:
        first = _own_term(keys[0], fields, links)
        if first is None:
            continue
        others = [_own_term(key, fields, links) or _empty_term(definitions, resource, key) for key in keys[1:]]
        terms = [first, *others]
        found = tuple(term for term in terms if term is not None)
        return Query(resource.address.kind, resource.place, found) if len(found) == len(terms) else None
    _report_blank(scope, resource, fields)
    return None


def _listed_query(
    scope: Scope,
    resource: Resource,
    match: Match,
    fields: Mapping[str, DesiredField],
    links: Mapping[str, DesiredLinks],
) -> Query | None:
    terms: list[Term] = []
    keys = match.keys or ()
    for value in keys:
        key = str(value.data)
        term = _own_term(key, fields, links)
        if term is not None:
            terms.append(term)
        elif key in fields or key in links:
            _report_empty(scope, resource, value if resource.row is None else Value(key, resource.place))
    return Query(resource.address.kind, match.place, tuple(terms)) if terms and len(terms) == len(keys) else None


def _own_term(key: str, fields: Mapping[str, DesiredField], links: Mapping[str, DesiredLinks]) -> Term | None:
    """The declared value of a key as a part of a match; None if it is not declared or empty."""
    field = fields.get(key)
    if field is not None:
        return Term(key, field=field.definition, sent=field.sent) if match_keys(field.canonical) else None
    link = links.get(key)
    return Term(key, rel=link.definition, targets=link.include) if link is not None and link.include else None


def _empty_term(definitions: Definitions, resource: Resource, key: str) -> Term | None:
    """A part of a default match that is not declared must be empty live. None if it is declared, but wrongly."""
    declared = resource.fields.get(key)
    links = resource.relationships.get(key)
    if (declared is not None and declared.data) or (links is not None and links.include):
        return None
    field = definitions.fields.get(key)
    return Term(key, field=field, rel=None if field else definitions.relationships.get(key), empty=True)


def _report_blank(scope: Scope, resource: Resource, fields: Mapping[str, DesiredField]) -> None:
    """Nothing is left to match where the default keys hold blanks; where they are missing, `checks` says so."""
    firsts = [keys[0] for keys in kind_of(resource.address.kind).matches]
    given = [key for key in firsts if key in resource.fields and not is_empty(resource.fields[key].data)]
    if resource.id is None and given and all(key in fields for key in given):
        message = f"`{given[0]}` is blank, so that nothing is left to match"
        hint = "give it a text, or say with `match` or `id` which record it is"
        scope.report(resource.fields[given[0]].place, resource.address, message, hint)


def _report_empty(scope: Scope, resource: Resource, key: Value) -> None:
    message = f"`match` names `{key.data}`, which is empty, and an empty value matches nothing"
    scope.report(key.place, resource.address, message, "give it a value, or take it out of `match`")


def _term_keys(term: Term) -> frozenset[str]:
    """By what a part of a match can be found; two parts of one key overlap where they share one."""
    if term.empty:
        return frozenset(("empty",))
    if term.field is not None:
        return match_keys(VALUE_TYPES[term.field.type].canonical(term.sent, term.field))
    return frozenset(map(target_key, term.targets))


def target_key(target: Target) -> str:
    """By what two refs are told to be one without looking: what they name, or what they look for."""
    if target.query is None:
        return str(target.address or target.id)
    return json.dumps([target.query.kind, *([term.key, *sorted(_term_keys(term))] for term in target.query.terms)])


def _report_twin(scope: Scope, first: Desired, second: Desired) -> None:
    assert second.query is not None
    keys = ", ".join(f"`{term.key}`" for term in second.query.terms)
    message = f"{keys}: the same as {first.address} at {first.place}, so both would find the same record"
    hint = "remove one of them, or give them a `match` or an `id` that tells them apart"
    scope.report(second.place, second.address, message, hint)

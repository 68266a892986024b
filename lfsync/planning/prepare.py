"""Typed preparation: declared resources and a workspace's definitions to Desired, or to problems. Pure.

Every problem that needs the definitions is found here, all at once; what the files alone can tell is found by `checks`.
After this step there are no special cases: each value has the API's form and the form that is compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import TypeVar

from lfsync.errors import Problem
from lfsync.kinds import MEMBER_KEYS, OBJECT, id_kind, is_kind, kind_of
from lfsync.model import (
    Address,
    Definitions,
    Desired,
    DesiredField,
    DesiredLinks,
    FieldDef,
    Links,
    Place,
    Ref,
    RelDef,
    Resource,
    Rule,
    Schema,
    Target,
    Value,
)
from lfsync.planning.matching import report_twins, resource_queries, target_key
from lfsync.planning.preparation import Scope, quoted
from lfsync.planning.refs import check_lookup, check_match_part, target_of
from lfsync.planning.takers import takers
from lfsync.planning.where import conditions_of
from lfsync.values.pipelines import NEVER_SENT, PIPELINE, STAGE
from lfsync.values.table import VALUE_TYPES, BadValueError, is_empty
from lfsync.wording import did_you_mean, with_article

_T = TypeVar("_T")


def prepare(
    resources: Mapping[Address, Resource],
    schema: Schema,
    *,
    complete: bool = True,
    mappings: Iterable[Resource] = (),
) -> tuple[dict[Address, Desired], list[Problem]]:
    """Type every declared value and look up every ref, as far as files, definitions and members tell.

    `complete` False is for the check without a workspace: `schema` holds what is documented, and what only the
    workspace could tell (custom fields, options, members) is passed over. With problems, the result is of no use.
    `mappings` are what sources and `defaults` say of all their resources: their mistakes are told once (rule C15).
    Everything in it is sorted: the order of files, keys and refs must not show in a plan (design.md, section 10).
    """
    scope = Scope(resources, schema, complete)
    for mapping in mappings:
        if scope.definitions(mapping.address.kind) is None:
            _report_type(scope, mapping)
        else:
            _check_mapping(scope, mapping)
    desired = {
        address: _prepared(scope, resource)
        for address, resource in resources.items()
        if scope.definitions(address.kind) is not None
    }
    report_twins(scope, desired.values())
    _report_shared(scope, desired.values())
    _report_taken(scope, desired.values())
    return dict(sorted(desired.items())), _once(scope.problems)


def unknown_type(kind: str, schema: Schema) -> tuple[str, str]:
    """What is wrong with a type of custom objects that the workspace doesn't have, and what to do."""
    slug, types = kind.removeprefix(OBJECT), schema.types
    if slug in types:
        hint = "Plan again; if it stays so, look at the type in Lightfield's settings, or take it out of the files."
        return f"the API lists the custom object type `{slug}`, and answers that it has no definitions", hint
    hint = did_you_mean(slug, types) or f"it has {quoted(types) or 'none'}; types are made in Lightfield's settings"
    return f"this workspace has no custom object type `{slug}` that the key can see", hint


def _report_type(scope: Scope, mapping: Resource) -> None:
    """Told where the type is named, not for each resource of it."""
    scope.report(mapping.place, None, *unknown_type(mapping.address.kind, scope.schema))


def _prepared(scope: Scope, resource: Resource) -> Desired:
    address = resource.address
    definitions = scope.definitions(address.kind)
    assert definitions is not None
    fields = _fields(scope, resource, definitions)
    links = {
        key: link
        for key, declared in resource.relationships.items()
        if not scope.is_faulty(resource, "relationships", key)
        and (link := _relationship(scope, address, definitions, key, declared)) is not None
    }
    queries = resource_queries(scope, resource, fields, links)
    return Desired(
        address=address,
        place=resource.place,
        id=_id(scope, resource),
        query=next(iter(queries), None),
        fields=_in_order(fields, kind_of(address.kind).fields),
        links=_in_order(links, kind_of(address.kind).relationships),
        members=_members(scope, resource, fields),
        ignore_changes=_ignored(scope, resource, definitions) | _told_once(resource),
        seed=resource.lifecycle.seed,
        protect=resource.lifecycle.protect,
        absent=resource.lifecycle.absent,
        upload=resource.upload,
        flags={key: value.data is True for key, value in resource.flags.items()},
        fallbacks=queries[1:],
    )


def _check_mapping(scope: Scope, mapping: Resource) -> None:
    """Find the mistakes of a mapping, and mark the parts at fault: what its rows have there is not told of again."""
    definitions = scope.definitions(mapping.address.kind)
    assert definitions is not None

    def check(part: str, key: str, found: Callable[[], object]) -> None:
        before = len(scope.problems)
        found()
        if len(scope.problems) > before:
            scope.faulty.add((mapping.place, part, key))

    for key, value in mapping.fields.items():
        if not _depends_on_a_column(mapping, definitions, key):
            check("fields", key, partial(_prepared_field, scope, mapping, definitions, key, value))
    for key, links in mapping.relationships.items():
        check("relationships", key, partial(_check_links, scope, mapping.address, definitions, key, links))
    if mapping.members is not None:
        check("members", "", partial(_check_members, scope, mapping, mapping.members))
    for key, value in (mapping.match.values or {}).items() if mapping.match else ():
        check("match", key, partial(check_match_part, scope, definitions, key, value, mapping.address))
    _ignored(scope, mapping, definitions)


def _check_links(scope: Scope, address: Address, definitions: Definitions, key: str, declared: Links) -> None:
    """The mistakes of a relationship of all rows; what its matches look for is known part by part."""
    lookups = [ref.match for ref in (*declared.include, *declared.exclude) if ref.match is not None]
    include = tuple(ref for ref in declared.include if ref.match is None)
    exclude = tuple(ref for ref in declared.exclude if ref.match is None)
    found = _relationship(scope, address, definitions, key, replace(declared, include=include, exclude=exclude))
    for match in lookups if found else ():
        check_lookup(scope, definitions.relationships[key].target, match, declared.place, address)


def _check_members(scope: Scope, mapping: Resource, members: Links) -> None:
    """The mistakes of what finds the members of a list in all rows."""
    resource = scope.resources.get(mapping.address)
    kind = resource.fields.get("$objectType") if resource else None
    target = str(kind.data).strip().removeprefix("$") if kind else ""
    for ref in members.include if target in MEMBER_KEYS else ():
        check_lookup(scope, target, ref.match or {}, members.place, mapping.address)


def _depends_on_a_column(mapping: Resource, definitions: Definitions, key: str) -> bool:
    """Whether which options a select has is told by another column, row by row."""
    definition = definitions.fields.get(key)
    parent = mapping.fields.get(definition.parent_field or "") if definition else None
    return parent is not None and is_empty(parent.data)


def _in_order(prepared: Mapping[str, _T], documented: Iterable[str]) -> dict[str, _T]:
    """As the kind's own keys are listed, names and titles first; custom ones sorted after them."""
    if len(prepared) < 2:
        return {**prepared}
    return {key: prepared[key] for key in documented if key in prepared} | dict(sorted(prepared.items()))


def _once(problems: Iterable[Problem]) -> list[Problem]:
    """Each problem of a place once, also where `defaults` bring it to many resources."""
    firsts: dict[tuple[Place | None, str], Problem] = {}
    for problem in problems:
        firsts.setdefault((problem.place, problem.message), problem)
    return list(firsts.values())


# ---------------------------------------------------------------- fields


def _fields(scope: Scope, resource: Resource, definitions: Definitions) -> dict[str, DesiredField]:
    prepared: dict[str, DesiredField] = {}
    for key, value in resource.fields.items():
        if not scope.is_faulty(resource, "fields", key):
            typed = _prepared_field(scope, resource, definitions, key, value)
            if typed is not None:
                prepared[key] = typed
    _check_pipeline(scope, resource, prepared)
    _check_order(scope, resource, prepared)
    _check_words(scope, resource, prepared)
    _check_filled(scope, resource, prepared)
    return prepared


def _prepared_field(
    scope: Scope, resource: Resource, definitions: Definitions, key: str, value: Value
) -> DesiredField | None:
    """One typed value; None if it is reported, or can't be judged offline."""
    definition = definitions.fields.get(key)
    if definition is None:
        if scope.knows_all(definitions.kind):
            scope.unknown_field(value.place, resource.address, definitions, key)
        return None
    if definition.read_only:
        _report_read_only(scope, resource.address, definition, value)
        return None
    return _field(scope, resource, definitions, definition, value)


def _field(
    scope: Scope, resource: Resource, definitions: Definitions, definition: FieldDef, value: Value
) -> DesiredField | None:
    parent = definitions.fields.get(definition.parent_field) if definition.parent_field else None
    named = resource.fields.get(parent.key) if parent is not None else None
    if parent is None or named is None or is_empty(named.data):
        return scope.typed(resource.address, definitions, definition, value)
    try:
        owner = VALUE_TYPES[parent.type].parse(named.data, parent)
    except BadValueError:
        return None  # reported at the parent itself
    options = tuple(option for option in definition.options if option.parent == owner)
    return scope.typed(resource.address, definitions, definition, value, replace(definition, options=options))


def _report_read_only(scope: Scope, address: Address, definition: FieldDef, value: Value) -> None:
    documented = kind_of(address.kind).fields.get(definition.key)
    if documented is None or documented.writable:
        message = f"`{definition.key}` can't be written through the API"
        scope.report(value.place, address, message, "take it out: Lightfield sets it")


def _check_pipeline(scope: Scope, resource: Resource, prepared: dict[str, DesiredField]) -> None:
    """A pipeline is no value of its own: it says which stage is meant (API sheet, section 6)."""
    pipeline = resource.fields.get(PIPELINE)
    if pipeline is None:
        return
    stage = resource.fields.get(STAGE)
    if is_empty(pipeline.data):
        prepared.pop(PIPELINE, None)
    elif stage is None or is_empty(stage.data):
        message = f"`{PIPELINE}` without `{STAGE}`: the pipeline follows from the stage"
        scope.report(pipeline.place, resource.address, message, f"add `{STAGE}`, or take `{PIPELINE}` out")


def _check_order(scope: Scope, resource: Resource, prepared: Mapping[str, DesiredField]) -> None:
    """Of what is over, nothing ended before it began."""
    dated = [prepared[key] for key in kind_of(resource.address.kind).past if key in prepared]
    for earlier, later in pairwise(dated):
        if later.sent is not None and earlier.sent is not None and str(later.canonical) < str(earlier.canonical):
            message = f"`{later.definition.key}` is before `{earlier.definition.key}`"
            scope.report(later.place, resource.address, message, f"it begins at {earlier.place}")


def _check_words(scope: Scope, resource: Resource, prepared: dict[str, DesiredField]) -> None:
    """Some words are taken beside some others alone."""
    for key, (word, other, words) in kind_of(resource.address.kind).words_with.items():
        if key in prepared and other in prepared and prepared[key].sent == word:
            beside = prepared[other].sent
            if beside is not None and beside not in words:
                message = f"`{key}` can't be `{word}` where `{other}` is `{beside}`"
                hint = f"only with {' or '.join(f'`{each}`' for each in words)}"
                scope.report(prepared.pop(key).place, resource.address, message, hint)


def _check_filled(scope: Scope, resource: Resource, prepared: Mapping[str, DesiredField]) -> None:
    """What every record has, none can be without."""
    kind = kind_of(resource.address.kind)
    for key in sorted(kind.lasting & prepared.keys()):
        if prepared[key].sent is None:
            message = f"`{key}` can't be empty: no {kind.name} is without"
            scope.report(prepared[key].place, resource.address, message, "name a value, or take the line out")


def _report_shared(scope: Scope, desired: Iterable[Desired]) -> None:
    """What is documented to be one record's alone, two can't declare. What a workspace calls unique, it may take."""
    firsts: dict[tuple[str, str, str], Desired] = {}
    for wish in desired:
        documented = kind_of(wish.address.kind).fields
        for key in (key for key, known in documented.items() if known.unique and key in wish.fields):
            value = wish.fields[key].sent
            if value is None or not wish.manages(key):
                continue
            first = firsts.setdefault((wish.address.kind, key, str(value)), wish)
            if first is not wish:
                message = f"`{key}: {value}` is {first.address}'s, at {first.fields[key].place}"
                hint = f"a workspace has one such {wish.address.kind}: keep one of the two"
                scope.report(wish.fields[key].place, wish.address, message, hint)


# ---------------------------------------------------------------- links


def _relationship(
    scope: Scope, address: Address, definitions: Definitions, key: str, declared: Links
) -> DesiredLinks | None:
    rel = definitions.relationships.get(key)
    documented = kind_of(address.kind).relationships.get(key)
    if rel is None:
        if scope.knows_all(address.kind):
            scope.unknown_relationship(declared.place, address, definitions, key)
        return None
    if not rel.writable:
        if documented is None:
            message = f"`{key}` can't be written here"
            scope.report(declared.place, address, message, f"set it from the {rel.target}'s side")
        return None
    if not rel.many and not _is_one(scope, address, rel, declared):
        return None
    return _links(scope, address, rel, declared, static=documented is not None and is_kind(documented.target))


def _is_one(scope: Scope, address: Address, rel: RelDef, declared: Links) -> bool:
    if declared.form == "partial":
        message = f"`{rel.key}` holds one {rel.target}: there is nothing to include or exclude"
    elif len(declared.include) > 1:
        message = f"`{rel.key}` holds one {rel.target}, and {len(declared.include)} are given"
    else:
        return True
    scope.report(declared.place, address, message, f"write {rel.key}: and one {rel.target}, or null for none")
    return False


def _links(scope: Scope, address: Address, rel: RelDef, declared: Links, *, static: bool) -> DesiredLinks:
    def targets(refs: Sequence[Ref]) -> tuple[Target, ...]:
        if not refs:
            return ()
        found = (target_of(scope, ref, rel, address, static=static) for ref in refs)
        firsts: dict[object, Target] = {}
        for target in found:
            if target is not None:
                firsts.setdefault(target.address or target.id or (target.place, target.text), target)
        return tuple(sorted(firsts.values(), key=lambda target: target.text))

    include, exclude = targets(declared.include), targets(declared.exclude)
    return DesiredLinks(rel, declared.form != "partial", include, exclude, declared.place)


def _report_taken(scope: Scope, desired: Iterable[Desired]) -> None:
    """Two links onto what one record alone may link: each would undo the other at every run (rule C9)."""
    for key, (first, *others) in takers(desired, target_key):
        for address, target in others:
            if address != first.address:
                does = f"{first.address} does at {first.target.place}"
                message = f"`{key}` links {target.text}, as {does}, and only one can"
                scope.report(target.place, address, message, "take one of the two links out")


def _members(scope: Scope, resource: Resource, fields: Mapping[str, DesiredField]) -> DesiredLinks | None:
    """The members of a list, which are of the one kind that `$objectType` names."""
    kind = fields.get("$objectType")
    if resource.members is None or kind is None or not isinstance(kind.sent, str):
        return None
    if (resource.members.place, "members", "") in scope.faulty:
        return None
    target = kind.sent.removeprefix("$")
    rel = RelDef(MEMBER_KEYS[target], "Members", target, many=True)
    links = _links(scope, resource.address, rel, resource.members, static=False)
    if resource.members.where is None:
        return links
    conditions = conditions_of(scope, resource.address, target, resource.members.where)
    return replace(links, rule=Rule(conditions, links.include, links.exclude))


# ---------------------------------------------------------------- id, lifecycle


def _id(scope: Scope, resource: Resource) -> str | None:
    if resource.id is None:
        return None
    text = str(resource.id.data)
    owner = id_kind(text)
    if owner not in (None, resource.address.kind):
        message = f"`{text}` is the id of {with_article(str(owner))}, not of {with_article(resource.address.kind)}"
        scope.report(resource.id.place, resource.address, message, "write the id that the record's own page shows")
    return text


def _told_once(resource: Resource) -> frozenset[str]:
    """Of what is uploaded, the content alone is managed: all else is said once, when it is uploaded (rule F1)."""
    kind = kind_of(resource.address.kind)
    return frozenset(resource.fields.keys() - {kind.content}) if kind.uploaded else frozenset()


def _ignored(scope: Scope, resource: Resource, definitions: Definitions) -> frozenset[str]:
    """Keys that are declared nowhere do no harm here, but one that does not exist is a slip of the pen."""
    if not resource.lifecycle.ignore_changes:
        return frozenset()
    keys = {str(value.data) for value in resource.lifecycle.ignore_changes}
    known = {*resource.fields, *resource.relationships, *definitions.fields, *definitions.relationships}
    for value in resource.lifecycle.ignore_changes:
        told = kind_of(resource.address.kind).uploaded  # `checks` refuses it there, whatever it names
        if value.data not in known and scope.knows_all(resource.address.kind) and not told:
            hint = did_you_mean(str(value.data), known) or "take it out"
            message = f"`ignore_changes` names `{value.data}`, which no {resource.address.kind} has"
            scope.report(value.place, resource.address, message, hint)
    return frozenset(keys | NEVER_SENT if STAGE in keys else keys)

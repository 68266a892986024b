"""The live definitions of every kind that a project uses, and the members. I/O."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping

from lfsync.api.client import Client, Token
from lfsync.errors import ForbiddenError, NotFoundError, RefusedError
from lfsync.kinds import ANY_TYPE, KINDS, MEMBER_KEYS, OBJECT, is_kind, kind_of, member_kind
from lfsync.model import JSON, Definitions, Member, Resource, Schema, Value
from lfsync.planning.definitions import builtin_definitions, parse_definitions
from lfsync.planning.saved_definitions import Answers


async def read_schema(
    client: Client, token: Token, resources: Collection[Resource], more: Collection[str] = ()
) -> Schema:
    """The members, and the definitions of every kind that is declared, looked for by a match, or asked for (`more`).

    A type of custom objects that the workspace doesn't have is left out. RefusedError where the key may not read them.
    """
    refuse_unreadable(_reading(_kinds(resources, {}) | set(more)), token)  # before anything is under way
    (asked, found), members = await asyncio.gather(_needed(client, token, resources, more), _members(client, token))
    if any(_names_members(resource, found) for resource in resources):
        refuse_unreadable({"members:read"}, token)
    types = await _types(client) if asked - found.keys() else ()
    return Schema(found, members, types)


async def _needed(
    client: Client, token: Token, resources: Collection[Resource], more: Iterable[str]
) -> tuple[set[str], dict[str, Definitions]]:
    """The kinds that were asked for, and the definitions of those that there are."""
    asked: set[str] = set()
    found: dict[str, Definitions] = {}
    while kinds := (_kinds(resources, found) | set(more)) - asked:
        asked |= kinds
        refuse_unreadable(_reading(kinds), token)
        fetched = await asyncio.gather(*(_definitions(client, kind) for kind in sorted(kinds)))
        found.update((definitions.kind, definitions) for definitions in fetched if definitions is not None)
    return asked, found


def _reading(kinds: Iterable[str]) -> set[str]:
    """The scopes that reading these kinds takes."""
    return {f"{kind_of(kind).scope}:read" for kind in kinds}


def may_read(token: Token, kind: str) -> bool:
    """Whether the key may read records of a kind."""
    return token.holds(f"{kind_of(kind).scope}:read")


def refuse_unreadable(needed: set[str], token: Token, what: str = "all that is declared") -> None:
    """RefusedError, naming the scopes that the key lacks to read `what` it is to read."""
    missing = [] if token.full else sorted(needed - set(token.scopes))
    if missing:
        raise RefusedError(
            f"the API key may not read {what}; it lacks {', '.join(missing)}",
            hint="Make a key with these scopes in Lightfield's settings.",
        )


async def _definitions(client: Client, kind: str) -> Definitions | None:
    """None for a type of custom objects that the API doesn't know, or doesn't show to this key."""
    if not kind_of(kind).definitions:
        return builtin_definitions(kind)
    try:
        return parse_definitions(kind, dict(await client.definitions(kind_of(kind))))
    except NotFoundError as error:
        if error.type is None or kind in KINDS:
            raise  # a proxy's answer, or an API that is none: it proves nothing
        return None


async def read_answers(client: Client, token: Token, kinds: Collection[str] = ()) -> Answers:
    """What the API answers of these kinds; of all, and of members, without any: as far as the key may read them.

    RefusedError for a kind that was asked for, and that the key may not read; one that the workspace doesn't have is
    left out.
    """
    types: tuple[str, ...] | None = ()
    if kinds:
        refuse_unreadable({f"{kind_of(kind).scope}:read" for kind in kinds}, token, ", ".join(kinds))
    else:
        types = await _listed_types(client, token)
    asked = kinds or [*KINDS, *(types or ())]
    own = [kind for kind in dict.fromkeys(asked) if kind_of(kind).definitions]
    found = dict(
        zip(own, await asyncio.gather(*(_answer(client, token, kind, needed=bool(kinds)) for kind in own)), strict=True)
    )
    unread = [] if kinds else [kind for kind, answer in found.items() if answer is None]
    if types is None:
        unread.append(ANY_TYPE)
    known = {kind: answer for kind, answer in found.items() if answer is not None}
    return Answers(known, None if kinds else await _answer_of_members(client, token), tuple(unread))


async def _answer(client: Client, token: Token, kind: str, *, needed: bool) -> Mapping[str, JSON] | None:
    """None where the API doesn't show them, or the key may not read them and they are not `needed`."""
    if not may_read(token, kind):
        return None
    try:
        return await client.definitions(kind_of(kind))
    except ForbiddenError:
        if needed:
            raise
        return None
    except NotFoundError as error:
        if error.type is None or kind in KINDS:
            raise  # a proxy's answer, or an API that is none: it proves nothing
        return None


async def _listed_types(client: Client, token: Token) -> tuple[str, ...] | None:
    """The kinds that custom objects have here; None where the key may not read them."""
    if not may_read(token, f"{OBJECT}any"):
        return None
    try:
        return tuple(kind for slug in await client.object_types() if is_kind(kind := f"{OBJECT}{slug}"))
    except ForbiddenError:
        return None
    except NotFoundError as error:
        if error.type is None:
            raise
        return None  # a workspace whose plan has no custom objects


async def _answer_of_members(client: Client, token: Token) -> tuple[Member, ...] | None:
    try:
        return await client.members() if token.full or "members:read" in token.scopes else None
    except ForbiddenError:
        return None


async def _types(client: Client) -> tuple[str, ...]:
    try:
        return await client.object_types()
    except ForbiddenError:
        return ()


async def _members(client: Client, token: Token) -> tuple[Member, ...]:
    return await client.members() if token.holds("members:read") else ()


def _kinds(resources: Iterable[Resource], known: Mapping[str, Definitions]) -> set[str]:
    """The kinds whose definitions are needed, as far as `known` ones tell what custom relationships point at."""
    kinds: set[str] = set()
    for resource in resources:
        kind = resource.address.kind
        kinds.add(kind)
        for key, links in resource.relationships.items():
            if any(ref.match for ref in (*links.include, *links.exclude)):
                rel = known[kind].relationships.get(key) if kind in known else None
                kinds.add(rel.target if rel else kind)
        kinds |= _matched(kind, resource.match.values or {}, known) if resource.match else set()
        if resource.members and any(ref.match for ref in (*resource.members.include, *resource.members.exclude)):
            kinds |= MEMBER_KEYS.keys()
        if held := _ruled(resource):
            kinds |= {held} | _matched(held, _where(resource), known)
    return {kind for kind in kinds if is_kind(kind)}


def _ruled(resource: Resource) -> str | None:
    """The kind that a list by rule holds."""
    holds = resource.fields.get("$objectType")
    return member_kind(holds.data) if holds is not None and _where(resource) else None


def _where(resource: Resource) -> Mapping[str, Value]:
    return (resource.members and resource.members.where) or {}


def _matched(kind: str, match: Mapping[str, Value], known: Mapping[str, Definitions]) -> set[str]:
    """The kinds of the records that a match looks for by a match in turn."""
    found: set[str] = set()
    for key, value in match.items():
        rel = known[kind].relationships.get(key) if kind in known else None
        for part in value.data if isinstance(value.data, list) else [value.data]:
            if rel is not None and isinstance(part, dict) and isinstance(inner := part.get("match"), dict):
                deeper = {name: Value(data, value.place) for name, data in inner.items()}
                found |= {rel.target} | _matched(rel.target, deeper, known)
    return found


def _names_members(resource: Resource, found: Mapping[str, Definitions]) -> bool:
    """Whether a ref of it can only be looked up among the members."""

    def is_of_members(kind: str, key: str) -> bool:
        known = found[kind].relationships.get(key) if kind in found else None
        return known is not None and known.target == "member"

    named = [key for key, links in resource.relationships.items() if links.include or links.exclude]
    held = _ruled(resource)
    return any(is_of_members(resource.address.kind, key) for key in named) or any(
        held is not None and is_of_members(held, key) for key, value in _where(resource).items() if value.data
    )

"""The live definitions of every kind that a project uses, and the members. I/O."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping

from lfsync.api.client import Client, Token
from lfsync.errors import RefusedError
from lfsync.kinds import MEMBER_KEYS, is_kind, kind_of
from lfsync.model import Definitions, Member, Resource, Schema
from lfsync.planning.definitions import builtin_definitions, parse_definitions


async def read_schema(
    client: Client, token: Token, resources: Collection[Resource], more: Iterable[str] = ()
) -> Schema:
    """The members, and the definitions of every kind that is declared, looked for by a match, or asked for (`more`).

    RefusedError where the key may not read them.
    """
    members = asyncio.create_task(_members(client, token))
    found: dict[str, Definitions] = {}
    while kinds := (_kinds(resources, found) | set(more)) - found.keys():
        refuse_unreadable({f"{kind_of(kind).scope}:read" for kind in kinds}, token)
        fetched = await asyncio.gather(*(_definitions(client, kind) for kind in sorted(kinds)))
        found.update((definitions.kind, definitions) for definitions in fetched)
    if any(_names_members(resource, found[resource.address.kind]) for resource in resources):
        refuse_unreadable({"members:read"}, token)
    return Schema(found, await members)


def may_read(token: Token, kind: str) -> bool:
    """Whether the key may read records of a kind."""
    return token.full or f"{kind_of(kind).scope}:read" in token.scopes


def refuse_unreadable(needed: set[str], token: Token) -> None:
    """RefusedError, naming the scopes that the key lacks to read what is declared."""
    missing = [] if token.full else sorted(needed - set(token.scopes))
    if missing:
        raise RefusedError(
            f"the API key may not read all that is declared; it lacks {', '.join(missing)}",
            hint="Make a key with these scopes in Lightfield's settings.",
        )


async def _definitions(client: Client, kind: str) -> Definitions:
    if not kind_of(kind).definitions:
        return builtin_definitions(kind)
    return parse_definitions(kind, dict(await client.definitions(kind_of(kind))))


async def _members(client: Client, token: Token) -> tuple[Member, ...]:
    return await client.members() if token.full or "members:read" in token.scopes else ()


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
        if resource.members and any(ref.match for ref in (*resource.members.include, *resource.members.exclude)):
            kinds |= MEMBER_KEYS.keys()
    return {kind for kind in kinds if is_kind(kind)}


def _names_members(resource: Resource, definitions: Definitions) -> bool:
    """Whether a ref of it can only be looked up among the members."""
    known = definitions.relationships
    return any(
        key in known and known[key].target == "member" and bool(links.include or links.exclude)
        for key, links in resource.relationships.items()
    )

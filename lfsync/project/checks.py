"""What the files alone can tell: refs to nothing, matches without a value, cycles, contradictions. Pure.

What needs definitions (types, options, custom fields, members) is found by `prepare`; nothing is said twice.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Final

from lfsync.errors import Problem
from lfsync.kinds import Relationship, id_kind, is_id, is_kind, kind_of
from lfsync.model import Address, Cell, Links, Match, Ref, Resource, Value
from lfsync.project.cycles import cycles
from lfsync.project.declarations import every
from lfsync.project.keys import as_key, named
from lfsync.wording import did_you_mean, nfc, with_article

_SUGGESTIONS: Final = 20

# Why a relationship that can't be written here can't be, where its target kind has no key for it either.
_DERIVED: Final = {
    "meeting": "Lightfield derives it from who attends the meetings",
    "file": "files are attached in Lightfield",
}


def check(
    resources: Mapping[Address, Resource], mappings: Iterable[Resource] = (), broken: Container[Address] = ()
) -> list[Problem]:
    """Every mistake that needs no definitions. One place is named once, also where `defaults` bring it to many.

    `mappings` are what sources and `defaults` say of all their resources (rule C15). `broken` is declared, too, by rows
    that can't be read: a ref to it is no second mistake.
    """
    checks = _Checks(resources, broken)
    found = [
        *checks.mappings(mappings),
        *checks.each(),
        *checks.contradictions(),
        *checks.cycles(),
        *checks.same_content(),
    ]
    firsts: dict[tuple[object, str], Problem] = {}
    for problem in found:
        firsts.setdefault((problem.place, problem.message), problem)
    return list(firsts.values())


class _Checks:
    def __init__(self, resources: Mapping[Address, Resource], broken: Container[Address]) -> None:
        self.resources = resources
        self.broken = broken
        self.suggested = 0
        self.by_key: dict[str, list[Address]] = {}
        for address in resources:
            self.by_key.setdefault(address.key, []).append(address)

    def mappings(self, mappings: Iterable[Resource]) -> Iterator[Problem]:
        for mapping in mappings:
            yield from self.writable(mapping)
            yield from self.upload(mapping)
            if mapping.match:
                yield from self.match(mapping)
            for key, links in mapping.relationships.items():
                yield from self.relationship(mapping, key, links)

    def each(self) -> Iterator[Problem]:
        for resource in self.resources.values():
            if resource.row is None:  # of rows, their mapping tells
                yield from self.writable(resource)
            yield from self.object_type(resource)
            yield from self.upload(resource)
            yield from self.match(resource)
            for key, links in resource.relationships.items():
                yield from self.relationship(resource, key, links)
            if resource.members:
                yield from _twice(resource, resource.members)

    # ------------------------------------------------------------ fields and match

    def writable(self, resource: Resource) -> Iterator[Problem]:
        kind = kind_of(resource.address.kind)
        for key, value in resource.fields.items():
            known = kind.fields.get(key)
            if known and not known.writable:
                yield _problem(resource, value, f"`{key}` is written by Lightfield alone", "take it out")

    def object_type(self, resource: Resource) -> Iterator[Problem]:
        if resource.address.kind == "list" and _blank(resource, "$objectType"):
            hint = "add `$objectType: $account`, `$contact` or `$opportunity`"
            yield _problem(resource, resource, "`$objectType` is missing: what does the list hold?", hint)

    def match(self, resource: Resource) -> Iterator[Problem]:
        match = resource.match
        if match is None:
            if resource.id is None and not kind_of(resource.address.kind).uploaded:
                yield from self.default_match(resource)
        else:
            declared = [*resource.fields, *resource.relationships]
            for key in (key for keys in match.lists for key in keys):
                if key.data not in declared:
                    hint = did_you_mean(str(key.data), declared) or "declare it, or take it out of `match`"
                    yield _problem(resource, key, f"`match` names `{key.data}`, which is not declared here", hint)

    def default_match(self, resource: Resource) -> Iterator[Problem]:
        firsts = [keys[0] for keys in kind_of(resource.address.kind).matches]
        if not firsts:
            message = f"nothing says which record this is: {with_article(resource.address.kind)} has no default match"
            hint = "add `match`, for example `match: [name]`, or an `id`"
            if resource.row is None:
                yield _problem(resource, resource, message, hint)
            else:  # its source says so of all its rows at once (rule C15)
                yield Problem(message, resource.row.source, str(every(resource.address.kind)), hint)
        elif all(_blank(resource, key) for key in firsts):
            names = " and ".join(f"`{key}`" for key in firsts)
            message = f"{names} {'is' if len(firsts) == 1 else 'are'} missing, so that nothing is left to match"
            hint = f"add `{firsts[0]}`, or say with `match` or `id` which record it is"
            yield _problem(resource, resource.fields.get(firsts[0], resource), message, hint)

    # ------------------------------------------------------------ files (rule F1)

    def upload(self, resource: Resource) -> Iterator[Problem]:
        """The API deletes and changes no file: of `lifecycle` only `seed` means anything."""
        if not kind_of(resource.address.kind).uploaded:
            return
        lifecycle, name = resource.lifecycle, resource.address.kind
        if lifecycle.absent:
            hint = f"take the {name} out of the project; `lfsync state rm` forgets it"
            yield _problem(resource, resource, f"`absent`: the API deletes no {name}s", hint)
        if lifecycle.protect is not None:
            yield _problem(resource, resource, f"`protect`: no {name} is ever deleted", "take it out")
        for key in lifecycle.ignore_changes:
            hint = "write `seed: true` to upload it once, whatever becomes of its content"
            yield _problem(resource, key, f"`ignore_changes`: a {name} has nothing but its content", hint)

    def same_content(self) -> Iterator[Problem]:
        """Two files of one content: a lost state could not tell them apart (rule C10). An `id` tells any two apart."""
        firsts: dict[tuple[str, str], Resource] = {}
        for resource in self.resources.values():
            upload = resource.upload
            if upload is None or resource.id is not None:
                continue
            first = firsts.setdefault((resource.address.kind, upload.sha256), resource)
            if first is not resource and first.upload:
                message = f"`{upload.path}` has the content of {first.address} at {first.upload.place}"
                hint = f"keep one of the two and refer to it as `{first.address.key}`: each content is there once"
                yield Problem(message, upload.place, str(resource.address), hint)

    # ------------------------------------------------------------ refs

    def relationship(self, resource: Resource, key: str, links: Links) -> Iterator[Problem]:
        known = kind_of(resource.address.kind).relationships.get(key)
        yield from _twice(resource, links)
        if known is None:
            return
        if not known.writable:
            if resource.row is None:
                message = f"`{key}` of {with_article(resource.address.kind)} can't be set here"
                yield _problem(resource, links, message, _side(resource, known))
        elif is_kind(known.target):
            for ref in (*links.include, *links.exclude):
                if ref.match is None and not self.points(ref, known.target):
                    yield self.lost(resource, key, ref, known.target)

    def points(self, ref: Ref, target: str) -> bool:
        """Whether a ref is a key of the target kind, or may be a live id of one."""
        if named(self.resources, target, ref.text) or named(self.broken, target, ref.text):
            return True
        owner = id_kind(ref.text)
        return owner == target or bool(owner is None and not kind_of(target).id_prefix and is_id(ref.text))

    def lost(self, resource: Resource, key: str, ref: Ref, target: str) -> Problem:
        owner = id_kind(ref.text)
        others = self.by_key.get(ref.text)
        near = self.nearest(ref.text, target)
        if others or owner:
            what = " and ".join(map(str, others)) if others else f"the id of {with_article(str(owner))}"
            message = f"`{key}` takes {with_article(target)}, and `{ref.text}` is {what}"
            return _problem(
                resource, ref, message, near or f"name {with_article(target)}: its key, its id or {{match: ...}}"
            )
        kind, _, rest = ref.text.partition(".")
        if is_kind(kind) and Address(kind, rest) in self.resources:
            return _problem(resource, ref, f"`{key}`: `{ref.text}` is an address, not a key", f"write `{rest}`")
        hint = near or f"declare {with_article(target)} with this key, or write an id or {{match: ...}}"
        return _problem(resource, ref, f"`{key}`: there is no {target} `{ref.text}`", hint)

    def nearest(self, text: str, target: str) -> str | None:
        """A hint for the first few lost refs; looking for each of thousands would take minutes."""
        self.suggested += 1
        keys = (address.key for address in self.resources if address.kind == target)
        return did_you_mean(text, keys) if self.suggested <= _SUGGESTIONS else None

    # ------------------------------------------------------------ both sides of a link (rule C9)

    def contradictions(self) -> Iterator[Problem]:
        for resource in self.resources.values():
            for key, back in kind_of(resource.address.kind).inverse.items():
                links = resource.relationships.get(key)
                if links:
                    yield from self.contradicted(resource, key, back, links)

    def contradicted(self, resource: Resource, key: str, back: str, links: Links) -> Iterator[Problem]:
        """Links that this side declares and the other side, which declares its own, leaves out."""
        target = kind_of(resource.address.kind).relationships[key].target
        for ref in links.include:
            address = named(self.resources, target, ref.text) if ref.match is None else None
            other = self.resources[address] if address else None
            theirs = other.relationships.get(back) if other else None
            if other and theirs and self.leaves_out(theirs, resource.address):
                message = (
                    f"`{key}` links {other.address}, whose `{back}` at {theirs.place} leaves {resource.address} out"
                )
                yield _problem(resource, ref, message, "declare the link on one side, or alike on both")

    def leaves_out(self, links: Links, address: Address) -> bool:
        if any(named(self.resources, address.kind, ref.text) == address for ref in links.exclude):
            return True
        included = {named(self.resources, address.kind, ref.text) for ref in links.include}
        return links.form != "partial" and address not in included and None not in included

    # ------------------------------------------------------------ cycles

    def cycles(self) -> Iterator[Problem]:
        needs = {
            address: found
            for address, resource in self.resources.items()
            if resource.id is None and (found := self.needs(resource))
        }
        for cycle in cycles(needs):
            shown = " → ".join(map(str, (*cycle, cycle[0])))
            first = self.resources[cycle[0]]
            where = needs[cycle[0]][cycle[1] if len(cycle) > 1 else cycle[0]]
            message = f"each of these needs the next one first: {shown}"
            yield _problem(first, where, message, "take one of these refs out of `match`, or give one of them an `id`")

    def needs(self, resource: Resource) -> dict[Address, Links | Value]:
        """The resources whose ids must be known before this one can be matched or made, and where that is said."""
        known = kind_of(resource.address.kind).relationships
        found: dict[Address, Links | Value] = {}
        for key, text, where in _needed_refs(resource):
            found |= dict.fromkeys(self.targets(known.get(key), text), where)
        return found

    def targets(self, known: Relationship | None, text: str) -> Iterable[Address]:
        """Where a ref leads. A custom relationship's target kind is not known here: only an unambiguous key counts."""
        if known is None:
            found = self.by_key.get(text) or (self.by_key.get(as_key(text)) if isinstance(text, Cell) else None) or ()
            return found if len(found) == 1 else ()
        address = named(self.resources, known.target, text)
        return (address,) if address else ()


def _needed_refs(resource: Resource) -> Iterator[tuple[str, str, Links | Value]]:
    """(relationship, ref, where it stands) for what a create must carry and what `match` names."""
    kind = kind_of(resource.address.kind)
    for key in {*kind.required, *_match_keys(resource)}:
        links = resource.relationships.get(key)
        if links:
            yield from ((key, ref.text, links) for ref in links.include if ref.match is None)
    for key, value in (resource.match.values or {}).items() if resource.match else ():
        if key in kind.relationships or key in resource.relationships:
            listed = value.data if isinstance(value.data, list) else [value.data]
            yield from ((key, _text(text), value) for text in listed if isinstance(text, str))


def _text(text: str) -> str:
    """A ref of a match as a ref's text: in NFC, and a cell stays one."""
    plain = nfc(text.strip())
    return Cell(plain) if isinstance(text, Cell) else plain


def _match_keys(resource: Resource) -> Iterable[str]:
    match = resource.match
    if match is not None:
        return [str(key.data) for keys in match.lists for key in keys]
    for keys in kind_of(resource.address.kind).matches:
        if not _blank(resource, keys[0]):
            return keys
    return ()


def _twice(resource: Resource, links: Links) -> Iterator[Problem]:
    seen: dict[str, Ref] = {}
    for ref in (*links.include, *links.exclude):
        if ref.match is None:
            first = seen.setdefault(ref.text, ref)
            if first is not ref:
                yield _problem(resource, ref, f"`{ref.text}` is named twice", f"keep one; it is first at {first.place}")


def _blank(resource: Resource, key: str) -> bool:
    value = resource.fields.get(key)
    return value is None or value.data is None or value.data == "" or value.data == []


def _side(resource: Resource, known: Relationship) -> str:
    """How to set from the other side what can't be set from here."""
    target = kind_of(known.target) if is_kind(known.target) else None
    backs = target.relationships.items() if target else ()
    keys = [f"`{key}`" for key, rel in backs if rel.target == resource.address.kind and rel.writable]
    if keys:
        return f"set {' or '.join(keys)} of the {known.target}"
    return (known.instead or _DERIVED.get(known.target, "the API has no way to set it")) + "; take it out"


def _problem(resource: Resource, at: Resource | Value | Links | Ref | Match, message: str, hint: str | None) -> Problem:
    return Problem(message, at.place, str(resource.address), hint)

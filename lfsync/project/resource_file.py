"""Resource files to resources: sections, bodies, defaults, addresses. Pure; nodes in, `Resource` out.

The nodes are walked once and straight into the model: a tree of plain data between would double the work
for a file of 10,000 resources.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from lfsync.errors import Problem
from lfsync.kinds import KINDS, OBJECT, OBJECTS, SECTIONS, Kind, is_kind, kind_of
from lfsync.model import JSON, Address, Links, Match, Place, Ref, Resource, Value
from lfsync.project.declarations import (
    NO_DEFAULT,
    Body,
    Default,
    Forms,
    LifecycleKeys,
    ReadText,
    every,
    no_kind,
    no_slug,
)
from lfsync.project.documents import Document, Pair, items, pairs
from lfsync.project.keys import key_problem
from lfsync.project.moves import MOVED, Move, read_moves
from lfsync.project.sources import Source, read_sources
from lfsync.wording import nearest, nfc

_TOP_KEYS: Final = (*SECTIONS, OBJECTS, "sources", MOVED)
_OWN: Final = "x-"  # what begins so at the top of a file is the user's own
_SLIP: Final = 0.8  # how near to one of ours a key is a slip of the pen, and no sign of another program's file
_WORD_AT_THE_START: Final = re.compile(r"^([A-Za-z_][\w.-]*|\"[^\"\n]*\"|'[^'\n]*')[ \t]*:(?=\s|$)", re.MULTILINE)
_DEFAULT_KEYS: Final = ("fields", "relationships", "lifecycle")
_UPLOAD_DEFAULTS: Final = ("lifecycle",)
_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Declared:
    """What one file declares. `named` are the files that its values and sources name (rule C1).

    `types`: the types of custom objects that it has sections for, each as what is said of all its resources.
    `texts`: the file that a `{file: ...}` names, by the place of the value.
    `foreign`: the file is plainly no resource file, but another program's.
    """

    file: str
    resources: tuple[Resource, ...] = ()
    types: tuple[Resource, ...] = ()
    sources: tuple[Source, ...] = ()
    moves: tuple[Move, ...] = ()
    named: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    foreign: bool = False
    texts: Mapping[Place, str] = field(default_factory=dict)


def read_defaults(document: Document, read_text: ReadText) -> tuple[dict[str, Default], Declared]:
    """`defaults` of `lfsync.yaml`, by kind; and what else that file declares: problems, and files that it names."""
    forms = Forms(document.file, read_text)
    found: dict[str, Default] = {}
    root = document.root
    sections = {key.value: value for key, value in pairs(root)} if isinstance(root, MappingNode) else {}
    if "defaults" in sections:
        for key, node in forms.mapping(sections["defaults"], "`defaults`"):
            if is_kind(key.value):
                found[key.value] = _default(forms, kind_of(key.value), node)
            else:
                forms.say(key, *no_kind(key.value))
    named = tuple(forms.texts.values())
    return found, Declared(document.file, named=named, problems=tuple(forms.problems), texts=forms.texts)


def read_resources(root: Node | None, file: str, defaults: Mapping[str, Default], read_text: ReadText) -> Declared:
    """What one resource file declares, from its root node."""
    if root is not None and _is_foreign(root):
        return Declared(file, foreign=True)
    forms = Forms(file, read_text)
    resources: list[Resource] = []
    types: list[Resource] = []
    sources: list[Source] = []
    moves: list[Move] = []
    for key, node in [] if root is None else forms.mapping(root, "a resource file"):
        kind = SECTIONS.get(key.value)
        if kind is not None:
            resources += _section(forms, kind, node, defaults.get(kind.name, NO_DEFAULT))
        elif key.value == OBJECTS:
            for slug, section in _types(forms, node):
                kind = kind_of(OBJECT + slug.value)
                types.append(Resource(every(kind.name), forms.place(slug)))
                resources += _section(forms, kind, section, defaults.get(kind.name, NO_DEFAULT))
        elif key.value == "sources":
            sources += read_sources(forms, node)
        elif key.value == MOVED:
            moves += read_moves(forms, node)
        elif not key.value.startswith(_OWN):
            forms.unknown(key, _TOP_KEYS, "a resource file")
    named = (*forms.texts.values(), *(source.path for source in sources))
    problems = tuple(forms.problems)
    return Declared(
        file, tuple(resources), tuple(types), tuple(sources), tuple(moves), named, problems, texts=forms.texts
    )


def join(parts: Iterable[Iterable[Resource]]) -> tuple[dict[Address, Resource], list[Problem]]:
    """All resources by address; the same address twice is a problem that names both places."""
    found: dict[Address, Resource] = {}
    problems: list[Problem] = []
    for resource in (resource for part in parts for resource in part):
        first = found.setdefault(resource.address, resource)
        if first is not resource:
            problems.append(_declared_twice(first, resource))
    return found, problems


def looks_foreign(text: str) -> bool:
    """Whether a file that can't be read as YAML has words at the start of lines, and none is one of ours."""
    return _are_foreign([word.strip("\"'") for word in _WORD_AT_THE_START.findall(text)])


def _is_foreign(root: Node) -> bool:
    parts = items(root) if isinstance(root, SequenceNode) else [root]
    own = [key.value for part in parts if isinstance(part, MappingNode) for key, _ in pairs(part)]
    own += [part.value for part in parts if isinstance(part, ScalarNode) and part.value]
    return _are_foreign([key for key in own if not key.startswith(_OWN)])


def _are_foreign(keys: Sequence[str]) -> bool:
    """No top-level key is one of ours, nor a slip of the pen for one: a typo must not take resources out of sight."""
    return bool(keys) and not any(key in _TOP_KEYS or _is_slip(key) for key in keys)


def _is_slip(key: str) -> bool:
    """Whether a key is nearly one of ours: `acounts`, `Opportunity`; `resources` is other programs' own word."""
    near = nearest(key, _TOP_KEYS, _SLIP)
    return key.casefold() in KINDS or (near is not None and abs(len(near) - len(key)) < 2)


def _declared_twice(first: Resource, second: Resource) -> Problem:
    address = str(second.address)
    if first.row and second.row and first.row.cell != second.row.cell:
        message = f"`{second.row.cell}` gives the same key as `{first.row.cell}` at {first.place}"
        return Problem(message, second.place, address, "two cells must not become one thing: take another key column")
    return Problem(f"declared twice; it is first at {first.place}", second.place, address, "keep one, or rename one")


def _default(forms: Forms, kind: Kind, node: Node) -> Default:
    parts: dict[str, Node] = {}
    known = _UPLOAD_DEFAULTS if kind.uploaded else _DEFAULT_KEYS
    for key, value in forms.mapping(node, "a default"):
        if key.value in known:
            parts[key.value] = value
        else:
            forms.unknown(key, known, "a default")
    return Default(
        forms.values(parts["fields"], "`fields`") if "fields" in parts else {},
        forms.relationships(parts["relationships"]) if "relationships" in parts else {},
        forms.lifecycle(parts["lifecycle"]) if "lifecycle" in parts else LifecycleKeys(),
    )


def _types(forms: Forms, node: Node) -> Iterable[Pair]:
    """The sections below `objects:` whose slugs can be ones."""
    for slug, section in forms.mapping(node, f"`{OBJECTS}`"):
        if is_kind(OBJECT + slug.value):
            yield slug, section
        else:
            forms.say(slug, *no_slug(slug.value))


def _section(forms: Forms, kind: Kind, node: Node, default: Default) -> Iterable[Resource]:
    what = kind.section if kind.section in SECTIONS else f"{kind.section}: {kind.name.removeprefix(OBJECT)}"
    for key, body in forms.mapping(node, f"`{what}`"):
        name = nfc(key.value)
        forms.address = Address(kind.name, name)
        wrong = key_problem(name)
        if wrong:
            forms.say(key, *wrong)
        else:
            yield _resource(forms, key, body, kind, default)
    forms.address = None


def _read_fields(forms: Forms, node: Node, body: Body) -> None:
    body.fields = forms.values(node, "`fields`")


def _read_relationships(forms: Forms, node: Node, body: Body) -> None:
    body.relationships = forms.relationships(node)


def _read_members(forms: Forms, node: Node, body: Body) -> None:
    body.members = forms.members(node)


def _read_id(forms: Forms, node: Node, body: Body) -> None:
    text = forms.text(node, "`id`")
    body.id = None if text is None else Value(text.strip(), forms.place(node))


def _read_match(forms: Forms, node: Node, body: Body) -> None:
    body.match = forms.match(node)


def _read_lifecycle(forms: Forms, node: Node, body: Body) -> None:
    body.lifecycle = forms.lifecycle(node)


def _read_flag(forms: Forms, name: str, node: Node, body: Body) -> None:
    flag = forms.flag(node, f"`{name}`")
    if flag is not None:
        body.flags[name] = Value(flag, forms.place(node))


def _read_file(key: str) -> Callable[[Forms, Node, Body], None]:
    def read(forms: Forms, node: Node, body: Body) -> None:
        text = forms.text(node, f"`{key}`")
        if text is not None:
            body.file[key] = Value(text if key == "path" else text.strip(), forms.place(node))

    return read


_PARTS: Final[Mapping[str, Callable[[Forms, Node, Body], None]]] = {
    "fields": _read_fields,
    "relationships": _read_relationships,
    "match": _read_match,
    "id": _read_id,
    "lifecycle": _read_lifecycle,
}
_LIST_PARTS: Final = {**_PARTS, "members": _read_members}
_UPLOAD_PARTS: Final = {
    **{key: _read_file(key) for key in ("path", "purpose", "mimeType")},
    "id": _read_id,
    "lifecycle": _read_lifecycle,
}


def _resource(forms: Forms, key: ScalarNode, node: Node, kind: Kind, default: Default) -> Resource:
    body = Body()
    parts = _UPLOAD_PARTS if kind.uploaded else _LIST_PARTS if kind.name == "list" else _PARTS
    for name, value in forms.mapping(node, "a resource"):
        read = parts.get(name.value)
        if name.value in kind.flags:
            _read_flag(forms, name.value, value, body)
        elif read is None:
            _unknown_part(forms, name, kind, (*parts, *kind.flags))
        else:
            read(forms, value, body)
    return body.over(default, Address(kind.name, nfc(key.value)), forms.place(key))


def _unknown_part(forms: Forms, key: ScalarNode, kind: Kind, parts: Iterable[str]) -> None:
    name = key.value
    home = "fields" if name in kind.fields else "relationships" if name in kind.relationships else None
    if home and home in parts:
        forms.say(key, f"unknown key `{name}` in a resource", f"write it below `{home}`")
    elif name == "members":
        forms.say(key, "only lists have `members`", f"a {kind.name} has {', '.join(parts)}")
    else:
        forms.unknown(key, parts, "a resource")


# ---------------------------------------------------------------- digest


def digest(resources: Mapping[Address, Resource], moves: Iterable[Move] = ()) -> str:
    """A hash of the desired state: the same for any order of files, keys and rows, other for any other content."""
    hasher = hashlib.sha256()
    for address in sorted(resources):
        hasher.update(_CANONICAL.encode(content(resources[address])).encode())
    for move in sorted((str(before.address), str(after.address)) for before, after in moves):
        hasher.update(_CANONICAL.encode(move).encode())
    return hasher.hexdigest()


def content(resource: Resource) -> JSON:
    """All that a resource says, without the places where it says it."""
    lifecycle = resource.lifecycle
    parts: list[JSON] = [
        str(resource.address),
        {key: value.data for key, value in resource.fields.items()},
        {key: _links(links) for key, links in resource.relationships.items()},
        None if resource.members is None else _links(resource.members),
        None if resource.id is None else resource.id.data,
        _match(resource.match),
        _words(lifecycle.ignore_changes),
        [lifecycle.seed, lifecycle.protect, lifecycle.absent],
    ]
    return [*parts, _values(resource.flags)] if resource.flags else parts


def _links(links: Links) -> JSON:
    parts: list[JSON] = [links.form, _refs(links.include), _refs(links.exclude)]
    return parts if links.where is None else [*parts, _values(links.where)]


def _refs(refs: tuple[Ref, ...]) -> JSON:
    if len(refs) == 1 and refs[0].match is None:
        return [refs[0].text]
    return sorted((ref.text if ref.match is None else _values(ref.match) for ref in refs), key=json.dumps)


def _match(match: Match | None) -> JSON:
    if match is None:
        return None
    return _values(match.values or {}) if match.keys is None else _words(match.keys)


def _words(values: tuple[Value, ...]) -> JSON:
    return [*sorted(str(value.data) for value in values)]


def _values(values: Mapping[str, Value]) -> JSON:
    return {key: values[key].data for key in sorted(values)}

"""The forms in which YAML declares values, refs, links and matches: nodes to model, with places. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, TypedDict, cast

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from lfsync.errors import ConfigError, Problem
from lfsync.kinds import KINDS, OBJECT, SECTIONS
from lfsync.model import JSON, Address, Lifecycle, Links, Match, Place, Ref, Resource, Row, Value
from lfsync.project.documents import Pair, items, pairs, plain, scalar
from lfsync.wording import did_you_mean, nfc

# Reads a text file of the project, named at a place. Raises ConfigError placed there.
ReadText: TypeAlias = Callable[[str, Place], str]

_MEMBERS: Final = ("where", "include", "exclude")
_FLAGS: Final = ("seed", "protect", "absent")
_LIFECYCLE: Final = ("ignore_changes", *_FLAGS)


class LifecycleKeys(TypedDict, total=False):
    """The keys of a `lifecycle` that a file names; None for one that takes back what `defaults` say."""

    ignore_changes: tuple[Value, ...]
    seed: bool | None
    protect: bool | None
    absent: bool | None


@dataclass(frozen=True, slots=True)
class Default:
    """What `defaults` puts under every resource of a kind."""

    fields: Mapping[str, Value] = field(default_factory=dict)
    relationships: Mapping[str, Links] = field(default_factory=dict)
    lifecycle: LifecycleKeys = field(default_factory=LifecycleKeys)


NO_DEFAULT: Final = Default()
_NO_LIFECYCLE: Final = Lifecycle()
_NOTHING: Final[Mapping[str, Value]] = {}  # one for all who say nothing


class Body:
    """The parts of one resource's body while it is read."""

    __slots__ = ("fields", "file", "flags", "id", "lifecycle", "match", "members", "relationships")

    def __init__(self) -> None:
        self.fields: dict[str, Value] = {}
        self.relationships: dict[str, Links] = {}
        self.members: Links | None = None
        self.id: Value | None = None
        self.match: Match | None = None
        self.lifecycle: LifecycleKeys | None = None
        self.file: dict[str, Value] = {}
        self.flags: dict[str, Value] = {}

    def over(self, default: Default, address: Address, place: Place, row: Row | None = None) -> Resource:
        """The resource, over its kind's default key by key (rule C3)."""
        return Resource(
            address,
            place,
            {**default.fields, **self.fields} if default.fields else self.fields,
            {**default.relationships, **self.relationships} if default.relationships else self.relationships,
            self.members,
            self.id,
            self.match,
            _lifecycle(self.lifecycle, default.lifecycle),
            row,
            file=self.file or _NOTHING,
            flags=self.flags or _NOTHING,
        )


class Forms:
    """Reads the forms of one YAML file. What is wrong is added to `problems`, and something harmless returned.

    `address` is the resource being read, for the problems. `texts` are the files that `{file: ...}` named, by the place
    of the value. `rosters` are members that rows name, to be read once the rows can be.
    """

    def __init__(self, file: str, read_text: ReadText) -> None:
        self.file = file
        self.read_text = read_text
        self.problems: list[Problem] = []
        self.texts: dict[Place, str] = {}
        self.rosters: list[tuple[Address, MappingNode]] = []
        self.address: Address | None = None

    def place(self, node: Node) -> Place:
        mark = node.start_mark
        return Place(self.file, mark.line + 1, mark.column + 1)

    def say(self, node: Node, message: str, hint: str | None = None) -> None:
        address = None if self.address is None else str(self.address)
        self.problems.append(Problem(message, self.place(node), address, hint))

    # ------------------------------------------------------------ shapes

    def mapping(self, node: Node, what: str) -> list[Pair]:
        """The entries of a mapping; nothing behind a key counts as no entries."""
        if isinstance(node, MappingNode):
            return pairs(node)
        if not is_null(node):
            self.say(node, f"{what} must be a mapping of `key: value`")
        return []

    def unknown(self, key: ScalarNode, known: Iterable[str], what: str) -> None:
        names = list(known)
        hint = did_you_mean(key.value, names) or f"known here: {', '.join(names)}"
        self.say(key, f"unknown key `{key.value}` in {what}", hint)

    def text(self, node: Node, what: str) -> str | None:
        """A text that is not empty."""
        value = scalar(node) if isinstance(node, ScalarNode) else None
        if isinstance(value, str) and value.strip():
            return value
        number = isinstance(value, int | float)
        self.say(node, f"{what} must be text", f'put it into quotes: "{node.value}"' if number else None)
        return None

    def text_list(self, node: Node, what: str) -> tuple[Value, ...]:
        if not isinstance(node, SequenceNode):
            hint = f"write [{node.value}]" if isinstance(node, ScalarNode) and node.value else None
            self.say(node, f"{what} must be a list of keys", hint)
            return ()
        found: dict[str, Value] = {}
        for item in items(node):
            text = self.text(item, f"an item of {what}")
            if text in found:
                self.say(item, f"{what} names `{text}` twice", "keep one of the two")
            elif text is not None:
                found[text] = Value(text, self.place(item))
        return tuple(found.values())

    # ------------------------------------------------------------ values

    def value(self, node: Node) -> Value:
        """A field's value: plain data, or the text of `{file: path}`."""
        if isinstance(node, ScalarNode):
            return Value(scalar(node), self.place(node))
        if isinstance(node, MappingNode):
            entries = pairs(node)
            if len(entries) == 1 and entries[0][0].value == "file":
                return Value(self.file_text(entries[0][1], self.place(node)), self.place(node))
        return Value(plain(node), self.place(node))

    def values(self, node: Node, what: str) -> dict[str, Value]:
        value = self.value
        return {key.value: value(item) for key, item in self.mapping(node, what)}

    def file_text(self, node: Node, place: Place) -> str | None:
        path = self.text(node, "`file`")
        if path is None:
            return None
        self.texts[place] = path
        try:
            return self.read_text(path, self.place(node))
        except ConfigError as error:
            address = None if self.address is None else str(self.address)
            self.problems += (Problem(p.message, p.place, address, p.hint) for p in error.problems)
            return None

    # ------------------------------------------------------------ refs

    def ref(self, node: Node) -> Ref | None:
        """A key, e-mail or id, or `{match: {...}}`."""
        if isinstance(node, MappingNode):
            return self.match_ref(node)
        if isinstance(node, SequenceNode):
            self.say(node, "a list inside of a list of refs", "write one flat list")
            return None
        text = self.text(node, "a ref")
        return None if text is None else Ref(self.place(node), nfc(text.strip()))

    def match_ref(self, node: MappingNode) -> Ref | None:
        match: dict[str, Value] = {}
        for key, value in pairs(node):
            if key.value == "match":
                match = self.values(value, "`match`")
            else:
                self.unknown(key, ["match"], "a ref")
                return None
        if not match:
            self.say(node, "a ref with nothing to match", "name what finds the record: {match: {$name: ...}}")
            return None
        return Ref(self.place(node), match=match)

    def refs(self, node: Node, what: str) -> tuple[Ref, ...]:
        if isinstance(node, SequenceNode):
            return tuple(ref for ref in map(self.ref, items(node)) if ref)
        hint = f"write [{node.value}]" if isinstance(node, ScalarNode) and node.value else "write [] for none"
        self.say(node, f"{what} must be a list", hint)
        return ()

    def links(self, node: Node) -> Links:
        """A relationship: a ref or null, an exact list, or `{include, exclude}`."""
        place = self.place(node)
        if isinstance(node, SequenceNode):
            return Links(place, "exact", self.refs(node, "a relationship"))
        if isinstance(node, MappingNode) and not any(key.value == "match" for key, _ in pairs(node)):
            return self.partial(node)
        if isinstance(node, ScalarNode) and (is_null(node) or not node.value.strip()):
            return Links(place, "one")
        ref = self.ref(node)
        return Links(place, "one", (ref,) if ref else ())

    def partial(self, node: MappingNode) -> Links:
        parts: dict[str, tuple[Ref, ...]] = {"include": (), "exclude": ()}
        for key, value in pairs(node):
            if key.value in parts:
                parts[key.value] = self.refs(value, f"`{key.value}`")
            else:
                self.unknown(key, ["include", "exclude", "match"], "a relationship")
        if not pairs(node):
            self.say(node, "a relationship that says nothing", "write [] for none, or {include: [...], exclude: [...]}")
        return Links(self.place(node), "partial", parts["include"], parts["exclude"])

    def members(self, node: Node) -> Links | None:
        if isinstance(node, SequenceNode):
            return Links(self.place(node), "exact", self.refs(node, "`members`"))
        if isinstance(node, MappingNode) and any(key.value == "from" for key, _ in pairs(node)):
            if self.address is not None:
                self.rosters.append((self.address, node))
            return Links(self.place(node), "exact")
        if isinstance(node, MappingNode):
            return self.chosen_members(node)
        self.say(node, "`members` must be a list", "write [] for a list without members, or {include: [...]}")
        return None

    def chosen_members(self, node: MappingNode) -> Links:
        """`{include, exclude}`, and `where` beside them for a list by rule."""
        parts: dict[str, tuple[Ref, ...]] = {"include": (), "exclude": ()}
        where: dict[str, Value] | None = None
        for key, value in pairs(node):
            if key.value in parts:
                parts[key.value] = self.refs(value, f"`{key.value}`")
            elif key.value == "where":
                where = self.where(value)
            else:
                self.unknown(key, _MEMBERS, "`members`")
        if not pairs(node):
            self.say(node, "`members` that say nothing", "write [] for none, {where: {...}} or {include: [...]}")
        form: Literal["partial", "rule"] = "partial" if where is None else "rule"
        return Links(self.place(node), form, parts["include"], parts["exclude"], where)

    def where(self, node: Node) -> dict[str, Value]:
        """What a rule asks of a record, by key. Nothing asked would be everybody, and is never meant."""
        hint = "name what its members have: {where: {tier: Gold}}"
        if not isinstance(node, MappingNode) and not is_null(node):
            self.say(node, "`where` must be a mapping of `key: value`", hint)
            return {}
        where = self.values(node, "`where`")
        if not where:
            self.say(node, "`where` says nothing, which would be everybody", hint)
        return where

    def relationships(self, node: Node) -> dict[str, Links]:
        links = self.links
        return {key.value: links(value) for key, value in self.mapping(node, "`relationships`")}

    # ------------------------------------------------------------ match, lifecycle

    def match(self, node: Node) -> Match | None:
        """`[$name, $account]`, or a mapping with other values."""
        if isinstance(node, MappingNode):
            values = self.values(node, "`match`")
            if values:
                return Match(self.place(node), values=values)
        elif not isinstance(node, SequenceNode):
            self.say(node, "`match` must be a list of keys or a mapping", "write [$name], or {$name: ...}")
            return None
        if isinstance(node, SequenceNode) and any(isinstance(item, SequenceNode) for item in items(node)):
            return self.match_lists(node)
        keys = self.text_list(node, "`match`") if isinstance(node, SequenceNode) else ()
        if keys:
            return Match(self.place(node), keys=keys)
        if not cast(list[object], node.value):
            self.say(
                node, "a match with nothing to match", "name the fields that find the record, or leave `match` out"
            )
        return None

    def match_lists(self, node: SequenceNode) -> Match | None:
        """`[[$email], [$name]]`: each list for where those before it have no values or hit nothing (rule K2)."""
        lists: dict[frozenset[JSON], tuple[Value, ...]] = {}
        for item in items(node):
            keys = self.text_list(item, "an item of `match`")
            if not keys:
                if isinstance(item, SequenceNode) and not items(item):
                    self.say(item, "a match with nothing to match", "name the fields that find the record")
                return None
            same = frozenset(str(key.data) for key in keys)
            if same in lists:
                self.say(item, "`match` has this list twice", "keep the first of them")
                return None
            lists[same] = keys
        first, *others = lists.values()
        return Match(self.place(node), keys=first, others=tuple(others))

    def lifecycle(self, node: Node) -> LifecycleKeys:
        found = LifecycleKeys()
        for key, value in self.mapping(node, "`lifecycle`"):
            if key.value == "ignore_changes":
                found["ignore_changes"] = () if is_null(value) else self.text_list(value, "`ignore_changes`")
            elif key.value == "seed":
                found["seed"] = self.flag(value, "`seed`")
            elif key.value == "protect":
                found["protect"] = self.flag(value, "`protect`")
            elif key.value == "absent":
                found["absent"] = self.flag(value, "`absent`")
            else:
                self.unknown(key, _LIFECYCLE, "`lifecycle`")
        return found

    def flag(self, node: Node, what: str) -> bool | None:
        """true or false; None for null."""
        value = scalar(node) if isinstance(node, ScalarNode) else ""
        if value is None or isinstance(value, bool):
            return value
        self.say(node, f"{what} must be true or false")
        return None


def _lifecycle(own: LifecycleKeys | None, default: LifecycleKeys) -> Lifecycle:
    """A resource's lifecycle over its kind's default, key by key (rule C3)."""
    if not own and not default:
        return _NO_LIFECYCLE
    keys: LifecycleKeys = {**default, **(own or {})}
    return Lifecycle(
        ignore_changes=keys.get("ignore_changes", ()),
        seed=bool(keys.get("seed")),
        protect=keys.get("protect"),
        absent=bool(keys.get("absent")),
    )


def every(kind: str) -> Address:
    """The address of what is said of all resources of a kind at once."""
    return Address(kind, "*")


def is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and scalar(node) is None


def no_kind(name: str) -> tuple[str, str]:
    """The message and the hint for a kind that this version doesn't know."""
    if name.startswith(OBJECT):
        return no_slug(name.removeprefix(OBJECT))
    if name in ("object", "objects"):
        return f"`{name}` names no type of custom objects", "write `object.SLUG`, for example `object.project`"
    by_section = SECTIONS.get(name)
    known = f"kinds are {', '.join(KINDS)}, object.SLUG"
    hint = f"did you mean `{by_section.name}`?" if by_section else did_you_mean(name, KINDS)
    return f"unknown kind `{name}`", hint or known


def no_slug(text: str) -> tuple[str, str]:
    """The message and the hint for what can't be the slug of a type of custom objects."""
    hint = "a slug has letters, digits, `_` and `-`, and begins with a letter"
    return f"`{text}` can't be the slug of a custom object type", hint

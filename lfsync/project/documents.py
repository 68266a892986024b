"""YAML text to nodes and plain data, every value with its place. Pure.

libyaml composes the nodes; the scalars are resolved here, by YAML 1.2's core schema with two departures that keep
what people type: a number with a leading zero (`0123`) is text, and one with a leading plus (`+4943112345`) remembers
how it is written, for the fields that are no numbers.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias, cast

from yaml._yaml import CParser
from yaml.error import MarkedYAMLError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.reader import ReaderError

from lfsync.errors import ConfigError, Problem
from lfsync.model import JSON, Numeral, Place
from lfsync.yaml_scalars import resolve

MAX_SIZE: Final = 64 * 1024 * 1024  # characters; 100,000 resources take about 30 million
MAX_TEXT: Final = 1024 * 1024  # bytes of a `{file: ...}`; no field of the API takes as much
MAX_DEPTH: Final = 50
MAX_ALIASES: Final = 100_000  # nodes that aliases may add, and 20 for each node that is written

_PLAIN: Final = "plain"
_QUOTED: Final = "quoted"
_COLLECTION: Final = "collection"
_STANDARD: Final = "tag:yaml.org,2002:"
_TEXT_TAG: Final = _STANDARD + "str"
_TAGS: Final = {
    ScalarNode: {_PLAIN, _QUOTED, *(_STANDARD + name for name in ("str", "int", "float", "bool", "null"))},
    SequenceNode: {_COLLECTION, _STANDARD + "seq"},
    MappingNode: {_COLLECTION, _STANDARD + "map"},
}

_UNPRINTABLE: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
Pair: TypeAlias = tuple[ScalarNode, Node]

_LINE_END: Final = re.compile(r"\r\n|\r|\n")


class ExplosiveError(ConfigError):
    """The file would blow up or never end: an error, whosever file it is."""


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML file: its plain data, and where each part of it stands."""

    file: str
    root: Node | None = field(repr=False)
    data: JSON

    def place(self, loc: Sequence[str | int]) -> Place:
        """The place of an entry's key or of an item; of the nearest part that is there, if `loc` is not."""
        node, found = self.root, Place(self.file, 1, 1)
        if node is not None:
            found = place_of(node, self.file)
        for step in loc:
            mark, node = _step(node, step)
            if mark is None:
                break
            found = place_of(mark, self.file)
        return found


def decode(data: bytes, file: str, encoding: str | None = None) -> str:
    """Bytes to text: in what a byte order mark names (rule C15), else in `encoding`, else UTF-8.

    ConfigError at the byte that is none of it.
    """
    mark, codec, name, hint = _encoding(data, encoding)
    try:
        text = data[len(mark) :].decode(codec)
    except UnicodeDecodeError as error:
        at = len(mark) + error.start
        place = _place_after(data[len(mark) : at].decode(codec, "replace"), file)
        raise ConfigError([Problem(f"byte 0x{data[at]:02X} is not {name}", place, hint=hint)]) from None
    bad = _C1.search(text) if codec in _LATIN else None
    if bad:
        place = _place_after(text[: bad.start()], file)
        raise ConfigError([Problem(f"byte 0x{ord(bad[0]):02X} is no character of {name}", place, hint=_WINDOWS)])
    return text


def encode(text: str, like: bytes, encoding: str | None = None) -> bytes:
    """Text to bytes, as `like` was decoded, with its byte order mark; with one, too, where the text begins so.

    UnicodeEncodeError for what the encoding can't hold.
    """
    mark, codec, *_ = _encoding(like, encoding)
    encoded = text.encode(codec)
    return (mark or codecs.BOM_UTF8 * encoded.startswith(codecs.BOM_UTF8)) + encoded


def _encoding(data: bytes, encoding: str | None) -> tuple[bytes, str, str, str]:
    """The byte order mark, codec and name of a file's encoding, and what to do where it is not so."""
    row = next(row for row in _ENCODINGS if data.startswith(row[0]))
    if row[0] or encoding is None:
        return row
    return b"", _LITTLE.get(encoding, encoding), encoding, "`encoding` of its source says which encoding the file has"


_LITTLE: Final = {"utf-16": "utf-16-le", "utf-32": "utf-32-le"}  # without a mark: as Windows writes them
_LATIN: Final = ("iso8859-1", "iso8859-15")
_C1: Final = re.compile("[\x80-\x9f]")
_WINDOWS: Final = "the file looks like windows-1252; say so in `encoding` of its source"
_CUT: Final = "the file seems to be cut off or damaged; save it as UTF-8"
_ENCODINGS: Final = (
    (b"\xff\xfe\0\0", "utf-32-le", "UTF-32", _CUT),  # begins like UTF-16, and no text begins with a NUL
    (b"\0\0\xfe\xff", "utf-32-be", "UTF-32", _CUT),
    (b"\xff\xfe", "utf-16-le", "UTF-16", _CUT),
    (b"\xfe\xff", "utf-16-be", "UTF-16", _CUT),
    (b"\xef\xbb\xbf", "utf-8", "UTF-8", _CUT),
    (b"", "utf-8", "UTF-8", "save the file as UTF-8 (it looks like Latin-1 or Windows-1252)"),
)


def parse(text: str, file: str) -> Document:
    """One YAML document. Raises ConfigError with every problem that keeps it from being read."""
    root = compose(text, file)
    return Document(file, root, None if root is None else plain(root))


def compose(text: str, file: str) -> Node | None:
    """The root node of the one document in `text`, checked and with `<<` merged in; None for an empty file.

    Every mapping node that comes out has scalar keys that are text, each once. Raises ConfigError.
    """
    text = text.removeprefix("\ufeff")
    _check_text(text, file)
    try:
        root = _Composer(text, file).get_single_node()
    except MarkedYAMLError as error:
        deep = _too_deep(text, error, file)
        if deep:
            raise ExplosiveError([deep]) from None
        raise ConfigError([_syntax_problem(error, text, file)]) from None
    except ReaderError as error:
        raise ConfigError(
            [Problem(f"broken YAML: {error.reason}", _place_after(text[: error.position], file))]
        ) from None
    if root is not None:
        _Checker(file, escapes="\\" in text).run(root)
    return root


def pairs(node: MappingNode) -> list[Pair]:
    """The entries of a mapping node that `compose` returned."""
    entries: list[Pair] = node.value
    return entries


def items(node: SequenceNode) -> list[Node]:
    """The items of a sequence node."""
    nodes: list[Node] = node.value
    return nodes


def scalar(node: ScalarNode) -> JSON:
    """A scalar's typed value: text, number, true, false or null."""
    value: str = node.value
    if node.tag == _QUOTED or node.tag == _TEXT_TAG:
        return value
    return resolve(value)


def numbers(data: JSON) -> JSON:
    """Data without `Numeral`s: numbers are numbers, for a reader that knows of no fields."""
    if isinstance(data, dict):
        return {key: numbers(value) for key, value in data.items()}
    if isinstance(data, list):
        return [numbers(value) for value in data]
    return resolve(data[1:]) if isinstance(data, Numeral) else data


def plain(node: Node) -> JSON:
    """A checked node as plain data; what aliases share is copied."""
    if isinstance(node, ScalarNode):
        return scalar(node)
    if isinstance(node, MappingNode):
        return {key.value: plain(value) for key, value in pairs(node)}
    return [plain(item) for item in items(cast(SequenceNode, node))]


def place_of(node: Node, file: str) -> Place:
    """Where a node starts."""
    mark = node.start_mark
    return Place(file, mark.line + 1, mark.column + 1)


def _step(node: Node | None, step: str | int) -> tuple[Node | None, Node | None]:
    """The node that shows where `step` below `node` is, and the node that is there."""
    if isinstance(node, MappingNode):
        for key, value in pairs(node):
            if key.value == step:
                return key, value
    if isinstance(node, SequenceNode) and isinstance(step, int) and -1 < step < len(items(node)):
        item = items(node)[step]
        return item, item
    return None, None


# ---------------------------------------------------------------- text


def _check_text(text: str, file: str) -> None:
    if len(text) > MAX_SIZE:
        limit = f"the file has {len(text):,} characters; at most {MAX_SIZE:,} are read"
        raise ConfigError([Problem(limit, Place(file, 1, 1), hint="split it into several files")])
    bad = _UNPRINTABLE.search(text)
    if bad:
        message = f"control character U+{ord(bad.group()):04X} in the file"
        raise ConfigError(
            [Problem(message, _place_after(text[: bad.start()], file), hint="remove it; is this a text file?")]
        )


def _place_after(before: str, file: str) -> Place:
    """The place of the character that follows `before`."""
    lines = _LINE_END.split(before)
    return Place(file, len(lines), len(lines[-1]) + 1)


_ADVICE: Final = (
    ("could not find expected ':'", "a line is no `key: value`; is a colon or a quote missing, here or just above?"),
    (
        "mapping values are not allowed",
        "put text that holds a colon and a space into quotes; else check the indentation",
    ),
    ("while scanning a quoted scalar", "close the quote that starts here"),
    ("while scanning a block scalar", "indent the text of a `|` or `>` block with spaces, all lines alike"),
    ("did not find expected key", "check the indentation and the quotes of this line and the one above"),
    ("did not find expected '-' indicator", "check the indentation: every item of a list starts in the same column"),
    ("did not find expected ',' or", "close the bracket, or put a comma before this"),
    ("cannot start any token", "put text that starts with this character into quotes"),
    ("undefined alias", "give it an anchor (`&name`) further up, or put text that starts with `*` into quotes"),
    ("duplicate anchor", "give each anchor its own name"),
    ("expected a single document", "keep one document in each file: split the file at `---`"),
    ("unknown escape character", "use single quotes where a backslash is meant literally"),
)


def _syntax_problem(error: MarkedYAMLError, text: str, file: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)
    tab = _tab_place(text, place)
    if tab:
        return Problem("a tab in the indentation", tab, hint="indent YAML with spaces")
    said = " ".join(part for part in (error.context, error.problem) if part)
    hint = next((advice for sign, advice in _ADVICE if sign in said), None)
    start = error.context_mark
    since = f" (it starts at line {start.line + 1})" if start and mark and start.line != mark.line else ""
    return Problem(f"broken YAML: {error.problem or error.context}{since}", place, hint=hint)


def _too_deep(text: str, error: MarkedYAMLError, file: str) -> Problem | None:
    """A run of open brackets up to where it broke: libyaml looks ahead and gives up before our own check comes."""
    mark = error.problem_mark or error.context_mark
    before = text[: mark.index] if mark else ""
    shallow = before.rstrip("[{ \t\r\n")
    opened = [hit.start() for hit in re.finditer(r"[\[{]", before[len(shallow) :])]
    if len(opened) < MAX_DEPTH:
        return None
    return _deep_problem(_place_after(before[: len(shallow) + opened[MAX_DEPTH - 1]], file))


def _deep_problem(place: Place) -> Problem:
    hint = "flatten it; nothing that lfsync reads goes that deep"
    return Problem(f"broken YAML: nested deeper than {MAX_DEPTH} levels", place, hint=hint)


def _tab_place(text: str, place: Place) -> Place | None:
    """A tab before the first word of the line that broke, or of the one above it."""
    lines = _LINE_END.split(text)[: place.line]
    for number in (place.line, place.line - 1):
        line = lines[number - 1] if 0 < number <= len(lines) else ""
        indent = line[: len(line) - len(line.lstrip(" \t"))]
        if "\t" in indent and line.strip():
            return Place(place.file, number, indent.index("\t") + 1)
    return None


# ---------------------------------------------------------------- nodes


class _Composer(CParser):
    """libyaml's composer. Tags here only say whether a scalar was quoted; `scalar` gives it its type."""

    def __init__(self, text: str, file: str) -> None:
        super().__init__(text)
        self._file = file
        self._depth = 0

    def resolve(self, kind: type[Node], value: str | None, implicit: tuple[bool, bool]) -> str:
        """`implicit`: of a scalar, whether it needs no tag plain, and quoted; of a collection it is one truth value."""
        if kind is not ScalarNode:
            return _COLLECTION
        return _PLAIN if implicit[0] else _QUOTED

    def descend_resolver(self, parent: Node | None, index: object) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:  # libyaml's composer recurses on the C stack and would overrun it
            raise ExplosiveError([_deep_problem(place_of(parent, self._file) if parent else Place(self._file, 1, 1))])

    def ascend_resolver(self) -> None:
        self._depth -= 1


class _EndlessError(Exception):
    """Aliases blow the file up. Ends the check: the rest can't be walked."""


class _Checker:
    """One walk over the nodes: tags, keys, merges, recursion, and how much aliases multiply or nest.

    `sizes` holds the number of nodes below each collection once it is known, 0 while it is being walked.
    """

    def __init__(self, file: str, escapes: bool) -> None:
        self.file = file
        self.escapes = escapes
        self.problems: list[Problem] = []
        self.sizes: dict[int, int] = {}
        self.heights: dict[int, int] = {}
        self.depth = 0
        self.written = 0
        self.copied = 0
        self.text_keys: dict[str, str] = {}  # the same few in thousands of mappings: one text for all of each

    def run(self, root: Node) -> None:
        try:
            self.size(root)
        except _EndlessError:
            raise ExplosiveError(self.problems) from None
        if self.problems:
            raise ConfigError(self.problems)

    def size(self, node: Node) -> int:
        """The number of nodes that `node` stands for."""
        if isinstance(node, ScalarNode):
            if node.tag != _PLAIN:
                self.check_tag(node)
            self.written += 1
            return 1
        if node.tag != _COLLECTION:
            self.check_tag(node)
        known = self.sizes.get(id(node))
        if known is None:
            return self.walk(node)
        self.check_alias(node, known)
        return known

    def walk(self, node: Node) -> int:
        self.written += 1
        self.depth += 1
        self.sizes[id(node)] = 0
        total = 1
        if isinstance(node, MappingNode):
            entries: list[tuple[Node, Node]] = node.value
            for key, value in entries:
                total += 1 + self.size(value)
                known = self.text_keys.get(key.value) if isinstance(key, ScalarNode) and key.tag == _PLAIN else None
                if known is None:
                    self.check_key(key)
                else:
                    key.value = known
            self.flatten(node)
        else:
            for item in items(cast(SequenceNode, node)):
                total += self.size(item)
        self.depth -= 1
        self.sizes[id(node)] = total
        return total

    def check_alias(self, node: Node, size: int) -> None:
        if size == 0:
            self.say(node, "an alias inside of what it stands for", "take the alias (`*name`) out: it would never end")
            raise _EndlessError
        if self.depth + self.height(node) > MAX_DEPTH:
            self.say(node, f"aliases of this nest deeper than {MAX_DEPTH} levels", "write the values out")
            raise _EndlessError
        self.count_copies(node, size)

    def height(self, node: Node) -> int:
        """How many levels `node` spans; it holds no alias of itself."""
        if isinstance(node, ScalarNode):
            return 0
        known = self.heights.get(id(node))
        if known is None:
            inside = [value for _, value in pairs(node)] if isinstance(node, MappingNode) else node.value
            known = 1 + max(map(self.height, inside), default=0)
            self.heights[id(node)] = known
        return known

    def count_copies(self, node: Node, count: int) -> None:
        self.copied += count
        if self.copied > MAX_ALIASES + 20 * self.written:
            self.say(node, "aliases of this multiply the file beyond measure (an alias bomb)", "write the values out")
            raise _EndlessError

    def check_tag(self, node: Node) -> None:
        if node.tag == _QUOTED:
            if self.escapes and CONTROL.search(node.value):
                self.say(node, "a control character in the text", "remove the escape that writes it")
        elif node.tag not in _TAGS[type(node)]:
            self.say(node, f"the tag `{_shown_tag(node.tag)}` means nothing here", "remove the tag")

    def check_key(self, node: Node) -> None:
        text = node.value
        if not isinstance(node, ScalarNode):
            self.say(node, "a key must be text", "write it as `key: value`; quote text that starts with a bracket")
        elif node.tag == _PLAIN:
            if isinstance(resolve(text), str):
                self.text_keys[text] = text
            else:
                self.say(node, f"the key `{text or 'null'}` is not text", f'put it into quotes: "{text or "null"}"')
        else:
            self.check_tag(node)

    def flatten(self, node: MappingNode) -> None:
        """Merge `<<` into the entries, own keys first; report keys that are there twice."""
        entries: list[tuple[Node, Node]] = node.value
        keys = {key.value for key, _ in entries if isinstance(key, ScalarNode)}
        if len(keys) == len(entries) and "<<" not in keys:
            return
        own: dict[str, tuple[Node, Node]] = {}
        for key, value in entries:
            if not isinstance(key, ScalarNode):
                continue
            if key.value in own:
                first = place_of(own[key.value][0], self.file)
                self.say(key, f"duplicate key `{key.value}`; it is first at {first}", "keep one of the two")
            own.setdefault(key.value, (key, value))
        merge = own.get("<<")
        if merge and merge[0].tag == _PLAIN:
            del own["<<"]
            for key, value in self.merged(merge[1]):
                own.setdefault(key.value, (key, value))
        node.value = list(own.values())

    def merged(self, node: Node) -> Iterator[tuple[Node, Node]]:
        sources = items(node) if isinstance(node, SequenceNode) else [node]
        for source in sources:
            if isinstance(source, MappingNode):
                self.count_copies(source, len(source.value))
                yield from source.value
            else:
                self.say(node, "`<<` takes a mapping or a list of mappings", "name an anchor of a mapping: `<<: *name`")

    def say(self, node: Node, message: str, hint: str) -> None:
        self.problems.append(Problem(message, place_of(node, self.file), hint=hint))


def _shown_tag(tag: str) -> str:
    return "!!" + tag.removeprefix(_STANDARD) if tag.startswith(_STANDARD) else tag

"""How the rows of a file are read: its place, delimiter, encoding and what counts as empty. YAML to data. Pure."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from yaml.nodes import Node, ScalarNode, SequenceNode

from lfsync.model import Place
from lfsync.project.declarations import Forms
from lfsync.project.documents import items, scalar
from lfsync.wording import did_you_mean, nfc

ENDINGS: Final = (".csv", ".tsv", ".jsonl")
FILE_KEYS: Final = ("delimiter", "encoding", "skip_lines", "null_values")
ENCODINGS: Final = ("utf-8", "utf-16", "latin-1", "windows-1252", "iso-8859-15", "cp437", "cp850", "mac-roman")

_NO_ENCODING: Final = ("idna", "punycode", "unicode-escape", "raw-unicode-escape", "utf-7", "undefined")
MAX_SKIPPED: Final = 10_000


@dataclass(frozen=True, slots=True)
class RowFile:
    """A file of the project that holds rows. `place`: where YAML names it. `delimiter`: None where its ending tells.

    `encoding`: None for UTF-8; a byte order mark in the file wins over both. `skipped` are lines above the header, and
    `skip_place` is where YAML says how many. `nulls` are the texts that count as empty cells.
    """

    path: str
    place: Place
    delimiter: str | None = None
    encoding: str | None = None
    skipped: int = 0
    skip_place: Place | None = None
    nulls: frozenset[str] = frozenset()

    @property
    def is_jsonl(self) -> bool:
        """Whether each line is a JSON object."""
        return self.path.lower().endswith(".jsonl")

    @property
    def separator(self) -> str:
        """What stands between two cells."""
        return self.delimiter or ("\t" if self.path.lower().endswith(".tsv") else ",")

    @property
    def as_it_stands(self) -> RowFile:
        """The same file, whose cells are taken as they are written."""
        return replace(self, nulls=frozenset())


def read_row_file(forms: Forms, path: str, at: Node, parts: Mapping[str, Node]) -> RowFile:
    """A file that YAML names, with the keys of `FILE_KEYS` among `parts`."""
    file = RowFile(path, forms.place(at))
    if "delimiter" in parts:
        file = replace(file, delimiter=_delimiter(forms, parts["delimiter"], file))
    if "encoding" in parts:
        file = replace(file, encoding=_encoding(forms, parts["encoding"]))
    if "skip_lines" in parts:
        node = parts["skip_lines"]
        file = replace(file, skipped=_count(forms, node), skip_place=forms.place(node))
    if "null_values" in parts:
        file = replace(file, nulls=_nulls(forms, parts["null_values"]))
    return file


def read_path(forms: Forms, node: Node, what: str) -> str | None:
    """The name of a file of rows."""
    path = forms.text(node, what)
    if path is not None and not path.lower().endswith(ENDINGS):
        forms.say(node, f"`{path}` is no csv, tsv or jsonl file", "the file's ending tells its format")
        return None
    return path


def _delimiter(forms: Forms, node: Node, file: RowFile) -> str | None:
    text = node.value if isinstance(node, ScalarNode) else None
    if file.is_jsonl:
        forms.say(node, "`delimiter`: a jsonl file has none", "take it out")
    elif text in ("\\t", "tab"):
        forms.say(node, f"`delimiter` must be one character, and `{text}` are several", 'write "\\t" in double quotes')
    elif not isinstance(text, str) or len(text) != 1:
        hint = 'for example `delimiter: ";"`; of what stands between cells take the one character that no cell holds'
        forms.say(node, "`delimiter` must be the one character between two cells", hint)
    elif text.isalnum() or text in "\"'\r\n" or not (text.isprintable() or text == "\t"):
        forms.say(node, f"`delimiter` can't be {text!r}", 'for example ";", "|" or "\\t"')
    else:
        return text
    return None


def _encoding(forms: Forms, node: Node) -> str | None:
    name = forms.text(node, "`encoding`")
    if name is None:
        return None
    try:
        found = codecs.lookup(name.strip())
    except (LookupError, ValueError, UnicodeError):
        found = None
    if found is None or not found._is_text_encoding or found.name.replace("_", "-") in _NO_ENCODING:
        hint = did_you_mean(name, ENCODINGS) or f"among others: {', '.join(ENCODINGS)}"
        forms.say(node, f"there is no encoding `{name}`", hint)
        return None
    return found.name


def _count(forms: Forms, node: Node) -> int:
    count = scalar(node) if isinstance(node, ScalarNode) else None
    if isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= MAX_SKIPPED:
        return count
    forms.say(node, f"`skip_lines` must be a number of lines, 0 to {MAX_SKIPPED:,}", "count those above the header")
    return 0


def _nulls(forms: Forms, node: Node) -> frozenset[str]:
    """As they are written: `NULL` without quotes is a text here, too."""
    if not isinstance(node, SequenceNode):
        forms.say(node, "`null_values` must be a list", "for example [NULL, N/A]")
        return frozenset()
    found = [item.value for item in items(node) if isinstance(item, ScalarNode)]
    if len(found) < len(items(node)):
        forms.say(node, "`null_values` must be a list of texts", "for example [NULL, N/A]")
    return frozenset(nfc(text.strip()) for text in found if text.strip())

"""A second opinion on what a YAML file says: ruamel.yaml, which follows YAML 1.2, and shares no line with lfsync."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from functools import lru_cache
from typing import Any, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.resolver import VersionedResolver

Path: TypeAlias = tuple[str, ...]

_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _Resolver(VersionedResolver):
    """The core schema knows no dates; ruamel.yaml takes some texts for dates all the same."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        tag = super().resolve(kind, value, implicit)
        return self.DEFAULT_SCALAR_TAG if str(tag) == _TIMESTAMP else tag


def _reader() -> YAML:
    reader = YAML(typ="safe", pure=True)
    reader.Resolver = _Resolver
    return reader


def load(text: str) -> Any:
    """The data of one document; the caller's own."""
    return deepcopy(_loaded(text))


@lru_cache(maxsize=64)  # it takes its time, and what holds two versions of a file against each other asks often
def _loaded(text: str) -> Any:
    return _reader().load(text)


def values(text: str) -> Iterator[tuple[Path, tuple[int, int]]]:
    """Where the values of resources stand: the path of each key of theirs, and from where to where its value goes.

    A value begins behind its key's colon; what ends a block of several lines, and comments in it, belong to it.
    """
    root = _reader().compose(text)
    if isinstance(root, MappingNode):
        for section, bodies in root.value:
            if isinstance(bodies, MappingNode):
                yield from _resources(text, (section.value,), bodies, 2 if section.value == "objects" else 1)


def _resources(text: str, path: Path, bodies: MappingNode, depth: int) -> Iterator[tuple[Path, tuple[int, int]]]:
    for key, body in bodies.value:
        here = (*path, key.value)
        if not isinstance(body, MappingNode):
            continue
        if depth > 1:
            yield from _resources(text, here, body, depth - 1)
            continue
        for part, value in body.value:
            if part.value in ("fields", "relationships") and isinstance(value, MappingNode):
                for name, each in value.value:
                    yield (*here, part.value, name.value), (name.end_mark.index + 1, _end(text, each))
            else:
                yield (*here, part.value), (part.end_mark.index + 1, _end(text, value))


def _end(text: str, node: Node) -> int:
    """Where a value ends, comments on the last line of a block included, and blank lines that a text ends with."""
    last = node
    while isinstance(last, MappingNode | SequenceNode) and not last.flow_style and last.value:
        last = last.value[-1][1] if isinstance(last, MappingNode) else last.value[-1]
    end = int(last.end_mark.index)
    if isinstance(last, ScalarNode) and last.style in ("|", ">"):
        keeps = "+" in text[last.start_mark.index : end].partition("\n")[0]
        return len(text[:end].removesuffix("\n") if keeps else text[:end].rstrip())
    if last is not node and (comment := re.compile(r"[ \t]+#[^\r\n]*").match(text, end)):
        return comment.end()
    return end


def without(text: str, paths: set[Path]) -> str:
    """A file without these values: what must be the same, byte for byte, before and after they were accepted."""
    kept, at = "", 0
    for path, (start, end) in sorted(values(text), key=lambda each: each[1]):
        if path in paths:
            kept += f"{text[at:start]}<{'.'.join(path)}>"
            at = end
    return kept + text[at:]

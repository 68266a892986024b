"""`lfsync definitions`: what a workspace has, a line for each field, relationship and member. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from lfsync.kinds import KINDS
from lfsync.model import Definitions, FieldDef, RelDef, Schema
from lfsync.render.lines import Line, Span, layout, line, pad

_KEYS: Final = 28  # columns of a key, at most


def definitions_text(schema: Schema, kinds: Iterable[str], *, width: int | None, color: bool) -> str:
    """Of these kinds, of all and the members without any. `width` in columns; None is a pipe: nothing is wrapped."""
    return layout(_lines(schema, tuple(kinds)), width=width, color=color)


def in_order(kinds: Iterable[str]) -> list[str]:
    """As the table of kinds has them, types of custom objects last."""
    places = {name: place for place, name in enumerate(KINDS)}
    return sorted(kinds, key=lambda kind: (places.get(kind, len(places)), kind))


def _lines(schema: Schema, kinds: tuple[str, ...]) -> Iterator[Line]:
    for number, kind in enumerate(kinds or in_order(schema.kinds)):
        if number:
            yield line()
        yield line(Span(kind, "bold"))
        yield from _rows(_parts(schema.kinds[kind]))
    if not kinds and schema.members_known:
        yield line()
        yield line(Span("members", "bold"))
        yield from _rows([(member.email or member.id, [member.name]) for member in schema.members])


def _parts(definitions: Definitions) -> list[tuple[str, list[str]]]:
    fields = [(field.key, [*_of_field(field)]) for field in definitions.fields.values()]
    return fields + [(rel.key, [*_of_relationship(rel)]) for rel in definitions.relationships.values()]


def _rows(parts: list[tuple[str, list[str]]]) -> Iterator[Line]:
    width = min(max((len(key) for key, _ in parts), default=0), _KEYS)
    for key, notes in parts:
        yield line(f"  {pad(key, width)}  {'  '.join(notes)}", hang=width + 4)


def _of_field(field: FieldDef) -> Iterator[str]:
    yield field.type
    if field.label not in ("", field.key):
        yield f'"{field.label}"'
    for word, is_so in (("several", field.multiple), ("unique", field.unique), ("read only", field.read_only)):
        if is_so:
            yield word
    if field.currency:
        yield field.currency
    if labels := [option.label for option in field.options] or [*field.words]:
        yield ", ".join(labels)
    if field.description:
        yield f"({field.description})"


def _of_relationship(rel: RelDef) -> Iterator[str]:
    yield f"→ {'many' if rel.many else 'one'} {rel.target}"
    if not rel.writable:
        yield "read only"

"""Where everything in a YAML text stands, to the character: values, keys, aliases, items. Pure.

Made of libyaml's events, which tell of aliases and anchors what a tree of nodes no longer knows. The text is one that
`documents.compose` has read without a problem.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Final, Literal, TypeAlias, cast

from yaml._yaml import CParser, Mark
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from lfsync.editing.splices import LINE_END
from lfsync.model import JSON
from lfsync.yaml_scalars import resolve

Shape: TypeAlias = Literal["scalar", "alias", "map", "seq"]

_GAP: Final = re.compile(r"(?:[ \t]+|\r\n|\r|\n|(?:(?<=\s)|^)#[^\r\n]*)*")
_PROPERTY: Final = re.compile(r"[&!][^\s,\[\]{}]*")


class Spot:
    """A value, and where it stands.

    `start` to `end` is all of it, `body` is where it begins behind its anchor and tag; `line` and `column` count from
    1. `style`: of a scalar, `''` for a bare one; `flow`: a collection between brackets.
    """

    __slots__ = (
        "anchor",
        "body",
        "column",
        "end",
        "entries",
        "flow",
        "items",
        "line",
        "shape",
        "start",
        "style",
        "value",
    )

    def __init__(self, shape: Shape, event: Event) -> None:
        mark = cast(Mark, event.start_mark)
        self.shape: Shape = shape
        self.start: int = mark.index
        self.body: int = mark.index
        self.end: int = _end(event)
        self.line: int = mark.line + 1
        self.column: int = mark.column + 1
        self.anchor: str | None = None
        self.style = ""
        self.flow = False
        self.value = ""
        self.items: list[Spot] = []
        self.entries: list[tuple[Spot, Spot]] = []


class Layout:
    """The tree of a text. `text` is what was read, without a byte order mark before it.

    `lines`: those that are of interest. Of a text without anchors, what holds none of them is passed over: its spots
    have a start and an end, and nothing inside.
    """

    def __init__(self, text: str, lines: Iterable[int]) -> None:
        self.text = text.removeprefix("\ufeff")
        self.lines = sorted(lines)
        self.is_whole = "&" in self.text
        self.anchors: dict[str, Spot] = {}
        self.used: set[str] = set()
        self._keys: dict[tuple[int, int], tuple[Spot, int]] = {}
        events = _events(self.text)
        self.root = next((self._spot(event, events) for event in events if isinstance(event, NodeEvent)), None)

    def entry(self, line: int, column: int) -> tuple[Spot, int] | None:
        """The mapping that has a key at this place, and which of its entries that is."""
        return self._keys.get((line, column))

    def is_shared(self, spot: Spot) -> bool:
        """Whether an alias somewhere stands for it."""
        return spot.anchor is not None and spot.anchor in self.used

    def data(self, spot: Spot) -> JSON:
        """What a spot says, aliases and merges followed."""
        if spot.shape == "alias":
            return self.data(self.anchors[spot.value])
        if spot.shape == "scalar":
            return resolve(spot.value) if not spot.style else spot.value
        if spot.shape == "seq":
            return [self.data(item) for item in spot.items]
        return {key: self.data(value) for key, value in self.merged(spot).items()}

    def merged(self, spot: Spot) -> dict[str, Spot]:
        """The entries of a mapping, those that `<<` brings included; own ones win."""
        if spot.shape == "alias":
            return self.merged(self.anchors[spot.value])
        own = {key.value: value for key, value in spot.entries}
        merge = own.pop("<<", None)
        sources = [] if merge is None else merge.items if merge.shape == "seq" else [merge]
        for source in sources:
            for key, value in self.merged(source).items():
                own.setdefault(key, value)
        return own

    def after_colon(self, key: Spot) -> int:
        """Where a key's value may begin: just behind its colon."""
        return self.text.index(":", self.gap(key.end)) + 1

    def gap(self, at: int) -> int:
        """The next character that is neither blank nor comment."""
        found = _GAP.match(self.text, at)
        return found.end() if found else at

    def dashes(self, seq: Spot) -> list[int]:
        """Where the dash of each item of a block stands."""
        at, found = seq.body, []
        for item in seq.items:
            found.append(self.gap(at))
            at = item.end
        return found

    # ------------------------------------------------------------ building

    def _spot(self, event: Event, events: Iterator[Event]) -> Spot:
        if isinstance(event, AliasEvent):
            spot = Spot("alias", event)
            spot.value = cast(str, event.anchor)
            self.used.add(spot.value)
            return spot
        if isinstance(event, ScalarEvent):
            spot = Spot("scalar", event)
            spot.value = event.value
            spot.style = event.style or ("" if event.implicit[0] else "!")
            if spot.style in "|>" and spot.style:
                spot.end = self._end_of_block(spot)
        elif isinstance(event, MappingStartEvent):
            spot = Spot("map", event)
            spot.flow = bool(event.flow_style)
            self._fill_map(spot, events)
        else:
            assert isinstance(event, SequenceStartEvent)
            spot = Spot("seq", event)
            spot.flow = bool(event.flow_style)
            self._fill_seq(spot, events)
        self._named(spot, event)
        return spot

    def _named(self, spot: Spot, event: Event) -> None:
        """Take in the anchor, and find where the value begins behind anchor and tag."""
        spot.anchor = cast("str | None", getattr(event, "anchor", None))
        if spot.anchor is not None:
            self.anchors[spot.anchor] = spot
        at = spot.start
        while self.text[at : at + 1] in ("&", "!"):
            at = self.gap(_property_end(self.text, at))
        spot.body = at if spot.shape != "scalar" else min(at, spot.end)

    def _fill_map(self, spot: Spot, events: Iterator[Event]) -> None:
        for event in events:
            if isinstance(event, MappingEndEvent):
                spot.end = _end(event) if spot.flow else self._last_end(spot)
                return
            key = self._spot(event, events)
            value = self._value(key, next(events), events)
            self._keys[key.line, key.column] = (spot, len(spot.entries))
            spot.entries.append((key, value))

    def _value(self, key: Spot, event: Event, events: Iterator[Event]) -> Spot:
        """What stands behind a key; where it is of no interest, without what is inside of it."""
        if self.is_whole or not isinstance(event, MappingStartEvent | SequenceStartEvent):
            return self._spot(event, events)
        inside = list(_inside(events))
        last = cast(Mark, inside[-1].end_mark).line + 1
        at = bisect_left(self.lines, key.line)
        if at == len(self.lines) or self.lines[at] > last:
            return self._unopened(event, inside)
        self.is_whole = self.lines[at] == key.line
        spot = self._spot(event, iter(inside))
        self.is_whole = False
        return spot

    def _unopened(self, event: MappingStartEvent | SequenceStartEvent, inside: list[Event]) -> Spot:
        spot = Spot("map" if isinstance(event, MappingStartEvent) else "seq", event)
        spot.flow = bool(event.flow_style)
        end = next(each for each in reversed(inside) if isinstance(each, ScalarEvent) or _is_bracket(each))
        spot.end = self._spot(end, iter(())).end if isinstance(end, ScalarEvent) else _end(end)
        return spot

    def _fill_seq(self, spot: Spot, events: Iterator[Event]) -> None:
        for event in events:
            if isinstance(event, SequenceEndEvent):
                spot.end = _end(event) if spot.flow else self._last_end(spot)
                return
            spot.items.append(self._spot(event, events))

    def _last_end(self, spot: Spot) -> int:
        if spot.entries:
            key, value = spot.entries[-1]
            return max(value.end, key.end)
        return spot.items[-1].end if spot.items else spot.end

    def _end_of_block(self, spot: Spot) -> int:
        """Where the last line of a `|` or `>` block ends; blank lines below it are no part, but for `+`."""
        raw = self.text[spot.start : spot.end]
        if "+" in LINE_END.split(raw, maxsplit=1)[0].partition("#")[0]:
            return spot.end
        return spot.start + len(raw.rstrip("\r\n \t")) + _trailing_blanks(raw)


def _inside(events: Iterator[Event]) -> Iterator[Event]:
    """The events of a collection that has begun, up to its end."""
    depth = 1
    for event in events:
        kind = type(event)
        depth += (kind is MappingStartEvent or kind is SequenceStartEvent) - (
            kind is MappingEndEvent or kind is SequenceEndEvent
        )
        yield event
        if not depth:
            return


def _is_bracket(event: Event) -> bool:
    """Whether an end of a collection is one that can be seen."""
    return cast(Mark, event.start_mark).index != cast(Mark, event.end_mark).index


def _end(event: Event) -> int:
    return cast(Mark, event.end_mark).index


def _property_end(text: str, at: int) -> int:
    found = _PROPERTY.match(text, at)
    return found.end() if found else at


def _trailing_blanks(raw: str) -> int:
    """Blanks at the end of the last line that is not blank: they are text."""
    body = raw.rstrip("\r\n \t")
    rest = raw[len(body) :]
    return len(rest) - len(rest.lstrip(" \t"))


def _events(text: str) -> Iterator[Event]:
    parser = CParser(text)
    while True:
        event = parser.get_event()
        if event is None or isinstance(event, StreamEndEvent):
            return
        if not isinstance(event, StreamStartEvent | DocumentStartEvent):
            yield event

"""Resources in a YAML text, edited in place. Pure: text and edits in, text out.

An edit names a resource by the place of its key, and what is to be said by its path in the body (`fields`, `tier`).
What the resource says itself is replaced where it stands, in the style that it has; what comes from an alias, a merge
key or a default is written at the resource, over it. What an alias elsewhere stands for is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from lfsync.editing import emit
from lfsync.editing.layout import Layout, Spot
from lfsync.editing.splices import (
    LINE_END,
    CantEditError,
    Splice,
    end_of_line,
    end_of_piece,
    line_end,
    shifted,
    start_of_line,
    whole_lines,
)
from lfsync.model import JSON
from lfsync.yaml_scalars import in_flow

_SHARED: Final = "other places of the file use it too, by an alias"
_HEADER: Final = re.compile(r"[|>][-+0-9]*")
_STEP: Final = 2  # columns that what is new is indented by


@dataclass(frozen=True, slots=True)
class Put:
    """This value, whatever stood there."""

    whole: JSON


@dataclass(frozen=True, slots=True)
class Items:
    """A list without the items of these indices, and with these added; `whole` where it is written anew."""

    whole: JSON
    drop: frozenset[int] = frozenset()
    add: tuple[JSON, ...] = ()


@dataclass(frozen=True, slots=True)
class Parts:
    """A mapping with other parts; those that are not named stay. `whole` where it is written anew."""

    whole: JSON
    parts: Mapping[str, Leaf] = field(default_factory=dict)


Leaf: TypeAlias = Put | Items | Parts
Path: TypeAlias = tuple[str, ...]
At: TypeAlias = tuple[int, int]
"""Line and column of a resource's key, from 1."""


@dataclass(slots=True)
class BodyEdit:
    """What becomes of one resource's entry: these values of it, or nothing at all of it."""

    leaves: dict[Path, Leaf] = field(default_factory=dict)
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Edited:
    """The splices, and why what was left of the edits could not be made; the empty path is the whole resource."""

    splices: tuple[Splice, ...]
    left: Mapping[tuple[At, Path], CantEditError]


def edit_yaml(text: str, edits: Mapping[At, BodyEdit]) -> Edited:
    """Make all edits that can be made. `text` is one that was read without problems."""
    layout = Layout(text, (line for line, _ in edits))
    shift = len(text) - len(layout.text)
    left: dict[tuple[At, Path], CantEditError] = {}
    splices: list[Splice] = []
    removed: dict[int, tuple[Spot, list[int]]] = {}
    for at, edit in edits.items():
        found = layout.entry(*at)
        if found is None:
            left[at, ()] = CantEditError("it is not there any more")
        elif edit.gone:
            removed.setdefault(id(found[0]), (found[0], []))[1].append(found[1])
        else:
            splices += _Resource(layout, *found).edited(edit, at, left)
    for spot, indices in removed.values():
        splices += _Editor(layout).without_entries(spot, indices)
    return Edited(shifted(splices, shift), left)


class _Editor:
    """Makes splices of one text."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.text = layout.text
        self.line_end = line_end(layout.text)

    # ------------------------------------------------------------ values

    def leaf(self, key: Spot, spot: Spot, leaf: Leaf, indent: int, *, flow: bool) -> list[Splice]:
        """The splices that make `leaf` of what stands behind `key`, whose mapping is indented so."""
        if spot.shape != "alias" and self.layout.is_shared(spot):
            raise CantEditError(_SHARED)
        if isinstance(leaf, Items) and spot.shape == "seq":
            return self.list_items(key, spot, leaf)
        if isinstance(leaf, Parts) and spot.shape == "map":
            return self.parts(spot, leaf)
        return self.value(key, spot, leaf.whole, indent, flow=flow)

    def parts(self, spot: Spot, leaf: Parts) -> list[Splice]:
        own = {key.value: (key, value) for key, value in spot.entries}
        indent = spot.entries[0][0].column - 1 if spot.entries else 0
        splices: list[Splice] = []
        for name in [name for name in leaf.parts if name in own]:
            splices += self.leaf(*own[name], leaf.parts[name], indent, flow=spot.flow)
        new = {name: part.whole for name, part in leaf.parts.items() if name not in own}
        return splices + self.more_entries(spot, new)

    def value(self, key: Spot, spot: Spot, data: JSON, indent: int, *, flow: bool) -> list[Splice]:
        """What stands there becomes `data`."""
        if spot.shape == "scalar" and spot.style in ("|", ">") and isinstance(data, str):
            held = self.held(data, spot.end)
            if held and "\n" in data:
                return self.block_again(spot, *held, indent)
        if spot.shape in ("map", "seq") and not spot.flow:
            return self.instead_of_block(key, spot, in_flow(data))
        bare_end = end_of_line(self.text, spot.end)
        if not flow and isinstance(data, str) and "\n" in data and not self.text[spot.end : bare_end].strip():
            held = self.held(data, spot.end)
            if held:
                lines = [held[0], *emit.indented(held[1], indent + _STEP)]
                return [self.over(key, spot, self.line_end.join(lines))]
        new = in_flow(data) if isinstance(data, list | dict) else emit.restyled(data, spot.style, flow=flow)
        return self.instead_of_text_block(spot, new) if spot.style in ("|", ">") else [self.over(key, spot, new)]

    def held(self, text: str, at: int) -> tuple[str, list[str]] | None:
        """A text as a block; None where it can't be one. One that ends in a line end needs one in the file."""
        held = emit.literal(text)
        return None if held and not held[0].endswith("-") and self.is_last(at) else held

    def is_last(self, at: int) -> bool:
        """Whether nothing comes below the line of `at`, and it has no line end."""
        return end_of_line(self.text, at) == len(self.text)

    def over(self, key: Spot, spot: Spot, new: str) -> Splice:
        """`new` in the place of a value of one piece; behind a key that has none, after a blank."""
        start = spot.start if spot.shape == "alias" else spot.body
        is_bare = start == spot.end and not self.text[start - 1 : start].isspace()
        return Splice(start, spot.end, f" {new}" if is_bare else new)

    def block_again(self, spot: Spot, header: str, lines: Sequence[str], indent: int) -> list[Splice]:
        """Another text in a `|` block; its indentation stays, and a comment behind its header."""
        old = _HEADER.match(self.text, spot.body)
        assert old is not None
        at = end_of_line(self.text, spot.body)
        if spot.end < at:
            raise CantEditError("the block holds nothing that could be replaced")
        first = next((line for line in re.split(r"\r\n|\r|\n", self.text[at : spot.end]) if line.strip()), "")
        depth = len(first) - len(first.lstrip(" ")) if first and not any(map(str.isdigit, old[0])) else indent + _STEP
        body = "".join(f"{self.line_end}{line}" for line in emit.indented(lines, depth))
        splices = [] if old[0] == header else [Splice(spot.body, old.end(), header)]
        return [*splices, Splice(at, end_of_piece(self.text, spot.end), body)]

    def instead_of_text_block(self, spot: Spot, new: str) -> list[Splice]:
        """One line in the place of a `|` or `>` block; a comment behind its header stays."""
        header = _HEADER.match(self.text, spot.body)
        assert header is not None
        at = end_of_line(self.text, spot.body)
        body = [Splice(at, end_of_piece(self.text, spot.end))] if spot.end > at else []
        return [Splice(spot.body, header.end(), new), *body]

    def instead_of_block(self, key: Spot, spot: Spot, new: str) -> list[Splice]:
        """One line in the place of a block; a comment above its first line stays."""
        colon = self.layout.after_colon(key)
        if self.text[colon : spot.start].strip():
            return [Splice(colon, colon, f" {new}"), whole_lines(self.text, spot.body, spot.end)]
        return [Splice(colon, end_of_piece(self.text, spot.end), f" {new}")]

    # ------------------------------------------------------------ lists

    def list_items(self, key: Spot, seq: Spot, leaf: Items) -> list[Splice]:
        shared = [item for index, item in enumerate(seq.items) if index in leaf.drop and self.layout.is_shared(item)]
        if shared:
            raise CantEditError(_SHARED)
        if len(leaf.drop) == len(seq.items):
            new = in_flow([*leaf.add])
            if seq.flow:
                return [Splice(seq.body, seq.end, new)]
            return self.items_anew(seq, leaf.add) or self.instead_of_block(key, seq, new)
        if seq.flow:
            pieces = [(item.start, item.end) for item in seq.items]
            return self.flow_items(pieces, leaf.drop, [in_flow(each) for each in leaf.add])
        dashes = self.layout.dashes(seq)
        if any(self.text[start_of_line(self.text, at) : at].strip() for at in dashes[1:]):
            raise CantEditError("several items of the list stand in one line")
        splices = [self.item_gone(seq.items, dashes, index) for index in sorted(leaf.drop)]
        return splices + self.items_added(seq, dashes, leaf)

    def items_anew(self, seq: Spot, add: Sequence[JSON]) -> list[Splice]:
        """Other items in the place of all of a block, each in a line of its own; nothing where it has no such form."""
        dashes = self.layout.dashes(seq)
        starts = [start_of_line(self.text, at) for at in dashes]
        if (
            not add
            or self.is_last(seq.end)
            or any(self.text[s:at].strip() for s, at in zip(starts, dashes, strict=True))
        ):
            return []
        lines = [line for each in add for line in emit.item(each, dashes[0] - starts[0])]
        above = self.lines_below(starts[0] - len(self.line_end), lines)
        return [above, *(self.item_gone(seq.items, dashes, index) for index in range(len(dashes)))]

    def item_gone(self, items: Sequence[Spot], dashes: Sequence[int], index: int) -> Splice:
        at = dashes[index]
        if self.text[start_of_line(self.text, at) : at].strip():
            raise CantEditError("the item stands in the line of what holds the list")
        return whole_lines(self.text, at, items[index].end)

    def items_added(self, seq: Spot, dashes: Sequence[int], leaf: Items) -> list[Splice]:
        if not leaf.add:
            return []
        last = max(index for index in range(len(seq.items)) if index not in leaf.drop)
        indent = dashes[last] - start_of_line(self.text, dashes[last])
        lines = [line for each in leaf.add for line in emit.item(each, indent)]
        return [self.lines_below(seq.items[last].end, lines)]

    def lines_below(self, at: int, lines: Iterable[str]) -> Splice:
        """New lines below the line of `at`."""
        end = end_of_piece(self.text, at)
        return Splice(end, end, "".join(f"{self.line_end}{line}" for line in lines))

    def flow_items(self, pieces: Sequence[tuple[int, int]], drop: Iterable[int], add: Sequence[str]) -> list[Splice]:
        """Pieces between brackets, from start to end, of which at least one stays."""
        gone = set(drop)
        last = max(index for index in range(len(pieces)) if index not in gone)
        end = pieces[last][1]
        splices = [Splice(end, end, f", {each}") for each in add]
        tail = [i for i in sorted(gone) if i > last]
        is_told = any("#" in self.text[pieces[i - 1][1] : pieces[i][0]] for i in tail)
        for i in sorted(gone):
            if i < last:
                is_kept = "#" in self.text[pieces[i][1] : pieces[i + 1][0]]
                splices += self.piece_gone(*pieces[i]) if is_kept else [Splice(pieces[i][0], pieces[i + 1][0])]
            else:
                splices += self.piece_gone(*pieces[i]) if is_told else [Splice(pieces[i - 1][1], pieces[i][1])]
        return splices

    def piece_gone(self, start: int, end: int) -> list[Splice]:
        """A piece and its comma, and no comment but the one in a line of its own."""
        comma = self.layout.gap(end)
        ends = comma + 1 if self.text[comma : comma + 1] == "," else end
        before = self.text[start_of_line(self.text, start) : start].strip()
        behind = self.text[ends : end_of_line(self.text, ends)].strip()
        if not before and (not behind or behind.startswith("#")) and not LINE_END.search(self.text, start, ends):
            return [whole_lines(self.text, start, ends)]
        return [Splice(start, end), *([Splice(comma, ends)] if ends > end else [])]

    # ------------------------------------------------------------ mappings

    def more_entries(self, spot: Spot, new: Mapping[str, JSON]) -> list[Splice]:
        """A mapping of its own with more entries behind its last."""
        if not new:
            return []
        if spot.flow:
            added = in_flow(dict(new))[1:-1]
            if not spot.entries:
                return [Splice(spot.body + 1, spot.body + 1, added)]
            at = max(spot.entries[-1][1].end, spot.entries[-1][0].end)
            return [Splice(at, at, f", {added}")]
        indent = spot.entries[0][0].column - 1
        blocks = not self.is_last(spot.end)
        lines = [line for name, data in new.items() for line in emit.entry(name, data, indent, blocks=blocks)]
        return [self.lines_below(spot.end, lines)]

    def without_entries(self, spot: Spot, indices: Sequence[int]) -> list[Splice]:
        """A mapping without some of its entries; a comment above one stays."""
        pieces = [(key.start, max(key.end, value.end)) for key, value in spot.entries]
        if not spot.flow:
            return [whole_lines(self.text, *pieces[index]) for index in indices]
        if len(indices) == len(pieces):
            return [Splice(spot.body + 1, spot.end - 1)]
        return self.flow_items(pieces, indices, ())


class _Resource(_Editor):
    """Edits one resource: an entry of the mapping that is its section."""

    def __init__(self, layout: Layout, section: Spot, index: int) -> None:
        super().__init__(layout)
        self.section = section
        self.key, self.body = section.entries[index]

    def edited(self, edit: BodyEdit, at: At, left: dict[tuple[At, Path], CantEditError]) -> list[Splice]:
        """The splices of the edits that can be made; why the others can't goes to `left`."""
        splices: list[Splice] = []
        by_part: dict[str, dict[Path, Leaf]] = {}
        for path, leaf in edit.leaves.items():
            by_part.setdefault(path[0], {})[path] = leaf
        new: dict[str, JSON] = {}
        for name, leaves in by_part.items():
            splices += self.part(name, leaves, new, at, left)
        try:
            return splices + self.new_parts(new)
        except CantEditError as error:
            left |= {(at, path): error for path in edit.leaves if path[0] in new}
            return splices

    def part(
        self,
        name: str,
        leaves: Mapping[Path, Leaf],
        new: dict[str, JSON],
        at: At,
        left: dict[tuple[At, Path], CantEditError],
    ) -> list[Splice]:
        """The splices within `fields`, `relationships` or `members`; a part that has to be written goes to `new`."""
        own = self.own(self.body, name)
        if own is None:
            new[name] = self.anew(name, leaves)
            return []
        key, spot = own
        if (name,) in leaves:
            return self.tried(key, spot, leaves[name,], self.body, at, (name,), left)
        if spot.shape == "map" and not self.is_shared(self.body, spot):
            return self.within(spot, leaves, at, left)
        indent = self.body.entries[0][0].column - 1
        data: JSON = {path[1]: leaf.whole for path, leaf in leaves.items()}
        if spot.shape == "alias":
            new_text = in_flow(data)
            return [Splice(spot.start, spot.end, f"{{<<: *{spot.value}, {new_text[1:]}")]
        if spot.shape == "scalar" and not self.is_shared(self.body, spot):
            return self.value(key, spot, data, indent, flow=self.body.flow)
        left |= {(at, path): CantEditError(_SHARED) for path in leaves}
        return []

    def within(
        self, spot: Spot, leaves: Mapping[Path, Leaf], at: At, left: dict[tuple[At, Path], CantEditError]
    ) -> list[Splice]:
        splices: list[Splice] = []
        more: dict[str, JSON] = {}
        for path, leaf in leaves.items():
            own = self.own(spot, path[1])
            if own is None:
                more[path[1]] = leaf.whole
            else:
                splices += self.tried(*own, leaf, spot, at, path, left)
        return splices + self.more_entries(spot, more)

    def tried(
        self,
        key: Spot,
        spot: Spot,
        leaf: Leaf,
        within: Spot,
        at: At,
        path: Path,
        left: dict[tuple[At, Path], CantEditError],
    ) -> list[Splice]:
        try:
            if self.is_shared(self.body, within):
                raise CantEditError(_SHARED)
            return self.leaf(key, spot, leaf, within.entries[0][0].column - 1, flow=within.flow)
        except CantEditError as error:
            left[at, path] = error
            return []

    def new_parts(self, new: dict[str, JSON]) -> list[Splice]:
        if not new:
            return []
        if self.body.shape == "alias":
            return [Splice(self.body.start, self.body.end, f"{{<<: *{self.body.value}, {in_flow(new)[1:]}")]
        if self.is_shared(self.body):
            raise CantEditError(_SHARED)
        if self.body.shape == "scalar":
            return self.value(self.key, self.body, new, self.section.entries[0][0].column - 1, flow=self.section.flow)
        return self.more_entries(self.body, new)

    def anew(self, name: str, leaves: Mapping[Path, Leaf]) -> JSON:
        """A part that the body does not say itself; what a merge brings of it is copied, for a merge takes it whole."""
        if (name,) in leaves:
            return leaves[name,].whole
        merged = self.layout.merged(self.body).get(name) if self.body.shape != "scalar" else None
        known = self.layout.data(merged) if merged is not None and merged.shape in ("map", "alias") else None
        before = known if isinstance(known, dict) else {}
        return {**before, **{path[1]: leaf.whole for path, leaf in leaves.items()}}

    def own(self, spot: Spot, name: str) -> tuple[Spot, Spot] | None:
        """The entry that a mapping has itself."""
        return next((pair for pair in spot.entries if pair[0].value == name), None)

    def is_shared(self, *spots: Spot) -> bool:
        return any(spot.shape != "alias" and self.layout.is_shared(spot) for spot in spots)

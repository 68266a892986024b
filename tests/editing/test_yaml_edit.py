"""Laws of editing YAML in place (design.md, section 13): an edit says what it should, and every other line stays."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lfsync.editing.emit import literal
from lfsync.editing.splices import LINE_END, Splice, differences, spliced
from lfsync.editing.yaml_edit import BodyEdit, Items, Leaf, Parts, Put, edit_yaml
from lfsync.model import JSON
from lfsync.project.documents import parse
from lfsync.yaml_scalars import in_flow, quoted, scalar

LAWS = settings(max_examples=300, deadline=None)
HOSTILE = [
    "yes",
    "- x",
    "{a}",
    "null",
    "1e3",
    "a\tb",
    "---",
    "a  ",
    " a",
    ": ",
    "a: b",
    "a #b",
    "0x1",
    "12:30",
    "~",
    "it's",
]
HOSTILE += [
    "a\nb\n\n\n",
    "a\nb",
    "a\n\nb\n",
    "\n",
    "é\u2028x",
    "*a",
    "&a",
    "<<",
    "=",
    "|",
    ">-",
    "[",
    "%x",
    "a\\b",
    '"q"',
    "'",
    "012",
]
TEXTS = st.sampled_from(HOSTILE) | st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"], include_characters="\n\t", exclude_characters="?"),
    max_size=12,
)  # of a bare `?` between brackets PyYAML's own reader thinks otherwise than YAML 1.2
SCALARS = TEXTS | st.integers(-99, 10**12) | st.booleans() | st.none() | st.floats(-1e6, 1e6).map(lambda n: round(n, 2))
LISTS = st.lists(TEXTS, max_size=4)
MAPS = st.dictionaries(st.sampled_from(["city", "street", "country"]), TEXTS, max_size=3)
VALUES: st.SearchStrategy[Any] = SCALARS | LISTS | MAPS
KEYS = st.sampled_from(["$name", "tier", "tags", "nick name", "about"])
BODIES = st.dictionaries(KEYS, VALUES, min_size=1, max_size=4)


@dataclass
class Page:
    """A file that is written line by line; `owners` are those to whom a line belongs."""

    draw: Any
    lines: list[tuple[set[str], str]] = field(default_factory=list)

    def comment(self) -> str:
        return str(self.draw(st.sampled_from(["", "", "  # note", " #x: [y"])))

    def gap(self, indent: int, owner: set[str]) -> None:
        between = self.draw(st.sampled_from([None, None, None, "", "# between: it", f"{' ' * indent}# - here"]))
        if between is not None:
            self.lines.append((owner, between))

    def add(self, owner: set[str], line: str) -> None:
        self.lines.append((owner, line))

    def resource(self, key: str, body: dict[str, JSON]) -> None:
        self.gap(2, set())
        if self.draw(st.booleans()):
            owners = {key, *(f"{key}/{name}" for name in body)}
            comma = self.draw(st.sampled_from(["", ","]))
            inner = ", ".join(f"{scalar(name, flow=True)}: {self.one_line(data)}" for name, data in body.items())
            self.add(owners, f"  {key}: {{fields: {{{inner}{comma}}}}}{self.comment()}")
            return
        self.add({key}, f"  {key}:{self.comment()}")
        self.add({key}, f"    fields:{self.comment()}")
        for name, data in body.items():
            self.gap(6, {key})
            self.field({key, f"{key}/{name}"}, scalar(name), data)

    def one_line(self, data: JSON) -> str:
        if isinstance(data, str) and self.draw(st.booleans()):
            return quoted(data) if "\n" in data or self.draw(st.booleans()) else self.single(data)
        return in_flow(data)

    def single(self, text: str) -> str:
        hidden = re.search("[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe]", text)
        return quoted(text) if hidden else "'" + text.replace("'", "''") + "'"

    def field(self, owner: set[str], name: str, data: JSON) -> None:
        if isinstance(data, list) and data and self.draw(st.booleans()):
            self.block_list(owner, name, data)
        elif isinstance(data, dict) and data and self.draw(st.booleans()):
            self.add(owner, f"      {name}:")
            for part, value in data.items():
                self.add(owner, f"         {part}: {self.one_line(value)}{self.comment()}")
        elif isinstance(data, str) and "\n" in data and (held := literal(data)):
            self.add(owner, f"      {name}: {held[0]}{self.comment()}")
            for line in held[1]:
                self.add(owner, f"        {line}" if line else "")
        else:
            self.add(owner, f"      {name}: {self.one_line(data)}{self.comment()}")

    def block_list(self, owner: set[str], name: str, data: list[JSON]) -> None:
        self.add(owner, f"      {name}:")
        indent = self.draw(st.sampled_from(["      ", "        "]))
        for item in data:
            if self.draw(st.booleans()):
                self.add(owner, f"{indent}# an item")
            self.add(
                owner, f"{indent}- {self.one_line(item) if self.draw(st.booleans()) else scalar(item)}{self.comment()}"
            )


@st.composite
def edits_of(draw: Any, body: dict[str, JSON]) -> dict[str, Leaf]:
    """Edits of some fields, of one that is there or not."""
    found: dict[str, Leaf] = {}
    for name in draw(st.sets(KEYS, max_size=2)):
        old = body.get(name)
        if isinstance(old, list) and draw(st.booleans()):
            drop = frozenset(draw(st.sets(st.integers(0, len(old) - 1)))) if old else frozenset()
            add = tuple(draw(st.lists(TEXTS, max_size=2)))
            whole = [*(item for index, item in enumerate(old) if index not in drop), *add]
            found[name] = Items(whole, drop, add)
        elif isinstance(old, dict) and draw(st.booleans()):
            parts = draw(MAPS)
            found[name] = Parts({**old, **parts}, {part: Put(value) for part, value in parts.items()})
        else:
            found[name] = Put(draw(VALUES))
    return found


class _OldReader(yaml.SafeLoader):
    """PyYAML's own reader, not libyaml: YAML 1.1, but for its dates, which YAML 1.2 has not."""


_OldReader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rows if not tag.endswith("timestamp")]
    for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@LAWS
@given(st.data())
def test_an_edit_says_what_it_should_and_nothing_else_moves(data: st.DataObject) -> None:
    bodies: dict[str, Any] = data.draw(st.dictionaries(st.sampled_from("abcd"), BODIES, min_size=1, max_size=4))
    page = Page(data.draw)
    page.add(set(), "accounts:  # ours")
    for key, body in bodies.items():
        page.resource(key, body)
    ending = data.draw(st.sampled_from(["\n", "\r\n"]))
    text = data.draw(st.sampled_from(["", "\ufeff"])) + ending.join(line for _, line in page.lines)
    text += data.draw(st.sampled_from(["", ending]))
    before = parse(text, "x").data
    assume(before == {"accounts": {key: {"fields": body} for key, body in bodies.items()}})  # but for `|` at the end
    wanted: Any = {key: {"fields": dict(body)} for key, body in bodies.items()}
    places = {key: _place(text, key) for key in bodies}
    edits: dict[tuple[int, int], BodyEdit] = {}
    touched: set[str] = set()
    for key, body in bodies.items():
        if data.draw(st.integers(0, 7)) == 0:
            edits[places[key]] = BodyEdit(gone=True)
            touched |= {key, *(f"{key}/{name}" for name in body)}
            del wanted[key]
            continue
        leaves = data.draw(edits_of(body))
        if leaves:
            edits[places[key]] = BodyEdit({("fields", name): leaf for name, leaf in leaves.items()})
            touched |= {f"{key}/{name}" for name in leaves}
            wanted[key]["fields"] |= {name: leaf.whole for name, leaf in leaves.items()}
            if any(name not in body for name in leaves):
                touched |= {f"{key}/{name}" for name in body} if _is_flow(page, key) else set()
    made = edit_yaml(text, edits)
    assert made.left == {}
    after = spliced(text, made.splices)
    assert _plain(parse(after, "x").data) == _plain({"accounts": wanted})
    assert _plain(yaml.load(after.removeprefix("\ufeff"), _OldReader)) == _plain({"accounts": wanted})
    kept = [line for owners, line in page.lines if not owners & touched]
    assert _is_within(kept, LINE_END.split(after.removeprefix("\ufeff")))
    if not edits:
        assert after == text
    assert after.endswith(ending) == text.endswith(ending) or not wanted or touched


def _plain(data: Any) -> Any:
    """Without what YAML has several words for: an empty mapping of resources is nothing."""
    return {"accounts": data["accounts"] or None}


def _place(text: str, key: str) -> tuple[int, int]:
    """Where a resource's key stands."""
    place = parse(text, "x").place(["accounts", key])
    return (place.line, place.column)


def _is_flow(page: Page, key: str) -> bool:
    return any(line.startswith(f"  {key}: {{fields") for _, line in page.lines)


def _is_within(some: list[str], all_lines: list[str]) -> bool:
    """Whether lines are there in their order."""
    rest = iter(all_lines)
    return all(any(line == other for other in rest) for line in some)


@LAWS
@given(st.data())
def test_the_diff_is_one_that_patch_can_read(data: st.DataObject) -> None:
    ending = data.draw(st.sampled_from(["\n", "\r\n"]))
    lines = data.draw(st.lists(st.sampled_from(["a", "b", "", "c d"]), min_size=1, max_size=40))
    text = ending.join(lines) + data.draw(st.sampled_from(["", ending]))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(lines) - 1), max_size=4)))
    starts = [sum(len(line) + len(ending) for line in lines[:index]) for index in cuts]
    new = data.draw(st.sampled_from(["x", f"x{ending}y", ""]))
    splices = [Splice(at, at + len(lines[index]), new) for at, index in zip(starts, cuts, strict=True)]
    hunks = list(differences(text, splices))
    assert _patched(text.replace(ending, "\n"), hunks) == spliced(text, splices).replace(ending, "\n")


def _patched(text: str, hunks: list[str]) -> str:
    """What `patch` makes of it."""
    old = re.findall(r"[^\n]*\n|[^\n]+", text)
    new: list[str] = []
    at = 0
    for index, line in enumerate(hunks):
        end = "" if hunks[index + 1 : index + 2] == ["\\ No newline at end of file"] else "\n"
        if line.startswith("@@"):
            start, count = re.match(r"@@ -(\d+)(?:,(\d+))?", line).groups()  # type: ignore[union-attr]
            first = int(start) - (count != "0")
            new += old[at:first]
            at = first
        elif line[0] in " -":
            assert old[at] == line[1:] + end
            at += 1
            new += [line[1:] + end] if line[0] == " " else []
        elif line[0] == "+":
            new.append(line[1:] + end)
    return "".join([*new, *old[at:]])

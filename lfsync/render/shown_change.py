"""A change of a plan, and what a plan keeps, as people read them: rows of pasteable values. Pure.

All is data: nothing is escaped, nothing wrapped and nothing cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final, Literal, TypeAlias

from lfsync.model import JSON, Action, Address, Cause, Change, Kept, LastChange, LinkChange, Place
from lfsync.render.shown import TextLine, is_empty, text_diff, yaml_pair, yaml_shown

Reason: TypeAlias = Literal["delete", "conflict", "drift", "adoption", "membership", "warning"]

REASONS: Final[tuple[Reason, ...]] = ("delete", "conflict", "drift", "adoption", "membership", "warning")
"""Why a change needs a look, the gravest first."""

LARGE_MEMBERSHIP: Final = 10
"""Members of a list, or links of one key. A change of what is there that moves more of them needs a look."""


@dataclass(frozen=True, slots=True)
class Row:
    """What a change does to one key.

    `label` is "" where the key says it already. `old` and `new` are YAML on one line, and could be pasted; `old` is
    None where there was nothing before a create. Of has-many links and members they are both None: `added` and
    `removed` hold their names, all of them. Of a text of several lines they are both "": it has `texts` and `diff()`.
    `is_gone`: the value goes with its record, which is deleted; `new` says nothing then.
    `changed`: when people changed the field, and what it held before, if Lightfield tells; alike rows may differ in it.
    """

    key: str
    label: str
    cause: Cause
    old: str | None = None
    new: str | None = None
    texts: tuple[str, str] | None = None
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    is_gone: bool = False
    changed: LastChange | None = field(default=None, compare=False)

    @property
    def is_many(self) -> bool:
        """Whether it is links or members, told by `added` and `removed`."""
        return self.new is None

    def diff(self) -> tuple[TextLine, ...]:
        """The lines that change, with a line of context; nothing for what is no text of several lines."""
        return tuple(text_diff(*self.texts)) if self.texts else ()


@dataclass(frozen=True, slots=True)
class ShownChange:
    """One change. `cause` is the gravest of its rows'; `reasons` are why it needs a look, the gravest first.

    `name`: what people call the record; of a create, as declared. `link`: where it is to be seen.
    """

    address: Address
    action: Action
    place: Place
    cause: Cause
    id: str | None
    name: str | None
    link: str | None
    moved_from: Address | None
    adopted: bool
    rows: tuple[Row, ...]
    warnings: tuple[str, ...]
    reasons: tuple[Reason, ...]

    @property
    def kind(self) -> str:
        return self.address.kind


@dataclass(frozen=True, slots=True)
class ShownKept:
    """What people changed of one resource, and `--keep-drift` leaves.

    Of its rows `old` is what is there and stays, `new` what the files say; `removed` is there and not declared, `added`
    the other way round. `places` are those of the rows.
    """

    address: Address
    id: str | None
    name: str | None
    link: str | None
    rows: tuple[Row, ...]
    places: tuple[Place, ...]


def shown_change(change: Change) -> ShownChange:
    """A change of a plan, or of a run in the past, with its rows."""
    rows = (*_field_rows(change), *_link_rows(change))
    causes = {change.cause or "config", *(row.cause for row in rows)}
    cause: Cause = "conflict" if "conflict" in causes else "drift" if "drift" in causes else "config"
    return ShownChange(
        address=change.address,
        action=change.action,
        place=change.source,
        cause=cause,
        id=change.id,
        name=change.name,
        link=change.link,
        moved_from=change.moved_from,
        adopted=change.adopted,
        rows=rows,
        warnings=change.warnings,
        reasons=tuple(_reasons(change, cause, rows)),
    )


def _reasons(change: Change, cause: Cause, rows: tuple[Row, ...]) -> Iterator[Reason]:
    """In the order of `REASONS`."""
    if change.action == "delete":
        yield "delete"
    if cause != "config":
        yield cause
    if change.adopted and change.action == "update":
        yield "adoption"
    if change.action not in ("create", "delete") and any(map(_is_large, rows)):
        yield "membership"
    if change.warnings:
        yield "warning"


def _is_large(row: Row) -> bool:
    return len(row.added) + len(row.removed) > LARGE_MEMBERSHIP


def _field_rows(change: Change) -> Iterator[Row]:
    fresh = change.action == "create"
    for each in change.fields:
        texts = _texts(each.before, each.after)
        old, new = ("", "") if texts else yaml_pair(each.before, each.after)
        yield Row(
            key=each.key,
            label=_label(each.key, each.label),
            cause=each.cause,
            old=None if fresh and is_empty(each.before) else old,
            new=new,
            texts=texts,
            is_gone=change.action == "delete",
            changed=each.changed,
        )


def _texts(before: JSON, after: JSON) -> tuple[str, str] | None:
    """Both sides, where one of them is a text of several lines, and the other is text or empty."""
    old, new = "" if is_empty(before) else before, "" if is_empty(after) else after
    if not (isinstance(old, str) and isinstance(new, str)) or ("\n" not in old and "\n" not in new):
        return None
    return old, new


def _link_rows(change: Change) -> Iterator[Row]:
    fresh = change.action == "create"
    for link in change.relationships:
        if isinstance(link.before, list) or isinstance(link.after, list):
            added, removed = _named(link)
            yield Row(link.key, "", link.cause, added=added, removed=removed)
        else:
            old, new = yaml_pair(link.before, link.after)
            before = None if fresh and is_empty(link.before) else old
            yield Row(link.key, "", link.cause, before, new, is_gone=change.action == "delete")
    members = change.members
    if members and (members.add or members.remove):
        yield Row("members", "", _members_cause(change), added=members.add, removed=members.remove)


def _members_cause(change: Change) -> Cause:
    """Members carry no cause of their own: theirs is what the fields and relationships don't account for."""
    others = {field.cause for field in change.fields} | {link.cause for link in change.relationships}
    if not others:
        return change.cause or "config"
    return "drift" if change.cause in ("drift", "conflict") and others == {"config"} else "config"


def _label(key: str, label: str) -> str:
    """The label where the key doesn't say it already."""
    plain = key.lstrip("$").replace("-", "").replace("_", "").lower()
    return "" if "".join(filter(str.isalnum, label)).lower() == plain else label


def _named(link: LinkChange) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is added and removed, by the names for people where they tell the same number of links."""
    before, after = _names(link.before), _names(link.after)
    add = tuple(name for name in after if name not in before)
    remove = tuple(name for name in before if name not in after)
    counts = (len(add), len(remove))
    return (add, remove) if counts == (len(link.add), len(link.remove)) else (link.add, link.remove)


def _names(value: JSON) -> Mapping[str, None]:
    """In order, each once, and quick to look up."""
    if not isinstance(value, list):
        return {}
    return dict.fromkeys(item if isinstance(item, str) else yaml_shown(item) for item in value)


# ---------------------------------------------------------------- what is kept


def shown_kept(kept: Iterable[Kept]) -> Iterator[ShownKept]:
    """A block for each resource."""
    for address, group in groupby(kept, key=lambda each: each.address):
        values = tuple(group)
        first = values[0]
        rows, places = tuple(map(_kept_row, values)), tuple(each.source for each in values)
        yield ShownKept(address, first.id, first.name, first.link, rows, places)


def _kept_row(kept: Kept) -> Row:
    label = _label(kept.key, kept.label)
    if kept.value_type is None and (kept.add or kept.remove) and not _is_single(kept):
        return Row(kept.key, label, "drift", added=kept.add, removed=kept.remove)
    texts = _texts(kept.before, kept.after)
    return Row(kept.key, label, "drift", *(("", "") if texts else yaml_pair(kept.before, kept.after)), texts=texts)


def _is_single(kept: Kept) -> bool:
    """Whether it is one link, of a has-one, and no list of them."""
    values = [value for value in (kept.before, kept.after) if value is not None]
    return bool(values) and not any(isinstance(value, list) for value in values)

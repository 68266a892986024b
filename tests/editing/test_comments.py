"""Comments of what stays stay, and a block stays a block (design.md, section 13: every other byte stays)."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from lfsync.editing.insertion import inserted
from lfsync.editing.splices import CantEditError, spliced
from lfsync.editing.yaml_edit import BodyEdit, Items, edit_yaml
from lfsync.project.documents import parse

_FLOW = """\
lists:
  l:
    members: [
      a,  # about a
      # above b
      b,  # about b
      c,  # about c
    ]
"""
_BLOCK = "lists:\n  l:\n    members:   # m\n      # first\n      - a  # about a\n      - b\n      # last\nx-more: 1\n"


def edited(text: str, drop: Collection[int], add: tuple[str, ...], *, crlf: bool = False) -> str:
    """The members without some, and with others."""
    text = text.replace("\n", "\r\n") if crlf else text
    old = parse(text, "x").data["lists"]["l"]["members"]  # type: ignore[index,call-overload]
    whole = [each for index, each in enumerate(old) if index not in drop] + [*add]  # type: ignore[arg-type]
    made = edit_yaml(text, {(2, 3): BodyEdit({("members",): Items(whole, frozenset(drop), add)})})
    assert not made.left
    after = spliced(text, made.splices)
    assert parse(after, "x").data["lists"]["l"]["members"] == whole  # type: ignore[index,call-overload]
    return after.replace("\r\n", "\n") if crlf else after


@pytest.mark.parametrize("crlf", [False, True])
@pytest.mark.parametrize("add", [(), ("d",)])
@pytest.mark.parametrize("drop", [{0}, {1}, {2}, {0, 1}, {1, 2}, {0, 2}])
def test_between_brackets_a_comment_goes_with_its_item_only(drop: set[int], add: tuple[str, ...], crlf: bool) -> None:
    after = edited(_FLOW, drop, add, crlf=crlf)
    kept = [f"# about {name}" for index, name in enumerate("abc") if index not in drop]
    assert all(comment in after for comment in kept)
    assert "# above b" in after


@pytest.mark.parametrize("tail", ["b, c", "b, c,", "b, # x\n c", "b # x\n , c # y\n ,"])
@pytest.mark.parametrize("drop", [{1}, {2}, {1, 2}, {0, 1}])
def test_between_brackets_commas_stay_single(tail: str, drop: set[int]) -> None:
    after = edited(f"lists:\n  l:\n    members: [a, # a\n {tail}]\n", drop, ("d",))
    assert 0 in drop or "# a" in after


@pytest.mark.parametrize("crlf", [False, True])
def test_a_block_whose_items_are_all_others_is_still_a_block(crlf: bool) -> None:
    """In the style that it has (docs/accept.md)."""
    expected = "      # first\n      - c\n      - d\n      # last\nx-more: 1\n"
    assert edited(_BLOCK, {0, 1}, ("c", "d"), crlf=crlf).endswith(expected)


def test_what_is_new_stands_below_the_comments_of_what_is_above() -> None:
    """A comment that is indented deeper than the keys is about the resource above it (rule V1)."""
    text = "accounts:\n  a:\n    fields: {$name: A}\n    # of a\n  # of the section\n"
    after = inserted(text, ("accounts",), ["new:\n  id: n"])
    assert after == "accounts:\n  a:\n    fields: {$name: A}\n    # of a\n\n  new:\n    id: n\n\n  # of the section\n"


@pytest.mark.parametrize("end", ["...\n", "... # end\n# after\n", "..."])
def test_a_new_section_stands_before_the_end_of_the_document(end: str) -> None:
    text = f"contacts:\n  c: {{id: x}}\n{end}"
    after = inserted(text, ("accounts",), ["new:\n  id: n"])
    assert after.endswith(end)
    assert parse(after, "x").data == {"contacts": {"c": {"id": "x"}}, "accounts": {"new": {"id": "n"}}}


def test_marked_keys_have_no_place_for_others() -> None:
    with pytest.raises(CantEditError):
        inserted("? accounts\n: ? a\n  : id: x\n", ("accounts",), ["new:\n  id: n"])

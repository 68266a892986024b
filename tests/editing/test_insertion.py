"""What is added to a file leaves every byte of it where it was, and is read as what was meant (rule V1)."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lfsync.editing.insertion import inserted
from lfsync.editing.splices import CantEditError
from lfsync.project.documents import parse

_HEADS = ("", "# mine\n", "x-own: {a: 1}\n", "\ufeff# bom\n", "---\n")
_SECTIONS = (
    "",
    "accounts:\n  a:\n    fields: {$name: A}\n",
    "accounts:\n    a: {id: x}   # deep\n\n\n",
    "accounts:\n  a:\n    fields:\n      $name: |\n        one\n        two\n",
    "accounts:\n  a: &a {id: x}\n  b: *a\n",
    "accounts:\n  a: {id: x}\n# behind\n",
    "accounts:\n",
    "accounts: # none yet\n\n\n",
    "'accounts':\n  # none yet\n",
)
_TAILS = ("", "tasks:\n  t: {id: y}\n", "# the end", "\nnotes: {n: {id: z}}")


@given(
    head=st.sampled_from(_HEADS), section=st.sampled_from(_SECTIONS), tail=st.sampled_from(_TAILS), crlf=st.booleans()
)
@example(head="", section="", tail="", crlf=False)
def test_every_byte_stays_and_the_new_ones_are_read(head: str, section: str, tail: str, crlf: bool) -> None:
    text = head + section + tail
    text = text.replace("\n", "\r\n") if crlf else text
    after = inserted(text, ("accounts",), ["new:\n  id: n", "other:\n  fields:\n    $name: O"])
    at = next(i for i in range(len(after)) if text[: i + 1] != after[: i + 1])
    grown = len(after) - len(text)
    assert any(after[:i] + after[i + grown :] == text for i in range(at + 1)), "nothing but an insertion"
    before, data = parse(text, "x").data or {}, parse(after, "x").data
    assert isinstance(before, dict)
    assert isinstance(data, dict)
    old = before.get("accounts") or {}
    assert isinstance(old, dict)
    assert data == {**before, "accounts": {**old, "new": {"id": "n"}, "other": {"fields": {"$name": "O"}}}}
    assert "\r\n" not in text or "\n" not in after.replace("\r\n", "")


def test_objects_stand_below_their_slug() -> None:
    text = "objects:\n  project:\n    a: {id: x}\n  deal:\n    d: {id: y}\n"
    data = parse(inserted(text, ("objects", "project"), ["b:\n  id: z"]), "x").data
    assert data == {"objects": {"project": {"a": {"id": "x"}, "b": {"id": "z"}}, "deal": {"d": {"id": "y"}}}}
    data = parse(inserted(text, ("objects", "visit"), ["v:\n  id: z"]), "x").data
    assert isinstance(data, dict)
    assert data["objects"] == {"project": {"a": {"id": "x"}}, "deal": {"d": {"id": "y"}}, "visit": {"v": {"id": "z"}}}
    text = "objects:\n    project:\n    deal:\n"
    data = parse(inserted(text, ("objects", "project"), ["b:\n  id: z"]), "x").data
    assert data == {"objects": {"project": {"b": {"id": "z"}}, "deal": None}}
    assert inserted("accounts:", ("accounts",), ["b:\n  id: z"]) == "accounts:\n  b:\n    id: z\n"
    assert inserted("accounts:\n", ("accounts",), ["b:\n  id: z"]) == "accounts:\n  b:\n    id: z\n"


def test_a_blank_line_stands_between_two_resources_and_not_above_the_first() -> None:
    new = ["b:\n  id: z"]
    text = "notes:\n  a:\n    fields:\n      $content: |\n        Agenda:\n"
    assert inserted(text, ("notes",), new) == f"{text}\n  b:\n    id: z\n", "a text may end with a colon"
    assert inserted("notes: # none yet\n", ("notes",), new) == "notes: # none yet\n  b:\n    id: z\n"


@pytest.mark.parametrize(
    "text",
    [
        "{accounts: {a: {id: x}}}",
        "accounts: {a: {id: x}}\n",
        "- a\n",
        "accounts: *x\n",
        "accounts: &a\n",
        "accounts: ~\n",
        "? accounts\n",
    ],
)
def test_a_form_without_a_place_is_refused(text: str) -> None:
    with pytest.raises(CantEditError):
        inserted(text.replace("*x", "[]"), ("accounts",), ["new:\n  id: n"])

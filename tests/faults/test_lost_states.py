"""Texts that only a create sets, in the server's own form, where no state remembers ours (rules I8, S5; section 4)."""

from __future__ import annotations

from itertools import product

import pytest

from tests.faults.stage import Moment, Open

_CRM = """\
meetings:
  call:
    fields:
      $title: " Kick-off  call "
      $startDate: 2026-10-01T10:00:00Z
      $endDate: 2026-10-01T17:00:00+02:00
      $description: "# Agenda \\n\\n* one\\n* two_three\\n\\n\\n\\nend  \\n"
      $meetingUrl: HTTPS://Meet.Example/Room/
      $organizerEmail: Kai@Corp.Example
"""
_FORMS = [
    {"text-trim": text, "markdown-form": markdown, "url-form": url}
    for text, markdown, url in product(("kept", "trimmed"), ("kept", "tidied"), ("canonical", "kept", "no-scheme"))
]


@pytest.mark.parametrize("quirks", _FORMS, ids=lambda quirks: "-".join(quirks.values()))
def test_a_lost_state_adopts_what_the_server_wrote_its_way(stage: Open, quirks: dict[str, str]) -> None:
    """Losing the state loses verdicts, never records: what can't be written another way is no reason to block."""
    box = stage(_CRM, quirks=quirks)
    box.apply(expect=0)
    (call,) = box.ids("meeting")
    box.forget_state()
    planned = box.plan(expect=2)
    assert (planned["blocked"], [change["action"] for change in planned["changes"]]) == ([], ["adopt"])
    box.forget_writes()
    box.apply(expect=0)
    assert (box.writes(), box.ids("meeting")) == ([], {call})
    assert box.plan(expect=0)["changes"] == []


@pytest.mark.parametrize(
    ("key", "before", "after"),
    [("$title", "Kick-off  call", "Kick-off calls"), ("$description", "* one", "* one more")],
)
def test_other_words_block_as_ever(stage: Open, key: str, before: str, after: str) -> None:
    """Rule I8."""
    box = stage(_CRM, quirks={"text-trim": "trimmed", "markdown-form": "tidied"})
    box.apply(expect=0)
    other = _CRM.replace(before, after) + "    match: {$meetingUrl: meet.example/Room}\n"
    box.write(other)
    (blocked,) = box.plan(expect=3)["blocked"]
    assert f"`{key}`" in blocked["reason"]
    box.forget_state()
    assert [each["reason"] for each in box.plan(expect=3)["blocked"]] == [blocked["reason"]]


def test_a_create_whose_answer_was_lost_converges(stage: Open) -> None:
    """A replayed answer proves no form (S5), and no update may set these: it is settled all the same."""
    box = stage(_CRM, quirks={"text-trim": "trimmed", "markdown-form": "tidied"}, lag=3600)
    box.killed(Moment("POST", "/v1/meetings", after=True))
    box.clock.ahead += 60
    box.forget_writes()
    box.apply(expect=0)
    assert box.writes() == ["POST /v1/meetings"]
    assert len(box.ids("meeting")) == 1
    assert box.plan(expect=0)["changes"] == []

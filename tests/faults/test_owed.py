"""What a create sets in a request of its own, and did not come to: nothing but a create sends it (rules L1, A4, A8).

Design.md, section 3: `ignore_changes` are set at create, later edits stand; a `seed` is made whole, and never updated.
"""

from __future__ import annotations

import pytest

from tests.faults.stage import Answer, Moment, Open, Stage

_LIVES = ("ignore_changes: [$meetingPrep, $postMeetingSummary, $contact, parent]", "seed: true")
_MEETING = """\
meetings:
  call:
    fields:
      $title: Call
      $startDate: 2026-10-01T10:00:00Z
      $endDate: 2026-10-01T11:00:00Z
      $meetingPrep: Read it
      $postMeetingSummary: All went well
    lifecycle: {LIFE}
"""
_PEOPLE = [f"c{number:02}" for number in range(30)]
_CONTACTS = "contacts:\n" + "".join(f"  {key}: {{fields: {{$email: [{key}@x.example]}}}}\n" for key in _PEOPLE)
_MANY = f"{_CONTACTS}accounts:\n  acme: {{fields: {{$name: Acme}}, relationships: {{$contact: [{', '.join(_PEOPLE)}]}}"
_RING = """\
accounts:
  a: {fields: {$name: A}, relationships: {parent: b}, lifecycle: {LIFE}}
  b: {fields: {$name: B}, relationships: {parent: a}, lifecycle: {LIFE}}
"""
_LIST = f"""{_CONTACTS}lists:
  all: {{fields: {{$name: All, $objectType: $contact}}, members: [{", ".join(_PEOPLE)}], lifecycle: {{seed: true}}}}
"""


def _of(text: str, life: str, *keys: str) -> str:
    """The project's file under this lifecycle, where `keys` alone are declared of those that it names."""
    if "ignore" in life:
        life = f"ignore_changes: [{', '.join(keys)}]"
    return text.replace("LIFE", life)


def _keys(plan: Answer) -> dict[str, list[str]]:
    """What a plan writes, by address."""
    return {
        change["address"]: [each["key"] for each in (*change["fields"], *change["relationships"])]
        + (["members"] if change["members"] else [])
        for change in plan["changes"]
    }


def _is_done(box: Stage) -> None:
    """Nothing is owed any more, and what people do from now on is theirs."""
    assert box.plan(expect=0)["changes"] == []
    assert "owed" not in (box.folder / ".lfsync/state/prod.jsonl").read_text()


@pytest.mark.parametrize("life", ["ignore_changes", "seed: true"])
def test_what_only_an_update_takes(stage: Open, life: str) -> None:
    """API sheet 4.6: the texts of a meeting go in the request after its create."""
    box = stage(_of(_MEETING, life, "$meetingPrep", "$postMeetingSummary"))
    box.killed(Moment("POST", "/v1/meetings/.+"))
    planned = box.plan(expect=2)
    assert _keys(planned) == {"meeting.call": ["$meetingPrep", "$postMeetingSummary"]}
    assert [(change["action"], change["cause"]) for change in planned["changes"]] == [("update", "config")]
    assert "$meetingPrep" in box.lfsync("explain", "meeting.call").out
    box.apply(expect=0)
    (call,) = box.rows("meeting")
    assert (call.fields["$meetingPrep"], call.fields["$postMeetingSummary"]) == ("Read it", "All went well")
    _is_done(box)
    box.edit("meeting", call.id, {"$meetingPrep": None, "$postMeetingSummary": "By hand"})
    _is_done(box)


def test_what_somebody_set_meanwhile_stands(stage: Open) -> None:
    box = stage(_of(_MEETING, "ignore_changes", "$meetingPrep", "$postMeetingSummary"))
    box.killed(Moment("POST", "/v1/meetings/.+"))
    (call,) = box.ids("meeting")
    box.edit("meeting", call, {"$meetingPrep": "By hand"})
    assert _keys(box.plan(expect=2)) == {"meeting.call": ["$postMeetingSummary"]}
    box.apply(expect=0)
    assert box.value("meeting", call, "$meetingPrep") == "By hand"
    assert box.value("meeting", call, "$postMeetingSummary") == "All went well"
    _is_done(box)


def test_what_is_declared_no_more_is_not_sent(stage: Open) -> None:
    text = _of(_MEETING, "ignore_changes", "$meetingPrep")
    box = stage(text)
    box.killed(Moment("POST", "/v1/meetings/.+"))
    box.write(
        text.replace("      $meetingPrep: Read it\n", "").replace(
            "    lifecycle: {ignore_changes: [$meetingPrep]}\n", ""
        )
    )
    assert _keys(box.plan(expect=2)) == {"meeting.call": ["$postMeetingSummary"]}
    box.apply(expect=0)
    _is_done(box)


@pytest.mark.parametrize("life", ["ignore_changes", "seed: true"])
def test_a_second_request_that_was_refused_is_made_up_for(stage: Open, life: str) -> None:
    """Not killed, but failed: the next plan shows it all the same."""
    box = stage(_of(_MEETING, life, "$meetingPrep", "$postMeetingSummary"))

    async def trash(ask: Answer, answer: Answer) -> None:
        (call,) = box.ids("meeting")
        await ask("DELETE", f"/v1/meetings/{call}")

    box.meanwhile("POST", "/v1/meetings/.+", trash)
    box.apply(expect=3)
    (call,) = box.ids("meeting", trashed=True)
    box.person("POST", f"/v1/meetings/{call}/restore")
    assert _keys(box.plan(expect=2)) == {"meeting.call": ["$meetingPrep", "$postMeetingSummary"]}
    box.apply(expect=0)
    _is_done(box)


@pytest.mark.parametrize("life", ["ignore_changes", "seed: true"])
def test_links_above_a_request(stage: Open, life: str) -> None:
    """API sheet 7: 25 in a request. What people linked meanwhile stays, what they unlinked is no more than missing."""
    box = stage(_of(_MANY + ", lifecycle: {LIFE}}\n", life, "$contact"))
    box.killed(Moment("POST", "/v1/accounts/.+"), "--allow-large")
    (acme,) = box.ids("account")
    eve = box.make("contact", {"$email": ["eve@x.example"]}, account=[acme])
    (change,) = box.plan(expect=2)["changes"]
    (link,) = change["relationships"]
    assert (len(link["add"]), link["remove"]) == (5, [])
    box.apply(expect=0)
    assert all(box.linked(acme, id) for id in box.ids("contact"))
    assert box.linked(acme, eve)
    _is_done(box)


@pytest.mark.parametrize("life", ["ignore_changes", "seed: true"])
def test_a_link_that_waited_for_what_it_points_at(stage: Open, life: str) -> None:
    """Section 6: a cycle is broken by a create and a later update."""
    box = stage(_of(_RING, life, "parent"))
    box.killed(Moment("POST", "/v1/accounts/.+"))
    ((address, keys),) = _keys(box.plan(expect=2)).items()
    assert keys == ["parent"]
    box.apply(expect=0)
    one, other = box.bound("account.a"), box.bound("account.b")
    assert sum(link.edge == "account.parent" for link in box.crm.store.links([one, other], box.crm.store.now())) == 2
    _is_done(box)
    assert address in ("account.a", "account.b")


def test_a_link_that_somebody_set_meanwhile_stands(stage: Open) -> None:
    box = stage(_of(_RING, "ignore_changes", "parent"))
    box.killed(Moment("POST", "/v1/accounts/.+"))
    (change,) = box.plan(expect=2)["changes"]
    holding = box.make("account", {"$name": "Holding"})
    box.person("POST", f"/v1/accounts/{change['id']}", {"relationships": {"parent": {"replace": holding}}})
    assert box.plan(expect=0)["changes"] == []
    box.apply(expect=0)
    assert box.linked(change["id"], holding)
    _is_done(box)


def test_members_above_a_request(stage: Open) -> None:
    box = stage(_LIST)
    box.killed(Moment("POST", "/v1/lists/.+"), "--allow-large")
    (change,) = box.plan(expect=2)["changes"]
    assert (len(change["members"]["add"]), change["members"]["remove"]) == (5, [])
    box.apply(expect=0)
    (everybody,) = box.ids("list")
    assert all(box.linked(everybody, id) for id in box.ids("contact"))
    _is_done(box)


def test_a_plan_of_drift_and_a_plan_of_other_things_leave_it_owed(stage: Open) -> None:
    """Rules A4, P3: it stays until a plan shows it."""
    box = stage(_of(_MEETING, "ignore_changes", "$meetingPrep") + "accounts: {acme: {fields: {$name: Acme}}}\n")
    box.killed(Moment("POST", "/v1/meetings/.+"))
    box.lfsync("plan", "--drift-only", "-o", str(box.folder.parent / "plan.json"))
    box.lfsync("apply", str(box.folder.parent / "plan.json"), "--yes")
    box.apply("--only", "account.acme", expect=0)
    assert _keys(box.plan(expect=2)) == {"meeting.call": ["$meetingPrep", "$postMeetingSummary"]}


def test_a_create_that_was_looked_for_owes_the_same(stage: Open) -> None:
    """Rule A4: it turned out to have been made, under a match that is declared no more."""
    text = _of(_MEETING, "ignore_changes", "$meetingPrep", "$postMeetingSummary")
    box = stage(text)
    box.killed(Moment("POST", "/v1/meetings", after=True))
    (call,) = box.ids("meeting")
    box.write(text.replace("meetings:\n  call:\n", "meetings:\n  call:\n    match: {$title: Other}\n"))
    planned = box.plan(expect=2)
    assert _keys(planned)["meeting.call"] == ["$meetingPrep", "$postMeetingSummary"]
    box.apply(expect=0)
    assert box.ids("meeting") == {call}
    _is_done(box)

"""Meetings as a user has them: the real command line against the sandbox, under every quirk of meetings.

API sheet 4.6, design.md section 16, rules A1, A2, A9, C8, I6, I8, I9, L1, L2, L3.
"""

from __future__ import annotations

import json
import time
from itertools import product
from typing import Any

import pytest

from tests.faults.town import Build, Town

MEETINGS = "/v1/meetings"
ADMIN, PLAIN = "sk_lf_admin", "sk_lf_role_member_x"
SEED = """\
members:
  - {ref: kai, email: kai@corp.example, role: admin}
  - {ref: mia, email: mia@corp.example}
files:
  - {ref: call, filename: call.txt, content: "Ada: hello"}
  - {ref: other, filename: other.txt, content: "Ada: bye"}
blocklist: [spam.example]
"""
PRIVATE = """\
records:
  meetings:
    - ref: secret
      fields:
        {$title: Secret, $startDate: 2026-10-01T10:00:00Z, $endDate: 2026-10-01T11:00:00Z, $privacySetting: METADATA,
         $description: About solar, $meetingPrep: Plan, $attendeeEmails: [ada@acme.example]}
      relationships: {$transcript: call}
"""
OPEN = """\
records:
  meetings:
    - ref: open
      fields: {$title: Open, $startDate: 2026-10-01, $endDate: 2026-10-02, $attendeeEmails: [ada@acme.example]}
      relationships: {$transcript: call}
"""
SECRET = """\
meetings:
  secret:
    fields:
      $title: Secret
      $startDate: 2026-10-01T10:00:00Z
      $endDate: 2026-10-01T11:00:00Z
      $description: About solar
      $attendeeEmails: [ada@acme.example]
      $meetingPrep: Plan
    lifecycle: {ignore_changes: [$meetingPrep]}
"""
KICK_OFF = """\
meetings:
  kick-off:
    fields:
      $title: Kick-off
      $startDate: 2026-10-01T10:00:00+02:00
      $endDate: 2026-10-01T11:00:00+02:00
      $description: About solar
      $attendeeEmails: [ada@acme.example]
      $meetingPrep: Read it
      $postMeetingSummary: All went well
"""
REDACTIONS = [
    {"private-meetings": a, "private-title": b} for a, b in product(("empty", "absent"), ("shown", "redacted"))
]


def use(town: Town, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """From now on lfsync has this key."""
    town.key = key
    monkeypatch.setenv("LIGHTFIELD_API_KEY", key)


def sent(town: Town) -> list[dict[str, Any]]:
    """The bodies of the writes to meetings."""
    return [json.loads(b) for method, path, b in town.bent.sent if method == "POST" and path.startswith(MEETINGS)]


def live(town: Town) -> list[dict[str, Any]]:
    """The values of every meeting that is there, for an admin."""
    return [{key: cell["value"] for key, cell in row["fields"].items()} for row in town.rows(MEETINGS)]


def seeded(town: Town) -> str:
    return str(town.rows(MEETINGS)[0]["id"])


# ---------------------------------------------------------------- what the API takes when


def test_what_only_an_update_sets_goes_in_a_second_request(build: Build) -> None:
    """Sheet 4.6: `$meetingPrep` and `$postMeetingSummary` are no fields of a create."""
    town = build(seed=SEED)
    town.write(KICK_OFF)
    assert town.plan()["requests"]["write"] == 2
    town.apply()
    first, second = sent(town)
    assert not {"$meetingPrep", "$postMeetingSummary"} & first["fields"].keys()
    assert second == {"fields": {"$meetingPrep": "Read it", "$postMeetingSummary": "All went well"}}
    assert live(town)[0]["$postMeetingSummary"] == "All went well"
    assert town.actions() == {}


def test_it_takes_the_scope_of_an_update(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """Section 6: a plan says what it takes."""
    town = build(seed=SEED)
    town.write(KICK_OFF)
    town.as_key(monkeypatch, "meetings:read", "meetings:create", "members:read")
    assert town.plan()["missing_scopes"] == ["meetings:update"]


def test_ignored_keys_are_set_at_create_all_the_same(build: Build) -> None:
    """Rule L1."""
    town = build(seed=SEED)
    town.write(KICK_OFF + "    lifecycle: {ignore_changes: [$meetingPrep, $postMeetingSummary]}\n")
    town.apply()
    assert (live(town)[0]["$meetingPrep"], live(town)[0]["$postMeetingSummary"]) == ("Read it", "All went well")
    town.edit(MEETINGS, town.id("meeting.kick-off"), fields={"$meetingPrep": "By hand"})
    assert town.plan()["warnings"] == []
    assert town.actions() == {}


def test_and_where_the_answer_to_the_create_was_lost(build: Build) -> None:
    """Rules A2, L1: a create that is met again under its own key is the same create, and what it owes is sent."""
    town = build(seed=SEED, index_lag=60)
    town.write(KICK_OFF + "    lifecycle: {ignore_changes: [$meetingPrep, $postMeetingSummary]}\n")
    town.killed_apply(1, unanswered=True)
    town.apply()
    made = town.ask("GET", f"{MEETINGS}/{town.id('meeting.kick-off')}")
    assert made["fields"]["$meetingPrep"]["value"] == "Read it"
    assert len(sent(town)) == 3


def test_records_for_attendees_are_asked_for_at_create_alone(build: Build) -> None:
    """Design 3, 16: `autoCreateRecords` is sent with the create, never compared, part of the digest; the plan warns."""
    town = build(seed=SEED, quirks={"meeting-sync": "at-once"})
    town.write(KICK_OFF)
    without = town.plan()
    town.write(KICK_OFF.replace("    fields:", "    autoCreateRecords: true\n    fields:"))
    made = town.plan()
    assert made["config_digest"] != without["config_digest"]
    assert "accounts and contacts" in made["changes"][0]["warnings"][0]
    town.apply()
    assert [body.get("autoCreateRecords") for body in sent(town)] == [True, None]
    assert len(town.rows("/v1/contacts")) == 1
    town.write(KICK_OFF)
    assert town.actions() == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("accounts: {a: {autoCreateRecords: true, fields: {$name: A}}}", "unknown key `autoCreateRecords`"),
        ("meetings: {a: {autoCreateRecords: often, fields: {$title: A}}}", "`autoCreateRecords` must be true or false"),
    ],
)
def test_flags_where_they_are_wrong(build: Build, text: str, said: str) -> None:
    """Design 3: an unknown key anywhere is an error."""
    town = build(seed=SEED)
    town.write(text)
    assert said in town.lfsync("validate").text


def test_attendees_are_emptied_with_a_list(build: Build) -> None:
    """Sheet 4.6: they are not nullable; rule C8: null clears."""
    town = build(OPEN, seed=SEED)
    town.write("meetings: {open: {fields: {$title: Open, $startDate: 2026-10-01, $attendeeEmails: null}}}")
    town.apply()
    assert sent(town) == [{"fields": {"$attendeeEmails": []}}]
    assert live(town)[0]["$attendeeEmails"] in (None, [])
    assert town.actions() == {}
    assert town.lfsync("undo", "--yes").code == 0
    assert live(town)[0]["$attendeeEmails"] == ["ada@acme.example"]


def test_a_transcript_is_replaced_and_never_cleared(build: Build) -> None:
    """Sheet 4.6: clearing is not supported."""
    town = build(OPEN, seed=SEED)
    base = "meetings:\n  open:\n    fields: {$title: Open, $startDate: 2026-10-01}\n"
    base += "    relationships:\n      $transcript: "
    town.write(base + "null\n")
    found = town.plan()
    assert (found["changes"], found["exit_code"]) == ([], 3)
    assert "can't be cleared" in found["blocked"][0]["reason"]
    assert (found["blocked"][0]["source"]["line"], found["blocked"][0]["source"]["column"]) == (5, 20)
    files = {row["filename"]: row["id"] for row in town.ask("GET", "/v1/files")["data"]}
    town.write(base + files["other.txt"] + "\n")
    town.apply()
    (body,) = sent(town)
    assert body["relationships"] == {"$transcript": {"replace": files["other.txt"]}}
    assert town.actions() == {}


def test_a_transcript_goes_with_the_create(build: Build) -> None:
    town = build(seed=SEED)
    file = town.ask("GET", "/v1/files")["data"][0]["id"]
    town.write(KICK_OFF + f"    relationships: {{$transcript: {file}}}\n")
    town.apply()
    assert sent(town)[0]["relationships"] == {"$transcript": file}
    assert town.actions() == {}


def test_only_what_is_over_is_made(build: Build) -> None:
    """Sheet 4.6: create only for the past, by the server's clock."""
    town = build(seed=SEED)
    town.write("meetings: {a: {fields: {$title: A, $startDate: 2026-10-01, $endDate: 2099-01-01}}}")
    found = town.plan()
    assert (found["changes"], found["exit_code"]) == ([], 3)
    assert "`$endDate` is not over yet" in found["blocked"][0]["reason"]


def test_by_the_servers_clock(build: Build) -> None:
    """A server whose clock is years behind decides, not this machine's."""
    town = build(seed=SEED)
    town.bent.ahead = -365 * 86400.0
    town.write("meetings: {a: {fields: {$title: A, $startDate: 2026-10-01, $endDate: 2026-10-02}}}")
    assert "`$startDate` is not over yet" in town.plan()["blocked"][0]["reason"]


def test_an_end_before_the_start_is_a_mistake_of_the_file(build: Build) -> None:
    """Told by `validate` alone, at the value's place."""
    town = build(seed=SEED)
    town.write("meetings: {a: {fields: {$title: A, $startDate: 2026-10-02, $endDate: 2026-10-01}}}")
    said = town.lfsync("validate")
    assert said.code == 1
    assert "crm.yaml:1:70: meeting.a: `$endDate` is before `$startDate`" in said.text


CROWD = [f"a{number}@x.example" for number in range(501)]


def crowd(count: int) -> str:
    fields = {"$title": "A", "$startDate": "2026-10-01", "$endDate": "2026-10-02", "$attendeeEmails": CROWD[:count]}
    return json.dumps({"meetings": {"a": {"fields": fields}}}, indent=1)


def test_more_attendees_than_a_meeting_takes_are_a_mistake_of_the_file(build: Build) -> None:
    """Sheet 4.6, 13: at most 500. Told by `validate` alone, at the value's place; one named twice counts once."""
    town = build(seed=SEED)
    town.write(crowd(501))
    said = town.lfsync("validate")
    assert said.code == 1
    assert "crm.yaml:8:24: meeting.a: `$attendeeEmails`: 501 values where the field takes at most 500" in said.text
    town.write(crowd(501).replace("a500@x.example", "A0@x.example"))
    town.apply()
    assert town.actions() == {}


def test_a_meeting_of_more_attendees_is_imported_without_them(build: Build) -> None:
    """No file can say them: the key is left and named, the meeting is taken (design 13)."""
    rows = [{"fields": {"$title": "A", "$startDate": "2026-10-01", "$endDate": "2026-10-02", "$attendeeEmails": CROWD}}]
    town = build(f"records: {json.dumps({'meetings': rows})}", seed=SEED)
    said = town.lfsync("import", "meeting")
    assert said.code == 3
    assert "left: meeting.a: `$attendeeEmails`: no file can say it: 501 values where the field" in said.out
    assert town.actions() == {}


def test_attendees_of_a_meeting_that_is_not_over_are_left(build: Build) -> None:
    """Sheet 4.6: only once the meeting has ended. What does not change them is done."""
    row = {"$title": "A", "$startDate": "2026-10-01", "$endDate": "2099-10-02", "$attendeeEmails": ["a@x.example"]}
    town = build(f"records: {json.dumps({'meetings': [{'fields': row}]})}", seed=SEED)
    town.write(json.dumps({"meetings": {"a": {"fields": {**row, "$attendeeEmails": ["b@x.example"]}}}}))
    found = town.plan()
    assert (found["changes"], found["exit_code"]) == ([], 3)
    assert "`$attendeeEmails` can't be changed before the meeting is over" in found["blocked"][0]["reason"]
    town.write(json.dumps({"meetings": {"a": {"fields": {**row, "$privacySetting": "FULL"}}}}))
    town.apply()
    assert town.actions() == {}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("$title", "Other"),
        ("$startDate", "2026-10-01T08:00:00Z"),
        ("$endDate", "2026-10-03"),
        ("$description", "Other"),
        ("$meetingUrl", "https://x.example"),
        ("$organizerEmail", "mia@corp.example"),
    ],
)
def test_what_only_a_create_sets_blocks(build: Build, key: str, value: str) -> None:
    """Rule I8."""
    town = build(OPEN, seed=SEED)
    fields = {"$title": "Open", "$startDate": "2026-10-01", "$endDate": "2026-10-02"}
    town.write(json.dumps({"meetings": {"open": {"fields": fields}}}))
    town.apply()
    town.write(json.dumps({"meetings": {"open": {"fields": {**fields, key: value}}}}))
    found = town.plan()
    assert found["changes"] == []
    assert f"`{key}`" in found["blocked"][0]["reason"]
    assert "only be set when the record is created" in found["blocked"][0]["reason"]


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("$contact", "set `$attendeeEmails`"),
        ("$account", "set `$attendeeEmails`"),
        ("$opportunity", "set `$attendeeEmails`"),
        ("$transcripts", "`$transcript`: set that"),
        ("$note", "set `$meeting` of the note"),
    ],
)
def test_derived_links_say_how_they_are_set(build: Build, key: str, hint: str) -> None:
    """Sheet 4.6."""
    town = build(seed=SEED)
    town.write(f"meetings: {{a: {{fields: {{$title: A, $startDate: 2026-10-01}}, relationships: {{{key}: [x_1]}}}}}}")
    said = town.lfsync("validate")
    assert f"`{key}` of a meeting can't be set here" in said.text
    assert hint in said.text


@pytest.mark.parametrize("keys", ["record", "slug"])
def test_a_note_names_a_meeting_by_its_key(build: Build, keys: str) -> None:
    """U32."""
    town = build(seed=SEED, quirks={"definition-keys": keys})
    town.write(KICK_OFF + "notes: {memo: {fields: {$title: Memo}, relationships: {$meeting: [kick-off]}}}\n")
    town.apply()
    assert town.rows(MEETINGS)[0]["relationships"]["$note"]["values"] == [town.id("note.memo")]
    assert town.actions() == {}


def test_rows_of_a_source_are_meetings(build: Build) -> None:
    """Rule C4."""
    town = build(seed=SEED)
    town.write(
        "Id,Title,From,To,Who\n1,A,2026-10-01,2026-10-02,a@x.example;b@x.example\n2,B,2026-09-01,2026-09-02,\n", "m.csv"
    )
    town.write(
        "sources:\n  - kind: meeting\n    file: m.csv\n    key: Id\n    fields: {$title: Title, $startDate: From,"
        " $endDate: To, $attendeeEmails: {column: Who, split: ;}}\n"
    )
    town.apply()
    assert town.titles(MEETINGS) == ["A", "B"]
    assert town.actions() == {}


# ---------------------------------------------------------------- texts that the server writes


def test_a_plan_warns_once_of_texts_that_come_and_go(build: Build) -> None:
    """Design 16: the plan says so once, with the cure: one line for all, with the changes that they would cause."""
    town = build(seed=SEED)
    town.write(KICK_OFF + KICK_OFF.removeprefix("meetings:\n").replace("kick-off", "b").replace("Kick-off", "B"))
    (warning,) = [each["message"] for each in town.plan()["warnings"]]
    assert "`$meetingPrep` and `$postMeetingSummary`" in warning
    assert "ignore_changes" in warning
    town.apply()
    town.edit(MEETINGS, town.id("meeting.b"), fields={"$meetingPrep": "As Lightfield has it"})
    planned = town.plan()
    assert [change["address"] for change in planned["changes"]] == ["meeting.b"]
    (warning,) = [each["message"] for each in planned["warnings"]]
    assert "`$meetingPrep`" in warning


def test_a_plan_that_writes_none_of_these_texts_does_not_warn_of_them(build: Build) -> None:
    """Design 16: once, not with each plan; where the key is in `ignore_changes`, or was sent by a seed, never."""
    town = build(seed=SEED)
    town.write(KICK_OFF)
    town.apply()
    assert town.plan()["warnings"] == []
    town.write(KICK_OFF.replace("[ada@acme.example]", "[kai@corp.example]"))
    planned = town.plan()
    assert [change["address"] for change in planned["changes"]] == ["meeting.kick-off"]
    assert planned["warnings"] == []
    lives = {"b": "ignore_changes: [$meetingPrep, $postMeetingSummary]", "c": "seed: true"}
    for key, lifecycle in lives.items():
        again = KICK_OFF.replace("kick-off", key).replace("Kick-off", key)
        town.write(f"{again}    lifecycle: {{{lifecycle}}}\n", f"{key}.yaml")
    planned = town.plan()
    assert planned["summary"]["create"] == 2
    assert planned["warnings"] == []


@pytest.mark.parametrize("sync", ["later", "at-once"])
def test_regenerated_texts_do_not_flip(build: Build, sync: str) -> None:
    """Sheet 14: the server replaces them; what is in `ignore_changes` stays as it has it."""
    town = build(seed=SEED, quirks={"meeting-texts": "regenerated", "meeting-sync": sync})
    town.write(KICK_OFF + "    lifecycle: {ignore_changes: [$meetingPrep, $postMeetingSummary]}\n")
    town.apply()
    town.edit(MEETINGS, town.id("meeting.kick-off"), fields={"$privacySetting": "FULL"})
    assert town.actions() == {}


def test_a_text_that_the_server_replaced_at_once_is_settled(build: Build) -> None:
    """Rule S5: its own form of our value, shown twice."""
    town = build(seed=SEED, quirks={"meeting-texts": "regenerated", "meeting-sync": "at-once"})
    town.write(KICK_OFF)
    town.apply()
    assert "Written by the server" in live(town)[0]["$meetingPrep"]
    assert town.actions() == {}


# ---------------------------------------------------------------- redacted


@pytest.mark.parametrize("quirks", REDACTIONS)
def test_a_redacted_meeting_is_left_as_it_is(
    build: Build, monkeypatch: pytest.MonkeyPatch, quirks: dict[str, str]
) -> None:
    """Design 16: no change, no clear, no drift; hashes stay; one warning names it."""
    town = build(PRIVATE, seed=SEED, quirks=quirks)
    town.write(SECRET)
    town.apply()
    before = town.state()
    use(town, monkeypatch, PLAIN)
    town.forget()
    for text in (SECRET, SECRET.replace("About solar", "About wind").replace("ada@", "max@")):
        town.write(text)
        found = town.plan()
        assert (found["changes"], found["blocked"], found["exit_code"]) == ([], [], 0)
        assert len([w for w in found["warnings"] if seeded(town) in w["message"] and "metadata" in w["message"]]) == 1
        town.apply()
    assert (town.writes(), town.state()) == ([], before)
    use(town, monkeypatch, ADMIN)
    town.write(SECRET)
    assert town.actions() == {}


@pytest.mark.parametrize("quirks", REDACTIONS)
def test_what_is_redacted_is_not_made_again(
    build: Build, monkeypatch: pytest.MonkeyPatch, quirks: dict[str, str]
) -> None:
    """Rule I9: what shows fits, and its title may be hidden. Where all of its match shows, it is adopted."""
    town = build(PRIVATE, seed=SEED, quirks=quirks)
    town.write(SECRET)
    use(town, monkeypatch, PLAIN)
    found = town.plan()
    if quirks["private-title"] == "shown":
        assert [(change["action"], change["id"], change["fields"]) for change in found["changes"]] == [
            ("adopt", seeded(town), [])
        ]
    else:
        assert (found["changes"], found["exit_code"]) == ([], 3)
        assert seeded(town) in found["blocked"][0]["reason"]
    town.lfsync("apply", "--yes")
    assert len(town.rows(MEETINGS)) == 1
    assert town.writes() == []


@pytest.mark.parametrize("quirks", REDACTIONS)
def test_a_title_may_be_a_mask(build: Build, monkeypatch: pytest.MonkeyPatch, quirks: dict[str, str]) -> None:
    """Rule I9: another title at the same time may be the one; another time is not."""
    town = build(PRIVATE, seed=SEED, quirks=quirks)
    use(town, monkeypatch, PLAIN)
    town.write("meetings: {a: {fields: {$title: A, $startDate: 2026-10-01T10:00:00Z, $endDate: 2026-10-02}}}")
    assert seeded(town) in town.plan()["blocked"][0]["reason"]
    town.write("meetings: {a: {fields: {$title: A, $startDate: 2026-10-01T12:00:00Z, $endDate: 2026-10-02}}}")
    town.apply()
    assert len(town.rows(MEETINGS)) == 2


def test_the_record_of_another_resource_hides_nobody(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """A redacted meeting that is bound, or named by an `id:`, is no second one."""
    town = build(PRIVATE, seed=SEED)
    town.write(SECRET)
    town.apply()
    use(town, monkeypatch, PLAIN)
    twin = "  twin: {fields: {$title: Twin, $startDate: 2026-10-01T10:00:00Z, $endDate: 2026-10-01T11:00:00Z}}\n"
    town.write(SECRET + twin)
    assert town.actions() == {"meeting.twin": "create"}


@pytest.mark.parametrize("quirks", REDACTIONS)
def test_nothing_is_adopted_by_what_is_hidden(
    build: Build, monkeypatch: pytest.MonkeyPatch, quirks: dict[str, str]
) -> None:
    """A match by a hidden key, and a part that must be empty: neither is told by a redacted row."""
    town = build(PRIVATE, seed=SEED, quirks=quirks)
    use(town, monkeypatch, PLAIN)
    fields = (
        "fields: {$title: Secret, $startDate: 2026-10-01T10:00:00Z, $endDate: 2026-10-02, $description: About solar}"
    )
    town.write(f"meetings: {{a: {{match: [$description], {fields}}}}}")
    found = town.plan()
    assert (found["changes"], len(found["blocked"])) == ([], 1)
    match = "{match: {$description: About solar}}"
    town.write(f"notes: {{n: {{fields: {{$title: N}}, relationships: {{$meeting: [{match}]}}}}}}")
    found = town.plan()
    assert (found["changes"], len(found["blocked"])) == ([], 1)


@pytest.mark.parametrize("quirks", REDACTIONS)
def test_nothing_redacted_is_trashed(build: Build, monkeypatch: pytest.MonkeyPatch, quirks: dict[str, str]) -> None:
    """Rules A1, L2: nobody can tell whether a hidden value moved."""
    town = build(PRIVATE, seed=SEED, quirks=quirks)
    keep = "accounts: {keep: {fields: {$name: Keep}}}\n"
    town.write(SECRET + keep)
    town.apply()
    saved = town.root.parent / "plan.json"
    town.write(keep)
    assert town.lfsync("plan", "--prune", "-o", str(saved)).code == 0
    use(town, monkeypatch, PLAIN)
    found = town.plan("--prune")
    assert found["changes"] == []
    assert any(seeded(town) in warning["message"] for warning in found["warnings"])
    assert town.lfsync("apply", str(saved), "--yes", "--allow-large").code == 3
    town.write(SECRET.replace("{ignore_changes: [$meetingPrep]}", "{absent: true}"))
    found = town.plan()
    assert (found["changes"], len(found["blocked"])) == ([], 1)
    assert len(town.rows(MEETINGS)) == 1


def test_undo_leaves_what_is_redacted_alone(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule L3."""
    town = build(PRIVATE, seed=SEED)
    town.write(SECRET.replace("ada@", "max@"))
    town.apply()
    use(town, monkeypatch, PLAIN)
    said = town.lfsync("undo", "--yes")
    assert said.code == 3
    assert "metadata" in said.text
    assert live(town)[0]["$attendeeEmails"] == ["max@acme.example"]


@pytest.mark.parametrize("quirks", REDACTIONS)
def test_a_saved_plan_writes_over_nothing_hidden(
    build: Build, monkeypatch: pytest.MonkeyPatch, quirks: dict[str, str]
) -> None:
    """Rule A1: planned by an admin, applied by who sees the metadata only."""
    town = build(PRIVATE, seed=SEED, quirks=quirks)
    town.write(SECRET.replace("ada@", "max@"))
    saved = town.root.parent / "plan.json"
    assert town.lfsync("plan", "-o", str(saved)).code == 0
    use(town, monkeypatch, PLAIN)
    assert town.lfsync("apply", str(saved), "--yes").code == 3
    assert live(town)[0]["$attendeeEmails"] == ["ada@acme.example"]


def test_an_invisible_meeting_is_not_made_again(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """U33, rule I6: bound and 404."""
    town = build(PRIVATE, seed=SEED, quirks={"private-meetings": "404"})
    town.write(SECRET)
    town.apply()
    use(town, monkeypatch, PLAIN)
    found = town.plan()
    assert (found["changes"], found["exit_code"]) == ([], 3)
    assert "hidden from this key" in found["blocked"][0]["reason"]


def test_nor_under_another_key_and_prune_does_not_forget_it(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules I4, I9: the state knows that the renamed resource has a record, though this key does not see it."""
    town = build(PRIVATE, seed=SEED, quirks={"private-meetings": "404"})
    town.write(SECRET)
    town.apply()
    id = town.id("meeting.secret")
    town.write(SECRET.replace("  secret:", "  renamed:"))
    use(town, monkeypatch, PLAIN)
    for _ in range(2):
        said = town.apply("--prune", expect=3).out
        assert 'meeting.secret, declared no more, had $title "Secret", ' in said
        assert "`lfsync state rm meeting.secret`" in said
        assert len(town.rows(MEETINGS)) == 1
    use(town, monkeypatch, ADMIN)
    assert town.actions() == {"meeting.renamed": "adopt"}
    town.apply()
    assert town.id("meeting.renamed") == id


@pytest.mark.parametrize("private", ["empty", "absent", "404"])
@pytest.mark.parametrize("title", ["shown", "redacted"])
def test_who_makes_private_meetings_of_others_makes_them_once(
    build: Build, monkeypatch: pytest.MonkeyPatch, private: str, title: str
) -> None:
    """The answer to the create is redacted itself, or the record hidden from then on."""
    town = build(seed=SEED, quirks={"private-meetings": private, "private-title": title})
    use(town, monkeypatch, PLAIN)
    body = "{{fields: {{$title: {0}, $startDate: 2026-10-01, $endDate: 2026-10-02, $privacySetting: METADATA}}}}"
    town.write(f"meetings: {{a: {body.format('A')}, b: {body.format('B')}}}")
    town.apply()
    assert town.titles(MEETINGS) == ["A", "B"]
    found = town.plan()
    assert found["changes"] == []
    assert len(found["blocked"]) == (2 if private == "404" else 0)
    town.lfsync("apply", "--yes")
    assert town.titles(MEETINGS) == ["A", "B"]


@pytest.mark.parametrize("private", ["empty", "absent"])
@pytest.mark.parametrize("editors", ["participants", "anybody"])
def test_who_makes_a_private_meeting_sets_its_texts_where_the_api_lets_them(
    build: Build, monkeypatch: pytest.MonkeyPatch, private: str, editors: str
) -> None:
    """Sheet 4.6 restricts deletes alone: the second request is sent, and the API says. What was made is not denied."""
    town = build(seed=SEED, quirks={"private-meetings": private, "meeting-editors": editors})
    use(town, monkeypatch, PLAIN)
    town.write(
        "meetings: {a: {fields: {$title: A, $startDate: 2026-10-01, $endDate: 2026-10-02, $privacySetting: METADATA,"
        " $meetingPrep: Mine, $postMeetingSummary: Sum}}}"
    )
    said = town.apply(expect=0 if editors == "anybody" else 3)
    assert len(sent(town)) == 2
    made = (live(town)[0]["$meetingPrep"], live(town)[0]["$postMeetingSummary"])
    assert made == (("Mine", "Sum") if editors == "anybody" else (None, None))
    assert "nothing written" not in said.out
    assert town.actions() == {}
    town.lfsync("apply", "--yes")
    assert town.titles(MEETINGS) == ["A"]


@pytest.mark.parametrize("private", ["empty", "absent", "404"])
def test_and_once_where_the_answer_was_lost(build: Build, monkeypatch: pytest.MonkeyPatch, private: str) -> None:
    """Rule A2: the key is answered with a record that this key may not see, or not any more."""
    town = build(seed=SEED, quirks={"private-meetings": private})
    use(town, monkeypatch, PLAIN)
    town.write(
        "meetings: {a: {fields: {$title: A, $startDate: 2026-10-01, $endDate: 2026-10-02, $privacySetting: METADATA}}}"
    )
    town.killed_apply(1, unanswered=True)
    for _ in range(2):
        town.lfsync("apply", "--yes")
    assert town.titles(MEETINGS) == ["A"]


# ---------------------------------------------------------------- participants, vanishing, the trash


def test_who_does_not_take_part_fails_for_that_meeting_only(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule A9."""
    town = build(OPEN, seed=SEED)
    use(town, monkeypatch, PLAIN)
    town.write(
        "meetings: {open: {fields: {$title: Open, $startDate: 2026-10-01, $attendeeEmails: [x@acme.example]}},"
        " own: {fields: {$title: Own, $startDate: 2026-10-01, $endDate: 2026-10-02, $meetingPrep: Mine,"
        " $attendeeEmails: [mia@corp.example]}}}\naccounts: {a: {fields: {$name: A}}}\n"
    )
    said = town.apply(expect=3)
    assert "Only participants and admins" in said.text
    assert "use the key of an admin, or somebody who takes part in the meeting" in said.text
    assert "meetings:update" not in said.text  # the key has that scope: it would not help
    assert town.titles("/v1/accounts") == ["A"]
    assert sorted(str(row["$meetingPrep"]) for row in live(town)) == ["Mine", "None"]


@pytest.mark.parametrize("sync", ["later", "at-once"])
@pytest.mark.parametrize("is_new", [True, False])
def test_a_meeting_that_vanishes_is_named_and_never_made_again(build: Build, sync: str, is_new: bool) -> None:
    """Sheet 4.6: an address on a block list makes a meeting disappear; rule I6."""
    town = build("" if is_new else OPEN, seed=SEED, quirks={"meeting-sync": sync})
    title = "New" if is_new else "Open"
    fields = f"{{$title: {title}, $startDate: 2026-10-01, $endDate: 2026-10-02, $attendeeEmails: [x@spam.example]}}"
    town.write(f"meetings: {{a: {{fields: {fields}}}}}")
    said = town.lfsync("apply", "--yes")
    if sync == "at-once":
        assert said.code == 3
        assert "is gone since" in said.text
        assert "block list" in said.text
    else:
        time.sleep(1.1)  # the sandbox's own clock: a sync comes a second after the write
    found = town.plan()
    assert (found["changes"], found["exit_code"]) == ([], 3)
    assert "block list" in found["blocked"][0]["reason"]
    town.forget()
    assert town.lfsync("apply", "--yes").code == 3
    assert town.writes() == []


def test_nor_where_the_answer_was_lost(build: Build) -> None:
    """Rules A2, I6: the key is answered with a record that has vanished since; a new one would vanish as well."""
    town = build(seed=SEED, quirks={"meeting-sync": "at-once"})
    town.write(KICK_OFF.replace("ada@acme.example", "x@spam.example"))
    town.killed_apply(1, unanswered=True)
    said = town.apply(expect=3)
    assert "block list" in said.text
    town.apply(expect=3)
    assert len({line for line in town.log("POST", MEETINGS) if line == f"POST {MEETINGS}"}) == 1
    made = town.bent.app.state.workspace.store.execute("SELECT COUNT(DISTINCT id) FROM versions WHERE kind = 'meeting'")
    assert made.fetchone()[0] == 1


@pytest.mark.parametrize("shows", ["404", "record"])
def test_what_is_in_the_trash_already_is_no_error(build: Build, shows: str) -> None:
    """Sheet 4.6: a second delete of a meeting is 404."""
    town = build(OPEN, seed=SEED, quirks={"trashed-retrieve": shows})
    text = "meetings: {open: {fields: {$title: Open, $startDate: 2026-10-01}}}"
    town.write(text)
    town.apply()
    saved = town.root.parent / "plan.json"
    town.write(text.replace("}}}", "}, lifecycle: {absent: true}}}"))
    assert town.lfsync("plan", "-o", str(saved)).code == 0
    town.trash(MEETINGS, seeded(town))
    assert town.lfsync("apply", str(saved), "--yes", "--allow-large").code == 0
    assert town.actions() == {}


# ---------------------------------------------------------------- kills

QUIRKS = [
    {"meeting-sync": sync, "meeting-texts": texts, "blocked-attendee": blocked}
    for sync, texts, blocked in product(("later", "at-once"), ("kept", "regenerated"), ("vanishes", "kept"))
]


@pytest.mark.parametrize("quirks", QUIRKS)
@pytest.mark.parametrize(("writes", "unanswered"), [(1, True), (1, False), (2, True), (3, True), (3, False), (4, True)])
def test_killed_anywhere_each_is_made_once(build: Build, quirks: dict[str, str], writes: int, unanswered: bool) -> None:
    """Rules A2, A3: after a kill at any write, the next apply ends where an unbroken one would have."""
    town = build(seed=SEED, quirks=quirks)
    other = KICK_OFF.removeprefix("meetings:\n").replace("kick-off", "b").replace("Kick-off", "B")
    town.write(KICK_OFF + other + "notes: {memo: {fields: {$title: Memo}, relationships: {$meeting: [kick-off]}}}\n")
    town.killed_apply(writes, unanswered=unanswered)
    for _ in range(2):
        if town.lfsync("apply", "--yes").code == 0:
            break
    assert town.titles(MEETINGS) == ["B", "Kick-off"]
    assert town.titles("/v1/notes") == ["Memo"]
    assert all(row["$meetingPrep"] for row in live(town))
    if quirks["meeting-texts"] == "kept":
        assert {row["$meetingPrep"] for row in live(town)} == {"Read it"}
        assert town.actions() == {}

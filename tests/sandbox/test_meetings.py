"""Meetings as the API sheet has them (sections 4.6, 7, 12 and 14)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.box import Answer, Box, settings

MEETINGS = "/v1/meetings"
PLAIN = "Bearer sk_lf_role_member_x"
PAST = {"$startDate": "2026-10-01T10:00:00Z", "$endDate": "2026-10-01T11:00:00Z"}
SEED = """
members:
  - {ref: kai, email: kai@corp.example, role: admin}
  - {ref: mia, email: mia@corp.example}
  - {ref: eva, email: eva@corp.example, privacy: METADATA}
files:
  - {ref: call, filename: call.txt, content: "Ada: hello"}
blocklist: [spam.example, tracker@fine.example]
records:
  accounts:
    - {ref: acme, fields: {$name: Acme, $website: [acme.example]}}
    - {ref: birch, fields: {$name: Birch}}
  contacts:
    - {ref: ada, fields: {$name: {firstName: Ada}, $email: [ada@acme.example]}, relationships: {$account: acme}}
    - {ref: lin, fields: {$name: {firstName: Lin}, $email: [lin@birch.example]}, relationships: {$account: birch}}
  opportunities:
    - {ref: deal, fields: {$name: Deal}, relationships: {$account: acme}}
  meetings:
    - ref: open
      fields:
        $title: Open
        $startDate: 2026-10-01
        $endDate: 2026-10-02
        $description: About solar
        $attendeeEmails: [Ada@acme.example, kai@corp.example]
        $postMeetingSummary: All went well
      relationships: {$transcript: call}
    - ref: closed
      fields:
        {$title: Closed, $startDate: 2026-10-01, $endDate: 2026-10-02, $privacySetting: METADATA,
         $description: Secret, $meetingPrep: Plan, $attendeeEmails: [ada@acme.example]}
      relationships: {$transcript: call}
    - {ref: next, fields: {$title: Next, $startDate: 2027-01-01, $endDate: 2027-01-02}}
  notes:
    - {ref: memo, fields: {$title: Memo}, relationships: {$meeting: [open]}}
"""


@pytest.fixture
def make(tmp_path: Path) -> Iterator[object]:
    made: list[Box] = []
    path = tmp_path / "seed.yaml"
    path.write_text(SEED)

    def boxed(quirks: dict[str, str] | None = None, **changed: object) -> Box:
        made.append(Box(settings(quirks, **changed), seed=path))
        return made[-1]

    yield boxed
    for box in made:
        box.close()


@pytest.fixture
def box(make: Answer) -> Box:
    return make()  # type: ignore[no-any-return]


def titled(box: Box, title: str, **headers: str) -> Answer:
    found = box.ok("GET", MEETINGS, **headers)["data"]
    return next(row for row in found if row["fields"]["$title"]["value"] == title)


def new(box: Box, *, relationships: object = None, auto: bool = False, **fields: object) -> Answer:
    body: dict[str, object] = {"fields": {"$title": "New", **PAST, **{f"${key}": fields[key] for key in fields}}}
    if relationships is not None:
        body["relationships"] = relationships
    if auto:
        body["autoCreateRecords"] = True
    return box.post(MEETINGS, body)


def refused(box: Box, status: int, body: object, path: str = MEETINGS) -> tuple[object, object]:
    error = box.fails(status, "POST", path, body)
    return error.get("code"), error.get("param")


def update(box: Box, title: str = "Open", **body: object) -> Answer:
    return box.post(f"{MEETINGS}/{titled(box, title)['id']}", body)


def file_id(box: Box) -> str:
    return str(box.get("/v1/files")["data"][0]["id"])


# ---------------------------------------------------------------- create


def test_the_envelope(box: Box) -> None:
    """2.2: `objectType` and `accessLevel` are there on a meeting."""
    made = new(box, attendeeEmails=["ada@acme.example"], organizerEmail="kai@corp.example", meetingUrl="m.example/x")
    assert (made["objectType"], made["accessLevel"]) == ("meeting", "FULL")
    assert made == box.get(f"{MEETINGS}/{made['id']}")
    assert made["fields"]["$startDate"]["value"] == "2026-10-01T10:00:00.000Z"
    assert made["fields"]["$organizerEmail"]["value"] == "kai@corp.example"
    assert "invited" not in made["fields"]
    assert box.get(f"{MEETINGS}/definitions")["objectType"] == "meeting"


@pytest.mark.parametrize("key", ["$title", "$startDate", "$endDate"])
def test_what_a_create_needs(box: Box, key: str) -> None:
    fields = {"$title": "x", **PAST}
    assert refused(box, 400, {"fields": {**fields, key: None}}) == ("parameter_missing", f"fields.{key}")
    del fields[key]
    assert refused(box, 400, {"fields": fields}) == ("parameter_missing", f"fields.{key}")


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"$endDate": "2026-11-02T09:00:00Z"}, "$endDate"),
        ({"$startDate": "2027-01-01T00:00:00Z", "$endDate": "2027-01-01T00:00:00Z"}, "$startDate"),
        ({"$startDate": "2026-10-01T11:00:00Z", "$endDate": "2026-10-01T12:00:00+02:00"}, "$endDate"),
        ({"$attendeeEmails": [f"{number}@x.example" for number in range(501)]}, "$attendeeEmails"),
    ],
)
def test_only_the_past(box: Box, fields: dict[str, object], key: str) -> None:
    assert refused(box, 422, {"fields": {"$title": "x", **PAST, **fields}}) == (None, f"fields.{key}")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"$meetingPrep": "x"}, "unknown_field"),
        ({"$postMeetingSummary": "x"}, "unknown_field"),
        ({"$manuallyAddedAttendeeEmails": []}, "unknown_field"),
        ({"custom": "x"}, "unknown_field"),
        ({"$attendeeEmails": None}, "invalid_type"),
        ({"$attendeeEmails": "a@b.example"}, "invalid_type"),
        ({"$attendeeEmails": ["nobody"]}, "invalid_type"),
        ({"$organizerEmail": ["a@b.example"]}, "invalid_type"),
        ({"$privacySetting": "SECRET"}, "invalid_type"),
    ],
)
def test_the_closed_field_set(box: Box, fields: dict[str, object], code: str) -> None:
    assert refused(box, 400, {"fields": {"$title": "x", **PAST, **fields}}) == (code, f"fields.{next(iter(fields))}")


def test_what_may_be_null(box: Box) -> None:
    made = new(box, description=None, meetingUrl=None, organizerEmail=None, privacySetting=None)
    assert made["fields"]["$description"]["value"] is None


def test_relationships_of_a_create(box: Box) -> None:
    """Only `$transcript` is writable, as an id or an array; `{}` is refused."""
    whole: dict[str, object] = {"fields": {"$title": "x", **PAST}}
    assert refused(box, 400, {**whole, "relationships": {}}) == ("invalid_type", "relationships")
    for key in ("$contact", "$account", "$opportunity", "$note", "$transcripts"):
        assert refused(box, 400, {**whole, "relationships": {key: []}})[1] == f"relationships.{key}"
    wrong = {**whole, "relationships": {"$transcript": "fil_none"}}
    assert refused(box, 400, wrong) == ("relationship_entity_missing", "relationships.$transcript")
    account = {**whole, "relationships": {"$transcript": box.id("accounts", "Acme")}}
    assert refused(box, 400, account) == ("relationship_entity_missing", "relationships.$transcript")
    file = file_id(box)
    for value in (file, [file]):
        made = new(box, relationships={"$transcript": value})["relationships"]
        assert made["$transcript"] == {"cardinality": "HAS_ONE", "objectType": "file", "values": [file]}
        assert made["$transcripts"]["values"] == [file]
    assert refused(box, 400, {**whole, "autoCreateRecords": "yes"}) == ("invalid_type", "autoCreateRecords")
    assert refused(box, 400, {**whole, "skipEnrichment": True}) == ("unknown_field", "skipEnrichment")


def test_a_pending_file_is_no_transcript(box: Box) -> None:
    pending = box.post("/v1/files", {"filename": "x.txt", "mimeType": "text/plain", "sizeBytes": 1})["id"]
    body = {"fields": {"$title": "x", **PAST}, "relationships": {"$transcript": pending}}
    assert refused(box, 400, body) == ("relationship_entity_inactive", "relationships.$transcript")


def test_a_create_is_idempotent(box: Box) -> None:
    body = {"fields": {"$title": "x", **PAST}}
    assert box.post(MEETINGS, body, Idempotency_Key="k") == box.post(MEETINGS, body, Idempotency_Key="k")
    assert box.get(MEETINGS)["totalCount"] == 4


# ---------------------------------------------------------------- update


def test_the_four_fields(box: Box) -> None:
    changed = update(
        box,
        fields={
            "$privacySetting": "METADATA",
            "$attendeeEmails": ["lin@birch.example"],
            "$meetingPrep": "Prepare",
            "$postMeetingSummary": "",
        },
    )
    values = {key: shown["value"] for key, shown in changed["fields"].items()}
    assert values["$privacySetting"] == "METADATA"
    assert values["$attendeeEmails"] == ["lin@birch.example"]
    assert values["$meetingPrep"] == "Prepare"
    assert values["$postMeetingSummary"] is None
    assert update(box, fields={"$privacySetting": None})["fields"]["$privacySetting"]["value"] is None


def test_an_empty_text_clears_whatever_the_quirk(make: Answer) -> None:
    """4.6 says it outright; U19 is about the texts of which nothing is said."""
    for value in ("kept", "error"):
        changed = update(make({"empty-clears": value}), fields={"$postMeetingSummary": ""})
        assert changed["fields"]["$postMeetingSummary"]["value"] is None


@pytest.mark.parametrize(
    "key", ["$title", "$startDate", "$endDate", "$description", "$meetingUrl", "$organizerEmail", "$nope"]
)
def test_what_an_update_can_not_change(box: Box, key: str) -> None:
    path = f"{MEETINGS}/{titled(box, 'Open')['id']}"
    assert refused(box, 400, {"fields": {key: "2026-10-01T10:00:00Z"}}, path) == ("unknown_field", f"fields.{key}")
    assert refused(box, 400, {"fields": {"$manuallyAddedAttendeeEmails": []}}, path)[1]
    assert refused(box, 400, {"fields": {"$attendeeEmails": None}}, path)[0] == "invalid_type"
    assert refused(box, 400, {"fields": {}, "autoCreateRecords": True}, path)[0] == "unknown_field"


def test_attendees_only_once_it_has_ended(box: Box) -> None:
    path = f"{MEETINGS}/{titled(box, 'Next')['id']}"
    assert refused(box, 422, {"fields": {"$attendeeEmails": []}}, path) == (None, "fields.$attendeeEmails")
    box.post(path, {"fields": {"$meetingPrep": "Prepare"}})
    many = [f"{number}@x.example" for number in range(501)]
    path = f"{MEETINGS}/{titled(box, 'Open')['id']}"
    assert refused(box, 422, {"fields": {"$attendeeEmails": many}}, path) == (None, "fields.$attendeeEmails")
    box.post(path, {"fields": {"$attendeeEmails": many[:500]}})


def test_attendees_by_hand(box: Box) -> None:
    def by_hand(*emails: str) -> tuple[object, object]:
        fields = update(box, fields={"$attendeeEmails": list(emails)})["fields"]
        names = ("$manuallyAddedAttendeeEmails", "$manuallyRemovedAttendeeEmails")
        return fields[names[0]]["value"], fields[names[1]]["value"]

    assert by_hand("ada@acme.example", "lin@birch.example") == (["lin@birch.example"], ["kai@corp.example"])
    assert by_hand("lin@birch.example") == (["lin@birch.example"], ["ada@acme.example", "kai@corp.example"])
    assert by_hand("kai@corp.example", "ADA@acme.example") == (None, None)


def test_the_transcript_is_replaced(box: Box) -> None:
    first = file_id(box)
    other = box.upload()
    path = f"{MEETINGS}/{titled(box, 'Open')['id']}"
    swap = {"relationships": {"$transcript": {"replace": other["id"]}}}
    assert refused(box, 400, swap, path)[0] == "relationship_entity_inactive"
    box.post(f"/v1/files/{other['id']}/complete", {})
    shown = box.post(path, swap)["relationships"]
    assert shown["$transcript"]["values"] == [other["id"]]
    assert shown["$transcripts"]["values"] == [first, other["id"]]
    back = box.post(path, {"relationships": {"$transcript": {"replace": first}}})["relationships"]
    assert back["$transcript"]["values"] == [first]
    assert back["$transcripts"]["values"] == [first, other["id"]]


@pytest.mark.parametrize(
    "operation", [{"replace": None}, {"replace": []}, {"add": "FILE"}, {"remove": "FILE"}, {}, "FILE", None]
)
def test_the_transcript_can_only_be_replaced(box: Box, operation: object) -> None:
    file = file_id(box)
    if isinstance(operation, dict):
        operation = {name: file if value == "FILE" else value for name, value in operation.items()}
    path = f"{MEETINGS}/{titled(box, 'Open')['id']}"
    assert refused(box, 400, {"relationships": {"$transcript": operation}}, path)[1] == "relationships.$transcript"
    assert refused(box, 400, {"relationships": {"$contact": {"add": box.contact()}}}, path)[1]
    assert box.linked(path, "$transcript") == [file]


def test_which_fault_comes_first(make: Answer) -> None:
    """U4."""
    for order, status in (("existence-first", 404), ("body-first", 400)):
        box = make({"validation-order": order})
        refused(box, status, {"fields": {"$nope": 1}}, f"{MEETINGS}/mtg_none")
        refused(box, status, {"relationships": {"$transcript": {"replace": None}}}, f"{MEETINGS}/mtg_none")


def test_whether_fields_outlive_a_failed_transcript(make: Answer) -> None:
    """U15."""
    for answer, kept in (("yes", None), ("no", "x")):
        box = make({"update-atomic": answer})
        path = f"{MEETINGS}/{titled(box, 'Open')['id']}"
        body = {"fields": {"$meetingPrep": "x"}, "relationships": {"$transcript": {"replace": "fil_none"}}}
        assert refused(box, 400, body, path)[0] == "relationship_entity_missing"
        assert box.get(path)["fields"]["$meetingPrep"]["value"] == kept


# ---------------------------------------------------------------- derived links


def mirrors(box: Box, section: str, name: str) -> list[str]:
    titles = {row["id"]: row["fields"]["$title"]["value"] for row in box.get(MEETINGS)["data"]}
    return sorted(titles[id] for id in box.linked(f"/v1/{section}/{box.id(section, name)}", "$meeting"))


def test_links_follow_from_attendees(box: Box) -> None:
    """7: meeting - account and opportunity are derived, on both sides."""
    shown = titled(box, "Open")["relationships"]
    ada = next(row for row in box.get("/v1/contacts")["data"] if row["fields"]["$name"]["value"]["firstName"] == "Ada")
    assert shown["$contact"]["values"] == [ada["id"]]
    assert shown["$account"]["values"] == [box.id("accounts", "Acme")]
    assert shown["$opportunity"]["values"] == [box.id("opportunities", "Deal")]
    assert shown["$note"]["values"] == [box.id("notes", "Memo")]
    assert mirrors(box, "accounts", "Acme") == mirrors(box, "opportunities", "Deal") == ["Closed", "Open"]
    assert mirrors(box, "accounts", "Birch") == []
    assert len(ada["relationships"]["$meeting"]["values"]) == 2
    update(box, fields={"$attendeeEmails": ["lin@birch.example"]})
    assert mirrors(box, "accounts", "Acme") == ["Closed"]
    assert mirrors(box, "accounts", "Birch") == ["Open"]


def test_links_follow_contacts(box: Box) -> None:
    acme, birch = box.id("accounts", "Acme"), box.id("accounts", "Birch")
    ada = titled(box, "Open")["relationships"]["$contact"]["values"][0]
    box.post(f"/v1/contacts/{ada}", {"relationships": {"$account": {"add": birch}}})
    assert mirrors(box, "accounts", "Birch") == ["Closed", "Open"]
    box.post(f"/v1/accounts/{acme}", {"relationships": {"$contact": {"remove": ada}}})
    assert mirrors(box, "accounts", "Acme") == []
    assert titled(box, "Open")["relationships"]["$opportunity"]["values"] == []
    box.post(f"/v1/contacts/{ada}", {"fields": {"$email": ["ada@new.example"]}})
    assert titled(box, "Open")["relationships"]["$contact"]["values"] == []
    made = box.post("/v1/contacts", {"fields": {"$email": ["ADA@acme.example"]}, "relationships": {"$account": acme}})
    assert len(made["relationships"]["$meeting"]["values"]) == 2
    assert mirrors(box, "accounts", "Acme") == ["Closed", "Open"]
    deal = box.post("/v1/opportunities", {"fields": {"$name": "Two"}, "relationships": {"$account": acme}})
    assert len(deal["relationships"]["$meeting"]["values"]) == 2


def test_links_follow_a_merge(box: Box) -> None:
    acme, birch = box.id("accounts", "Acme"), box.id("accounts", "Birch")
    box.post("/v1/accounts/merge", {"primaryId": birch, "duplicateId": acme})
    assert mirrors(box, "accounts", "Birch") == ["Closed", "Open"]
    assert titled(box, "Open")["relationships"]["$account"]["values"] == [birch]


def test_a_merged_contact_attends_as_the_other(box: Box) -> None:
    """4.11: what pointed at the duplicate points at the primary, here too."""
    people = {row["fields"]["$name"]["value"]["firstName"]: row["id"] for row in box.get("/v1/contacts")["data"]}
    box.post("/v1/contacts/merge", {"primaryId": people["Lin"], "duplicateId": people["Ada"]})
    assert titled(box, "Open")["relationships"]["$contact"]["values"] == [people["Lin"]]
    update(box, fields={"$meetingPrep": "x"})
    assert titled(box, "Open")["relationships"]["$contact"]["values"] == [people["Lin"]]
    assert mirrors(box, "accounts", "Birch") == ["Closed", "Open"]


def test_a_trashed_contact_stays_an_attendee_and_a_new_one_comes_beside(box: Box) -> None:
    """12: what reads show of links to a trashed record is a quirk (U10), also where they are derived."""
    ada = titled(box, "Open")["relationships"]["$contact"]["values"][0]
    box.ok("DELETE", f"/v1/contacts/{ada}")
    again = box.post("/v1/contacts", {"fields": {"$email": ["ada@acme.example"]}})["id"]
    assert set(titled(box, "Open")["relationships"]["$contact"]["values"]) == {ada, again}
    assert new(box, attendeeEmails=["ada@acme.example"])["relationships"]["$contact"]["values"] == [again]


def test_derived_links_trail_in_lists(make: Answer) -> None:
    box = make(index_lag=10)
    acme = f"/v1/accounts/{box.id('accounts', 'Acme')}"
    new(box, attendeeEmails=["ada@acme.example"])
    assert len(box.linked(acme, "$meeting")) == 3
    listed = next(row for row in box.get("/v1/accounts")["data"] if row["id"] == acme.rpartition("/")[2])
    assert len(listed["relationships"]["$meeting"]["values"]) == 2
    assert box.get(MEETINGS)["totalCount"] == 3
    box.clock.time += 11
    assert box.get(MEETINGS)["totalCount"] == 4


def test_notes_link_to_meetings(box: Box) -> None:
    """7: note `$meeting` is writable, meeting `$note` its mirror."""
    meeting = titled(box, "Closed")["id"]
    note = box.post("/v1/notes", {"fields": {"$title": "N"}, "relationships": {"$meeting": meeting}})["id"]
    assert box.linked(f"{MEETINGS}/{meeting}", "$note") == [note]
    box.post(f"/v1/notes/{note}", {"relationships": {"$meeting": {"remove": meeting}}})
    assert box.linked(f"{MEETINGS}/{meeting}", "$note") == []


def test_records_for_external_attendees(box: Box) -> None:
    """`autoCreateRecords`: the first sync makes what is missing; teammates and known ones need nothing."""
    guests = ["mia@corp.example", "ada@acme.example", "bob@acme.example", "zoe@elm.example", "max@gmail.com"]
    made = new(box, auto=True, attendeeEmails=guests)
    assert box.get("/v1/contacts")["totalCount"] == 2
    box.clock.time += 2
    shown = box.get(f"{MEETINGS}/{made['id']}")["relationships"]
    assert len(shown["$contact"]["values"]) == 4
    assert set(shown["$account"]["values"]) == {box.id("accounts", "Acme"), box.id("accounts", "Elm")}
    assert box.get("/v1/contacts")["totalCount"] == 5
    assert box.get("/v1/accounts")["totalCount"] == 3
    update(box, "New", fields={"$attendeeEmails": ["new@oak.example"]})
    box.clock.time += 2
    assert box.get("/v1/contacts")["totalCount"] == 5  # the first sync only
    new(box, attendeeEmails=["new@oak.example"])
    box.clock.time += 2
    assert box.get("/v1/contacts")["totalCount"] == 5


# ---------------------------------------------------------------- trash


def test_trash(box: Box) -> None:
    """12: a repeated delete of a meeting is 404; restore of a live one a no-op."""
    path = f"{MEETINGS}/{titled(box, 'Open')['id']}"
    box.fails(400, "DELETE", path, {"fields": {}})  # rule X5
    box.fails(400, "POST", f"{path}/restore", {"fields": {}})
    box.ok("DELETE", path, {})
    assert box.fails(404, "DELETE", path)["type"] == "not_found"
    box.fails(404, "GET", path)
    box.fails(404, "DELETE", f"{MEETINGS}/mtg_none")
    assert box.get(f"{MEETINGS}?status=trashed")["totalCount"] == 1
    assert box.post(f"{path}/restore", None) == box.post(f"{path}/restore", {})
    assert box.get(path)["relationships"]["$contact"]["values"]
    assert box.get(f"{MEETINGS}?status=trashed")["totalCount"] == 0


@pytest.mark.parametrize(
    ("scope", "method", "path"),
    [
        ("read", "GET", MEETINGS),
        ("read", "GET", f"{MEETINGS}/definitions"),
        ("read", "GET", f"{MEETINGS}/x"),
        ("create", "POST", MEETINGS),
        ("update", "POST", f"{MEETINGS}/x"),
        ("delete", "DELETE", f"{MEETINGS}/x"),
        ("restore", "POST", f"{MEETINGS}/x/restore"),
    ],
)
def test_scopes(box: Box, scope: str, method: str, path: str) -> None:
    error = box.fails(403, method, path, Authorization="Bearer sk_lf_scopes_accounts:read")
    assert f"'meetings:{scope}'" in error["message"]
    assert box.request(method, path, Authorization=f"Bearer sk_lf_scopes_meetings:{scope}").status_code != 403
    both = f"Bearer sk_lf_role_member_scopes_meetings:{scope}"
    assert box.request(method, path, Authorization=both).status_code != 403
    box.fails(401, method, path, Authorization="Bearer sk_lf_role_member_scopes_")


def test_the_trash_needs_restore(box: Box) -> None:
    key = "Bearer sk_lf_scopes_meetings:read"
    box.fails(403, "GET", f"{MEETINGS}?status=trashed", Authorization=key)


# ---------------------------------------------------------------- privacy

SECRETS = ("$description", "$meetingUrl", "$meetingPrep", "$postMeetingSummary")


def test_a_private_meeting(box: Box) -> None:
    """Who is no admin and does not attend sees METADATA of it; the list says the same."""
    mine, theirs = titled(box, "Closed"), titled(box, "Closed", Authorization=PLAIN)
    assert (mine["accessLevel"], mine["fields"]["$description"]["value"]) == ("FULL", "Secret")
    assert theirs["accessLevel"] == "METADATA"
    assert [theirs["fields"][key]["value"] for key in SECRETS] == [None] * 4
    assert [theirs["relationships"][key]["values"] for key in ("$transcript", "$transcripts")] == [[], []]
    assert theirs["fields"]["$attendeeEmails"] == mine["fields"]["$attendeeEmails"]
    assert theirs == box.ok("GET", f"{MEETINGS}/{mine['id']}", Authorization=PLAIN)
    assert titled(box, "Open", Authorization=PLAIN)["accessLevel"] == "FULL"


def test_who_attends_sees_all(box: Box) -> None:
    update(box, "Closed", fields={"$attendeeEmails": ["MIA@corp.example"]})
    shown = titled(box, "Closed", Authorization=PLAIN)
    assert (shown["accessLevel"], shown["fields"]["$description"]["value"]) == ("FULL", "Secret")


@pytest.mark.parametrize(("setting", "level"), [(None, "METADATA"), ("FULL", "FULL")])
def test_the_organiser_restricts(box: Box, setting: str | None, level: str) -> None:
    made = new(box, organizerEmail="Eva@corp.example", description="x", privacySetting=setting)
    assert box.ok("GET", f"{MEETINGS}/{made['id']}", Authorization=PLAIN)["accessLevel"] == level


def test_absent_texts(make: Answer) -> None:
    shown = titled(make({"private-meetings": "absent"}), "Closed", Authorization=PLAIN)
    assert not {*SECRETS, "$transcript", "$transcripts"} & {*shown["fields"], *shown["relationships"]}
    assert shown["fields"]["$title"]["value"] == "Closed"


def test_an_invisible_meeting(make: Answer) -> None:
    """U33."""
    box = make({"private-meetings": "404"})
    path = f"{MEETINGS}/{titled(box, 'Closed')['id']}"
    for method in ("GET", "POST", "DELETE"):
        box.fails(404, method, path, {} if method == "POST" else None, Authorization=PLAIN)
    assert box.ok("GET", MEETINGS, Authorization=PLAIN)["totalCount"] == 2
    assert box.get(MEETINGS)["totalCount"] == 3


def test_deletes_are_of_participants_and_admins_whoever_may_write(make: Answer) -> None:
    """4.6 says it of deletes alone."""
    box = make({"meeting-editors": "anybody"})
    path = f"{MEETINGS}/{titled(box, 'Open')['id']}"
    box.ok("POST", path, {"fields": {"$meetingPrep": "x"}}, Authorization=PLAIN)
    box.fails(403, "DELETE", path, Authorization=PLAIN)


def test_only_participants_and_admins_write(box: Box) -> None:
    path = f"{MEETINGS}/{titled(box, 'Open')['id']}"
    box.fails(403, "DELETE", path, Authorization=PLAIN)
    box.fails(403, "POST", path, {"fields": {"$meetingPrep": "x"}}, Authorization=PLAIN)
    update(box, fields={"$attendeeEmails": ["mia@corp.example"]})
    box.ok("POST", path, {"fields": {"$meetingPrep": "x"}}, Authorization=PLAIN)
    box.ok("DELETE", path, Authorization=PLAIN)
    box.fails(404, "DELETE", path, Authorization=PLAIN)
    box.ok("POST", f"{path}/restore", Authorization=PLAIN)


def test_the_plain_member_acts(box: Box) -> None:
    """`$createdBy` of what a key without admin rights makes."""
    body = {"fields": {"$title": "x", "$status": "TODO"}, "relationships": {"$assignedTo": box.member()}}
    made = box.ok("POST", "/v1/tasks", body, Authorization=PLAIN)
    assert made["relationships"]["$createdBy"]["values"] == [box.member("mia@corp.example")]


# ---------------------------------------------------------------- syncs


@pytest.mark.parametrize("guest", ["x@spam.example", "Tracker@fine.example"])
def test_a_blocked_address_makes_a_meeting_vanish(box: Box, guest: str) -> None:
    shown = update(box, fields={"$attendeeEmails": [guest]})
    path = f"{MEETINGS}/{shown['id']}"
    assert box.get(path)["id"] == shown["id"]
    box.clock.time += 2
    box.fails(404, "GET", path)
    assert box.get(MEETINGS)["totalCount"] == 2
    assert box.get(f"{MEETINGS}?status=trashed")["totalCount"] == 0


def test_a_vanished_meeting_at_once(make: Answer) -> None:
    box = make({"meeting-sync": "at-once"})
    made = new(box, attendeeEmails=["x@spam.example"])
    box.fails(404, "GET", f"{MEETINGS}/{made['id']}")


def test_regenerated_texts(make: Answer) -> None:
    """14: prep and summary are regenerated and replace edits."""
    box = make({"meeting-texts": "regenerated"})
    made = new(box)
    assert made["fields"]["$meetingPrep"]["value"] is None
    box.clock.time += 2
    path = f"{MEETINGS}/{made['id']}"
    assert "Written by the server" in box.get(path)["fields"]["$meetingPrep"]["value"]
    shown = box.post(path, {"fields": {"$meetingPrep": "Mine", "$postMeetingSummary": None}})["fields"]
    assert (shown["$meetingPrep"]["value"], shown["$postMeetingSummary"]["value"]) == ("Mine", None)
    box.clock.time += 2
    after = box.get(path)["fields"]
    assert "Written by the server" in after["$meetingPrep"]["value"]
    assert "Written by the server" in after["$postMeetingSummary"]["value"]

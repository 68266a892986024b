"""Every quirk has an effect that a client can see: for each value of each quirk one probe, no two alike."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from lfsync.errors import UsageError
from lfsync.sandbox.quirks import QUIRKS, Quirk, parse, resolve
from tests.sandbox.box import Answer, Box
from tests.sandbox.conftest import MakeBox

Probe = Callable[[Box], object]


def acme(box: Box) -> str:
    return box.id("accounts", "Acme Solar")


def update(box: Box, id: str, **body: object) -> int:
    return box.request("POST", f"/v1/accounts/{id}", body).status_code


def noop_update(box: Box) -> object:
    made = box.account(name="A")
    box.clock.time += 5
    return box.post(f"/v1/accounts/{made['id']}", {"fields": {"$name": "A"}})["updatedAt"]


def validation_order(box: Box) -> object:
    return box.request("POST", "/v1/accounts/acc_none", {"fields": {"nope": 1}}).status_code


def same_list_name(box: Box) -> object:
    body = {"fields": {"$name": "Top", "$objectType": "$account"}}
    return box.request("POST", "/v1/lists", body).status_code


def membership_after_write(box: Box) -> object:
    list_id, id = box.id("lists", "Top"), acme(box)
    box.clock.time += 60
    box.post(f"/v1/lists/{list_id}", {"relationships": {"$accounts": {"remove": id}}})
    return box.get(f"/v1/lists/{list_id}/accounts")["totalCount"]


def trash_after_delete(box: Box) -> object:
    id = acme(box)
    box.clock.time += 60
    box.ok("DELETE", f"/v1/accounts/{id}")
    return box.get("/v1/accounts?status=trashed")["totalCount"]


def links_of_trashed(box: Box) -> object:
    contact = box.contact()
    box.ok("DELETE", f"/v1/contacts/{contact}")
    return len(box.linked(f"/v1/accounts/{acme(box)}", "$contact"))


def add_twice(box: Box) -> object:
    return update(box, acme(box), relationships={"$contact": {"add": box.contact()}})


def add_with_remove(box: Box) -> object:
    made = box.post("/v1/contacts", {"fields": {}})
    body = {"relationships": {"$account": {"add": acme(box), "remove": [box.id("accounts", "Birch AG")]}}}
    return box.request("POST", f"/v1/contacts/{made['id']}", body).status_code


def add_to_occupied(box: Box) -> object:
    return update(box, acme(box), relationships={"$owner": {"add": box.member("mia@corp.example")}})


def replace_many(box: Box) -> object:
    return update(box, acme(box), relationships={"$contact": {"replace": box.contact()}})


def clear_has_one(box: Box) -> object:
    task = box.id("tasks", "Call")
    one = box.request("POST", f"/v1/tasks/{task}", {"relationships": {"$assignedTo": {"replace": None}}})
    other = box.request("POST", f"/v1/tasks/{task}", {"relationships": {"$account": {"replace": None}}})
    return one.status_code, other.status_code


def change_create_only(box: Box) -> object:
    deal, birch = box.id("opportunities", "Deal"), box.id("accounts", "Birch AG")
    answer = box.request("POST", f"/v1/opportunities/{deal}", {"relationships": {"$account": {"replace": birch}}})
    return answer.status_code, box.linked(f"/v1/opportunities/{deal}", "$account") == [birch]


def failed_update(box: Box) -> object:
    id = acme(box)
    box.fails(400, "POST", f"/v1/accounts/{id}", {"fields": {"blurb": "x"}, "relationships": {"$owner": {"add": "no"}}})
    return box.value(id, "blurb")


def stored(key: str, value: object) -> Probe:
    def probe(box: Box) -> object:
        answer = box.request("POST", "/v1/accounts", {"fields": {"$name": "x", key: value}})
        return answer.json()["fields"][key]["value"] if answer.status_code == 200 else answer.status_code

    return probe


def partial_address(box: Box) -> object:
    made = box.account(**{"$primaryAddress": {"city": "Kiel", "street": "Hafen 1"}})
    box.post(f"/v1/accounts/{made['id']}", {"fields": {"$primaryAddress": {"city": "Bonn"}}})
    return box.value(made["id"], "$primaryAddress")["street"]


def archived_options(box: Box) -> object:
    configuration = box.get("/v1/accounts/definitions")["fieldDefinitions"]["tier"]["typeConfiguration"]
    return len(configuration["options"])


def two_updates_at_once(box: Box) -> object:
    id = acme(box)

    async def both() -> list[int]:
        body = {"fields": {"blurb": "x"}}
        answers = [box.client.post(f"/v1/accounts/{id}", json=body) for _ in range(2)]
        return sorted(answer.status_code for answer in await asyncio.gather(*answers))

    return box.run(both())


def keyed_merge(box: Box) -> object:
    ids = {"primaryId": acme(box), "duplicateId": box.id("accounts", "Birch AG")}
    return [box.request("POST", "/v1/accounts/merge", ids, Idempotency_Key="k").status_code for _ in range(2)]


def key_for_two_ids(box: Box) -> object:
    for name in ("Acme Solar", "Birch AG"):
        box.post(f"/v1/accounts/{box.id('accounts', name)}", {"fields": {"blurb": name}}, Idempotency_Key="k")
    return box.value(box.id("accounts", "Birch AG"), "blurb")


def replayed_header(box: Box) -> object:
    answers = [box.request("POST", "/v1/contacts", {"fields": {}}, Idempotency_Key="k") for _ in range(2)]
    return [answer.headers.get("Idempotent-Replayed") for answer in answers]


def link_to_inactive(box: Box) -> object:
    inactive = str(
        box.app.state.workspace.store.execute("SELECT id FROM versions WHERE fields LIKE '%ole@%'").fetchone()[0]
    )
    return update(box, acme(box), relationships={"$owner": {"replace": inactive}})


def order_of_links(box: Box) -> object:
    made = [box.post("/v1/contacts", {"fields": {}, "relationships": {"$account": acme(box)}})["id"] for _ in range(5)]
    shown = [id for id in box.linked(f"/v1/accounts/{acme(box)}", "$contact") if id in made]
    return {tuple(made): "oldest", tuple(made[::-1]): "newest", tuple(sorted(made)): "by id"}[tuple(shown)]


def link_cap(box: Box) -> object:
    """Three requests at the edge: a create of 26, an update of 20 and 6 removes, one of 25 with a replace."""
    people = [box.post("/v1/contacts", {"fields": {}})["id"] for _ in range(26)]
    create = box.request("POST", "/v1/accounts", {"fields": {"$name": "x"}, "relationships": {"$contact": people}})
    id = box.account()["id"]
    box.post(f"/v1/accounts/{id}", {"relationships": {"$contact": {"add": people[:6]}}})
    exchange = update(box, id, relationships={"$contact": {"add": people[6:], "remove": people[:6]}})
    id = box.account()["id"]
    owner = {"replace": box.member()}
    both = update(box, id, relationships={"$contact": {"add": people[:24]}, "$owner": owner})
    return create.status_code, exchange, both


def definition_keys(box: Box) -> object:
    return "$account" in box.get("/v1/tasks/definitions")["relationshipDefinitions"]


def filter_keys(box: Box) -> object:
    keys = ("$account", "$task-account")
    return [box.request("GET", f"/v1/tasks?{key}[equal]={acme(box)}").status_code for key in keys]


def hidden_record(box: Box) -> object:
    found = box.app.state.workspace.store.execute("SELECT id FROM versions WHERE hidden").fetchone()
    return box.request("GET", f"/v1/accounts/{found[0]}").status_code, box.get("/v1/accounts")["totalCount"]


def ties(box: Box) -> object:
    made = [box.account(name=str(number))["id"] for number in range(5)]
    shown = tuple(row["id"] for row in box.get("/v1/accounts?limit=5")["data"])
    return {tuple(made): "oldest", tuple(made[::-1]): "newest", tuple(sorted(made)): "by id"}[shown]


def envelope(box: Box) -> object:
    box.client.headers["Authorization"] = "Bearer sk_lf_x"
    ordinary = box.request("GET", "/v1/nope").json()

    async def twice() -> list[Answer]:
        headers = {"Idempotency-Key": "k"}
        calls = [box.client.post("/v1/contacts", json={"fields": {}}, headers=headers) for _ in range(2)]
        return [answer.json() for answer in await asyncio.gather(*calls)]

    running = [answer for answer in box.run(twice()) if "id" not in answer]
    return "error" in ordinary, ["error" in answer for answer in running]


def option_label(box: Box) -> object:
    return box.request("POST", "/v1/accounts", {"fields": {"$name": "x", "tier": " gOLD "}}).status_code


def two_pipelines(box: Box) -> object:
    body = {"fields": {"$name": "x", "$stage": "Qualified"}, "relationships": {"$account": acme(box)}}
    return box.request("POST", "/v1/opportunities", body).status_code


def refusals(box: Box) -> object:
    read_only = update(box, acme(box), fields={"locked": "x"})
    deal = box.id("opportunities", "Deal")
    pipeline = box.request("POST", f"/v1/opportunities/{deal}", {"fields": {"$pipeline": "Renewals"}})
    return read_only, pipeline.status_code


def later(key: str, path: str) -> Probe:
    def probe(box: Box) -> object:
        made = box.post(path, {"fields": {"$name": "x"}})
        box.clock.time += 2
        return box.get(f"{path}/{made['id']}")["fields"][key]["value"] is not None

    return probe


def deal_fields(box: Box) -> object:
    return "$pipeline" in box.get(f"/v1/opportunities/{box.id('opportunities', 'Deal')}")["fields"]


MEETING = {"$title": "Sync", "$startDate": "2026-10-01T10:00:00Z", "$endDate": "2026-10-01T11:00:00Z"}
PLAIN = "Bearer sk_lf_role_member_x"


def meeting(box: Box, wait: int = 2, **fields: object) -> str:
    """The path of a new meeting that was synced, unless the wait is 0."""
    given = {**MEETING, **{f"${key}": value for key, value in fields.items()}}
    made = box.post("/v1/meetings", {"fields": given, "autoCreateRecords": True})
    box.clock.time += wait
    return f"/v1/meetings/{made['id']}"


def synced_contacts(box: Box) -> object:
    return len(box.linked(meeting(box, 0, attendeeEmails=["new@elm.example"]), "$contact"))


def regenerated(box: Box) -> object:
    return box.get(meeting(box))["fields"]["$meetingPrep"]["value"] is None


def meeting_of_others(box: Box) -> object:
    body = {"fields": {"$meetingPrep": "x"}}
    return box.request("POST", meeting(box), body, Authorization=PLAIN).status_code


def blocked_meeting(box: Box) -> object:
    return box.request("GET", meeting(box, attendeeEmails=["x@spam.example"])).status_code


def private_meeting(box: Box) -> object:
    path = meeting(box, privacySetting="METADATA", description="Secret")
    answer = box.request("GET", path, Authorization=PLAIN)
    return answer.status_code, "$description" in answer.json().get("fields", {})


def private_title(box: Box) -> object:
    path = meeting(box, privacySetting="METADATA")
    return box.ok("GET", path, Authorization=PLAIN)["fields"]["$title"]["value"]


def file_of_a_wrong_type(box: Box) -> object:
    body = {"filename": "x", "mimeType": "video/mp4", "sizeBytes": 1, "purpose": "meeting_transcript"}
    return box.request("POST", "/v1/files", body).status_code


def file_after_a_minute(box: Box) -> object:
    id = box.upload()["id"]
    box.clock.time += 60
    return box.get(f"/v1/files/{id}")["status"]


def keyed_file(box: Box) -> object:
    body = {"filename": "x", "mimeType": "text/plain", "sizeBytes": 1}
    return len({box.post("/v1/files", body, Idempotency_Key="k")["id"] for _ in range(2)})


def upload_answer(box: Box) -> object:
    session = box.post("/v1/files", {"filename": "x", "mimeType": "text/plain", "sizeBytes": 1})
    return box.bare("PUT", session["uploadUrl"], b"x", session["uploadHeaders"]).status


def wrong_md5(box: Box) -> object:
    id = box.upload()["id"]
    box.fails(422, "POST", f"/v1/files/{id}/complete", {"md5": "0" * 32})
    return box.get(f"/v1/files/{id}")["status"]


def then(*verbs: str) -> Probe:
    """The statuses of these calls, one after the other, on an uploaded file."""

    def probe(box: Box) -> object:
        id = box.upload()["id"]
        return [box.request("POST", f"/v1/files/{id}/{verb}").status_code for verb in verbs]

    return probe


def object_twice(box: Box) -> object:
    body = {"fields": {"name": "x"}}
    made = {box.post("/v1/objects/project/values", body, Idempotency_Key="k")["id"] for _ in range(2)}
    apollo = f"/v1/objects/project/values/{box.id('objects/project', 'Apollo')}"
    for size in (1, 2):
        box.post(apollo, {"fields": {"size": size}}, Idempotency_Key="k")
    return len(made), box.get(apollo)["fields"]["size"]["value"]


def object_scopes(box: Box) -> object:
    box.client.headers["Authorization"] = "Bearer sk_lf_scopes_accounts:read"
    return [box.request("GET", f"/v1/objects{path}").status_code for path in ("", "/project", "/project/definitions")]


def object_list_category(box: Box) -> object:
    box.get("/v1/objects/project")
    return box.get("/_sandbox/log")[-1]["category"]


PROBES: dict[str, Probe] = {
    "noop-update": noop_update,
    "updated-at-on-create": lambda box: box.account()["updatedAt"],
    "task-filters": lambda box: box.request("GET", "/v1/tasks?$title[equal]=none").text[:30],
    "validation-order": validation_order,
    "list-names": same_list_name,
    "external-id": lambda box: "externalId" in box.account(),
    "membership-lag": membership_after_write,
    "trash-lag": trash_after_delete,
    "list-limit": lambda box: box.request("GET", "/v1/accounts?limit=26").status_code,
    "offset-past-end": lambda box: box.request("GET", "/v1/accounts?offset=99").status_code,
    "trashed-retrieve": lambda box: box.request("GET", f"/v1/accounts/{box.trashed()}").status_code,
    "trashed-update": lambda box: update(box, box.trashed(), fields={"blurb": "x"}),
    "trashed-links": links_of_trashed,
    "duplicate-link": add_twice,
    "add-remove-together": add_with_remove,
    "add-on-occupied": add_to_occupied,
    "replace-has-many": replace_many,
    "clear-has-one": clear_has_one,
    "create-only-change": change_create_only,
    "update-atomic": failed_update,
    "url-form": stored("$website", ["HTTPS://Elm.example"]),
    "email-case": stored("support", "Help@Elm.example"),
    "handle-form": stored("$linkedIn", "https://de.linkedin.com/company/elm?x=1"),
    "text-trim": stored("blurb", "  x "),
    "markdown-form": stored("about", "* one  \n* two"),
    "country-case": stored("$primaryAddress", {"country": "de"}),
    "precision": stored("score", 1.005),
    "partial-object": partial_address,
    "empty-clears": stored("blurb", ""),
    "unset-fields": lambda box: "blurb" in box.account()["fields"],
    "list-object-type": lambda box: box.get("/v1/lists")["data"][0]["fields"]["$objectType"]["value"],
    "task-status-type": lambda box: box.get("/v1/tasks")["data"][0]["fields"]["$status"]["valueType"],
    "pipeline-on-read": deal_fields,
    "label-match": option_label,
    "archived-options": archived_options,
    "refusal-status": refusals,
    "concurrent-update": two_updates_at_once,
    "object-idempotency": object_twice,
    "object-scopes": object_scopes,
    "object-list-category": object_list_category,
    "object-title": lambda box: box.request("POST", "/v1/objects/project/values", {"fields": {}}).status_code,
    "object-status": lambda box: box.request("GET", "/v1/objects/project?status=trashed").status_code,
    "run-status-words": lambda box: box.get("/v1/workflowRun/run_nightly/status"),
    "idempotent-deletes": keyed_merge,
    "idempotency-namespace": key_for_two_ids,
    "replay-header": replayed_header,
    "id-prefixes": lambda box: box.post("/v1/notes", {"fields": {"$title": "x"}})["id"].startswith("note_"),
    "inactive-members": lambda box: box.get("/v1/members")["totalCount"],
    "inactive-owner": link_to_inactive,
    "link-order": order_of_links,
    "link-cap-counts": link_cap,
    "definition-keys": definition_keys,
    "filter-keys": filter_keys,
    "hidden-records": hidden_record,
    "tie-break": ties,
    "error-envelope": envelope,
    "missing-required": lambda box: box.request("POST", "/v1/accounts", {"fields": {}}).status_code,
    "cardinality-case": lambda box: box.account()["relationships"]["$owner"]["cardinality"],
    "contains-match": lambda box: box.get("/v1/contacts?$email[contains]=ada")["totalCount"],
    "filter-case": lambda box: box.get("/v1/accounts?$name[equal]=acme solar")["totalCount"],
    "stage-fallback": two_pipelines,
    "enrichment": later("$headcount", "/v1/accounts"),
    "generated-texts": later("$howTheyMakeMoney", "/v1/accounts"),
    "meeting-sync": synced_contacts,
    "meeting-editors": meeting_of_others,
    "meeting-texts": regenerated,
    "blocked-attendee": blocked_meeting,
    "private-meetings": private_meeting,
    "private-title": private_title,
    "file-types": file_of_a_wrong_type,
    "file-sessions": file_after_a_minute,
    "file-idempotency": keyed_file,
    "upload-answer": upload_answer,
    "md5-wrong": wrong_md5,
    "complete-again": then("complete", "complete"),
    "cancel-ended": then("complete", "cancel"),
}


def test_every_quirk_is_probed() -> None:
    assert list(PROBES) == [quirk.name for quirk in QUIRKS]


@pytest.mark.parametrize("quirk", QUIRKS, ids=lambda quirk: quirk.name)
def test_each_value_shows(quirk: Quirk, make_box: MakeBox) -> None:
    lag = 30 if quirk.unknown == "U7" else 0
    at_once = 0.01 if quirk.name in ("concurrent-update", "error-envelope") else 0
    seen = {
        value: repr(PROBES[quirk.name](make_box({quirk.name: value}, index_lag=lag, latency=at_once, random_seed=3)))
        for value in quirk.values
    }
    assert len(set(seen.values())) == len(quirk.values), seen


def test_the_default_is_the_first_value() -> None:
    assert resolve({}) == {quirk.name: quirk.values[0] for quirk in QUIRKS}


@pytest.mark.parametrize(
    ("pair", "said"),
    [("trashed-links", "NAME=VALUE"), ("trashed-link=keep", "no quirk"), ("trashed-links=lost", "no value 'lost'")],
)
def test_a_wrong_pair_is_refused(pair: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        parse([pair])
    assert caught.value.hint


def test_the_nearest_name_is_suggested() -> None:
    with pytest.raises(UsageError) as caught:
        parse(["url-from=kept"])
    assert "url-form" in str(caught.value.hint)


def test_names_are_unique_and_kebab_case() -> None:
    names = [quirk.name for quirk in QUIRKS]
    assert len(set(names)) == len(names)
    words = [word for quirk in QUIRKS for word in (quirk.name, *quirk.values)]
    assert all(word == word.lower() and " " not in word for word in words)

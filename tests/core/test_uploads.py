"""Files in plans: refs to them, requests, what killed runs left open (rule F1)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lfsync.knowledge.knowledge import Knowledge
from lfsync.model import JSON, Address, Change, Desired, Place, Plan, Record, RelDef, Schema, Upload, Value
from lfsync.planning.drafting import draft
from lfsync.planning.plan import plan
from lfsync.planning.prepare import prepare
from lfsync.planning.uploads import alike, bound, leftovers, request_body
from lfsync.project.documents import compose
from lfsync.project.resource_file import join, read_resources
from lfsync.state.ledger import OpenUpload
from lfsync.state.state import Binding, State
from tests.core.world import CONTEXT, SALT, SCHEMA

CALL, ACME = Address("file", "call"), Address("account", "acme")
OLD, NEW = "0" * 64, "1" * 64
TEXT = "files: {call: {path: call.txt}}\naccounts: {acme: {fields: {$name: Acme}, relationships: {contract: call}}}\n"
PLACE = Place("crm.yaml", 1, 15)


def schema() -> Schema:
    """As ours, with a relationship that links a file."""
    account = SCHEMA.kinds["account"]
    contract = RelDef("contract", "Contract", "file", many=False)
    more = replace(account, relationships={**account.relationships, "contract": contract})
    return replace(SCHEMA, kinds={**SCHEMA.kinds, "account": more})


def upload(sha256: str, purpose: str | None = None) -> Upload:
    return Upload("call.txt", "/p/call.txt", PLACE, "call.txt", "text/plain", 31, sha256, "m" * 32, purpose)


def file(id: str, *, status: str = "COMPLETED", name: str = "call.txt", size: int = 31) -> Record:
    fields: dict[str, JSON] = {"filename": name, "mimeType": "text/plain", "sizeBytes": size, "status": status}
    return Record("file", id, "2026-01-01T00:00:00.000Z", None, fields, {}, fresh=True)


def planned(sha256: str, state: State, knowledge: Knowledge) -> Plan:
    def no_text(path: str, place: Place) -> str:
        raise AssertionError(path)

    declared = read_resources(compose(TEXT, "crm.yaml"), "crm.yaml", {}, no_text)
    resources, problems = join([declared.resources])
    one = upload(sha256)
    fields = {**request_body(one), "sha256": sha256}
    told = {key: Value(value, PLACE) for key, value in fields.items()}
    resources[CALL] = replace(resources[CALL], upload=one, fields=told)
    desired, more = prepare(resources, schema())
    assert not [*problems, *more]
    knowledge.listed |= {"account": frozenset(knowledge.records.get("account", ())), "file": frozenset()}
    made = draft(desired, schema(), state, knowledge)
    assert not knowledge.ask_anew()
    return plan(made, desired, state, CONTEXT)


def changes(made: Plan) -> dict[Address, Change]:
    return {change.address: change for change in made.changes}


def live(*contracts: str) -> Knowledge:
    knowledge = Knowledge()
    fields: dict[str, JSON] = {"$name": "Acme"}
    knowledge.add(
        Record("account", "acc_1", "2026-01-01T00:00:00.000Z", None, fields, {"contract": contracts}, fresh=True)
    )
    knowledge.add(file("fil_1"))
    return knowledge


def state() -> State:
    empty = State(SALT)
    return replace(
        empty,
        bindings={
            ACME: Binding(ACME, "acc_1", 1),
            CALL: bound(empty, CALL, "fil_1", OLD, 1, "2026-01-01T00:00:00Z"),
        },
    )


def test_what_refers_to_a_file_comes_after_it() -> None:
    """design 6: from targets to those that refer to them."""
    made = planned(NEW, State(SALT), Knowledge())
    assert [str(change.address) for change in made.changes] == ["file.call", "account.acme"]
    account = changes(made)[ACME]
    assert account.depends_on == (CALL,)
    assert account.relationships[0].add == ("file.call",)
    assert (made.requests.search, made.requests.write) == (2, 3)


def test_unchanged_content_changes_no_ref() -> None:
    assert planned(OLD, state(), live("fil_1")).changes == ()


def test_what_refers_to_changed_content_is_linked_to_its_new_file() -> None:
    """The id is replaced (F1): refs follow in the same run, so that the plan after it is empty (design 10).

    What a bound file holds is known by its hash: it is not downloaded, though name, size and type are the same.
    """
    made = planned(NEW, state(), live("fil_1"))
    file_change, account = made.changes
    assert (file_change.address, file_change.action, file_change.id) == (CALL, "update", "fil_1")
    assert (account.address, account.action, account.depends_on) == (ACME, "update", (CALL,))
    assert (account.relationships[0].add, account.relationships[0].remove) == (("file.call",), ("fil_1",))
    assert made.required_scopes == ("accounts:read", "accounts:update", "files:create", "files:read")


@pytest.mark.parametrize(
    ("name", "purpose", "is_it"),
    [
        ("call.txt", None, True),
        ("call.txt", "knowledge_user", True),
        ("call-1793610000000.txt", "knowledge_user", True),
        ("call-1793610000000.txt", None, False),
        ("call-179361000000.txt", "knowledge_user", False),
        ("call-1793610000000.md", "knowledge_workspace", False),
        ("other.txt", None, False),
    ],
)
def test_which_files_may_hold_a_content(name: str, purpose: str | None, is_it: bool) -> None:
    """F1: of equal name, size and type; names of knowledge carry the time before their ending."""
    assert bool(alike([file("fil_1", name=name)], upload(OLD, purpose))) is is_it
    assert not alike([file("fil_1", name=name, size=30)], upload(OLD, purpose))


def opened(id: str, sha256: str = NEW, address: str = "file.call") -> OpenUpload:
    body = request_body(upload(sha256))
    return OpenUpload(address=address, id=id, url="http://x", headers={}, expires=None, sha256=sha256, body=body)


@pytest.mark.parametrize(
    ("status", "sha256", "what"),
    [
        ("PENDING", NEW, "resumed"),
        ("PENDING", OLD, "cancelled"),
        ("CANCELLED", NEW, "ended"),
        ("EXPIRED", OLD, "ended"),
        ("404", NEW, "ended"),
        ("unknown", NEW, "left"),
    ],
)
def test_what_becomes_of_an_upload_that_was_left_open(status: str, sha256: str, what: str) -> None:
    knowledge = Knowledge()
    if status == "404":
        knowledge.absent.add(("file", "fil_2"))
    elif status != "unknown":
        knowledge.add(file("fil_2", status=status))
    change = Change(CALL, "create", PLACE)
    wish = Desired(CALL, PLACE, None, None, {}, {}, upload=upload(NEW))
    found = leftovers([opened("fil_2", sha256)], {CALL: change}, {CALL: wish}, knowledge)
    assert (list(found.resumed) == [CALL]) is (what == "resumed")
    assert ([each.id for each in found.cancelled] == ["fil_2"]) is (what == "cancelled")
    assert (found.ended == ["fil_2"]) is (what == "ended")


def test_of_two_open_uploads_of_one_content_one_goes_on() -> None:
    """Never two completed files of one content."""
    knowledge = Knowledge()
    knowledge.add(file("fil_2", status="PENDING"))
    knowledge.add(file("fil_3", status="PENDING"))
    change = Change(CALL, "create", PLACE)
    wish = Desired(CALL, PLACE, None, None, {}, {}, upload=upload(NEW))
    found = leftovers([opened("fil_2"), opened("fil_3")], {CALL: change}, {CALL: wish}, knowledge)
    assert found.resumed[CALL].id == "fil_2"
    assert [each.id for each in found.cancelled] == ["fil_3"]

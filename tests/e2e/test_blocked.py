"""Resources that can't be told apart are refused with the candidates; what does not depend on them goes on."""

from __future__ import annotations

from tests.e2e.conftest import MakeProject
from tests.e2e.rig import Server

_TWO_HITS = """\
accounts:
  twin: {fields: {$name: Twin}}
  other: {fields: {$name: Other}}
tasks:
  call: {fields: {$title: Call the twin, $status: TODO}, relationships: {$account: twin, $assignedTo: kai@corp.example}}
"""
_ONE_RECORD = """\
accounts:
  by-name: {fields: {$name: Solo}}
  by-website: {match: {$website: https://solo.example}, fields: {score: 2}}
  other: {fields: {$name: Other}}
"""


def _twins(server: Server) -> set[str]:
    with server.sdk() as sdk:
        return {row.id for row in sdk.account.list(extra_query={"$name[equal]": "Twin"}).data}


def test_a_match_that_hits_two_is_refused_with_both(server: Server, make: MakeProject) -> None:
    place = make({"crm.yaml": _TWO_HITS})
    shown = place.lfsync("plan", expect=3)
    assert server.writes() == []
    for id in _twins(server):
        assert id in shown.out, "candidates are named in full"
    document = place.lfsync("plan", "--format", "json", "--detailed-exitcode", expect=3).json()
    blocked = {entry["address"]: entry for entry in document["blocked"]}
    assert blocked.keys() == {"account.twin", "task.call"}
    assert blocked["account.twin"]["source"]["line"] == 2
    assert "`id:`" in blocked["account.twin"]["hint"]
    assert "account.twin" in blocked["task.call"]["reason"]
    assert [change["address"] for change in document["changes"]] == ["account.other"]
    place.apply(expect=3)
    assert server.writes() == ["POST /v1/accounts"], "what does not depend on it goes on (rule A6: exit code 3)"


def test_an_id_in_the_file_is_the_way_out(server: Server, make: MakeProject) -> None:
    one = min(_twins(server))
    place = make({"crm.yaml": f"accounts: {{twin: {{id: {one}, fields: {{$name: Twin, score: 5}}}}}}\n"})
    place.apply()
    assert place.ids() == {"account.twin": one}
    place.plan(expect=0)


def test_rule_i5_two_resources_on_one_record_are_both_blocked_where_neither_is_bound(
    server: Server, make: MakeProject
) -> None:
    place = make({"crm.yaml": _ONE_RECORD})
    document = place.plan(expect=3)
    blocked = {entry["address"]: entry["reason"] for entry in document["blocked"]}
    assert blocked.keys() == {"account.by-name", "account.by-website"}
    assert "account.by-website" in blocked["account.by-name"]
    place.apply(expect=3)
    assert server.writes() == ["POST /v1/accounts"]


def test_rule_i5_only_the_unbound_one_is_blocked_where_one_is_bound(server: Server, make: MakeProject) -> None:
    place = make({"crm.yaml": "accounts: {by-name: {fields: {$name: Solo}}}\n"})
    place.apply()
    place.write("crm.yaml", _ONE_RECORD)
    document = place.plan(expect=3)
    assert [entry["address"] for entry in document["blocked"]] == ["account.by-website"]
    assert server.writes() == [], "adopting writes nothing"


def test_rule_i6_a_bound_record_in_the_trash_blocks_and_is_never_made_again(server: Server, make: MakeProject) -> None:
    place = make({"crm.yaml": "accounts: {new: {fields: {$name: New}}, solo: {fields: {$name: Solo}}}\n"})
    place.apply()
    id = place.ids()["account.new"]
    with server.sdk() as sdk:
        sdk.account.delete(id)
    shown = place.lfsync("plan", expect=3).out
    assert id in shown
    assert "trash" in shown
    with server.counting() as written:
        place.apply(expect=3)
    assert written == []
    assert place.ids()["account.new"] == id

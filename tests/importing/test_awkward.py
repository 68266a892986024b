"""`lfsync import` of workspaces that are not as one would wish (rule V1; issue 8, what bad input gets)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lfsync.model import JSON
from lfsync.project.documents import parse
from tests.e2e.rig import project as served_project
from tests.e2e.rig import serving
from tests.importing.test_round_trip import imported, planned, project

_MEMBERS: list[JSON] = [
    {"ref": "kai", "email": "kai@corp.example", "role": "admin"},
    {"ref": "mia", "email": "mia@corp.example"},
]


def declared(root: Path, name: str) -> dict[str, dict[str, Any]]:
    """The resources of one file, by key."""
    data = parse((root / name).read_text(), name).data
    assert isinstance(data, dict)
    (section,) = data.values()
    return section  # type: ignore[return-value]


def gone_targets() -> dict[str, JSON]:
    """Accounts in the trash and hidden from this key, and what is linked to them."""
    accounts: list[JSON] = [
        {"ref": "there", "fields": {"$name": "There"}},
        {"ref": "trashed", "fields": {"$name": "Trashed"}, "trashed": True},
        {"ref": "hidden", "fields": {"$name": "Hidden"}, "hidden": True},
    ]
    links: dict[str, JSON] = {"$account": ["there", "trashed", "hidden"]}
    tasks: list[JSON] = [
        {"fields": {"$title": f"Of {ref}", "$status": "TODO"}, "relationships": {"$assignedTo": "kai", "$account": ref}}
        for ref in ("there", "trashed", "hidden")
    ]
    return {
        "members": _MEMBERS,
        "records": {
            "accounts": accounts,
            "contacts": [{"ref": "ada", "fields": {"$name": {"firstName": "Ada"}}, "relationships": links}],
            "notes": [{"fields": {"$title": "N", "$content": "c"}, "relationships": {**links, "$contact": ["ada"]}}],
            "tasks": tasks,
            "lists": [{"fields": {"$name": "L", "$objectType": "$account"}, "members": ["there", "trashed", "hidden"]}],
        },
    }


@pytest.mark.parametrize("members", ["include", "exact"])
@pytest.mark.parametrize("trash", ["'404'", "record"])
@pytest.mark.parametrize("hidden", ["'404'", "'403'", "shown"])
def test_what_is_linked_to_something_gone_or_hidden_is_imported(
    hidden: str, trash: str, members: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the link that can't be said is left, not the record, nor what refers to that (rule S6)."""
    options = project(tmp_path, gone_targets(), quirks=f"{{hidden-records: {hidden}, trashed-retrieve: {trash}}}")
    told = imported(options, capsys, members=members)
    assert isinstance(told["imported"], list)
    assert len(told["imported"]) == 7 + (hidden == "shown")
    assert isinstance(told["left"], list)
    keys = sorted((each["record"], each["key"]) for each in told["left"])  # type: ignore[index,call-overload]
    refused = ["contact.ada", "note.n", "task.of-hidden"] if hidden == "'403'" else []
    assert keys == [(name, "$account") for name in refused]
    assert planned(options) == 0, capsys.readouterr().out


def test_a_text_that_begins_with_a_byte_order_mark_stays_in_the_yaml(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """At the start of a file the mark is no text: one of its own would say something else."""
    text = "\ufeffa\nb\nc\nd\ne"
    notes: JSON = [{"fields": {"$title": "Marked", "$content": text}}]
    options = project(tmp_path, {"members": _MEMBERS, "records": {"notes": notes}})
    assert imported(options, capsys)["left"] == []
    assert declared(tmp_path, "notes.yaml")["marked"]["fields"]["$content"] == text
    assert planned(options) == 0


_MEETING: JSON = {
    "fields": {
        "$title": "Kick-off",
        "$startDate": "2026-01-02T10:00:00Z",
        "$endDate": "2026-01-02T11:00:00Z",
        "$organizerEmail": "kai@corp.example",
        "$meetingPrep": "Ask about the roof",
        "$postMeetingSummary": "They want it",
    }
}


def test_texts_that_lightfield_writes_anew_are_not_imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Design 16: they would be put back by each plan; who asks for one by --field gets it."""
    options = project(tmp_path, {"members": _MEMBERS, "records": {"meetings": [_MEETING]}})
    imported(options, capsys)
    (meeting,) = declared(tmp_path, "meetings.yaml").values()
    assert "$title" in meeting["fields"]
    assert not {"$meetingPrep", "$postMeetingSummary"} & meeting["fields"].keys()
    assert planned(options) == 0
    assert "writes" not in capsys.readouterr().out


def test_what_metadata_hides_is_not_imported(tmp_path: Path) -> None:
    """Design 16: a masked text is no value. The record is named by its id, which no mask can hide."""
    seed = tmp_path / "seed.yaml"
    private: JSON = {"fields": {**_MEETING["fields"], "$privacySetting": "METADATA"}}  # type: ignore[dict-item,index,call-overload]
    seed.write_text(json.dumps({"members": _MEMBERS, "records": {"meetings": [private]}}))
    with serving(seed, "--quirk", "private-title=redacted") as server:
        place = served_project(tmp_path / "project", server.url, {})
        plain = place.elsewhere(LIGHTFIELD_API_KEY="sk_lf_role_member_x")
        plain.lfsync("import", "meeting")
        (meeting,) = declared(place.folder, "meetings.yaml").values()
        assert "id" in meeting
        assert "$title" not in meeting["fields"]
        plain.plan(expect=0)
        place.plan(expect=0)
        assert server.writes() == []

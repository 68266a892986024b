"""The vendor's SDK with strict response validation on meetings and files, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import md5

import httpx
import pytest
from lightfield import ConflictError, Lightfield, NotFoundError, PermissionDeniedError

from tests.sandbox.box import KEY


def opened(server: str, key: str) -> Lightfield:
    return Lightfield(api_key=key, base_url=server, _strict_response_validation=True, max_retries=0)


@pytest.fixture(scope="module")
def sdk(server: str) -> Iterator[Lightfield]:
    with opened(server, KEY) as client:
        yield client


def uploaded(sdk: Lightfield, content: bytes) -> str:
    made = sdk.file.create(
        filename="call.txt", mime_type="text/plain", size_bytes=len(content), purpose="meeting_transcript"
    )
    assert httpx.put(made.upload_url, content=content, headers=made.upload_headers).is_success
    assert sdk.file.complete(made.id, md5=md5(content).hexdigest()).status == "COMPLETED"
    return made.id


def test_files(sdk: Lightfield) -> None:
    id = uploaded(sdk, b"Ada: hello")
    read = sdk.file.retrieve(id)
    assert (read.status, read.size_bytes, read.expires_at) == ("COMPLETED", 10, None)
    assert httpx.get(sdk.file.url(id).url).content == b"Ada: hello"
    assert id in [row.id for row in sdk.file.list(limit=25).data]
    pending = sdk.file.create(filename="x", mime_type="text/plain", size_bytes=1)
    with pytest.raises(ConflictError):
        sdk.file.url(pending.id)
    assert sdk.file.cancel(pending.id).status == "CANCELLED"
    bare = sdk.file.create(filename="x", mime_type="text/plain", size_bytes=1)
    httpx.put(bare.upload_url, content=b"x", headers=bare.upload_headers)
    assert sdk.file.complete(bare.id).completed_at


def test_meetings(sdk: Lightfield, server: str) -> None:
    first, second = uploaded(sdk, b"one"), uploaded(sdk, b"two")
    made = sdk.meeting.create(
        fields={
            "title": "Pilot",
            "start_date": "2026-01-10T10:00:00+01:00",
            "end_date": "2026-01-10T11:00:00+01:00",
            "attendee_emails": ["ada@acme.example", "kai@corp.example"],
            "organizer_email": "kai@corp.example",
            "description": "About solar",
            "meeting_url": "https://meet.example/x",
            "privacy_setting": "METADATA",
        },
        auto_create_records=True,
        relationships={"transcript": [first]},
    )
    assert made.access_level == "FULL"
    account = sdk.account.list(extra_query={"$name[equal]": "Acme Solar"}).data[0].id
    assert made.relationships["$account"].values == [account]
    assert made.id in sdk.account.retrieve(account).relationships["$meeting"].values
    changed = sdk.meeting.update(
        made.id,
        fields={"attendee_emails": ["ada@acme.example"], "meeting_prep": "Prepare", "post_meeting_summary": None},
        relationships={"transcript": {"replace": second}},
    )
    assert changed.fields["$manuallyRemovedAttendeeEmails"].value == ["kai@corp.example"]
    assert changed.relationships["$transcript"].values == [second]
    assert changed.relationships["$transcripts"].values == [first, second]
    read = sdk.meeting.retrieve(made.id)
    assert read.fields["$startDate"].value == "2026-01-10T09:00:00.000Z"
    assert read.object_type == "meeting"
    assert sdk.meeting.definitions().object_type == "meeting"
    assert made.id in [row.id for row in sdk.meeting.list(limit=25).data]
    with opened(server, "sk_lf_role_member_x") as plain:
        hidden = plain.meeting.retrieve(made.id)
        assert (hidden.access_level, hidden.fields["$meetingPrep"].value) == ("METADATA", None)
        assert plain.meeting.list().data[0].access_level
        with pytest.raises(PermissionDeniedError):
            plain.meeting.delete(made.id)
    assert sdk.meeting.delete(made.id).id == made.id
    with pytest.raises(NotFoundError):
        sdk.meeting.delete(made.id)
    assert made.id in [row.id for row in sdk.meeting.list(status="trashed").data]
    assert sdk.meeting.restore(made.id).id == made.id

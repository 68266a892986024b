"""What the promises say of files in one run: no content twice, no session left open (rules A5, F1; design 16). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tests.adversary.menu import digest, plain_name
from tests.adversary.stage import Effect, Record, Snapshot

if TYPE_CHECKING:
    from tests.adversary.oracle import Facts

FILES = ("file", "app-file")
_WHOLE = (0, 3, 130)


def is_upload(effect: Effect, after: Snapshot) -> bool:
    """Whether this is about a file, which nobody but its upload may change."""
    return effect.place[0] in ("record", "field") and after.records[effect.place[1]].kind in FILES


def holding(snapshot: Snapshot, content: str) -> set[str]:
    """The files that hold this content."""
    wanted = digest(content)
    return {id for id, record in snapshot.records.items() if record.kind in FILES and _content(record) == wanted}


def faults_of_files(facts: Facts) -> Iterator[str]:
    """Each promise about files that this run broke, in words."""
    yield from _strangers(facts)
    yield from _doubled(facts)
    if facts.command == "apply" and not facts.killed and facts.code in _WHOLE:
        yield from _left_open(facts)
    if facts.command == "apply" and facts.code == 0:
        yield from _not_there(facts)


def _declared(facts: Facts) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return ((address, body) for address, body in facts.files.items() if address.startswith("file."))


def _content(record: Record) -> object:
    return record.fields.get("md5") if record.fields.get("status") == "COMPLETED" else None


def _shape(record: Record) -> tuple[object, ...]:
    """What of a file the API shows: enough to find it again without a state (rule F1)."""
    return plain_name(str(record.fields["filename"])), record.fields["mimeType"]


def _strangers(facts: Facts) -> Iterator[str]:
    """Only what is declared is uploaded; only what a run began is ended."""
    names = {str(body["path"]) for _, body in _declared(facts)}
    for request in facts.requests:
        for effect in request.effects:
            if not is_upload(effect, facts.after):
                continue
            record = facts.after.records[effect.place[1]]
            if effect.place[0] == "record" and plain_name(str(record.fields["filename"])) not in names:
                yield f"uploaded {record.fields['filename']}, which no file declares"
            elif effect.new == "CANCELLED" and record.id not in facts.begun:
                yield f"cancelled the upload {record.id}, which somebody else began (rule F1)"


def _doubled(facts: Facts) -> Iterator[str]:
    """Never two completed files for one content (promise 1)."""
    done: dict[object, str] = {}
    for request in facts.requests:
        for effect in request.effects:
            if effect.place[0] != "field" or effect.place[2] != "status" or effect.new != "COMPLETED":
                continue
            record = facts.after.records[effect.place[1]]
            name = record.fields["filename"]
            if _content(record) in done:
                yield f"uploaded {name} twice in one run: {done[_content(record)]} and {record.id}"
            done[_content(record)] = record.id
            for other in facts.before.records.values():
                if other.kind == "file" and other.id != record.id and _content(other) == _content(record):
                    how = _known(facts, other, record)
                    if how:
                        yield f"uploaded {name} ({record.id}) though {other.id} holds its content, which {how}"


def _known(facts: Facts, other: Record, record: Record) -> str | None:
    """How lfsync can know that a file holds a content; None where it can't."""
    if other.id in facts.bound_before.values():
        return "the state binds"
    if other.id in facts.finished:
        return "a killed run of this journal uploaded"
    if _shape(other) == _shape(record) and other.id not in facts.unsettled:
        return "has the same name, size and type (rule F1)"
    return None


def _left_open(facts: Facts) -> Iterator[str]:
    """After a run that ended whole no session is pending that it, or a killed one before it, could have ended."""
    for request in facts.requests:
        record = facts.after.records.get(request.id or "")
        begun = request.method == "POST" and request.path == "/v1/files" and request.status == 200
        if begun and record is not None and _is_open(record, facts.now):
            yield f"ended with {facts.code}, and left the upload {record.id} of {record.fields['filename']} pending"
    if facts.code == 130 or facts.only:
        return
    for id in sorted(facts.opened):
        record = facts.after.records[id]
        if _is_open(record, facts.now):
            yield f"ended with {facts.code}, and the upload {id} that a killed run began is still pending"


def _is_open(record: Record, now: int) -> bool:
    return record.fields["status"] == "PENDING" and int(record.fields["expires"]) > now


def _not_there(facts: Facts) -> Iterator[str]:
    for address, body in _declared(facts):
        id = facts.bound_after.get(address)
        wanted = not facts.only or address in facts.only
        if (
            id
            and wanted
            and not body.get("lifecycle", {}).get("seed")
            and id not in holding(facts.after, body["content"])
        ):
            yield f"exit 0, but {address} is bound to {id}, which does not hold its content"

"""Files by their content: which one holds it, what its upload would change, what killed runs left open (rule F1). Pure.

held by a record that the state binds ..... known by its hash: no download
a file of equal size that the state binds without a hash ... downloaded
a completed file of equal name, size and type, which nothing binds ... downloaded, and adopted if it is the same
nowhere ................................... uploaded; the file that held the old content stays
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from lfsync.kinds import kind_of
from lfsync.knowledge.knowledge import Knowledge, is_unfinished
from lfsync.model import JSON, Address, Change, Desired, FieldChange, Record, Upload
from lfsync.state.ledger import OpenUpload, Written
from lfsync.state.state import Binding, Hashes, State
from lfsync.times import iso

_SHORT = 12  # characters of a hash that tell two contents apart for people
_STAMPED = ("knowledge_user", "knowledge_workspace")  # the API puts the time before the ending of these names
_ENDED = ("CANCELLED", "EXPIRED")


@dataclass(slots=True)
class Leftovers:
    """Uploads that killed runs left open. `resumed`: gone on with. `cancelled`: to be ended. `ended`: ended already."""

    resumed: dict[Address, OpenUpload] = field(default_factory=dict)
    cancelled: list[OpenUpload] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)


def makes_record(change: Change) -> bool:
    """Whether a change gives its resource a record that it has not yet: what refers to it has to wait."""
    return change.action == "create" or (change.action == "update" and kind_of(change.address.kind).uploaded)


def request_body(upload: Upload) -> dict[str, JSON]:
    """The body of the create of a file."""
    body: dict[str, JSON] = {
        "filename": upload.filename,
        "mimeType": upload.mime_type,
        "sizeBytes": upload.size,
    }
    return body | ({"purpose": upload.purpose} if upload.purpose else {})


# ---------------------------------------------------------------- by content


class Holdings:
    """Where the contents of one kind are. Built once: each of many files looks at few (rule R6).

    `held`: by the hash of a content, the files that the state knows to hold it. `others`: those of which it does not
    know it, by their size.
    """

    def __init__(self, kind: str, state: State, knowledge: Knowledge) -> None:
        self.held: dict[str, list[str]] = {}
        self.bound: set[str] = set()
        for binding in state.bindings.values():
            if binding.address.kind == kind:
                self.bound.add(binding.id)
                if (hash := held_content(binding)) is not None:
                    self.held.setdefault(hash, []).append(binding.id)
        known = {id for ids in self.held.values() for id in ids}
        self.others: dict[str, list[Record]] = {}
        for record in knowledge.of_kind(kind):
            if record.id not in known:
                self.others.setdefault(str(record.fields.get("sizeBytes")), []).append(record)

    def alike(self, upload: Upload) -> list[Record]:
        """The files that may hold this content: what the state binds may have had another name."""
        sized = self.others.get(str(upload.size), ())
        bound = [record for record in sized if record.id in self.bound]
        return [*bound, *alike((record for record in sized if record.id not in self.bound), upload)]


def held_content(binding: Binding | None) -> str | None:
    """The hash of what a bound file holds, as far as the state knows."""
    content = kind_of(binding.address.kind).content if binding else None
    hashes = binding.fields.get(content) if binding and content else None
    return hashes.live if hashes else None


def noted(binding: Binding, state: State, sha256: str | None) -> Binding:
    """A binding that remembers what its file holds, where that is known: a seed's as well, which nobody compares."""
    content = kind_of(binding.address.kind).content
    if content is None or sha256 is None or content in binding.fields:
        return binding
    return replace(binding, fields={**binding.fields, **held_fields(binding.address.kind, sha256, state)})


def is_searched_for(wish: Desired, binding: Binding | None, state: State) -> bool:
    """Whether the content of a resource has to be looked for among all files."""
    if wish.upload is None or wish.id is not None or (wish.seed and binding is not None):
        return False
    return held_content(binding) != state.hash(wish.upload.sha256)


def alike(records: Iterable[Record], upload: Upload) -> list[Record]:
    """The files that may hold this content, for all that is seen of them, oldest first (rule F1)."""
    found = [record for record in records if _is_alike(record, upload)]
    return sorted(found, key=lambda record: (record.created_at, record.id))


def _is_alike(record: Record, upload: Upload) -> bool:
    fields = record.fields
    if fields.get("sizeBytes") != upload.size or fields.get("mimeType") != upload.mime_type:
        return False
    name = str(fields.get("filename"))
    return name == upload.filename or (upload.purpose in _STAMPED and _unstamped(name) == upload.filename)


def _unstamped(name: str) -> str:
    """`plan-1793610000000.pdf` -> `plan.pdf`."""
    stem, dot, ending = name.rpartition(".")
    if not stem:
        stem, dot, ending = name, "", ""
    plain, dash, stamp = stem.rpartition("-")
    return f"{plain}{dot}{ending}" if dash and len(stamp) == 13 and stamp.isdigit() else name


def with_content(record: Record, upload: Upload) -> Record:
    """A file that is known to hold this content, which no answer of the API shows."""
    return replace(record, fields={**record.fields, str(kind_of(record.kind).content): upload.sha256})


# ---------------------------------------------------------------- what a plan shows


def shown(kind: str, fields: Iterable[FieldChange], old: Record | None) -> tuple[FieldChange, ...]:
    """What is uploaded, for people: the content by the beginning of its hash, and what differs of the `old` file."""
    content = kind_of(kind).content
    found = []
    for change in fields:
        if change.key == content:
            after = str(change.after_raw)[:_SHORT]
            found.append(replace(change, before=f"that of {old.id}" if old else None, after=after))
        elif old is None or old.fields.get(change.key, change.after_raw) != change.after_raw:  # no answer has a purpose
            before = old.fields[change.key] if old else None
            found.append(replace(change, before=before, before_raw=before))
    return tuple(found)


# ---------------------------------------------------------------- what killed runs left


def completed(
    uploads: Collection[OpenUpload], state: State, knowledge: Knowledge, now: float
) -> tuple[State, dict[Address, Written]]:
    """The uploads that were completed before the kill: the state with them, and what is to be put on record."""
    if not uploads:
        return state, {}
    bindings, made = dict[Address, Binding](), dict[Address, Written]()
    for upload in uploads:
        address = Address.parse(upload.address)
        record = knowledge.record(address.kind, upload.id)
        if record is not None and not is_unfinished(record):
            generation = state.generation(address) + 1
            made[address] = written(address, upload.id, upload.body, generation)
            bindings[address] = bound(state, address, upload.id, upload.sha256, generation, iso(now))
            knowledge.contents[address.kind, upload.id] = upload.sha256
    return state.binding(bindings), made


def written(address: Address, id: str, body: Mapping[str, JSON], generation: int) -> Written:
    """An upload, as the history has it."""
    fields: dict[str, tuple[JSON, JSON]] = {key: (None, value) for key, value in body.items()}
    return Written(address, "create", id, fields, origin="created", generation=generation)


def bound(state: State, address: Address, id: str, sha256: str, generation: int, at: str) -> Binding:
    """What the state holds of a file that was uploaded."""
    return Binding(address, id, generation, "created", written_at=at, fields=held_fields(address.kind, sha256, state))


def held_fields(kind: str, sha256: str, state: State) -> dict[str, Hashes]:
    """The hashes by which the state knows a file that holds this content."""
    hash = state.hash(sha256)
    return {str(kind_of(kind).content): Hashes(hash, hash)}


def leftovers(
    uploads: Iterable[OpenUpload],
    changes: Mapping[Address, Change],
    desired: Mapping[Address, Desired],
    knowledge: Knowledge,
) -> Leftovers:
    """What is to become of the uploads that were not completed."""
    found = Leftovers()
    wanted: dict[str, tuple[Address, Upload]] = {}
    for address, change in changes.items():
        upload = desired[address].upload if address in desired else None
        if upload is not None and makes_record(change):
            wanted[upload.sha256] = (address, upload)
    for opened in uploads:
        kind = Address.parse(opened.address).kind
        record = knowledge.records.get(kind, {}).get(opened.id)
        wish = wanted.get(opened.sha256)
        if (kind, opened.id) in knowledge.absent or (record and record.fields.get("status") in _ENDED):
            found.ended.append(opened.id)
        elif record is None or not is_unfinished(record):
            continue  # it can't be read now, or is bound
        elif wish and wish[0] not in found.resumed and request_body(wish[1]) == opened.body:
            found.resumed[wish[0]] = opened
        else:
            found.cancelled.append(opened)
    return found

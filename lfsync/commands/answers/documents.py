"""What each command prints with `--format json`, described: the documents that no other module describes.

A plan is in `planning/plan_file.py`; what a run did, and its events, in `applying/run_report.py`.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import JsonValue, TypeAdapter

from lfsync.applying.run_report import ProblemData
from lfsync.model import JSON, Action, Stand, Verdict
from lfsync.planning.plan_file import Part, PlaceData, schema_of
from lfsync.state.runs import Entry, RunHeader
from lfsync.state.state import StateLine


class ProblemsAnswer(Part):
    """What `validate` prints, and every command that fails: one for each place."""

    problems: list[ProblemData]


# ---------------------------------------------------------------- import, accept


class ImportedFile(Part):
    """A file, and how many resources it gets."""

    file: str
    resources: int


class ImportedRecord(Part):
    """A record, and the address that it has now."""

    address: str
    id: str


class NotImported(Part):
    """A record, or one key of it, that stays out of the files."""

    record: str
    key: str | None
    reason: str


class ImportAnswer(Part):
    """What `import` prints. `texts` and `downloads` are files beside the resource files."""

    dry_run: bool
    files: list[ImportedFile]
    texts: list[str]
    downloads: list[str]
    imported: list[ImportedRecord]
    left: list[NotImported]
    warnings: list[str]
    notes: list[str]
    exit_code: int


class _InFiles(Part):
    address: str
    key: str | None
    file: str
    line: int
    column: int


class AcceptedValue(_InFiles):
    """A value that the files hold now."""

    before: JsonValue
    after: JsonValue


class NotAccepted(_InFiles):
    """A value that can't be written where it is declared."""

    reason: str
    hint: str | None


class AcceptedFile(Part):
    """A file, and what became other lines in it."""

    file: str
    diff: str


class AcceptAnswer(Part):
    """What `accept` prints."""

    dry_run: bool
    accepted: list[AcceptedValue]
    left: list[NotAccepted]
    files: list[AcceptedFile]
    warnings: list[str]
    exit_code: int


# ---------------------------------------------------------------- state, history


class RecordedRun(RunHeader):
    """A run of the past."""

    ended: Literal["whole", "interrupted", "killed"]
    counts: dict[Action, int]


class ShownRun(RecordedRun):
    """What `history show` prints: a run, and what it wrote."""

    entries: list[Entry]


# ---------------------------------------------------------------- definitions, explain


class OptionAnswer(Part):
    """An option of a select; `parent` is the option of the parent field that it belongs to."""

    id: str
    label: str
    description: str | None
    parent: str | None


class FieldAnswer(Part):
    """A field of a kind. `words`: what a text that takes only these may be."""

    key: str
    label: str
    id: str | None
    description: str | None
    type: str
    writable: bool
    multiple: bool
    unique: bool
    currency: str | None
    handle_service: str | None
    parent_field: str | None
    words: list[str]
    options: list[OptionAnswer]


class RelationshipAnswer(Part):
    """A relationship of a kind."""

    key: str
    label: str
    id: str | None
    target: str
    many: bool
    writable: bool


class KindAnswer(Part):
    """What a kind has."""

    fields: list[FieldAnswer]
    relationships: list[RelationshipAnswer]


class MemberAnswer(Part):
    """Somebody in the workspace."""

    id: str
    email: str | None
    name: str | None


class DefinitionsAnswer(Part):
    """What `definitions` prints. `missing`: kinds that this key may not read; `members` is null where those are."""

    kinds: dict[str, KindAnswer]
    members: list[MemberAnswer] | None
    missing: list[str]


class SavedAnswer(Part):
    """What `definitions --save` prints: files."""

    written: list[str]
    unchanged: list[str]


class MovedDefinition(Part):
    """What is otherwise than it was saved."""

    where: str
    what: str


class CheckedAnswer(Part):
    """What `definitions --check` prints."""

    saved_at: str
    moved: list[MovedDefinition]
    not_compared: list[str]


class HistoryAnswer(Part):
    """When a value was last changed in Lightfield, and what it was before."""

    at: str
    before: JsonValue


class KeyAnswer(Part):
    """A managed key: declared, live and last applied. `default`: the value comes from `defaults`."""

    key: str
    label: str
    declared: JsonValue
    live: JsonValue
    last_applied: str
    verdict: Verdict
    changed: HistoryAnswer | None
    source: PlaceData
    default: bool


class BlockedAnswer(Part):
    """Why a resource can't be planned."""

    reason: str
    hint: str | None


class ExplainAnswer(Part):
    """What `explain` prints of one resource."""

    address: str
    kind: str
    source: PlaceData | None
    found_by: Literal["id", "state", "match"] | None
    match: str | None
    id: str | None
    name: str | None
    link: str | None
    origin: Literal["created", "adopted"] | None
    written_at: str | None
    action: str | None
    blocked: BlockedAnswer | None
    notes: list[str]
    keys: list[KeyAnswer]


# ---------------------------------------------------------------- workflow status, sandbox quirks


class WorkflowAnswer(Part):
    """What `workflow status` prints: the API's own word for how a run stands, and what it means."""

    run: str
    status: str
    outcome: Stand
    timed_out: bool
    exit_code: int


class QuirkAnswer(Part):
    """An unknown of the API, and the answers that the sandbox can give."""

    name: str
    unknown: str
    values: list[str]
    default: str


_ANSWERS: Final[dict[str, TypeAdapter[Any]]] = {
    "problems": TypeAdapter(ProblemsAnswer),
    "import": TypeAdapter(ImportAnswer),
    "accept": TypeAdapter(AcceptAnswer),
    "state": TypeAdapter(list[StateLine]),
    "history": TypeAdapter(list[RecordedRun] | ShownRun),
    "definitions": TypeAdapter(DefinitionsAnswer | SavedAnswer | CheckedAnswer),
    "explain": TypeAdapter(ExplainAnswer),
    "workflow": TypeAdapter(WorkflowAnswer),
    "quirks": TypeAdapter(list[QuirkAnswer]),
}


def answer_schemas() -> dict[str, dict[str, JSON]]:
    """The JSON Schema of what each of these commands prints, by the command's name; `problems` of all that fail."""
    return {name: schema_of(answer, f"lfsync {name}") for name, answer in _ANSWERS.items()}

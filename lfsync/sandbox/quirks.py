"""The table of quirks: one switch for each unknown of the API that a client can notice (API sheet, 16). Pure.

The default is the answer that the sources make most likely; every other value is one the real API may well give.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

from lfsync.errors import UsageError
from lfsync.wording import did_you_mean

Quirks: TypeAlias = Mapping[str, str]


class Quirk(NamedTuple):
    """One open question. `unknown` is its number in the API sheet; else the section that leaves it open."""

    name: str
    unknown: str
    values: tuple[str, ...]
    description: str

    @property
    def default(self) -> str:
        """The first value."""
        return self.values[0]


QUIRKS: tuple[Quirk, ...] = (
    Quirk("noop-update", "U1", ("ignored", "bumps"), "an update that changes nothing: moves updatedAt or not"),
    Quirk("updated-at-on-create", "U2", ("empty", "created"), "updatedAt of a record that was never updated"),
    Quirk("task-filters", "U3", ("honoured", "ignored", "rejected"), "filters on the lists of tasks, notes, meetings"),
    Quirk("validation-order", "U4", ("existence-first", "body-first"), "which error an update with two faults gets"),
    Quirk("list-names", "U5", ("shared", "unique"), "whether two lists of one object type may share a name"),
    Quirk("external-id", "U6", ("present", "absent"), "the externalId key of records"),
    Quirk("membership-lag", "U7", ("lags", "fresh"), "whether reads of list members trail writes"),
    Quirk("trash-lag", "U7", ("lags", "fresh"), "whether status=trashed trails writes"),
    Quirk("list-limit", "U8", ("clamp", "reject"), "a limit above 25, but on lists, their members and notes"),
    Quirk("offset-past-end", "U8", ("empty", "reject"), "an offset past the last record"),
    Quirk("trashed-retrieve", "U9", ("404", "record"), "GET of a trashed id"),
    Quirk("trashed-update", "U9", ("404", "ok"), "update of a trashed id"),
    Quirk("trashed-links", "U10", ("keep", "drop"), "ids of trashed records in the relationships of others"),
    Quirk("duplicate-link", "U11", ("noop", "error"), "adding a link that is there, removing one that is not"),
    Quirk("add-remove-together", "U12", ("ok", "error"), "add and remove in one operation, outside notes and accounts"),
    Quirk("add-on-occupied", "U12", ("replace", "error"), "add to a has-one that holds another id"),
    Quirk("replace-has-many", "U12", ("error", "sets"), "replace on a has-many"),
    Quirk("clear-has-one", "U13", ("optional-only", "all", "none"), "which has-one relationships take replace: null"),
    Quirk("create-only-change", "U14", ("error", "ok", "ignored"), "an opportunity's account, any $createdBy, changed"),
    Quirk("update-atomic", "U15", ("yes", "no"), "an update whose relationships fail: are its fields kept"),
    Quirk("url-form", "U16", ("canonical", "kept", "slash", "no-scheme"), "the stored form of a URL"),
    Quirk("email-case", "U16", ("lower", "kept"), "the stored case of an e-mail address"),
    Quirk("handle-form", "U16", ("url", "handle"), "the stored form of a social handle"),
    Quirk("text-trim", "U16", ("kept", "trimmed"), "white space around a text"),
    Quirk("markdown-form", "U16", ("kept", "tidied"), "whether Markdown is written anew"),
    Quirk("country-case", "U16", ("upper", "kept", "reject"), "a country code in lower case"),
    Quirk("precision", "U17", ("round", "reject"), "a number with more than 2 decimals"),
    Quirk("partial-object", "U18", ("replace", "merge"), "an ADDRESS or FULL_NAME with parts left out"),
    Quirk("empty-clears", "U19", ("yes", "kept", "error"), "an empty text or list"),
    Quirk("unset-fields", "U19", ("present", "absent"), "fields without a value in a record"),
    Quirk("list-object-type", "U20", ("bare", "dollar"), "$objectType of a list as it is read"),
    Quirk("task-status-type", "U20", ("single-select", "text"), "valueType of a task's $status"),
    Quirk("pipeline-on-read", "U21", ("absent", "present"), "$pipeline in the fields of a record"),
    Quirk("label-match", "U22", ("exact", "loose"), "labels of selects equal but for case and spaces"),
    Quirk("archived-options", "U22", ("hidden", "listed"), "archived options in the definitions"),
    Quirk("refusal-status", "U23", ("mixed", "400", "409", "422"), "the status of refusals that the sheet leaves open"),
    Quirk("concurrent-update", "U24", ("last-wins", "conflict"), "an update while another one of the record runs"),
    Quirk(
        "object-idempotency", "U25", ("honoured", "ignored"), "Idempotency-Key on create and update of custom objects"
    ),
    Quirk(
        "object-scopes", "U25", ("custom-objects", "none"), "scopes of custom objects where the reference names none"
    ),
    Quirk("object-list-category", "U25", ("search", "read"), "the rate limit that lists of custom objects count for"),
    Quirk("object-title", "§4.10", ("required", "optional"), "a custom object without its title field"),
    Quirk("object-status", "§4.10", ("rejected", "ignored"), "the parameter status on lists of custom objects"),
    Quirk("run-status-words", "§4.13", ("documented", "other"), "the words for the status of a workflow run"),
    Quirk("idempotent-deletes", "U25", ("no", "yes"), "Idempotency-Key on delete, restore and merge"),
    Quirk("idempotency-namespace", "U26", ("per-operation", "per-id"), "one key for updates of two ids"),
    Quirk("replay-header", "U26", ("absent", "present"), "a header that marks a replayed answer"),
    Quirk("id-prefixes", "U27", ("invented", "bare"), "ids of tasks, notes, lists and meetings"),
    Quirk("inactive-members", "U29", ("hidden", "listed"), "inactive members in the list of members"),
    Quirk("inactive-owner", "U29", ("refused", "accepted"), "links to inactive members"),
    Quirk("link-order", "U30", ("oldest-first", "newest-first", "by-id"), "the order of relationship values"),
    Quirk(
        "link-cap-counts",
        "U31",
        ("ids", "replace-as-two", "without-removes", "without-creates"),
        "what the cap of 25 links counts",
    ),
    Quirk("definition-keys", "U32", ("record", "slug"), "keys of system relationships in definitions"),
    Quirk("filter-keys", "U32", ("both", "record", "slug"), "keys of system relationships in filters"),
    Quirk("hidden-records", "U33", ("404", "403", "shown"), "records of the seed that are marked hidden"),
    Quirk("tie-break", "U34", ("newest-first", "oldest-first", "by-id"), "order of records created at one moment"),
    Quirk("error-envelope", "§11.1", ("wrapped", "flat", "flat-limits"), "whether errors stand under an error key"),
    Quirk("missing-required", "U23", ("400", "422"), "a create without a required field"),
    Quirk("cardinality-case", "§2.2", ("upper", "lower"), "letter case of cardinality in records"),
    Quirk("contains-match", "U3", ("substring", "element"), "contains on EMAIL, TELEPHONE and URL"),
    Quirk("filter-case", "U3", ("exact", "folded"), "letter case in text filters"),
    Quirk("stage-fallback", "U22", ("none", "default-pipeline"), "an opportunity's stage label found in two pipelines"),
    Quirk("enrichment", "§14", ("off", "fills"), "fills an empty field a second after a create that did not skip it"),
    Quirk("generated-texts", "§14", ("off", "fills"), "writes the read-only texts a second after a create"),
    Quirk(
        "meeting-sync", "§4.6", ("later", "at-once"), "when a meeting that was written is synced: in a second or not"
    ),
    Quirk(
        "meeting-editors", "§4.6", ("participants", "anybody"), "who may change and restore a meeting, deletes apart"
    ),
    Quirk("meeting-texts", "§14", ("kept", "regenerated"), "whether a sync writes a meeting's prep and summary anew"),
    Quirk("blocked-attendee", "§4.6", ("vanishes", "kept"), "the sync of a meeting with an address of the block list"),
    Quirk("private-meetings", "U33", ("empty", "absent", "404"), "what a caller without access gets of private texts"),
    Quirk("private-title", "U33", ("shown", "redacted"), "whether the title of a private meeting is hidden as well"),
    Quirk("file-types", "U28", ("strict", "lenient"), "MIME types that do not fit a file's purpose"),
    Quirk("file-sessions", "U28", ("hour", "short"), "how long upload sessions and download addresses last"),
    Quirk("file-idempotency", "U25", ("ignored", "honoured"), "Idempotency-Key on POST /v1/files"),
    Quirk("upload-answer", "§4.9", ("200", "201", "204"), "the status of an upload that succeeded"),
    Quirk("md5-wrong", "§4.9", ("pending", "cancelled"), "a file that was completed with another md5"),
    Quirk("complete-again", "§4.9", ("noop", "error"), "complete of a file that is completed"),
    Quirk("cancel-ended", "§4.9", ("error", "noop"), "cancel of a file that is no longer pending"),
)

_BY_NAME = {quirk.name: quirk for quirk in QUIRKS}


def parse(pairs: Iterable[str]) -> dict[str, str]:
    """`NAME=VALUE` pairs of a command line, checked. Raises UsageError with the nearest name."""
    chosen: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"--quirk {pair}: a quirk is written NAME=VALUE", hint="see `lfsync sandbox quirks`")
        chosen[name.strip()] = value.strip()
    resolve(chosen)
    return chosen


def resolve(chosen: Mapping[str, str]) -> Quirks:
    """Every quirk with its value, the defaults where none is chosen. Raises UsageError for an unknown name or value."""
    for name, value in chosen.items():
        quirk = _BY_NAME.get(name)
        if quirk is None:
            raise UsageError(
                f"there is no quirk {name!r}", hint=did_you_mean(name, _BY_NAME) or "see `lfsync sandbox quirks`"
            )
        if value not in quirk.values:
            raise UsageError(f"quirk {name} has no value {value!r}", hint=f"one of: {', '.join(quirk.values)}")
    return {quirk.name: chosen.get(quirk.name, quirk.default) for quirk in QUIRKS}

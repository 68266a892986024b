"""What `redact:` names: a kind, a key of a kind, or a type of values of every kind (rule G2). Pure."""

from __future__ import annotations

from dataclasses import dataclass

from lfsync.kinds import TYPES, is_kind, kind_of
from lfsync.model import Place
from lfsync.project.declarations import no_kind
from lfsync.wording import did_you_mean, nfc


@dataclass(frozen=True, slots=True)
class RedactRule:
    """`contact.$email`: kind and key. `note`, `note.*`: a kind alone. `*.TELEPHONE`: a type alone.

    `place`: where it stands in lfsync.yaml.
    """

    kind: str | None = None
    key: str | None = None
    type: str | None = None
    place: Place | None = None


class BadRuleError(ValueError):
    """A rule that names nothing, in words for people."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def rule(given: str) -> RedactRule:
    """The rule that a text is. BadRuleError where no kind, key or type is called so; custom keys are not known here."""
    text = nfc(given.strip())
    if text.startswith("*."):
        type = text.removeprefix("*.")
        if type not in TYPES:
            hint = did_you_mean(type, TYPES) or f"types are {', '.join(TYPES)}"
            raise BadRuleError(f"`{given}`: no type of values is called `{type}`", hint)
        return RedactRule(type=type)
    if is_kind(text):
        return RedactRule(text)
    kind, _, key = text.rpartition(".")
    if not is_kind(kind) or not key:
        message, hint = no_kind(text.partition(".")[0] if not text.startswith("object.") else text)
        raise BadRuleError(f"`{given}`: {message}", hint)
    if key == "*":
        return RedactRule(kind)
    _refuse_unknown(given, kind, key)
    return RedactRule(kind, key)


def _refuse_unknown(given: str, kind: str, key: str) -> None:
    """A key that the kind can't have; a custom one is told of against the workspace's definitions."""
    row = kind_of(kind)
    known = [*row.fields, *row.relationships, *(["members"] if kind == "list" else [])]
    if key in known:
        return
    near = did_you_mean(key, known)
    if not row.custom_fields or (key.startswith("$") and near):
        raise BadRuleError(f"`{given}`: {kind} has no `{key}`", near or f"known here: {', '.join(known)}")

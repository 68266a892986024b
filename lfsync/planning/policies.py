"""What policies are asked about a plan, and what their answers mean for it (rule G1). Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lfsync.knowledge.knowledge import Knowledge, title
from lfsync.model import JSON, Address, Change, Definitions, FieldDef, PlanWarning, Record, Refusal, Schema
from lfsync.project.settings import Policy
from lfsync.values.pipelines import live_value
from lfsync.values.table import VALUE_TYPES

FAILED: Final = " (its expression failed: "
"""What comes between a policy's own words and CEL's, which may quote values of records."""
_SHOWN: Final = 3  # changes that a message names


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a policy says of a change: whether it hits, and the error where its expression failed."""

    policy: int
    change: int
    hit: bool
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """What the policies say of a plan: why apply refuses it, and what they only tell."""

    refusals: tuple[Refusal, ...] = ()
    warnings: tuple[PlanWarning, ...] = ()


def asked_of(policies: Sequence[Policy], changes: Sequence[Change]) -> dict[int, list[int]]:
    """The changes that each policy is about, both by their place in these sequences."""
    asked = {
        number: [at for at, change in enumerate(changes) if not policy.on or change.address.kind in policy.on]
        for number, policy in enumerate(policies)
    }
    return {number: about for number, about in asked.items() if about}


def variables(
    change: Change, schema: Schema, knowledge: Knowledge, names: Callable[[str, str | Address], str]
) -> dict[str, JSON]:
    """What an expression sees of a change, but for `now`. Numbers are doubles, what is absent is null."""
    kind = change.address.kind
    definitions = schema.kinds[kind]
    record = knowledge.record(kind, change.id) if change.id is not None else None
    before, after = _values(change, record, definitions)
    return {
        "change": {
            "address": str(change.address),
            "kind": kind,
            "key": change.address.key,
            "action": change.action,
            "cause": change.cause,
            "adopted": change.adopted,
            "fields": [field.key for field in change.fields],
            "relationships": [link.key for link in change.relationships],
            "add": list(change.members.add) if change.members else [],
            "remove": list(change.members.remove) if change.members else [],
        },
        "record": {
            "id": change.id,
            "name": (title(record) or None) if record else None,
            "link": record.link if record else None,
        },
        "before": before,
        "after": after,
        "links": _links(change, record, definitions, names),
    }


def _values(change: Change, record: Record | None, definitions: Definitions) -> tuple[dict[str, JSON], dict[str, JSON]]:
    """Every field as it is, and as the change leaves it."""
    before: dict[str, JSON] = dict.fromkeys(definitions.fields)
    if record is not None and change.action != "create":
        before = {key: _live(record, field, definitions) for key, field in definitions.fields.items()}
    if change.action == "delete":
        return before, dict.fromkeys(definitions.fields)
    declared = {
        field.key: _shown(field.after_raw, definitions.fields[field.key])
        for field in change.fields
        if field.key in definitions.fields
    }
    return before, before | declared


def _live(record: Record, field: FieldDef, definitions: Definitions) -> JSON:
    return _shown(live_value(record, field, definitions), field)


def _shown(value: JSON, field: FieldDef) -> JSON:
    """As people read it; a number is a double, an amount without its currency."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if math.isfinite(value) else None
    shown = VALUE_TYPES[field.type].text(value, field)
    return None if shown in ("", []) else shown


def _links(
    change: Change, record: Record | None, definitions: Definitions, names: Callable[[str, str | Address], str]
) -> dict[str, JSON]:
    """What each relationship links after the change; of a delete, what it links now."""
    now = record.links if record else {}
    found: dict[str, JSON] = {
        key: [names(definition.target, id) for id in now.get(key, ())]
        for key, definition in definitions.relationships.items()
    }
    for link in change.relationships if change.action != "delete" else ():
        found[link.key] = link.after if isinstance(link.after, list) else [link.after] if link.after else []
    return found


def judged(policies: Sequence[Policy], changes: Sequence[Change], verdicts: Iterable[Verdict]) -> Judged:
    """An expression that failed counts as a hit, and names the error."""
    hits: dict[tuple[int, str | None], list[Change]] = defaultdict(list)
    for verdict in verdicts:
        if verdict.hit or verdict.error is not None:
            hits[verdict.policy, verdict.error].append(changes[verdict.change])
    refusals, warnings = [], []
    for (number, error), found in sorted(hits.items(), key=lambda hit: (hit[0][0], hit[0][1] or "")):
        policy = policies[number]
        what = policy.deny or policy.warn or ""
        said = what if error is None else f"{what}{FAILED}{error})"
        message = f"{_places(found)}: {said}"
        if policy.deny is not None:
            refusals.append(Refusal("policy", policy.name, message, tuple(change.address for change in found)))
        else:
            warnings.append(PlanWarning(f"policy {policy.name}: {message}"))
    return Judged(tuple(refusals), tuple(warnings))


def _places(changes: Sequence[Change]) -> str:
    shown = ", ".join(f"{change.address} at {change.source}" for change in changes[:_SHOWN])
    return shown if len(changes) <= _SHOWN else f"{shown} and {len(changes) - _SHOWN} more"


def only_told(found: Judged) -> Judged:
    """The same for a run that policies don't hold up: an undo."""
    told = (PlanWarning(f"policy {refusal.name}: {refusal.message}") for refusal in found.refusals)
    return Judged((), (*told, *found.warnings))


def unanswered(asked: Mapping[int, Iterable[int]], verdicts: Iterable[Verdict], why: str) -> list[Verdict]:
    """The verdicts where no answer came: each counts as a hit."""
    there = {(verdict.policy, verdict.change) for verdict in verdicts}
    questions = ((policy, change) for policy, about in asked.items() for change in about)
    return [Verdict(*question, hit=True, error=why) for question in questions if question not in there]

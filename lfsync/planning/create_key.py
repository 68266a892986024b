"""The idempotency key of a create: the same after any crash, for as long as the match is the same (rule A2). Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from lfsync.model import JSON, Address, Query
from lfsync.values.table import VALUE_TYPES


def match_values(query: Query, targets: Mapping[str, set[str]]) -> dict[str, JSON]:
    """The canonical values of a match by key; of relationships, the ids that they name (`targets`)."""
    values: dict[str, JSON] = {}
    for term in query.terms:
        if term.field is not None:
            values[term.key] = VALUE_TYPES[term.field.type].canonical(term.sent, term.field)
        else:
            values[term.key] = [*sorted(targets.get(term.key, ()))]
    return values


def create_key(workspace: str, address: Address, values: Mapping[str, JSON], generation: int) -> str:
    """The key of one generation of an address; `values` as `match_values` gives them."""
    text = json.dumps([workspace, str(address), values, generation], sort_keys=True)
    return f"lfsync-{hashlib.sha256(text.encode()).hexdigest()}"

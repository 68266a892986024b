"""`lfsync explain`: why does the plan want this of one resource? I/O."""

from __future__ import annotations

import json
import sys

from lfsync.commands.opening import open_session
from lfsync.commands.planning import listener, reading_progress
from lfsync.commands.terminal.console import Options, out
from lfsync.commands.terminal.loop import awaited
from lfsync.errors import UsageError
from lfsync.kinds import kind_of
from lfsync.knowledge.knowledge import title
from lfsync.model import JSON, Address, ExplainedKey, Explanation
from lfsync.planning.explanation import explain, explain_orphan
from lfsync.planning.field_history import explained_with_history
from lfsync.planning.make import plan_declared
from lfsync.planning.plan_file import safe
from lfsync.planning.selection import Patterns
from lfsync.planning.session import Session
from lfsync.project.folder import SETTINGS
from lfsync.render.explanation import explanation_text
from lfsync.wording import did_you_mean, nfc


def explain_address(options: Options, text: str, *, format: str) -> int:
    """0, whatever it tells; 3 where the resource is blocked."""
    explained = awaited(_explained(options, _address(text)))
    if format == "json":
        out(safe(json.dumps(_to_json(explained), ensure_ascii=False, indent=2)))
    else:
        out(explanation_text(explained, width=options.width, color=options.color(sys.stdout)))
    return 3 if explained.blocked else 0


async def _explained(options: Options, address: Address) -> Explanation:
    with reading_progress(options) as watcher:
        async with open_session(options.root, options.workspace, listener(options), watcher=watcher) as session:
            address = _now(session, address)
            if address in session.project.resources:
                planned = await plan_declared(session, Patterns(only=(str(address),)))
                explained = explain(planned, address, SETTINGS)
                return await explained_with_history(session.client, explained, planned.desired[address].fields)
            if address in session.state.bindings:
                return await _explained_orphan(session, address)
    known = map(str, {*session.project.resources, *session.state.bindings})
    hint = did_you_mean(str(address), known) or "`lfsync state list` shows what is bound; the files, what is declared."
    raise UsageError(f"{address} is not declared, and not in the state", hint=hint)


async def _explained_orphan(session: Session, address: Address) -> Explanation:
    binding = session.state.bindings[address]
    record = await session.client.retrieve(kind_of(address.kind), binding.id)
    return explain_orphan(binding, title(record) if record else "", record.link if record else None)


def _now(session: Session, address: Address) -> Address:
    """The address that a `moved:` block leads to from here (rule M1)."""
    found = (now for now, befores in session.project.former.items() if address in befores)
    return next(found, address)


def _address(text: str) -> Address:
    try:
        return Address.parse(nfc(text))
    except ValueError:
        raise UsageError(f"{text}: not an address", hint="An address is `kind.key`: `account.acme`.") from None


def _to_json(explained: Explanation) -> dict[str, JSON]:
    source, blocked = explained.source, explained.blocked
    return {
        "address": str(explained.address),
        "kind": explained.address.kind,
        "source": {"file": source.file, "line": source.line, "column": source.column} if source else None,
        "found_by": explained.found_by,
        "match": explained.match,
        "id": explained.id,
        "name": explained.name or None,
        "link": explained.link,
        "origin": explained.origin,
        "written_at": explained.written_at,
        "action": explained.planned,
        "blocked": {"reason": blocked.reason, "hint": blocked.hint} if blocked else None,
        "notes": [*explained.notes],
        "keys": [_key_json(key) for key in explained.keys],
    }


def _key_json(key: ExplainedKey) -> dict[str, JSON]:
    return {
        "key": key.key,
        "label": key.label,
        "declared": key.declared,
        "live": key.live,
        "last_applied": key.last,
        "verdict": key.verdict,
        "changed": {"at": key.changed.at, "before": key.changed.before} if key.changed else None,
        "source": {"file": key.source.file, "line": key.source.line, "column": key.source.column},
        "default": key.is_default,
    }

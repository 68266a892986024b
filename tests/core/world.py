"""Small worlds for the core's tests: YAML to Desired, records, a live workspace. No HTTP, no sandbox."""

from __future__ import annotations

from dataclasses import replace

from lfsync.knowledge.knowledge import Knowledge, Trash
from lfsync.model import (
    JSON,
    Address,
    Change,
    Desired,
    FieldDef,
    Member,
    Option,
    Plan,
    Record,
    RelDef,
    Schema,
    WorkspaceInfo,
)
from lfsync.planning.definitions import builtin_schema
from lfsync.planning.draft import Draft, Wishes
from lfsync.planning.drafting import draft
from lfsync.planning.plan import Context, plan
from lfsync.planning.prepare import prepare
from lfsync.planning.recovery import Recovery
from lfsync.project.documents import compose
from lfsync.project.resource_file import join, read_resources
from lfsync.state.state import Binding, State

SALT = "0123456789abcdef"
STATE = State(SALT)
CONTEXT = Context(WorkspaceInfo("test", "http://localhost"), "2026-01-01T00:00:00Z", "digest")

_CUSTOM = (
    FieldDef("tier", "Tier", "SINGLE_SELECT", "ad_t", options=(Option("opt_g", "Gold"), Option("opt_s", "Silver"))),
    FieldDef("nickname", "Nickname", "TEXT", "ad_n"),
    FieldDef("employees", "Employees", "NUMBER", "ad_e"),
)


def _schema() -> Schema:
    known = builtin_schema()
    account = known.kinds["account"]
    parent = RelDef("parent", "Parent", "account", many=False)
    partners = RelDef("partners", "Partners", "account", many=True)
    account = replace(
        account,
        fields={**account.fields, **{field.key: field for field in _CUSTOM}},
        relationships={**account.relationships, "parent": parent, "partners": partners},
    )
    members = (Member("mem_kai", "kai@corp.example", "Kai Berg"), Member("mem_mia", "mia@corp.example", "Mia Okoye"))
    return Schema({**known.kinds, "account": account}, members)


SCHEMA = _schema()


def wishes(text: str) -> dict[Address, Desired]:
    """What a resource file declares, prepared."""

    def no_file(path: str) -> str:
        raise AssertionError(path)

    declared = read_resources(compose(text, "crm.yaml"), "crm.yaml", {}, no_file)  # type: ignore[arg-type]
    resources, problems = join([declared.resources])
    desired, more = prepare(resources, SCHEMA)
    assert not [*declared.problems, *problems, *more]
    return desired


def record(
    id: str, fields: dict[str, JSON], links: dict[str, tuple[str, ...]] | None = None, *, fresh: bool = False
) -> Record:
    """A live record; its kind follows from the id."""
    kinds = {"acc": "account", "con": "contact", "opp": "opportunity", "tsk": "task", "note": "note", "lst": "list"}
    kind = kinds[id.split("_")[0]]
    return Record(kind, id, "2026-01-01T00:00:00.000Z", f"https://crm.example/{id}", fields, links or {}, fresh)


def live(*records: Record, whole: bool = True) -> Knowledge:
    """A workspace of which every listing was read whole."""
    made = Knowledge()
    for each in records:
        made.add(each)
    if whole:
        for kind in SCHEMA.kinds:
            made.listed[kind] = frozenset(made.records.get(kind, {}))
    return made


def in_trash(now: Knowledge, *records: Record, whole: bool = True, shown: bool = False) -> Knowledge:
    """The same workspace, after a look at the trash of accounts. `shown`: a read by id shows what is in it (U9)."""
    now.trash["account"] = Trash({each.id: each for each in records}, whole)
    now.shows_trashed["account"] = shown
    return now


def bound(*bindings: Binding) -> State:
    return replace(STATE, bindings={binding.address: binding for binding in bindings})


def drafted(text: str, now: Knowledge, state: State = STATE, asked: Wishes | None = None) -> Draft:
    """One round of planning; `now.wanted` is what this round asks for."""
    now.ask_anew()
    return draft(wishes(text), SCHEMA, state, now, asked or Wishes())


def planned(text: str, now: Knowledge, state: State = STATE, context: Context = CONTEXT) -> Plan:
    made = drafted(text, now, state)
    assert not now.wanted
    return plan(made, made.desired, state, context)


def applied(text: str, now: Knowledge) -> State:
    """The state after an apply that left the workspace as `now`."""
    made = drafted(text, now)
    assert not made.changes.keys() - made.resolution.adopted
    return bound(*made.bindings.values())


def told(made: Plan | Draft | Recovery) -> list[str]:
    """The messages of its warnings."""
    return [warning.message for warning in made.warnings]


def change(made: Plan | Draft, address: str) -> Change:
    changes = made.changes if isinstance(made, Plan) else made.changes.values()
    return next(each for each in changes if str(each.address) == address)

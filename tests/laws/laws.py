"""The laws themselves: what must hold of a plan, of requests, and of the sandbox before and after. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from lfsync.kinds import MEMBER_KEYS, OBJECT, SECTIONS
from lfsync.model import Address, DesiredLinks, Plan, Target
from lfsync.planning.plan_file import dumps, from_json
from lfsync.sandbox.schema import MEMBERSHIP, End, Schema
from lfsync.sandbox.store import Link, Row
from lfsync.state.state import State
from tests.laws.bench import Run, Sent, Snapshot
from tests.laws.menu import Data

_PLACE = re.compile(r"[\w./-]+\.(ya?ml|csv):\d+(:\d+)?")
# What the server writes of its own accord under the quirks `enrichment` and `generated-texts`.
_SERVER_WRITTEN = frozenset(
    {
        *("$headcount", "$title", "$howTheyMakeMoney", "$opportunityStatus"),
        # what the emulator keeps of a meeting beside what it was given
        *("$manuallyAddedAttendeeEmails", "$manuallyRemovedAttendeeEmails", "invited", "autoCreateRecords"),
        *("$meetingPrep", "$postMeetingSummary"),
    }
)


# ---------------------------------------------------------------- plans


def shape(plan: Plan) -> Data:
    """The plan's JSON without the moment it was made at, and without where in the files things stand."""
    data = json.loads(_PLACE.sub("PLACE", dumps(plan)))
    for key in ("created_at", "fingerprint"):
        del data[key]
    for entry in (*data["changes"], *data["blocked"]):
        del entry["source"]
    return data


def blocked(plan: Plan) -> dict[Address, str]:
    return {one.address: one.reason for one in plan.blocked}


def plan_survives_json(plan: Plan) -> None:
    text = dumps(plan)
    assert from_json(text) == plan
    assert dumps(from_json(text)) == text


def plan_names_declared_only(run: Run) -> None:
    """No undeclared field, relationship or record in a plan; nothing that `ignore_changes` names in an update."""
    for change in run.plan.changes:
        wish = run.planned.desired[change.address]
        quiet = wish.ignore_changes if change.action != "create" else frozenset()
        assert {field.key for field in change.fields} <= wish.fields.keys() - quiet, change
        assert {link.key for link in change.relationships} <= wish.links.keys() - quiet, change
        assert change.members is None or wish.members is not None, change


def plan_is_empty(run: Run, but: Iterable[Address] = ()) -> None:
    """Nothing but what is blocked, and `but`."""
    left = [change for change in run.plan.changes if change.address not in set(but)]
    assert not left, left


# ---------------------------------------------------------------- an apply


class Verdict:
    """One apply, with the sandbox before and after it."""

    def __init__(self, run: Run, state: State, schema: Schema, was: Snapshot, now: Snapshot) -> None:
        self.run = run
        self.desired = run.planned.desired
        self.resolution = run.planned.draft.resolution
        self.schema = schema
        self.was = was
        self.now = now
        self.ids = {address: b.id for address, b in state.bindings.items()} | dict(self.resolution.ids)
        self.bound = {id: address for address, id in self.ids.items() if address in self.desired}

    def check(self) -> None:
        plan_names_declared_only(self.run)
        for sent in self.run.writes:
            self.names_declared_only(sent)
            _is_small(sent)
        self.touched_declared_only()
        self.nothing_lost_or_doubled()
        self.links_are_as_declared()

    # ------------------------------------------------------------ requests

    def names_declared_only(self, sent: Sent) -> None:
        """No undeclared key in the body of a write."""
        path = re.sub(r"^/v1/objects/project/values(/|$)", r"/v1/projects\1", sent.path)
        section, _, id = path.removeprefix("/v1/").partition("/")
        if section == "files":
            assert sent.body.keys() <= {"filename", "mimeType", "sizeBytes", "purpose", "md5"}, sent
            return
        assert section in (*SECTIONS, "projects"), sent
        assert "/" not in id, sent
        if not id and sent.status >= 300:
            return
        address = self.bound[id or sent.answer["id"]]
        wish = self.desired[address]
        is_new = any(change.address == address and change.action == "create" for change in self.run.plan.changes)
        quiet = frozenset[str]() if is_new else wish.ignore_changes
        members = {MEMBER_KEYS[wish.members.definition.target]} if wish.members else set[str]()
        assert sent.body.keys() <= {"fields", "relationships", *(() if id else ("skipEnrichment", *wish.flags))}, sent
        assert sent.body.get("fields", {}).keys() <= wish.fields.keys() - quiet, (sent, address)
        assert sent.body.get("relationships", {}).keys() <= (wish.links.keys() - quiet) | members, (sent, address)

    # ------------------------------------------------------------ the workspace

    def nothing_lost_or_doubled(self) -> None:
        """What is there is what was there and what the plan says it makes; each done resource is one live record."""
        creates = {change.address for change in self.run.plan.changes if change.action == "create"}
        made = self.now.rows.keys() - self.was.rows.keys()
        assert {self.bound[id] for id in made} <= creates
        assert len(made) == len({self.bound[id] for id in made})
        assert self.now.rows.keys() >= self.was.rows.keys()
        for outcome in self.run.outcomes:
            if outcome.status in ("done", "unchanged", "not converged"):
                row = self.now.rows[self.ids[outcome.address]]
                assert not row.trashed, row
                assert row.kind == outcome.address.kind.removeprefix(OBJECT)

    def touched_declared_only(self) -> None:
        """What nobody declared is as it was."""
        for id, row in self.was.rows.items():
            after = self.now.rows[id]
            assert after.trashed == row.trashed, after
            self.fields_allowed(id, row, after)
        for id in self.now.rows.keys() - self.was.rows.keys():
            self.fields_allowed(id, None, self.now.rows[id])
        for link in self.was.links ^ self.now.links:
            assert self.link_allowed(link), (link, self.bound)

    def fields_allowed(self, id: str, was: Row | None, now: Row) -> None:
        before = was.fields if was else {}
        moved = {key for key in before.keys() | now.fields.keys() if before.get(key) != now.fields.get(key)}
        moved -= _SERVER_WRITTEN
        address = self.bound.get(id)
        if address is None:
            assert not moved, (was, now)
            return
        wish = self.desired[address]
        if wish.upload is not None:
            assert was is None or not moved, (was, now)
            return
        quiet = wish.ignore_changes if was else frozenset()
        assert moved <= wish.fields.keys() - quiet, (address, moved, was, now)

    def link_allowed(self, link: Link) -> bool:
        if link.edge.endswith(".$createdBy") and link.src not in self.was.rows:
            return True  # the server signs what it makes
        if link.edge == "meeting.$transcripts":  # it holds what was the transcript
            link = link._replace(edge="meeting.$transcript")
        sides = ((link.src, link.dst, True), (link.dst, link.src, False))
        return any(self.asked_for(link, near, far, source) for near, far, source in sides)

    def asked_for(self, link: Link, near: str, far: str, source: bool) -> bool:
        """Whether what is declared of `near` asks for this link, or for its end."""
        wish = self.desired.get(self.bound[near]) if near in self.bound else None
        if wish is None:
            return False
        if link.edge == MEMBERSHIP:
            return source and wish.members is not None and self.named(wish.members, far, link in self.now.links)
        return any(
            End(link.edge, source) in self.ends(wish.address, key)
            and not (key in wish.ignore_changes and near in self.was.rows)
            and self.named(declared, far, link in self.now.links)
            for key, declared in wish.links.items()
        )

    def ends(self, address: Address, key: str) -> tuple[End, ...]:
        return self.schema.kinds[address.kind.removeprefix(OBJECT)].relationships[key].ends

    def named(self, declared: DesiredLinks, id: str, added: bool) -> bool:
        include = self.targets(declared.include)
        if added:
            return id in include
        return id not in include if declared.exact else id in self.targets(declared.exclude)

    def targets(self, targets: Iterable[Target]) -> set[str | None]:
        found = [self.resolution.target(target) for target in targets]
        return {self.ids.get(one) if isinstance(one, Address) else one for one in found}

    def links_are_as_declared(self) -> None:
        """Read past lfsync: what each finished resource must link, it links, and exact sets hold nothing else."""
        planned = {outcome.address: outcome.status for outcome in self.run.outcomes}
        for address, wish in self.desired.items():
            if address not in self.ids or planned.get(address, "done") not in ("done", "unchanged"):
                continue
            if address in blocked(self.run.plan):
                continue
            for key, declared in wish.links.items():
                if key not in wish.ignore_changes:
                    self.linked_as_declared(address, declared, self.ends(address, key))
            if wish.members is not None:
                self.linked_as_declared(address, wish.members, (End(MEMBERSHIP, source=True),))

    def linked_as_declared(self, address: Address, declared: DesiredLinks, ends: Iterable[End]) -> None:
        id = self.ids[address]
        if declared.definition.target == address.kind:
            ends = [end for end in ends if end.source]  # a link to the same kind is declared from its source
        linked = {
            link.dst if end.source else link.src
            for end in ends
            for link in self.now.links
            if link.edge == end.edge and id == (link.src if end.source else link.dst)
        }
        linked = {other for other in linked if other not in self.now.rows or not self.now.rows[other].trashed}
        include, exclude = self.targets(declared.include), self.targets(declared.exclude)
        include.discard(None)  # what was not made; the other side of the link said so
        assert include <= linked, (address, declared.definition.key, include, linked)
        assert linked.isdisjoint(exclude), (address, declared.definition.key, exclude, linked)
        assert not declared.exact or linked == include, (address, declared.definition.key, include, linked)


def _is_small(sent: Sent) -> None:
    """At most 25 ids and 25 link changes in a request (API sheet, section 7)."""
    weight = 0
    for value in sent.body.get("relationships", {}).values():
        if isinstance(value, dict):
            weight += 2 if "replace" in value else sum(map(len, value.values()))
        else:
            weight += len(value) if isinstance(value, list) else 1
    assert weight <= 25, sent

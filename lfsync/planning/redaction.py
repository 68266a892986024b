"""A plan without the values that nobody else may read (rule G2). Pure.

Whatever shows a plan elsewhere shows the plan that comes out of here, so that groups, diffs and names can't tell what
was hidden. Keys, counts, causes, ids and addresses stay; so does that a value is empty.

What the plan doesn't tell the type of (a key that only a message quotes, the name of a custom object) counts as of any.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from lfsync.errors import Problem
from lfsync.kinds import KINDS, TITLE_KEYS, id_kind, is_id, is_kind, kind_of
from lfsync.model import (
    JSON,
    Address,
    Blocked,
    Change,
    Definitions,
    FieldChange,
    Kept,
    LinkChange,
    Links,
    MembersChange,
    Place,
    Plan,
    PlanWarning,
    Quoted,
    Refusal,
    Resource,
)
from lfsync.planning.policies import FAILED
from lfsync.project.redact_rules import RedactRule

HIDDEN: Final = "•••"

_QUOTE: Final = re.compile(r"`[^`]*`|'[^']*'|\"[^\"]*\"")
_NAMED: Final = re.compile(r"(?P<name>.*) \((?P<id>[^()\s]+)\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Redaction:
    """What is hidden: what the rules name, or all values. False where nothing is."""

    rules: Sequence[RedactRule] = ()
    everything: bool = False
    types: dict[tuple[str, str], str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.everything or bool(self.rules)

    def hits(self, kind: str, key: str, type: str | None = None) -> bool:
        """Whether the values of a key are hidden; `type` None: what is known of it, or any."""
        known = type or self._type(kind, key)
        is_link = type is None and is_kind(kind) and key in kind_of(kind).relationships
        return self.everything or any(self._hits(rule, kind, key, known, is_link=is_link) for rule in self.rules)

    def _hits(self, rule: RedactRule, kind: str, key: str, type: str | None, *, is_link: bool) -> bool:
        if rule.type is not None:
            return not is_link and type in (None, rule.type)
        return rule.kind == kind and rule.key in (None, key)

    def names(self, kind: str, key: str) -> bool:
        """Whether a rule names just this key."""
        return any(rule.kind == kind and rule.key == key for rule in self.rules)

    def links(self, kind: str, key: str) -> bool:
        """Whether the links of a relationship, or the members of a list, are hidden: no type says so."""
        return self.everything or any(rule.kind == kind and rule.key in (None, key) for rule in self.rules)

    def _type(self, kind: str, key: str) -> str | None:
        if kind == "member":
            return "EMAIL"
        known = kind_of(kind).fields.get(key) if is_kind(kind) else None
        return known.type if known is not None else self.types.get((kind, key))

    def titles(self, kind: str | None) -> bool:
        """Whether what people call records of a kind is hidden; None: of a kind that nobody knows."""
        if kind is None:
            return self.everything or any(rule.type or rule.key in (None, *TITLE_KEYS) for rule in self.rules)
        if kind == "member":
            return self.hits(kind, "$email")
        documented = [key for key in TITLE_KEYS if kind in KINDS and key in KINDS[kind].fields]
        keys = documented or ["name"]
        return any(self.hits(kind, key) for key in keys) or any(self.names(kind, key) for key in TITLE_KEYS)


def unknown_keys(
    rules: Iterable[RedactRule], known: Mapping[str, Definitions]
) -> Iterator[tuple[RedactRule, list[str]]]:
    """The rules that name a key that its kind doesn't have in this workspace, with the keys that it has."""
    for rule in rules:
        definitions = known.get(rule.kind or "")
        if definitions is not None and rule.key is not None:
            keys = [*definitions.fields, *definitions.relationships, *(["members"] if rule.kind == "list" else [])]
            if rule.key not in keys:
                yield rule, keys


def redacted(plan: Plan, redaction: Redaction) -> Plan:
    """The plan with `•••` in place of every value that is hidden."""
    if not redaction:
        return plan
    redaction = replace(redaction, types=_types(plan))
    return replace(
        plan,
        changes=tuple(_change(change, redaction) for change in plan.changes),
        blocked=tuple(_blocked(blocked, redaction) for blocked in plan.blocked),
        warnings=tuple(_warning(warning, redaction) for warning in plan.warnings),
        refusals=tuple(_refusal(refusal) for refusal in plan.refusals),
        kept=tuple(_kept(kept, redaction) for kept in plan.kept),
    )


def _types(plan: Plan) -> dict[tuple[str, str], str]:
    """The types of fields as the plan itself tells them."""
    found = {(change.address.kind, each.key): each.value_type for change in plan.changes for each in change.fields}
    return found | {(each.address.kind, each.key): each.value_type for each in plan.kept if each.value_type}


# ---------------------------------------------------------------- mistakes in the files


def redacted_problems(
    problems: Iterable[Problem], resources: Mapping[Address, Resource], rules: Sequence[RedactRule]
) -> list[Problem]:
    """Problems for others to read: what is wrong with a value that the rules hide is not said, for it quotes it."""
    redaction = Redaction(rules)
    return [_told(each, resources, redaction) if redaction else each for each in problems]


def redacted_warnings(warnings: Iterable[str], rules: Sequence[RedactRule]) -> list[str]:
    """Warnings of the files quote cells, and don't say of which kind: with any rule they quote nothing."""
    return [_QUOTE.sub(HIDDEN, warning) if rules else warning for warning in warnings]


def _told(problem: Problem, resources: Mapping[Address, Resource], redaction: Redaction) -> Problem:
    """A row has one place for all its cells, and may be of any kind."""
    place = problem.place
    if problem.address is None:
        return problem if place is None or place.column else _unsaid(problem)
    address = Address.parse(problem.address)
    resource = resources.get(address)
    if resource is None or place is None:
        return _unsaid(problem) if redaction.rules else problem
    key = _key_at(resource, place)
    keys = [*resource.fields, *_links_of(resource)] if key is None else [key]
    may_quote = any(_hides(resource, each, redaction) for each in keys)
    if key is None:
        may_quote |= any(rule.kind in (None, address.kind) for rule in redaction.rules)
    return _unsaid(problem, key) if may_quote else problem


def _unsaid(problem: Problem, key: str | None = None) -> Problem:
    value = "a value" if key is None else f"a value of `{key}`"
    said = f"something is wrong with {value} that `redact:` hides here; `lfsync validate` says what"
    return Problem(said, problem.place, problem.address)


def _hides(resource: Resource, key: str, redaction: Redaction) -> bool:
    """Whether what is said of a key may quote what is hidden.

    A ref is an e-mail of a member, or holds values of a match; a mistyped one is told with its neighbours.
    """
    kind = resource.address.kind
    if key in resource.fields:
        return redaction.hits(kind, key)
    known = kind_of(kind).relationships.get(key) if is_kind(kind) else None
    if known is None:  # members, or a relationship of the workspace's own: of any kind
        return bool(redaction.rules)
    if redaction.links(kind, key):
        return True
    if known.target == "member":
        return redaction.titles("member")
    return any(rule.kind in (None, known.target) for rule in redaction.rules)


def _links_of(resource: Resource) -> dict[str, Links]:
    return {**resource.relationships, **({"members": resource.members} if resource.members else {})}


def _key_at(resource: Resource, place: Place) -> str | None:
    """The key whose value stands at a place, or begins before it; None where nobody can tell."""
    places = {key: value.place for key, value in resource.fields.items()}
    places |= {key: links.place for key, links in _links_of(resource).items()}
    before = [(at, key) for key, at in places.items() if at.file == place.file and at <= place]
    if not before or not place.column:
        return None
    at, key = max(before)
    # A match may hold any value of the record.
    return None if resource.match is not None and at < resource.match.place <= place else key


# ---------------------------------------------------------------- changes


def _change(change: Change, redaction: Redaction) -> Change:
    kind = change.address.kind
    members = change.members
    return replace(
        change,
        name=HIDDEN if change.name and redaction.titles(kind) else change.name,
        fields=tuple(_field(each, kind, redaction) for each in change.fields),
        relationships=tuple(_link(link, kind, redaction) for link in change.relationships),
        members=members
        and MembersChange(*(_linked(t, kind, "members", redaction) for t in (members.add, members.remove))),
    )


def _field(each: FieldChange, kind: str, redaction: Redaction) -> FieldChange:
    if not redaction.hits(kind, each.key, each.value_type):
        return each
    changed = each.changed and replace(each.changed, before=HIDDEN if each.changed.before else each.changed.before)
    return replace(
        each,
        before=_hidden(each.before),
        after=_hidden(each.after),
        before_raw=_hidden(each.before_raw),
        after_raw=_hidden(each.after_raw),
        changed=changed,
    )


def _link(link: LinkChange, kind: str, redaction: Redaction) -> LinkChange:
    return replace(
        link,
        before=_links(link.before, kind, link.key, redaction),
        after=_links(link.after, kind, link.key, redaction),
        add=_linked(link.add, kind, link.key, redaction),
        remove=_linked(link.remove, kind, link.key, redaction),
    )


def _kept(kept: Kept, redaction: Redaction) -> Kept:
    kind = kept.address.kind
    name = HIDDEN if kept.name and redaction.titles(kind) else kept.name
    if kept.value_type is None:
        return replace(
            kept,
            name=name,
            before=_links(kept.before, kind, kept.key, redaction),
            after=_links(kept.after, kind, kept.key, redaction),
            add=_linked(kept.add, kind, kept.key, redaction),
            remove=_linked(kept.remove, kind, kept.key, redaction),
        )
    if not redaction.hits(kind, kept.key, kept.value_type):
        return replace(kept, name=name)
    return replace(kept, name=name, before=_hidden(kept.before), after=_hidden(kept.after))


def _hidden(value: JSON) -> JSON:
    """As many values as there were."""
    if isinstance(value, list):
        return [_hidden(each) for each in value]
    return value if value in (None, "", {}) else HIDDEN


# ---------------------------------------------------------------- names of linked records


def _links(value: JSON, kind: str, key: str, redaction: Redaction) -> JSON:
    if isinstance(value, list):
        return [_links(each, kind, key, redaction) for each in value]
    return _name(value, kind, key, redaction) if isinstance(value, str) and value else _unless_hidden(value, redaction)


def _unless_hidden(value: JSON, redaction: Redaction) -> JSON:
    """What is no name at all; a plan of ours holds none."""
    return _hidden(value) if redaction.everything else value


def _linked(texts: Iterable[str], kind: str, key: str, redaction: Redaction) -> tuple[str, ...]:
    return tuple(_name(text, kind, key, redaction) for text in texts)


def _name(text: str, kind: str, key: str, redaction: Redaction) -> str:
    """An address, `Title (id)`, an id or a member's e-mail, as far as it may be shown.

    A relationship that a rule names is hidden whole. Of all others addresses and ids are shown.
    """
    if redaction.names(kind, key):
        return HIDDEN
    known = kind_of(kind).relationships.get(key) if is_kind(kind) else None
    target = known.target if known is not None else None
    if _is_address(text, target):
        return text
    all_hidden = redaction.links(kind, key)
    if (named := _NAMED.fullmatch(text)) is not None and is_id(named["id"]):
        hidden = all_hidden or redaction.titles(target or id_kind(named["id"]))
        return f"{HIDDEN} ({named['id']})" if hidden else text
    if is_id(text):
        return text
    return HIDDEN if all_hidden or redaction.titles(target or ("member" if "@" in text else None)) else text


def _is_address(text: str, target: str | None) -> bool:
    """Whether it names a resource of this project. Where nobody knows the target, a member's e-mail may look alike."""
    if any(c.isspace() for c in text) or (target is None and "@" in text):
        return False
    try:
        kind = Address.parse(text).kind
    except ValueError:
        return False
    return is_kind(kind) and target in (None, kind)


# ---------------------------------------------------------------- messages


def _blocked(blocked: Blocked, redaction: Redaction) -> Blocked:
    texts = _texts(blocked.quoted, redaction)
    hint = blocked.hint and _without(blocked.hint, texts)
    quoted = _quoted(blocked.quoted, redaction)
    return replace(blocked, reason=_without(blocked.reason, texts), hint=hint, quoted=quoted)


def _warning(warning: PlanWarning, redaction: Redaction) -> PlanWarning:
    message = _without(warning.message, _texts(warning.quoted, redaction))
    return PlanWarning(_without_failure(message), _quoted(warning.quoted, redaction))


def _refusal(refusal: Refusal) -> Refusal:
    return replace(refusal, message=_without_failure(refusal.message))


def _without_failure(message: str) -> str:
    """What CEL says of an expression that failed may quote any value of the record."""
    before, failed, _ = message.partition(FAILED)
    return f"{before}{failed}{HIDDEN})" if failed else message


def _hits(quote: Quoted, redaction: Redaction) -> bool:
    return redaction.hits(quote.kind, quote.key)


def _texts(quoted: Iterable[Quoted], redaction: Redaction) -> list[str]:
    """What must go, the longest first: one may be part of another."""
    return sorted({quote.text for quote in quoted if quote.text and _hits(quote, redaction)}, key=len, reverse=True)


def _quoted(quoted: Iterable[Quoted], redaction: Redaction) -> tuple[Quoted, ...]:
    return tuple(quote._replace(text=HIDDEN) if _hits(quote, redaction) else quote for quote in quoted)


def _without(message: str, texts: Iterable[str]) -> str:
    """As words of their own, for in the middle of others they would tell themselves by what is missing there."""
    for text in texts:
        start = r"(?<!\w)" if re.match(r"\w", text) else ""
        end = r"(?!\w)" if re.search(r"\w\Z", text) else ""
        whole, found = re.subn(f"{start}{re.escape(text)}{end}", HIDDEN, message)
        message = whole if found else message.replace(text, HIDDEN)
    return message

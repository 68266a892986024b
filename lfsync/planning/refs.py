"""Refs to targets, and `{match: ...}` mappings to queries. Pure.

A ref is, in this order, a key of the target kind in this project, a member's e-mail, a live id, or a match (design.md,
section 3). What can't be told from the files and the members is left to `resolve`.
"""

from __future__ import annotations

from collections.abc import Mapping

from lfsync.kinds import KINDS, id_kind, is_id, is_kind, kind_of
from lfsync.model import JSON, Address, Cell, Definitions, Place, Query, Ref, RelDef, Target, Term, Value
from lfsync.planning.preparation import Scope, quoted
from lfsync.project.keys import is_key_text
from lfsync.values.table import is_empty, match_keys
from lfsync.wording import did_you_mean, folded, nfc, with_article


def target_of(scope: Scope, ref: Ref, rel: RelDef, address: Address, *, static: bool) -> Target | None:
    """Where a ref points; None if that is reported, or left to the checks of the files alone (`static`)."""
    if ref.match is not None:
        return _matched(scope, ref, ref.match, rel, address)
    if rel.target == "member":
        return _member(scope, ref, rel, address)
    named = scope.named(rel.target, ref, address)
    if named is not None:
        return Target(ref.place, named.key, address=named)
    owner = id_kind(ref.text)
    known = kind_of(rel.target) if is_kind(rel.target) else None
    if owner == rel.target or (owner is None and not (known and known.id_prefix) and is_id(ref.text)):
        return Target(ref.place, ref.text, id=ref.text)
    if not static:
        _refuse(scope, ref, rel, address, owner)
    return None


def query_of(scope: Scope, kind: str, values: Mapping[str, Value], place: Place, address: Address) -> Query | None:
    """The query of a `match` that gives values; None if it is reported or can't be judged offline."""
    definitions = scope.definitions(kind)
    if definitions is None:
        scope.report(
            place, address, f"{with_article(kind)} can't be found by a match in this version", "name it by its id"
        )
        return None
    terms = [_term(scope, definitions, key, value, address) for key, value in sorted(values.items())]
    found = tuple(term for term in terms if term is not None)
    return Query(kind, place, found) if found and len(found) == len(terms) else None


def check_match_part(scope: Scope, definitions: Definitions, key: str, value: Value, address: Address) -> None:
    """Report a part of a source's match that is wrong in every row: an unknown key, a literal or a form of no use."""
    field = definitions.fields.get(key)
    rel = definitions.relationships.get(key)
    if field is not None:
        scope.typed(address, definitions, field, value)
    elif rel is None:
        _report_unknown(scope, definitions, key, value, address)
    elif value.data is not None and not (isinstance(value.data, list) and None in value.data):
        for ref in _refs(value):
            target_of(scope, ref, rel, address, static=False)


def _report_unknown(scope: Scope, definitions: Definitions, key: str, value: Value, address: Address) -> None:
    if scope.knows_all(definitions.kind):
        scope.unknown_field(value.place, address, definitions, key)


def _term(scope: Scope, definitions: Definitions, key: str, value: Value, address: Address) -> Term | None:
    field = definitions.fields.get(key)
    rel = definitions.relationships.get(key)
    if field is None and rel is None:
        _report_unknown(scope, definitions, key, value, address)
        return None
    if is_empty(value.data):
        scope.report(value.place, address, f"`{key}` is empty, and an empty value matches nothing", "take it out")
        return None
    if rel is not None:
        targets = [target_of(scope, ref, rel, address, static=False) for ref in _refs(value)]
        found = tuple(target for target in targets if target is not None)
        return Term(key, rel=rel, targets=found) if found and len(found) == len(targets) else None
    assert field is not None
    typed = scope.typed(address, definitions, field, value)
    if typed is None:
        return None
    if not match_keys(typed.canonical):
        scope.report(value.place, address, f"`{key}` is blank, and an empty value matches nothing", "take it out")
        return None
    return Term(key, field=field, sent=typed.sent)


def _refs(value: Value) -> list[Ref]:
    """The refs that a part of a match holds: one or a list of texts and `{match: ...}`."""
    listed = value.data if isinstance(value.data, list) else [value.data]
    return [ref_of(item, value.place) for item in listed]


def ref_of(item: JSON, place: Place) -> Ref:
    """A ref as a part of a match holds it: a text, or `{match: ...}`."""
    match = item.get("match") if isinstance(item, dict) else None
    if isinstance(match, dict):
        return Ref(place, match={key: Value(data, place) for key, data in match.items()})
    text = nfc(str(item).strip())
    return Ref(place, Cell(text) if isinstance(item, Cell) and not is_key_text(text) else text)


def _matched(scope: Scope, ref: Ref, match: Mapping[str, Value], rel: RelDef, address: Address) -> Target | None:
    if rel.target == "member":
        scope.report(ref.place, address, "a member is not found by a match", "name the member by e-mail or id")
        return None
    query = query_of(scope, rel.target, match, ref.place, address)
    text = ", ".join(f"{key} {value.data}" for key, value in sorted(match.items()))
    return None if query is None else Target(ref.place, text, query=query)


def _member(scope: Scope, ref: Ref, rel: RelDef, address: Address) -> Target | None:
    member = scope.members.get(ref.text) or scope.members.get(folded(ref.text))
    if member is not None:
        return Target(ref.place, ref.text, id=member.id)
    plausible = "@" in ref.text or id_kind(ref.text) == "member"
    if scope.complete and scope.schema.members_known:
        emails = sorted(member.email for member in scope.schema.members)
        hint = did_you_mean(ref.text, emails) or f"members are named by e-mail or id: {quoted(emails[:10]) or 'none'}"
        scope.report(ref.place, address, f"`{rel.key}`: no member `{ref.text}` in this workspace", hint)
    elif not plausible:
        message = f"`{rel.key}`: `{ref.text}` is neither the e-mail nor the id of a member"
        scope.report(ref.place, address, message, "write the member's e-mail address")
    return None


def _refuse(scope: Scope, ref: Ref, rel: RelDef, address: Address, owner: str | None) -> None:
    elsewhere = next((kind for kind in KINDS if Address(kind, ref.text) in scope.resources), owner)
    if elsewhere is None and "@" in ref.text and folded(ref.text) in scope.members:
        elsewhere = "member"
    if elsewhere is not None:
        what = f"`{ref.text}` is the {'id' if owner else 'name'} of {with_article(elsewhere)}"
        scope.report(ref.place, address, f"`{rel.key}`: {what}", f"`{rel.key}` takes {with_article(rel.target)}")
        return
    hint = did_you_mean(ref.text, scope.keys(rel.target))
    message = f"`{rel.key}`: no {rel.target} `{ref.text}` in this project, and it is no id"
    scope.report(ref.place, address, message, hint or f"declare it, or write the id of {with_article(rel.target)}")

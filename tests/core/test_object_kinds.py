"""Types of custom objects among the kinds (design.md, section 2; API sheet 4.10)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lfsync.kinds import id_kind, is_id, is_kind, kind_of, target_kind
from lfsync.model import Address
from lfsync.planning.recovery import made_until
from lfsync.state.ledger import Intent


@pytest.mark.parametrize("slug", ["project", "Pro-ject_2", "p"])
def test_a_slug_makes_a_kind(slug: str) -> None:
    kind = kind_of(f"object.{slug}")
    assert is_kind(kind.name)
    assert (kind.path, kind.record_path) == (f"/v1/objects/{slug}", f"/v1/objects/{slug}/values")
    assert (kind.keyed, kind.trash, kind.restorable, kind.matches) == (False, False, True, ())
    assert target_kind(slug) == kind.name
    assert Address.parse(f"{kind.name}.a.b@c") == Address(kind.name, "a.b@c")


@pytest.mark.parametrize(
    "name", ["object", "object.", "object.2nd", "object.a.b", "object._a", "object.ä", "object.a b"]
)
def test_what_can_be_no_slug_is_no_kind(name: str) -> None:
    assert not is_kind(name)


def test_ids_without_a_prefix_are_ids_and_words_are_not() -> None:  # U27
    for id in ("obj_1", "f54ead12a7286daa1ba9", "0b0f9e0e-3c0e-4f0a-9d0e-2b8f1f4f6a10"):
        assert is_id(id)
        assert id_kind(id) is None
    for word in ("apollo", "internationalisation", "acme-renewal-2027-q4", "a b"):
        assert not is_id(word)


@pytest.mark.parametrize(("kind", "until"), [("account", 0), ("object.project", 240)])
def test_until_when_a_create_may_have_been_done(kind: str, until: float) -> None:
    """A killed run may have waited for its turn: where no key protects, that is reckoned with (rule A5)."""
    at = datetime(2026, 3, 1, 9, tzinfo=UTC)
    said = {"address": f"{kind}.a", "at": at, "key": "k", "match": {}, "body": {}}
    intent = Intent.model_validate(said)
    assert made_until(intent, at.timestamp() + 3600) == at.timestamp() + until
    assert made_until(intent, at.timestamp() + 1) == at.timestamp() + min(until, 1)

"""Whatever comes in, under whatever quirks: an answer of the API sheet, never an exception, and reads stay whole."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import settings as bounded
from hypothesis import strategies as st

from lfsync.sandbox.kinds import KINDS
from lfsync.sandbox.quirks import QUIRKS
from tests.sandbox.box import Box, settings

TEXTS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(["a@b.example", "https://x.example", "+12025550123", "Gold", "2026-01-01T00:00:00Z", "x.com/a"]),
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXTS)
PARTS = st.dictionaries(st.sampled_from(["city", "country", "latitude", "firstName", "lastName", "planet"]), SCALARS)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=3), PARTS)
OBJECTS = ("name", "phase", "site", "boss", "mail", "code", "due", "live", "size", "status")
CUSTOM = (*OBJECTS, "tier", "tags", "score", "hotline", "support", "about", "blurb", "renewalDate", "$pipeline", "nope")
KEYS = st.sampled_from([*CUSTOM, *sorted({key for kind in KINDS.values() for key in kind.fields})])
LINKS = ("parent", "partner", "$accounts", "nope", "customer", "projects", "after", "milestones", "sponsor")
RELATIONSHIPS = st.sampled_from([*LINKS, *sorted({key for kind in KINDS.values() for key in kind.relationships})])
OPERATIONS = st.dictionaries(st.sampled_from(["add", "remove", "replace", "set"]), VALUES, max_size=2)
BODIES = st.fixed_dictionaries(
    {"fields": st.dictionaries(KEYS, VALUES, max_size=5)},
    optional={
        "relationships": st.dictionaries(RELATIONSHIPS, st.one_of(VALUES, OPERATIONS), max_size=2),
        "skipEnrichment": SCALARS,
        "options": VALUES,
    },
)
CHOICES = st.dictionaries(st.sampled_from([quirk.name for quirk in QUIRKS]), st.integers(0, 3), max_size=6)
ENDINGS = ["", "[equal]", "[-equal]", "[contains]", "[startsWith]", "[-startsWith]", "[lessThan]", "[", ":asSource"]
FILTERS = st.tuples(st.one_of(KEYS, RELATIONSHIPS, TEXTS), st.sampled_from(ENDINGS), TEXTS)
STATUSES = (200, 400, 403, 404, 409, 422)


NEEDED = {
    "account": {"$name": "x"},
    "contact": {},
    "opportunity": {"$name": "x"},
    "task": {"$title": "x", "$status": "TODO"},
    "note": {"$title": "x"},
    "list": {"$name": "x", "$objectType": "$account"},
    "meeting": {"$title": "x", "$startDate": "2026-01-01T00:00:00Z", "$endDate": "2026-01-01T00:00:00Z"},
    "project": {"name": "x"},
}
LISTS = {kind.name: kind.path for kind in KINDS.values()} | {"project": "/v1/objects/project"}
RECORDS = LISTS | {"project": "/v1/objects/project/values"}


def completed(box: Box, kind: str, body: dict[str, dict[str, object]]) -> dict[str, object]:
    """The body with what a create of this kind needs, where it says nothing of it."""
    links = {"opportunity": {"$account": box.id("accounts", "Acme Solar")}, "task": {"$assignedTo": box.member()}}
    relationships = {**links.get(kind, {}), **body.get("relationships", {})}
    whole: dict[str, object] = {**body, "fields": {**NEEDED[kind], **body["fields"]}, "relationships": relationships}
    if not relationships:
        del whole["relationships"]
    return whole


@given(CHOICES, st.lists(st.tuples(st.sampled_from(sorted(LISTS)), st.booleans(), BODIES), max_size=5), FILTERS)
@bounded(max_examples=120, deadline=None)
def test_fuzz(
    seed_file: Path,
    choices: dict[str, int],
    writes: list[tuple[str, bool, dict[str, dict[str, object]]]],
    condition: tuple[str, str, str],
) -> None:
    values = {quirk.name: quirk.values for quirk in QUIRKS}
    quirks = {name: values[name][number % len(values[name])] for name, number in choices.items()}
    box = Box(settings(quirks), seed=seed_file)
    try:
        whole = [(kind, update, completed(box, kind, body)) for kind, update, body in writes]
        for name, update, body in whole:
            id = f"/{box.get(LISTS[name])['data'][0]['id']}" if update else ""
            answer = box.request("POST", RECORDS[name] + id, body)
            assert answer.status_code in STATUSES, answer.text
            assert answer.status_code == 200 or answer.json().get("error", answer.json())["type"]
        key, operator, value = condition
        for kind, path in LISTS.items():
            shown = box.get(path)
            assert len(shown["data"]) == shown["totalCount"]
            for row in shown["data"]:
                assert box.get(f"{RECORDS[kind]}/{row['id']}") == row
            found = box.run(box.client.get(path, params={f"{key}{operator}": value}))
            assert found.status_code in STATUSES, found.text
    finally:
        box.close()

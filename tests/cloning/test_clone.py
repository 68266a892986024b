"""`lfsync sandbox clone` as a user meets it (rule K5)."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfsync.commands.cloning import text_of
from lfsync.model import JSON, FieldDef, Option
from lfsync.planning.cloning import made_up
from lfsync.project.documents import CONTROL, parse
from lfsync.values.table import VALUE_TYPES
from tests.faults.town import Town, town

SEED = """\
members:
  - {ref: kai, email: kai@corp.example, first: Kai, last: Berg, role: admin}
definitions:
  account: {fields: {tier: {type: SINGLE_SELECT, label: Tier, options: [Gold, Silver]}, phone: {type: TELEPHONE}}}
  opportunity: {pipelines: {New business: [Discovery, Won], Renewal: [Discovery, Lost]}}
objects: {project: {fields: {name: {type: TEXT}, budget: {type: NUMBER}}}}
records:
  accounts:
    - {ref: acme, fields: {$name: Acme, tier: Gold, phone: [+14155552671]}, relationships: {$owner: kai}}
    - {ref: birch, fields: {$name: Birch, tier: Silver}}
    - {fields: {$name: Old}, trashed: true}
  contacts: [{ref: ada, fields: {$name: {firstName: Ada, lastName: Lind}, $email: [ada@acme.example]}}]
  opportunities:
    - {ref: big, fields: {$name: Big, $pipeline: Renewal, $stage: Lost}, relationships: {$account: acme}}
  notes: [{fields: {$title: Kick-off, $content: Secret plans}, relationships: {$account: [acme]}}]
  object.project: [{fields: {name: Apollo, budget: 12}}]
lists: [{fields: {$name: Targets, $objectType: $account}, members: [acme]}]
"""
CRM = """\
accounts:
  acme: {match: [$name], fields: {$name: Acme, tier: Silver}}
  cedar: {fields: {$name: Cedar}}
lists: {targets: {fields: {$name: Targets, $objectType: $account}, members: [acme, cedar]}}
"""
SETTINGS = "version: 1  # ours\nworkspaces:\n  prod: {index_lag_timeout: 0}   # the real one\n\nexclude: [data/]\n"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Town]:
    with town(tmp_path, monkeypatch, capsys, SEED) as made:
        made.write(SETTINGS, "lfsync.yaml")
        made.write(CRM)
        yield made


def seed(place: Town, name: str = "rehearsal") -> Any:
    text = (place.root / "sandbox" / f"{name}.yaml").read_text()
    return parse(text, name).data


def records(place: Town, section: str = "accounts") -> list[Any]:
    found: list[Any] = seed(place)["records"][section]
    return found


def test_a_plan_is_rehearsed(place: Town) -> None:
    assert place.lfsync("sandbox", "clone", "--records").code == 0
    assert (place.root / "lfsync.yaml").read_text() == SETTINGS.replace(
        "# the real one\n", "# the real one\n  rehearsal: {sandbox: {seed: sandbox/rehearsal.yaml}}\n"
    ).replace("workspaces:", "default_workspace: prod\nworkspaces:"), "the only workspace was the default"
    path = place.root / "sandbox" / "rehearsal.yaml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (place.root / "sandbox" / ".gitignore").read_text() == "/rehearsal.yaml\n"
    applied = place.lfsync("-w", "rehearsal", "apply", "--yes")
    assert applied.code == 0, applied
    assert place.lfsync("-w", "rehearsal", "plan", "--detailed-exitcode").code == 0
    assert {method for method, _, _ in place.bent.sent} == {"GET"}, "nothing of it reached the live one"
    assert place.lfsync("plan", "--detailed-exitcode").code == 2


def test_what_is_bound_live_is_bound_there(place: Town) -> None:
    place.apply()
    assert place.lfsync("sandbox", "clone", "--records", "trial").code == 0
    live = place.lfsync("state", "list")
    assert live.out == place.lfsync("-w", "trial", "state", "list").out != ""
    assert place.lfsync("-w", "trial", "plan", "--detailed-exitcode").code == 0


def test_a_second_clone_takes_the_place_of_the_first(place: Town) -> None:
    place.lfsync("sandbox", "clone", "--records")
    place.lfsync("-w", "rehearsal", "apply", "--yes")
    before = (place.root / "lfsync.yaml").read_text()
    assert place.lfsync("sandbox", "clone", "--records").code == 0
    assert (place.root / "lfsync.yaml").read_text() == before
    assert place.lfsync("-w", "rehearsal", "plan", "--detailed-exitcode").code == 2
    assert place.lfsync("-w", "rehearsal", "history").out == "No run is on record.\n"
    assert (place.root / "sandbox" / ".gitignore").read_text() == "/rehearsal.yaml\n"


def test_without_records_there_are_definitions_only(place: Town) -> None:
    assert place.lfsync("sandbox", "clone").code == 0
    found = seed(place)
    assert found["records"] == {}
    assert found.get("lists", []) == found.get("files", []) == []
    live = json.loads(place.lfsync("definitions", "--format", "json").out)
    there = json.loads(place.lfsync("-w", "rehearsal", "definitions", "--format", "json").out)
    assert "pipeline" in json.dumps(live)
    for each in (*live["kinds"].values(), *there["kinds"].values()):
        for relationship in each["relationships"]:
            del relationship["id"]  # of a built-in one nothing refers to it
    assert there == live
    assert place.lfsync("-w", "rehearsal", "apply", "--yes").code == 0


def test_trash_members_and_types_come_along(place: Town) -> None:
    place.lfsync("sandbox", "clone", "--records")
    assert [(each["fields"]["$name"], each.get("trashed", False)) for each in records(place)] == [
        ("Acme", False),
        ("Birch", False),
        ("Old", True),
    ]
    (listed,) = seed(place)["lists"]
    assert listed["members"] == [records(place)[0]["id"]]
    assert records(place, "object.project")[0]["fields"] == {"name": "Apollo", "budget": 12}


def test_what_is_redacted_is_made_up(place: Town) -> None:
    place.write(SETTINGS + "redact: [contact, '*.TELEPHONE', note.$content, account.tier]\n", "lfsync.yaml")
    assert place.lfsync("sandbox", "clone", "--records").code == 0
    text = (place.root / "sandbox" / "rehearsal.yaml").read_text()
    for secret in ("Ada", "Lind", "ada@acme.example", "+14155552671", "Secret plans"):
        assert secret not in text
    assert "Acme" in text
    assert "Kick-off" in text
    place.lfsync("sandbox", "clone", "--records")
    assert (place.root / "sandbox" / "rehearsal.yaml").read_text() == text, "always the same"
    assert place.lfsync("-w", "rehearsal", "plan").code == 0


@pytest.mark.parametrize("rule", ["account.$name", "account", "*.TEXT"])
def test_a_match_key_may_not_be_redacted(place: Town, rule: str) -> None:
    place.write(SETTINGS + f"redact: ['{rule}']\n", "lfsync.yaml")
    said = place.lfsync("sandbox", "clone", "--records")
    assert said.code == 1
    assert "lfsync.yaml:6:10" in said.err
    assert "is a match key" in said.err
    assert not (place.root / "sandbox").exists()
    assert place.lfsync("sandbox", "clone").code == 0, "definitions hold no values"


@pytest.mark.parametrize("name", ["prod", "../out", "a b", "", "-x"])
def test_a_name_that_can_not_be(place: Town, name: str) -> None:
    said = place.lfsync("sandbox", "clone", "--", name)
    assert said.code == 1, said
    assert (place.root / "lfsync.yaml").read_text() == SETTINGS
    assert not (place.root / "sandbox").exists()


@pytest.mark.parametrize("entry", ["{}", "{sandbox: {}}", "{sandbox: {seed: sandbox/mine.yaml}}"])
def test_a_workspace_of_that_name_is_left_alone(place: Town, entry: str) -> None:
    (place.root / "sandbox").mkdir()
    place.write(SEED, "sandbox/mine.yaml")
    place.write(f"version: 1\ndefault_workspace: prod\nworkspaces: {{prod: {{}}, rehearsal: {entry}}}\n", "lfsync.yaml")
    said = place.lfsync("sandbox", "clone", "--records")
    assert said.code == 1
    assert "it is no clone" in said.err
    assert (place.root / "sandbox" / "mine.yaml").read_text() == SEED


@pytest.mark.parametrize(
    "settings",
    [
        "version: 1\nworkspaces: {prod: {}}\n",
        "workspaces:\r\n    prod:\r\n        rate_share: 0.5\r\nversion: 1\r\n",
        "{version: 1, workspaces: {prod: {}}}",
        "version: 1\nworkspaces:\n  prod: {}",
    ],
)
def test_every_byte_of_the_settings_stays(place: Town, settings: str) -> None:
    (place.root / "lfsync.yaml").write_bytes(settings.encode())
    assert place.lfsync("sandbox", "clone").code == 0
    after = (place.root / "lfsync.yaml").read_bytes().decode()
    left = iter(after)
    assert all(each in left for each in settings), "what was there is there, in its order"
    data: Any = parse(after, "lfsync.yaml").data
    assert data["workspaces"]["rehearsal"] == {"sandbox": {"seed": "sandbox/rehearsal.yaml"}}


def test_it_costs_what_planning_does(place: Town) -> None:
    before = len(place.bent.sent)
    place.lfsync("sandbox", "clone", "--records")
    paths = [path for _, path, _ in place.bent.sent[before:] if "offset" in str(path)]
    assert len(paths) == len(set(map(str, paths))), "no page is read twice"


# ---------------------------------------------------------------- parts


_DEFINITIONS = [
    FieldDef("key", "Key", type, options=(Option("opt_1", "One"), Option("opt_2", "Two"))) for type in VALUE_TYPES
]
_SAMPLES: dict[str, JSON] = {
    "ADDRESS": {"street": "Way 1", "city": "Kiel"},
    "CHECKBOX": True,
    "CURRENCY": 12.5,
    "DATETIME": "2027-03-01T00:00:00.000Z",
    "EMAIL": "ada@acme.example",
    "FULL_NAME": {"firstName": "Ada", "lastName": "Lind"},
    "MULTI_SELECT": ["opt_1"],
    "NUMBER": 3,
    "SINGLE_SELECT": "opt_1",
    "TELEPHONE": "+14155552671",
    "URL": "https://acme.example",
}


@pytest.mark.parametrize("definition", _DEFINITIONS, ids=lambda each: each.type)
def test_made_up_values_are_of_their_type(definition: FieldDef) -> None:
    sample = _SAMPLES.get(definition.type, "a text")
    values = [made_up(definition, f"acc_{number}", sample) for number in range(30)]
    assert values == [made_up(definition, f"acc_{number}", sample) for number in range(30)]
    assert [type(value) for value in values] == [type(values[0])] * 30
    assert len(set(map(str, values))) > 1
    assert made_up(definition, "acc_1", None) is None
    assert made_up(definition, "acc_1", []) == []


_TEXTS = st.text(st.characters(exclude_categories=["Cs"]).filter(lambda each: not CONTROL.search(each)))
_KEYS = st.from_regex("[$A-Za-z][A-Za-z0-9_.-]{0,9}", fullmatch=True)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXTS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4),
        max_leaves=20,
    )
)
def test_a_seed_is_read_as_it_was_written(data: JSON) -> None:
    entry: dict[str, JSON] = {"records": {"accounts": [{"fields": {"x": data}}]}, "objects": {"a": {"b": data}}}
    text = text_of(entry)
    assert json.dumps(parse(text, "seed").data) == json.dumps(entry)

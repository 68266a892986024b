"""Import, then plan: nothing to do, whatever people typed into the CRM (design.md, section 13, promise 2)."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lfsync.commands.importing import Request, import_live
from lfsync.commands.planning import plan
from lfsync.commands.shown_plan import Manner
from lfsync.commands.terminal.console import Options
from lfsync.editing.yaml_text import entry
from lfsync.model import JSON
from lfsync.planning.draft import Wishes
from lfsync.planning.selection import ALL

_AWKWARD = (
    *(
        "yes",
        "- x",
        "{a}",
        "null",
        "1e3",
        "0123",
        "12:30",
        "---",
        "…",
        "!!!",
        "a: b",
        "a #b",
        "'",
        '"',
        " lead",
        "trail ",
    ),
    *(
        "Müller & Co",
        "日本",
        "Acme.",
        "con_artists & co",
        "acme",
        "ACME",
        "A" * 300,
        "x\ty",
        "é",
        "é",
        "#1",
        "@home",
        "$name",
    ),
)
_name = st.one_of(
    st.sampled_from(_AWKWARD), st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
)
_text = st.one_of(
    _name,
    st.lists(st.sampled_from(["# Title", "", "- item", "  indented", "trail ", "plain"]), min_size=1, max_size=7).map(
        "\n".join
    ),
)
_DEFINITIONS: dict[str, JSON] = {
    "account": {
        "fields": {
            "tier": {"type": "SINGLE_SELECT", "label": "Tier", "options": ["Gold", "Silver", "yes", "1e3"]},
            "tags": {"type": "MULTI_SELECT", "label": "Tags", "options": ["Solar", "Wind"]},
            "score": {"type": "NUMBER", "label": "Score"},
            "renewal": {"type": "DATETIME", "label": "Renewal"},
            "about": {"type": "MARKDOWN", "label": "About"},
            "nickname": {"type": "TEXT", "label": "Nickname"},
            "partner": {"type": "CHECKBOX", "label": "Partner"},
        },
        "relationships": {
            "peer": {"target": "account", "cardinality": "HAS_MANY", "label": "Peer", "directions": {
                "asSource": {"cardinality": "HAS_ONE", "label": "Peer"},
                "asDestination": {"cardinality": "HAS_MANY", "label": "Peers"},
            }},
        },
    },
    "opportunity": {"stages": ["Open", "Won"]},
}  # fmt: skip


def _some(draw: st.DrawFn, values: dict[str, st.SearchStrategy[JSON]]) -> dict[str, JSON]:
    return {key: draw(value) for key, value in values.items() if draw(st.booleans())}


@st.composite
def workspaces(draw: st.DrawFn) -> dict[str, JSON]:
    """A seed: accounts of awkward names, twins among them, with links in circles, and what refers to them."""
    count = draw(st.integers(1, 6))
    refs = [f"a{number}" for number in range(count)]
    accounts: list[JSON] = []
    for ref in refs:
        fields = _some(
            draw,
            {
                "tier": st.sampled_from(["Gold", "yes", "1e3"]),
                "tags": st.just(["Wind", "Solar"]),
                "score": st.integers(-5, 5) | st.just(1.25),
                "renewal": st.sampled_from(["2027-03-01T00:00:00.000Z", "2027-03-01T17:30:00.250Z"]),
                "about": _text,
                "nickname": _text,
                "partner": st.booleans(),
                "$website": st.just([f"https://{ref}.example"]),
                "$primaryAddress": st.just({"street": "Hafen 1", "city": "Kiel", "country": "DE"}),
            },
        )
        links: dict[str, JSON] = _some(draw, {"$owner": st.sampled_from(["kai", "mia"]), "peer": st.sampled_from(refs)})
        accounts.append({"ref": ref, "fields": {"$name": draw(_name), **fields}, "relationships": links})
    contacts: list[JSON] = [
        {
            "ref": f"c{number}",
            "fields": {"$name": {"firstName": draw(_name)}, "$email": [f"c{number}@corp.example"]},
            "relationships": {"$account": [*draw(st.lists(st.sampled_from(refs), max_size=2, unique=True))]},
        }
        for number in range(draw(st.integers(0, 3)))
    ]
    tasks: list[JSON] = [
        {
            "fields": {"$title": draw(_name), "$status": "TODO"},
            "relationships": {"$assignedTo": "kai", **_some(draw, {"$account": st.sampled_from(refs)})},
        }
        for _ in range(draw(st.integers(0, 4)))
    ]
    notes: list[JSON] = [
        {
            "fields": {"$title": draw(_name), "$content": draw(_text)},
            "relationships": {"$account": [draw(st.sampled_from(refs))]},
        }
        for _ in range(draw(st.integers(0, 2)))
    ]
    opportunities: list[JSON] = [
        {"fields": {"$name": draw(_name), "$stage": "Open"}, "relationships": {"$account": draw(st.sampled_from(refs))}}
        for _ in range(draw(st.integers(0, 2)))
    ]
    members: list[JSON] = [*draw(st.lists(st.sampled_from(refs), max_size=3, unique=True))]
    return {
        "members": [
            {"ref": "kai", "email": "kai@corp.example", "first": "Kai", "last": "Berg", "role": "admin"},
            {"ref": "mia", "email": "mia@corp.example", "first": "Mia", "last": "Okoye"},
        ],
        "definitions": _DEFINITIONS,
        "records": {
            "accounts": accounts,
            "contacts": contacts,
            "opportunities": opportunities,
            "tasks": tasks,
            "notes": notes,
            "lists": [{"fields": {"$name": draw(_name), "$objectType": "$account"}, "members": members}],
        },
    }


def project(root: Path, seed: dict[str, JSON], more: str = "", quirks: str = "{}") -> Options:
    (root / "sandbox").mkdir()
    (root / "sandbox" / "seed.yaml").write_text("".join(entry(key, part, 0) for key, part in seed.items()))
    (root / "lfsync.yaml").write_text(
        "version: 1\ndefault_workspace: play\nexclude: [sandbox/]\n"
        f"workspaces: {{play: {{sandbox: {{seed: sandbox/seed.yaml, quirks: {quirks}}}}}}}\n{more}"
    )
    return Options(folder=root)


def planned(options: Options) -> int:
    return plan(options, Wishes(), ALL, output=None, detailed=True, history=False, manner=Manner())


def imported(options: Options, capsys: pytest.CaptureFixture[str], **more: object) -> dict[str, JSON]:
    capsys.readouterr()
    import_live(options, Request(everything=True, **more), dry_run=False, format="json")  # type: ignore[arg-type]
    found: dict[str, JSON] = json.loads(capsys.readouterr().out)
    return found


_DEFAULTS = (
    "",
    "defaults: {account: {fields: {tier: Gold, nickname: Nick}, relationships: {$owner: mia@corp.example}}}\n",
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(seed=workspaces(), defaults=st.sampled_from(_DEFAULTS), members=st.sampled_from(["exact", "include", "none"]))
def test_the_plan_after_an_import_is_empty(
    seed: dict[str, JSON], defaults: str, members: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        options = project(Path(folder), seed, defaults)
        told = imported(options, capsys, members=members)
        code = planned(options)
        shown = capsys.readouterr().out
        assert code == 0, shown
        records = seed["records"]
        assert isinstance(records, dict)
        assert isinstance(told["imported"], list)
        assert isinstance(told["left"], list)
        there = sum(len(each) for each in records.values() if isinstance(each, list))
        whole = {each["record"] for each in told["left"] if isinstance(each, dict) and each["key"] is None}
        assert len(told["imported"]) + len(whole) == there
        assert not whole, told["left"]
        assert imported(options, capsys)["imported"] == [], "a second import takes only what came since"
        assert planned(options) == 0

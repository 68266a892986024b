"""Each example and a project of 503 companies, over HTTP in separate processes, read back through the vendor's SDK."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.oracle import Crm, declared
from tests.e2e.rig import KEY, Project, Server, clean_environment, project, serving

_ROOT = Path(__file__).parents[2]
_COMPANIES = _ROOT.parent / "shared" / "data" / "sp500" / "constituents.csv"


def _actions(plan: dict[str, Any]) -> Counter[str]:
    return Counter(change["action"] for change in plan["changes"])


def _converge(place: Project, server: Server) -> Crm:
    """Plan, apply, plan: the last one is empty; a second apply writes nothing, and leaves the state as it is."""
    with server.sdk() as sdk:
        before = Crm(sdk).count()
    first = place.plan()
    assert first["blocked"] == []
    assert server.writes() == []
    place.apply()
    again = place.plan(expect=0)
    assert again["changes"] == []
    text = place.state_file.read_bytes()
    with server.counting() as written:
        place.apply()
    assert written == []
    assert place.state_file.read_bytes() == text
    created = Counter(change["kind"] for change in first["changes"] if change["action"] == "create")
    with server.sdk() as sdk:
        crm = Crm(sdk)
        crm.shows(declared(place.folder), place.state())
    assert crm.count() == {kind: count + created[kind] for kind, count in before.items()}
    return crm


@pytest.mark.parametrize("name", ["quickstart", "revops", "seeding"])
def test_every_declared_value_of_an_example_is_there_once(name: str, tmp_path: Path) -> None:
    folder = shutil.copytree(_ROOT / "examples" / name, tmp_path / name, ignore=shutil.ignore_patterns(".lfsync"))
    with serving(folder / "sandbox" / "workspace.yaml") as server:
        env = clean_environment(LIGHTFIELD_BASE_URL=server.url, LIGHTFIELD_API_KEY=KEY, LFSYNC_WORKSPACE="prod")
        _converge(Project(folder, env), server)


_SOURCE = """\
sources:
  - kind: account
    file: data/companies.csv
    key: Symbol
    fields:
      $name: Security
      sector: GICS Sector
      subIndustry: GICS Sub-Industry
      founded: {column: Founded, pattern: '(\\d{4})'}
      cik: CIK
"""
_TASK = """\
  review-{key}:
    fields: {{$title: "Review {key}", $status: TODO}}
    relationships: {{$account: "{key}", $assignedTo: kai@corp.example}}
"""


def _companies(folder: Path, url: str) -> tuple[Project, Path]:
    """The 503 companies, two lists by sector, a task for each company of one; and the seed that they need."""
    with _COMPANIES.open(newline="") as file:
        rows = list(csv.DictReader(file))
    sectors: dict[str, list[str]] = {}
    for row in rows:
        sectors.setdefault(row["GICS Sector"], []).append(row["Symbol"])
    energy, materials = sectors["Energy"], sectors["Materials"]
    lists = "".join(
        f"  {key}:\n    fields: {{$name: {key}, $objectType: $account}}\n    members: {members!r}\n"
        for key, members in (("energy", energy), ("materials", materials))
    )
    made = project(
        folder,
        url,
        {
            "sources.yaml": _SOURCE,
            "lists.yaml": f"lists:\n{lists}",
            "tasks.yaml": "tasks:\n" + "".join(_TASK.format(key=key) for key in energy),
            "data/companies.csv": _COMPANIES.read_bytes(),
        },
    )
    seed = folder.parent / "seed.yaml"
    seed.write_text(f"""\
members: [{{ref: kai, email: kai@corp.example, first: Kai, last: Berg, role: admin}}]
definitions:
  account:
    fields:
      sector: {{type: SINGLE_SELECT, label: Sector, options: {sorted(sectors)}}}
      subIndustry: {{type: TEXT, label: Sub-industry}}
      founded: {{type: NUMBER, label: Founded}}
      cik: {{type: TEXT, label: CIK}}
""")
    return made, seed


@pytest.mark.skipif(not _COMPANIES.is_file(), reason="the companies are not beside this checkout")
def test_five_hundred_companies_arrive_once(tmp_path: Path) -> None:
    unserved, seed = _companies(tmp_path / "project", "")
    with serving(seed, "--rps", "0") as server:
        place = unserved.elsewhere(LIGHTFIELD_BASE_URL=server.url)
        crm = _converge(place, server)
    assert crm.count()["account"] == 503
    assert crm.count()["list"] == 2
    assert crm.count()["task"] > 20
    abbvie = crm.records["account"][place.ids()["account.ABBV"]]["fields"]
    assert abbvie["founded"]["value"] == 2013, "the first year of `2013 (1888)`"
    assert abbvie["cik"]["value"] == "1551152"

"""The fixture of this folder: a workspace with a field of every value type, and people who edit it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.rig import Run
from tests.faults.town import Town
from tests.faults.town import build as build

SEED = """\
members:
  - {ref: kai, email: kai@corp.example, first: Kai, last: Berg, role: admin}
  - {ref: mia, email: mia@corp.example, first: Mia, last: Okoye}
definitions:
  account:
    fields:
      tier: {type: SINGLE_SELECT, label: Tier, options: [Gold, Silver, "yes", "1e3"]}
      tags: {type: MULTI_SELECT, label: Tags, options: [Solar, Wind, Hydro]}
      revenue: {type: CURRENCY, label: Revenue, currency: EUR}
      score: {type: NUMBER, label: Score}
      renewal: {type: DATETIME, label: Renewal}
      hotline: {type: TELEPHONE, label: Hotline, multiple: true}
      partner: {type: CHECKBOX, label: Partner}
      nickname: {type: TEXT, label: Nickname}
      about: {type: MARKDOWN, label: About}
    relationships:
      parent:
        target: account
        cardinality: HAS_MANY
        directions:
          asSource: {cardinality: HAS_ONE, label: Parent}
          asDestination: {cardinality: HAS_MANY, label: Subsidiaries}
      partners: {target: account, cardinality: HAS_MANY, label: Partners}
  opportunity: {pipelines: {New business: [Open, Won], Renewals: [Open, Lost]}}
objects: {project: {label: Project, fields: {name: {type: TEXT, label: Name}}}}
"""


@dataclass
class Desk:
    """A project at a town, and what its files were before people worked."""

    town: Town

    def write(self, files: Mapping[str, str | bytes]) -> None:
        for name, text in files.items():
            path = self.town.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def begin(self, files: Mapping[str, str | bytes]) -> None:
        """These files, applied."""
        self.write(files)
        self.town.apply()
        assert self.town.actions() == {}

    def read(self, name: str = "crm.yaml") -> str:
        return (self.town.root / name).read_bytes().decode()

    def option(self, key: str, label: str, kind: str = "accounts") -> str:
        """The id of an option."""
        fields = self.town.ask("GET", f"/v1/{kind}/definitions")["fieldDefinitions"]
        options = fields[key]["typeConfiguration"]["options"]
        return next(str(option["id"]) for option in options if option["label"] == label)

    def people(self, address: str, fields: Mapping[str, Any] | None = None, **links: Any) -> None:
        """Somebody edits a record. `account="..."` links: `{"add": [...]}` by the key without its `$`."""
        kind = address.partition(".")[0]
        path = {"opportunity": "opportunities"}.get(kind, f"{kind}s")
        body: dict[str, Any] = {"fields": dict(fields)} if fields else {}
        if links:
            body["relationships"] = {key.replace("S_", "$"): value for key, value in links.items()}
        self.town.edit(f"/v1/{path}", self.town.id(address), **body)

    def accept(self, *arguments: str, expect: int = 0) -> Run:
        """`lfsync accept`; afterwards the plan shows nothing of what was accepted, where nothing was left."""
        said = self.town.lfsync("accept", *arguments)
        assert said.code == expect, said
        if expect == 0 and "--dry-run" not in arguments and not any(a for a in arguments if not a.startswith("-")):
            plan = self.town.plan()
            assert (plan["changes"], plan["exit_code"]) == ([], 0), plan["changes"]
        return said


MakeDesk = Callable[..., Desk]


@pytest.fixture
def desk(build: Callable[..., Town]) -> Desk:
    return Desk(build(seed=SEED, random_seed=7))

"""A case as a project's files: YAML as people and programs write it, and a CSV source."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random

import yaml

from tests.laws.cases import SECTIONS, Case
from tests.laws.menu import Data

_PLAIN = re.compile(r"[A-Za-z$][A-Za-z0-9 $@._-]*", re.ASCII)
_SOURCE = {
    "kind": "account",
    "file": "data/rows.csv",
    "key": "Id",
    "fields": {
        "$name": "Name",
        "score": "Score",
        "tags": {"column": "Tags", "split": ";"},
        "isPartner": {"column": "Partner", "empty": None},
        "blurb": {"value": "from a row"},
        "$primaryAddress": {"city": "City"},
    },
    "relationships": {"$owner": {"column": "Owner"}},
}


class _Dumper(yaml.CSafeDumper):
    """Every text in double quotes that is not plainly text, so that any character may be in it."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = None if _PLAIN.fullmatch(text) and text == text.strip() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def dump(data: Data) -> str:
    """YAML text."""
    return str(yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=False, width=1000))


def write_project(
    folder: Path, case: Case, lag_timeout: float, known: Callable[[str, str], str], shuffled: Random | None = None
) -> None:
    """The project's files; `known` gives the id behind a mark. `shuffled`: another order of everything that has one."""
    for old in folder.glob("*.yaml"):
        old.unlink()
    (folder / "data").mkdir(parents=True, exist_ok=True)
    workspace = {"sandbox": {}, "index_lag_timeout": lag_timeout}
    settings = {"version": 1, "workspaces": {"laws": workspace}, "exclude": ["data/"]}
    (folder / "lfsync.yaml").write_text(dump(settings), "utf-8")
    mix = _Mix(shuffled)
    entries = [(kind, key, body) for kind, found in case.resources.items() for key, body in found.items()]
    files: list[dict[str, Data]] = [{}, {}]
    for number, (kind, key, body) in enumerate(mix.list(entries)):
        section, _, slug = SECTIONS[kind].partition(".")
        found = files[number % 2 if shuffled else 0].setdefault("objects" if slug else section, {})
        found = found.setdefault(slug, {}) if slug else found
        found[key] = mix.deep(_resolved(body, kind, known))
    for path, content in case.contents.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(content, "utf-8")
    if case.rows:
        files[-1]["sources"] = [_SOURCE]
        (folder / "data" / "rows.csv").write_text(_csv(mix.list(case.rows)), "utf-8")
    for name, data in zip(mix.list(["a.yaml", "z.yml.yaml"]), files, strict=True):
        (folder / name).write_text(dump(data), "utf-8")


class _Mix:
    """Shuffles what has no meaning by its order; without a source of chance it leaves all as it is."""

    def __init__(self, chance: Random | None) -> None:
        self.chance = chance

    def list(self, items: Sequence[Data]) -> list[Data]:
        if self.chance is None:
            return [*items]
        return self.chance.sample([*items], len(items))

    def deep(self, body: Data) -> Data:
        """Keys of mappings at every level, and the items of relationships and members."""
        mixed = {key: self._mapping(value) for key, value in self.list([*body.items()])}
        for part in ("relationships", "members"):
            if part in mixed:
                mixed[part] = self._refs(mixed[part])
        return mixed

    def _mapping(self, data: Data) -> Data:
        if isinstance(data, Mapping):
            return {key: self._mapping(value) for key, value in self.list([*data.items()])}
        return data

    def _refs(self, data: Data) -> Data:
        if isinstance(data, Mapping):
            return {key: self._refs(value) for key, value in data.items()}
        return self.list(data) if isinstance(data, list) else data


def _resolved(data: Data, kind: str, known: Callable[[str, str], str]) -> Data:
    if isinstance(data, Mapping):
        return {key: _resolved(value, kind, known) for key, value in data.items()}
    if isinstance(data, list):
        return [_resolved(value, kind, known) for value in data]
    return known(kind, data) if isinstance(data, str) and data.startswith(("@id:", "@option:")) else data


def _csv(rows: Sequence[Mapping[str, str]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()

"""What a project's files say, read without lfsync; and whether the SDK shows it, value by value.

Knows just enough of YAML and CSV to be a second opinion: every scalar is text here, and a value is held against what
the API shows by its type.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from lightfield import Lightfield

SECTIONS = {
    "accounts": "account",
    "contacts": "contact",
    "opportunities": "opportunity",
    "tasks": "task",
    "notes": "note",
    "lists": "list",
}


@dataclass
class Declared:
    """One resource as its file has it: plain text, lists and mappings."""

    fields: dict[str, Any] = field(default_factory=dict)
    relationships: dict[str, Any] = field(default_factory=dict)
    members: Any = None
    ignored: list[str] = field(default_factory=list)


def declared(folder: Path, skip: tuple[str, ...] = ("sandbox", "drafts", ".lfsync")) -> dict[str, Declared]:
    """Every resource of a project by address."""
    settings = _yaml(folder / "lfsync.yaml")
    found: dict[str, Declared] = {}
    for path in sorted(folder.rglob("*.yaml")):
        if path.name == "lfsync.yaml" or path.relative_to(folder).parts[0] in skip:
            continue
        for section, bodies in _yaml(path).items():
            pairs = _rows(folder, bodies) if section == "sources" else _bodies(section, bodies)
            found.update(pairs)
    for address, resource in found.items():
        default = (settings.get("defaults") or {}).get(address.partition(".")[0]) or {}
        resource.fields = {**default.get("fields", {}), **resource.fields}
        resource.relationships = {**default.get("relationships", {}), **resource.relationships}
        resource.ignored = resource.ignored or default.get("lifecycle", {}).get("ignore_changes", [])
    for resource in found.values():
        resource.fields = {key: _text(folder, value) for key, value in resource.fields.items()}
    return found


class _Texts(yaml.SafeLoader):
    """Every scalar is text; `<<` merges."""


_Texts.yaml_implicit_resolvers = {"<": yaml.SafeLoader.yaml_implicit_resolvers["<"]}


def _yaml(path: Path) -> dict[str, Any]:
    return yaml.load(path.read_text(), Loader=_Texts) or {}


def _bodies(section: str, bodies: Mapping[str, Any]) -> Iterator[tuple[str, Declared]]:
    for key, body in bodies.items():
        ignored = body.get("lifecycle", {}).get("ignore_changes", [])
        fields, links = dict(body.get("fields", {})), dict(body.get("relationships", {}))
        yield f"{SECTIONS[section]}.{key}", Declared(fields, links, body.get("members"), ignored)


def _text(folder: Path, value: Any) -> Any:
    return (folder / value["file"]).read_text() if isinstance(value, dict) and set(value) == {"file"} else value


def _rows(folder: Path, sources: list[Any]) -> Iterator[tuple[str, Declared]]:
    for source in sources:
        path = folder / source["file"]
        with path.open(newline="") as file:
            lines = list(map(json.loads, file)) if path.suffix == ".jsonl" else list(csv.DictReader(file))
        columns = source["key"] if isinstance(source["key"], list) else [source["key"]]
        for row in lines:
            key = ".".join(_key(str(row[column])) for column in columns)
            fields = _cells(source.get("fields", {}), row)
            links = {k: _keys(v) for k, v in _cells(source.get("relationships", {}), row).items()}
            yield f"{source['kind']}.{key}", Declared(fields, links)


def _key(cell: str) -> str:
    return re.sub(r"[^A-Za-z0-9._@+-]+", "-", cell.strip())


def _keys(value: Any) -> Any:
    return [_key(each) for each in value] if isinstance(value, list) else _key(str(value))


def _cells(columns: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a row; empty cells left out."""
    found = {key: _cell(column, row) for key, column in columns.items()}
    return {key: value for key, value in found.items() if value not in (None, {}, [])}


def _cell(column: Any, row: Mapping[str, Any]) -> Any:
    if isinstance(column, str):
        return row.get(column) or None
    if "value" in column:
        return column["value"]
    if "column" not in column:
        return _cells(column, row)
    cell = row.get(column["column"]) or ""
    if "pattern" in column:
        hit = re.search(column["pattern"], cell)
        cell = hit[1] if hit else ""
    return [part.strip() for part in cell.split(column["split"]) if part.strip()] if "split" in column else cell or None


# ---------------------------------------------------------------- the SDK's side


class Crm:
    """A workspace as the SDK shows it. Records are plain JSON by kind and id."""

    def __init__(self, sdk: Lightfield) -> None:
        self.sdk = sdk
        self.records: dict[str, dict[str, dict[str, Any]]] = {}
        for kind in SECTIONS.values():
            rows = list(_pages(getattr(sdk, kind).list))
            self.records[kind] = {row["id"]: row for row in rows}
            assert len(rows) == len(self.records[kind])
        members = _pages(sdk.member.list)
        self.members = {row["fields"]["$email"]["value"]: row["id"] for row in members}
        self._definitions: dict[str, dict[str, Any]] = {}

    def count(self) -> dict[str, int]:
        return {kind: len(records) for kind, records in self.records.items()}

    def list_members(self, id: str, kind: str) -> list[str]:
        listing: Callable[..., Any] = getattr(self.sdk.list, f"list_{kind.removesuffix('y')}s")
        return [row["id"] for row in _pages(lambda **page: listing(id, **page))]

    def field(self, kind: str, record: Mapping[str, Any], key: str) -> dict[str, Any]:
        """A field as the API shows it. A pipeline may be told by its stage alone."""
        found: dict[str, Any] = record["fields"].get(key, {"value": None, "valueType": "TEXT"})
        if key == "$pipeline" and found["value"] is None:
            stage = self.options(kind, "$stage")[record["fields"]["$stage"]["value"]]
            return {"value": stage["parentId"], "valueType": "SINGLE_SELECT"}
        return found

    def options(self, kind: str, key: str) -> dict[str, dict[str, Any]]:
        """A select's options by id."""
        if kind not in self._definitions:
            self._definitions[kind] = getattr(self.sdk, kind).definitions().to_dict()["fieldDefinitions"]
        configuration = self._definitions[kind].get(key, {}).get("typeConfiguration", {})
        return {option["id"]: option for option in configuration.get("options") or ()}

    def label(self, kind: str, key: str, id: object) -> str:
        return str(self.options(kind, key).get(str(id), {"label": id})["label"]).casefold()

    def shows(self, wanted: Mapping[str, Declared], state: Mapping[str, Mapping[str, Any]]) -> None:
        """Asserts that every declared value is there: each address on a record of its own.

        An adopted record keeps what it had under the keys that `ignore_changes` names (rule I7).
        """
        ids: dict[str, str] = {address: line["id"] for address, line in state.items()}
        assert wanted.keys() == ids.keys()
        assert len(set(ids.values())) == len(ids)
        for address, resource in wanted.items():
            kind = address.partition(".")[0]
            record = self.records[kind][ids[address]]
            let_go = resource.ignored if state[address]["origin"] == "adopted" else []
            for key, value in resource.fields.items():
                shown = self.field(kind, record, key)
                assert key in let_go or self.same(kind, key, value, shown), f"{address} {key}: {value!r} is {shown!r}"
            for key, refs in resource.relationships.items():
                live = set(record["relationships"][key]["values"])
                self.linked(f"{address} {key}", refs, live, ids)
            if resource.members is not None:
                of = str(resource.fields["$objectType"]).removeprefix("$")
                plural = "opportunitie" if of == "opportunity" else of
                self.linked(f"{address} members", resource.members, set(self.list_members(ids[address], plural)), ids)

    def linked(self, where: str, refs: Any, live: set[str], ids: Mapping[str, str]) -> None:
        partial = isinstance(refs, dict) and not refs.keys().isdisjoint({"include", "exclude"})
        include = self.named(refs.get("include", []) if partial else refs, live, ids)
        exclude = self.named(refs.get("exclude", []) if partial else [], live, ids)
        assert include <= live if partial else include == live, f"{where}: {include} is {live}"
        assert exclude.isdisjoint(live), f"{where}: {exclude} is in {live}"

    def named(self, refs: Any, live: set[str], ids: Mapping[str, str]) -> set[str]:
        """The ids that refs mean. `{match: ...}` is found by its values among what is there."""
        found = set()
        for ref in refs if isinstance(refs, list) else [refs]:
            if isinstance(ref, dict):
                found |= {id for id in live if self._matches(id, ref["match"])}
                continue
            known = [id for address, id in ids.items() if address.partition(".")[2] == ref]
            found |= {id for id in known if id in live} or set(known[:1]) or {str(self.members.get(ref, ref))}
        return found

    def _matches(self, id: str, match: Mapping[str, Any]) -> bool:
        for kind, records in self.records.items():
            if id in records:
                return all(self.same(kind, key, value, records[id]["fields"][key]) for key, value in match.items())
        return False

    def same(self, kind: str, key: str, value: Any, live: Mapping[str, Any]) -> bool:
        """Whether the API's form of a value is the declared one, by the rules of its type."""
        shown, type = live["value"], live["valueType"]
        if value in ("null", "", None):
            return shown in (None, "", [])
        if isinstance(value, dict):
            return all(shown[part] == text for part, text in value.items())
        values, many = _listed(value), _listed(shown)
        if type in ("SINGLE_SELECT", "MULTI_SELECT"):
            return {text.casefold() for text in values} == {self.label(kind, key, id) for id in many}
        one = _ONE.get(type, lambda text: str(text).strip().removeprefix("$"))
        return bool({one(text) for text in values} == {one(text) for text in many})


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _link(text: str) -> str:
    return re.sub(r"^(https?://)?(www\.)?", "", text.strip().lower()).rstrip("/")


_ONE: dict[str, Callable[[Any], object]] = {
    "NUMBER": float,
    "CURRENCY": float,
    "CHECKBOX": lambda value: str(value).lower() in ("true", "yes", "1"),
    "DATETIME": _instant,
    "TELEPHONE": lambda text: re.sub(r"\D", "", text)[-10:],
    "URL": _link,
    "SOCIAL_HANDLE": lambda text: _link(text).rpartition("/")[2],
    "EMAIL": lambda text: text.strip().lower(),
}


def _pages(listing: Callable[..., Any]) -> Iterator[dict[str, Any]]:
    offset = 0
    while True:
        page = listing(limit=25, offset=offset)
        yield from (row.to_dict() for row in page.data)
        offset += 25
        if offset >= page.total_count:
            return

"""From a case's resources to a project's files and a sandbox's seed. Pure but for the writing itself."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.adversary import menu
from tests.adversary.menu import LINKS, SECTIONS
from tests.adversary.world import WAIT, Data

CSV_KEYS = ("$name", "$website", "score")


def clean(files: Mapping[str, Data]) -> dict[str, Data]:
    """The resources without refs to what is not there, those that lack what a create needs, and a content twice."""
    contents: dict[str, str] = {}
    for address, body in files.items():
        contents.setdefault(str(body.get("content", address)), address)
    alone = {
        address: body for address, body in files.items() if body.get("content") is None or address in contents.values()
    }
    kept = {address: body for address, body in alone.items() if _stands(address, body, alone)}
    if len(kept) < len(files):
        return clean(kept)
    return {address: _without_loose_ends(address, body, kept) for address, body in kept.items()}


def _there(kind: str, ref: Any, files: Mapping[str, Data]) -> bool:
    if isinstance(ref, dict) or kind == "member":
        return True
    body = files.get(f"{kind}.{ref}")
    return body is not None and not body.get("lifecycle", {}).get("absent")


def _stands(address: str, body: Data, files: Mapping[str, Data]) -> bool:
    kind = address.partition(".")[0]
    links = body.get("relationships", {})
    return all(key in links and _there(LINKS[kind][key].target, links[key], files) for key in menu.REQUIRED[kind])


def _without_loose_ends(address: str, body: Data, files: Mapping[str, Data]) -> Data:
    kind = address.partition(".")[0]
    links = {}
    for key, value in body.get("relationships", {}).items():
        left = _left(LINKS[kind][key].target, value, files)
        if left is not None:
            links[key] = left
    made = {**body, "relationships": links}
    if "members" in body:
        target = str(body["fields"]["$objectType"]).removeprefix("$")
        made["members"] = _left(target, body["members"], files) or []
    return made


def _left(kind: str, value: Any, files: Mapping[str, Data]) -> Any:
    if isinstance(value, list):
        return [ref for ref in value if _there(kind, ref, files)]
    if isinstance(value, dict) and "match" not in value:
        refs = {name: refs for name, refs in value.items() if name != "where"}
        parts = {name: [ref for ref in refs[name] if _there(kind, ref, files)] for name in refs}
        parts |= {name: value[name] for name in value.keys() - refs.keys()}
        return {name: refs for name, refs in parts.items() if refs} or None
    return value if value is None or _there(kind, value, files) else None


def merged(files: Mapping[str, Data], defaults: Mapping[str, Data]) -> dict[str, Data]:
    """What the resources declare with the defaults under them (rule C3)."""
    return {
        address: {**body, "fields": {**defaults.get(address.partition(".")[0], {}).get("fields", {}), **body["fields"]}}
        for address, body in files.items()
    }


def write(folder: Path, case: Data, files: Mapping[str, Data]) -> None:
    """The project's files."""
    folder.mkdir(parents=True, exist_ok=True)
    settings: Data = {
        "version": 1,
        "workspaces": {"prod": {"index_lag_timeout": WAIT if case["weather"]["lag"] else 0}},
        "defaults": case.get("defaults", {}),
    }
    (folder / "lfsync.yaml").write_text(json.dumps(settings))
    rows = {address: body for address, body in files.items() if address in case["csv"] and _tabular(body)}
    found: Data = {}
    for address, body in files.items():
        if address not in rows:
            kind, _, key = address.partition(".")
            section, _, slug = SECTIONS[kind].partition("/")
            there = found.setdefault(section, {})
            (there.setdefault(slug, {}) if slug else there)[key] = _on_disk(folder, body) if kind == "file" else body
    if rows:
        columns = {"$name": "Name", "$website": {"column": "Site", "split": ";"}, "score": "Score"}
        found["sources"] = [{"kind": "account", "file": "rows.csv", "key": "Key", "fields": columns}]
        (folder / "rows.csv").write_text(_csv(rows), encoding="utf-8")
    (folder / "crm.yaml").write_text(json.dumps(found, ensure_ascii=False, indent=1), encoding="utf-8")


def _on_disk(folder: Path, body: Data) -> Data:
    """A file's body; its content is written to where it says."""
    (folder / body["path"]).write_text(body["content"], encoding="utf-8")
    return {key: value for key, value in body.items() if key not in ("fields", "content", "relationships")}


def _tabular(body: Data) -> bool:
    more = any(body.get(key) for key in ("relationships", "lifecycle", "match", "members"))
    return not more and all(key in CSV_KEYS and value is not None for key, value in body["fields"].items())


def _csv(rows: Mapping[str, Data]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("Key", "Name", "Site", "Score"))
    for address, body in rows.items():
        fields = body["fields"]
        sites = ";".join(fields.get("$website", ()))
        writer.writerow((address.partition(".")[2], fields["$name"], sites, fields.get("score", "")))
    return text.getvalue()


def seed(case: Data) -> Data:
    """What the workspace holds before lfsync comes. Fillers come last: the newest, they fill the first pages."""
    records: dict[str, list[Data]] = {}
    live: Sequence[Data] = case["live"]
    known = {(r["kind"], r["ref"]) for r in live}
    for record in live:
        kind = record["kind"]
        links = {
            key: ref
            for key, ref in record.get("relationships", {}).items()
            if LINKS[kind][key].target == "member" or (LINKS[kind][key].target, ref) in known
        }
        if any(key not in links for key in menu.REQUIRED[kind]):
            continue
        made = {key: value for key, value in record.items() if key in ("ref", "fields", "trashed")}
        records.setdefault(_shelf(kind), []).append({**made, "relationships": links})
    for kind, count in case["filler"].items():
        records.setdefault(_shelf(kind), []).extend(_filler(kind, number) for number in range(count))
    held = {"definitions": menu.definitions(), "objects": menu.objects(), "records": records}
    uploaded = {"files": case.get("uploaded", []), "blocklist": menu.BLOCKLIST}
    return {"members": menu.MEMBERS_SEED, **held, **uploaded}


def _shelf(kind: str) -> str:
    """The section of a seed's records that holds this kind."""
    return SECTIONS[kind].replace("objects/", menu.OBJECT)


def _filler(kind: str, number: int) -> Data:
    made: Data = {"fields": {menu.NAMES[kind]: f"Filler {number}"}}
    if kind == "task":
        made["fields"]["$status"] = "TODO"
        made["relationships"] = {"$assignedTo": menu.PEOPLE[0]}
    return made

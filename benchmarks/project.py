"""A made-up project of any size, and a seed file in which a workspace already holds the same records."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import yaml

Body: TypeAlias = dict[str, object]
Section: TypeAlias = dict[str, Body]

_PER_FILE = 250
_OWNERS = ("kai@corp.example", "mia@corp.example")
_TIERS = ("Gold", "Silver", "Bronze")
_STAGES = ("Discovery", "Proposal", "Won")

_SETTINGS = """\
version: 1
default_workspace: bench
workspaces:
  bench: {api_key_env: LIGHTFIELD_API_KEY}
"""


def _account(i: int) -> Body:
    return {
        "fields": {
            "$name": f"Company {i:06d}",
            "$website": [f"https://company-{i:06d}.example"],
            "tier": _TIERS[i % 3],
            "founded": 1900 + i % 120,
            "renewalDate": f"2027-{i % 12 + 1:02d}-01",
        },
        "relationships": {"$owner": _OWNERS[i % 2]},
    }


def _contact(i: int) -> Body:
    return {
        "fields": {
            "$name": {"firstName": f"First{i:06d}", "lastName": f"Last{i % 997:03d}"},
            "$email": [f"person-{i:06d}@company.example"],
            "$title": "Head of operations",
        },
        "relationships": {"$account": [f"company-{i:06d}"]},
    }


def _opportunity(i: int) -> Body:
    return {
        "fields": {"$name": f"Renewal {i:06d}", "$stage": _STAGES[i % 3], "$amount": 1000 + i},
        "relationships": {"$account": f"company-{i:06d}"},
    }


def _task(i: int) -> Body:
    return {
        "fields": {
            "$title": f"Review pricing {i:06d}",
            "$status": "TODO",
            "$dueAt": f"2026-12-{i % 28 + 1:02d}T17:00:00-06:00",
        },
        "relationships": {"$account": f"company-{i:06d}", "$assignedTo": _OWNERS[i % 2]},
    }


_MADE: Mapping[str, tuple[str, Callable[[int], Body]]] = {
    "accounts": ("company", _account),
    "contacts": ("person", _contact),
    "opportunities": ("renewal", _opportunity),
    "tasks": ("pricing", _task),
}


def resources(size: int, sections: Collection[str] = _MADE.keys()) -> dict[str, Section]:
    """`size` resources, as many of each kind, that refer to each other and to members."""
    each = size // len(sections)
    made = {section: row for section, row in _MADE.items() if section in sections}
    return {section: {f"{stem}-{i:06d}": make(i) for i in range(each)} for section, (stem, make) in made.items()}


def write_project(root: Path, declared: Mapping[str, Section]) -> None:
    """A project as people keep it: block YAML, some hundred resources to a file."""
    root.mkdir(parents=True)
    (root / "lfsync.yaml").write_text(_SETTINGS)
    for section, bodies in declared.items():
        (root / section).mkdir()
        for number, part in enumerate(_parts(bodies)):
            text = yaml.dump({section: part}, Dumper=yaml.CSafeDumper, sort_keys=False)
            (root / section / f"{number:04d}.yaml").write_text(text)


def write_seed(path: Path, declared: Mapping[str, Section]) -> None:
    """The same records for the sandbox; JSON is YAML too, and reads faster."""
    seed = {
        "members": [
            {"ref": email, "email": email, "first": email[:3].title(), "last": "Berg", "role": "admin"}
            for email in _OWNERS
        ],
        "definitions": {
            "account": {
                "fields": {
                    "tier": {"type": "SINGLE_SELECT", "label": "Tier", "options": list(_TIERS)},
                    "founded": {"type": "NUMBER", "label": "Founded"},
                    "renewalDate": {"type": "DATETIME", "label": "Renewal date"},
                }
            },
            "opportunity": {"stages": list(_STAGES)},
        },
        "records": {
            section: [{"ref": key, **body} for key, body in bodies.items()] for section, bodies in declared.items()
        },
    }
    path.write_text(json.dumps(seed))


def _parts(bodies: Section) -> Iterator[Section]:
    items = iter(bodies.items())
    while part := dict(islice(items, _PER_FILE)):
        yield part

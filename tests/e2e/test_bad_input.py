"""Bad input gets a clear error, and nothing is written: each line of the table is one mistake, made for real.

Every case runs `apply --yes`, the command that would write, against a workspace whose log must stay without a write.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.rig import SETTINGS, Server, project

_SOLO = "accounts: {solo: {fields: {$name: Solo}}}\n"
_SOURCE = """\
sources:
  - kind: account
    file: rows.csv
    key: Id
    fields: {$name: Name, score: Score}
"""
_LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{this}: &{this} [{', '.join([f'*{before}'] * 10)}]\n" for before, this in zip("abcdefg", "bcdefgh", strict=True)
)


@dataclass(frozen=True)
class Bad:
    """One mistake: the files that hold it, and what the error says in this order: place, address, reason, way out."""

    name: str
    files: Mapping[str, str | bytes]
    says: tuple[str, ...]
    settings: str = SETTINGS
    env: Mapping[str, str] = field(default_factory=dict)
    code: int = 1

    def __str__(self) -> str:
        return self.name


def yaml(name: str, text: str, *says: str) -> Bad:
    return Bad(name, {"crm.yaml": text}, says)


def rows(name: str, text: str | bytes, *says: str) -> Bad:
    return Bad(name, {"crm.yaml": _SOURCE, "rows.csv": text}, says)


_FILES = [
    yaml("broken YAML", "accounts: {solo: {fields: [}}\n", "crm.yaml:1:28: "),
    yaml("a tab", "accounts:\n\tsolo: {}\n", "crm.yaml:2:1: ", "tab", "spaces"),
    yaml(
        "a duplicate key",
        "accounts:\n  solo: {fields: {$name: Solo}}\n  solo: {fields: {$name: Solo}}\n",
        "crm.yaml:3:3: ",
        "solo",
        "2",
    ),
    yaml("an alias bomb", _LAUGHS, "crm.yaml:", "alias"),
    yaml("a custom tag", "accounts: {solo: {fields: {$name: !!python/name:os.system x}}}\n", "crm.yaml:1:", "tag"),
    yaml(
        "an unknown key",
        "accounts:\n  solo:\n    feilds: {$name: Solo}\n",
        "crm.yaml:3:5: account.solo: ",
        "`feilds`",
        "`fields`",
    ),
    yaml("an unknown section", "acounts: {}\n" + _SOLO, "crm.yaml:1:1: ", "`acounts`", "`accounts`"),
    yaml(
        "a missing $title",
        "tasks:\n  call:\n    fields: {$status: TODO}\n    relationships: {$assignedTo: kai@corp.example}\n",
        "crm.yaml:2:3: task.call: ",
        "`$title`",
        "add `$title`",
    ),
    yaml(
        "a ref to nothing",
        _SOLO + "tasks: {call: {fields: {$title: Call}, relationships: {$account: soloo}}}\n",
        "crm.yaml:2:66: task.call: ",
        "there is no account `soloo`",
        "`solo`",
    ),
    yaml(
        "a ref to the wrong kind",
        "contacts: {ada: {fields: {$email: [ada@solo.example]}}}\n"
        "tasks: {call: {fields: {$title: Call}, relationships: {$account: ada}}}\n",
        "crm.yaml:2:66: task.call: ",
        "takes an account",
        "contact.ada",
        "name an account",
    ),
    yaml(
        "a cycle of required refs",
        "accounts:\n"
        "  a: {match: [$name, parent], fields: {$name: A}, relationships: {parent: [b]}}\n"
        "  b: {match: [$name, parent], fields: {$name: B}, relationships: {parent: [a]}}\n",
        "crm.yaml:2:",
        "account.a",
        "account.b",
    ),
    yaml(
        "a member who is not there",
        "accounts: {solo: {fields: {$name: Solo}, relationships: {$owner: kay@corp.example}}}\n",
        "crm.yaml:1:66: account.solo: ",
        "kay@corp.example",
        "kai@corp.example",
    ),
    yaml(
        "an option that is not there",
        "accounts: {solo: {fields: {$name: Solo, tier: Platinum}}}\n",
        "crm.yaml:1:47: account.solo: ",
        "Platinum",
        "`Gold`, `Silver`",
    ),
    yaml(
        "an unknown field",
        "accounts: {solo: {fields: {$name: Solo, teir: Gold}}}\n",
        "crm.yaml:1:47: account.solo: ",
        "`teir`",
        "`tier`",
    ),
    yaml(
        "text in a number field",
        "accounts: {solo: {fields: {$name: Solo, score: many}}}\n",
        "crm.yaml:1:48: account.solo: ",
        "`score`",
        "many",
        "number",
    ),
    yaml(
        "a bad date",
        "accounts: {solo: {fields: {$name: Solo, renewalDate: 2027-02-30}}}\n",
        "crm.yaml:1:54: account.solo: ",
        "2027-02-30",
    ),
    yaml(
        "a time without an offset",
        "accounts: {solo: {fields: {$name: Solo, renewalDate: 2027-02-20T10:00:00}}}\n",
        "crm.yaml:1:54: account.solo: ",
        "offset",
    ),
    yaml(
        "a file outside the project",
        "accounts: {solo: {fields: {$name: Solo, nickname: {file: ../secret.txt}}}}\n",
        "crm.yaml:1:58: account.solo: ",
        "`../secret.txt` leads out of the project",
        "inside",
    ),
    yaml(
        "a file that is not there",
        "accounts: {solo: {fields: {$name: Solo, nickname: {file: nick.txt}}}}\n",
        "crm.yaml:1:58: account.solo: ",
        "`nick.txt` is not there",
    ),
    yaml(
        "a kind that this version does not do",
        "objects: {project: {apollo: {fields: {name: Apollo}}}}\n",
        "crm.yaml:1:1: ",
        "objects",
    ),
    yaml(
        "a lifecycle that this version does not do",
        "accounts: {a: {fields: {$name: A}, lifecycle: {absent: true}}}\n",
        "crm.yaml:1:48: account.a: ",
        "`absent`",
    ),
    yaml(
        "two resources with the same match",
        "accounts:\n  one: {fields: {$name: Solo}}\n  two: {fields: {$name: Solo}}\n",
        "crm.yaml:3:3: account.two: ",
        "account.one",
        "crm.yaml:2:3",
    ),
    Bad(
        "the same address in two files",
        {"a.yaml": _SOLO, "b.yaml": _SOLO},
        ("b.yaml:1:12: account.solo: ", "a.yaml:1:12"),
    ),
    Bad("an empty project", {}, ("lfsync.yaml:1:1: ", "declares nothing", "add a resource file")),
    Bad(
        "an unknown setting",
        {"a.yaml": _SOLO},
        ("lfsync.yaml:2:1: ", "`deafults`", "`defaults`"),
        "version: 1\ndeafults: {}\nworkspaces: {prod: {}}\n",
    ),
    rows("a missing column", "Id,Name\n1,Solo\n", "crm.yaml:5:34: ", "Score", "Id, Name"),
    rows("a short row", "Id,Name,Score\n1,Solo,1\n2,Duo\n", "rows.csv:3: ", "2", "3"),
    rows("Latin-1 bytes", "Id,Name,Score\n1,Solo,1\n2,Café,3\n".encode("latin-1"), "rows.csv:3: ", "UTF-8"),
    rows("UTF-16", "Id,Name,Score\n1,Solo,1\n".encode("utf-16"), "rows.csv:1: ", "UTF-8"),
    rows("a duplicate row key", "Id,Name,Score\n1,A,1\n2,B,2\n1,C,3\n", "rows.csv:4: account.1: ", "rows.csv:2"),
    rows("text in a number column", "Id,Name,Score\n1,A,1\n2,B,lots\n", "rows.csv:3: account.2: ", "lots", "number"),
]

_UNREACHABLE = "http://127.0.0.1:9"

_ELSEWHERE = [
    Bad("no API key", {"a.yaml": _SOLO}, ("there is no API key", "LIGHTFIELD_API_KEY"), env={"LIGHTFIELD_API_KEY": ""}),
    Bad(
        "a wrong API key",
        {"a.yaml": _SOLO},
        ("key", "LIGHTFIELD_API_KEY"),
        env={"LIGHTFIELD_API_KEY": "wrong"},
    ),
    Bad(
        "a key that may not read",
        {"a.yaml": _SOLO},
        ("accounts:read", "scopes"),
        env={"LIGHTFIELD_API_KEY": "sk_lf_scopes_tasks:read,members:read"},
        code=4,
    ),
    Bad(
        "a key that may not write",
        {"a.yaml": "accounts: {new: {fields: {$name: New}}, solo: {fields: {$name: Solo, score: 2}}}\n"},
        ("accounts:create, accounts:update", "Nothing was written"),
        env={"LIGHTFIELD_API_KEY": "sk_lf_scopes_accounts:read,members:read"},
        code=4,
    ),
    Bad(
        "an unreachable host",
        {"a.yaml": _SOLO},
        (_UNREACHABLE, "base URL"),
        env={"LIGHTFIELD_BASE_URL": _UNREACHABLE},
    ),
    Bad(
        "plain http to another host",
        {"a.yaml": _SOLO},
        ("http", "https"),
        env={"LIGHTFIELD_BASE_URL": "http://crm.example"},
    ),
]


@pytest.mark.parametrize("bad", [*_FILES, *_ELSEWHERE], ids=str)
def test_bad_input_gets_a_clear_error_and_nothing_is_written(untouched: Server, tmp_path: Path, bad: Bad) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    place = project(tmp_path / "project", untouched.url, {"lfsync.yaml": bad.settings, **bad.files})
    run = place.lfsync("apply", "--yes", expect=bad.code, env=bad.env)
    assert run.out == "" or bad.code == 4
    at = 0
    for part in bad.says:
        found = run.err.find(part, at)
        assert found >= 0, f"no {part!r} after column {at} of:\n{run.err}"
        at = found

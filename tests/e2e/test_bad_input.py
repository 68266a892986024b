"""Bad input gets a clear error, and nothing is written: each line of the tables is one mistake, made for real.

Every run is an `apply --yes`, the command that would write, against a workspace whose log must stay without a write.
The mistakes of files are all made in one project, each in a file of its own: a run tells every problem at once, those
against the live definitions included (rule C2).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.rig import Project, Run, Server, project, settings

_LONG = "long" * 80  # longer than the name of a file can be
_SOLO = "accounts: {solo: {fields: {$name: Solo}}}\n"
_SOURCE = """\
sources:
  - kind: account
    file: %s.csv
    key: Id
    fields: {$name: Name, score: Score}
"""
_LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{this}: &{this} [{', '.join([f'*{before}'] * 10)}]\n" for before, this in zip("abcdefg", "bcdefgh", strict=True)
)

# name: text, and what the error says of that file, in this order: place, address, reason, way out.
_YAML: dict[str, tuple[str, tuple[str, ...]]] = {
    "broken": ("accounts: {solo: {fields: [}}\n", ("1:28: ",)),
    "tab": ("accounts:\n\tsolo: {}\n", ("2:1: ", "tab", "spaces")),
    "duplicate-key": (
        "accounts:\n  d: {fields: {$name: D}}\n  d: {fields: {$name: D}}\n",
        ("3:3: ", "`d`", "duplicate-key.yaml:2:3"),
    ),
    "alias-bomb": (_LAUGHS, ("4:4: ", "alias")),
    "custom-tag": ("accounts: {g: {fields: {$name: !!python/name:os.system x}}}\n", ("1:32: ", "tag")),
    "unknown-key": ("accounts:\n  k:\n    feilds: {$name: K}\n", ("3:5: account.k: ", "`feilds`", "`fields`")),
    "unknown-section": ("acounts: {}\n", ("1:1: ", "`acounts`", "`accounts`")),
    "missing-title": (
        "tasks:\n  call:\n    fields: {$status: TODO}\n    relationships: {$assignedTo: kai@corp.example}\n",
        ("2:3: task.call: ", "`$title`", "add `$title`"),
    ),
    "ref-to-nothing": (
        "tasks: {lost: {fields: {$title: Call}, relationships: {$account: soloo}}}\n",
        ("1:66: task.lost: ", "there is no account `soloo`", "`solo`"),
    ),
    "ref-to-wrong-kind": (
        "contacts: {ada: {fields: {$email: [ada@solo.example]}}}\n"
        "tasks: {mix: {fields: {$title: Mix}, relationships: {$account: ada}}}\n",
        ("2:64: task.mix: ", "takes an account", "contact.ada", "name an account"),
    ),
    "cycle": (
        "accounts:\n"
        "  cy-a: {match: [$name, parent], fields: {$name: A}, relationships: {parent: [cy-b]}}\n"
        "  cy-b: {match: [$name, parent], fields: {$name: B}, relationships: {parent: [cy-a]}}\n",
        ("2:78: account.cy-a: ", "account.cy-a → account.cy-b → account.cy-a", "`match`"),
    ),
    "no-such-member": (
        "accounts: {m: {fields: {$name: M}, relationships: {$owner: kay@corp.example}}}\n",
        ("1:60: account.m: ", "kay@corp.example", "kai@corp.example"),
    ),
    "no-such-option": (
        "accounts: {o: {fields: {$name: O, tier: Platinum}}}\n",
        ("1:41: account.o: ", "Platinum", "`Gold`, `Silver`"),
    ),
    "unknown-field": (
        "accounts: {f: {fields: {$name: F, teir: Gold}}}\n",
        ("1:41: account.f: ", "`teir`", "`tier`"),
    ),
    "text-in-number": (
        "accounts: {n: {fields: {$name: N, score: many}}}\n",
        ("1:42: account.n: ", "`score`", "many", "number"),
    ),
    "bad-date": (
        "accounts: {bd: {fields: {$name: BD, renewalDate: 2027-02-30}}}\n",
        ("1:50: account.bd: ", "2027-02-30"),
    ),
    "no-offset": (
        "accounts: {t: {fields: {$name: T, renewalDate: 2027-02-20T10:00:00}}}\n",
        ("1:48: account.t: ", "offset"),
    ),
    "file-outside": (
        "accounts: {u: {fields: {$name: U, nickname: {file: ../secret.txt}}}}\n",
        ("1:52: account.u: ", "`../secret.txt` leads out of the project", "inside"),
    ),
    "file-missing": (
        "accounts: {v: {fields: {$name: V, nickname: {file: nick.txt}}}}\n",
        ("1:52: account.v: ", "`nick.txt` is not there", "paths start at the project's folder"),
    ),
    "file-of-a-long-name": (
        f"accounts: {{w: {{fields: {{$name: W, nickname: {{file: {_LONG}.txt}}}}}}}}\n",
        ("1:52: account.w: ", "`", "is not there: File name too long", "paths start"),
    ),
    "upload-of-a-long-name": (
        f"files: {{y: {{path: {_LONG}.txt}}}}\n",
        ("1:19: file.y: ", "is not there: File name too long", "paths start"),
    ),
    "rows-of-a-long-name": (_SOURCE % _LONG, ("3:11: ", "is not there: File name too long", "paths start")),
    "half-a-move": ("moved: [{from: account.gone}]\n", ("1:9: ", "`to`", "`moved`")),
    "no-such-type": ("objects: {projct: {apollo: {match: [name], fields: {name: A}}}}\n", ("1:11: ", "`projct`")),
    "ignored-typo": (
        "accounts: {i: {fields: {$name: I}, lifecycle: {ignore_changes: [nicknam]}}}\n",
        ("1:65: account.i: ", "`nicknam`", "`nickname`"),
    ),
    "same-match": (
        "accounts:\n  one: {fields: {$name: Same}}\n  two: {fields: {$name: Same}}\n",
        ("3:3: account.two: ", "account.one", "same-match.yaml:2:3"),
    ),
    "same-address": (_SOLO, ("1:12: account.solo: ", "another.yaml:1:12")),
    "missing-column": (_SOURCE % "missing-column", ("5:34: ", "Score", "Id, Name")),
}

_ROWS: dict[str, tuple[str | bytes, tuple[str, ...]]] = {
    "missing-column": ("Id,Name\n1,Solo\n", ()),
    "short-row": ("Id,Name,Score\ns1,S1,1\ns2,S2\n", ("3: ", "2", "3")),
    "latin-1": ("Id,Name,Score\nl1,L1,1\nl2,Café,3\n".encode("latin-1"), ("3: ", "UTF-8")),
    "utf-16": ("Id,Name,Score\nx1,X1,1\nx2,X2,many\n".encode("utf-16"), ("3: account.x2: ", "many", "number")),
    "duplicate-row": ("Id,Name,Score\nr1,R1,1\nr2,R2,2\nr1,R3,3\n", ("4: account.r1: ", "duplicate-row.csv:2")),
    "text-in-number-column": ("Id,Name,Score\nc1,C1,1\nc2,C2,lots\n", ("3: account.c2: ", "lots", "number")),
}


@pytest.fixture(scope="module")
def refused(shared: Server, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One apply of a project with every mistake that files can hold."""
    folder = tmp_path_factory.mktemp("bad")
    (folder / "secret.txt").write_text("secret")
    files: dict[str, str | bytes] = {"another.yaml": _SOLO}
    files |= {f"{name}.yaml": _SOURCE % name for name in _ROWS}
    files |= {f"{name}.csv": text for name, (text, _) in _ROWS.items()}
    files |= {f"{name}.yaml": text for name, (text, _) in _YAML.items()}
    shared.forget()
    run = project(folder / "project", shared.url, files).lfsync("apply", "--yes", expect=1)
    assert run.out == ""
    assert shared.writes() == []
    return run


def _told(run: Run, file: str) -> str:
    """The problems that are placed in a file, each with its hint."""
    problems = re.split(r"\n(?! {4})", run.err)
    return "\n".join(problem for problem in problems if problem.startswith(f"{file}:"))


def _in_order(text: str, says: tuple[str, ...]) -> None:
    at = 0
    for part in says:
        found = text.find(part, at)
        assert found >= 0, f"no {part!r} after character {at} of:\n{text}"
        at = found


@pytest.mark.parametrize("name", _YAML)
def test_a_mistake_in_yaml_is_told_with_its_place_and_the_way_out(refused: Run, name: str) -> None:
    first, *says = _YAML[name][1]
    _in_order(_told(refused, f"{name}.yaml"), (f"{name}.yaml:{first}", *says))


@pytest.mark.parametrize("name", [name for name, (_, says) in _ROWS.items() if says])
def test_a_mistake_in_rows_is_told_with_its_row(refused: Run, name: str) -> None:
    first, *says = _ROWS[name][1]
    _in_order(_told(refused, f"{name}.csv"), (f"{name}.csv:{first}", *says))


def test_every_problem_is_told_at_once_and_in_order(refused: Run) -> None:
    *problems, last = [line for line in refused.err.splitlines() if not line.startswith("    ")]
    places = [(file, [int(n) for n in re.findall(r"\d+", at)]) for file, at in map(_place, problems)]
    assert places == sorted(places)
    against = "checked against the workspace `prod`"  # rule C16
    assert last == f"{len(problems)} problems in the configuration, {against}. Nothing was written."
    assert len({file for file, _ in places}) == len(_YAML) + len(_ROWS) - 1
    assert "secret" not in refused.err.replace("secret.txt", "")


def _place(problem: str) -> tuple[str, str]:
    file, _, at = problem.partition(": ")[0].partition(":")
    return file, at


_UNREACHABLE = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Bad:
    """A mistake that stands alone: what the error says, in this order."""

    says: tuple[str, ...]
    files: Mapping[str, str | bytes] = field(default_factory=lambda: {"a.yaml": _SOLO})
    settings: str = field(default_factory=settings)
    env: Mapping[str, str] = field(default_factory=dict)
    code: int = 1


_ALONE = {
    "an unknown setting": Bad(
        ("lfsync.yaml:2:1: ", "`deafults`", "`defaults`"),
        settings="version: 1\ndeafults: {}\nworkspaces: {prod: {}}\n",
    ),
    "no API key": Bad(("there is no API key", "LIGHTFIELD_API_KEY"), env={"LIGHTFIELD_API_KEY": ""}),
    "a wrong API key": Bad(("key", "401", "LIGHTFIELD_API_KEY"), env={"LIGHTFIELD_API_KEY": "wrong"}),
    "a key that may not read": Bad(
        ("accounts:read", "scopes"), env={"LIGHTFIELD_API_KEY": "sk_lf_scopes_tasks:read,members:read"}, code=4
    ),
    "a key that may not read the members it needs": Bad(
        ("it lacks members:read", "scopes"),
        {"a.yaml": "accounts: {new: {fields: {$name: New}, relationships: {$owner: kai@corp.example}}}\n"},
        env={"LIGHTFIELD_API_KEY": "sk_lf_scopes_accounts:read,accounts:create"},
        code=4,
    ),
    "a key that may not write": Bad(
        ("accounts:create, accounts:update", "Nothing was written"),
        {"a.yaml": "accounts: {new: {fields: {$name: New}}, solo: {fields: {$name: Solo, score: 2}}}\n"},
        env={"LIGHTFIELD_API_KEY": "sk_lf_scopes_accounts:read,members:read"},
        code=4,
    ),
    "an unreachable host": Bad((_UNREACHABLE, "base URL"), env={"LIGHTFIELD_BASE_URL": _UNREACHABLE}),
    "plain http to another host": Bad(("http", "https"), env={"LIGHTFIELD_BASE_URL": "http://crm.example"}),
}


def test_mistakes_of_the_seed_are_told_with_those_of_the_project(tmp_path: Path) -> None:
    place = Project(tmp_path / "project")
    place.write("lfsync.yaml", "version: 1\nworkspaces: {play: {sandbox: {seed: play/seed.yaml}}}\n")
    place.write("play/seed.yaml", "records: {accounts: [{fields: {$name: A}, color: red}]}\n")
    place.write("crm.yaml", "accounts: {a: {fields: {$name: A}, color: red}}\n")
    told = place.lfsync("plan", expect=1).err
    assert re.search(r"^crm\.yaml:1:\d+: account\.a: ", told, re.MULTILINE), told
    assert re.search(r"^play/seed\.yaml:1:\d+: ", told, re.MULTILINE), "by the name that lfsync.yaml gives it"
    assert "2 problems" in told


@pytest.mark.parametrize("bad", _ALONE.values(), ids=_ALONE)
def test_a_mistake_that_stands_alone(untouched: Server, tmp_path: Path, bad: Bad) -> None:
    place = project(tmp_path / "project", untouched.url, {"lfsync.yaml": bad.settings, **bad.files})
    run = place.lfsync("apply", "--yes", expect=bad.code, env=bad.env)
    assert run.out == "" or bad.code == 4
    _in_order(run.err, bad.says)


@pytest.mark.parametrize("command", [("plan",), ("init",)])
def test_a_folder_of_a_name_that_is_too_long(tmp_path: Path, command: tuple[str, ...]) -> None:
    told = Project(tmp_path / _LONG).lfsync(*command, expect=1, cwd=tmp_path).err
    assert _LONG in told


def test_import_into_a_folder_of_a_name_that_is_too_long(untouched: Server, tmp_path: Path) -> None:
    place = project(tmp_path / "project", untouched.url, {"a.yaml": _SOLO})
    assert "--into" in place.lfsync("import", "account", "--into", _LONG, expect=1).err

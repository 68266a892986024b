"""Any bytes at all in the files of a project, in its state and its journal: an error with a place, or a plan.

In process, through the command line. `LFSYNC_SOAK=full` or the `soak` profile tries 10,000 projects, else 300.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lfsync.cli import run

_SOAK = os.environ.get("LFSYNC_SOAK") == "full" or os.environ.get("LFSYNC_HYPOTHESIS_PROFILE") == "soak"
_EXAMPLES = 10_000 if _SOAK else 300
_WHOLE = {
    "lfsync.yaml": """\
version: 1
default_workspace: play
exclude: [seed/]
workspaces:
  play: {index_lag_timeout: 0, sandbox: {seed: seed/seed.yaml, rps: 0, random_seed: 3, index_lag: 0}}
defaults: {task: {relationships: {$assignedTo: kai@corp.example}, lifecycle: {ignore_changes: [$status]}}}
safety: {max_updates: 30%, floor: 10}
""",
    "crm.yaml": """\
accounts:
  acme: &acme
    match: {$name: Acme}
    fields: {$name: Acme, score: 1.5, tier: Gold, renewalDate: 2027-03-01T12:00:00Z, nickname: {file: note.md}}
    relationships: {$owner: kai@corp.example}
    lifecycle: {ignore_changes: [tier], seed: false, protect: true}
  birch: {<<: *acme, match: [$name], fields: {$name: Birch}, relationships: {$contact: {include: [ada]}}}
contacts: {ada: {fields: {$name: {firstName: Ada, lastName: Lind}, $email: [ada@acme.example]}}}
tasks: {call: {fields: {$title: Call, $status: TODO}, relationships: {$account: acme}}}
lists: {best: {fields: {$name: Best, $objectType: $account}, members: [acme, birch]}}
sources:
  - {kind: account, file: rows.csv, key: Id, match: [$name], fields: {$name: Name, score: Score}}
""",
    "rows.csv": 'Id,Name,Score\n1,"Row, one",5\n2,Row two,\n',
    "note.md": "Sunny\n",
}
_STATE = ".lfsync/sandbox/play.jsonl"
_JOURNAL = ".lfsync/journal/play.jsonl"
_WORDS = "<< *acme &a *a null ~ true 1e999 .nan 0x1f 99999999999999999999 !!python/name:os.system \\u0000 \\ud800"
_SIGNS = "{}[]:,-&*!|>'\"%@`#?$\\ \t\r\0\x1b\x85\u202e\ufeff\u2028\U0001f600"
_ODD = st.sampled_from([*_WORDS.split(), *_SIGNS]).map(str.encode) | st.binary(min_size=1, max_size=4)


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """The text with a few bytes replaced, doubled, moved or cut; now and then no text at all."""
    if draw(st.integers(0, 19)) == 0:
        return draw(st.binary(max_size=60))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(whole)))
        end = min(len(whole), at + draw(st.sampled_from([0, 0, 1, 1, 3, 40])))
        put = draw(_ODD | st.just(b"") | st.just(whole[at:end] * 2))
        whole = whole[:at] + put + whole[end:]
    return whole


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, seed_file: Path) -> Path:
    """A project that was applied, so that there is a state to be damaged."""
    root = tmp_path_factory.mktemp("bytes") / "project"
    (root / "seed").mkdir(parents=True)
    shutil.copy(seed_file, root / "seed" / "seed.yaml")
    _lay_out(root, {})
    told = _told(root, "apply", "--yes")
    assert told[0] == 0, told
    return root


def _lay_out(root: Path, over: dict[str, bytes]) -> None:
    for name, text in _WHOLE.items():
        (root / name).write_bytes(over.get(name, text.encode()))


def _told(root: Path, *arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(["-C", str(root), *arguments])
    return code, out.getvalue(), err.getvalue()


def _holds(told: tuple[int, str, str], file: str) -> None:
    code, out, err = told
    assert code in (0, 1, 4), told
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", out + err), told
    if code == 1 and "Blocked:" not in out:
        assert re.search(r"^(lfsync: )?\S*[\w.]+:\d+|no such file|can't be|in the configuration|lfsync.yaml", err), told
        assert err.strip(), file


_DAMAGE = st.sampled_from(sorted(_WHOLE)).flatmap(lambda name: st.tuples(st.just(name), damaged(_WHOLE[name].encode())))
_QUIETLY = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]


@settings(max_examples=_EXAMPLES, deadline=None, derandomize=not _SOAK, database=None, suppress_health_check=_QUIETLY)
@given(_DAMAGE)
@example(("crm.yaml", b"accounts: &a {x: *a}\n"))
@example(("crm.yaml", b"\xff\xfe\x00"))
@example(("rows.csv", b"Id,Name,Score\n" + b'"' * 9))
def test_the_files_of_a_project(project: Path, damage: tuple[str, bytes]) -> None:
    name, text = damage
    _lay_out(project, {name: text})
    command = "validate" if name == "lfsync.yaml" else "plan"  # a damaged workspace might lead out into the world
    _holds(_told(project, command), name)


@settings(
    max_examples=_EXAMPLES // 3, deadline=None, derandomize=not _SOAK, database=None, suppress_health_check=_QUIETLY
)
@given(st.data(), st.sampled_from([_STATE, _JOURNAL]))
def test_what_lfsync_keeps(project: Path, data: st.DataObject, name: str) -> None:
    _lay_out(project, {})
    path = project / name
    whole = (project / _STATE).read_bytes()
    lines = b"".join(b'{"bound":%s}\n' % line for line in whole.splitlines()[1:])
    path.parent.mkdir(exist_ok=True)
    try:
        path.write_bytes(data.draw(damaged(whole if name == _STATE else lines)))
        _holds(_told(project, "plan", "--prune"), name)
        _holds(_told(project, "state", "list"), name)
    finally:
        (project / _STATE).write_bytes(whole)
        (project / _JOURNAL).unlink(missing_ok=True)

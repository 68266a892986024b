"""Any bytes at all in the files of a project, in its state and its journal: an error with a place, or a plan.

In process, through the command line.
"""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lfsync.cli import run
from tests.e2e.conftest import SEED
from tests.laws.profiles import examples
from tests.soak.tally import Tally

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
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was applied, so that there is a state to be damaged."""
    root = tmp_path_factory.mktemp("bytes") / "project"
    (root / "seed").mkdir(parents=True)
    (root / "seed" / "seed.yaml").write_text(SEED)
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
    assert code in (0, 1, 3, 4), told
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", out + err), told
    if code == 1:
        assert re.search(r"^(lfsync: )?\S*[\w.]+:\d+|no such file|can't be|in the configuration|lfsync.yaml", err), told
        assert err.strip(), file


def _some_damage(file: tuple[str, bytes]) -> st.SearchStrategy[tuple[str, bytes]]:
    name, whole = file
    return st.tuples(st.just(name), damaged(whole))


_DAMAGE = st.sampled_from([(name, text.encode()) for name, text in _WHOLE.items()]).flatmap(_some_damage)


def test_the_files_of_a_project(project: Path, tally: Tally) -> None:
    @examples(300, 10_000)
    @given(_DAMAGE)
    @example(("crm.yaml", b"accounts: &a {x: *a}\n"))
    @example(("crm.yaml", b"\xff\xfe\x00"))
    @example(("rows.csv", b"Id,Name,Score\n" + b'"' * 9))
    @example(("rows.csv", b",\n"))
    def law(damage: tuple[str, bytes]) -> None:
        name, text = damage
        _lay_out(project, {name: text})
        command = "validate" if name == "lfsync.yaml" else "plan"  # a damaged workspace might lead out into the world
        _holds(_told(project, command), name)
        tally.add("damaged project files", tried=1, remark="an error with a place, or a plan")

    law()


def test_what_lfsync_keeps(project: Path, tally: Tally) -> None:
    _lay_out(project, {})
    state = (project / _STATE).read_bytes()
    spent = b'{"spent":{"address":"account.old","generation":2,"at":"2026-11-02T09:15:04Z"}}\n'
    journal = spent + b"".join(b'{"bound":%s}\n' % line for line in state.splitlines()[1:])

    @examples(100, 3_000)
    @given(st.sampled_from([(_STATE, state), (_JOURNAL, journal)]).flatmap(_some_damage))
    def law(damage: tuple[str, bytes]) -> None:
        path = project / damage[0]
        path.parent.mkdir(exist_ok=True)
        try:
            path.write_bytes(damage[1])
            _holds(_told(project, "plan", "--prune"), damage[0])
            _holds(_told(project, "state", "list"), damage[0])
        finally:
            (project / _STATE).write_bytes(state)
            (project / _JOURNAL).unlink(missing_ok=True)
        tally.add("damaged state or journal", tried=1, remark="an error with a place, or a plan")

    law()

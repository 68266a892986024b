"""A saved plan that was tampered with byte by byte is refused, or means the same. In process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from lfsync.cli import run
from lfsync.errors import LfsyncError
from lfsync.planning import plan_file as planfile
from tests.e2e.conftest import SEED
from tests.effort import size
from tests.soak.tally import Tally

_FILES = {
    "lfsync.yaml": """\
version: 1
default_workspace: play
exclude: [seed/]
workspaces: {play: {sandbox: {seed: seed/seed.yaml, random_seed: 3}}}
""",
    "seed/seed.yaml": SEED,
    "crm.yaml": """\
accounts:
  solo: {fields: {$name: Solo, score: 2, nickname: Ünal "S"}}
  acme: {fields: {$name: Acme}, relationships: {$owner: kai@corp.example}}
lists:
  best: {fields: {$name: Best, $objectType: $account}, members: [acme, solo]}
""",
}
_SIGNS = b' 0"{}[],:\\eE-+'


@pytest.fixture
def local(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[Path, Path]:
    """A project on a sandbox in process, and its saved plan."""
    root = tmp_path / "project"
    for name, text in _FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    path = tmp_path / "saved.plan.json"
    assert run(["-C", str(root), "plan", "-o", str(path)]) == 0
    capsys.readouterr()
    return root, path


def _tampered(whole: bytes) -> Iterator[bytes]:
    """A byte replaced, left out, doubled; in the bounded form at every 7th place."""
    chance = Random(7)
    for at in range(0, len(whole), size(7, 1)):
        others = [chance.randrange(256) for _ in range(size(1, 8))]
        for byte in (*others, *chance.sample(_SIGNS, size(1, len(_SIGNS)))):
            yield whole[:at] + bytes([byte]) + whole[at + 1 :]
        yield whole[:at] + whole[at + 1 :]
        yield whole[: at + 1] + whole[at:]


def test_a_byte_that_was_changed_is_refused_or_means_the_same(local: tuple[Path, Path], tally: Tally) -> None:
    whole = local[1].read_bytes()
    plan = planfile.from_json(whole.decode())
    tried = harmless = 0
    for damaged in _tampered(whole):
        tried += damaged != whole
        try:
            found = planfile.from_json(damaged.decode())
        except (LfsyncError, UnicodeDecodeError):
            continue
        assert found == plan, damaged
        harmless += 1
    assert harmless < tried // 5, "only layout is harmless"
    tally.add("saved plan, a byte changed", tried=tried, remark="refused, or the same plan")


def test_a_plan_that_was_cut_or_is_no_text_is_refused(
    local: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    root, path = local
    whole = path.read_bytes()
    for damaged in (b"", b"{}", b"[]", b"null", whole[:-3], whole + b"x", b"\xff" + whole, b"[" * 100_000):
        path.write_bytes(damaged)
        for command in (["apply", str(path), "--yes"], ["show", str(path)]):
            assert run(["-C", str(root), *command]) == 4, damaged[:20]
        assert "lfsync: the plan file " in capsys.readouterr().err
    assert run(["-C", str(root), "show", str(path.with_suffix(".gone"))]) == 1

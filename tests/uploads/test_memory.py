"""The largest file is streamed: it takes no more memory than a small one (issue 7, item 4). In `make soak` only."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.e2e.rig import LFSYNC, Project, clean_environment, serving
from tests.effort import FULL

MIB = 1024**2


def peak(made: Project, *arguments: str) -> int:
    """The most memory that a command held, in bytes."""
    process = subprocess.Popen(
        [LFSYNC, "-C", made.folder, *arguments], env=dict(made.env), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.stderr.close()
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, said
    return usage.ru_maxrss * 1024


@pytest.mark.skipif(not FULL, reason="moves 1 GiB")
def test_512_mib_take_no_more_memory_than_a_few_bytes(tmp_path: Path) -> None:
    seed = tmp_path / "seed.yaml"
    seed.write_text("members: [{ref: kai, email: kai@corp.example, first: Kai, last: Berg, role: admin}]\n")
    with serving(seed, "--rps", "0", "--db", str(tmp_path / "crm.db")) as server:
        made = Project(tmp_path / "p", clean_environment(LIGHTFIELD_BASE_URL=server.url, LIGHTFIELD_API_KEY="sk_lf_x"))
        made.write("lfsync.yaml", "version: 1\ndefault_workspace: prod\nworkspaces: {prod: {index_lag_timeout: 0}}\n")
        made.write("crm.yaml", "files: {big: {path: big.bin}}\n")
        made.write("big.bin", b"a few bytes")
        small = peak(made, "apply", "--yes")
        with (made.folder / "big.bin").open("wb") as file:
            file.truncate(512 * MIB)
        large = peak(made, "apply", "--yes")
        assert large - small < 16 * MIB
        made.state_file.unlink()
        found = peak(made, "apply", "--yes")  # downloads it, to know it again
        assert found - small < 16 * MIB
        assert made.plan(expect=0)["changes"] == []

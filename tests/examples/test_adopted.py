"""`examples/adopted` was written by `lfsync import`, and edited since."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

_EXAMPLE = Path(__file__).parents[2] / "examples" / "adopted"
_LFSYNC = Path(sys.executable).parent / "lfsync"
_KEPT = ("lfsync.yaml", "README.md", "sandbox")
_EDITED = {
    "accounts.yaml": ("      tier: Silver\n", "      tier: Gold      # since the deal of 2026-11\n"),
    "tasks.yaml": ("      $status: TODO\n", "      $status: IN_PROGRESS\n"),
}


def test_an_import_of_the_seed_gives_these_files_before_the_edits(tmp_path: Path) -> None:
    folder = tmp_path / "adopted"
    shutil.copytree(_EXAMPLE, folder, ignore=shutil.ignore_patterns(".lfsync"))
    for path in folder.iterdir():
        if path.name not in _KEPT:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    subprocess.run([_LFSYNC, "-C", folder, "import", "--all"], check=True, capture_output=True)
    for name, (imported, edited) in _EDITED.items():
        text = (folder / name).read_text()
        assert imported in text
        (folder / name).write_text(text.replace(imported, edited))
    assert _texts(folder) == _texts(_EXAMPLE)


def _texts(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file() and ".lfsync" not in path.parts]
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}

"""Where the parts work: a temporary folder, and in it projects that were applied before, made once per size."""

from __future__ import annotations

import compileall
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import lfsync
from benchmarks import project
from benchmarks.process import BIN, Run, run
from benchmarks.sandbox import Sandbox, serve


@dataclass(frozen=True, slots=True)
class Prepared:
    """A project in a folder and a sandbox database beside it."""

    folder: Path
    db: Path

    def lfsync(self, sandbox: Sandbox, *arguments: str, expect: int = 0) -> Run:
        return run([BIN / "lfsync", "-C", self.folder, *arguments], env=sandbox.env, expect=expect)

    def plan_unchanged(self, sandbox: Sandbox) -> Run:
        """Plan; fails unless the plan is empty."""
        return self.lfsync(sandbox, "-v", "plan", "--detailed-exitcode")


@dataclass(frozen=True, slots=True)
class Lab:
    """The temporary folder of one run. `sizes` is what scale.py measures."""

    root: Path
    sizes: tuple[int, ...]
    _applied: dict[tuple[int, bool], Prepared] = field(default_factory=dict)

    def empty(self, name: str, size: int, *, only_accounts: bool = False) -> Prepared:
        """A project whose workspace has members and definitions, but no records."""
        declared = _resources(size, only_accounts)
        made = Prepared(self.root / name, self.root / f"{name}.db")
        project.write_project(made.folder, declared)
        project.write_seed(self.root / f"{name}-seed.yaml", {})
        with serve(made.db, seed=self.root / f"{name}-seed.yaml"):
            return made

    def applied(self, size: int, *, only_accounts: bool = False) -> Prepared:
        """A project of `size` resources whose workspace held the same records before, and that was applied once.

        The records come from a seed file, and `apply` adopts them: quicker than as many creates, and the state it
        leaves is the same.
        """
        if (size, only_accounts) not in self._applied:
            self._applied[size, only_accounts] = self._apply(size, only_accounts)
        return self._applied[size, only_accounts]

    def _apply(self, size: int, only_accounts: bool) -> Prepared:
        declared = _resources(size, only_accounts)
        name = f"unchanged-{size}{'-accounts' if only_accounts else ''}"
        made = Prepared(self.root / name, self.root / f"{name}.db")
        seed = self.root / f"{name}-seed.yaml"
        project.write_project(made.folder, declared)
        project.write_seed(seed, declared)
        with serve(made.db, seed=seed) as sandbox:
            made.lfsync(sandbox, "apply", "--yes")
        return made


def _resources(size: int, only_accounts: bool) -> dict[str, project.Section]:
    return project.resources(size, ("accounts",)) if only_accounts else project.resources(size)


@contextmanager
def lab(sizes: tuple[int, ...]) -> Iterator[Lab]:
    # What pip installs it compiles, octoDNS too. A package that is installed to be edited is not, in an environment
    # that keeps Python from writing bytecode: each start would compile all of it.
    compileall.compile_dir(Path(lfsync.__file__).parent, quiet=1)
    with TemporaryDirectory(prefix="lfsync-benchmarks-") as folder:
        yield Lab(Path(folder), sizes)

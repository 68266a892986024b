"""A fifth of all requests fails, before the work or after it: applied until the exit code is 0, all is as asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from lfsync.errors import ApiError
from lfsync.project.settings import SandboxSettings
from lfsync.sandbox.app import create_app
from tests.e2e.rig import Project, Server, project, serving
from tests.effort import FULL, size
from tests.laws.bench import Run
from tests.laws.cases import SECTIONS, Case
from tests.laws.files import dump
from tests.laws.laws import plan_is_empty
from tests.laws.menu import OBJECTS, definitions
from tests.soak.ground import FINE, Ground, Truth, ground, truth
from tests.soak.guillotine import Guillotine
from tests.soak.tally import Tally

_SEEDS = range(size(2, 3))
_MOST_RUNS = 60
_PATIENCE = 600.0  # seconds; ten tries of one request take half a minute


def _case(count: int) -> Case:
    """Accounts, half of them live; contacts and tasks of them."""
    third = count // 3
    live = [{"fields": {"$name": f"Company {n}", "score": 1}} for n in range(0, third, 2)]
    case = Case(
        {"members": [{"ref": "kai", "email": "kai@corp.example", "role": "admin"}], "records": {"accounts": live}}
    )
    case.resources = {
        "account": {f"c{n}": {"fields": {"$name": f"Company {n}", "score": n + 2}} for n in range(third)},
        "contact": {
            f"p{n}": {"fields": {"$email": f"p{n}@people.example"}, "relationships": {"$account": [f"c{n}"]}}
            for n in range(third)
        },
        "task": {
            f"t{n}": {
                "fields": {"$title": f"Task {n}", "$status": "TODO"},
                "relationships": {"$assignedTo": "kai@corp.example", "$account": f"c{n % third}"},
            }
            for n in range(count - 2 * third)
        },
    }
    return case


def _wanted(case: Case, seed: int) -> Truth:
    with ground(case, random_seed=seed) as box:
        assert _code(box.apply_now()) == 0
        return truth(box.snapshot())


def _code(run: Run) -> int:
    """As the command gives it (rule A6)."""
    return 0 if not run.plan.blocked and all(outcome.status in FINE for outcome in run.outcomes) else 3


@pytest.mark.parametrize("seed", _SEEDS)
@pytest.mark.parametrize(("rate", "count"), [(0.2, size(120, 1000)), (0.65, 120)])
def test_converges_and_the_exit_code_tells_the_truth(rate: float, count: int, seed: int, tally: Tally) -> None:
    """At 0.65 a request in a hundred is given up after ten tries, so that there is something to tell."""
    case = _case(count)
    wanted = _wanted(case, seed)
    with ground(case, faults=rate, random_seed=seed) as box:
        runs, failed = _until_done(box, wanted)
        found = truth(box.snapshot())
        duplicates, lost = found.duplicates(wanted), found.lost(wanted)
        faults = sum(entry["status"] in (0, 429, 500, 503) for entry in box.log())
        row = f"faults, {rate:.0%} of requests, {count:,} resources"
        tally.add(row, tried=faults, duplicates=duplicates, lost=lost, remark=f"seed {seed}: {runs} applies")
        assert (duplicates, lost) == (0, 0)
        assert found == wanted
        plan_is_empty(_planned(box))
        assert faults > count / 5
        assert rate < 0.5 or failed, "nothing was given up, so nothing was told"


def _until_done(box: Ground, wanted: Truth) -> tuple[int, int]:
    """Applies until the code is 0. The number of runs, and of those that ended otherwise."""
    failed = 0
    for number in range(1, _MOST_RUNS):
        try:
            run = box.apply_now()
        except ApiError:  # exit code 1
            failed += 1
            continue
        if _code(run) == 0:
            assert truth(box.snapshot()) == wanted, "exit code 0, and something is missing"
            return number, failed
        failed += 1
        _said_is_so(box, run)
    raise AssertionError("it does not converge")


def _planned(box: Ground) -> Run:
    """A plan whose every request got through."""
    for _ in range(_MOST_RUNS):
        with suppress(ApiError):
            return box.plan()
    raise AssertionError("no plan gets through")


def _said_is_so(box: Ground, run: Run) -> None:
    """What is called done is there; what is called skipped was not made."""
    now = box.snapshot()
    for outcome in run.outcomes:
        if outcome.status in FINE:
            assert outcome.id in now.rows
        if outcome.status == "skipped" and outcome.action == "create":
            assert outcome.id is None
            name = next(iter(run.planned.desired[outcome.address].fields.values())).sent
            assert not any(name in row.fields.values() for row in now.rows.values() if row.kind == outcome.address.kind)


# ---------------------------------------------------------------- the command, over HTTP


@contextmanager
def _failing(folder: Path, case: Case, rate: float, seed: int) -> Iterator[tuple[Server, Project, Guillotine]]:
    """`sandbox serve --faults`, a project against it, and a second look at its database past the API."""
    (folder / "seed.yml").write_text(
        dump({**case.seed, "definitions": definitions(case.pipelines), "objects": OBJECTS})
    )
    options = ("--rps", "0", "--faults", f"{rate}", "--random-seed", f"{seed}", "--db", f"{folder / 'crm.db'}")
    files = {"crm.yaml": dump({SECTIONS[kind]: found for kind, found in case.resources.items()})}
    with serving(folder / "seed.yml", *options) as server:
        app = create_app(SandboxSettings(), database=folder / "crm.db", seed=None)
        try:
            yield server, project(folder / "project", server.url, files), Guillotine(app)
        finally:
            app.state.close()


@pytest.mark.parametrize("seed", range(size(1, 3)))
@pytest.mark.parametrize(("rate", "count"), [(0.2, size(60, 1000)), *([(0.65, 60)] if FULL else [])])
def test_the_exit_code_of_the_command_tells_the_truth(
    rate: float, count: int, seed: int, tmp_path: Path, tally: Tally
) -> None:
    case = _case(count)
    wanted = _wanted(case, seed)
    with _failing(tmp_path, case, rate, seed) as (server, place, eye):
        codes: list[int] = []
        while codes[-1:] != [0]:
            assert len(codes) < _MOST_RUNS, "it does not converge"
            before = truth(eye.snapshot())
            with place.start("apply", "--yes", "--allow-large") as process:
                told = "".join(process.communicate(timeout=_PATIENCE))
            after = truth(eye.snapshot())
            codes.append(process.returncode)
            assert codes[-1] in (0, 1, 3), told
            assert codes[-1] != 0 or after == wanted, "exit code 0, and something is missing"
            assert codes[-1] != 1 or after == before, "exit code 1, and something was written"
            assert codes[-1] != 3 or " failed" in told, told
        duplicates, lost = after.duplicates(wanted), after.lost(wanted)
        faults = sum(entry["status"] in (0, 429, 500, 503) for entry in server.log())
        row = f"faults, {rate:.0%} of requests over HTTP, {count:,} resources"
        tally.add(row, tried=faults, duplicates=duplicates, lost=lost, remark=f"seed {seed}: exit codes {codes}")
        assert (duplicates, lost) == (0, 0)
        assert faults > count / 5
        if rate < 0.5:
            place.lfsync("plan", "--detailed-exitcode", expect=0)

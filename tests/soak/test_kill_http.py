"""SIGKILL to the real program, which talks to the sandbox over HTTP: then the same command again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from lfsync.project.settings import SandboxSettings
from lfsync.state.state import decode
from tests.e2e.rig import Project, project
from tests.effort import FULL, size
from tests.soak.ground import LOST, Lost, Moment, Truth, remembered, truth
from tests.soak.guillotine import Guillotine, guillotine
from tests.soak.tally import Tally

_COMPANIES = size(30, 80)  # half of them are live
_TASKS = size(20, 80)
_PEOPLE = size(10, 40)
_SEED = """\
members: [{ref: kai, email: kai@corp.example, first: Kai, last: Berg, role: admin}]
definitions: {account: {fields: {score: {type: NUMBER}}}}
records:
  accounts:
""" + "".join(
    f"  - {{fields: {{$name: Company {n}, score: 1, $website: [c{n}.example]}}}}\n" for n in range(0, _COMPANIES, 2)
)
_SOURCES = """\
sources:
- {kind: account, file: companies.csv, key: Id, fields: {$name: Name, score: Score}}
- {kind: contact, file: people.csv, key: Id, fields: {$email: Mail}, relationships: {$account: {column: Company}}}
- kind: task
  file: tasks.csv
  key: Id
  fields: {$title: Title, $status: {value: TODO}}
  relationships: {$account: {column: Company}, $assignedTo: {value: kai@corp.example}}
"""
_FILES = {
    "sources.yaml": _SOURCES,
    "companies.csv": "Id,Name,Score\n" + "".join(f"c{n},Company {n},{n + 2}\n" for n in range(_COMPANIES)),
    "people.csv": "Id,Mail,Company\n" + "".join(f"p{n},p{n}@people.example,c{n}\n" for n in range(_PEOPLE)),
    "tasks.csv": "Id,Title,Company\n" + "".join(f"t{n},Task {n},c{n % _COMPANIES}\n" for n in range(_TASKS)),
}
_CHANGES = _COMPANIES + _PEOPLE + _TASKS
_SETTINGS = SandboxSettings(rps=0, random_seed=3)


@dataclass
class Block:
    """A place to kill at. `wanted` and `requests`: of a run that nobody kills."""

    folder: Path
    wanted: Truth | None = None
    requests: int = 0

    @contextmanager
    def ready(self, name: str) -> Iterator[tuple[Guillotine, Project]]:
        seed = self.folder / "seed.yml"
        seed.write_text(_SEED)
        with guillotine(seed, _SETTINGS) as server:
            yield server, project(self.folder / name, server.url, _FILES)

    def judge(
        self, name: str, lost: Lost, kill: Callable[[Guillotine, Project], bool], tally: Tally, *, thorough: bool
    ) -> None:
        with self.ready(name) as (server, place):
            if not kill(server, place):
                return
            if lost != "nothing":
                (place.folder / ".lfsync" / "journal" / "prod.jsonl").unlink(missing_ok=True)
            if lost == "journal and state":
                place.state_file.unlink(missing_ok=True)
            run = server.apply(place)
            assert run is not None
            assert run.code == 0, run.text
            found = truth(server.snapshot())
            assert self.wanted is not None
            duplicates, missing = found.duplicates(self.wanted), found.lost(self.wanted)
            row = f"kill -9, over HTTP, {_CHANGES} changes, {lost} lost"
            tally.add(row, tried=1, duplicates=duplicates, lost=missing)
            assert (duplicates, missing) == (0, 0), found
            assert found == self.wanted
            bound = remembered(decode(place.state_file.read_text(), "state"), server.snapshot())
            assert len(bound) == len(set(bound.values())) == _CHANGES
            if thorough:
                place.lfsync("plan", "--detailed-exitcode", expect=0)
                place.lfsync("history")  # also of a run whose record was cut short


@pytest.fixture(scope="module")
def block(tmp_path_factory: pytest.TempPathFactory) -> Block:
    made = Block(tmp_path_factory.mktemp("block"))
    with made.ready("uncut") as (server, place):
        run = server.apply(place)
        assert run is not None
        assert run.code == 0, run.text
        made.wanted, made.requests = truth(server.snapshot()), server.requests
    assert set(made.wanted.records.values()) == {1}
    return made


@pytest.mark.parametrize("lost", LOST)
def test_killed_at_a_request_boundary(block: Block, lost: Lost, tally: Tally) -> None:
    """Every 5th one; in the bounded form one among the writes."""
    chosen = range(1, block.requests, 5) if FULL else (block.requests * (2 + LOST.index(lost)) // 6,)
    for turn, request in enumerate(chosen, LOST.index(lost)):
        moment = Moment(request, after=bool(turn % 2))

        def kill(server: Guillotine, place: Project, moment: Moment = moment) -> bool:
            return server.apply(place, moment) is None

        block.judge(f"{lost}-{turn}", lost, kill, tally, thorough=turn % 10 == 0)


def test_a_create_whose_answer_was_lost_is_adopted_where_its_match_finds_it(block: Block) -> None:
    """Rule A4: the key stays unsent, and what no run is known to have made is not on record, so undo leaves it."""
    with block.ready("undone") as (server, _):
        place = project(block.folder / "one", server.url, {"crm.yaml": "accounts: {new: {fields: {$name: New}}}\n"})

        def lose_the_answer(method: str, path: str) -> int:
            if method == "POST":
                server.moment = Moment(server.requests, after=True)
            return 0

        server.refuses = lose_the_answer
        assert server.apply(place) is None
        server.refuses = lambda method, path: 0
        run = server.apply(place)
        assert run is not None
        assert run.code == 0, run.text
        assert "1 adopted" in run.text
        assert "no run is on record" in place.lfsync("undo", "--yes", expect=1).text
        records = truth(server.snapshot()).records
        assert (records['account "New"'], records['account "New" (trashed)']) == (1, 0)


@pytest.mark.parametrize("lost", LOST)
def test_killed_at_any_instant(block: Block, lost: Lost, tally: Tally) -> None:
    chance = Random(f"{lost}")
    for turn in range(size(1, 12)):
        seconds = chance.uniform(0.6, size(15, 25) / 10)

        def kill(server: Guillotine, place: Project, seconds: float = seconds) -> bool:
            return server.apply(place, seconds=seconds) is None

        block.judge(f"{lost}-at-{turn}", lost, kill, tally, thorough=turn % 10 == 0)

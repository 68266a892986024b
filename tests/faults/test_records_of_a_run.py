"""Records of a run: at any kill `history` and `undo` know every answered write, proved or not (rule A8)."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path
from random import Random

import pytest

from tests.e2e.rig import KEY, LFSYNC, TIMEOUT, clean_environment
from tests.faults.town import Build, Town

_COUNT = 40
_TRIMS = {"text-trim": "trimmed"}


def _accounts(nickname: str, count: int = _COUNT) -> str:
    """The server trims the nickname (a quirk), so that only a read by id can prove it (rule S5)."""
    body = "".join(f"  a{n:02}: {{fields: {{$name: A{n:02}, nickname: '{nickname} '}}}}\n" for n in range(count))
    return f"accounts:\n{body}"


def _nicknames(town: Town) -> dict[str, str | None]:
    return {row["fields"]["$name"]["value"]: row["fields"]["nickname"]["value"] for row in town.rows("/v1/accounts")}


def _with(town: Town, nickname: str) -> int:
    return list(_nicknames(town).values()).count(nickname)


def _runs(town: Town) -> int:
    said = town.lfsync("history", "--format", "json")
    assert said.code == 0
    return len(json.loads(said.out))


def _town_with_old_ones(build: Build) -> Town:
    town = build(quirks=_TRIMS)
    town.write(_accounts("Old"))
    town.apply()
    return town


def test_a_killed_run_of_updates_is_undone_whole(build: Build) -> None:
    """Rule A8: kill -9 after 15 of 40 answered updates: `history` and `undo` know all 15, and `undo` takes that run."""
    town = _town_with_old_ones(build)
    town.write(_accounts("New"))
    town.killed_apply(15, unproved=True)
    assert _with(town, "New") == 15
    assert _runs(town) == 2
    said = town.lfsync("undo", "--yes", "--allow-large")
    assert said.code == 0, said
    assert _with(town, "Old") == _COUNT


def test_history_counts_the_answered_writes_of_a_killed_run(build: Build) -> None:
    """Rule A8: `history` knows every answered write."""
    town = _town_with_old_ones(build)
    town.write(_accounts("New"))
    town.killed_apply(15, unproved=True)
    newest = town.lfsync("history").out.splitlines()[0]
    assert "15 updated" in newest


def test_a_killed_run_of_creates_is_undone_whole(build: Build) -> None:
    """Rule A8, L3: what a killed run made is trashed by undo, all of it, and nothing else."""
    town = build("records: {accounts: [{fields: {$name: Bystander, nickname: Own}}]}\n", quirks=_TRIMS)
    town.write(_accounts("New"))
    town.killed_apply(15, unproved=True)
    assert _with(town, "New") == 15
    said = town.lfsync("undo", "--yes", "--allow-large")
    assert said.code == 0, said
    assert _nicknames(town) == {"Bystander": "Own"}


def test_undo_after_the_run_that_goes_on_takes_that_one(build: Build) -> None:
    """Rule A8: a killed run and the one after it are two; the second undo takes the killed one back, by its name."""
    town = _town_with_old_ones(build)
    town.write(_accounts("New"))
    town.killed_apply(15, unproved=True)
    killed = town.lfsync("history").out.split()[0]
    town.apply("--allow-large")
    assert _with(town, "New") == _COUNT
    assert town.lfsync("undo", "--yes", "--allow-large").code == 0
    assert _with(town, "New") == 15
    assert town.lfsync("undo", killed, "--yes", "--allow-large").code == 0
    assert _with(town, "Old") == _COUNT


def test_a_killed_run_of_deletes_is_undone_whole(build: Build) -> None:
    """Rule A8: deletes that were answered are known as well."""
    town = build(quirks=_TRIMS)
    town.settings(safety={"max_deletes": "100%"})
    town.write(_accounts("Old", 12) + "lists: {l: {fields: {$name: L, $objectType: $account}}}\n")
    town.apply()
    absent = "".join(f"  a{n:02}: {{fields: {{$name: A{n:02}}}, lifecycle: {{absent: true}}}}\n" for n in range(12))
    town.write("lists: {l: {fields: {$name: L, $objectType: $account}}}\naccounts:\n" + absent)
    town.killed_apply(5, unproved=True)
    assert _with(town, "Old") == 7
    said = town.lfsync("undo", "--yes", "--allow-large")
    assert said.code == 0, said
    assert _with(town, "Old") == 12


def test_a_lost_last_answer_doubles_nothing(build: Build) -> None:
    """Rules A2 and A4: killed before the last answer: the next run finishes, and makes no second record."""
    town = build(quirks=_TRIMS)
    town.write(_accounts("New", 10))
    town.killed_apply(5, unanswered=True)
    said = town.lfsync("apply", "--yes")
    assert said.code == 0, said
    assert sorted(_nicknames(town)) == [f"A{n:02}" for n in range(10)]
    assert len(town.rows("/v1/accounts")) == 10


# ---------------------------------------------------------------- several entries of one address

_CYCLE = """\
accounts:
  acme: {fields: {$name: Acme}, relationships: {parent: birch}}
  birch: {fields: {$name: Birch}, relationships: {parent: acme}}
"""


def test_a_create_and_its_late_link_are_one_to_undo(build: Build) -> None:
    """Rule A8: several entries of one address are one to undo; rule L3: a created record is trashed."""
    town = build()
    town.write(_CYCLE)
    town.apply()
    town.forget()
    said = town.lfsync("undo", "--yes", "--allow-large")
    assert said.code == 0, said
    assert len(town.writes()) == 2
    assert town.titles("/v1/accounts") == []


def test_a_create_and_its_late_link_are_one_to_undo_after_a_kill(build: Build) -> None:
    """Rule A8: as above, where the run was killed after the late link."""
    town = build()
    rest = "".join(f"  z{n}: {{fields: {{$name: Z{n}}}, relationships: {{parent: acme}}}}\n" for n in range(6))
    town.write(_CYCLE + rest)
    town.killed_apply(6)
    made = len(town.rows("/v1/accounts"))
    town.forget()
    said = town.lfsync("undo", "--yes", "--allow-large")
    assert said.code == 0, said
    assert len(town.writes()) == made
    assert town.titles("/v1/accounts") == []


def test_the_chunks_of_a_list_are_one_to_undo(build: Build) -> None:
    """Rule A8: an update in three requests is one to undo, killed after the second."""
    names = ", ".join(f"{{fields: {{$name: A{n:02}}}}}" for n in range(60))
    town = build(f"records: {{accounts: [{names}]}}\n")
    ids = [row["id"] for row in town.rows("/v1/accounts")]
    text = "lists: {{big: {{fields: {{$name: Big, $objectType: $account, $description: {}}}, members: [{}]}}}}\n"
    town.write(text.format("Old", ids[0]))
    town.apply()
    list_path = f"/v1/lists/{town.id('list.big')}"
    town.write(text.format("New", ", ".join(ids)))
    town.killed_apply(2)
    assert len(town.rows(f"{list_path}/accounts")) > 25
    said = town.lfsync("undo", "--yes", "--allow-large")
    assert said.code == 0, said
    assert [row["id"] for row in town.rows(f"{list_path}/accounts")] == ids[:1]
    assert town.ask("GET", list_path)["fields"]["$description"]["value"] == "Old"


def test_an_update_that_was_interrupted_and_done_again_is_undone_to_its_first_value(build: Build) -> None:
    """Rule A8: the killed run's entry holds the value that was there before it, whatever later runs did."""
    town = _town_with_old_ones(build)
    town.write(_accounts("New"))
    town.killed_apply(10, unproved=True)
    town.write(_accounts("Newer"))
    town.apply("--allow-large")
    assert town.lfsync("undo", "--yes", "--allow-large").code == 0
    assert (_with(town, "New"), _with(town, "Old")) == (10, _COUNT - 10)


# ---------------------------------------------------------------- at any moment

_NOTED = 2.0  # seconds from the arrival of a write to its place on record: answer and note, on a busy machine


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_was_answered_is_on_record_at_any_moment(build: Build, number: signal.Signals) -> None:
    """Rule A8: at any kill `history` and `undo` know every answered write (the real program, over HTTP)."""
    chance = Random(number)
    town = build(quirks=_TRIMS, rps=40)
    for turn in range(2):
        town.write(_accounts(f"New {turn}", 240))
        command: list[str | Path] = [LFSYNC, "-C", town.root, "apply", "--yes", "--allow-large"]
        environment = clean_environment(LIGHTFIELD_BASE_URL=town.url, LIGHTFIELD_API_KEY=KEY)
        town.forget()
        quiet = subprocess.DEVNULL
        with subprocess.Popen(command, env=environment, stdin=quiet, stdout=quiet, stderr=quiet) as process:
            while not town.writes():
                time.sleep(0.02)
            time.sleep(_NOTED + chance.uniform(0.1, 0.7))
            moment = time.time()
            process.send_signal(number)
            process.wait(TIMEOUT)
        assert process.returncode == (130 if number == signal.SIGTERM else -signal.SIGKILL)
        log = [entry for entry in town.ask("GET", "/_sandbox/log") if entry["method"] == "POST"]
        until = time.time() if number == signal.SIGTERM else moment - _NOTED  # what is in flight ends first
        answered = sum(entry["status"] == 200 and entry["time"] <= until for entry in log)
        newest = json.loads(town.lfsync("history", "--format", "json").out)[0]
        assert 0 < answered <= sum(newest["counts"].values()) < 240
        assert newest["run"] in town.lfsync("undo", "--yes", "--allow-large").err
        assert _with(town, f"New {turn}") <= len(log) - answered, "what is on record was put back"

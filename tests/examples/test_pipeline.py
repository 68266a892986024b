"""`examples/pipeline`: a sales pipeline of 8,800 deals, loaded by YAML and SQL alone."""

from __future__ import annotations

import csv
import filecmp
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from lfsync.model import Address
from lfsync.project.load import load_project

_EXAMPLE = Path(__file__).parents[2] / "examples" / "pipeline"
_LFSYNC = Path(sys.executable).parent / "lfsync"


def made(folder: Path, *arguments: str) -> None:
    subprocess.run([sys.executable, _EXAMPLE / "data" / "make.py", "--into", folder, *arguments], check=True)


def lfsync(folder: Path, *arguments: str, expect: int = 0) -> str:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("LIGHTFIELD_", "LFSYNC_"))}
    command: list[str | Path] = [_LFSYNC, "-C", folder, *arguments]
    done = subprocess.run(command, env={**env, "NO_COLOR": "1"}, capture_output=True, text=True, timeout=300)
    assert done.returncode == expect, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def plan(folder: Path, *arguments: str, expect: int) -> dict[str, Any]:
    found = lfsync(folder, "plan", "--detailed-exitcode", "--format", "json", *arguments, expect=expect)
    read: dict[str, Any] = json.loads(found)
    return read


def test_the_files_are_the_ones_that_the_script_makes(tmp_path: Path) -> None:
    made(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == 5
    assert filecmp.cmpfiles(tmp_path, _EXAMPLE / "data", names, shallow=False) == (names, [], [])


def test_all_8800_deals_are_resources(tmp_path: Path) -> None:
    """Each row as a person would read it: the script's rows, without the ones that are there twice or empty."""
    project = load_project(Path(shutil.copytree(_EXAMPLE, tmp_path / "p", ignore=shutil.ignore_patterns(".lfsync"))))
    assert (project.problems, project.warnings) == ((), ())
    assert Counter(address.kind for address in project.resources) == {
        "account": 86,
        "object.product": 7,
        "opportunity": 8800,
    }
    with (_EXAMPLE / "data" / "sales_pipeline.csv").open(encoding="utf-8") as file:
        rows = {row["opportunity_id"].strip(): row for row in csv.DictReader(file) if row["opportunity_id"].strip()}
    assert len(rows) == 8800
    stages = {"Prospecting": "Lead", "Engaging": "In talks", "Won": "Closed won", "Lost": "Closed lost"}
    for id, row in rows.items():
        deal = project.resources[Address("opportunity", id)]
        assert deal.fields["$stage"].data == stages[row["deal_stage"]]
        assert [ref.text for ref in deal.relationships["$owner"].include] == [
            f"{row['sales_agent'].lower().replace(' ', '.')}@corp.example"
        ]
        month, day, year = row["engage_date"].split("/") if row["engage_date"] else ("", "", "")
        engaged = deal.fields.get("engagedOn")
        assert (str(engaged.data) if engaged else "") == (f"{year}-{month:0>2}-{day:0>2}" if year else "")


def test_a_part_of_it_converges(tmp_path: Path) -> None:
    """300 deals: planned, applied, and nothing more to do; then by another export, what moved and nothing else."""
    folder = Path(shutil.copytree(_EXAMPLE, tmp_path / "p", ignore=shutil.ignore_patterns(".lfsync")))
    made(folder / "data", "--deals", "300")
    first = plan(folder, expect=2)
    assert first["summary"]["create"] == 300 + 86 - 1 + 7
    assert (first["summary"]["update"], first["blocked"], first["warnings"]) == (1, [], [])
    lfsync(folder, "apply", "--yes")
    assert plan(folder, expect=0)["changes"] == []

    export = folder / "data" / "sales_pipeline.csv"
    rows = export.read_text(encoding="utf-8").splitlines()
    number = next(n for n, row in enumerate(rows) if ",Engaging," in row and not row.startswith(" "))
    id = rows[number].split(",")[0]
    moved = [row.replace(",Engaging,", ",Won,") if id in row else row for row in rows]
    export.write_text("\n".join([moved[0], *reversed(moved[1:])]) + "\n", encoding="utf-8")
    (change,) = plan(folder, expect=2)["changes"]
    assert (change["address"], change["action"]) == (f"opportunity.{id}", "update")
    assert [(each["key"], each["before"], each["after"]) for each in change["fields"]] == [
        ("$stage", "In talks", "Closed won")
    ]
    assert change["source"]["file"] == "queries/deals.sql"

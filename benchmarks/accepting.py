"""Accepting 100 values in one file of 10,000 accounts: the CPU that it takes beside the plan that it begins with."""

from __future__ import annotations

import json
import urllib.request
from statistics import median

import yaml

from benchmarks import project
from benchmarks.figures import Figure
from benchmarks.lab import Lab, Prepared
from benchmarks.process import CommandError
from benchmarks.sandbox import Sandbox, serve

_SIZE = 10_000
_EDITED = 100
_ROUNDS = 3


def measure(lab: Lab) -> list[Figure]:
    prepared, size = _one_file(lab)
    with serve(prepared.db, seed=lab.root / "accept-seed.yaml") as sandbox:
        prepared.lfsync(sandbox, "apply", "--yes")
        _people_edit(prepared, sandbox)
        plans = [prepared.lfsync(sandbox, "plan") for _ in range(_ROUNDS)]
        accepts = [prepared.lfsync(sandbox, "accept", "--dry-run") for _ in range(_ROUNDS)]
        done = prepared.lfsync(sandbox, "accept")
        prepared.plan_unchanged(sandbox)
    if f"Accepted {_EDITED} values" not in done.stdout:
        raise CommandError(f"accept did not take {_EDITED} values:\n{done.stdout[-2000:]}")
    plan, accept = median(run.cpu for run in plans), median(run.cpu for run in accepts)
    note = (
        f"plan {plan:.2f} s, accept with its plan {accept:.2f} s, medians of {_ROUNDS}; a file of {size / 1e6:.1f} MB"
    )
    return [Figure("accept", "CPU of the edits / of the plan", (accept - plan) / plan, " x", 1, note)]


def _one_file(lab: Lab) -> tuple[Prepared, int]:
    """10,000 accounts in one file, with a comment above each; their size in bytes."""
    accounts = project.resources(4 * _SIZE)["accounts"]
    made = Prepared(lab.root / "accept", lab.root / "accept.db")
    project.write_project(made.folder, {})
    text = yaml.dump({"accounts": accounts}, Dumper=yaml.CSafeDumper, sort_keys=False)
    (made.folder / "accounts.yaml").write_text(text.replace("\n    fields:\n", "\n    # kept by hand\n    fields:\n"))
    project.write_seed(lab.root / "accept-seed.yaml", {"accounts": accounts})
    return made, (made.folder / "accounts.yaml").stat().st_size


def _people_edit(prepared: Prepared, sandbox: Sandbox) -> None:
    lines = (prepared.folder / ".lfsync/state/bench.jsonl").read_text().splitlines()[1:]
    for number, line in enumerate(lines[:: _SIZE // _EDITED]):
        body = json.dumps({"fields": {"founded": 2100 + number}}).encode()
        headers = {
            "Authorization": "Bearer sk_lf_people",
            "Lightfield-Version": "2026-03-01",
            "Content-Type": "application/json",
        }
        url = f"{sandbox.url}/v1/accounts/{json.loads(line)['id']}"
        urllib.request.urlopen(urllib.request.Request(url, body, headers, method="POST"), timeout=30).close()

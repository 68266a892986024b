"""A sandbox in process for tests: one app on a fake clock, asked without awaiting."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, TypeVar

import httpx

from lfsync.project.settings import SandboxSettings
from lfsync.sandbox.app import create_app
from lfsync.sandbox.transport import SandboxTransport

KEY = "sk_lf_test"
START = 1_793_610_000.0
Answer: TypeAlias = Any  # the JSON of an answer: tests look into it freely
T = TypeVar("T")

SEED = """
blocklist: [spam.example]
members:
  - {ref: kai, email: kai@corp.example, first: Kai, last: Berg, role: admin}
  - {ref: mia, email: mia@corp.example, first: Mia, last: Lund}
  - {ref: ole, email: ole@corp.example, active: false}
definitions:
  account:
    fields:
      tier: {type: SINGLE_SELECT, label: Tier, options: [Gold, Silver, {label: Bronze, archived: true}]}
      tags: {type: MULTI_SELECT, label: Tags, options: [Red, Green, Blue]}
      annualRevenue: {type: CURRENCY, label: Annual revenue, currency: EUR}
      score: {type: NUMBER}
      renewalDate: {type: DATETIME}
      hotline: {type: TELEPHONE, multiple: true}
      support: {type: EMAIL, unique: true}
      isPartner: {type: CHECKBOX}
      about: {type: MARKDOWN}
      blurb: {type: TEXT}
      locked: {type: TEXT, read_only: true}
    relationships:
      partner: {target: contact, cardinality: HAS_MANY, label: Partners}
      parent:
        target: account
        cardinality: HAS_MANY
        directions:
          asSource: {cardinality: HAS_ONE, label: Parent}
          asDestination: {cardinality: HAS_MANY, label: Subsidiaries}
  contact: {fields: {level: {type: SINGLE_SELECT, options: [Low, High]}}}
  opportunity:
    pipelines: {New business: [Qualified, Proposal, Won], Renewals: [Qualified, Renewed]}
objects:
  project:
    label: Project
    fields:
      name: {type: TEXT, label: Name}
      code: {type: URL, unique: true}
      phase: {type: SINGLE_SELECT, options: [Idea, Build]}
      tags: {type: MULTI_SELECT, options: [Red, Blue]}
      budget: {type: CURRENCY, currency: EUR}
      size: {type: NUMBER}
      due: {type: DATETIME}
      live: {type: CHECKBOX}
      about: {type: MARKDOWN}
      page: {type: HTML}
      site: {type: ADDRESS}
      boss: {type: FULL_NAME}
      mail: {type: EMAIL, multiple: true}
      phone: {type: TELEPHONE}
      profile: {type: SOCIAL_HANDLE, handle_service: TWITTER}
      locked: {type: TEXT, read_only: true}
    pipelines: {Delivery: [Planned, Done], Care: [Planned, Closed]}
    relationships:
      customer: {target: account, cardinality: HAS_ONE, label: Customer, inverse: {key: projects, label: Projects}}
      team: {target: contact, cardinality: HAS_MANY, inverse: {key: works-on}}
      sponsor: {target: member, cardinality: HAS_ONE}
      milestones: {target: milestone, cardinality: HAS_MANY, inverse: {key: project, cardinality: HAS_ONE}}
      after:
        target: project
        cardinality: HAS_MANY
        directions:
          asSource: {cardinality: HAS_MANY, label: After}
          asDestination: {cardinality: HAS_MANY, label: Before}
  milestone: {fields: {step: {type: TEXT}, status: {type: TEXT}}}
  vault: {label: Vault, hidden: true, fields: {name: {type: TEXT}}}
records:
  accounts:
    - {ref: acme, fields: {$name: Acme Solar, $website: acme.example, tier: Gold}, relationships: {$owner: kai}}
    - {ref: birch, fields: {$name: Birch AG, renewalDate: 2027-03-01}, relationships: {parent: acme}}
    - {ref: gone, fields: {$name: Gone Ltd}, trashed: true}
    - {ref: ghost, fields: {$name: Ghost Inc}, hidden: true}
  contacts:
    - {ref: ada, fields: {$name: {firstName: Ada, lastName: Lind}, $email: [ada@acme.example]}, relationships: {$account: acme}}
  opportunities:
    - {ref: deal, fields: {$name: Deal, $stage: Proposal}, relationships: {$account: acme, $champion: ada}}
  tasks:
    - {ref: call, fields: {$title: Call, $status: TODO}, relationships: {$account: acme, $assignedTo: mia}}
  notes:
    - {ref: memo, fields: {$title: Memo, $content: hello}, relationships: {$account: [acme], $contact: [ada]}}
  meetings:
    - fields: {$title: Kick-off, $startDate: 2026-10-01, $endDate: 2026-10-02, $attendeeEmails: [ada@acme.example]}
      relationships: {$transcript: script}
  object.project:
    - {ref: apollo, fields: {name: Apollo, phase: Idea, budget: 5}, relationships: {customer: acme, team: [ada]}}
    - {ref: gemini, fields: {name: Gemini}, relationships: {after: [apollo], milestones: [first]}}
    - {ref: skylab, fields: {name: Skylab}, trashed: true}
  object.milestone:
    - {ref: first, fields: {step: First, status: open}}
  object.vault: [{fields: {name: Secret}}]
files:
  - {ref: script, filename: script.txt, content: "Ada: hello"}
lists:
  - {ref: top, fields: {$name: Top, $objectType: $account}, members: [acme, birch]}
workflow_runs:
  - {id: run_nightly}
  - {id: run_import, ends: failed}
  - {id: run_review, status: waiting for approval}
"""  # noqa: E501


class Clock:
    """Time that moves only when told to."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> float:
        return self.time


class Bare(NamedTuple):
    """The answer of a presigned address."""

    status: int
    content: bytes
    headers: httpx.Headers


class Box:
    """One sandbox. `rps` 0 unless told otherwise."""

    def __init__(self, settings: SandboxSettings, database: str | Path = ":memory:", seed: Path | None = None) -> None:
        self.clock = Clock()
        self.app = create_app(settings, database=database, seed=seed, clock=self.clock)
        self._runner = asyncio.Runner()
        self.client = httpx.AsyncClient(
            transport=SandboxTransport(self.app),
            base_url="http://sandbox",
            headers={"Authorization": f"Bearer {KEY}", "Lightfield-Version": "2026-03-01"},
        )

    def close(self) -> None:
        self.run(self.client.aclose())
        self._runner.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def request(self, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.run(self.client.request(method, path, json=body, headers=named))

    def ok(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        response = self.request(method, path, body, **headers)
        assert response.status_code == 200, response.text
        return response.json()

    def bare(self, method: str, url: str, content: bytes = b"", headers: Mapping[str, str] | None = None) -> Bare:
        """A request to a presigned address: nothing is sent but what is said here."""

        async def send() -> Bare:
            request = httpx.Request(method, url, content=content, headers=dict(headers or {}))
            response = await SandboxTransport(self.app).handle_async_request(request)
            return Bare(response.status_code, await response.aread(), response.headers)

        return self.run(send())

    def upload(self, content: bytes = b"hello", **body: object) -> Answer:
        """A file of this content whose upload is done, but not complete."""
        wanted = {"filename": "call.txt", "mimeType": "text/plain", "sizeBytes": len(content), **body}
        session = self.post("/v1/files", wanted)
        answer = self.bare("PUT", session["uploadUrl"], content, session["uploadHeaders"])
        assert answer.status in (200, 201, 204), answer
        return session

    def get(self, path: str) -> Answer:
        return self.ok("GET", path)

    def post(self, path: str, body: object, **headers: str) -> Answer:
        return self.ok("POST", path, body, **headers)

    def fails(self, status: int, method: str, path: str, body: object = None, **headers: str) -> dict[str, Answer]:
        """The error of a request that is refused with this status."""
        response = self.request(method, path, body, **headers)
        assert response.status_code == status, response.text
        answer = response.json()
        found = answer.get("error", answer)
        assert isinstance(found, dict)
        return found

    # ------------------------------------------------------------ shorthands

    def id(self, section: str, name: str) -> str:
        """The id of the seeded record with this name."""
        titled = dict.fromkeys(("tasks", "notes", "meetings"), "$title")
        key = {**titled, "objects/project": "name"}.get(section, "$name")
        for row in self.get(f"/v1/{section}")["data"]:
            if row["fields"][key]["value"] == name:
                return str(row["id"])
        raise AssertionError(name)

    def contact(self) -> str:
        return str(self.get("/v1/contacts")["data"][0]["id"])

    def member(self, email: str = "kai@corp.example") -> str:
        found = self.get("/v1/members")["data"]
        return str(next(row["id"] for row in found if row["fields"]["$email"]["value"] == email))

    def trashed(self) -> str:
        return str(self.get("/v1/accounts?status=trashed")["data"][0]["id"])

    def account(self, **fields: object) -> Answer:
        """A new account; `name` for `$name`."""
        body = {"$name": fields.pop("name", "New"), **fields}
        return self.post("/v1/accounts", {"fields": body})

    def value(self, id: str, key: str) -> Answer:
        """What an account's field holds."""
        return self.get(f"/v1/accounts/{id}")["fields"][key]["value"]

    def linked(self, path: str, key: str) -> list[str]:
        """The ids of a relationship."""
        return list(self.get(path)["relationships"][key]["values"])


def settings(quirks: Mapping[str, str] | None = None, **changed: object) -> SandboxSettings:
    """Settings without a rate limit."""
    return SandboxSettings.model_validate({"rps": 0, "quirks": dict(quirks or {}), **changed})


_SERVE = """
import sys
from pathlib import Path
from lfsync.sandbox.serve import serve
from lfsync.project.settings import SandboxSettings
seed = Path(sys.argv[2]) if sys.argv[2] else None
serve(SandboxSettings.model_validate_json(sys.argv[1]), host="127.0.0.1", port=0, database=None, seed=seed)
"""


@contextmanager
def served(chosen: SandboxSettings, seed: Path | None = None) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A sandbox in a process of its own: its URL, and the process."""
    command = [sys.executable, "-c", _SERVE, chosen.model_dump_json(), str(seed or "")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        line = process.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:"), process.stderr and process.stderr.read()
        yield line.removeprefix("listening on ").strip(), process
    finally:
        process.terminate()
        process.communicate(timeout=10)

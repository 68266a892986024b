"""Refresh picks its way by cost: pages, ids, filters, mirrors. Requests are counted in the sandbox's own log."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path

import httpx
import pytest

from lfsync.api.client import Client
from lfsync.api.wire import ClientSettings
from lfsync.kinds import KINDS
from lfsync.knowledge.refresh import Refresher
from lfsync.model import Address, Schema
from lfsync.planning.definitions import parse_definitions
from lfsync.planning.draft import Draft
from lfsync.planning.prepare import prepare
from lfsync.project.documents import compose
from lfsync.project.resource_file import join, read_resources
from lfsync.project.settings import SandboxSettings
from lfsync.sandbox.app import create_app
from lfsync.sandbox.transport import SandboxTransport
from lfsync.state.state import Binding, State

ACCOUNTS, TASKS = 400, 600


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """400 accounts, the first of them with three tasks, and 600 tasks of nobody's."""
    accounts = [{"ref": f"a{n}", "fields": {"$name": f"Company {n:03}"}} for n in range(ACCOUNTS)]
    tasks = [
        {
            "fields": {"$title": f"{'Own' if n < 3 else 'Task'} {n}", "$status": "TODO"},
            "relationships": {"$assignedTo": "kai", **({"$account": "a0"} if n < 3 else {})},
        }
        for n in range(TASKS)
    ]
    data = {
        "members": [{"ref": "kai", "email": "kai@corp.example", "first": "Kai", "last": "Berg", "role": "admin"}],
        "records": {"accounts": accounts, "tasks": tasks},
    }
    path = tmp_path_factory.mktemp("refresh") / "seed.yaml"
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


class Ways:
    """What a refresh of a project asked for, by kind of request."""

    def __init__(self, made: Draft, log: list[dict[str, object]]) -> None:
        self.made = made
        self.asked = Counter(_shape(str(entry["path"])) for entry in log)


def _shape(path: str) -> str:
    path, _, query = path.partition("?")
    parts = path.removeprefix("/v1/").split("/")
    if "%5B" in query:
        return f"{parts[0]} filtered"
    return f"{parts[0]} {'page' if len(parts) == 1 else 'by id'}"


def refreshed(seed: Path, text: str, bound: dict[str, int] | None = None) -> Ways:
    """Refresh `text`; `bound`: addresses of accounts that the state binds to the n-th account."""

    async def run() -> Ways:
        transport = SandboxTransport(create_app(SandboxSettings(rps=0), database=":memory:", seed=seed))
        client = Client(ClientSettings("http://localhost", "sk_lf_x", transport=transport))
        async with client, httpx.AsyncClient(transport=transport, base_url="http://localhost") as people:
            declared = read_resources(compose(text, "r.yaml"), "r.yaml", {}, lambda _file, _place: "")
            resources, _ = join([declared.resources])
            kinds = [kind for kind in {address.kind for address in resources} if KINDS[kind].definitions]
            schema = Schema(
                {kind: parse_definitions(kind, dict(await client.definitions(KINDS[kind]))) for kind in kinds},
                await client.members(),
            )
            desired, problems = prepare(resources, schema)
            assert not problems
            accounts = {str(r.fields["$name"]): r.id for r in (await client.list(KINDS["account"])).records.values()}
            bindings = {
                (address := Address.parse(name)): Binding(address, accounts[f"Company {n:03}"])
                for name, n in (bound or {}).items()
            }
            await people.post("/_sandbox/reset")
            made = await Refresher(client, desired, schema, State("0" * 16, (), bindings), lag_timeout=30).run()
            return Ways(made, (await people.get("/_sandbox/log")).json())

    return asyncio.run(run())


def _accounts(count: int) -> str:
    rows = "".join(f"  a{n}: {{fields: {{$name: Company {n:03}}}}}\n" for n in range(count))
    return f"accounts:\n{rows}"


def test_few_bound_records_of_many_are_read_by_id(seed: Path) -> None:
    ways = refreshed(seed, _accounts(3), {f"account.a{n}": n for n in range(3)})
    assert ways.asked == {"accounts page": 1, "accounts by id": 3}
    assert not ways.made.changes


def test_many_bound_records_are_read_by_the_page(seed: Path) -> None:
    ways = refreshed(seed, _accounts(100), {f"account.a{n}": n for n in range(100)})
    assert ways.asked == {"accounts page": ACCOUNTS / 25}
    assert not ways.made.changes


def test_few_unbound_names_are_asked_of_the_filter(seed: Path) -> None:
    ways = refreshed(seed, _accounts(2) + "  new: {fields: {$name: Nobody yet}}\n")
    assert ways.asked["accounts filtered"] == 3
    assert ways.asked["accounts page"] == 1
    assert {str(a): c.action for a, c in ways.made.changes.items()} == {
        "account.a0": "adopt",
        "account.a1": "adopt",
        "account.new": "create",
    }


def test_a_name_is_found_whatever_blanks_surround_it(tmp_path: Path) -> None:
    """An exact filter would hide it, and it would be made twice."""
    accounts = [{"fields": {"$name": f"Company {n:03}"}} for n in range(100)]
    seed = tmp_path / "seed.yaml"
    seed.write_text(
        json.dumps({"records": {"accounts": [*accounts, {"fields": {"$name": "Acme  "}}]}}), encoding="utf-8"
    )
    text = "accounts: {acme: {match: [$name], fields: {$name: Acme}}}"
    ways = refreshed(seed, text)
    assert ways.asked["accounts filtered"] == 1
    assert ways.made.changes[Address("account", "acme")].action == "update"


def test_an_e_mail_is_never_left_to_a_filter(seed: Path, tmp_path: Path) -> None:
    """Its case may be another in the workspace, and no document says that the filter folds it."""
    people = [{"fields": {"$email": [f"p{n}@x.example"]}} for n in range(100)]
    data = {"records": {"contacts": [*people, {"fields": {"$email": ["Ada@X.example"]}}]}}
    path = tmp_path / "seed.yaml"
    path.write_text(json.dumps(data), encoding="utf-8")
    ways = refreshed(path, "contacts: {ada: {fields: {$email: [ada@x.example]}}}")
    assert ways.asked["contacts filtered"] == 0
    assert {str(a): c.action for a, c in ways.made.changes.items()} == {"contact.ada": "adopt"}


def test_tasks_of_few_accounts_come_through_the_accounts(seed: Path) -> None:
    links = "{$account: a0, $assignedTo: kai@corp.example}"
    rows = (f"  t{n}: {{fields: {{$title: Own {n}, $status: TODO}}, relationships: {links}}}\n" for n in range(4))
    tasks = "".join(rows)
    ways = refreshed(seed, f"{_accounts(1)}tasks:\n{tasks}", {"account.a0": 0})
    assert ways.asked["tasks page"] == 1
    assert ways.asked["tasks by id"] == 3
    actions = {str(a): c.action for a, c in ways.made.changes.items()}
    assert actions == {"task.t0": "adopt", "task.t1": "adopt", "task.t2": "adopt", "task.t3": "create"}


def test_tasks_without_an_account_need_every_page(seed: Path) -> None:
    ways = refreshed(seed, "tasks: {t: {fields: {$title: Task 7, $status: TODO}}}")
    assert ways.asked == {"tasks page": TASKS / 25}
    assert {str(a): c.action for a, c in ways.made.changes.items()} == {"task.t": "adopt"}

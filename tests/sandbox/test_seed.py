"""The seed file: every mistake with its place, refs that point forwards, and a database that is seeded once."""

from __future__ import annotations

from pathlib import Path

import pytest

from lfsync.errors import ConfigError, UsageError
from lfsync.sandbox.app import create_app
from tests.sandbox.box import Box, settings
from tests.sandbox.conftest import MakeBox


def problems(tmp_path: Path, text: str) -> list[tuple[int, int, str]]:
    path = tmp_path / "seed.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        create_app(settings(), database=":memory:", seed=path)
    found = caught.value.problems
    assert all(problem.place and problem.place.file == str(path) for problem in found)
    return [(p.place.line, p.place.column, f"{p.message} / {p.hint}") for p in found if p.place]


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ("member: []", 1, 1, "unknown key `member` / did you mean `members`?"),
        ("members: [{email: a@x.example, frist: A}]", 1, 32, "unknown key `frist` / did you mean `first`?"),
        ("members: [{first: A}]", 1, 11, "members.0.email: "),
        ("members: {}", 1, 1, "members: "),
        ("objects: {project: {label: P}}", 1, 1, "no custom objects yet"),
        ("records: {meetings: []}", 1, 11, "no meetings yet"),
        ("records: {objects: {}}", 1, 11, "no custom objects yet"),
        ("records:\n  acounts: []", 2, 3, "unknown key `acounts` under `records` / did you mean `accounts`?"),
        ("definitions: {task: {fields: {x: {type: TEXT}}}}", 1, 31, "task has no custom fields"),
        ("definitions: {account: {fields: {x: {type: TXT}}}}", 1, 38, "definitions.account.fields.x.type: "),
        ("definitions: {account: {fields: {x: {label: X}}}}", 1, 34, "x needs a `type`"),
        ("definitions: {account: {fields: {$name: {type: NUMBER}}}}", 1, 42, "$name is of type TEXT"),
        ("definitions: {account: {fields: {x: {type: TEXT, options: [A]}}}}", 1, 50, "TEXT fields have no options"),
        ("definitions: {note: {stages: [A]}}", 1, 15, "note has no stages"),
        ("definitions: {account: {stages: [A], pipelines: {P: [A]}}}", 1, 25, "pipelines bring their own stages"),
        (
            "definitions: {account: {relationships: {x: {target: acount, cardinality: HAS_ONE}}}}",
            1,
            45,
            "unknown target `acount` / did you mean `account`?",
        ),
        (
            "definitions: {account: {relationships: {$owner: {target: contact, cardinality: HAS_ONE}}}}",
            1,
            41,
            "no name for a custom relationship",
        ),
        ("records:\n  accounts:\n    - fields: {$nam: x}", 3, 7, "account needs $name"),
        ("records:\n  accounts:\n    - fields: {$name: x, $nam: y}", 3, 26, "account has no field '$nam'"),
        ("records: {tasks: [{fields: {$title: x, $status: Todo}}]}", 1, 40, "must be one of TODO"),
        (
            "records: {accounts: [{fields: {$name: x}, relationships: {$owner: kay}}]}",
            1,
            59,
            "there is no member `kay`",
        ),
        ("records: {accounts: [{fields: {$name: x}, relationships: {$boss: kay}}]}", 1, 59, "no relationship '$boss'"),
        ("records: {accounts: [{fields: {$name: x}, relationships: {$task: []}}]}", 1, 59, "$task is read-only here"),
        ("records: {accounts: [{fields: {$name: x}, members: [y]}]}", 1, 43, "only lists have members"),
        ("lists:\n  - {fields: {$name: L, $objectType: $account}, members: [x]}", 2, 59, "there is no account `x`"),
        ("lists: [{fields: {$name: L, $objectType: $task}}]", 1, 29, "must be one of $account"),
        (
            "records: {accounts: [{ref: a, fields: {$name: x}}, {ref: a, fields: {$name: y}}]}",
            1,
            53,
            "two of kind account are called `a`",
        ),
    ],
)
def test_mistakes(tmp_path: Path, text: str, line: int, column: int, said: str) -> None:
    found = problems(tmp_path, text)
    assert any(said in message for _, _, message in found), found
    assert (line, column) in [(at, start) for at, start, message in found if said in message], found


def test_every_mistake_at_once(tmp_path: Path) -> None:
    text = """
records:
  accounts:
    - fields: {$name: x, colour: red}
    - fields: {$name: y}
      relationships: {$owner: nobody, $contact: [none, no-one]}
  tasks:
    - fields: {$title: x, $status: Todo}
"""
    assert len(problems(tmp_path, text)) == 5


def test_a_seed_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        create_app(settings(), database=":memory:", seed=tmp_path / "none.yaml")
    assert "can't read the seed" in caught.value.problems[0].message


def test_an_empty_seed_has_somebody_to_act(tmp_path: Path) -> None:
    path = tmp_path / "seed.yaml"
    path.write_text("")
    box = Box(settings(), seed=path)
    assert box.get("/v1/members")["totalCount"] == 1
    assert box.get("/v1/accounts")["totalCount"] == 0
    box.close()


def test_a_failed_seed_can_be_mended(tmp_path: Path) -> None:
    problems(tmp_path, "records: {accounts: [{fields: {$name: x, y: z}}]}")
    path = tmp_path / "seed.yaml"
    with pytest.raises(ConfigError):
        create_app(settings(), database=tmp_path / "db", seed=path)
    path.write_text("records: {accounts: [{fields: {$name: x}}]}")
    box = Box(settings(), tmp_path / "db", path)
    assert box.get("/v1/accounts")["totalCount"] == 1
    box.close()


@pytest.mark.parametrize("content", [None, b"no database at all, but long enough to be looked at"])
def test_a_database_that_cannot_be_opened(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "missing" / "db" if content is None else tmp_path / "db"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match="can't open the sandbox's database"):
        create_app(settings(), database=path, seed=None)


def test_seeded_once(make_box: MakeBox, tmp_path: Path) -> None:
    first = make_box(database=tmp_path / "db")
    first.account(name="Mine")
    second = make_box(database=tmp_path / "db")
    assert second.get("/v1/accounts")["totalCount"] == 3
    assert second.get("/v1/accounts/definitions") == first.get("/v1/accounts/definitions")


def test_order_is_that_of_the_file_and_refs_point_forwards(tmp_path: Path) -> None:
    path = tmp_path / "seed.yaml"
    path.write_text("""
records:
  contacts: [{fields: {$title: CTO}, relationships: {$account: [b, a]}}]
  accounts: [{ref: a, fields: {$name: A}}, {ref: b, fields: {$name: B}}]
  lists: [{fields: {$name: L, $objectType: account}, members: [b]}]
""")
    box = Box(settings(), seed=path)
    rows = box.get("/v1/accounts")["data"]
    assert [row["fields"]["$name"]["value"] for row in rows] == ["B", "A"]
    assert rows[0]["createdAt"] > rows[1]["createdAt"]
    assert box.linked(f"/v1/contacts/{box.contact()}", "$account") == [row["id"] for row in rows]
    assert box.get(f"/v1/lists/{box.id('lists', 'L')}/accounts")["totalCount"] == 1
    box.close()


def test_ids_are_random_unless_seeded(make_box: MakeBox) -> None:
    def ids(box: Box) -> set[str]:
        fields = box.get("/v1/accounts/definitions")["fieldDefinitions"].values()
        return {row["id"] for row in box.get("/v1/accounts")["data"]} | {field["id"] for field in fields}

    one, two, three = (ids(make_box(random_seed=seed)) for seed in (4, 4, 5))
    assert one == two
    assert not one & three
    assert not ids(make_box()) & ids(make_box())


def test_prefixes(box: Box) -> None:
    shown = box.get("/v1/opportunities/definitions")["fieldDefinitions"]
    assert shown["$name"]["id"].startswith("ad_")
    assert all(row["id"].startswith("opt_") for row in shown["$stage"]["typeConfiguration"]["options"])
    assert all(row["id"].startswith("pd_") for row in shown["$pipeline"]["typeConfiguration"]["options"])
    prefixes = {"accounts": "acc_", "contacts": "con_", "opportunities": "opp_", "tasks": "tsk_", "members": "mem_"}
    for section, prefix in prefixes.items():
        assert box.get(f"/v1/{section}")["data"][0]["id"].startswith(prefix)


def test_stages_without_pipelines(tmp_path: Path) -> None:
    path = tmp_path / "seed.yaml"
    path.write_text("definitions: {opportunity: {stages: [Open, Closed]}, account: {stages: [Lead]}}")
    box = Box(settings(), seed=path)
    fields = box.get("/v1/opportunities/definitions")["fieldDefinitions"]
    assert [row["label"] for row in fields["$stage"]["typeConfiguration"]["options"]] == ["Open", "Closed"]
    assert "$pipeline" not in fields
    account = box.account(**{"$stage": "Lead"})["id"]
    body = {"fields": {"$name": "x", "$stage": "Open"}, "relationships": {"$account": account}}
    box.post("/v1/opportunities", body)
    box.close()

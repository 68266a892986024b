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
        ("records: {meetings: [{fields: {$title: x}}]}", 1, 23, "meeting needs $startDate"),
        (
            "records: {meetings: [{fields: {$title: x, $startDate: 2026-01-01, $endDate: soon}}]}",
            1,
            67,
            "must be an ISO 8601 date and time",
        ),
        (
            "records:\n  meetings:\n    - fields: {$title: x, $startDate: 2026-01-01, $endDate: 2026-01-02}\n"
            "      relationships: {$transcript: call}",
            4,
            23,
            "there is no file `call`",
        ),
        (
            "records:\n  meetings:\n    - fields: {$title: x, $startDate: 2026-01-01, $endDate: 2026-01-02}\n"
            "      relationships: {$contact: ada}",
            4,
            23,
            "$contact is read-only here",
        ),
        ("files: [{filename: a.txt}]", 1, 9, "a file has either `content` or a `size`"),
        ("files: [{filename: a.txt, content: x, size: 3}]", 1, 9, "a file has either `content` or a `size`"),
        ("files: [{filename: a.txt, size: 0}]", 1, 27, "should be greater than or equal to 1"),
        (
            "files: [{filename: a.txt, size: 1, mimetype: x}]",
            1,
            36,
            "unknown key `mimetype` / did you mean `mimeType`?",
        ),
        (
            "files: [{ref: a, filename: a, size: 1}, {ref: a, filename: b, size: 1}]",
            1,
            42,
            "two of kind file are called",
        ),
        ("files: [{filename: a.txt, size: 1, mimeType: text}]", 1, 36, "should match pattern"),
        ("members: [{email: a@x.example, privacy: FULL}]", 1, 32, "should be 'METADATA'"),
        ("records: {objects: []}", 1, 11, "records of custom objects stand under `object.SLUG`"),
        ("definitions: {object: {}}", 1, 15, "types of custom objects stand at the top"),
        ("{objects: {p: {}}, definitions: {p: {}}}", 1, 34, "types of custom objects stand at the top"),
        ("{objects: {p: {}}, records: {p: []}}", 1, 30, "records of custom objects stand under `object.p`"),
        ("{objects: {plan: {}}, records: {object.plam: []}}", 1, 33, "did you mean `object.plan`?"),
        ("objects: {account: {}}", 1, 11, "`account` is no slug for a type of custom objects"),
        (
            "objects: {lists: {}}\nrecords: {object.lists: [{}]}",
            1,
            11,
            "`lists` is no slug for a type of custom objects",
        ),
        ("objects: {a/b: {}}", 1, 11, "`a/b` is no slug"),
        ("objects: {p: {lable: P}}", 1, 15, "unknown key `lable` / did you mean `label`?"),
        (
            "objects: {p: {title: nam, fields: {name: {type: TEXT}}}}",
            1,
            15,
            "p has no field `nam` / did you mean `name`?",
        ),
        ("objects: {p: {fields: {x: {}}}}", 1, 24, "x needs a `type`"),
        ("objects: {p: {stages: [A], pipelines: {P: [A]}}}", 1, 15, "pipelines bring their own stages"),
        ("objects: {p: {relationships: {x: {target: q, cardinality: HAS_ONE}}}}", 1, 35, "unknown target `q`"),
        (
            "objects: {p: {relationships: {x: {target: account, cardinality: HAS_ONE, inverse: {key: $contact}}}}}",
            1,
            84,
            "$contact is no name for a custom relationship of account",
        ),
        (
            "objects: {p: {relationships: {x: {target: member, cardinality: HAS_ONE, inverse: {key: y}}}}}",
            1,
            73,
            "a member shows no links",
        ),
        (
            "objects: {p: {relationships: {x: {target: p, cardinality: HAS_ONE, inverse: {key: y}}}}}",
            1,
            68,
            "a relationship of a kind with itself has directions, no inverse",
        ),
        ("{objects: {p: {fields: {name: {type: TEXT}}}}, records: {object.p: [{fields: {}}]}}", 1, 70, "p needs name"),
        (
            "{objects: {p: {fields: {n: {type: TEXT}}}}, records: {object.p: [{fields: {n: x, m: y}}]}}",
            1,
            82,
            "p has no field 'm'",
        ),
        ("workflow_runs: [{ends: failed}]", 1, 17, "workflow_runs.0.id: field required"),
        ("workflow_runs: [{id: a, ends: stopped}]", 1, 25, "input should be 'completed' or 'failed'"),
        ("workflow_runs: [{id: a}, {id: a}]", 1, 27, "two workflow runs are called `a`"),
        ("workflow_runs: [{id: a, ends: failed, status: stuck}]", 1, 25, "never ends / leave one of the two out"),
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


ONE_LEAD = """
objects:
  p:
    fields: {name: {type: TEXT}}
    relationships: {lead: {target: contact, cardinality: HAS_ONE, inverse: {key: leads, cardinality: CARD}}}
records:
  contacts: [{ref: ada, fields: {}}, {ref: lin, fields: {}, relationships: {leads: LEADS}}]
  object.p:
    - {ref: a, fields: {name: A}, relationships: {lead: LEAD}}
    - {ref: b, fields: {name: B}}
"""


@pytest.mark.parametrize(
    ("cardinality", "lead", "leads", "line", "column", "said"),
    [
        ("HAS_MANY", "ada", "[a]", 9, 51, "lead takes one link only, and the other side made one"),
        ("HAS_ONE", "lin", "b", 9, 51, "lead: the other side takes one link only"),
        ("HAS_ONE", "ada", "[a, b]", 7, 77, "leads takes a single id"),
        ("HAS_MANY", "ida", "[]", 9, 51, "there is no contact `ida` in this seed / did you mean `ada`?"),
    ],
)
def test_both_sides_of_a_link_agree(
    tmp_path: Path, cardinality: str, lead: str, leads: str, line: int, column: int, said: str
) -> None:
    text = ONE_LEAD.replace("CARD", cardinality).replace("LEADS", leads).replace("LEAD", lead)
    assert [(at, start) for at, start, message in problems(tmp_path, text) if said in message] == [(line, column)]


def test_a_link_may_stand_on_both_sides(tmp_path: Path) -> None:
    path = tmp_path / "seed.yaml"
    path.write_text(ONE_LEAD.replace("CARD", "HAS_ONE").replace("LEADS", "a").replace("LEAD", "lin"))
    box = Box(settings(), seed=path)
    first = next(row for row in box.get("/v1/objects/p")["data"] if row["fields"]["name"]["value"] == "A")
    lin = first["relationships"]["lead"]["values"]
    assert box.linked(f"/v1/contacts/{lin[0]}", "leads") == [first["id"]]
    box.close()


def test_every_kind_can_point_at_a_custom_object(tmp_path: Path) -> None:
    path = tmp_path / "seed.yaml"
    path.write_text("""
definitions:
  note: {relationships: {about: {target: p, cardinality: HAS_MANY, inverse: {key: notes, read_only: true}}}}
  opportunity: {relationships: {delivers: {target: p, cardinality: HAS_ONE}}}
objects: {p: {label: P, fields: {name: {type: TEXT}}}}
records:
  notes: [{ref: n, fields: {$title: N}, relationships: {about: [one]}}]
  object.p: [{ref: one, fields: {name: One}}]
""")
    box = Box(settings(), seed=path)
    one, note = (box.get(listed)["data"][0]["id"] for listed in ("/v1/objects/p", "/v1/notes"))
    assert box.linked(f"/v1/objects/p/values/{one}", "notes") == [note]
    assert box.linked(f"/v1/notes/{note}", "about") == [one]
    box.fails(400, "POST", f"/v1/objects/p/values/{one}", {"relationships": {"notes": {"remove": note}}})
    assert box.get("/v1/opportunities/definitions")["relationshipDefinitions"]["delivers"]["objectType"] == "p"
    box.close()


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

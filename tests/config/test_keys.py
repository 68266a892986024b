"""Keys of any script, and refs in cells that must never come to mean something else (design 3; rules C4, C18)."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfsync.commands.project import check_offline
from lfsync.errors import ConfigError
from lfsync.model import Address, Cell
from lfsync.project.keys import MAX_KEY, as_key, is_key_text, key_problem, named
from tests.config.config_samples import load

NFC = "M\u00fcller"
NFD = "Mu\u0308ller"
SOURCES = """\
sources:
  - {kind: account, file: a.csv, key: Name, fields: {$name: Name}}
  - {kind: contact, file: c.csv, key: Mail, fields: {$email: [Mail]}, relationships: {$account: Company}}
"""


def told(root: Path, files: dict[str, str]) -> list[str]:
    """What `lfsync validate` finds, each problem on one line."""
    try:
        check_offline(load(root, files))
    except ConfigError as error:
        return [str(problem).replace("\n    ", " -- ") for problem in error.problems]
    return []


@pytest.mark.parametrize(
    "key",
    ["acme", "7", "a.b_c@d+e-f", NFC, "株式会社", "Ακμή", "Акме-3", "شركة", "हिन्दी", "ไทย", "x\u0301", "k" * MAX_KEY],
)
def test_keys_of_any_script(key: str) -> None:
    assert key_problem(key) is None


@pytest.mark.parametrize("key", ["", " a", "a b", "a/b", "-a", "_a", "\u0301a", "a\u200db", "½", "a²", NFD, "k" * 129])
def test_what_is_no_key(key: str) -> None:
    assert key_problem(key)


@pytest.mark.parametrize(
    ("cell", "key"),
    [
        ("  Müller GmbH ", "Müller-GmbH"),
        (NFD, NFC),
        ("株式会社 アクメ", "株式会社-アクメ"),
        ("A & Sons", "A-Sons"),
        ("o'neil@x.example", "o-neil@x.example"),
        ("a\u200db", "a-b"),
    ],
)
def test_a_cell_as_a_key(cell: str, key: str) -> None:  # rule C4
    assert as_key(cell) == key


@given(st.text(max_size=30))
def test_as_key_gives_key_text_once_and_for_all(text: str) -> None:
    key = as_key(text)
    assert is_key_text(key)
    assert as_key(key) == key
    assert unicodedata.is_normalized("NFC", key)


def test_only_a_cell_is_made_a_key() -> None:
    there = {Address("account", "A-Sons")}
    assert named(there, "account", Cell("A & Sons")) == Address("account", "A-Sons")
    assert named(there, "account", "A & Sons") is None, "a ref in YAML is what it says"
    assert named(there, "contact", Cell("A & Sons")) is None


def test_the_same_company_in_two_forms_is_one(tmp_path: Path) -> None:  # rule C18
    rows = {"a.csv": f"Name\n{NFC} GmbH\n", "c.csv": f"Mail,Company\nada@x.example,{NFD} GmbH\n"}
    assert told(tmp_path, {"r.yaml": SOURCES, **rows}) == []


def test_a_contact_of_one_company_is_never_linked_to_another(tmp_path: Path) -> None:  # rule C4
    rows = {"a.csv": "Name\nMüller GmbH\n", "c.csv": "Mail,Company\nada@x.example,Möller GmbH\n"}
    [problem] = told(tmp_path, {"r.yaml": SOURCES, **rows})
    assert problem.startswith("c.csv:2: contact.ada@x.example: `$account`: there is no account `Möller GmbH`")


def test_a_ref_cell_that_gives_anothers_key_is_an_error_naming_both(tmp_path: Path) -> None:  # rule C4
    rows = {"a.csv": "Name\nMüller & Söhne\n", "c.csv": "Mail,Company\nada@x.example,Müller Söhne\n"}
    [problem] = told(tmp_path, {"r.yaml": SOURCES, **rows})
    assert problem.startswith(
        "c.csv:2: contact.ada@x.example: `Müller Söhne` gives the same key as `Müller & Söhne` at a.csv:2"
    )
    assert "write `Müller-Söhne` if it is meant" in problem


def test_two_ref_cells_that_give_one_key_are_an_error(tmp_path: Path) -> None:  # rule C4
    files = {
        "r.yaml": "accounts: {A-Sons: {fields: {$name: A & Sons}}}\nsources:\n" + SOURCES.splitlines(True)[2],
        "c.csv": "Mail,Company\na@x.example,A & Sons\nb@x.example,A / Sons\nc@x.example,A-Sons\n",
    }
    [problem] = told(tmp_path, files)
    assert problem.startswith("c.csv:3: contact.b@x.example: `A / Sons` gives the same key as `A & Sons` at c.csv:2")


def test_two_key_cells_that_give_one_key_are_an_error_naming_both(tmp_path: Path) -> None:  # rule C4
    project = load(tmp_path, {"r.yaml": SOURCES, "a.csv": "Name\nA & B\nA / B\n", "c.csv": "Mail,Company\n"})
    assert [(p.place, p.message) for p in project.problems] == [
        (("a.csv", 3, 0), "`A / B` gives the same key as `A & B` at a.csv:2")
    ]


def test_a_key_as_it_stands_is_exempt(tmp_path: Path) -> None:  # rule C4
    rows = {"a.csv": "Name\nA & B\n", "c.csv": "Mail,Company\nada@x.example,A-B\nbo@x.example,A & B\n"}
    assert told(tmp_path, {"r.yaml": SOURCES, **rows}) == []


def test_emails_with_signs_are_named_as_they_stand(tmp_path: Path) -> None:  # rule C4
    source = SOURCES.replace("relationships: {", "relationships: {boss: Boss, ") + (
        "  - {kind: account, file: o.csv, key: Id, fields: {$name: Id}, "
        "relationships: {$owner: Owner, $contact: Who}}\n"
    )
    rows = {
        "a.csv": "Name\nA\n",
        "c.csv": "Mail,Company,Boss\no'neil@x.example,7,\n",
        "o.csv": "Id,Owner,Who\n7,o'neil@corp.example,o'neil@x.example\n",
    }
    project = load(tmp_path, {"r.yaml": source, **rows})
    assert not project.problems
    owner = project.resources[Address("account", "7")].relationships["$owner"]
    assert [ref.text for ref in owner.include] == ["o'neil@corp.example"]


def test_refs_in_json_lines_are_cells_too(tmp_path: Path) -> None:  # rule C4
    source = SOURCES.replace(".csv", ".jsonl").replace("$name: Name", "$name: {value: A}")
    rows = {"a.jsonl": '{"Name": "A & B"}\n{"Name": 7}\n'}
    rows["c.jsonl"] = '{"Mail": "a@x.example", "Company": ["A & B", 7, ""]}\n'
    project = load(tmp_path, {"r.yaml": source, **rows})
    assert not project.problems
    links = project.resources[Address("contact", "a@x.example")].relationships["$account"]
    assert [named(project.resources, "account", ref.text) for ref in links.include] == [
        Address("account", "A-B"),
        Address("account", "7"),
    ]


def test_refs_in_the_match_of_a_source_are_cells(tmp_path: Path) -> None:  # rule C4
    source = [
        *SOURCES.splitlines(True)[:2],
        "  - {kind: task, file: t.csv, key: Id, match: {$title: Title, $account: Company}, fields: {$title: Title}}\n",
    ]
    rows = {"a.csv": "Name\nA & B\n", "t.csv": "Id,Title,Company\n1,Call,A & B\n"}
    assert told(tmp_path, {"r.yaml": "".join(source), **rows}) == []


@pytest.mark.parametrize("text", ["acc_ Müller", "acc_a & b", "acc_"])
def test_a_name_that_begins_like_an_id_is_none(tmp_path: Path, text: str) -> None:  # rule C4
    rows = {"a.csv": f"Name\n{text}\n", "c.csv": f"Mail,Company\na@x.example,{text}\n"}
    assert told(tmp_path / "a", {"r.yaml": SOURCES, **rows}) == []
    [problem] = told(tmp_path / "b", {"r.yaml": SOURCES, **rows, "a.csv": "Name\nOther\n"})
    assert f"there is no account `{text}`" in problem


def test_yaml_keys_and_refs_are_compared_in_nfc(tmp_path: Path) -> None:  # rule C18
    text = f"accounts: {{{NFD}: {{fields: {{$name: M}}}}}}\ncontacts: {{a: {{fields: {{$email: [a@x.example]}}, "
    files = {"r.yaml": text + f"relationships: {{$account: {NFC}}}}}}}\n"}
    project = load(tmp_path / "a", files)
    assert not project.problems
    assert Address("account", NFC) in project.resources
    twice = load(tmp_path / "b", {"r.yaml": f"accounts:\n  {NFC}: {{fields: {{$name: A}}}}\n", "s.yaml": text + "}}\n"})
    assert [p.message for p in twice.problems] == ["declared twice; it is first at r.yaml:2:3"]


def test_column_names_are_compared_in_nfc(tmp_path: Path) -> None:  # rule C18
    source = f"sources:\n  - {{kind: account, file: a.csv, key: Id, fields: {{$name: {NFC}}}}}\n"
    assert told(tmp_path, {"r.yaml": source, "a.csv": f"Id,{NFD}\n1,x\n"}) == []

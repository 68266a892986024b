"""What bad input gets: files and the problems that a person reads, all at once, each with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.config_samples import problems

ACCOUNT = "accounts:\n  acme:\n    fields: {$name: Acme}\n"
SOURCE = "sources:\n  - kind: account\n    file: rows.csv\n    key: Name\n    fields: {$name: Name, city: City}\n"

CASES: dict[str, tuple[dict[str, str | bytes], list[str]]] = {
    "broken yaml": (
        {"r.yaml": "accounts:\n  acme: [\n"},
        ["r.yaml:3:1: broken YAML: did not find expected node content"],
    ),
    "tab": ({"r.yaml": "accounts:\n\tacme: {}\n"}, ["r.yaml:2:1: a tab in the indentation -- indent YAML with spaces"]),
    "duplicate keys": (
        {"r.yaml": "accounts:\n  a: {fields: {$name: A, $name: B}}\n  a: {}\n"},
        ["r.yaml:2:26: duplicate key `$name`; it is first at r.yaml:2:16", "r.yaml:3:3: duplicate key `a`"],
    ),
    "alias bomb": (
        {
            "r.yaml": "a: &a [x, x, x]\n"
            + "".join(f"{c}: &{c} [{', '.join([f'*{p}'] * 30)}]\n" for p, c in zip("abcde", "bcdef", strict=True))
        },
        ["(an alias bomb)"],
    ),
    "unknown keys": (
        {"r.yaml": "acounts: {}\naccounts:\n  a: {feilds: {}, fields: {$name: A}, lifecycle: {ignore: []}}\nmeta: 1\n"},
        [
            "r.yaml:1:1: unknown key `acounts` in a resource file -- did you mean `accounts`?",
            "r.yaml:3:7: account.a: unknown key `feilds` in a resource -- did you mean `fields`?",
            "r.yaml:3:51: account.a: unknown key `ignore` in `lifecycle` -- did you mean `ignore_changes`?",
            "r.yaml:4:1: unknown key `meta` in a resource file -- known here: accounts,",
        ],
    ),
    "a field that is not below fields": (
        {"r.yaml": "accounts:\n  a: {$name: A, $owner: k@x.example, members: [b], fields: {$name: A}}\n"},
        [
            "unknown key `$name` in a resource -- write it below `fields`",
            "unknown key `$owner` in a resource -- write it below `relationships`",
            "only lists have `members`",
        ],
    ),
    "flags and kinds": (
        {
            "r.yaml": "\n" + ACCOUNT + "    lifecycle: {seed: true, protect: null, absent: 1}\n"
            "sources:\n  - {kind: file, file: x.csv, key: K}\n",
            "lfsync.yaml": "version: 1\nworkspaces: {s: {sandbox: }}\ndefaults: {tasks: {}}\n",
        },
        [
            "lfsync.yaml:3:12: unknown kind `tasks` -- did you mean `task`?",
            "r.yaml:5:52: account.acme: `absent` must be true or false",
            "r.yaml:7:12: a source declares no files -- declare them below `files:`, each with its `path`",
        ],
    ),
    "moved: its form (rule M1)": (
        {
            "a.yaml": ACCOUNT + "moved: {from: account.b, to: account.acme}\n",
            "r.yaml": "moved:\n"
            "  - {form: account.b, to: account.acme}\n"
            "  - {from: account.c}\n"
            "  - account.d\n"
            "  - {from: acme, to: account.acme}\n"
            "  - {from: acount.e, to: account.acme}\n"
            "  - {from: 'account.e f', to: account.acme}\n"
            "  - {from: 5, to: }\n"
            "  - {from: object.project, to: objects.project.a}\n",
        },
        [
            "a.yaml:4:8: `moved` must be a list -- write {from: account.birch, to: account.birch-energy}",
            "r.yaml:2:5: `from` is missing in `moved` -- write {from: account.birch",
            "r.yaml:2:6: unknown key `form` in `moved` -- did you mean `from`?",
            "r.yaml:3:5: `to` is missing in `moved` -- write {from: account.birch",
            "r.yaml:4:5: an item of `moved` must be a mapping -- write {from: account.birch",
            "r.yaml:5:12: `from`: `acme` is no address -- an address is `kind.key`",
            "r.yaml:6:12: `from`: unknown kind `acount` -- did you mean `account`?",
            "r.yaml:7:12: `from`: `e f` can't be a key",
            'r.yaml:8:12: `from` must be text -- put it into quotes: "5"',
            "r.yaml:8:19: `to` must be text",
            "r.yaml:9:12: `from`: `object.project` is no address",
            "r.yaml:9:32: `to`: `objects` names no type of custom objects -- write `object.SLUG`",
        ],
    ),
    "moved: what it says (rule M1)": (
        {
            "a.yaml": "accounts: {b: {fields: {$name: B}}, c: {fields: {$name: C}}}\n"
            "contacts: {b: {fields: {$email: [b@x.example]}}}\n",
            "b.yaml": "moved:\n"
            "  - {from: account.b, to: account.c}\n"
            "  - {from: account.x, to: account.bb}\n"
            "  - {from: account.y, to: contact.b}\n"
            "  - {from: account.z, to: account.z}\n"
            "  - {from: account.a, to: account.b}\n",
            "c.yaml": "moved:\n  - {from: account.a, to: account.c}\n",
        },
        [
            "b.yaml:2:12: account.b: `from` is still declared, at a.yaml:1:12 -- rename it there as well, or take",
            "b.yaml:3:27: account.bb: `moved` leads to it, and it is not declared -- did you mean `account.b`?",
            "b.yaml:4:27: contact.b: account.y can't become another kind: a record stays what it is",
            "b.yaml:5:27: account.z: `from` and `to` are the same -- take it out",
            "c.yaml:2:12: account.a: `from` twice; it is first at b.yaml:6:12",
        ],
    ),
    "moved: a circle, and a chain that ends nowhere (rule M1)": (
        {
            "a.yaml": ACCOUNT + "moved:\n"
            "  - {from: account.a, to: account.b}\n"
            "  - {from: account.b, to: account.a}\n"
            "  - {from: account.c, to: account.d}\n"
            "  - {from: account.d, to: account.e}\n",
        },
        [
            "a.yaml:5:12: account.a: `moved` leads back to where it begins",
            "a.yaml:6:12: account.b: `moved` leads back to where it begins",
            "a.yaml:8:27: account.e: `moved` leads to it, and it is not declared",
        ],
    ),
    "custom objects": (
        {
            "r.yaml": "objects:\n  2nd: {a: {id: obj_1}}\n  a.b: {}\n  project:\n    a: {fields: {name: A}}\n"
            "    b: {match: [nam], fields: {name: B}, members: []}\n"
            "sources:\n  - {kind: object, file: x.csv, key: K}\n  - {kind: object.2nd, file: x.csv, key: K}\n"
            "  - {kind: object.project, file: o.csv, key: K, fields: {name: K}}\n",
            "o.csv": "K\nx\ny\n",
            "lfsync.yaml": "version: 1\nworkspaces: {s: {sandbox: }}\ndefaults: {objects: {}, object.2: {}}\n",
        },
        [
            "lfsync.yaml:3:12: `objects` names no type of custom objects -- write `object.SLUG`",
            "lfsync.yaml:3:25: `2` can't be the slug of a custom object type",
            "r.yaml:2:3: `2nd` can't be the slug of a custom object type",
            "r.yaml:3:3: `a.b` can't be the slug of a custom object type",
            "r.yaml:5:5: object.project.a: nothing says which record this is: an object.project has no default match",
            "r.yaml:6:17: object.project.b: `match` names `nam`, which is not declared here",
            "only lists have `members`",
            "r.yaml:8:12: `object` names no type of custom objects",
            "r.yaml:9:12: `2nd` can't be the slug of a custom object type",
            "r.yaml:10:5: object.project.*: nothing says which record this is",
        ],
    ),
    "shapes": (
        {
            "r.yaml": "accounts:\n  a: [x]\n  b: {fields: 3, match: $name, id: 7}\n  c: {fields: {$name: C}, "
            "relationships: {$owner: {who: k}}}\n"
            "  d: {fields: {$name: D}, match: []}\n  e: {fields: {$name: E}, match: {}}\n"
            "contacts: 5\nlists:\n  l: {fields: {$name: L, $objectType: $account}, members: acme}\n"
        },
        [
            "r.yaml:2:3: account.a: `$name` is missing",
            "r.yaml:2:6: account.a: a resource must be a mapping",
            "r.yaml:3:3: account.b: `$name` is missing",
            "r.yaml:3:15: account.b: `fields` must be a mapping",
            "r.yaml:3:25: account.b: `match` must be a list of keys or a mapping -- write [$name]",
            'r.yaml:3:36: account.b: `id` must be text -- put it into quotes: "7"',
            "r.yaml:4:52: account.c: unknown key `who` in a relationship",
            "r.yaml:5:34: account.d: a match with nothing to match",
            "r.yaml:6:34: account.e: a match with nothing to match",
            "r.yaml:7:11: `contacts` must be a mapping",
            "r.yaml:9:59: list.l: `members` must be a list",
        ],
    ),
    "keys": (
        {"r.yaml": "accounts:\n  foo bar: {fields: {$name: A}}\n  -x: {fields: {$name: A}}\n  " + "k" * 129 + ": {}\n"},
        ["`foo bar` can't be a key", "write `foo-bar`", "`-x` can't be a key", "the key has 129 characters"],
    ),
    "missing title": (
        {"r.yaml": "tasks:\n  t: {fields: {$status: TODO}}\nnotes:\n  n: {fields: {$title: ''}}\ncontacts:\n  c: {}\n"},
        [
            "r.yaml:2:3: task.t: `$title` is missing, so that nothing is left to match -- add `$title`",
            "r.yaml:4:24: note.n: `$title` is missing",
            "r.yaml:6:3: contact.c: `$email` and `$name` are missing",
        ],
    ),
    "match of what is not declared": (
        {"r.yaml": ACCOUNT + "    match: [$nmae, $website]\n"},
        [
            "r.yaml:4:13: account.acme: `match` names `$nmae`, which is not declared here -- did you mean `$name`?",
            "r.yaml:4:20: account.acme: `match` names `$website`",
        ],
    ),
    "list without object type": (
        {"r.yaml": "lists:\n  l: {fields: {$name: L}, members: []}\n"},
        ["list.l: `$objectType` is missing"],
    ),
    "refs": (
        {
            "r.yaml": ACCOUNT + "tasks:\n"
            "  t1: {fields: {$title: T1}, relationships: {$account: acm}}\n"
            "  t2: {fields: {$title: T2}, relationships: {$opportunity: acme}}\n"
            "  t3: {fields: {$title: T3}, relationships: {$account: account.acme}}\n"
            "  t4: {fields: {$title: T4}, relationships: {$account: con_7}}\n"
            "  t5: {fields: {$title: T5}, relationships: {$account: acc_birch, $opportunity: {match: {$name: X}}}}\n"
            "  t6: {fields: {$title: T6}, relationships: {$account: zzz}}\n"
            "  t7: {fields: {$title: T7}, relationships: {$account: 5}}\n"
        },
        [
            "r.yaml:5:56: task.t1: `$account`: there is no account `acm` -- did you mean `acme`?",
            "r.yaml:6:60: task.t2: `$opportunity` takes an opportunity, and `acme` is account.acme",
            "r.yaml:7:56: task.t3: `$account`: `account.acme` is an address, not a key -- write `acme`",
            "r.yaml:8:56: task.t4: `$account` takes an account, and `con_7` is the id of a contact",
            "r.yaml:10:56: task.t6: `$account`: there is no account `zzz` -- declare an account with this key",
            'r.yaml:11:56: task.t7: a ref must be text -- put it into quotes: "5"',
        ],
    ),
    "read-only": (
        {
            "r.yaml": "accounts:\n  a: {fields: {$name: A, $accountStatus: good}, "
            "relationships: {$task: [t], $meeting: [m], $files: []}}\n"
        },
        [
            "account.a: `$accountStatus` is written by Lightfield alone -- take it out",
            "account.a: `$task` of an account can't be set here -- set `$account` of the task",
            "`$meeting` of an account can't be set here -- Lightfield derives it",
            "`$files` of an account can't be set here",
        ],
    ),
    "named twice": (
        {
            "r.yaml": ACCOUNT
            + "lists:\n  l: {fields: {$name: L, $objectType: $account}, members: {include: [acme], exclude: [acme]}}\n"
        },
        ["r.yaml:5:87: list.l: `acme` is named twice -- keep one; it is first at r.yaml:5:70"],
    ),
    "cycle": (
        {
            "r.yaml": "accounts:\n  a: {match: [$name, $contact], fields: {$name: A}, relationships: {$contact: [c]}}\n"
            "contacts:\n  c: {match: [$account], fields: {$title: C}, relationships: {$account: [a]}}\n"
        },
        ["r.yaml:2:79: account.a: each of these needs the next one first: account.a → contact.c → account.a"],
    ),
    "contradiction": (
        {
            "a.yaml": "accounts:\n  a: {fields: {$name: A}, relationships: {$contact: [c]}}\n"
            "  b: {fields: {$name: B}, relationships: {$contact: []}}\n",
            "c.yaml": "contacts:\n  c: {fields: {$email: [c@x.example]}, relationships: {$account: [b]}}\n",
        },
        [
            "a.yaml:2:54: account.a: `$contact` links contact.c, whose `$account` at c.yaml:2:66 leaves account.a out",
            "c.yaml:2:67: contact.c: `$account` links account.b, whose `$contact` at a.yaml:3:53 leaves contact.c out",
        ],
    ),
    "one address in two files": (
        {"a.yaml": ACCOUNT, "b/c.yml": "\n" + ACCOUNT},
        ["b/c.yml:3:3: account.acme: declared twice; it is first at a.yaml:2:3 -- keep one, or rename one"],
    ),
    "files": (
        {
            "r.yaml": "notes:\n"
            "  a: {fields: {$title: A, $content: {file: ../x.md}}}\n"
            "  b: {fields: {$title: B, $content: {file: gone.md}}}\n"
            "  c: {fields: {$title: C, $content: {file: /etc/passwd}}}\n"
            "  d: {fields: {$title: D, $content: {file: latin.md}}}\n"
            "  e: {fields: {$title: E, $content: {file: big.md}}}\n"
            "  f: {fields: {$title: F, $content: {file: sub}}}\n"
            "  g: {fields: {$title: G, $content: {file: zero.md}}}\n"
            '  h: {fields: {$title: H, $content: {file: "a\\u0085b"}}}\n'
            "  i: {fields: {$title: I, $content: {file: 3}}}\n",
            "latin.md": b"one\ncaf\xe9",
            "big.md": b"x" * (1024 * 1024 + 1),
            "sub/n.md": "n",
            "zero.md": b"a\0b",
        },
        [
            "latin.md:2:4: note.d: byte 0xE9 is not UTF-8",
            "r.yaml:2:44: note.a: `../x.md` leads out of the project",
            "r.yaml:3:44: note.b: `gone.md` is not there",
            "r.yaml:4:44: note.c: `/etc/passwd` leads out of the project",
            "r.yaml:6:44: note.e: `big.md` has 1,048,577 bytes; at most 1,048,576 are read",
            "r.yaml:7:44: note.f: `sub` is a folder, not a regular file -- name a regular file; lfsync reads no other",
            "r.yaml:8:44: note.g: `zero.md` is no text",
            "r.yaml:9:44: note.h: ",
            "r.yaml:10:44: note.i: `file` must be text",
        ],
    ),
    "a file beside the yaml file": (
        {"deals/r.yaml": "notes:\n  a: {fields: {$title: A, $content: {file: n.md}}}\n", "deals/n.md": "x"},
        ["deals/r.yaml:2:44: note.a: `n.md` is not there -- did you mean `deals/n.md`?"],
    ),
    "latin-1 yaml": (
        {"r.yaml": b"accounts:\n  caf\xe9: {}\n"},
        ["r.yaml:2:6: byte 0xE9 is not UTF-8 -- save the file as UTF-8"],
    ),
    "missing column": (
        {"r.yaml": SOURCE, "rows.csv": "Name,Town,Citi\nAcme,Kiel,x\n"},
        ["r.yaml:5:33: rows.csv has no column `City` -- did you mean `Citi`?"],
    ),
    "rows": (
        {
            "r.yaml": SOURCE,
            "rows.csv": 'Name,City\nAcme\n"Be\n\nta",Kiel,x\n,Rome\nAcme,Oslo\n\n%st,Wien\nAcme ,Bonn\n',
        },
        [
            "rows.csv:2: the row has 1 cell, fewer than the header's 2 columns -- add the cells that are missing",
            "rows.csv:3: the row has 3 cells, more than the header's 2 columns",
            "rows.csv:6: the key column `Name` is empty",
            "rows.csv:9: `-st` can't be a key",
            "rows.csv:10: account.Acme: declared twice; it is first at rows.csv:7",
        ],
    ),
    "quotes": (
        {"r.yaml": SOURCE, "rows.csv": 'Name,City\nA,B\n"C,D\nE,F\n'},
        ["rows.csv:3: the row can't be read: the quote that opens a cell is never closed"],
    ),
    "latin-1 rows": (
        {"r.yaml": SOURCE, "rows.csv": b"Name,City\nA,B\nC,K\xf6ln\n"},
        ["rows.csv:3: byte 0xF6 is not UTF-8"],
    ),
    "control rows": (
        {"r.yaml": SOURCE, "rows.csv": "Name,City\nA,B\nC,\x1b[31m\n"},
        ["rows.csv:3: control character U+001B"],
    ),
    "empty rows": ({"r.yaml": SOURCE, "rows.csv": "\ufeff\n"}, ["rows.csv:1: the file is empty"]),
    "nothing but commas": ({"r.yaml": SOURCE, "rows.csv": ",,\n , \n"}, ["rows.csv:1: the file is empty"]),
    "two columns of a name": (
        {"r.yaml": SOURCE, "rows.csv": "Name,City,City\n"},
        ["rows.csv:1: two columns are named `City`"],
    ),
    "no rows file": ({"r.yaml": SOURCE}, ["r.yaml:3:11: `rows.csv` is not there"]),
    "json lines": (
        {
            "r.yaml": SOURCE.replace("csv", "jsonl"),
            "rows.jsonl": '{"Name": "A", "City": "B"}\n[1]\n{"Name": \n{"Name": "x", "Name": "y"}\n{"Name": NaN}\n'
            + "[" * 100_000
            + '\n{"Name": "\\ud800"}\n{"Name": {"a": 1}}\n{"City": "x"}\n{"Name": "A"}\n',
        },
        [
            "rows.jsonl:2: the line can't be read: not a JSON object",
            "rows.jsonl:3: the line can't be read: ",
            "rows.jsonl:4: the line can't be read: duplicate key `Name`",
            "rows.jsonl:5: the line can't be read: NaN is no JSON",
            "rows.jsonl:6: the line can't be read: nested too deep",
            "rows.jsonl:7: the line can't be read: a control character in the text",
            "rows.jsonl:8: the key column `Name` is no text",
            "rows.jsonl:9: the key column `Name` is empty",
            "rows.jsonl:10: account.A: declared twice; it is first at rows.jsonl:1",
        ],
    ),
    "what a source says": (
        {
            "r.yaml": "sources:\n"
            "  - {kind: accounts, file: r.csv, key: K}\n"
            "  - {kind: account, file: r.txt, key: K}\n"
            "  - {kind: account, flie: r.csv}\n"
            "  - {kind: account, file: ../r.csv, key: K}\n"
            "  - {kind: account, file: r.csv, key: [], fields: {a: {colum: X}, b: {value: 1, column: X}, "
            "c: {column: X, empty: 0}}}\n"
            "  - {kind: account, file: r.csv, key: {value: x}, fields: {a: {column: X, pattern: '['}, "
            "b: {column: X, pattern: x}}}\n"
            "  - {kind: account, file: r.csv, key: K, fields: {a: {column: X, pattern: '((a+)+)b'}, "
            "b: {column: X, split: ''}}}\n"
            "  - {kind: account, file: r.csv, key: K, relationships: {a: {city: X}}, fields: {a: {}}, match: $name}\n"
            "  - 3\n"
        },
        [
            "r.yaml:2:12: unknown kind `accounts` -- did you mean `account`?",
            "r.yaml:3:27: `r.txt` is no csv, tsv or jsonl file",
            "r.yaml:4:5: a source without `file` and `key`",
            "r.yaml:4:21: unknown key `flie` in a source -- did you mean `file`?",
            "r.yaml:5:27: `../r.csv` leads out of the project",
            "r.yaml:6:39: a source needs a column for the key",
            "r.yaml:6:56: unknown key `colum` in a column -- did you mean `column`?",
            "r.yaml:6:81: `column` beside `value`",
            "r.yaml:6:115: `empty` takes null only",
            "r.yaml:7:39: the key is made of columns",
            "r.yaml:7:84: the pattern can't be used: unterminated character set",
            "r.yaml:7:114: the pattern can't be used: it has no group",
            "r.yaml:8:75: the pattern can't be used: it repeats a group that repeats",
            "r.yaml:8:110: `split` must be the text between two values",
            "r.yaml:9:61: a relationship takes a column",
            "r.yaml:9:85: a column without a name",
            "r.yaml:9:97: `match` must be a list of keys or a mapping",
            "r.yaml:10:5: a source must be a mapping",
            "r.yaml:10:5: a source without `kind` and `file` and `key`",
        ],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input(name: str, tmp_path: Path) -> None:
    files, expected = CASES[name]
    found = problems(tmp_path, files)
    missing = [line for line in expected if not any(line in problem for problem in found)]
    assert not missing, "\n".join(["missing:", *missing, "found:", *found])
    assert len(found) == len(expected) or name == "keys", "\n".join(found)


def test_static_problems_of_settings_and_resources_come_together(tmp_path: Path) -> None:
    found = problems(tmp_path, {"lfsync.yaml": "version: 1\nworkspace: {}\n", "r.yaml": "accounts: 3\n"})
    assert [line.split(": ")[0] for line in found] == ["lfsync.yaml:1:1", "lfsync.yaml:2:1", "r.yaml:1:11"]

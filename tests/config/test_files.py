"""Which files are read, and that none outside of the project is (rules C1, C13; design 12)."""

from __future__ import annotations

import gc
import os
import socket
from pathlib import Path

import pytest

from lfsync.errors import ConfigError, UsageError
from lfsync.project.load import load_project
from tests.config.config_samples import SETTINGS, load, problems, write

ACCOUNT = "accounts: {%s: {fields: {$name: %s}}}\n"


def account(key: str) -> str:
    return ACCOUNT % (key, key)


def keys(root: Path, files: dict[str, str | bytes]) -> list[str]:
    project = load(root, files)
    assert not project.problems
    return [address.key for address in project.resources]


def test_the_files_that_hold_resources(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "lfsync.yaml": SETTINGS.replace("{sandbox: {}}", "{sandbox: {seed: seeds/s.yaml}}")
        + "exclude: [data/, '*.tmp.yaml', /top.yaml, deep/**/x.yaml, gone]\n",
        "b.yaml": account("b"),
        "a.yml": account("a"),
        "sub/deep/c.yaml": account("c"),
        "sub/top.yaml": account("top"),
        "notes.yaml": "notes: {n: {fields: {$title: N, $content: {file: text.yaml}}}}\n",
        "text.yaml": "{{ no yaml at all",
        "seeds/s.yaml": "members: []\n",
        "empty.yaml": "",
    }
    ignored = [
        *(
            "data/x.yaml",
            "sub/data/x.yaml",
            "x.tmp.yaml",
            "sub/y.tmp.yaml",
            "top.yaml",
            "deep/x.yaml",
            "deep/er/x.yaml",
        ),
        *(
            "gone/x.yaml",
            ".hidden/x.yaml",
            ".x.yaml",
            "README.md",
            "x.yaml.bak",
            "x.json",
            "nested/x.yaml",
            "nested/more/x.yaml",
        ),
    ]
    files |= dict.fromkeys(ignored, "not: [a resource file") | {"nested/lfsync.yaml": "version: 1"}
    assert keys(tmp_path, files) == ["a", "b", "n", "c", "top"]


def test_names_and_order_of_files_carry_no_meaning(tmp_path: Path) -> None:
    one = load(tmp_path / "1", {"z.yaml": account("a"), "a.yaml": account("b")})
    two = load(tmp_path / "2", {"sub/a.yaml": account("a"), "sub/b.yml": account("b")})
    assert set(one.resources) == set(two.resources)


def test_links_that_lead_out_of_the_project(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    write(outside, {"x.yaml": account("x"), "x.md": "secret", "x.csv": "K\nk\n"})
    root = write(
        tmp_path / "in",
        {
            "r.yaml": "notes: {n: {fields: {$title: N, $content: {file: link.md}}},\n"
            "  m: {fields: {$title: M, $content: {file: up/x.md}}}}\n"
            "sources: [{kind: account, file: link.csv, key: K}]\n",
        },
    )
    for name in ("x.yaml", "x.md", "x.csv"):
        (root / name.replace("x", "link")).symlink_to(outside / name)
    (root / "up").symlink_to(outside)
    project = load_project(root)
    assert sorted(str(problem).splitlines()[0] for problem in project.problems) == [
        "link.yaml:1:1: `link.yaml` leads out of the project",
        "r.yaml:1:50: note.n: `link.md` leads out of the project",
        "r.yaml:2:44: note.m: `up/x.md` leads out of the project",
        "r.yaml:3:33: `link.csv` leads out of the project",
    ]
    assert project.warnings == ("up is a link to a folder; links to folders are not followed",)


def test_links_inside_the_project_are_one_file(tmp_path: Path) -> None:
    root = write(tmp_path, {"r.yaml": account("a"), "t.md": "text\r\nmore"})
    (root / "s.yaml").symlink_to(root / "r.yaml")
    (root / "loop.yaml").symlink_to(root / "loop.yaml")
    (root / "dead.yaml").symlink_to(root / "nothing")
    project = load_project(root)
    assert [str(problem) for problem in project.problems] == [
        "dead.yaml:1:1: `dead.yaml` is not there: it is a link to what is gone",
        "loop.yaml:1:1: `loop.yaml` is not there: Too many levels of symbolic links",
    ]
    assert len(project.resources) == 1


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    write(tmp_path, {"r.yaml": account("a")})
    os.mkfifo(tmp_path / "p.yaml")
    assert [str(problem) for problem in load_project(tmp_path).problems] == [
        "p.yaml:1:1: `p.yaml` is a named pipe, not a regular file\n    name a regular file; lfsync reads no other"
    ]


@pytest.mark.parametrize(
    "line",
    ["files: {a: {path: NAME}}", "accounts: {a: {fields: {$name: {file: NAME}}, id: acc_1}}",
     "sources: [{kind: account, file: NAME, key: Id, fields: {$name: Id}}]"],
)  # fmt: skip
@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("folder.csv", "is a folder, not a regular file"),
        ("pipe.csv", "is a named pipe, not a regular file"),
        ("socket.csv", "is a socket, not a regular file"),
        ("dead.csv", "is not there: it is a link to what is gone"),
        ("loop.csv", "is not there: Too many levels of symbolic links"),
        ("gone.csv", "is not there"),
    ],
)
def test_what_is_no_regular_file_is_called_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, name: str, what: str
) -> None:
    """Promise 5: who names a pipe, and is told that nothing is there, looks in the wrong place. None is waited for."""
    monkeypatch.chdir(tmp_path)  # the name of a socket must be short
    write(tmp_path, {"r.yaml": line.replace("NAME", name) + "\n"})
    Path("folder.csv").mkdir()
    os.mkfifo("pipe.csv")
    Path("dead.csv").symlink_to("nowhere")
    Path("loop.csv").symlink_to("loop.csv")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("socket.csv")
        messages = [problem.message for problem in load_project(tmp_path).problems]
    assert messages == [f"`{name}` {what}"]


def test_text_of_a_file(tmp_path: Path) -> None:
    project = load(
        tmp_path,
        {"r.yaml": "notes: {n: {fields: {$title: N, $content: {file: sub/t.md}}}}\n", "sub/t.md": "\ufeffA\r\n\ttab\n"},
    )
    [note] = project.resources.values()
    assert note.fields["$content"].data == "A\n\ttab\n"


def test_no_project(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        load_project(tmp_path / "nowhere")
    with pytest.raises(ConfigError) as caught:
        load_project(tmp_path)
    assert "there is no lfsync.yaml" in str(caught.value.problems[0])
    (tmp_path / "lfsync.yml").touch()
    with pytest.raises(ConfigError) as caught:
        load_project(tmp_path)
    assert caught.value.problems[0].hint == "rename lfsync.yml"


def test_paths_of_the_settings_stay_inside(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        {
            "lfsync.yaml": "version: 1\nworkspaces:\n  a: {state: ../s}\n"
            "  b: {sandbox: {seed: gone.yaml, db: /tmp/x.db}}\n",
            "r.yaml": account("a"),
        },
    )
    assert [line.split(" -- ")[0] for line in found] == [
        "lfsync.yaml:3:7: `../s` leads out of the project",
        "lfsync.yaml:4:17: `gone.yaml` is not there",
        "lfsync.yaml:4:34: `/tmp/x.db` leads out of the project",
    ]


def test_the_garbage_collector_is_left_as_it_was(tmp_path: Path) -> None:
    write(tmp_path, {"r.yaml": account("a")})
    assert gc.isenabled()
    load_project(tmp_path)
    assert gc.isenabled()
    with pytest.raises(UsageError):
        load_project(tmp_path / "nowhere")
    assert gc.isenabled()

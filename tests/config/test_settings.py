"""`lfsync.yaml`: defaults, every mistake at its place, and no key in a file (design 3, 12; rules C11, C14)."""

from __future__ import annotations

import pytest

from lfsync.errors import ConfigError
from lfsync.project.documents import parse
from lfsync.project.settings import SandboxSettings, Settings, base_url, read_settings


def read(text: str) -> Settings:
    return read_settings(parse(text, "lfsync.yaml"))


def wrong(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return [str(problem).replace("\n    ", " -- ") for problem in caught.value.problems]


def test_defaults() -> None:
    settings = read("version: 1\nworkspaces: {prod: }\n")
    assert settings.default_workspace == "prod"
    assert settings.exclude == []
    assert settings.enrichment == "auto"
    assert (settings.safety.max_updates, settings.safety.max_deletes, settings.safety.floor) == (0.3, 0.1, 10)
    prod = settings.workspaces["prod"]
    assert (prod.base_url, prod.api_key_env) == ("https://api.lightfield.app", "LIGHTFIELD_API_KEY")
    assert (prod.rate_share, prod.index_lag_timeout, prod.history_days) == (1.0, 30, 90)
    assert (prod.sandbox, prod.state) == (None, None)


def test_everything_named() -> None:
    settings = read(
        "version: 1\ndefault_workspace: box\nexclude: [data/]\nworkspaces:\n"
        "  box: {state: s.jsonl, rate_share: 0.5, index_lag_timeout: 0, history_days: 0, sandbox:"
        " {seed: s.yaml, db: b.db, rps: 0, index_lag: 1.5, latency: 0.1, faults: 0.2,"
        " random_seed: 7, quirks: {a: true, b: 404, c: keep}}}\n"
        "  far: {base_url: 'http://127.0.0.1:8787/v1/', api_key_env: OTHER}\n"
        "safety: {max_updates: 12.5%, max_deletes: 0, floor: 0}\nenrichment: skip\ndefaults: {task: {}}\n"
    )
    assert settings.workspaces["box"].sandbox == SandboxSettings(
        seed="s.yaml",
        db="b.db",
        rps=0,
        index_lag=1.5,
        latency=0.1,
        faults=0.2,
        random_seed=7,
        quirks={"a": "true", "b": "404", "c": "keep"},
    )
    assert settings.workspaces["far"].base_url == "http://127.0.0.1:8787"
    assert (settings.safety.max_updates, settings.safety.max_deletes) == (0.125, 0)
    assert settings.default_workspace == "box"


def test_the_share_of_removals() -> None:  # rules C11, P4
    workspaces = "version: 1\nworkspaces: {a: }\n"
    assert read(workspaces).safety.max_removals == 0.3
    assert read(f"{workspaces}safety: {{max_removals: 5%}}\n").safety.max_removals == 0.05
    assert wrong(f"{workspaces}safety: {{max_removals: 5}}\n") == [
        "lfsync.yaml:3:10: `max_removals` can't be used: not a percentage; write it like `30%`"
    ]


def test_a_number_may_have_a_plus() -> None:
    assert read("version: +1\nworkspaces: {a: }\nsafety: {floor: +5}\n").safety.floor == 5


def test_an_empty_sandbox_is_a_sandbox_never_the_real_api() -> None:
    assert read("version: 1\nworkspaces: {a: {sandbox: }}\n").workspaces["a"].sandbox == SandboxSettings()


def test_several_workspaces_need_no_default() -> None:
    assert read("version: 1\nworkspaces: {a: , b: }\n").default_workspace is None


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", ["lfsync.yaml:1:1: the file is empty -- lfsync init"]),
        ("- 1", ["lfsync.yaml:1:1: the file is no mapping"]),
        ("workspaces: {a: }", ["lfsync.yaml:1:1: `version` is missing -- add `version: 1`"]),
        ("version: 2\nnew: 1", ["lfsync.yaml:1:1: version 2 of the format is unknown; this lfsync reads version 1"]),
        ("version: '1'", ["version '1' of the format is unknown"]),
        ("version: true", ["version True of the format is unknown"]),
        ("version: 1", ["`workspaces` is missing"]),
        ("version: 1\nworkspaces: {}", ["lfsync.yaml:2:1: `workspaces` must name at least one"]),
        ("version: 1\nworkspaces: {'a/b': }", ["lfsync.yaml:2:14: `a/b` may have letters, digits"]),
        (
            "version: 1\nworkspaces: {a: }\ndefault_workspace: b\nexclud: []",
            [
                "lfsync.yaml:3:1: there is no workspace `b` -- workspaces here: a",
                "lfsync.yaml:4:1: unknown key `exclud`",
            ],
        ),
        (
            "version: 1\nworkspaces:\n  a: {sandbox: {sed: x}, base_url: https://x.example}\n  b: {bas_url: x}\n",
            [
                "lfsync.yaml:3:17: unknown key `sed` -- did you mean `seed`?",
                "lfsync.yaml:3:26: `base_url` has no use beside `sandbox`",
                "lfsync.yaml:4:7: unknown key `bas_url` -- did you mean `base_url`?",
            ],
        ),
        (
            "version: 1\nworkspaces: {a: {rate_share: 0, history_days: 1.5, index_lag_timeout: on}}\n"
            "safety: {max_updates: 30, max_deletes: 0.3, flor: 1}\nenrichment: always\nexclude: data/\n",
            [
                "lfsync.yaml:2:18: `rate_share` ",
                "`history_days` must be a whole number",
                "`index_lag_timeout` must be a number",
                "`max_updates` can't be used: not a percentage; write it like `30%`",
                "`max_deletes` can't be used",
                "unknown key `flor` -- did you mean `floor`?",
                "`enrichment` must be ",
                "`exclude` must be a list",
            ],
        ),
    ],
)
def test_mistakes(text: str, lines: list[str]) -> None:
    found = wrong(text)
    assert len(found) == len(lines)
    for line in lines:
        assert any(line in problem for problem in found), (line, found)


@pytest.mark.parametrize(
    "line",
    ["api_key: sk_lf_0_x", "apiKey: abc", "token: abc", "api_key_env: sk_lf_0_x", "base_url: https://sk_lf_0_x@y"],
)
def test_a_key_in_the_file_is_refused_and_not_repeated(line: str) -> None:
    found = wrong(f"version: 1\nworkspaces:\n  a:\n    {line}\n")
    assert len(found) == 1
    assert found[0].startswith("lfsync.yaml:4:5: an API key never stands in a file -- ")
    assert "sk_lf_0" not in found[0]


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example",
        "ftp://x",
        "x",
        "https://",
        "https://u:p@x.example",
        "https://x?a=1",
        "http://127.evil.example",
        "http://[",
        "https://x:99999",
    ],
)
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        base_url(url)


@pytest.mark.parametrize("url", ["http://localhost:1", "http://[::1]:80", "http://127.0.0.1", "https://x.example"])
def test_addresses_that_are_taken(url: str) -> None:
    assert base_url(url + "/") == url

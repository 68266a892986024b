"""Any data at all in a resource file, a source or the settings ends in problems, never in a traceback."""

from __future__ import annotations

import json
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from lfsync.errors import ConfigError
from lfsync.model import JSON, Place
from lfsync.project.checks import check
from lfsync.project.declarations import NO_DEFAULT
from lfsync.project.documents import compose, parse
from lfsync.project.resource_file import digest, join, read_defaults, read_resources
from lfsync.project.rows.source_file import read_table
from lfsync.project.settings import read_settings
from lfsync.project.source_rows import build

_VOCABULARY = """
accounts contacts lists tasks sources defaults account task list a b acme fields relationships members match id
lifecycle ignore_changes include exclude file kind key column pattern split empty value city firstName $name $email
$account $contact $objectType $title $owner $task version workspaces sandbox seed safety max_updates 30% x.csv (x) K
map else date timezone number decimal thousands
template {a}-{K} {b from where not filled unique first delimiter ; encoding latin-1 skip_lines null_values %d/%m/%Y UTC
"""
_WORDS = st.sampled_from(_VOCABULARY.split())
_SCALARS = st.none() | st.booleans() | st.integers(-2, 2) | st.just(1.5) | _WORDS | st.just("")
_DATA = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=4), max_leaves=12
)
_BODIES = st.fixed_dictionaries(
    {},
    optional={
        "fields": st.dictionaries(_WORDS, _DATA, max_size=3),
        "relationships": st.dictionaries(_WORDS, _DATA, max_size=3),
        "members": _DATA,
        "match": _DATA,
        "id": _DATA,
        "lifecycle": _DATA,
    },
)
_SECTIONS = st.dictionaries(st.sampled_from(["a", "b", "acme", "x y"]), _BODIES | _DATA, max_size=3)
_COLUMNS = st.fixed_dictionaries(
    {"column": st.sampled_from("Ka")},
    optional=dict.fromkeys(("map", "else", "date", "timezone", "number", "pattern", "split", "empty"), _DATA),
)
_SOURCES = st.lists(
    st.fixed_dictionaries(
        {"kind": st.just("account"), "file": st.just("x.csv"), "key": st.just("K") | _DATA},
        optional={
            "fields": _DATA | st.dictionaries(_WORDS, _COLUMNS, max_size=2),
            "relationships": _DATA,
            "match": _DATA,
            "lifecycle": _DATA,
            "where": _DATA,
            "unique": _DATA,
            "delimiter": _DATA,
            "skip_lines": _DATA,
            "null_values": _DATA,
            "encoding": _DATA,
        },
    ),
    max_size=2,
)
_FILES = st.fixed_dictionaries(
    {},
    optional={
        "accounts": _SECTIONS,
        "contacts": _SECTIONS,
        "lists": _SECTIONS,
        "tasks": _SECTIONS,
        "sources": _SOURCES | _DATA,
    },
)
_SETTINGS = st.fixed_dictionaries(
    {"version": st.just(1)},
    optional={
        "workspaces": _DATA | st.dictionaries(_WORDS, _DATA, max_size=2),
        "default_workspace": _DATA,
        "exclude": _DATA,
        "defaults": _DATA,
        "safety": _DATA,
        "enrichment": _DATA,
    },
)


def _read_text(path: str, place: Place) -> str:
    return "text"


@settings(max_examples=200, deadline=None)
@given(_FILES | _DATA)
def test_resource_files(data: JSON) -> None:
    found = read_resources(compose(json.dumps(data), "r.yaml"), "r.yaml", {}, _read_text)
    built = []
    for source in found.sources:
        with suppress(ConfigError):  # the text is shorter than `skip_lines`
            built.append(build(source, read_table(source.file, "K,a\nk,a;b\nl,\n"), NO_DEFAULT))
    resources, twice = join([found.resources, *(part.resources for part in built)])
    problems = [*found.problems, *twice, *check(resources), *(problem for part in built for problem in part.problems)]
    assert all(problem.place and problem.message for problem in problems)
    assert str(ConfigError(problems))
    assert len(digest(resources)) == 64


@settings(max_examples=150, deadline=None)
@given(_SETTINGS | _DATA)
def test_settings_files(data: JSON) -> None:
    document = parse(json.dumps(data), "lfsync.yaml")
    _, beside = read_defaults(document, _read_text)
    assert all(problem.place for problem in beside.problems)
    try:
        read_settings(document)
    except ConfigError as error:
        listed = [str(problem) for problem in error.problems]
        assert all(line.startswith("lfsync.yaml:1:") for line in listed)

"""What the checks let pass, and cycles of any shape. Mistakes are in test_bad_files."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfsync.model import Address
from lfsync.project.checks import check
from lfsync.project.cycles import cycles
from lfsync.project.resource_file import join
from tests.config.config_samples import declared


def found(text: str) -> list[str]:
    resources, problems = join([declared(text).resources])
    assert not problems
    return [problem.message for problem in check(resources)]


@pytest.mark.parametrize(
    "text",
    [
        "accounts: {a: {id: acc_1}}",
        "contacts: {c: {fields: {$name: {firstName: A}}}}",
        "contacts: {c: {match: {phone: '1'}}}",
        "tasks: {t: {fields: {$title: T}, relationships: {$account: acc_1, $assignedTo: nobody}}}",
        "notes: {n: {fields: {$title: T}, relationships: {$contact: [{match: {$email: x}}], $meeting: [mtg_1]}}}",
        "accounts: {a: {fields: {$name: A}, relationships: {parent: a, custom: nothing}}}",
        "lists: {l: {fields: {$name: L, $objectType: $account}, members: [anything]}}",
        # both sides of a link (rule C9)
        "accounts: {a: {fields: {$name: A}, relationships: {$contact: [c]}}}\n"
        "contacts: {c: {fields: {$email: e}, relationships: {$account: [a]}}}",
        "accounts: {a: {fields: {$name: A}, relationships: {$contact: [c]}}}\n"
        "contacts: {c: {fields: {$email: e}, relationships: {$account: {include: []}}}}",
        "accounts: {a: {fields: {$name: A}, relationships: {$contact: [con_1]}}}\n"
        "contacts: {c: {fields: {$email: e}, relationships: {$account: [a]}}}",
        "accounts: {a: {fields: {$name: A}, relationships: {$contact: []}}}\n"
        "contacts: {c: {fields: {$email: e}, relationships: {$account: []}}}",
        # a cycle that an id, or a link that can wait, opens
        "accounts: {a: {id: acc_1, match: [$contact], relationships: {$contact: [c]}}}\n"
        "contacts: {c: {match: [$account], relationships: {$account: [a]}}}",
        "accounts: {a: {fields: {$name: A}, relationships: {$contact: [c]}}}\n"
        "contacts: {c: {match: [$account], relationships: {$account: [a]}}}",
    ],
)
def test_nothing_to_say(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("[c]", "[]"), ("[]", "[a]"), ("{exclude: [c]}", "[a]"), ("{include: [c]}", "{exclude: [a]}"), ("c", "null")],
)
def test_contradictions(ours: str, theirs: str) -> None:  # rule C9
    text = (
        f"accounts: {{a: {{fields: {{$name: A}}, relationships: {{$contact: {ours}}}}}}}\n"
        f"contacts: {{c: {{fields: {{$email: e}}, relationships: {{$account: {theirs}}}}}}}"
    )
    messages = found(text)
    assert len(messages) == 1
    assert "leaves" in messages[0]


def test_cycles_through_match_values_and_custom_relationships() -> None:
    text = (
        "accounts:\n  a: {match: {$name: A, parent: b}, relationships: {parent: b}}\n"
        "  b: {match: [parent], relationships: {parent: [c]}}\n"
        "  c: {match: [parent], relationships: {parent: [a, a2]}}\n"
    )
    assert found(text) == ["each of these needs the next one first: account.a → account.b → account.c → account.a"]
    assert found("accounts: {a: {match: [parent], relationships: {parent: a}}}") == [
        "each of these needs the next one first: account.a → account.a"
    ]


def test_a_mistake_in_the_defaults_is_told_once() -> None:
    rows = "".join(f"  a{n}: *a\n" for n in range(50))
    assert found(f"tasks:\n  a: &a {{fields: {{$title: T}}, relationships: {{$account: gone}}}}\n{rows}") == [
        "`$account`: there is no account `gone`"
    ]


def test_thousands_of_mistakes_are_all_told() -> None:
    rows = "".join(f"  t{n}: {{fields: {{$title: T}}, relationships: {{$account: gone-{n}}}}}\n" for n in range(2000))
    accounts = "".join(f"  acme-{n}: {{fields: {{$name: A}}}}\n" for n in range(2000))
    assert len(found(f"accounts:\n{accounts}tasks:\n{rows}")) == 2000


def test_a_long_chain_is_no_cycle() -> None:
    chain = {Address("x", f"{n:06}"): [Address("x", f"{n + 1:06}")] for n in range(50_000)}
    assert list(cycles(chain)) == []


@settings(max_examples=100)
@given(st.dictionaries(st.integers(0, 7), st.sets(st.integers(0, 7), max_size=3)))
def test_cycles_are_found_where_there_are_any(edges: dict[int, set[int]]) -> None:
    graph = {Address("x", str(node)): {Address("x", str(to)) for to in targets} for node, targets in edges.items()}
    listed = list(cycles(graph))
    for cycle in listed:
        assert cycle[0] == min(cycle)
        assert all(after in graph[before] for before, after in zip(cycle, (*cycle[1:], cycle[0]), strict=True))
    assert len(set(listed)) == len(listed)
    assert bool(listed) == _has_cycle(graph)


def _has_cycle(graph: dict[Address, set[Address]]) -> bool:
    left = dict(graph)
    while free := [node for node, targets in left.items() if not targets & left.keys()]:
        for node in free:
            del left[node]
    return bool(left)

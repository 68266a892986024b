"""The order of changes: every target first, cycles broken only where a create can do without."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from lfsync.kinds import rank
from lfsync.model import Address
from lfsync.planning.order import order

_NODES = [Address(kind, f"{kind}-{n}") for kind in ("account", "contact", "opportunity", "task") for n in range(4)]
Edges = dict[Address, set[Address]]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Address], Edges, Edges]:
    """Nodes, required edges without a cycle, optional edges as they come."""
    nodes = draw(st.lists(st.sampled_from(_NODES), unique=True, max_size=10))
    pairs = st.tuples(st.sampled_from(_NODES), st.sampled_from(_NODES))
    lowest = {node: number for number, node in enumerate(draw(st.permutations(_NODES)))}
    required: Edges = {}
    optional: Edges = {}
    for source, target in draw(st.lists(pairs, max_size=15)):
        if lowest[target] < lowest[source]:
            required.setdefault(source, set()).add(target)
    for source, target in draw(st.lists(pairs, max_size=25)):
        if target not in required.get(source, set()):
            optional.setdefault(source, set()).add(target)
    return nodes, required, optional


@settings(max_examples=200, deadline=None)
@given(graphs())
def test_every_target_that_is_waited_for_comes_first(graph: tuple[list[Address], Edges, Edges]) -> None:
    nodes, required, optional = graph
    ordered, waits = order(nodes, required, optional)
    assert sorted(ordered) == sorted(nodes)
    place = {node: number for number, node in enumerate(ordered)}
    for node in nodes:
        assert all(place[target] < place[node] for target in waits[node])
        assert required.get(node, set()) & set(nodes) <= waits[node]
        assert waits[node] <= required.get(node, set()) | optional.get(node, set())


@settings(max_examples=200, deadline=None)
@given(graphs())
def test_only_optional_edges_of_a_cycle_are_left_for_later(graph: tuple[list[Address], Edges, Edges]) -> None:
    nodes, required, optional = graph
    _, waits = order(nodes, required, optional)
    wanted = {n: ((required.get(n, set()) | optional.get(n, set())) & set(nodes)) - {n} for n in nodes}
    for node in nodes:
        for target in wanted[node] - waits[node]:
            assert node in _reachable(target, wanted) or waits[node] < wanted[node]
    if not any(node in _reachable(target, wanted) for node in nodes for target in wanted[node]):
        assert waits == wanted


@settings(max_examples=100, deadline=None)
@given(graphs(), st.randoms(use_true_random=False))
def test_the_order_of_what_is_given_does_not_matter(
    graph: tuple[list[Address], Edges, Edges], chance: random.Random
) -> None:
    nodes, required, optional = graph
    shuffled = chance.sample(nodes, len(nodes))
    mixed = {node: set(chance.sample(sorted(targets), len(targets))) for node, targets in reversed(optional.items())}
    assert order(nodes, required, optional) == order(shuffled, required, mixed)


def test_independent_ones_go_by_kind_and_key() -> None:
    assert order(_NODES[::-1], {}, {})[0] == sorted(_NODES, key=rank) == _NODES


def test_a_chain_of_ten_thousand() -> None:
    chain = [Address("account", f"{n:05}") for n in range(10_000)]
    required = {node: {target} for node, target in pairwise(chain)}
    assert order(chain, required, {})[0] == chain[::-1]


def _reachable(start: Address, edges: Edges) -> set[Address]:
    seen: set[Address] = set()
    waiting = [start]
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            waiting += edges.get(node, ())
    return seen

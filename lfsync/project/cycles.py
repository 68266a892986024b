"""Cycles in a graph of addresses. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from lfsync.model import Address


def cycles(graph: Mapping[Address, Collection[Address]]) -> Iterator[tuple[Address, ...]]:
    """Cycles, each from its first address on: one at least where there are any, none twice.

    A walk in depth without recursion; a chain may be as long as the project.
    """
    done: set[Address] = set()
    seen: set[tuple[Address, ...]] = set()
    for start in sorted(graph):
        for cycle in _from(start, graph, done):
            first = cycle.index(min(cycle))
            turned = (*cycle[first:], *cycle[:first])
            if turned not in seen:
                seen.add(turned)
                yield turned


def _from(
    start: Address, graph: Mapping[Address, Collection[Address]], done: set[Address]
) -> Iterator[tuple[Address, ...]]:
    if start in done:
        return
    path = {start: None}  # the nodes from `start` to here, in order
    open_edges = [iter(sorted(graph.get(start, ())))]
    while open_edges:
        node = next(open_edges[-1], None)
        if node is None:
            open_edges.pop()
            done.add(path.popitem()[0])
        elif node in path:
            nodes = list(path)
            yield tuple(nodes[nodes.index(node) :])
        elif node not in done:
            path[node] = None
            open_edges.append(iter(sorted(graph.get(node, ()))))

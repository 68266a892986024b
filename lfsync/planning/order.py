"""The order of changes: from targets to what refers to them. Pure.

          member
            ↑
  account ⇄ contact
     ↑  ↖     ↑   ↖
     ↑  opportunity  ↖
     ↑    ↑     ↖     ↖
     task ↑      note ─ list

An arrow points at what must exist first. Only records still to be made matter; where they form a cycle, links that a
create can do without are left for a later update of the same record.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping

from lfsync.kinds import rank
from lfsync.model import Address


def order(
    nodes: Iterable[Address],
    required: Mapping[Address, set[Address]],
    optional: Mapping[Address, set[Address]],
) -> tuple[list[Address], dict[Address, set[Address]]]:
    """(the nodes in order, what each waits for). Optional edges that close a cycle are dropped from the second.

    Required edges form no cycle: the configuration was refused otherwise.
    """
    nodes = set(nodes)
    waits = {n: {t for t in required.get(n, set()) | optional.get(n, set()) if t in nodes and t != n} for n in nodes}
    dependants: dict[Address, set[Address]] = defaultdict(set)
    for node, targets in waits.items():
        for target in targets:
            dependants[target].add(node)
    open_count = {node: len(targets) for node, targets in waits.items()}
    ready = [(rank(node), node) for node, count in open_count.items() if count == 0]
    heapq.heapify(ready)
    ordered: list[Address] = []
    placed: set[Address] = set()
    while len(ordered) < len(nodes):
        if not ready:
            freed = _break_cycle(nodes - placed, placed, required, waits, dependants)
            for node, dropped in freed.items():
                open_count[node] -= dropped
                if open_count[node] == 0:
                    heapq.heappush(ready, (rank(node), node))
            continue
        _, node = heapq.heappop(ready)
        ordered.append(node)
        placed.add(node)
        for dependant in dependants[node]:
            open_count[dependant] -= 1
            if open_count[dependant] == 0:
                heapq.heappush(ready, (rank(dependant), dependant))
    return ordered, waits


def _break_cycle(
    stuck: set[Address],
    placed: set[Address],
    required: Mapping[Address, set[Address]],
    waits: dict[Address, set[Address]],
    dependants: dict[Address, set[Address]],
) -> dict[Address, int]:
    """Drop the optional edges of the first stuck node that waits for optional ones alone; how many it lost."""
    for node in sorted(stuck, key=rank):
        waiting = waits[node] - placed
        if waiting and waiting.isdisjoint(required.get(node, set())):
            for target in waiting:
                dependants[target].discard(node)
            waits[node] -= waiting
            return {node: len(waiting)}
    raise AssertionError("required refs form a cycle")

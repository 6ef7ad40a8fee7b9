# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is the house built without circles: no module imports another that, in the end, imports it."""

from __future__ import annotations

import sys

import grimp


def circles(graph: grimp.ImportGraph) -> list[set[str]]:
    """The strongly connected groups of more than one module, by Tarjan's algorithm."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[set[str]] = []

    def visit(module: str) -> None:
        index[module] = low[module] = len(index)
        stack.append(module)
        for other in graph.find_modules_directly_imported_by(module):
            if other not in index:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], index[other])
        if low[module] == index[module]:
            circle = {stack.pop()}
            while module not in circle:
                circle.add(stack.pop())
            if len(circle) > 1:
                found.append(circle)

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(10_000)
    try:
        for module in sorted(graph.modules):
            if module not in index:
                visit(module)
    finally:
        sys.setrecursionlimit(limit)
    return found


def test_a_circle_is_found():
    graph = grimp.ImportGraph()
    for module in ('a', 'b', 'c', 'd'):
        graph.add_module(module)
    for importer, imported in (('a', 'b'), ('b', 'c'), ('c', 'a'), ('c', 'd')):
        graph.add_import(importer=importer, imported=imported)
    assert circles(graph) == [{'a', 'b', 'c'}]


def test_no_modules_import_each_other_in_a_circle():
    assert circles(grimp.build_graph('xparo_bridge', cache_dir=None)) == []

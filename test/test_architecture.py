# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Is the house built as it should be.

No module imports another that, in the end, imports it; no file answers two questions; each
language has one reader.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
import re
import sys

import pytest

grimp = pytest.importorskip('grimp')

ROOM = Path(__file__).parents[1] / 'xparo_bridge'


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


# Past this a file answers two questions. All do with less; one that needs more says here why.
MOST_LINES = 400
LONGER: dict[str, str] = {}


def test_a_file_answers_one_question():
    longer = {
        path.relative_to(ROOM).as_posix(): lines
        for path in ROOM.rglob('*.py')
        if (lines := len(path.read_text().splitlines())) > MOST_LINES
    }
    assert longer.keys() == LONGER.keys(), 'split them by what they are about'


def calls(path: Path) -> Iterator[tuple[str, int]]:
    """The functions of modules that a file calls or hands on, by their dotted names."""
    tree = ast.parse(path.read_text())
    modules = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id in modules:
                yield f'{modules[node.value.id]}.{node.attr}', node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((f'{node.module}.{alias.name}', node.lineno) for alias in node.names)


# What reads a text from outside or from disk, by the one file that may call it.
READERS = {
    r'json\.(loads?|JSONDecoder|decoder.*)|orjson\.loads|ujson\..*': {'json_reader.py'},
    r'yaml\.(\w*load\w*|parse|scan|compose\w*)': {'yaml_reader.py'},
    # The desk's own platform answers chat by AIML; trees are read by the engine's reader.
    r'(xml\.(etree|dom|sax(?!\.saxutils)|parsers)|defusedxml|lxml)\..*': {'local/key_api.py'},
    r'(pickle|marshal|shelve|dill)\..*': set(),
}


@pytest.mark.parametrize('reader', READERS)
def test_each_language_from_outside_has_one_reader(reader):
    found = {
        f'{path.relative_to(ROOM)}:{line} {name}'
        for path in ROOM.rglob('*.py')
        if path.relative_to(ROOM).as_posix() not in READERS[reader]
        for name, line in calls(path)
        if re.fullmatch(reader, name)
    }
    assert found == set()

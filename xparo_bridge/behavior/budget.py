# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Find how large a tree becomes with its subtrees in place, before anything of it is made.

Subtrees multiply: forty trees of two SubTrees each stand for 2^40 nodes. So each tree is measured
once, and what a SubTree adds is calculated from that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
import sys

from .document import Element, Limits
from .ports import POSTCONDITIONS, PRECONDITIONS
from .work import Work

# Attributes that are scripts, on whatever node.
SCRIPTS = frozenset((*PRECONDITIONS, *POSTCONDITIONS, 'code', 'if'))
# A path has a '/' after each subtree, and a '::' with a number after a node without a name.
_PATH_EXTRA = 8


@dataclass
class Size:
    """
    What a tree amounts to, subtrees included.

    `depth` is in nodes within nodes; `text`, `scripts` and `paths` are in characters, `paths`
    as of a tree that is nobody's subtree.
    """

    nodes: int = 0
    depth: int = 0
    text: int = 0
    scripts: int = 0
    paths: int = 0

    def put_in(self, other: Size, depth: int, prefix: int) -> None:
        """Add a subtree at a depth, whose name has `prefix` characters."""
        self.nodes += other.nodes
        self.depth = max(self.depth, depth + other.depth)
        self.text += other.text
        self.scripts += other.scripts
        self.paths += other.paths + other.nodes * (prefix + _PATH_EXTRA)

    def excess(self, limits: Limits) -> str:
        """Say which limit the tree passes; '' if none."""
        if self.nodes > limits.nodes:
            return f'the tree has more than {limits.nodes} nodes with its subtrees in place'
        # The topmost node is nested in none.
        if self.depth > limits.depth + 1:
            return f'nodes are nested more than {limits.depth} deep with the subtrees in place'
        for value, limit, what in (
            (self.text, limits.text, 'attributes'),
            (self.scripts, limits.scripts, 'scripts'),
            (self.paths, limits.paths, 'paths of nodes'),
        ):
            if value > limit:
                return (
                    f'the {what} of the tree have more than {limit} characters with its '
                    'subtrees in place'
                )
        return ''


class Measure:
    """Measures the trees of a document, each once."""

    def __init__(self, trees: Mapping[str, Element], work: Work) -> None:
        self._trees = trees
        self._work = work
        self._sizes: dict[str, Size] = {}

    def size(self, tree_id: str) -> Size:
        """Measure a tree; one that contains itself, or is not there, counts where it is put in."""
        waiting = [tree_id]
        open_trees: set[str] = set()
        while waiting:
            current = waiting[-1]
            if current in self._sizes or current not in self._trees:
                waiting.pop()
                continue
            inner = [
                found
                for found in self._subtrees(current)
                if found in self._trees and found not in self._sizes and found not in open_trees
            ]
            if inner and current not in open_trees:
                open_trees.add(current)
                waiting.extend(inner)
                continue
            self._sizes[current] = self._measure(current)
            open_trees.discard(current)
            waiting.pop()
        return self._sizes.get(tree_id, Size())

    def _subtrees(self, tree_id: str) -> Iterator[str]:
        for element in self._trees[tree_id].walk():
            if element.tag == 'SubTree':
                self._work.step()
                yield element.get('ID')

    def _measure(self, tree_id: str) -> Size:
        size = Size()
        waiting = [(child, 1) for child in self._trees[tree_id].children[:1]]
        while waiting:
            self._work.step()
            element, depth = waiting.pop()
            size.nodes += 1
            size.depth = max(size.depth, depth)
            for name, text in element.attributes.items():
                size.text += len(text)
                if name in SCRIPTS:
                    size.scripts += len(text)
            own = len(element.get('name') or element.get('ID') or element.tag)
            size.paths += own + _PATH_EXTRA
            if element.tag == 'SubTree':
                inner = self._sizes.get(element.get('ID'))
                if inner is not None:
                    size.put_in(inner, depth, own)
            waiting.extend((child, depth + 1) for child in element.children)
        return size


def allow_recursion(depth: int) -> None:
    """
    Raise Python's recursion limit if a tree is nested deeper than it allows.

    Building a node takes up to four frames, ticking it three, and reading or running a script up
    to three for each of its nested operators, of which `script.syntax.MAX_DEPTH` are allowed.
    """
    needed = 5 * depth + 1500
    if sys.getrecursionlimit() < needed:
        sys.setrecursionlimit(needed)

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What of a tree's blackboards is shown to those who watch it run: names and short values.

On the ROS thread, so of much only the beginning: a blackboard may hold a point cloud, and 100,000
entries.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
import math
from typing import Any

from ..blackboard import Blackboard, Entry
from ..errors import clip
from ..tree import Tree

MOST_ENTRIES = 200  # of a tree
_MOST_TEXT = 200  # characters of a value
_MOST_ITEMS = 20  # of a list or an object
_DEEPEST = 3


class ShownBlackboard:
    """
    The entries of a tree: those of its main tree by their keys, of a subtree by `path/key`.

    An entry is seen once it has been written.
    """

    def __init__(self, tree: Tree) -> None:
        self._boards: list[tuple[str, Blackboard]] = []
        known: set[int] = set()
        for node in tree.nodes:
            if id(node.blackboard) not in known:
                known.add(id(node.blackboard))
                # The first node of a subtree, whose parent is the node that has the subtree.
                path = f'{node.parent.path}/' if node.parent is not None else ''
                self._boards.append((path, node.blackboard))
        self._reported: dict[str, tuple[Entry, int]] = {}

    def everything(self) -> dict[str, Any]:
        """Return all that is written, as `changes` would."""
        return {name: shown(entry.value) for name, entry in self._entries().items()}

    def changes(self) -> dict[str, Any]:
        """Return what was written since the last time, and null for what is gone."""
        entries = self._entries()
        changed: dict[str, Any] = {}
        for name, entry in entries.items():
            written = (entry, entry.sequence_id)
            if self._reported.get(name) != written:
                self._reported[name] = written
                changed[name] = shown(entry.value)
        for name in [name for name in self._reported if name not in entries]:
            del self._reported[name]
            changed[name] = None
        return changed

    def _entries(self) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        for path, board in self._boards:
            if len(entries) >= MOST_ENTRIES:
                break
            for key, entry in islice(board.entries(), MOST_ENTRIES - len(entries)):
                if entry.value is not None:
                    entries[path + key] = entry
        return entries


def shown(value: Any, depth: int = 0) -> Any:
    """Return a value as JSON has it, cut where it is long: of a message its type alone."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return clip(value, _MOST_TEXT)
    if isinstance(value, Mapping) and depth < _DEEPEST and len(value) <= _MOST_ITEMS:
        return {clip(str(key), _MOST_TEXT): shown(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and depth < _DEEPEST and len(value) <= _MOST_ITEMS:
        return [shown(item, depth + 1) for item in value]
    if hasattr(value, '__len__'):
        return f'({type(value).__name__} of {len(value)})'
    return f'({type(value).__name__})'

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Let py_trees' executor, with its handlers, visitors and viewers, tick a tree.

Only the root is ticked by py_trees; the nodes tick each other. Without visitors nothing is done
for each node at all, so that the executor costs no more than the tree itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import py_trees

from .tree import Tree
from .viewers import WITH_PY_TREES

if not WITH_PY_TREES:
    raise ImportError('import py_trees before xparo_bridge.behavior, whose nodes go without it')

Handler = Callable[[py_trees.trees.BehaviourTree], None]


class ExecutorMixin(py_trees.trees.BehaviourTree):
    """
    Makes an executor of py_trees tick a Tree as `Tree.tick_once` does.

    Goes before the executor's class, as in `class RosExecutor(ExecutorMixin, BehaviourTree)` with
    the BehaviourTree of py_trees_ros.
    """

    def __init__(self, tree: Tree, **options: Any) -> None:
        super().__init__(tree.root, **options)
        self.tree = tree

    def tick(
        self, pre_tick_handler: Handler | None = None, post_tick_handler: Handler | None = None
    ) -> None:
        """
        Tick the tree once; the root keeps its result until the last handler has seen it.

        :raises TickError: if a node raised; the tree should then be halted.
        """
        self.tree.record_visits(bool(self.visitors))
        try:
            if self.visitors:
                super().tick(pre_tick_handler, post_tick_handler)
            else:
                self._tick_without_visitors(pre_tick_handler, post_tick_handler)
        finally:
            self.tree.reset_if_done()

    def _tick_without_visitors(self, first: Handler | None, last: Handler | None) -> None:
        for handler in ([first] if first else []) + self.pre_tick_handlers:
            handler(self)
        self.tree.drive()
        for handler in self.post_tick_handlers + ([last] if last else []):
            handler(self)
        self.count += 1


class Executor(ExecutorMixin):
    """Ticks a tree where py_trees_ros is not installed."""

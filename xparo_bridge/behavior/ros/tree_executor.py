# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Choose what ticks a tree: py_trees_ros, so that its viewers work, or py_trees, or neither.

Without py_trees_ros it is py_trees' in a program that uses py_trees itself.

All tick alike. With py_trees_ros the tree's node offers the snapshot and blackboard streams that
`py-trees-tree-watcher` and `py-trees-blackboard-watcher` open.
"""

from __future__ import annotations

from typing import Any, Protocol

from ..tree import Tree
from ..viewers import WITH_PY_TREES
from .tree_ros import TreeRos

try:
    if not WITH_PY_TREES:
        raise ImportError('nodes are none of py_trees')
    from py_trees_ros.trees import BehaviourTree
except ImportError:
    BehaviourTree = None

HAS_PY_TREES_ROS = BehaviourTree is not None

if WITH_PY_TREES:
    from ..executor import Executor, ExecutorMixin, Handler


class TreeExecutor(Protocol):
    """Ticks one tree; `count` says how many ticks have ended."""

    count: int

    def tick(self) -> None:
        """
        Tick the tree once.

        :raises TickError: if a node raised; the tree should then be halted.
        """

    def shutdown(self) -> None:
        """Let every node give back what it holds."""


class _PlainExecutor:
    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.count = 0

    def tick(self) -> None:
        self._tree.record_visits(False)
        try:
            self._tree.drive()
            self.count += 1
        finally:
            self._tree.reset_if_done()

    def shutdown(self) -> None:
        for node in self._tree.nodes:
            node.shutdown()


def make_executor(tree: Tree, ros: TreeRos) -> TreeExecutor:
    """Make the executor of a tree; close it with `close_executor`."""
    if not HAS_PY_TREES_ROS:
        return Executor(tree) if WITH_PY_TREES else _PlainExecutor(tree)
    executor = _RosExecutor(tree)
    # A visitor that does nothing: the usual one logs every node.
    executor.setup(node=ros.node, visitor=py_trees.visitors.VisitorBase())
    return executor


def close_executor(executor: TreeExecutor, ros: TreeRos) -> None:
    """End an executor and the tree's node; py_trees_ros destroys the node it was given itself."""
    if HAS_PY_TREES_ROS:
        ros.close(executor.shutdown)
    else:
        executor.shutdown()
        ros.close()


if HAS_PY_TREES_ROS:
    import py_trees

    class _RosExecutor(ExecutorMixin, BehaviourTree):  # type: ignore[misc]
        """Ticks a tree with the streams of py_trees_ros."""

        def tick(
            self, pre_tick_handler: Handler | None = None, post_tick_handler: Handler | None = None
        ) -> None:
            # Which nodes a tick reached is only kept while somebody looks.
            watched = bool(self.snapshot_streams) or bool(self.blackboard_exchange.views)
            self.visitors: list[Any] = [self.snapshot_visitor] if watched else []
            super().tick(pre_tick_handler, post_tick_handler)

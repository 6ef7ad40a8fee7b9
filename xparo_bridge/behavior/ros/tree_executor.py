# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Which executor ticks a tree: py_trees_ros', so that its viewers work, or py_trees' without it.

Both tick alike. With py_trees_ros the tree's node offers the snapshot and blackboard streams that
`py-trees-tree-watcher` and `py-trees-blackboard-watcher` open.
"""

from __future__ import annotations

from typing import Any

import py_trees

from ..executor import Executor, ExecutorMixin, Handler
from ..tree import Tree
from .tree_ros import TreeRos

try:
    from py_trees_ros.trees import BehaviourTree as _RosBehaviourTree
except ImportError:
    _RosBehaviourTree = None

HAS_PY_TREES_ROS = _RosBehaviourTree is not None


def make_executor(tree: Tree, ros: TreeRos) -> ExecutorMixin:
    """Make the executor of a tree; close it with `close_executor`."""
    if not HAS_PY_TREES_ROS:
        return Executor(tree)
    executor = _RosExecutor(tree)
    # A visitor that does nothing: the usual one logs every node.
    executor.setup(node=ros.node, visitor=py_trees.visitors.VisitorBase())
    return executor


def close_executor(executor: ExecutorMixin, ros: TreeRos) -> None:
    """End an executor and the tree's node; py_trees_ros destroys the node it was given itself."""
    if HAS_PY_TREES_ROS:
        ros.close(executor.shutdown)
    else:
        executor.shutdown()
        ros.close()


if HAS_PY_TREES_ROS:

    class _RosExecutor(ExecutorMixin, _RosBehaviourTree):  # type: ignore[misc]
        """Ticks a tree with the streams of py_trees_ros."""

        def tick(
            self, pre_tick_handler: Handler | None = None, post_tick_handler: Handler | None = None
        ) -> None:
            # Which nodes a tick reached is only kept while somebody looks.
            watched = bool(self.snapshot_streams) or bool(self.blackboard_exchange.views)
            self.visitors: list[Any] = [self.snapshot_visitor] if watched else []
            super().tick(pre_tick_handler, post_tick_handler)

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What can a node say of itself: its status and its kind."""

from enum import Enum, IntEnum

import py_trees


class NodeStatus(IntEnum):
    """The status of a node, numbered as BehaviorTree.CPP numbers them."""

    IDLE = 0
    RUNNING = 1
    SUCCESS = 2
    FAILURE = 3
    SKIPPED = 4

    def __str__(self) -> str:
        return self.name


class NodeKind(Enum):
    """The kind of a node, named as the elements of the explicit XML form."""

    ACTION = 'Action'
    CONDITION = 'Condition'
    CONTROL = 'Control'
    DECORATOR = 'Decorator'
    SUBTREE = 'SubTree'

    @property
    def is_leaf(self) -> bool:
        return self in (NodeKind.ACTION, NodeKind.CONDITION)


# py_trees knows neither IDLE nor SKIPPED.
PY_TREES_STATUS = {
    NodeStatus.IDLE: py_trees.common.Status.INVALID,
    NodeStatus.RUNNING: py_trees.common.Status.RUNNING,
    NodeStatus.SUCCESS: py_trees.common.Status.SUCCESS,
    NodeStatus.FAILURE: py_trees.common.Status.FAILURE,
    NodeStatus.SKIPPED: py_trees.common.Status.INVALID,
}

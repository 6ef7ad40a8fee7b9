# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""List what a node can say of itself: its status and its kind."""

from enum import Enum, IntEnum


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

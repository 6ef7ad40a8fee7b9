# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Give nodes with children what they have in common: they halt and reset them."""

from __future__ import annotations

from .errors import NodeError
from .node import FAILURE, IDLE, RUNNING, SUCCESS, TreeNode
from .status import NodeKind, NodeStatus


class ControlNode(TreeNode):
    """A node with one or more children."""

    KIND = NodeKind.CONTROL

    def halt(self) -> None:
        self.reset_children()
        self.reset_status()

    def halt_child(self, index: int) -> None:
        """Make one child IDLE, halting it if it is RUNNING."""
        child = self.children[index]
        if child._state is RUNNING:
            child.halt_node()
        child.reset_status()

    def reset_children(self) -> None:
        """Make all children IDLE, halting those that are RUNNING."""
        for child in self.children:
            state = child._state
            if state is not IDLE:
                if state is RUNNING:
                    child.halt_node()
                if child._observer is None:
                    child._state = IDLE
                else:
                    child.reset_status()

    def _child_idle(self) -> NodeError:
        return NodeError('a child must not return IDLE')


class DecoratorNode(TreeNode):
    """A node with exactly one child."""

    KIND = NodeKind.DECORATOR

    @property
    def child(self) -> TreeNode:
        return self.children[0]

    # The name py_trees' viewers use.
    decorated = child

    def execute_tick(self) -> NodeStatus:
        status = super().execute_tick()
        child = self.children[0]
        if child._state is SUCCESS or child._state is FAILURE:
            child.reset_status()
        return status

    def halt(self) -> None:
        self.reset_child()
        self.reset_status()

    def reset_child(self) -> None:
        """Make the child IDLE, halting it if it is RUNNING."""
        child = self.children[0]
        if child._state is RUNNING:
            child.halt_node()
        child.reset_status()

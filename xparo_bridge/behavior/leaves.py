# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Give the authors of leaves the classes to derive from."""

from __future__ import annotations

from .errors import NodeError
from .node import TreeNode
from .status import NodeKind, NodeStatus


class LeafNode(TreeNode):
    """A node without children."""


class SyncAction(LeafNode):
    """
    An action that finishes within its tick.

    Override `on_tick`. SUCCESS: done. FAILURE: could not be done. RUNNING is an error.
    """

    SYNCHRONOUS = True


class Condition(LeafNode):
    """
    A question answered at once.

    Override `on_tick`. SUCCESS: yes. FAILURE: no.
    """

    KIND = NodeKind.CONDITION


class StatefulAction(LeafNode):
    """
    An action that takes more than one tick and never blocks one.

    Override `on_start` (the first tick), `on_running` (every tick after it while RUNNING) and
    `on_halted` (told to stop while RUNNING; not called when the action finished by itself).
    A leaf that learns of its result between ticks calls `wake_up` to be ticked soon.
    """

    def on_start(self) -> NodeStatus:
        """Begin; RUNNING asks for more ticks."""
        raise NotImplementedError

    def on_running(self) -> NodeStatus:
        """Go on; SUCCESS or FAILURE ends the action."""
        raise NotImplementedError

    def on_halted(self) -> None:
        """Stop at once and release what `on_start` took."""

    def on_tick(self) -> NodeStatus:
        if self._state is NodeStatus.IDLE:
            status = self.on_start()
        elif self._state is NodeStatus.RUNNING:
            status = self.on_running()
        else:
            return self._state
        if status is NodeStatus.IDLE:
            raise NodeError('an action must not return IDLE')
        return status

    def halt(self) -> None:
        if self._state is NodeStatus.RUNNING:
            self.on_halted()
        self.reset_status()


class StubAction(SyncAction):
    """Stands for a leaf that is not here; it always succeeds and accepts any port."""

    def on_tick(self) -> NodeStatus:
        return NodeStatus.SUCCESS

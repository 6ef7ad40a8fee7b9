# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
ReactiveSequence and ReactiveFallback: children in order, from the first one at every tick.

- A RUNNING child: RUNNING, and all other children are halted. The next tick asks the children
  before it again and so may interrupt it.
- ReactiveSequence: a failed child: FAILURE; none failed: SUCCESS.
- ReactiveFallback: a child that succeeded: SUCCESS; none succeeded: FAILURE.
- A SKIPPED child is passed over; if all were skipped, so is the node.
"""

from __future__ import annotations

from .. import viewers
from ..branches import ControlNode
from ..node import FAILURE, RUNNING, SKIPPED, SUCCESS
from ..status import NodeStatus


class _Reactive(ControlNode):
    # The result of a child that is the result of the node, and what it is if none has it.
    decisive = FAILURE
    otherwise = SUCCESS

    def on_tick(self) -> NodeStatus:
        all_skipped = True
        self.set_status(RUNNING)
        for index, child in enumerate(self.children):
            status = child.execute_tick()
            if status is SKIPPED:
                self.halt_child(index)
                continue
            all_skipped = False
            if status is RUNNING:
                for other in range(len(self.children)):
                    if other != index:
                        self.halt_child(other)
                return RUNNING
            if status is self.decisive:
                self.reset_children()
                return status
            if status is not self.otherwise:
                raise self._child_idle()
        self.reset_children()
        return SKIPPED if all_skipped else self.otherwise


class ReactiveSequence(_Reactive, viewers.Sequence):  # type: ignore[misc]
    """Asks its children from the first at every tick; fails with the first that fails."""

    memory = False


class ReactiveFallback(_Reactive, viewers.Selector):  # type: ignore[misc]
    """Asks its children from the first at every tick; succeeds with the first that does."""

    memory = False
    decisive = SUCCESS
    otherwise = FAILURE

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
IfThenElse and WhileDoElse: one child decides which of the others is ticked.

Both take two or three children: condition, then (do), else. The condition may be RUNNING. The
result is that of the chosen child; a false condition without an else: FAILURE. A SKIPPED
condition is an error.

IfThenElse asks the condition once, and then stays with its choice until that is done.
WhileDoElse asks at every tick and halts the other child when the answer changes.
"""

from __future__ import annotations

from ..branches import ControlNode
from ..errors import NodeError
from ..manifest import NodeConfig
from ..node import FAILURE, IDLE, RUNNING, SUCCESS
from ..status import NodeStatus


class IfThenElse(ControlNode):
    """Ticks its second child if the first succeeds, else its third."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._choice = 0

    def on_tick(self) -> NodeStatus:
        count = len(self.children)
        if count not in (2, 3):
            raise NodeError(f'IfThenElse needs 2 or 3 children, not {count}')
        self.set_status(RUNNING)
        if self._choice == 0:
            condition = self.children[0].execute_tick()
            if condition is RUNNING:
                return RUNNING
            if condition is SUCCESS:
                self._choice = 1
            elif condition is FAILURE:
                if count == 2:
                    return FAILURE
                self._choice = 2
            else:
                raise NodeError('the condition of IfThenElse must not be SKIPPED')
        status = self.children[self._choice].execute_tick()
        if status is not RUNNING:
            self.reset_children()
            self._choice = 0
        return status

    def halt(self) -> None:
        self._choice = 0
        super().halt()


class WhileDoElse(ControlNode):
    """Ticks its second child as long as the first succeeds, else its third."""

    def on_tick(self) -> NodeStatus:
        count = len(self.children)
        if count not in (2, 3):
            raise NodeError(f'WhileDoElse needs 2 or 3 children, not {count}')
        self.set_status(RUNNING)
        condition = self.children[0].execute_tick()
        # A SKIPPED condition leaves IDLE, which no node may return: an error, as in the reference.
        status = IDLE
        if condition is RUNNING:
            return RUNNING
        if condition is SUCCESS:
            if count == 3:
                self.halt_child(2)
            status = self.children[1].execute_tick()
        elif condition is FAILURE:
            status = FAILURE
            if count == 3:
                self.halt_child(1)
                status = self.children[2].execute_tick()
        if status is not RUNNING:
            self.reset_children()
        return status

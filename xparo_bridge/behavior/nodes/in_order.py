# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What Sequence and Fallback share: children in order, until one does not go on."""

from __future__ import annotations

from typing import ClassVar

from ..branches import ControlNode
from ..manifest import NodeConfig
from ..node import IDLE, RUNNING, SKIPPED
from ..status import NodeStatus


class InOrder(ControlNode):
    """Ticks its children in order while they return `goes_on`; ends with the first `ends`."""

    goes_on: ClassVar[NodeStatus]
    ends: ClassVar[NodeStatus]
    pauses = False

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._index = 0
        self._skipped = 0

    def on_tick(self) -> NodeStatus:
        if self._state is IDLE:
            self._skipped = 0
        self.set_status(RUNNING)
        children, pauses, goes_on = self.children, self.pauses, self.goes_on
        count = len(children)
        for index in range(self._index, count):
            child = children[index]
            was_idle = pauses and child._state is IDLE
            status = child.execute_tick()
            if status is goes_on:
                if was_idle and index + 1 < count:
                    self._index = index + 1
                    self.wake_up()
                    return RUNNING
            elif status is SKIPPED:
                self._skipped += 1
            else:
                self._index = index
                if status is RUNNING:
                    return RUNNING
                if status is not self.ends:
                    raise self._child_idle()
                self._end()
                return status
        all_skipped = self._skipped == count
        self.reset_children()
        self._index = 0
        self._skipped = 0
        return SKIPPED if all_skipped else goes_on

    def halt(self) -> None:
        self._index = 0
        self._skipped = 0
        super().halt()

    def _end(self) -> None:
        self.reset_children()
        self._index = 0

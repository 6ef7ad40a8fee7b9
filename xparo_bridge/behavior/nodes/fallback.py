# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Fallback and AsyncFallback: children in order, until one succeeds.

- A RUNNING child: RUNNING; the next tick goes on with that child.
- A child that succeeded: SUCCESS.
- A SKIPPED child is passed over; if all were skipped, so is the fallback.
- All others: FAILURE.

AsyncFallback returns RUNNING after each child that failed at once and asks to be woken, so that
something else can interrupt it between two children.
"""

from __future__ import annotations

import py_trees

from ..branches import ControlNode
from ..context import NodeConfig
from ..node import FAILURE, IDLE, RUNNING, SKIPPED, SUCCESS
from ..status import NodeStatus


class Fallback(ControlNode, py_trees.composites.Selector):  # type: ignore[misc]
    """Ticks its children in order; succeeds with the first that succeeds."""

    memory = True
    pauses = False

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._index = 0
        self._skipped = 0

    def on_tick(self) -> NodeStatus:
        if self._state is IDLE:
            self._skipped = 0
        self.set_status(RUNNING)
        children, pauses = self.children, self.pauses
        count = len(children)
        for index in range(self._index, count):
            child = children[index]
            was_idle = pauses and child._state is IDLE
            status = child.execute_tick()
            if status is FAILURE:
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
                if status is not SUCCESS:
                    raise self._child_idle()
                self.reset_children()
                self._index = 0
                return SUCCESS
        all_skipped = self._skipped == count
        self.reset_children()
        self._index = 0
        self._skipped = 0
        return SKIPPED if all_skipped else FAILURE

    def halt(self) -> None:
        self._index = 0
        self._skipped = 0
        super().halt()


class AsyncFallback(Fallback):
    """A Fallback that can be interrupted between children that fail at once."""

    pauses = True

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Sequence, AsyncSequence and SequenceWithMemory: all children in order, until one fails.

- A RUNNING child: RUNNING; the next tick goes on with that child.
- A failed child: FAILURE. Sequence and AsyncSequence start over the next time;
  SequenceWithMemory starts with the child that failed, also after a halt.
- A SKIPPED child is passed over; if all were skipped, so is the sequence.
- All others: SUCCESS.

AsyncSequence and SequenceWithMemory return RUNNING after each child that succeeded at once and
ask to be woken, so that something else can interrupt them between two children.
"""

from __future__ import annotations

import py_trees

from ..branches import ControlNode
from ..context import NodeConfig
from ..node import FAILURE, IDLE, RUNNING, SKIPPED, SUCCESS
from ..status import NodeStatus


class Sequence(ControlNode, py_trees.composites.Sequence):  # type: ignore[misc]
    """Ticks its children in order; fails with the first that fails."""

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
            if status is SUCCESS:
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
                if status is not FAILURE:
                    raise self._child_idle()
                self._fail()
                return FAILURE
        all_skipped = self._skipped == count
        self.reset_children()
        self._index = 0
        self._skipped = 0
        return SKIPPED if all_skipped else SUCCESS

    def halt(self) -> None:
        self._index = 0
        self._skipped = 0
        super().halt()

    def _fail(self) -> None:
        self.reset_children()
        self._index = 0


class AsyncSequence(Sequence):
    """A Sequence that can be interrupted between children that succeed at once."""

    pauses = True


class SequenceWithMemory(Sequence):
    """A Sequence that does not repeat children that have succeeded."""

    pauses = True

    def halt(self) -> None:
        ControlNode.halt(self)

    def _fail(self) -> None:
        for index in range(self._index, len(self.children)):
            self.halt_child(index)

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

from .. import viewers
from ..branches import ControlNode
from ..node import FAILURE, SUCCESS
from .in_order import InOrder


class Sequence(InOrder, viewers.Sequence):  # type: ignore[misc]
    """Ticks its children in order; fails with the first that fails."""

    memory = True
    goes_on = SUCCESS
    ends = FAILURE


class AsyncSequence(Sequence):
    """A Sequence that can be interrupted between children that succeed at once."""

    pauses = True


class SequenceWithMemory(Sequence):
    """A Sequence that does not repeat children that have succeeded."""

    pauses = True

    def halt(self) -> None:
        ControlNode.halt(self)

    def _end(self) -> None:
        for index in range(self._index, len(self.children)):
            self.halt_child(index)

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
NonblockingSequence, PersistentSequence, PipelineSequence, RecoveryNode and RoundRobin: Nav2's
control nodes.

NonblockingSequence ticks all its children at every tick, also those that are done.
- A failed child: FAILURE, all others halted. All succeeded: SUCCESS. Else RUNNING.
- A SKIPPED child is an error.

PersistentSequence ticks its children in order from the one that the entry of `current_child_idx`
numbers, which it keeps up to date, so that it goes on there after a halt.
- A RUNNING child: RUNNING. A failed child: FAILURE, and it begins anew. At the end: SUCCESS.

PipelineSequence ticks its children from the first at every tick, also those that are done.
- A failed child: FAILURE, all others halted.
- A RUNNING child that is the furthest reached so far: RUNNING; one before it is passed over.
- Otherwise SUCCESS at the end; SKIPPED if all were skipped.

RecoveryNode has two children, the second of which repairs what made the first fail.
- First child SUCCESS: SUCCESS. SKIPPED: SKIPPED.
- First child failed: the second, then the first again, up to `number_of_retries` times; FAILURE
  after that, or if the second child fails or is skipped.

RoundRobin ticks one child after the other, going on where it stopped.
- A child that succeeded: SUCCESS; the next tick begins with the child after it.
- All failed or were skipped in a row: FAILURE; SKIPPED if all were skipped.
- With `wrap_around` false, as in Nav2 from Lyrical on: FAILURE after the last child, whatever its
  result, and it begins anew. Where the port is not given it goes on with the first, as in Jazzy.
"""

from __future__ import annotations

from ..branches import ControlNode
from ..errors import NodeError
from ..manifest import NodeConfig
from ..node import FAILURE, RUNNING, SKIPPED, SUCCESS
from ..status import NodeStatus


class NonblockingSequence(ControlNode):
    """Ticks all its children until all have succeeded or one fails."""

    def on_tick(self) -> NodeStatus:
        all_succeeded = True
        for child in self.children:
            status = child.execute_tick()
            if status is FAILURE:
                self.reset_children()
                return FAILURE
            if status is RUNNING:
                all_succeeded = False
            elif status is not SUCCESS:
                raise NodeError(f'the child {child.name} of NonblockingSequence was {status}')
        if not all_succeeded:
            return RUNNING
        self.reset_children()
        return SUCCESS


class PersistentSequence(ControlNode):
    """Ticks its children in order and remembers in an entry how far it came."""

    def on_tick(self) -> NodeStatus:
        index: int = self.get_input('current_child_idx')
        if not 0 <= index:
            raise NodeError(f'[current_child_idx] is {index}')
        self.set_status(RUNNING)
        while index < len(self.children):
            status = self.children[index].execute_tick()
            if status is RUNNING:
                return RUNNING
            index = 0 if status is FAILURE else index + 1
            self.set_output('current_child_idx', index)
            if status is FAILURE:
                self.reset_children()
                return FAILURE
        self.reset_children()
        self.set_output('current_child_idx', 0)
        return SUCCESS


class PipelineSequence(ControlNode):
    """Ticks all children again up to the furthest one reached."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._furthest = 0

    def on_tick(self) -> NodeStatus:
        skipped = 0
        for index, child in enumerate(self.children):
            status = child.execute_tick()
            if status is FAILURE:
                self.reset_children()
                self._furthest = 0
                return FAILURE
            if status is RUNNING and index >= self._furthest:
                self._furthest = index
                return RUNNING
            skipped += status is SKIPPED
        self.reset_children()
        self._furthest = 0
        return SKIPPED if skipped == len(self.children) else SUCCESS

    def halt(self) -> None:
        super().halt()
        self._furthest = 0


class RecoveryNode(ControlNode):
    """Tries its first child again after its second has repaired something."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._index = 0
        self._retries = 0
        self._allowed = 1

    def on_tick(self) -> NodeStatus:
        if len(self.children) != 2:
            raise NodeError(f'RecoveryNode needs 2 children, not {len(self.children)}')
        self._allowed = self.find_input('number_of_retries', self._allowed)
        self.set_status(RUNNING)
        while self._retries <= self._allowed:
            status = self.children[self._index].execute_tick()
            if status is RUNNING:
                return RUNNING
            if self._index == 0:
                if status is not FAILURE or self._retries >= self._allowed:
                    return self._finish(status)
                self.halt_child(0)
                self._index = 1
            elif status is SUCCESS:
                self.halt_child(1)
                self._retries += 1
                self._index = 0
                if self.context.is_overdue:
                    self.wake_up()
                    return RUNNING
            elif status is SKIPPED:
                self._index = 0
                self.halt_child(1)
                return FAILURE
            else:
                return self._finish(FAILURE)
        return self._finish(FAILURE)

    def halt(self) -> None:
        super().halt()
        self._retries = 0
        self._index = 0

    def _finish(self, status: NodeStatus) -> NodeStatus:
        if status is SUCCESS:
            self.halt_child(1)
        self.halt()
        return status


class RoundRobin(ControlNode):
    """Ticks its children in turn until one succeeds."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._index = 0
        self._failed = 0

    def on_tick(self) -> NodeStatus:
        count = len(self.children)
        self.set_status(RUNNING)
        skipped = 0
        while self._failed + skipped < count:
            status = self.children[self._index].execute_tick()
            if status is RUNNING:
                return RUNNING
            self._index += 1
            if self._index == count:
                if not self.find_input('wrap_around', True):
                    skipped += status is SKIPPED
                    break
                self._index = 0
            if status is SUCCESS:
                self._failed = 0
                self.reset_children()
                return SUCCESS
            if status is FAILURE:
                self._failed += 1
            else:
                skipped += 1
        self.halt()
        return SKIPPED if skipped == count else FAILURE

    def halt(self) -> None:
        super().halt()
        self._index = 0
        self._failed = 0

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Parallel and ParallelAll: every child at every tick, until enough of them are done.

Counts may be negative, as indices in Python: -1 means all children, -2 all but one.

Parallel asks after each child whether it is decided:

- `success_count` children succeeded: SUCCESS. A negative count takes SKIPPED children for
  successes.
- `failure_count` children failed, or too few are left to succeed: FAILURE.
- Else RUNNING, or SKIPPED if all children were. Children still RUNNING at the end are halted.

ParallelAll waits for all its children: FAILURE if `max_failures` or more of them failed, else
SUCCESS; SKIPPED if all were skipped.
"""

from __future__ import annotations

from .. import viewers
from ..branches import ControlNode
from ..errors import NodeError
from ..manifest import NodeConfig
from ..node import FAILURE, RUNNING, SKIPPED, SUCCESS
from ..ports import input_port, INT
from ..status import NodeStatus


class _Parallel(ControlNode, viewers.Parallel):  # type: ignore[misc]
    policy = viewers.SUCCESS_ON_ALL

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._done: set[int] = set()
        self._successes = 0
        self._failures = 0

    def halt(self) -> None:
        self._clear()
        super().halt()

    def _clear(self) -> None:
        self._done.clear()
        self._successes = 0
        self._failures = 0

    def _threshold(self, number: int) -> int:
        return max(len(self.children) + number + 1, 0) if number < 0 else number

    def _skips(self, index: int) -> bool:
        """Tick a child that is not done; whether it was skipped."""
        if index in self._done:
            return False
        status = self.children[index].execute_tick()
        if status is SUCCESS:
            self._done.add(index)
            self._successes += 1
        elif status is FAILURE:
            self._done.add(index)
            self._failures += 1
        elif status is not RUNNING and status is not SKIPPED:
            raise self._child_idle()
        return status is SKIPPED


class Parallel(_Parallel):
    """Ticks all its children until enough of them have succeeded or failed."""

    PORTS = (
        input_port('success_count', INT, -1, 'children that must succeed for SUCCESS'),
        input_port('failure_count', INT, 1, 'children that must fail for FAILURE'),
    )

    def on_tick(self) -> NodeStatus:
        count = len(self.children)
        requested = self.get_input('success_count')
        needed = self._threshold(requested)
        tolerated = self._threshold(self.get_input('failure_count'))
        if count < needed:
            raise NodeError(f'{needed} of {count} children can never succeed')
        if count < tolerated:
            raise NodeError(f'{tolerated} of {count} children can never fail')
        self.set_status(RUNNING)
        skipped = 0
        for index in range(count):
            skipped += self._skips(index)
            forgiven = skipped if requested < 0 else 0
            if self._successes + forgiven >= needed:
                return self._finish(SUCCESS)
            if count - self._failures < needed or self._failures == tolerated:
                return self._finish(FAILURE)
        return SKIPPED if skipped == count else RUNNING

    def _finish(self, status: NodeStatus) -> NodeStatus:
        self._clear()
        self.reset_children()
        return status


class ParallelAll(_Parallel):
    """Ticks all its children until all of them are done."""

    PORTS = (input_port('max_failures', INT, 1, 'children that must fail for FAILURE'),)

    def on_tick(self) -> NodeStatus:
        count = len(self.children)
        tolerated = self._threshold(self.get_input('max_failures'))
        if count < tolerated:
            raise NodeError(f'{tolerated} of {count} children can never fail')
        self.set_status(RUNNING)
        skipped = sum(self._skips(index) for index in range(count))
        if skipped == count:
            return SKIPPED
        if skipped + len(self._done) < count:
            return RUNNING
        status = FAILURE if self._failures >= tolerated else SUCCESS
        self.reset_children()
        self._clear()
        return status

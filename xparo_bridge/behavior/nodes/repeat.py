# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Repeat and RetryUntilSuccessful: the child again, a number of times (-1: without end).

- Repeat: `num_cycles` successes: SUCCESS; a failure: FAILURE.
- RetryUntilSuccessful: a success: SUCCESS; `num_attempts` failures: FAILURE.

A SKIPPED child skips the node and keeps the count; a halt forgets it. Between two rounds of a
child that is done at once, the node returns RUNNING and asks to be woken, so that something
else can interrupt it.
"""

from __future__ import annotations

from ..errors import NodeError
from ..manifest import NodeConfig
from ..node import FAILURE, IDLE, RUNNING, SKIPPED, SUCCESS
from ..ports import input_port, INT
from ..status import NodeStatus
from .decorator import Decorator


class _Again(Decorator):
    limit_port = ''
    # The result of the child that asks for another round, and the one that ends them.
    again = SUCCESS
    ending = FAILURE

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._count = 0

    def on_tick(self) -> NodeStatus:
        limit = self.get_input(self.limit_port)
        goes_on = limit == -1 or self._count < limit
        self.set_status(RUNNING)
        child = self.children[0]
        while goes_on:
            was_idle = child._state is IDLE
            status = child.execute_tick()
            if status is RUNNING:
                return RUNNING
            if status is IDLE:
                raise NodeError('a child must not return IDLE')
            if status is self.again:
                self._count += 1
                limit = self._limit_after_round(limit)
                goes_on = limit == -1 or self._count < limit
            self.reset_child()
            if status is SKIPPED:
                return SKIPPED
            if status is self.ending:
                self._count = 0
                return status
            if was_idle and goes_on:
                self.wake_up()
                return RUNNING
        self._count = 0
        return self.again

    def halt(self) -> None:
        self._count = 0
        super().halt()

    def _limit_after_round(self, limit: int) -> int:
        return limit


class Repeat(_Again):
    """Repeats its child as long as it succeeds."""

    PORTS = (input_port('num_cycles', INT, doc='successes needed; -1: repeat without end'),)
    limit_port = 'num_cycles'


class RetryUntilSuccessful(_Again):
    """Repeats its child as long as it fails."""

    PORTS = (input_port('num_attempts', INT, doc='failures allowed; -1: retry without end'),)
    limit_port = 'num_attempts'
    again = FAILURE
    ending = SUCCESS

    def _limit_after_round(self, limit: int) -> int:
        # The child may have changed it.
        changed: int = self.find_input(self.limit_port, limit)
        return changed

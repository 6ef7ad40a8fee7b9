# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Delay, Timeout and Sleep: nodes that wait, without blocking a tick.

- Delay: RUNNING for `delay_msec`, then the child.
- Timeout: the child; if it is still RUNNING `msec` after the start, it is halted and the next
  tick gives FAILURE. 0 means no limit.
- Sleep: RUNNING for `msec`, then SUCCESS.
"""

from __future__ import annotations

from ..leaves import StatefulAction
from ..manifest import NodeConfig
from ..node import FAILURE, RUNNING, SUCCESS
from ..ports import input_port, UINT
from ..status import NodeStatus
from ..timing import Timer
from .decorator import Decorator


class Delay(Decorator):
    """Waits before it ticks its child."""

    PORTS = (input_port('delay_msec', UINT, doc='milliseconds to wait'),)

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._timer: Timer | None = None

    def on_tick(self) -> NodeStatus:
        milliseconds = self.get_input('delay_msec')
        if self._timer is None:
            self.set_status(RUNNING)
            self._timer = self.context.timers.add(milliseconds / 1000, lambda: None)
        if self._timer.is_pending:
            return RUNNING
        status = self.children[0].execute_tick()
        if status is SUCCESS or status is FAILURE:
            self._timer = None
            self.reset_child()
        return status

    def halt(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        super().halt()


class Timeout(Decorator):
    """Halts its child and fails if it takes too long."""

    PORTS = (input_port('msec', UINT, doc='milliseconds the child may take; 0: any time'),)

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._timer: Timer | None = None
        self._started = False
        self._expired = False

    def on_tick(self) -> NodeStatus:
        milliseconds = self.get_input('msec')
        if not self._started:
            self._started = True
            self._expired = False
            self.set_status(RUNNING)
            if milliseconds > 0:
                self._timer = self.context.timers.add(milliseconds / 1000, self._expire)
        if self._expired:
            self._started = False
            return FAILURE
        status = self.children[0].execute_tick()
        if status is SUCCESS or status is FAILURE:
            self._stop()
            self.reset_child()
        return status

    def halt(self) -> None:
        self._stop()
        super().halt()

    def _stop(self) -> None:
        self._started = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        if self.children[0]._state is RUNNING:
            self._expired = True
            self.reset_child()


class Sleep(StatefulAction):
    """Succeeds after a time."""

    PORTS = (input_port('msec', UINT, doc='milliseconds to wait'),)

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._timer: Timer | None = None

    def on_start(self) -> NodeStatus:
        milliseconds = self.get_input('msec')
        if milliseconds == 0:
            return SUCCESS
        self._timer = self.context.timers.add(milliseconds / 1000, lambda: None)
        return RUNNING

    def on_running(self) -> NodeStatus:
        return RUNNING if self._timer is not None and self._timer.is_pending else SUCCESS

    def on_halted(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

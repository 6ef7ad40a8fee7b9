# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
RunOnce: the child until it is done, and never again.

After that, SKIPPED, or the child's result if `then_skip` is false; a halt does not change it.
"""

from __future__ import annotations

from ..manifest import NodeConfig
from ..node import FAILURE, RUNNING, SKIPPED, SUCCESS
from ..ports import BOOL, input_port
from ..status import NodeStatus
from .decorator import Decorator


class RunOnce(Decorator):
    """Ticks its child until it is done for the first time."""

    PORTS = (input_port('then_skip', BOOL, True, 'afterwards: skip, or repeat the result'),)

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._result: NodeStatus | None = None

    def on_tick(self) -> NodeStatus:
        then_skip = self.find_input('then_skip', True)
        if self._result is not None:
            return SKIPPED if then_skip else self._result
        self.set_status(RUNNING)
        status = self.children[0].execute_tick()
        if status is SUCCESS or status is FAILURE:
            self._result = status
            self.reset_child()
        return status

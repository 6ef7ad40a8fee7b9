# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
TryCatch: a sequence whose last child cleans up after a failure.

All children but the last are ticked as in a Sequence.

- All of them succeeded: SUCCESS (SKIPPED if all were skipped); the last child is not ticked.
- One failed: the last child is ticked until it is done, and then: FAILURE, whatever its result.
- `catch_on_halt`: a halt before the cleaning up ticks the last child once.
"""

from __future__ import annotations

from ..branches import ControlNode
from ..errors import NodeError
from ..manifest import NodeConfig
from ..node import FAILURE, IDLE, RUNNING, SKIPPED, SUCCESS
from ..ports import BOOL, input_port
from ..status import NodeStatus


class TryCatch(ControlNode):
    """Ticks its children in order; if one fails, the last one cleans up."""

    PORTS = (input_port('catch_on_halt', BOOL, False, 'whether a halt cleans up, too'),)

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._index = 0
        self._skipped = 0
        self._catching = False

    def on_tick(self) -> NodeStatus:
        if len(self.children) < 2:
            raise NodeError('TryCatch needs at least 2 children')
        if self._state is IDLE:
            self._skipped = 0
            self._catching = False
        self.set_status(RUNNING)
        tries = len(self.children) - 1
        while not self._catching and self._index < tries:
            status = self.children[self._index].execute_tick()
            if status is RUNNING:
                return RUNNING
            if status is FAILURE:
                self.reset_children()
                self._index = 0
                self._catching = True
            elif status is SUCCESS or status is SKIPPED:
                self._index += 1
                self._skipped += status is SKIPPED
            else:
                raise self._child_idle()
        if self._catching:
            return self._catch()
        all_skipped = self._skipped == tries
        self.reset_children()
        self._index = 0
        self._skipped = 0
        return SKIPPED if all_skipped else SUCCESS

    def halt(self) -> None:
        interrupted = self._state is not IDLE and not self._catching
        if interrupted and self.find_input('catch_on_halt', False):
            last = len(self.children) - 1
            for index in range(last):
                self.halt_child(index)
            if self.children[last].execute_tick() is RUNNING:
                self.halt_child(last)
        self._index = 0
        self._skipped = 0
        self._catching = False
        super().halt()

    def _catch(self) -> NodeStatus:
        if self.children[-1].execute_tick() is RUNNING:
            return RUNNING
        self.reset_children()
        self._index = 0
        self._catching = False
        return FAILURE

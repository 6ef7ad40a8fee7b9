# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
PauseResumeController: Nav2's control node that two services switch between children.

Its children, of which all but the first may be left out: what runs, what runs while it is paused,
what runs once when it is paused, and what runs once when it is resumed.

- The first child: its result is the node's.
- `pause_service_name` (std_srvs/Trigger): the child that runs is halted, then the third child runs
  until it is done, then the second.
- `resume_service_name`: the second child is halted, then the fourth runs until it is done, then
  the first, from its beginning.
- A child that fails: FAILURE.
"""

from __future__ import annotations

from enum import Enum

from std_srvs.srv import Trigger

from ...ros.entities import service
from ..branches import ControlNode
from ..errors import NodeError, PortError
from ..manifest import NodeConfig
from ..node import FAILURE, IDLE, RUNNING, SKIPPED, SUCCESS
from ..status import NodeStatus
from .tree_ros import tree_ros


class _State(Enum):
    """Which child has its turn, by its place; what was asked for has none."""

    RESUMED = 0
    PAUSED = 1
    ON_PAUSE = 2
    ON_RESUME = 3
    PAUSE_REQUESTED = -1
    RESUME_REQUESTED = -2


_NEXT = {
    _State.PAUSE_REQUESTED: _State.ON_PAUSE,
    _State.ON_PAUSE: _State.PAUSED,
    _State.RESUME_REQUESTED: _State.ON_RESUME,
    _State.ON_RESUME: _State.RESUMED,
}


class PauseResumeController(ControlNode):
    """Runs one child or another, as services ask."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._at = _State.RESUMED
        node = tree_ros(config.context).node
        for port, answer in (
            ('pause_service_name', self._on_pause),
            ('resume_service_name', self._on_resume),
        ):
            name = self.find_input(port)
            if not name:
                raise PortError(f'the port [{port}] has no value')
            service(node, Trigger, name, answer)

    def on_tick(self) -> NodeStatus:
        if len(self.children) > 4:
            raise NodeError(f'PauseResumeController has {len(self.children)} children, not 1 to 4')
        if self._state is IDLE:
            self._at = _State.RESUMED
        self.set_status(RUNNING)
        if self._at in (_State.PAUSE_REQUESTED, _State.RESUME_REQUESTED):
            self.reset_children()
            self._at = _NEXT[self._at]
        at = self._at
        if at.value >= len(self.children):
            self._go_on(at)
            return RUNNING
        status = self.children[at.value].execute_tick()
        if status is FAILURE:
            return FAILURE
        if status is SUCCESS or status is SKIPPED:
            if at is _State.RESUMED:
                return SUCCESS
            self._go_on(at)
        return RUNNING

    def halt(self) -> None:
        self._at = _State.RESUMED
        super().halt()

    def _go_on(self, at: _State) -> None:
        # Unless a service asked for something else during the tick.
        if self._at is at and at in _NEXT:
            self._at = _NEXT[at]
            self.wake_up()

    def _on_pause(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        return self._ask(_State.PAUSE_REQUESTED, self._at is not _State.PAUSED, response)

    def _on_resume(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        return self._ask(_State.RESUME_REQUESTED, self._at is _State.PAUSED, response)

    def _ask(
        self, target: _State, is_possible: bool, response: Trigger.Response
    ) -> Trigger.Response:
        response.success = is_possible
        if is_possible:
            self._at = target
            self.wake_up()
        else:
            response.message = f'PauseResumeController is {self._at.name.lower()}'
        return response


NODES = {'PauseResumeController': PauseResumeController}

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Nav2's nodes that send a goal or cancel goals.

| outcome of the goal | node                                                              |
|---------------------|-------------------------------------------------------------------|
| succeeded           | SUCCESS, error code 0                                             |
| aborted             | FAILURE, the result's error code                                  |
| cancelled by others | SUCCESS, error code 0                                             |
| anything else       | FAILURE                                                           |

Unlike Nav2's own, a node with a required port that has no value fails instead of sending an empty
goal, a halt does not hold up the tree, and a server is given a second at least.
"""

from __future__ import annotations

from functools import partial
import time
from typing import Any

from rclpy.action import ActionClient
from rclpy.task import Future

from ...ros.action_goal import Ending, Outcome
from ...ros.action_requests import cancel
from ...ros.rclpy_internals import action_name
from ...ros.walls import when_done
from ..leaves import StatefulAction
from ..manifest import NodeConfig
from ..node import FAILURE, RUNNING, SUCCESS
from ..registry import NodeFactory
from ..status import NodeStatus
from .action_leaf import ActionUse, RosAction
from .fields import find_type, is_installed, MessageField
from .nav2_interfaces import ACTIONS, CANCELS, of_this_release, RECOVERIES, SERVICES
from .nav2_services import count_recovery, Nav2Service, SERVICE_NODES
from .service_leaf import ServiceUse
from .tree_ros import tree_ros

# Those whose path is emptied when it could not be made.
_EMPTIED = ('ComputePathThroughPoses', 'ComputePathToPose', 'ComputeRoute')


class Nav2Action(RosAction):
    """A node of Nav2 that sends a goal."""

    def make_goal(self) -> Any:
        if self.type_id in RECOVERIES and self.find_input('is_recovery', True):
            count_recovery(self)
        goal = super().make_goal()
        if self.type_id == 'Wait' and goal.time.sec < 0:
            # A negative time to wait is taken for a positive one.
            MessageField(type(goal), 'time').write(goal, -self.get_input('wait_duration'))
        elif self.type_id.startswith('ComputePath'):
            # Without use_start, a start that is given counts.
            has_start = self.find_input('start') is not None
            goal.use_start = bool(self.find_input('use_start', has_start)) and has_start
        return goal

    def on_end(self, outcome: Outcome) -> NodeStatus:
        aborted = outcome.ending is Ending.ABORTED
        if aborted or outcome.ending in (Ending.SUCCEEDED, Ending.CANCELED):
            code = getattr(outcome.result, 'error_code', 0) if aborted else 0
            if 'error_code_id' in self.config.outputs:
                self.set_output('error_code_id', code)
            if 'error_msg' in self.config.outputs:
                text = getattr(outcome.result, 'error_msg', '') if aborted else ''
                self.set_output('error_msg', text)
        if outcome.ending is Ending.SUCCEEDED or (
            aborted and self.type_id in ('DockRobot', 'UndockRobot')
        ):
            return super().on_end(outcome)
        self._empty_path()
        if outcome.ending is Ending.CANCELED:
            return SUCCESS
        if aborted and self.type_id == 'AssistedTeleop' and not self.find_input('is_recovery'):
            return SUCCESS
        return FAILURE

    def on_halted(self) -> None:
        super().on_halted()
        self._empty_path()

    def _empty_path(self) -> None:
        if self.type_id in _EMPTIED and 'path' in self.config.outputs:
            self.set_output('path', find_type('nav_msgs/msg/Path')())


class CancelGoals(StatefulAction):
    """Cancels every goal of an action server, whoever sent it."""

    def __init__(self, config: NodeConfig, use: ActionUse) -> None:
        super().__init__(config)
        self._use = use
        self._ros = tree_ros(config.context)
        self._type = find_type(use.interface)
        self._client = self._find_client()
        self._answer: Future | None = None
        self._give_up_at = 0.0

    def _find_client(self) -> ActionClient:
        name = self.find_input('server_name') or self._use.name
        return self._ros.action_client(self._type, name)

    def on_start(self) -> NodeStatus:
        self.feedback_message = ''
        self._client = self._find_client()
        self._answer = None
        milliseconds = self.find_input('server_timeout')
        timeout = self._ros.timeouts.server if milliseconds is None else milliseconds / 1000
        self._give_up_at = time.monotonic() + max(timeout, 1.0)
        return self.on_running()

    def on_running(self) -> NodeStatus:
        if self._answer is None:
            if self._client.server_is_ready():
                self._answer = cancel(self._client)
                when_done(self._answer, lambda future: self.wake_up())
        elif self._answer.done():
            return SUCCESS
        if time.monotonic() > self._give_up_at:
            self.feedback_message = f'{action_name(self._client)} did not answer'
            return FAILURE
        return RUNNING


def factories() -> dict[str, NodeFactory]:
    """What makes the nodes of each type whose interface is installed here."""
    uses: list[tuple[str, Any, ActionUse | ServiceUse]] = [
        *((type_id, Nav2Action, use) for type_id, use in ACTIONS.items()),
        *((type_id, CancelGoals, ACTIONS[other]) for type_id, other in CANCELS.items()),
        *(
            (type_id, SERVICE_NODES.get(type_id, Nav2Service), use)
            for type_id, use in SERVICES.items()
        ),
    ]
    return {
        type_id: partial(cls, use=of_this_release(use))
        for type_id, cls, use in uses
        if is_installed(use.interface)
    }

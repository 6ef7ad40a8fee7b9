# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Cancels one goal of a bridge that died, and finds out what became of it.

Works without the action's type: by the action's cancel service and its status topic.
"""

from __future__ import annotations

import time
from typing import Any

from action_msgs.msg import GoalStatus, GoalStatusArray
from action_msgs.srv import CancelGoal
from rclpy.node import Node
from rclpy.qos import qos_profile_action_status_default
from rclpy.task import Future

from ...ros.action_requests import ask
from ...ros.entities import client, subscription
from ...ros.walls import when_done
from .journal import GoalRecord

# How long a server may not know a goal that it has just been sent: it may still think about it, s.
_UNKNOWN_GRACE = 2.0
_ID_LENGTH = 16
_ENDED = (GoalStatus.STATUS_SUCCEEDED, GoalStatus.STATUS_CANCELED, GoalStatus.STATUS_ABORTED)


class OrphanedGoal:
    """
    One goal that an earlier bridge left behind.

    `outcome` says what became of it, once that is known: within `timeout`, s. `running` is whether
    the robot may still be at it.
    """

    def __init__(self, node: Node, record: GoalRecord, timeout: float) -> None:
        self.record = record
        self.outcome = ''
        self.running = False
        try:
            self._id = bytes.fromhex(record.goal_id)
        except ValueError:
            self._id = b''
        self._node = node
        self._give_up_at = time.monotonic() + timeout
        self._asked = False
        self._unknown_since: float | None = None
        if len(self._id) != _ID_LENGTH:
            self._settle('its id was damaged on disk', running=True)
        self._client = client(node, CancelGoal, f'{record.action}/_action/cancel_goal')
        self._subscription = subscription(
            node,
            GoalStatusArray,
            f'{record.action}/_action/status',
            self._on_status,
            qos_profile_action_status_default,
        )

    def poll(self) -> None:
        """Go on; a few times a second."""
        if self.outcome:
            return
        if not self._asked and not self.record.leave and self._client.service_is_ready():
            self._asked = True
            request = CancelGoal.Request()
            request.goal_info.goal_id.uuid = list(self._id)
            when_done(ask(self._client, request), self._answered)
        if time.monotonic() > self._give_up_at:
            if self._unknown_since is not None:
                self._settle('its action server does not know it', running=False)
            elif self._asked or self.record.leave:
                self._settle('its server does not say what became of it', running=True)
            else:
                self._settle('its action server is not there', running=False)

    def close(self) -> None:
        """Leave the graph."""
        self._node.destroy_client(self._client)
        self._node.destroy_subscription(self._subscription)

    def _on_status(self, message: GoalStatusArray) -> None:
        for status in message.status_list:
            if bytes(status.goal_info.goal_id.uuid) != self._id:
                continue
            if status.status in _ENDED:
                self._settle('it has ended', running=False)
            elif self.record.leave:
                self._settle('it was left running, as configured', running=True)

    def _answered(self, future: Future) -> None:
        response: Any = future.result()
        if response.return_code == CancelGoal.Response.ERROR_UNKNOWN_GOAL_ID:
            now = time.monotonic()
            self._unknown_since = self._unknown_since or now
            if now - self._unknown_since > _UNKNOWN_GRACE:
                self._settle('its action server does not know it', running=False)
            self._asked = False  # The bridge may have died between sending it and the answer.
        elif (
            response.return_code != CancelGoal.Response.ERROR_GOAL_TERMINATED
            and not response.goals_canceling
        ):
            self._settle('its server refused to cancel it', running=True)
        # Otherwise the status topic says when it has ended.

    def _settle(self, outcome: str, *, running: bool) -> None:
        if not self.outcome:
            self.outcome = outcome
            self.running = running

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Finds goals of a bridge that died of which nothing is on its disk, and cancels them.

One is written down when it is sent, and the process may be killed before that is on record. The
servers know their goals: all actions of the graph are asked for a while after the start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
import time

from action_msgs.msg import GoalStatusArray
from rclpy.action import get_action_names_and_types
from rclpy.node import Node
from rclpy.qos import qos_profile_action_status_default
from rclpy.subscription import Subscription

from ...ros.entities import subscription
from ...ros.goal_ids import GOAL_IDS
from ...ros.motion_actions import ACTIVE
from .journal import GoalRecord
from .orphaned_goal import OrphanedGoal

# How long DDS may take to find the servers, and a server to accept what it was sent last, s.
_LOOK_FOR = 4.0
_LOOK_PERIOD = 0.5


class StrayGoals:
    """Those that were found, each watched until it has ended; on the ROS thread."""

    def __init__(
        self,
        node: Node,
        known: Iterable[str],
        may_go_on: Callable[[str], bool],
        timeout: float,
    ) -> None:
        """
        Begin to look for others than those `known`, by their ids.

        `may_go_on(action)` says whether goals of an action are left as they are; how one that is
        cancelled ended is known within `timeout`, s.
        """
        self.found: list[OrphanedGoal] = []
        self._node = node
        self._known = set(known)
        self._may_go_on = may_go_on
        self._timeout = timeout
        self._until = time.monotonic() + _LOOK_FOR
        self._look_at = 0.0
        self._listening: dict[str, Subscription] = {}

    @property
    def open(self) -> bool:
        """Whether there may be more, or it is not known of all how they stand."""
        return bool(self._until) or not all(goal.outcome for goal in self.found)

    def poll(self) -> None:
        """Go on; a few times a second."""
        for goal in self.found:
            goal.poll()
        now = time.monotonic()
        if self._until and now > self._until:
            self._until = 0.0
            for listening in self._listening.values():
                self._node.destroy_subscription(listening)
            self._listening.clear()
        elif self._until and now > self._look_at:
            self._look_at = now + _LOOK_PERIOD
            self._look()

    def close(self) -> None:
        """Leave the graph."""
        for goal in self.found:
            goal.close()

    def _look(self) -> None:
        for action, _ in get_action_names_and_types(self._node):
            if action not in self._listening:
                self._listening[action] = subscription(
                    self._node,
                    GoalStatusArray,
                    f'{action}/_action/status',
                    partial(self._on_status, action),
                    qos_profile_action_status_default,
                )

    def _on_status(self, action: str, message: GoalStatusArray) -> None:
        for status in message.status_list:
            goal_id = bytes(status.goal_info.goal_id.uuid)
            if (
                status.status in ACTIVE
                and GOAL_IDS.of_earlier_run(goal_id)
                and goal_id.hex() not in self._known
            ):
                self._known.add(goal_id.hex())
                record = GoalRecord(action, goal_id.hex(), self._may_go_on(action))
                self.found.append(OrphanedGoal(self._node, record, self._timeout))

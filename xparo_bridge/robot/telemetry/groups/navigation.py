# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
How the way to a goal goes, of Nav2's action NavigateToPose, whoever sent the goal.

Sends `navigation` when it changed: {state, distance, recoveries, elapsed, remaining, goal}. The
state is that of the newest goal, as action_msgs/GoalStatus names it, `idle` before the first;
distance in metres to go, times in seconds. The goal {x, y, yaw, frame} is the end of the newest
plan, as an action's goal itself is on no topic.
"""

from __future__ import annotations

from action_msgs.msg import GoalStatus
from rclpy.node import Node

from ..settings import parse_fields, Settings, TopicSettings
from ..source import Source, TopicSource, Values

_STATES = {
    GoalStatus.STATUS_ACCEPTED: 'accepted',
    GoalStatus.STATUS_EXECUTING: 'executing',
    GoalStatus.STATUS_CANCELING: 'canceling',
    GoalStatus.STATUS_SUCCEEDED: 'succeeded',
    GoalStatus.STATUS_CANCELED: 'canceled',
    GoalStatus.STATUS_ABORTED: 'aborted',
}
_MOVING = ('accepted', 'executing', 'canceling')


def make(node: Node, settings: Settings) -> Source:
    return Navigation(node, settings)


class Navigation(Source):
    """See the module."""

    def __init__(self, node: Node, settings: Settings) -> None:
        self._state: Values = {'state': 'idle'}
        self._progress: Values = {}
        self._goal: Values = {}
        self._sent: Values | None = None
        action = settings['action']
        self._status = TopicSource(
            node,
            TopicSettings(
                f'{action}/_action/status',
                'action_msgs/msg/GoalStatusArray',
                parse_fields(
                    {'states': 'status_list[:].status', 'stamps': 'status_list[:].goal_info.stamp'}
                ),
            ),
            _newest,
        )
        self._feedback = TopicSource(
            node,
            TopicSettings(
                f'{action}/_action/feedback',
                'nav2_msgs/action/NavigateToPose_FeedbackMessage',
                parse_fields(
                    {
                        'distance': 'feedback.distance_remaining',
                        'recoveries': 'feedback.number_of_recoveries',
                        'elapsed': 'feedback.navigation_time',
                        'remaining': 'feedback.estimated_time_remaining',
                    }
                ),
            ),
            _rounded,
        )
        self._plan = TopicSource(
            node,
            TopicSettings(
                settings['plan'],
                'nav_msgs/msg/Path',
                parse_fields(
                    {
                        'x': 'poses[-1].pose.position.x',
                        'y': 'poses[-1].pose.position.y',
                        'yaw': 'yaw(poses[-1].pose.orientation)',
                        'frame': 'header.frame_id',
                    }
                ),
            ),
            _rounded,
        )
        self._parts = (self._status, self._feedback, self._plan)

    def refresh(self) -> None:
        for part in self._parts:
            part.refresh()

    def collect(self) -> Values:
        self._state = self._status.collect() or self._state
        self._progress = self._feedback.collect() or self._progress
        goal = self._plan.collect() or self._goal
        if goal.get('x') is not None:  # An empty plan has no end.
            self._goal = goal
        values = self._state
        if values['state'] in _MOVING:
            values = values | self._progress
        if values['state'] != 'idle' and self._goal:
            values = values | {'goal': self._goal}
        if values == self._sent:
            return {}
        if self._sent is not None and values['state'] not in _MOVING:
            self._progress = {}  # Of the goal that ended.
        self._sent = values
        return {'navigation': values}

    def close(self) -> None:
        for part in self._parts:
            part.close()


def _newest(read: Values) -> Values:
    _, state = max(zip(read['stamps'], read['states'], strict=True), default=(0, None))
    return {'state': _STATES.get(state, 'idle')}


def _rounded(read: Values) -> Values:
    return {
        name: round(value, 3) if isinstance(value, float) else value
        for name, value in read.items()
    }

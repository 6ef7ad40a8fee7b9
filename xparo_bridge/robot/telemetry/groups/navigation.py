# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
How the way to a goal goes, of Nav2's navigation actions, whoever sent the goal.

Sends `navigation` when it changed: {state, action, distance, recoveries, elapsed, remaining,
goal}. The state is that of the newest goal of all watched actions, one under way before any other,
as action_msgs/GoalStatus names it: `idle` before the first, `unknown` when its server went away
with the goal. Distance in metres to go, times in seconds, of this goal alone. The goal {x, y, yaw,
frame} is the end of the newest plan made for it, as an action's goal itself is on no topic.
"""

from __future__ import annotations

import math
from typing import Any

from action_msgs.msg import GoalStatus
from rclpy.node import Node

from ....ros.transforms import frame_name
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
_PROGRESS = ('distance', 'recoveries', 'elapsed', 'remaining')


def make(node: Node, settings: Settings) -> Source:
    return Navigation(node, settings)


class _Action:
    """The goals of one action: the newest, and how it goes on."""

    def __init__(self, node: Node, name: str, expected: bool) -> None:
        self.name = name.strip('/')
        self.goal: Values = {}
        self.progress: Values = {}
        self._status = TopicSource(
            node,
            TopicSettings(
                f'{name}/_action/status',
                'action_msgs/msg/GoalStatusArray',
                parse_fields(
                    {
                        'states': 'status_list[:].status',
                        'stamps': 'status_list[:].goal_info.stamp',
                        'ids': 'status_list[:].goal_info.goal_id.uuid',
                    }
                ),
                expected=expected,
            ),
            _newest,
        )
        # Of whatever type the action has: those of Nav2 that drive somewhere have these fields.
        self._feedback = TopicSource(
            node,
            TopicSettings(
                f'{name}/_action/feedback',
                '',
                parse_fields(
                    {
                        'id': 'goal_id.uuid',
                        'distance': 'feedback.distance_remaining',
                        'recoveries': 'feedback.number_of_recoveries',
                        'elapsed': 'feedback.navigation_time',
                        'remaining': 'feedback.estimated_time_remaining',
                    }
                ),
                expected=False,
            ),
        )

    def refresh(self) -> None:
        self._status.refresh()
        self._feedback.refresh()

    def collect(self) -> None:
        goal = self._status.collect()
        if goal and goal.get('id') != self.goal.get('id'):
            self.progress = {}
        self.goal = goal or self.goal
        self.progress = self._feedback.collect() or self.progress

    @property
    def state(self) -> str:
        state: str = self.goal.get('state', 'idle')
        return 'unknown' if state in _MOVING and not self._status.publishers else state

    @property
    def rank(self) -> tuple[bool, float]:
        """How its newest goal stands among those of other actions."""
        return self.state in _MOVING, self.goal.get('stamp', -math.inf)

    def close(self) -> None:
        self._status.close()
        self._feedback.close()


class Navigation(Source):
    """See the module."""

    def __init__(self, node: Node, settings: Settings) -> None:
        names = settings['action']
        self._actions = [
            # A robot need not have all of them, but the first.
            _Action(node, name, expected=number == 0)
            for number, name in enumerate([names] if isinstance(names, str) else names)
        ]
        self._goal_id: Any = None
        self._end: Values = {}
        self._sent: Values | None = None
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
                        'stamp': 'header.stamp',
                    }
                ),
                seldom=True,
            ),
        )

    def refresh(self) -> None:
        for action in self._actions:
            action.refresh()
        self._plan.refresh()

    def collect(self) -> Values:
        for action in self._actions:
            action.collect()
        action = max(self._actions, key=lambda action: action.rank)
        goal, plan = action.goal, self._plan.collect()
        if goal.get('id') != self._goal_id:
            self._goal_id, self._end = goal.get('id'), {}
        moving = action.state in _MOVING
        # A plan of before belongs to another goal; one without a stamp came while this one ran.
        if moving and plan and (not plan['stamp'] or plan['stamp'] >= goal['stamp']):
            self._end = _end(plan) or self._end
        values: Values = {'state': action.state}
        if goal:
            values['action'] = action.name
        if moving and action.progress.get('id') == goal['id']:
            values |= _rounded({name: action.progress[name] for name in _PROGRESS})
        if self._end:
            values['goal'] = self._end
        if values == self._sent:
            return {}
        self._sent = values
        return {'navigation': values}

    def close(self) -> None:
        for action in self._actions:
            action.close()
        self._plan.close()


def _newest(read: Values) -> Values:
    """The newest goal of a list, one under way before any other."""
    goals = [
        {'state': _STATES.get(state, 'unknown'), 'stamp': stamp, 'id': goal_id}
        for state, stamp, goal_id in zip(read['states'], read['stamps'], read['ids'], strict=True)
    ]
    return max(
        goals,
        key=lambda goal: (goal['state'] in _MOVING, goal['stamp']),
        default={'state': 'idle', 'stamp': -math.inf, 'id': None},
    )


def _end(plan: Values) -> Values:
    """The end of a plan; nothing of one that has none."""
    x, y = plan['x'], plan['y']
    if x is None or y is None or not (math.isfinite(x) and math.isfinite(y)):
        return {}
    return _rounded({'x': x, 'y': y, 'yaw': plan['yaw']}) | {'frame': frame_name(plan['frame'])}


def _rounded(read: Values) -> Values:
    """Numbers as an operator wants them; those that are none are left out."""
    return {
        name: round(value, 3) if isinstance(value, float) else value
        for name, value in read.items()
        if value is not None and math.isfinite(value)
    }

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Nav2's decorators: when is a child ticked, by time, distance, speed or the goal.

All of them tick a child that is RUNNING at every tick, tick it at the first tick, and are RUNNING
while they wait.

- RateController: again every 1/`hz` seconds after a success.
- SpeedController: again at a rate between `min_rate` and `max_rate` that grows with the robot's
  speed between `min_speed` and `max_speed`; at once when the goal changes.
- DistanceController: again when the robot is `distance` metres from where the child succeeded.
- GoalUpdatedController: again when the goal changes.
- SingleTrigger: once; FAILURE until the decorator is halted or reset.
- PathLongerOnApproach: when a new path to the same goal is `length_factor` times as long as the
  one before, which was shorter than `prox_len`; else SUCCESS.
- GoalUpdater: writes the newest goal and goals to `output_goal` and `output_goals`, then ticks the
  child.
"""

from __future__ import annotations

import math
from typing import Any

from ..errors import NodeError
from ..manifest import NodeConfig
from ..node import FAILURE, IDLE, RUNNING, SUCCESS, TreeNode
from ..nodes.decorator import Decorator
from ..status import NodeStatus
from .robot import listen_to_robot, robot_state

UNKNOWN_PLACE = 'it is not known where the robot is'


def goals_of(node: TreeNode) -> tuple[Any, Any]:
    """The goals and the goal from the ports, or from the entries of these names."""
    found = []
    for name in ('goals', 'goal'):
        value = node.find_input(name)
        found.append(node.blackboard.get(name) if value is None else value)
    return found[0], found[1]


class _Paced(Decorator):
    """Ticks its child at first, while that is RUNNING, and when it is due."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._first = False

    def _has_turn(self, period_over: bool) -> bool:
        """Whether to tick the child now."""
        turn = self._first or period_over or self.children[0]._state is RUNNING
        self._first = self._first and not turn
        return turn


class RateController(_Paced):
    """Ticks its child at most at a given rate."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._start = 0.0
        self._period = 1.0

    def on_tick(self) -> NodeStatus:
        now = self.context.clock.now()
        if self._state is IDLE:
            hertz = self.find_input('hz', 1.0)
            self._period = 1.0 / hertz if hertz else math.inf
            self._start = now
            self._first = True
        self.set_status(RUNNING)
        if not self._has_turn(now - self._start >= self._period):
            return RUNNING
        status = self.children[0].execute_tick()
        if status is SUCCESS:
            self._start = self.context.clock.now()
        return status


class SpeedController(_Paced):
    """Ticks its child at a rate that grows with the robot's speed."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        listen_to_robot(config.context)
        self._min_rate = self.find_input('min_rate', 0.1)
        self._max_rate = self.find_input('max_rate', 1.0)
        self._min_speed = self.find_input('min_speed', 0.0)
        self._max_speed = self.find_input('max_speed', 0.5)
        if self._min_rate <= 0.0 or self._max_rate <= 0.0:
            raise NodeError('the rates of SpeedController must be above 0')
        self._goals: tuple[Any, Any] = (None, None)
        self._start = 0.0
        self._period = 1.0

    def on_tick(self) -> NodeStatus:
        now = self.context.clock.now()
        goals = goals_of(self)
        if self._state is IDLE or goals != self._goals:
            self._goals = goals
            self._period = 1.0 / self._max_rate
            self._start = now
            self._first = True
        self.set_status(RUNNING)
        period_over = now - self._start >= self._period
        if not self._has_turn(period_over):
            return RUNNING
        if period_over:
            self._period = 1.0 / self._rate(robot_state(self.context).speed())
            self._start = now
        return self.children[0].execute_tick()

    def _rate(self, speed: float) -> float:
        span = self._max_speed - self._min_speed
        share = (speed - self._min_speed) / span if span else math.inf
        rate = share * (self._max_rate - self._min_rate) + self._min_rate
        return float(max(min(rate, self._max_rate), self._min_rate))


class DistanceController(_Paced):
    """Ticks its child whenever the robot has gone some way."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        listen_to_robot(config.context)
        self._distance = self.find_input('distance', 1.0)
        self._start: tuple[float, float] | None = None

    def on_tick(self) -> NodeStatus:
        here = position(self)
        if self._state is IDLE:
            self._start = here
            self._first = True
        if here is None or self._start is None:
            self.feedback_message = UNKNOWN_PLACE
            return FAILURE
        self.feedback_message = ''
        self.set_status(RUNNING)
        if not self._has_turn(math.dist(self._start, here) >= self._distance):
            return RUNNING
        status = self.children[0].execute_tick()
        if status is SUCCESS:
            self._start = position(self)
            if self._start is None:
                self.feedback_message = UNKNOWN_PLACE
                return FAILURE
        return status


def position(node: TreeNode) -> tuple[float, float] | None:
    """Where the robot is, in the frames that the node's ports name."""
    frames = (node.find_input('global_frame', ''), node.find_input('robot_base_frame', ''))
    return robot_state(node.context).position(*frames)


class GoalUpdatedController(Decorator):
    """Ticks its child whenever the goal changes."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._goals: tuple[Any, Any] = (None, None)

    def on_tick(self) -> NodeStatus:
        goals = goals_of(self)
        updated = self._state is IDLE or goals != self._goals
        self._goals = goals
        self.set_status(RUNNING)
        child = self.children[0]
        if not updated and child._state is not RUNNING:
            return RUNNING
        status = child.execute_tick()
        return status


class SingleTrigger(Decorator):
    """Ticks its child until it is done once."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._first = True

    def on_tick(self) -> NodeStatus:
        if self._state is IDLE:
            self._first = True
        self.set_status(RUNNING)
        if not self._first:
            return FAILURE
        status = self.children[0].execute_tick()
        if status is SUCCESS or status is FAILURE:
            self._first = False
        return status


class GoalUpdater(Decorator):
    """Hands its child the newest goal."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        listen_to_robot(config.context)

    def on_tick(self) -> NodeStatus:
        robot = robot_state(self.context)
        self.set_output('output_goal', robot.updated_goal(self.find_input('input_goal')))
        if 'output_goals' in self.config.outputs:
            self.set_output('output_goals', robot.updated_goals(self.find_input('input_goals')))
        status = self.children[0].execute_tick()
        return status


class PathLongerOnApproach(Decorator):
    """Ticks its child if a new path near the goal is much longer than the one before."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._old: Any = None
        self._first = True

    def on_tick(self) -> NodeStatus:
        new, old = self.find_input('path'), self._old
        if not _poses(old) or not _poses(new) or _poses(old)[-1].pose != _poses(new)[-1].pose:
            self._first = True
        self.set_status(RUNNING)
        if not self._first and self._is_longer(new, old):
            status = self.children[0].execute_tick()
            if status is SUCCESS or status is FAILURE:
                self._old = new
                self.reset_child()
            return status
        self._old = new
        self._first = False
        return SUCCESS

    def _is_longer(self, new: Any, old: Any) -> bool:
        before = path_length(old)
        return (
            len(_poses(new)) != len(_poses(old))
            and before < self.find_input('prox_len', 3.0)
            and path_length(new) > self.find_input('length_factor', 2.0) * before
        )


def _poses(path: Any) -> Any:
    return () if path is None else path.poses


def path_length(path: Any) -> float:
    """The length of a nav_msgs/Path over the ground, in metres."""
    points = [(stamped.pose.position.x, stamped.pose.position.y) for stamped in path.poses]
    return sum(math.dist(one, other) for one, other in zip(points, points[1:], strict=False))

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Those of Nav2's conditions that need only time, entries and the robot's place.

- TimeExpired: SUCCESS every `seconds`, counted from the first tick.
- PathExpiringTimer: the same, counted anew when the path changes.
- DistanceTraveled: SUCCESS every `distance` metres, counted from the first tick.
- GoalUpdated: SUCCESS if the goal changed since the tick before.
- GlobalUpdatedGoal: the same, and SUCCESS at the first tick; a halt does not forget the goal.
- AreErrorCodesPresent: SUCCESS if the error code is one of a set; WouldAControllerRecoveryHelp,
  WouldAPlannerRecoveryHelp, WouldARouteRecoveryHelp and WouldASmootherRecoveryHelp have sets of
  their own.
- IsWithinPathTrackingBounds: SUCCESS if the errors of FollowPath's `tracking_feedback` are within
  bounds to the left, the right and of the heading, or there is no feedback.
- InitialPoseReceived: SUCCESS if the flag is true.
"""

from __future__ import annotations

import math
from typing import Any

from ..leaves import Condition
from ..manifest import NodeConfig
from ..node import FAILURE, IDLE, SUCCESS
from ..status import NodeStatus
from .decorators import goals_of, position, UNKNOWN_PLACE
from .robot import listen_to_robot


class TimeExpired(Condition):
    """Succeeds whenever a time has passed."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._start = 0.0
        self._period = 1.0

    def on_tick(self) -> NodeStatus:
        now = self.context.clock.now()
        if self._state is IDLE:
            self._period = self.find_input('seconds', self._period)
            self._start = now
            return FAILURE
        if now - self._start < self._period:
            return FAILURE
        self._start = now
        return SUCCESS


class PathExpiringTimer(Condition):
    """Succeeds whenever a path has been the same for a time."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._start: float | None = None
        self._period = 1.0
        self._path: Any = None

    def on_tick(self) -> NodeStatus:
        now = self.context.clock.now()
        path = self.find_input('path')
        if self._start is None:
            self._period = self.find_input('seconds', self._period)
            self._start, self._path = now, path
            return FAILURE
        if path != self._path:
            self._start, self._path = now, path
        if now - self._start < self._period:
            return FAILURE
        self._start = now
        return SUCCESS


class DistanceTraveled(Condition):
    """Succeeds whenever the robot has gone some way."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        listen_to_robot(config.context)
        self._start: tuple[float, float] | None = None
        self._distance = 1.0

    def on_tick(self) -> NodeStatus:
        here = position(self)
        if self._state is IDLE:
            self._distance = self.find_input('distance', self._distance)
            self._start = here
            return FAILURE
        if here is None:
            self.feedback_message = UNKNOWN_PLACE
            return FAILURE
        self.feedback_message = ''
        start = self._start or here
        if math.dist(start, here) < self._distance:
            self._start = start
            return FAILURE
        self._start = here
        return SUCCESS


class GoalUpdated(Condition):
    """Succeeds if the goal has changed."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._goals: tuple[Any, Any] = (None, None)

    def on_tick(self) -> NodeStatus:
        before, self._goals = self._goals, goals_of(self)
        if self._state is IDLE:
            return FAILURE
        return SUCCESS if self._goals != before else FAILURE


class GlobalUpdatedGoal(Condition):
    """Succeeds if the goal has changed since the tree was loaded or the last time."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._goals: tuple[Any, Any] | None = None

    def on_tick(self) -> NodeStatus:
        before, self._goals = self._goals, goals_of(self)
        return SUCCESS if self._goals != before else FAILURE


class AreErrorCodesPresent(Condition):
    """Succeeds if an error code is one of a set."""

    CODES: frozenset[int] = frozenset()

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._codes = self.CODES or frozenset(self.find_input('error_codes_to_check', ()))
        self._code = 0

    def on_tick(self) -> NodeStatus:
        self._code = self.find_input('error_code', self._code)
        return SUCCESS if self._code in self._codes else FAILURE


class WouldAControllerRecoveryHelp(AreErrorCodesPresent):
    """Succeeds if FollowPath failed for a reason that may pass."""

    # Unknown, patience exceeded, failed to make progress, no valid control.
    CODES = frozenset((100, 104, 105, 106))


class WouldAPlannerRecoveryHelp(AreErrorCodesPresent):
    """Succeeds if a planner failed for a reason that may pass."""

    # Unknown, timeout and no valid path, of ComputePathToPose and ComputePathThroughPoses.
    CODES = frozenset((200, 207, 208, 300, 307, 308))


class WouldARouteRecoveryHelp(AreErrorCodesPresent):
    """Succeeds if a route could not be found for a reason that may pass."""

    # Unknown, timeout and no valid route, of ComputeRoute and ComputeAndTrackRoute.
    CODES = frozenset((400, 404, 405))


class WouldASmootherRecoveryHelp(AreErrorCodesPresent):
    """Succeeds if SmoothPath failed for a reason that may pass."""

    # Unknown, timeout, smoothed path in collision, failed to smooth path.
    CODES = frozenset((500, 502, 503, 504))


class IsWithinPathTrackingBounds(Condition):
    """Succeeds if the robot is near enough to its path, or nothing is known of that."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._bounds = (0.5, 0.5, math.pi)

    def on_tick(self) -> NodeStatus:
        if self._state is IDLE:
            left, right, heading = (
                abs(self.find_input(f'max_error_{side}', before))
                for side, before in zip(('left', 'right', 'heading'), self._bounds, strict=True)
            )
            self._bounds = (left, right, heading)
        feedback = self.find_input('tracking_feedback')
        if feedback is None:
            return SUCCESS
        # Errors to the left of the path are positive, m; of the heading, rad.
        left, right, heading = self._bounds
        error, turned = feedback.position_tracking_error, feedback.heading_tracking_error
        if -right <= error <= left and abs(turned) <= heading:
            self.feedback_message = ''
            return SUCCESS
        self.feedback_message = f'{error:.2f} m and {turned:.2f} rad off the path'
        return FAILURE


class InitialPoseReceived(Condition):
    """Succeeds if the robot knows where it is."""

    def on_tick(self) -> NodeStatus:
        value = self.find_input('initial_pose_received')
        if value is None:
            value = self.blackboard.get('initial_pose_received', False)
        return SUCCESS if value else FAILURE

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Those of Nav2's nodes that say where the robot is, or whether it stands.

- ArePosesNear, GoalReached: SUCCESS within the tolerance (GoalReached: 0.25 m).
- IsGoalNearby: SUCCESS if the rest of the path is shorter than `proximity_threshold`.
- CheckStopStatus, IsStopped: RUNNING while the robot stands, SUCCESS once it stood for
  `duration_stopped`; FAILURE while it moves, or nothing is known of that.
- TransformAvailable: SUCCESS once the transform was there.
"""

from __future__ import annotations

from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Path

from ..errors import NodeError
from ..leaves import Condition, LeafNode
from ..manifest import NodeConfig
from ..nav2.decorators import path_length, UNKNOWN_PLACE
from ..node import FAILURE, RUNNING, SUCCESS
from ..status import NodeKind, NodeStatus
from .nav2_poses import AsksRobot, distance, path_of, pose_of, reach
from .robot_state import place_of, stamped
from .topic_leaf import fail

_GOAL_TOLERANCE = 0.25


class ArePosesNear(AsksRobot, Condition):
    """Succeeds if two poses are near each other."""

    def on_tick(self) -> NodeStatus:
        one, other = pose_of(self, 'ref_pose'), pose_of(self, 'target_pose')
        if one is None or other is None:
            return fail(self, 'the ports [ref_pose] and [target_pose] need values')
        if one.header.frame_id != other.header.frame_id:
            frame = self.find_input('global_frame', '') or 'map'
            one, other = self._in(frame, one), self._in(frame, other)
            if one is None or other is None:
                return fail(self, f'the frames of the poses are not known in {frame}')
        return SUCCESS if distance(one, other) <= self.find_input('tolerance', 0.5) else FAILURE

    def _in(self, frame: str, pose: PoseStamped) -> PoseStamped | None:
        place = self.robot.transform(frame, pose.header.frame_id)
        return None if place is None else stamped(place * place_of(pose), frame)


class GoalReached(AsksRobot, Condition):
    """Succeeds if the robot is at the goal."""

    def on_tick(self) -> NodeStatus:
        goal = pose_of(self, 'goal')
        here = (
            None
            if goal is None
            else self.robot.pose(goal.header.frame_id, self.find_input('robot_base_frame', ''))
        )
        if goal is None:
            return fail(self, 'the port [goal] has no value')
        if here is None:
            return fail(self, UNKNOWN_PLACE)
        return SUCCESS if distance(goal, here) <= _GOAL_TOLERANCE else FAILURE


class IsGoalNearby(AsksRobot, Condition):
    """Succeeds if the rest of the path is short."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._path: Path | None = None
        self._begin = 0

    def on_tick(self) -> NodeStatus:
        path = path_of(self, 'path')
        if not path.poses:
            return fail(self, 'the path is empty')
        furthest = self.find_input('max_robot_pose_search_dist', -1.0)
        if furthest < 0.0 or path is not self._path and path != self._path:
            self._begin = 0
        self._path = path
        here = self.robot.pose(path.header.frame_id, self.find_input('robot_base_frame', ''))
        if here is None:
            return fail(self, UNKNOWN_PLACE)
        ahead = path.poses[self._begin :]
        end = len(ahead) if furthest < 0.0 else reach(ahead, furthest)
        self._begin += min(range(end), key=lambda index: distance(here, ahead[index]))
        rest = path_length(Path(poses=path.poses[self._begin :]))
        return SUCCESS if rest < self.find_input('proximity_threshold', 1.0) else FAILURE


class _Stopped(AsksRobot):
    """Waits until the robot has stood for a time."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._since: float | None = None

    def on_tick(self) -> NodeStatus:
        odometry = self.robot.odometry
        if not odometry:
            return fail(self, 'no odometry came yet')
        twist = odometry[-1].twist.twist
        threshold = self.find_input('velocity_threshold', 0.01)
        speeds = (twist.linear.x, twist.linear.y, twist.angular.z)
        if any(abs(speed) >= threshold for speed in speeds):
            self._since = None
            return fail(self, 'the robot moves')
        now = self.context.clock.now()
        if self._since is None:
            self._since = now
        if (now - self._since) * 1000 <= self.find_input('duration_stopped', 1000):
            return RUNNING
        self._since = None
        return SUCCESS


class CheckStopStatus(_Stopped):
    """Finds out by odometry whether the robot stands."""

    KIND = NodeKind.ACTION


class IsStopped(_Stopped):
    """Succeeds while the robot stands."""

    KIND = NodeKind.CONDITION


class TransformAvailable(AsksRobot, Condition):
    """Succeeds once tf has a transform."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._found = False

    def on_tick(self) -> NodeStatus:
        child, parent = self.find_input('child'), self.find_input('parent')
        if not child or not parent:
            raise NodeError('the ports [child] and [parent] need values')
        self._found = self._found or self.robot.transform(child, parent) is not None
        if self._found:
            return SUCCESS
        return fail(self, f'there is no transform between {child} and {parent}')


NODES: dict[str, type[LeafNode]] = {
    cls.__name__: cls
    for cls in (
        ArePosesNear,
        CheckStopStatus,
        GoalReached,
        IsGoalNearby,
        IsStopped,
        TransformAvailable,
    )
}

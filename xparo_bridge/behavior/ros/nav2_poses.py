# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Those of Nav2's nodes that work with poses, paths and transforms.

- GetCurrentPose: SUCCESS with where the robot is; FAILURE if that is not known.
- GetPoseFromPath: SUCCESS with one pose of a path, counted from its end if negative.
- RemovePassedGoals: SUCCESS with the goals left, the last one always; FAILURE if the robot's place
  is not known.
- ConcatenatePaths: SUCCESS with one path after the other; FAILURE if both are empty.
- TruncatePath: SUCCESS with the path up to `distance` before its end, the last pose turned towards
  the end.
- TruncatePathLocal: SUCCESS with the path around the pose of it that is nearest to the robot.
- ArePosesNear, GoalReached: SUCCESS within the tolerance (GoalReached: 0.25 m).
- AppendGoalPoseToGoals, GetNextFewGoals, ExtractRouteNodesAsGoals: SUCCESS with a list of goals;
  FAILURE if there are none to take.
- IsGoalNearby: SUCCESS if the rest of the path is shorter than `proximity_threshold`.
- CheckStopStatus, IsStopped: RUNNING while the robot stands, SUCCESS once it stood for
  `duration_stopped`; FAILURE while it moves, or nothing is known of that.
- TransformAvailable: SUCCESS once the transform was there.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
import math
from typing import Any

from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Path
from std_msgs.msg import Header

from ...ros.geometry import quaternion
from ..errors import ConversionError, NodeError
from ..leaves import Condition, LeafNode, SyncAction
from ..manifest import NodeConfig
from ..nav2.decorators import path_length, UNKNOWN_PLACE
from ..node import FAILURE, RUNNING, SUCCESS
from ..status import NodeKind, NodeStatus
from .fields import to_message
from .robot_state import place_of, RobotState, stamped
from .topic_leaf import fail

_GOAL_TOLERANCE = 0.25


def pose_of(leaf: LeafNode, port: str) -> PoseStamped | None:
    """The pose of a port; None without one."""
    return _message_of(leaf, port, PoseStamped)


def path_of(leaf: LeafNode, port: str) -> Path:
    """The path of a port; an empty one without."""
    return _message_of(leaf, port, Path) or Path()


def poses_of(leaf: LeafNode, port: str) -> list[PoseStamped]:
    """The poses of a port; none without."""
    return [to_message(pose, PoseStamped) for pose in leaf.find_input(port) or ()]


def _message_of(leaf: LeafNode, port: str, cls: Any) -> Any:
    value = leaf.find_input(port)
    if value is None:
        return None
    try:
        return to_message(value, cls)
    except ConversionError as error:
        raise NodeError(f'the port [{port}]: {error}') from error


def distance(one: PoseStamped, other: PoseStamped) -> float:
    """Between two poses of one frame, over the ground, m."""
    a, b = one.pose.position, other.pose.position
    return math.hypot(a.x - b.x, a.y - b.y)


# nav2_msgs/msg/WaypointStatus, of Nav2 from Kilted on.
PENDING, COMPLETED, SKIPPED_WAYPOINT = 0, 1, 2


def mark_waypoint(statuses: list[Any], goal: PoseStamped, mark: int) -> bool:
    """Mark the first waypoint that is at a goal and not done; whether there is one."""
    for status in statuses:
        if status.waypoint_status == PENDING and status.waypoint_pose == goal:
            status.waypoint_status = mark
            return True
    return False


class _AsksRobot(LeafNode):
    """What needs to know where the robot is; the robot listens before the first tick."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self.robot: RobotState = config.context.services['nav2_robot']
        self.robot.listen()


class GetCurrentPose(_AsksRobot, SyncAction):
    """Writes where the robot is to a port."""

    def on_tick(self) -> NodeStatus:
        pose = self.robot.pose(
            self.find_input('global_frame', ''), self.find_input('robot_base_frame', '')
        )
        if pose is None:
            return fail(self, UNKNOWN_PLACE)
        self.set_output('current_pose', pose)
        return SUCCESS


class GetPoseFromPath(SyncAction):
    """Writes one pose of a path to a port."""

    def on_tick(self) -> NodeStatus:
        path = path_of(self, 'path')
        index = self.find_input('index', 0)
        if not -len(path.poses) <= index < len(path.poses):
            return fail(self, f'the path has no pose {index}')
        pose = deepcopy(path.poses[index])
        pose.header.frame_id = pose.header.frame_id or path.header.frame_id
        self.set_output('pose', pose)
        return SUCCESS


class RemovePassedGoals(_AsksRobot, SyncAction):
    """Leaves the goals out that the robot has passed."""

    def on_tick(self) -> NodeStatus:
        goals = poses_of(self, 'input_goals')
        if goals:
            here = self.robot.pose(
                goals[0].header.frame_id, self.find_input('robot_base_frame', '')
            )
            if here is None:
                return fail(self, UNKNOWN_PLACE)
            radius = self.find_input('radius', 0.5)
            statuses = deepcopy(self.find_input('input_waypoint_statuses'))
            while len(goals) > 1 and distance(goals[0], here) <= radius:
                if statuses is not None and not mark_waypoint(statuses, goals[0], COMPLETED):
                    return fail(self, 'a goal is in none of the waypoint statuses')
                goals = goals[1:]
            if statuses is not None:
                self.set_output('output_waypoint_statuses', statuses)
        self.set_output('output_goals', goals)
        return SUCCESS


class AppendGoalPoseToGoals(SyncAction):
    """Adds a goal behind the others."""

    def on_tick(self) -> NodeStatus:
        goal = pose_of(self, 'goal_pose')
        if goal is None:
            return fail(self, 'the port [goal_pose] has no value')
        self.set_output('output_goals', [*poses_of(self, 'input_goals'), goal])
        return SUCCESS


class GetNextFewGoals(SyncAction):
    """Writes the first few goals to a port."""

    def on_tick(self) -> NodeStatus:
        goals = poses_of(self, 'input_goals')
        if not goals:
            return fail(self, 'there are no goals')
        self.set_output('output_goals', goals[: max(self.get_input('num_goals'), 0)])
        return SUCCESS


class ExtractRouteNodesAsGoals(SyncAction):
    """Makes goals of the nodes of a route."""

    def on_tick(self) -> NodeStatus:
        route = self.find_input('route')
        if route is None or not route.nodes:
            return fail(self, 'the route has no nodes')
        goals = []
        for node in route.nodes:
            goal = PoseStamped(header=route.header)
            goal.pose.position.x, goal.pose.position.y = node.position.x, node.position.y
            goals.append(goal)
        self.set_output('goals', goals)
        return SUCCESS


class ConcatenatePaths(SyncAction):
    """Joins two paths into one."""

    def on_tick(self) -> NodeStatus:
        first, second = path_of(self, 'input_path1'), path_of(self, 'input_path2')
        if not first.poses and not second.poses:
            return fail(self, 'both paths are empty')
        header = first.header if first.header != Header() else second.header
        self.set_output('output_path', Path(header=header, poses=[*first.poses, *second.poses]))
        return SUCCESS


class TruncatePath(SyncAction):
    """Cuts the end off a path, by its length."""

    def on_tick(self) -> NodeStatus:
        path = path_of(self, 'input_path')
        poses = list(path.poses)
        if poses:
            end, wanted = poses[-1], self.find_input('distance', 1.0)
            while len(poses) > 2 and distance(poses[-1], end) < wanted:
                poses.pop()
            last = poses[-1] = deepcopy(poses[-1])
            a, b = last.pose.position, end.pose.position
            last.pose.orientation = quaternion(math.atan2(b.y - a.y, b.x - a.x))
        self.set_output('output_path', Path(header=path.header, poses=poses))
        return SUCCESS


class TruncatePathLocal(_AsksRobot, SyncAction):
    """Cuts out the part of a path around the robot."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._path: Path | None = None
        self._begin = 0

    def on_tick(self) -> NodeStatus:
        path = path_of(self, 'input_path')
        furthest = self.find_input('max_robot_pose_search_dist', math.inf)
        prunes = math.isfinite(furthest)
        if not prunes or path is not self._path and path != self._path:
            self._begin = 0
        self._path = path
        here = pose_of(self, 'pose') or self.robot.pose(
            path.header.frame_id, self.find_input('robot_frame', 'base_link')
        )
        if here is None:
            return fail(self, UNKNOWN_PLACE)
        poses = path.poses
        if poses:
            weight = self.find_input('angular_distance_weight', 0.0)
            end = self._begin + _reach(poses[self._begin :], furthest) if prunes else len(poses)
            nearest = min(
                range(self._begin, end), key=lambda index: _separation(here, poses[index], weight)
            )
            if prunes:
                self._begin = nearest
            ahead = _reach(poses[nearest:], self.find_input('distance_forward', 8.0))
            behind = _reach(poses[nearest::-1], self.find_input('distance_backward', 4.0))
            poses = poses[nearest + 1 - behind : nearest + ahead]
        self.set_output('output_path', Path(header=path.header, poses=list(poses)))
        return SUCCESS


def _reach(poses: Sequence[PoseStamped], length: float) -> int:
    """How many poses lie within a length of way from the first one, which always does."""
    way = 0.0
    for index in range(1, len(poses)):
        way += distance(poses[index - 1], poses[index])
        if way > length:
            return index
    return len(poses)


def _separation(one: PoseStamped, other: PoseStamped, weight: float) -> float:
    """Distance, with the angle between the headings in rad counted `weight` times."""
    if not weight:
        return distance(one, other)
    a, b = one.pose.orientation, other.pose.orientation
    dot = abs(a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w)
    return math.hypot(distance(one, other), weight * 2 * math.acos(min(1.0, dot)))


class ArePosesNear(_AsksRobot, Condition):
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


class GoalReached(_AsksRobot, Condition):
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


class IsGoalNearby(_AsksRobot, Condition):
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
        end = len(ahead) if furthest < 0.0 else _reach(ahead, furthest)
        self._begin += min(range(end), key=lambda index: distance(here, ahead[index]))
        rest = path_length(Path(poses=path.poses[self._begin :]))
        return SUCCESS if rest < self.find_input('proximity_threshold', 1.0) else FAILURE


class _Stopped(_AsksRobot):
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
    """Tells by odometry whether the robot stands."""

    KIND = NodeKind.ACTION


class IsStopped(_Stopped):
    """Succeeds while the robot stands."""

    KIND = NodeKind.CONDITION


class TransformAvailable(_AsksRobot, Condition):
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
        AppendGoalPoseToGoals,
        ArePosesNear,
        CheckStopStatus,
        ConcatenatePaths,
        ExtractRouteNodesAsGoals,
        GetCurrentPose,
        GetNextFewGoals,
        GetPoseFromPath,
        GoalReached,
        IsGoalNearby,
        IsStopped,
        RemovePassedGoals,
        TransformAvailable,
        TruncatePath,
        TruncatePathLocal,
    )
}

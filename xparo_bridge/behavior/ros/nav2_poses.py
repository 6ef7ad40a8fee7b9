# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Those of Nav2's nodes that make poses, goals and paths of others.

- GetCurrentPose: SUCCESS with where the robot is; FAILURE if that is not known.
- GetPoseFromPath: SUCCESS with one pose of a path, counted from its end if negative.
- RemovePassedGoals: SUCCESS with the goals left, the last one always; FAILURE if the robot's place
  is not known.
- ConcatenatePaths: SUCCESS with one path after the other; FAILURE if both are empty.
- TruncatePath: SUCCESS with the path up to `distance` before its end, the last pose turned towards
  the end.
- TruncatePathLocal: SUCCESS with the path around the pose of it that is nearest to the robot.
- AppendGoalPoseToGoals, GetNextFewGoals, ExtractRouteNodesAsGoals: SUCCESS with a list of goals;
  FAILURE if there are none to take.
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
from ..leaves import LeafNode, SyncAction
from ..manifest import NodeConfig
from ..nav2.decorators import UNKNOWN_PLACE
from ..node import SUCCESS
from ..status import NodeStatus
from .fields import to_message
from .robot_state import RobotState
from .topic_leaf import fail


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


class AsksRobot(LeafNode):
    """What needs to know where the robot is; the robot listens before the first tick."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self.robot: RobotState = config.context.services['nav2_robot']
        self.robot.listen()


class GetCurrentPose(AsksRobot, SyncAction):
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


class RemovePassedGoals(AsksRobot, SyncAction):
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
            end, length = poses[-1], self.find_input('distance', 1.0)
            while len(poses) > 2 and distance(poses[-1], end) < length:
                poses.pop()
            last = poses[-1] = deepcopy(poses[-1])
            a, b = last.pose.position, end.pose.position
            last.pose.orientation = quaternion(math.atan2(b.y - a.y, b.x - a.x))
        self.set_output('output_path', Path(header=path.header, poses=poses))
        return SUCCESS


class TruncatePathLocal(AsksRobot, SyncAction):
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
            end = self._begin + reach(poses[self._begin :], furthest) if prunes else len(poses)
            nearest = min(
                range(self._begin, end), key=lambda index: _separation(here, poses[index], weight)
            )
            if prunes:
                self._begin = nearest
            ahead = reach(poses[nearest:], self.find_input('distance_forward', 8.0))
            behind = reach(poses[nearest::-1], self.find_input('distance_backward', 4.0))
            poses = poses[nearest + 1 - behind : nearest + ahead]
        self.set_output('output_path', Path(header=path.header, poses=list(poses)))
        return SUCCESS


def reach(poses: Sequence[PoseStamped], length: float) -> int:
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


NODES: dict[str, type[LeafNode]] = {
    cls.__name__: cls
    for cls in (
        AppendGoalPoseToGoals,
        ConcatenatePaths,
        ExtractRouteNodesAsGoals,
        GetCurrentPose,
        GetNextFewGoals,
        GetPoseFromPath,
        RemovePassedGoals,
        TruncatePath,
        TruncatePathLocal,
    )
}

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Those of Nav2's nodes (Jazzy) that work with poses, paths and transforms.

- GetCurrentPose: SUCCESS with where the robot is; FAILURE if that is not known.
- GetPoseFromPath: SUCCESS with one pose of a path, counted from its end if negative.
- RemovePassedGoals: SUCCESS with the goals left, the last one always; FAILURE if the robot's place
  is not known.
- ConcatenatePaths: SUCCESS with one path after the other; FAILURE if both are empty.
- TruncatePath: SUCCESS with the path up to `distance` before its end, the last pose turned towards
  the end.
- TruncatePathLocal: SUCCESS with the path around the pose of it that is nearest to the robot.
- ArePosesNear, GoalReached: SUCCESS within the tolerance (GoalReached: 0.25 m).
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
from ..node import FAILURE, SUCCESS
from ..status import NodeStatus
from .fields import to_message
from .robot_state import place_of, RobotState, stamped

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


class _AsksRobot(LeafNode):
    """What needs to know where the robot is; the robot listens before the first tick."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self.robot: RobotState = config.context.services['nav2_robot']
        self.robot.listen()


class GetCurrentPose(_AsksRobot, SyncAction):
    def on_tick(self) -> NodeStatus:
        pose = self.robot.pose(
            self.find_input('global_frame', ''), self.find_input('robot_base_frame', '')
        )
        if pose is None:
            return FAILURE
        self.set_output('current_pose', pose)
        return SUCCESS


class GetPoseFromPath(SyncAction):
    def on_tick(self) -> NodeStatus:
        path = path_of(self, 'path')
        index = self.find_input('index', 0)
        if not -len(path.poses) <= index < len(path.poses):
            return FAILURE
        pose = deepcopy(path.poses[index])
        pose.header.frame_id = pose.header.frame_id or path.header.frame_id
        self.set_output('pose', pose)
        return SUCCESS


class RemovePassedGoals(_AsksRobot, SyncAction):
    def on_tick(self) -> NodeStatus:
        goals = poses_of(self, 'input_goals')
        if goals:
            here = self.robot.pose(
                goals[0].header.frame_id, self.find_input('robot_base_frame', '')
            )
            if here is None:
                return FAILURE
            radius = self.find_input('radius', 0.5)
            while len(goals) > 1 and distance(goals[0], here) <= radius:
                goals = goals[1:]
        self.set_output('output_goals', goals)
        return SUCCESS


class ConcatenatePaths(SyncAction):
    def on_tick(self) -> NodeStatus:
        first, second = path_of(self, 'input_path1'), path_of(self, 'input_path2')
        if not first.poses and not second.poses:
            return FAILURE
        header = first.header if first.header != Header() else second.header
        self.set_output('output_path', Path(header=header, poses=[*first.poses, *second.poses]))
        return SUCCESS


class TruncatePath(SyncAction):
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
            return FAILURE
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
    def on_tick(self) -> NodeStatus:
        one, other = pose_of(self, 'ref_pose'), pose_of(self, 'target_pose')
        if one is None or other is None:
            return FAILURE
        if one.header.frame_id != other.header.frame_id:
            frame = self.find_input('global_frame', '') or 'map'
            one, other = self._in(frame, one), self._in(frame, other)
            if one is None or other is None:
                return FAILURE
        return SUCCESS if distance(one, other) <= self.find_input('tolerance', 0.5) else FAILURE

    def _in(self, frame: str, pose: PoseStamped) -> PoseStamped | None:
        place = self.robot.transform(frame, pose.header.frame_id)
        return None if place is None else stamped(place * place_of(pose), frame)


class GoalReached(_AsksRobot, Condition):
    def on_tick(self) -> NodeStatus:
        goal = pose_of(self, 'goal')
        here = (
            None
            if goal is None
            else self.robot.pose(goal.header.frame_id, self.find_input('robot_base_frame', ''))
        )
        if goal is None or here is None:
            return FAILURE
        return SUCCESS if distance(goal, here) <= _GOAL_TOLERANCE else FAILURE


class TransformAvailable(_AsksRobot, Condition):
    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._found = False

    def on_tick(self) -> NodeStatus:
        child, parent = self.find_input('child'), self.find_input('parent')
        if not child or not parent:
            raise NodeError('the ports [child] and [parent] need values')
        self._found = self._found or self.robot.transform(child, parent) is not None
        return SUCCESS if self._found else FAILURE


NODES: dict[str, type[LeafNode]] = {
    cls.__name__: cls
    for cls in (
        ArePosesNear,
        ConcatenatePaths,
        GetCurrentPose,
        GetPoseFromPath,
        GoalReached,
        RemovePassedGoals,
        TransformAvailable,
        TruncatePath,
        TruncatePathLocal,
    )
}

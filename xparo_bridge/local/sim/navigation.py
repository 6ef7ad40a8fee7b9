# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Nav2's navigators, waypoint follower, planner and controller, for the simulated robot."""

from __future__ import annotations

from collections.abc import Sequence
import math
from pathlib import Path
from typing import Any

from geometry_msgs.msg import PoseStamped
from nav2_msgs.action import (
    ComputePathToPose,
    FollowPath,
    FollowWaypoints,
    NavigateThroughPoses,
    NavigateToPose,
)
import nav2_msgs.msg
from nav_msgs.msg import Path as PathMessage
import numpy as np

from ...ros.nav2_goals import poses_of
from .conversions import duration, pose, pose_stamped
from .drive import Pose, RADIUS
from .path_follower import PathFollower
from .planner import length, PlanningError, resample
from .robot import Robot
from .scene import Circle
from .task import Steps, Task, TaskFailed
from .world import Floats

OFF_PATH = 0.4
PASSED = 0.25
LOOK_AHEAD = 0.4  # m of the path that must be free, beyond the way to brake
KEEP = 0.1  # m kept from what moves
MOVED = 0.15  # m after which something stands elsewhere than where it was gone around
PLAN_AGAIN = 0.4, 1.2  # s between two looks for a way around
PATIENCE = 30.0  # s that what blocks every way is waited for


def target(robot: Robot, message: PoseStamped) -> Pose:
    """Pose of a goal in the map frame."""
    try:
        return robot.to_map(message.header.frame_id, pose(message.pose))
    except LookupError as error:
        raise TaskFailed(ComputePathToPose.Result.TF_ERROR, str(error)) from None


def plan(robot: Robot, start: Pose, goal: Pose, circles: Sequence[Circle] = ()) -> Floats:
    """Path between two poses, around circles, or the planner's error code."""
    try:
        return robot.planner.plan((start.x, start.y), (goal.x, goal.y), circles)
    except PlanningError as error:
        raise TaskFailed(getattr(ComputePathToPose.Result, error.name), str(error)) from None


class Trip:
    """
    The way to one pose.

    Something that moved into the way is stopped before, and gone around if there is a way; if not
    it is waited for.
    """

    def __init__(self, robot: Robot, goal: Pose, turn: bool = True) -> None:
        self._robot = robot
        self._goal = goal
        self._yaw = goal.yaw if turn else None
        self._plan()

    def _plan(self) -> None:
        path = plan(self._robot, self._robot.drive.pose, self._goal)
        self._follow(path)

    def _follow(self, path: Floats, around: Sequence[Circle] = ()) -> None:
        self._follower = PathFollower(path, self._yaw)
        self._robot.plan = path
        self._around = around
        self._blocked_since = math.inf
        self._plan_again_at = 0.0

    @property
    def distance_remaining(self) -> float:
        """Metres along the path."""
        return self._follower.distance_remaining

    def step(self) -> bool:
        """Steer; True on arrival. Who was pushed off the path plans anew."""
        if self._follower.deviation > OFF_PATH:
            self._plan()
        circles = self._robot.world.circles
        if circles and self._in_the_way(circles):
            self._robot.drive.command(0.0, 0.0)
            self._go_around(circles)
            return False
        self._blocked_since = math.inf
        return self._follower.steer(self._robot.drive)

    def _in_the_way(self, circles: Sequence[Circle]) -> bool:
        """Whether something stands there that this path does not lead around."""
        drive = self._robot.drive
        if drive.bumped:
            return True
        braking = drive.speed**2 / (2.0 * drive.limits.acceleration)
        points = self._follower.ahead(LOOK_AHEAD + braking)
        for circle in circles:
            away = np.hypot(points[:, 0] - circle.x, points[:, 1] - circle.y)
            if away.min() < circle.radius + RADIUS + KEEP and not any(
                math.hypot(circle.x - known.x, circle.y - known.y) < MOVED
                for known in self._around
            ):
                return True
        return False

    def _go_around(self, circles: Sequence[Circle]) -> None:
        robot = self._robot
        self._blocked_since = since = min(self._blocked_since, robot.time)
        if robot.time < self._plan_again_at:
            return
        # Two who met look again at different times, lest they step aside the same way for ever.
        self._plan_again_at = again = robot.time + robot.chance.uniform(*PLAN_AGAIN)
        wide = [Circle(circle.x, circle.y, circle.radius + KEEP) for circle in circles]
        try:
            path = plan(robot, robot.drive.pose, self._goal, wide)
        except TaskFailed:
            if robot.time - since > PATIENCE:
                raise TaskFailed(
                    FollowPath.Result.FAILED_TO_MAKE_PROGRESS, 'something is in the way'
                ) from None
            return
        self._follow(path, circles)
        self._blocked_since, self._plan_again_at = since, again
        if robot.drive.bumped:
            # Only turning gets it off.
            self._follower.steer(robot.drive)


class Navigator(Task):
    """What NavigateToPose and NavigateThroughPoses share."""

    distance_remaining = 0.0

    def yields_to(self, goal: Any) -> bool:
        return bool(goal.behavior_tree == self.goal.behavior_tree)

    def run(self) -> Steps:
        if self.robot.navigator is not None:
            raise TaskFailed(0, 'another navigator is processing')
        if self.goal.behavior_tree and not Path(self.goal.behavior_tree).is_file():
            raise TaskFailed(0, f'BT file not found: {self.goal.behavior_tree}')
        self.robot.navigator = self
        try:
            yield from self.navigate()
        finally:
            self.robot.navigator = None

    def navigate(self) -> Steps:
        """Drive there, keeping distance_remaining."""
        raise NotImplementedError

    def feedback(self) -> Any:
        speed = abs(self.robot.drive.speed)
        left = self.distance_remaining
        return self.action.Feedback(
            current_pose=pose_stamped(self.robot.drive.pose, self.stamp),
            navigation_time=duration(self.elapsed),
            estimated_time_remaining=duration(left / speed if speed > 0.01 < left else 0.0),
            number_of_recoveries=0,
            distance_remaining=left,
        )


class NavigateToPoseTask(Navigator):
    """Drives the robot to a pose."""

    action = NavigateToPose

    def navigate(self) -> Steps:
        trip = Trip(self.robot, target(self.robot, self.goal.pose))
        while not trip.step():
            self.distance_remaining = trip.distance_remaining
            yield
        self.distance_remaining = 0.0


class NavigateThroughPosesTask(Navigator):
    """Drives the robot through poses, in their order."""

    action = NavigateThroughPoses
    poses_remaining = 0

    def navigate(self) -> Steps:
        goals = [target(self.robot, message) for message in poses_of(self.goal)]
        # Planned as a whole first: what cannot be reached ends the goal before it begins.
        starts = [self.robot.drive.pose, *goals]
        legs = [
            length(plan(self.robot, start, goal))
            for start, goal in zip(starts, goals, strict=False)
        ]
        for index, goal in enumerate(goals):
            self.poses_remaining = len(goals) - index
            last = index == len(goals) - 1
            trip = Trip(self.robot, goal, turn=last)
            beyond = sum(legs[index + 1 :])
            while not trip.step():
                self.distance_remaining = trip.distance_remaining + beyond
                if not last and self.robot.drive.pose.distance(goal) < PASSED:
                    break
                yield
        self.poses_remaining = 0
        self.distance_remaining = 0.0

    def feedback(self) -> Any:
        message = super().feedback()
        message.number_of_poses_remaining = self.poses_remaining
        return message


class FollowWaypointsTask(Task):
    """Unlike Nav2's it drives itself and sends no NavigateToPose goals."""

    action = FollowWaypoints

    def __init__(self, robot: Robot, goal: Any) -> None:
        super().__init__(robot, goal)
        self.current = goal.goal_index
        self.missed: list[Any] = []

    def run(self) -> Steps:
        poses = self.goal.poses
        if not poses:
            raise TaskFailed(0, 'the list of waypoints is empty')
        first = self.goal.goal_index
        for _ in range(self.goal.number_of_loops + 1):
            for self.current in range(first, len(poses)):
                try:
                    trip = Trip(self.robot, target(self.robot, poses[self.current]))
                except TaskFailed as error:
                    self.missed.append(
                        missed_waypoint(self.current, poses[self.current], error.code)
                    )
                    continue
                while not trip.step():
                    yield
            first = 0

    def feedback(self) -> Any:
        return FollowWaypoints.Feedback(current_waypoint=self.current)

    def complete(self, result: Any) -> None:
        result.missed_waypoints = self.missed


def missed_waypoint(index: int, pose: Any, code: int) -> Any:
    """A waypoint that was not reached, as the installed release of Nav2 has it."""
    if hasattr(nav2_msgs.msg, 'MissedWaypoint'):
        return nav2_msgs.msg.MissedWaypoint(index=index, goal=pose, error_code=code)
    status = nav2_msgs.msg.WaypointStatus
    return status(
        waypoint_status=status.FAILED, waypoint_index=index, waypoint_pose=pose, error_code=code
    )


class FollowPathTask(Task):
    """Drives the robot along a path."""

    action = FollowPath
    follower: PathFollower | None = None

    def run(self) -> Steps:
        points = [target(self.robot, message) for message in self.goal.path.poses]
        if not points:
            raise TaskFailed(FollowPath.Result.INVALID_PATH, 'the path is empty')
        path = resample([(point.x, point.y) for point in points])
        begin = int(
            np.hypot(
                path[:, 0] - self.robot.drive.pose.x, path[:, 1] - self.robot.drive.pose.y
            ).argmin()
        )
        self.follower = PathFollower(path[begin:], points[-1].yaw)
        stuck_since = math.inf
        while not self.follower.steer(self.robot.drive):
            yield
            stuck_since = min(stuck_since, self.elapsed) if self.robot.drive.bumped else math.inf
            if self.elapsed - stuck_since > 3.0:
                raise TaskFailed(
                    FollowPath.Result.FAILED_TO_MAKE_PROGRESS, 'something is in the way'
                )

    def feedback(self) -> Any:
        return FollowPath.Feedback(
            distance_to_goal=self.follower.distance_remaining if self.follower else 0.0,
            speed=abs(self.robot.drive.speed),
        )


class ComputePathToPoseTask(Task):
    """Plans a path to a pose."""

    action = ComputePathToPose
    moves = False

    def __init__(self, robot: Robot, goal: Any) -> None:
        super().__init__(robot, goal)
        self.path = PathMessage()
        self.path.header.frame_id = 'map'

    def run(self) -> Steps:
        goal = target(self.robot, self.goal.goal)
        start = self.robot.drive.pose
        if self.goal.use_start:
            start = target(self.robot, self.goal.start)
            try:
                self.robot.planner.check(start.x, start.y, 'START')
            except PlanningError as error:
                raise TaskFailed(
                    getattr(ComputePathToPose.Result, error.name), str(error)
                ) from None
        path = plan(self.robot, start, goal)
        steps = np.diff(path, axis=0)
        yaws = [*np.arctan2(steps[:, 1], steps[:, 0]), goal.yaw]
        self.path.header.stamp = self.stamp
        self.path.poses = [
            pose_stamped(Pose(float(x), float(y), float(yaw)), self.stamp)
            for (x, y), yaw in zip(path, yaws, strict=True)
        ]
        return
        yield

    def complete(self, result: Any) -> None:
        result.path = self.path
        result.planning_time = duration(self.elapsed)

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Nav2's timed behaviors for the simulated robot: spin, straight drives, wait, assisted teleop."""

from __future__ import annotations

import math
from typing import Any

from nav2_msgs.action import AssistedTeleop, BackUp, DriveOnHeading, Spin, Wait

from .conversions import duration, seconds
from .drive import COMMAND_TIMEOUT, wrapped
from .path_follower import turn_speed
from .task import Steps, Task, TaskFailed

AHEAD = 0.15


class TimedBehavior(Task):
    """A behavior with a time allowance, 0 for none, whose result has the time it took."""

    def check_time(self) -> None:
        """Abort once the allowance is over."""
        allowance = seconds(self.goal.time_allowance)
        if 0.0 < allowance < self.elapsed:
            raise TaskFailed(self.action.Result.TIMEOUT, 'exceeded the time allowance')

    def complete(self, result: Any) -> None:
        result.total_elapsed_time = duration(self.elapsed)


class SpinTask(TimedBehavior):
    """Turns the robot on the spot."""

    action = Spin
    turned = 0.0

    def run(self) -> Steps:
        goal = self.goal.target_yaw
        yaw = self.robot.drive.pose.yaw
        while abs(self.turned) < abs(goal) - 0.01:
            self.check_time()
            self.robot.drive.command(
                0.0,
                turn_speed(
                    math.copysign(abs(goal) - abs(self.turned), goal), self.robot.drive.limits
                ),
            )
            yield
            self.turned += wrapped(self.robot.drive.pose.yaw - yaw)
            yaw = self.robot.drive.pose.yaw

    def feedback(self) -> Any:
        return Spin.Feedback(angular_distance_traveled=self.turned)


class DriveOnHeadingTask(TimedBehavior):
    """Drives the robot straight ahead."""

    action = DriveOnHeading
    traveled = 0.0

    def way(self) -> tuple[float, float]:
        """Signed distance and speed."""
        if (self.goal.target.x > 0.0) != (self.goal.speed > 0.0):
            raise TaskFailed(
                self.action.Result.INVALID_INPUT, 'speed and target.x must have the same sign'
            )
        return self.goal.target.x, self.goal.speed

    def run(self) -> Steps:
        if self.goal.target.y or self.goal.target.z:
            raise TaskFailed(self.action.Result.INVALID_INPUT, 'only target.x is supported')
        distance, speed = self.way()
        drive = self.robot.drive
        start = drive.pose
        while self.traveled < abs(distance):
            self.check_time()
            left = abs(distance) - self.traveled
            if drive.blocked_ahead(math.copysign(min(left, AHEAD), distance)):
                raise TaskFailed(self.action.Result.COLLISION_AHEAD, 'collision ahead')
            drive.command(speed, 0.0)
            yield
            self.traveled = drive.pose.distance(start)

    def feedback(self) -> Any:
        return self.action.Feedback(distance_traveled=self.traveled)


class BackUpTask(DriveOnHeadingTask):
    """Backwards whatever the signs, as in Nav2."""

    action = BackUp

    def way(self) -> tuple[float, float]:
        return -abs(self.goal.target.x), -abs(self.goal.speed)


class WaitTask(TimedBehavior):
    """Lets time pass."""

    action = Wait
    moves = False

    def run(self) -> Steps:
        while self.elapsed < seconds(self.goal.time):
            yield

    def feedback(self) -> Any:
        return Wait.Feedback(time_left=duration(max(0.0, seconds(self.goal.time) - self.elapsed)))


class AssistedTeleopTask(TimedBehavior):
    """The robot follows cmd_vel_teleop, kept from what is solid, until preempt_teleop."""

    action = AssistedTeleop

    def run(self) -> Steps:
        robot = self.robot
        robot.teleop_done = False
        while not robot.teleop_done:
            self.check_time()
            stick = robot.teleop
            if stick.age > COMMAND_TIMEOUT:
                robot.drive.command(0.0, 0.0)
            elif robot.drive.blocked_ahead(math.copysign(AHEAD, stick.speed)):
                robot.drive.command(0.0, stick.turn)
            else:
                robot.drive.command(stick.speed, stick.turn)
            yield

    def feedback(self) -> Any:
        return AssistedTeleop.Feedback(current_teleop_duration=duration(self.elapsed))

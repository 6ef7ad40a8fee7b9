# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Nav2's docking server for the simulated robot and its one charging dock."""

from __future__ import annotations

import math
from typing import Any

from nav2_msgs.action import DockRobot, UndockRobot

from .conversions import duration
from .drive import Pose
from .navigation import target, Trip
from .robot import DOCK, DOCK_ID
from .task import Steps, Task, TaskFailed

STAGING_DISTANCE = 0.8
PERCEPTION_TIME = 0.3
CHARGE_TIME = 0.3
SPEED = 0.15


class DockRobotTask(Task):
    """Drives the robot into its dock."""

    action = DockRobot
    preemption_ends_both = True
    state = DockRobot.Feedback.NONE
    success = False

    def run(self) -> Steps:
        codes = DockRobot.Result
        if self.goal.use_dock_id:
            if self.goal.dock_id != DOCK_ID:
                raise TaskFailed(codes.DOCK_NOT_IN_DB, f'no dock "{self.goal.dock_id}"')
            dock = DOCK
        else:
            dock = target(self.robot, self.goal.dock_pose)
        if not self.robot.docked:
            yield from self._stage(dock)
            yield from self._approach(dock)
        self.success = True

    def _stage(self, dock: Pose) -> Steps:
        if self.goal.navigate_to_staging_pose:
            self.state = DockRobot.Feedback.NAV_TO_STAGING_POSE
            try:
                trip = Trip(self.robot, dock.ahead(-STAGING_DISTANCE))
            except TaskFailed as error:
                raise TaskFailed(DockRobot.Result.FAILED_TO_STAGE, str(error)) from None
            while not trip.step():
                if self.elapsed > self.goal.max_staging_time:
                    raise TaskFailed(DockRobot.Result.FAILED_TO_STAGE, 'staging took too long')
                yield
        self.state = DockRobot.Feedback.INITIAL_PERCEPTION
        yield from self._pause(PERCEPTION_TIME)
        if dock.distance(DOCK) > 0.2:
            raise TaskFailed(DockRobot.Result.FAILED_TO_DETECT_DOCK, 'there is no dock')

    def _approach(self, dock: Pose) -> Steps:
        drive = self.robot.drive
        self.state = DockRobot.Feedback.CONTROLLING
        begun = self.elapsed
        while not self.robot.docked:
            if self.elapsed - begun > 30.0:
                raise TaskFailed(DockRobot.Result.FAILED_TO_CONTROL, 'did not reach the dock')
            bearing = math.atan2(dock.y - drive.pose.y, dock.x - drive.pose.x)
            error = math.remainder(bearing - drive.pose.yaw, math.tau)
            drive.command(min(SPEED * drive.limits.speed / 0.5, drive.limits.speed), 2.0 * error)
            yield
        drive.command(0.0, 0.0)
        self.state = DockRobot.Feedback.WAIT_FOR_CHARGE
        yield from self._pause(CHARGE_TIME)
        if not self.robot.docked:
            raise TaskFailed(DockRobot.Result.FAILED_TO_CHARGE, 'charging did not begin')

    def _pause(self, time: float) -> Steps:
        end = self.elapsed + time
        while self.elapsed < end:
            yield

    def feedback(self) -> Any:
        return DockRobot.Feedback(state=self.state, docking_time=duration(self.elapsed))

    def complete(self, result: Any) -> None:
        result.success = self.success


class UndockRobotTask(Task):
    """Drives the robot out of its dock."""

    action = UndockRobot
    preemption_ends_both = True
    success = False

    def run(self) -> Steps:
        drive = self.robot.drive
        if not self.robot.docked:
            raise TaskFailed(0, 'the robot is not in the dock')
        start = drive.pose
        while drive.pose.distance(start) < STAGING_DISTANCE:
            if self.elapsed > self.goal.max_undocking_time:
                raise TaskFailed(UndockRobot.Result.FAILED_TO_CONTROL, 'undocking timed out')
            drive.command(-SPEED * drive.limits.speed / 0.5, 0.0)
            yield
        self.success = True

    def complete(self, result: Any) -> None:
        result.success = self.success

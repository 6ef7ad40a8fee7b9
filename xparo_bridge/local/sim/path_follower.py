# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""How the simulated robot keeps to a path: steer for a point ahead, brake, turn at the end."""

from __future__ import annotations

import math

import numpy as np

from .drive import clip, Drive, Limits, Pose, wrapped
from .planner import length
from .world import Floats


class PathFollower:
    """Steers along a path to its end, then turns to the final yaw, if there is one."""

    TOLERANCE = 0.05
    YAW_TOLERANCE = 0.05
    LOOKAHEAD = 0.35

    def __init__(self, path: Floats, yaw: float | None) -> None:
        self._path = path
        self._yaw = yaw
        self._nearest = 0
        self._arrived = False
        self.distance_remaining = length(path)
        self.deviation = 0.0

    def steer(self, drive: Drive) -> bool:
        """Command the drive; True when the end is reached."""
        pose, limits = drive.pose, drive.limits
        self._locate(pose)
        goal_x, goal_y = self._path[-1]
        left = math.hypot(goal_x - pose.x, goal_y - pose.y)
        # At speed one step may pass the end: close and driving away from it counts as there.
        if left < self.TOLERANCE or (left < 2 * self.TOLERANCE and self._past_end(pose)):
            self._arrived = True
        if self._arrived:
            return self._turn_to_yaw(drive)
        ahead = self._nearest + round(self.LOOKAHEAD / max(self._spacing(), 1e-6))
        x, y = self._path[min(ahead, len(self._path) - 1)]
        error = wrapped(math.atan2(y - pose.y, x - pose.x) - pose.yaw)
        turn = clip(4.0 * error * limits.turn / 1.5, limits.turn)
        if abs(error) > 0.8:
            drive.command(0.0, turn)
            return False
        braking = math.sqrt(2.0 * limits.acceleration * max(left - 0.02, 0.0)) * 0.8
        speed = min(limits.speed, drive.speed_limit, max(braking, 0.1 * limits.speed))
        drive.command(speed * math.cos(error), turn)
        return False

    def ahead(self, distance: float) -> Floats:
        """Points of the path from here on, for so many metres."""
        count = math.ceil(distance / max(self._spacing(), 1e-6)) + 1
        return self._path[self._nearest : self._nearest + count]

    def _locate(self, pose: Pose) -> None:
        # The nearest point from the last one on: a path may cross itself.
        window = self._path[self._nearest : self._nearest + 40]
        distances = np.hypot(window[:, 0] - pose.x, window[:, 1] - pose.y)
        offset = int(distances.argmin())
        self._nearest += offset
        self.deviation = float(distances[offset])
        rest = self._path[self._nearest :]
        if len(rest) > 1:
            self.distance_remaining = length(rest)
        else:
            self.distance_remaining = self.deviation

    def _spacing(self) -> float:
        return length(self._path) / max(len(self._path) - 1, 1)

    def _past_end(self, pose: Pose) -> bool:
        x, y = self._path[-1]
        return bool(math.cos(pose.yaw) * (x - pose.x) + math.sin(pose.yaw) * (y - pose.y) < 0.0)

    def _turn_to_yaw(self, drive: Drive) -> bool:
        self.distance_remaining = 0.0
        error = 0.0 if self._yaw is None else wrapped(self._yaw - drive.pose.yaw)
        if abs(error) < self.YAW_TOLERANCE:
            drive.command(0.0, 0.0)
            return abs(drive.speed) < 0.05 * drive.limits.speed
        drive.command(0.0, turn_speed(error, drive.limits))
        return False


def turn_speed(remaining: float, limits: Limits) -> float:
    """Turn rate that still stops after `remaining` radians."""
    rate = 0.7 * math.sqrt(2.0 * limits.turn_acceleration * abs(remaining))
    return math.copysign(min(limits.turn, max(rate, 0.1 * limits.turn)), remaining)

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What the simulated robot is made of, and its time: everything a task may use."""

from __future__ import annotations

from dataclasses import dataclass
import math
import random

from .battery import Battery
from .drive import Drive, Limits, Pose, RADIUS
from .planner import Planner
from .scene import Scene
from .world import Floats, restaurant

DOCK = Pose(0.45, 7.2, math.pi)
DOCK_ID = 'dock'


@dataclass(slots=True)
class Teleop:
    """What the operator's stick asks for, and how long ago that was."""

    speed: float = 0.0
    turn: float = 0.0
    age: float = math.inf


class Robot:
    """The robot on its floor; `step` moves it, tasks command its drive."""

    WHEEL_RADIUS = 0.05
    WHEEL_BASE = 0.3

    def __init__(
        self,
        start: Pose,
        speed_factor: float = 1.0,
        battery_capacity: float = 20.0,
        battery_level: float = 0.8,
        scene: Scene | None = None,
        name: str = 'robot',
    ) -> None:
        """Put a robot on a floor of its own, or into a scene with others."""
        scene = scene or Scene(restaurant())
        self.name = name
        self.time = 0.0  # s since its start
        self.chance = random.Random(name)
        self.planner = Planner(scene.floor, RADIUS)
        self.world = scene.seen_by(name)
        self.drive = Drive(self.world, start, Limits().times(speed_factor))
        self.battery = Battery(battery_capacity, battery_level)
        self.start = start
        self.teleop = Teleop()
        self.teleop_done = False
        self.navigator: object | None = None  # The navigator at work: there is only one at a time.
        self.plan: Floats | None = None  # The path that it means to follow, [[x, y]].
        self.wheel_angles = [0.0, 0.0]
        scene.add(name, lambda: self.drive.pose, RADIUS)

    @property
    def docked(self) -> bool:
        """Whether it stands on the dock and charges."""
        pose = self.drive.pose
        return pose.distance(DOCK) < 0.1 and math.cos(pose.yaw - DOCK.yaw) > 0.95

    @property
    def wheel_speeds(self) -> tuple[float, float]:
        """Left and right, rad/s."""
        turn = 0.5 * self.drive.turn * self.WHEEL_BASE
        return (
            (self.drive.speed - turn) / self.WHEEL_RADIUS,
            (self.drive.speed + turn) / self.WHEEL_RADIUS,
        )

    @property
    def odometry(self) -> Pose:
        """Where the wheels say it is: its way since the start, in the odom frame."""
        pose, start = self.drive.pose, self.start
        dx, dy = pose.x - start.x, pose.y - start.y
        cos, sin = math.cos(start.yaw), math.sin(start.yaw)
        return Pose(
            cos * dx + sin * dy,
            cos * dy - sin * dx,
            math.remainder(pose.yaw - start.yaw, math.tau),
        )

    def step(self, dt: float) -> None:
        """Advance by dt seconds."""
        self.time += dt
        self.drive.step(dt)
        self.teleop.age += dt
        self.battery.step(dt, abs(self.drive.speed) / self.drive.limits.speed, self.docked)
        for side, speed in enumerate(self.wheel_speeds):
            self.wheel_angles[side] += speed * dt

    def put(self, pose: Pose) -> None:
        """Stand at a pose of the map from now on; odometry goes on as if it had not moved."""
        odometry = self.odometry
        yaw = math.remainder(pose.yaw - odometry.yaw, math.tau)
        cos, sin = math.cos(yaw), math.sin(yaw)
        self.start = Pose(
            pose.x - cos * odometry.x + sin * odometry.y,
            pose.y - sin * odometry.x - cos * odometry.y,
            yaw,
        )
        self.drive.pose = pose

    def to_map(self, frame: str, pose: Pose) -> Pose:
        """Pose given in a frame, in the map frame; LookupError for a frame it does not have."""
        origins = {'map': Pose(0.0, 0.0, 0.0), 'odom': self.start, 'base_link': self.drive.pose}
        if frame not in origins:
            raise LookupError(f'no transform from "{frame}" to "map"')
        origin = origins[frame]
        cos, sin = math.cos(origin.yaw), math.sin(origin.yaw)
        return Pose(
            origin.x + cos * pose.x - sin * pose.y,
            origin.y + sin * pose.x + cos * pose.y,
            math.remainder(origin.yaw + pose.yaw, math.tau),
        )

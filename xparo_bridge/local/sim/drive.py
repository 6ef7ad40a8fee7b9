# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
How the simulated robot moves: a differential drive within its limits, stopped by what is solid.

Metres, radians, seconds; poses are in the map frame. Time is the caller's: nothing here reads a
clock.
"""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import Protocol

RADIUS = 0.2
COMMAND_TIMEOUT = 0.5


class Obstacles(Protocol):
    """What keeps a robot from going on."""

    def clearance(self, x: float, y: float) -> float:
        """Distance from a point to the nearest solid; 0 inside one."""


def wrapped(angle: float) -> float:
    """Angle within (-pi, pi]."""
    return math.remainder(angle, math.tau)


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the robot is and which way it looks."""

    x: float
    y: float
    yaw: float

    def distance(self, other: Pose) -> float:
        """Distance over the floor."""
        return math.hypot(other.x - self.x, other.y - self.y)

    def ahead(self, distance: float) -> Pose:
        """Pose this far straight ahead."""
        return Pose(
            self.x + distance * math.cos(self.yaw),
            self.y + distance * math.sin(self.yaw),
            self.yaw,
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """What the motors can do: m/s, rad/s and per second of each."""

    speed: float = 0.5
    turn: float = 1.5
    acceleration: float = 0.8
    turn_acceleration: float = 4.0

    def times(self, factor: float) -> Limits:
        """Limits of a robot that drives the same curves `factor` times as fast."""
        return Limits(
            self.speed * factor,
            self.turn * factor,
            self.acceleration * factor**2,
            self.turn_acceleration * factor**2,
        )


class Drive:
    """A robot on a floor: give it velocities and step it through time."""

    def __init__(self, world: Obstacles, pose: Pose, limits: Limits | None = None) -> None:
        self._world = world
        self.limits = limits or Limits()
        self.pose = pose
        self.speed = 0.0
        # What whoever follows a path keeps to, m/s.
        self.speed_limit = math.inf
        self.turn = 0.0
        self.bumped = False
        self._target = (0.0, 0.0)
        self._target_age = math.inf

    def command(self, speed: float, turn: float) -> None:
        """Ask for velocities; without a newer command they hold for COMMAND_TIMEOUT."""
        self._target = (speed, turn)
        self._target_age = 0.0

    def step(self, dt: float) -> None:
        """Advance by dt; a solid in the way stops the robot where it is and sets `bumped`."""
        speed, turn = self._target if self._target_age <= COMMAND_TIMEOUT else (0.0, 0.0)
        self._target_age += dt
        limits = self.limits
        self.speed = _approach(self.speed, clip(speed, limits.speed), limits.acceleration * dt)
        self.turn = _approach(self.turn, clip(turn, limits.turn), limits.turn_acceleration * dt)
        pose = self.pose
        middle = pose.yaw + 0.5 * self.turn * dt
        x = pose.x + self.speed * dt * math.cos(middle)
        y = pose.y + self.speed * dt * math.sin(middle)
        # Whoever stands too close already may move away, not closer.
        clearance = self._world.clearance(x, y)
        self.bumped = clearance < RADIUS and clearance < self._world.clearance(pose.x, pose.y)
        if self.bumped:
            x, y, self.speed = pose.x, pose.y, 0.0
        self.pose = Pose(x, y, wrapped(pose.yaw + self.turn * dt))

    def blocked_ahead(self, distance: float) -> bool:
        """Whether the robot would touch a solid this far ahead (behind, if negative)."""
        there = self.pose.ahead(distance)
        return self._world.clearance(there.x, there.y) < RADIUS


def clip(value: float, limit: float) -> float:
    """Value within [-limit, limit]."""
    return min(limit, max(-limit, value))


def _approach(value: float, target: float, step: float) -> float:
    return min(value + step, max(value - step, target))

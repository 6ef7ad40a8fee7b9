# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What stands and moves on a floor: obstacles that come and go, and robots that see each other.

Each is a circle. A robot meets the scene through its own `View`, which leaves itself out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import math

import numpy as np

from .drive import Pose
from .world import Floats, Floor


@dataclass(frozen=True, slots=True)
class Circle:
    """Something round on the floor, m in the map frame."""

    x: float
    y: float
    radius: float


class Scene:
    """A floor, the obstacles that were put on it, by name, and the robots, by name."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.obstacles: dict[str, Circle] = {}
        self._robots: dict[str, tuple[Callable[[], Pose], float]] = {}

    def add(self, name: str, pose: Callable[[], Pose], radius: float) -> None:
        """Put a robot into the scene."""
        self._robots[name] = pose, radius

    def seen_by(self, name: str) -> View:
        """Return the scene as one of its robots meets it."""
        return View(self, name)

    def circles(self, besides: str) -> list[Circle]:
        """Everything round except one robot."""
        circles = list(self.obstacles.values())
        for name, (where, radius) in self._robots.items():
            if name != besides:
                pose = where()
                circles.append(Circle(pose.x, pose.y, radius))
        return circles


class View:
    """A scene as one robot meets it."""

    def __init__(self, scene: Scene, name: str) -> None:
        self._scene = scene
        self._name = name
        self.floor = scene.floor

    @property
    def circles(self) -> list[Circle]:
        """Obstacles and other robots."""
        return self._scene.circles(self._name)

    def clearance(self, x: float, y: float) -> float:
        """Distance from a point to what is nearest; 0 inside it and off the floor."""
        free = self.floor.clearance(x, y)
        for circle in self.circles:
            free = min(free, max(math.hypot(x - circle.x, y - circle.y) - circle.radius, 0.0))
        return free

    def ranges(self, x: float, y: float, angles: Floats, range_max: float) -> Floats:
        """Distance along each angle to what is first, inf where there is nothing in range_max."""
        ranges = self.floor.ranges(x, y, angles, range_max)
        for circle in self.circles:
            dx, dy = circle.x - x, circle.y - y
            along = dx * np.cos(angles) + dy * np.sin(angles)
            left = circle.radius**2 - (dx * dx + dy * dy - along**2)
            with np.errstate(invalid='ignore'):
                entry = along - np.sqrt(left)
            hit = (left >= 0.0) & (along > 0.0) & (entry <= range_max)
            ranges = np.where(hit, np.minimum(ranges, np.maximum(entry, 0.0)), ranges)
        return np.asarray(ranges)

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Know what is where on the simulated robot's floor, and what its laser sees of it.

Lengths in metres, angles in radians, everything in the map frame: x to the east, y to the north.
A floor begins at its own origin, its south-west corner; that of the restaurant is (0, 0).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Floor(Protocol):
    """What a floor has to say: a `World` of rectangles, or a map."""

    @property
    def origin(self) -> tuple[float, float]:
        """South-west corner."""

    @property
    def size(self) -> tuple[float, float]:
        """Width and height."""

    def clearance(self, x: float, y: float) -> float:
        """Distance from a point to the nearest solid; 0 inside one and off the floor."""

    def clearance_grid(self, resolution: float) -> Floats:
        """Clearance at the centre of each cell; rows go north, columns east."""

    def ranges(self, x: float, y: float, angles: Floats, range_max: float) -> Floats:
        """Distance along each angle to the first solid, inf where there is none in range_max."""


@dataclass(frozen=True, slots=True)
class Rectangle:
    """An axis-aligned solid, from its south-west to its north-east corner."""

    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True)
class World:
    """A rectangular floor from (0, 0) to (width, height) with solids on it."""

    width: float
    height: float
    solids: tuple[Rectangle, ...]

    @property
    def origin(self) -> tuple[float, float]:
        """South-west corner."""
        return 0.0, 0.0

    @property
    def size(self) -> tuple[float, float]:
        """Width and height."""
        return self.width, self.height

    def clearance(self, x: float, y: float) -> float:
        """Distance from a point to the nearest solid; 0 inside one and off the floor."""
        if not (0.0 < x < self.width and 0.0 < y < self.height):
            return 0.0
        return min(
            math.hypot(max(solid.x0 - x, 0.0, x - solid.x1), max(solid.y0 - y, 0.0, y - solid.y1))
            for solid in self.solids
        )

    def clearance_grid(self, resolution: float) -> Floats:
        """Clearance at the centre of each cell; rows go north, columns east."""
        x = (np.arange(round(self.width / resolution)) + 0.5) * resolution
        y = (np.arange(round(self.height / resolution)) + 0.5) * resolution
        grid = np.full((y.size, x.size), np.inf)
        for solid in self.solids:
            dx = np.maximum(np.maximum(solid.x0 - x, x - solid.x1), 0.0)
            dy = np.maximum(np.maximum(solid.y0 - y, y - solid.y1), 0.0)
            np.minimum(grid, np.hypot(dx[np.newaxis, :], dy[:, np.newaxis]), out=grid)
        return grid

    def ranges(self, x: float, y: float, angles: Floats, range_max: float) -> Floats:
        """Distance along each angle to the first solid, inf where there is none in range_max."""
        start, span = self._edges
        direction = np.stack((np.cos(angles), np.sin(angles)), axis=1)[:, np.newaxis, :]
        to_start = (start - (x, y))[np.newaxis, :, :]
        across = _cross(direction, span[np.newaxis, :, :])
        with np.errstate(divide='ignore', invalid='ignore'):
            along_ray = _cross(to_start, span[np.newaxis, :, :]) / across
            along_edge = _cross(to_start, direction) / across
        hit = (along_ray >= 0.0) & (along_edge >= 0.0) & (along_edge <= 1.0)
        nearest = np.where(hit, along_ray, np.inf).min(axis=1)
        nearest[nearest > range_max] = np.inf
        return np.asarray(nearest)

    @cached_property
    def _edges(self) -> tuple[Floats, Floats]:
        """Start and span of every edge of every solid, each of shape (edges, 2)."""
        starts, ends = [], []
        for s in self.solids:
            corners = [(s.x0, s.y0), (s.x1, s.y0), (s.x1, s.y1), (s.x0, s.y1)]
            starts += corners
            ends += corners[1:] + corners[:1]
        start = np.array(starts)
        return start, np.array(ends) - start


def _cross(a: Floats, b: Floats) -> Floats:
    return np.asarray(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])


WALL = 0.1
TABLE = 0.8


def restaurant() -> World:
    """
    Build the floor the simulated robot serves: 12 m by 8 m.

    A dining room with six tables, a kitchen behind a door 1.2 m wide, and a store room that has
    no door at all, for goals that are free but cannot be reached. config/places.yaml names where
    a robot stands to serve.
    """
    tables = [
        Rectangle(x - TABLE / 2, y - TABLE / 2, x + TABLE / 2, y + TABLE / 2)
        for y in (1.8, 6.2)
        for x in (2.5, 4.75, 7.0)
    ]
    walls = [
        Rectangle(0.0, 0.0, 12.0, WALL),
        Rectangle(0.0, 8.0 - WALL, 12.0, 8.0),
        Rectangle(0.0, 0.0, WALL, 8.0),
        Rectangle(12.0 - WALL, 0.0, 12.0, 8.0),
        Rectangle(9.0, 0.0, 9.0 + WALL, 3.4),  # The kitchen's wall, south of its door
        Rectangle(9.0, 4.6, 9.0 + WALL, 8.0),  # and north of it.
        Rectangle(9.0, 6.4, 12.0, 6.4 + WALL),  # The store room's wall.
    ]
    counter = Rectangle(11.2, 2.0, 11.8, 6.0)
    return World(12.0, 8.0, (*walls, *tables, counter))

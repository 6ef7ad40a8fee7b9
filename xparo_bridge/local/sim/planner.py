# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""How the simulated robot finds its way: A* over the floor, then straightened."""

from __future__ import annotations

from heapq import heappop, heappush
import math

import numpy as np

from .world import Floats, World

Cell = tuple[int, int]

RESOLUTION = 0.1
SPACING = 0.05
MARGIN = 0.15  # Kept from solids, beyond the robot's radius, where there is room.


class PlanningError(Exception):
    """There is no path; `name` is that of ComputePathToPose's error code."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class Planner:
    """Plans paths for a round robot of the given radius."""

    def __init__(self, world: World, radius: float) -> None:
        self._world = world
        self._radius = radius
        clearance = world.clearance_grid(RESOLUTION)
        closeness = np.clip((radius + MARGIN - clearance) / MARGIN, 0.0, 1.0)
        self._cost = np.where(clearance >= radius, 1.0 + 4.0 * closeness, np.inf)
        self._cost_rows = self._cost.tolist()  # The search reads single cells, as lists do best.

    def check(self, x: float, y: float, end: str) -> None:
        """Raise PlanningError unless the robot fits at (x, y); `end` is START or GOAL."""
        if not (0.0 <= x <= self._world.width and 0.0 <= y <= self._world.height):
            raise PlanningError(f'{end}_OUTSIDE_MAP', f'({x:.2f}, {y:.2f}) is outside the map')
        if self._world.clearance(x, y) < self._radius:
            raise PlanningError(f'{end}_OCCUPIED', f'({x:.2f}, {y:.2f}) is occupied')

    def plan(self, start: tuple[float, float], goal: tuple[float, float]) -> Floats:
        """
        Path from start to goal, shape (n, 2), n >= 2, points at most SPACING apart.

        The start is not checked for being free: a robot that touches a wall may leave it.
        """
        self.check(*goal, 'GOAL')
        cells = self._search(self._cell(*start), self._cell(*goal))
        middle = [
            ((column + 0.5) * RESOLUTION, (row + 0.5) * RESOLUTION) for row, column in cells[1:-1]
        ]
        return resample(self._straighten([start, *middle, goal]))

    def _cell(self, x: float, y: float) -> Cell:
        rows, columns = self._cost.shape
        return (
            min(max(int(y / RESOLUTION), 0), rows - 1),
            min(max(int(x / RESOLUTION), 0), columns - 1),
        )

    def _search(self, start: Cell, goal: Cell) -> list[Cell]:
        rows, columns = self._cost.shape
        best = {start: 0.0}
        came_from: dict[Cell, Cell] = {}
        queue = [(0.0, start)]
        closed = set()
        while queue:
            _, here = heappop(queue)
            if here == goal:
                path = [here]
                while path[-1] != start:
                    path.append(came_from[path[-1]])
                return path[::-1]
            if here in closed:
                continue
            closed.add(here)
            for d_row, d_column in _NEIGHBOURS:
                row, column = there = here[0] + d_row, here[1] + d_column
                if not (0 <= row < rows and 0 <= column < columns):
                    continue
                price = 1.0 if there == goal else self._cost_rows[row][column]
                cost = best[here] + math.hypot(d_row, d_column) * price
                if cost < best.get(there, math.inf):
                    best[there] = cost
                    came_from[there] = here
                    left = math.hypot(goal[0] - row, goal[1] - column)
                    heappush(queue, (cost + left, there))
        raise PlanningError('NO_VALID_PATH', 'no way leads to the goal')

    def _straighten(self, points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        kept = [points[0]]
        at = 0
        while at < len(points) - 1:
            step = next(
                (
                    candidate
                    for candidate in range(len(points) - 1, at + 1, -1)
                    if self._sees(points[at], points[candidate])
                ),
                at + 1,
            )
            kept.append(points[step])
            at = step
        return kept

    def _sees(self, a: tuple[float, float], b: tuple[float, float]) -> bool:
        """Whether the straight way is free with the margin to spare."""
        count = max(2, math.ceil(math.dist(a, b) / RESOLUTION))
        rows = np.linspace(a[1], b[1], count) / RESOLUTION
        columns = np.linspace(a[0], b[0], count) / RESOLUTION
        return bool((self._cost[rows.astype(int), columns.astype(int)] <= 1.0).all())


_NEIGHBOURS = tuple(
    (row, column) for row in (-1, 0, 1) for column in (-1, 0, 1) if (row, column) != (0, 0)
)


def resample(points: list[tuple[float, float]]) -> Floats:
    """Points of a polyline at most SPACING apart, its corners included, shape (n, 2)."""
    pieces = []
    for a, b in zip(points, points[1:], strict=False):
        count = max(1, math.ceil(math.dist(a, b) / SPACING))
        pieces.append(np.linspace(a, b, count, endpoint=False))
    pieces.append(np.array([points[-1]]))
    return np.concatenate(pieces)


def length(path: Floats) -> float:
    """Length of a polyline of shape (n, 2)."""
    return float(np.hypot(*np.diff(path, axis=0).T).sum())

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""How the simulated robot finds its way: A* over the floor, then straightened."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
import math

import numpy as np

from .scene import Circle
from .world import Floats, Floor

Cell = tuple[int, int]

RESOLUTION = 0.1
SPACING = 0.05
LEAVE = 0.2  # m around the start that may be too close to what moves
DEAR = 30.0  # cost of a cell there
MARGIN = 0.15  # Kept from solids, beyond the robot's radius, where there is room.


class PlanningError(Exception):
    """There is no path; `name` is that of ComputePathToPose's error code."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class Planner:
    """Plans paths for a round robot of the given radius."""

    def __init__(self, world: Floor, radius: float) -> None:
        self._world = world
        self._radius = radius
        self._origin = world.origin
        self._clearance = world.clearance_grid(RESOLUTION)
        self._see(())

    def _see(self, circles: Sequence[Circle]) -> None:
        """Take what stands on the floor now into account."""
        clearance = self._clearance
        if circles:
            rows, columns = clearance.shape
            x = self._origin[0] + (np.arange(columns) + 0.5) * RESOLUTION
            y = self._origin[1] + (np.arange(rows) + 0.5) * RESOLUTION
            clearance = clearance.copy()
            for circle in circles:
                away = np.hypot(x[np.newaxis, :] - circle.x, y[:, np.newaxis] - circle.y)
                np.minimum(clearance, np.maximum(away - circle.radius, 0.0), out=clearance)
        closeness = np.clip((self._radius + MARGIN - clearance) / MARGIN, 0.0, 1.0)
        self._cost = np.where(clearance >= self._radius, 1.0 + 4.0 * closeness, np.inf)
        self._cost_rows = self._cost.tolist()  # The search reads single cells, as lists do best.
        self._circles = tuple(circles)

    def check(self, x: float, y: float, end: str) -> None:
        """Raise PlanningError unless the robot fits at (x, y); `end` is START or GOAL."""
        (west, south), (width, height) = self._world.origin, self._world.size
        if not (west <= x <= west + width and south <= y <= south + height):
            raise PlanningError(f'{end}_OUTSIDE_MAP', f'({x:.2f}, {y:.2f}) is outside the map')
        if self._world.clearance(x, y) < self._radius:
            raise PlanningError(f'{end}_OCCUPIED', f'({x:.2f}, {y:.2f}) is occupied')

    def plan(
        self,
        start: tuple[float, float],
        goal: tuple[float, float],
        circles: Sequence[Circle] = (),
    ) -> Floats:
        """
        Path from start to goal around circles, shape (n, 2), n >= 2, points at most SPACING apart.

        The start is not checked for being free: a robot that touches a wall may leave it.

        :raises PlanningError: if there is none.
        """
        self.check(*goal, 'GOAL')
        if tuple(circles) != self._circles or circles:
            self._see(circles)
            self._let_go(start)
        cells = self._search(self._cell(*start), self._cell(*goal))
        west, south = self._origin
        middle = [
            (west + (column + 0.5) * RESOLUTION, south + (row + 0.5) * RESOLUTION)
            for row, column in cells[1:-1]
        ]
        return resample(self._straighten([start, *middle, goal]))

    def _let_go(self, start: tuple[float, float]) -> None:
        """Let a robot leave from where it stands, though too close to something that moves."""
        row0, column0 = self._cell(*start)
        reach = round(LEAVE / RESOLUTION)
        rows, columns = self._cost.shape
        for row in range(max(row0 - reach, 0), min(row0 + reach + 1, rows)):
            for column in range(max(column0 - reach, 0), min(column0 + reach + 1, columns)):
                if self._clearance[row, column] >= self._radius:
                    self._cost_rows[row][column] = min(self._cost_rows[row][column], DEAR)

    def _cell(self, x: float, y: float) -> Cell:
        rows, columns = self._cost.shape
        return (
            min(max(int((y - self._origin[1]) / RESOLUTION), 0), rows - 1),
            min(max(int((x - self._origin[0]) / RESOLUTION), 0), columns - 1),
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
        last_row, last_column = np.array(self._cost.shape) - 1
        rows = (np.linspace(a[1], b[1], count) - self._origin[1]) / RESOLUTION
        columns = (np.linspace(a[0], b[0], count) - self._origin[0]) / RESOLUTION
        cost = self._cost[
            np.clip(rows.astype(int), 0, last_row), np.clip(columns.astype(int), 0, last_column)
        ]
        return bool((cost <= 1.0).all())


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

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
A floor from a map of map_server: a YAML file that names an image.

Keys: `image` (PGM; other formats where Pillow is installed), `resolution` m, `origin` [x, y, yaw]
of which yaw must be 0, `negate`, `occupied_thresh`, `free_thresh`, `mode`. What is occupied is
solid, and what is unknown too: a robot has no business there.
"""

from __future__ import annotations

import math
from pathlib import Path
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import BadInput
from ...yaml_reader import read_yaml, YamlError
from .world import Floats

# Clearances are known up to this distance, m.
FARTHEST = 3.0
_TOKEN = re.compile(rb'(?:\s++|#[^\n]*+\n)*+([^\s#]++)')


class MapError(BadInput):
    """A file that is no map: which, and what is wrong."""


class OccupancyFloor:
    """A floor of cells that are solid or free; rows go north, columns east."""

    def __init__(
        self, solid: NDArray[np.bool_], resolution: float, origin: tuple[float, float]
    ) -> None:
        self.resolution = resolution
        self.origin = origin
        rows, columns = solid.shape
        self.size = columns * resolution, rows * resolution
        self.solid = solid
        self._clearance = _distances(solid, math.ceil(FARTHEST / resolution)) * resolution

    def clearance(self, x: float, y: float) -> float:
        """Distance to the nearest solid, to half a cell; 0 inside one and off the floor."""
        column = math.floor((x - self.origin[0]) / self.resolution)
        row = math.floor((y - self.origin[1]) / self.resolution)
        rows, columns = self._clearance.shape
        if not (0 <= row < rows and 0 <= column < columns):
            return 0.0
        return float(self._clearance[row, column])

    def clearance_grid(self, resolution: float) -> Floats:
        """Clearance at the centre of each cell of another resolution."""
        columns, rows = (max(1, round(length / resolution)) for length in self.size)
        row = ((np.arange(rows) + 0.5) * resolution / self.resolution).astype(int)
        column = ((np.arange(columns) + 0.5) * resolution / self.resolution).astype(int)
        last_row, last_column = np.array(self._clearance.shape) - 1
        picked = np.ix_(np.minimum(row, last_row), np.minimum(column, last_column))
        return np.asarray(self._clearance[picked])

    def ranges(self, x: float, y: float, angles: Floats, range_max: float) -> Floats:
        """Distance along each angle to the first solid, to half a cell; inf beyond range_max."""
        along = np.zeros(len(angles))
        going = np.ones(len(angles), dtype=bool)
        ranges = np.full(len(angles), np.inf)
        cos, sin = np.cos(angles) / self.resolution, np.sin(angles) / self.resolution
        column0 = (x - self.origin[0]) / self.resolution
        row0 = (y - self.origin[1]) / self.resolution
        rows, columns = self._clearance.shape
        # Each ray goes on by what is known to be free around where it is.
        while going.any():
            at = along[going]
            column = np.floor(column0 + at * cos[going]).astype(int)
            row = np.floor(row0 + at * sin[going]).astype(int)
            inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
            free = np.zeros(len(at))
            free[inside] = self._clearance[row[inside], column[inside]]
            hit = free <= 0.0
            index = np.flatnonzero(going)
            ranges[index[hit]] = at[hit]
            along[index[~hit]] += np.maximum(free[~hit] - self.resolution, self.resolution / 2)
            going[index[hit]] = False
            going &= along <= range_max
        ranges[ranges > range_max] = np.inf
        return ranges


def load_map(path: Path) -> OccupancyFloor:
    """
    Read a map of map_server.

    :raises MapError: for a file that is none.
    """
    try:
        data = read_yaml(path.read_bytes())
    except OSError as error:
        raise MapError(f'{path}: cannot be read: {error.strerror}') from None
    except YamlError as error:
        raise MapError(f'{path}: {error}') from None
    if not isinstance(data, dict) or not isinstance(data.get('image'), str):
        raise MapError(f'{path}: expected the keys image, resolution and origin')
    resolution, (x, y, yaw) = _number(path, data, 'resolution'), _origin(path, data)
    if resolution <= 0.0:
        raise MapError(f'{path}: resolution: expected more than 0 m')
    if abs(yaw) > 1e-3:
        raise MapError(f'{path}: origin: a map that is turned is not supported; yaw must be 0')
    shades = _read_image(path.parent / data['image'])
    share = shades / 255.0
    occupancy = share if data.get('negate') else 1.0 - share
    mode = data.get('mode', 'trinary')
    if mode not in ('trinary', 'scale', 'raw'):
        raise MapError(f'{path}: mode: expected trinary, scale or raw')
    free = _number(path, data, 'free_thresh', 0.25)
    if mode == 'raw':
        solid = (shades >= _number(path, data, 'occupied_thresh', 0.65) * 100.0) | (shades > 100)
    else:
        solid = occupancy >= free
    # An image begins in the north-west.
    return OccupancyFloor(np.asarray(solid[::-1]), resolution, (x, y))


def _number(path: Path, data: dict[str, Any], key: str, default: float | None = None) -> float:
    value = data.get(key, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise MapError(f'{path}: {key}: expected a number')
    return float(value)


def _origin(path: Path, data: dict[str, Any]) -> tuple[float, float, float]:
    origin = data.get('origin')
    if (
        not isinstance(origin, list)
        or len(origin) not in (2, 3)
        or not all(isinstance(value, (int, float)) for value in origin)
    ):
        raise MapError(f'{path}: origin: expected [x, y, yaw]')
    x, y, *rest = map(float, origin)
    return x, y, rest[0] if rest else 0.0


def _read_image(path: Path) -> NDArray[np.uint8]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MapError(f'{path}: cannot be read: {error.strerror}') from None
    if data[:2] in (b'P2', b'P5'):
        return _read_pgm(path, data)
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise MapError(f'{path}: no PGM image; others need Pillow (python3-pil)') from None
    try:
        with Image.open(path) as image:
            # As map_server: the mean of the colours; what is transparent is white.
            return np.asarray(image.convert('L'), dtype=np.uint8)
    except (UnidentifiedImageError, OSError) as error:
        raise MapError(f'{path}: {error}') from None


def _read_pgm(path: Path, data: bytes) -> NDArray[np.uint8]:
    try:
        position, numbers = 2, []
        for _ in range(3):
            match = _TOKEN.match(data, position)
            assert match is not None
            numbers.append(int(match[1]))
            position = match.end()
        width, height, most = numbers
        if data[:2] == b'P2':
            values = np.array(data[position:].split()[: width * height], dtype=np.float64)
        else:
            kind = np.dtype('u1') if most < 256 else np.dtype('>u2')
            values = np.frombuffer(data, kind, width * height, position + 1).astype(np.float64)
        return (values.reshape(height, width) * (255.0 / most)).astype(np.uint8)
    except (AssertionError, ValueError, ZeroDivisionError):
        raise MapError(f'{path}: not a whole PGM image') from None


def _distances(solid: NDArray[np.bool_], most: int) -> Floats:
    """Distance of each cell's centre to the nearest solid cell's, in cells, at most `most`."""
    rows = np.where(solid, 0.0, float(most) ** 2)
    # Off the floor is solid.
    padded = np.zeros((solid.shape[0] + 2, solid.shape[1] + 2))
    padded[1:-1, 1:-1] = rows
    for axis in (0, 1):
        padded = _spread(padded, axis, most)
    return np.asarray(np.sqrt(padded[1:-1, 1:-1]))


def _spread(squares: Floats, axis: int, most: int) -> Floats:
    """Least of each square distance along an axis and those of its neighbours, seen from here."""
    squares = np.moveaxis(squares, axis, 0)
    least = squares.copy()
    for step in range(1, min(most, len(squares) - 1) + 1):
        further = float(step * step)
        np.minimum(least[step:], squares[:-step] + further, out=least[step:])
        np.minimum(least[:-step], squares[step:] + further, out=least[:-step])
    return np.moveaxis(least, 0, axis)

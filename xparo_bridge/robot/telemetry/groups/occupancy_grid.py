# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What the robot's map looks like, of a nav_msgs/OccupancyGrid.

Sends `map` when it changed: {frame, width, height, resolution, origin: {x, y, yaw}, cells}, where
cells are one signed byte each, row by row from the origin, -1 unknown, 0 free to 100 occupied. A
map of more than `cells` is thinned: of a square of cells the most occupied stands for all.
"""

from __future__ import annotations

import math

import numpy
from rclpy.node import Node

from ....ros.transforms import frame_name
from ..change import Threshold
from ..settings import parse_fields, Settings, TopicSettings
from ..source import LeftOut, Source, TopicSource, Values


def make(node: Node, settings: Settings) -> Source:
    return TopicSource(
        node,
        TopicSettings(
            settings['topic'],
            'nav_msgs/msg/OccupancyGrid',
            parse_fields(
                {
                    'frame': 'header.frame_id',
                    'width': 'info.width',
                    'height': 'info.height',
                    'resolution': 'info.resolution',
                    'x': 'info.origin.position.x',
                    'y': 'info.origin.position.y',
                    'yaw': 'yaw(info.origin.orientation)',
                    'cells': 'data',
                }
            ),
            name='map',
            on_change=Threshold(),
        ),
        transform=lambda read: _thinned(read, settings['cells']),
    )


def _thinned(read: Values, most: int) -> Values:
    width, height = read['width'], read['height']
    cells = numpy.asarray(read['cells'], numpy.int8)
    if cells.size != width * height:
        raise LeftOut(f'a map of {width} x {height} with {cells.size} cells')
    if not cells.size:
        raise LeftOut('a map without cells')
    if read['yaw'] is None:  # A message whose origin nobody filled in has a rotation of zeros.
        read['yaw'] = 0.0
    if not all(math.isfinite(read[name]) for name in ('resolution', 'x', 'y', 'yaw')):
        raise LeftOut('a map whose origin or resolution has a NaN or an infinity')
    side = max(1, math.ceil(math.sqrt(cells.size / most)))
    while -(-width // side) * -(-height // side) > most and side < max(width, height):
        side += 1  # Rounding up to whole squares may have been too many.
    if side > 1:
        padded = numpy.full((-(-height // side) * side, -(-width // side) * side), -1, numpy.int8)
        padded[:height, :width] = cells.reshape(height, width)
        cells = padded.reshape(padded.shape[0] // side, side, padded.shape[1] // side, side).max(
            axis=(1, 3)
        )
    return {
        'frame': frame_name(read['frame']),
        'width': -(-width // side),
        'height': -(-height // side),
        'resolution': round(read['resolution'] * side, 6),
        'origin': {name: round(read[name], 4) for name in ('x', 'y', 'yaw')},
        'cells': cells.tobytes(),
    }

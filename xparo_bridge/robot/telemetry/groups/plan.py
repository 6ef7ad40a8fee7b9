# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Send the way that the robot means to go, of a nav_msgs/Path.

Sends `plan` when it changed: {frame, points}, thinned to at most `points` of [x, y] in metres, the
first and the last always among them.
"""

from __future__ import annotations

import math

from rclpy.node import Node

from ....ros.transforms import frame_name
from ..change import Threshold
from ..settings import parse_fields, Settings, TopicSettings
from ..source import LeftOut, Source, TopicSource, Values


def make(node: Node, settings: Settings) -> Source:
    def thinned(read: Values) -> Values:
        if not all(map(math.isfinite, (*read['x'], *read['y']))):
            raise LeftOut('its points have a NaN or an infinity')
        count = len(read['x'])
        kept = min(count, settings['points'])
        chosen = [round(at * (count - 1) / max(kept - 1, 1)) for at in range(kept)]
        return {
            'frame': frame_name(read['frame']),
            'points': [[round(read['x'][at], 3), round(read['y'][at], 3)] for at in chosen],
        }

    return TopicSource(
        node,
        TopicSettings(
            settings['topic'],
            'nav_msgs/msg/Path',
            parse_fields(
                {
                    'frame': 'header.frame_id',
                    'x': 'poses[:].pose.position.x',
                    'y': 'poses[:].pose.position.y',
                }
            ),
            name='plan',
            on_change=Threshold(),
        ),
        transform=thinned,
    )

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
How fast the robot is, of a topic with a twist.

Sends `velocity`: {linear, angular} in m/s forward and rad/s to the left, in the robot's own frame;
with a sideways part, of a robot that can, as `lateral`.
"""

from __future__ import annotations

import math

from rclpy.node import Node

from ..settings import parse_fields, Settings, TopicSettings
from ..source import LeftOut, Source, TopicSource, Values

_TWISTS = {
    'nav_msgs/msg/Odometry': 'twist.twist.',
    'geometry_msgs/msg/Twist': '',
    'geometry_msgs/msg/TwistStamped': 'twist.',
    'geometry_msgs/msg/TwistWithCovarianceStamped': 'twist.twist.',
}


def make(node: Node, settings: Settings) -> Source:
    twist = _TWISTS[settings['type']]
    return TopicSource(
        node,
        TopicSettings(
            settings['topic'],
            settings['type'],
            parse_fields(
                {
                    'linear': f'{twist}linear.x',
                    'lateral': f'{twist}linear.y',
                    'angular': f'{twist}angular.z',
                }
            ),
            name='velocity',
        ),
        transform=_velocity,
    )


def _velocity(read: Values) -> Values:
    if not all(map(math.isfinite, read.values())):
        raise LeftOut('its velocity has a NaN or an infinity')
    if not read['lateral']:
        del read['lateral']
    return {name: round(value, 4) for name, value in read.items()}

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Where the robot is: of tf where tf2_msgs is installed and no topic is named, else of a topic.

Sends `pose`: {x, y, yaw, frame} in metres and radians in that frame.
"""

from __future__ import annotations

from rclpy.node import Node

from ....ros.fields import load_type, UnknownType
from ....ros.transforms import TransformListener
from ..settings import parse_fields, Settings, TopicSettings
from ..source import Source, TopicSource, Values

_POSES = {
    'nav_msgs/msg/Odometry': 'pose.pose.',
    'geometry_msgs/msg/PoseStamped': 'pose.',
    'geometry_msgs/msg/PoseWithCovarianceStamped': 'pose.pose.',
}


def make(node: Node, settings: Settings) -> Source:
    if not settings['topic'] and _has_tf():
        return TransformPose(node, settings)
    pose = _POSES[settings['type']]
    return TopicSource(
        node,
        TopicSettings(
            settings['topic'] or '/odom',
            settings['type'],
            parse_fields(
                {
                    'x': f'{pose}position.x',
                    'y': f'{pose}position.y',
                    'yaw': f'yaw({pose}orientation)',
                    'frame': 'header.frame_id',
                }
            ),
            name='pose',
        ),
        transform=_rounded,
    )


def _has_tf() -> bool:
    try:
        load_type('tf2_msgs/msg/TFMessage')
    except UnknownType:
        return False
    return True


class TransformPose(Source):
    """The newest place of the robot's base in the map."""

    def __init__(self, node: Node, settings: Settings) -> None:
        self._settings = settings
        self._listener = TransformListener(node)

    def refresh(self) -> None:
        self._listener.refresh()

    def collect(self) -> Values:
        self._listener.update()
        settings = self._settings
        found = self._listener.tree.lookup(settings['map_frame'], settings['base_frame'])
        if found is None:
            return {}
        x, y, _ = found.translation
        return {
            'pose': _rounded({'x': x, 'y': y, 'yaw': found.yaw, 'frame': settings['map_frame']})
        }

    def close(self) -> None:
        self._listener.close()


def _rounded(pose: Values) -> Values:
    return pose | {name: round(pose[name], 4) for name in ('x', 'y', 'yaw')}

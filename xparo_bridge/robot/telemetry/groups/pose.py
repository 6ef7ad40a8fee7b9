# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Where the robot is, of tf where tf2_ros is installed and no topic is named, else of a topic.

Sends `pose`: {x, y, yaw, frame} in metres and radians in that frame.
"""

from __future__ import annotations

from dataclasses import dataclass
import math

from rclpy.node import Node
from rclpy.time import Time

from ..options import setting
from ..settings import GroupSettings, parse_fields, TopicSettings
from ..source import Source, TopicSource, Values

try:
    import tf2_ros
except ImportError:
    tf2_ros = None

_POSES = {
    'nav_msgs/msg/Odometry': 'pose.pose.',
    'geometry_msgs/msg/PoseStamped': 'pose.',
    'geometry_msgs/msg/PoseWithCovarianceStamped': 'pose.pose.',
}


@dataclass(frozen=True)
class Settings(GroupSettings):
    """Frames of the tf lookup, or the topic that has the pose and which type it is of."""

    topic: str = ''
    type: str = setting('nav_msgs/msg/Odometry', one_of=tuple(_POSES))
    map_frame: str = 'map'
    base_frame: str = 'base_link'


def make(node: Node, settings: Settings) -> Source:
    if tf2_ros is not None and not settings.topic:
        return TransformPose(node, settings)
    pose = _POSES[settings.type]
    return TopicSource(node, TopicSettings(
        settings.topic or '/odom', settings.type, parse_fields({
            'x': f'{pose}position.x', 'y': f'{pose}position.y',
            'yaw': f'yaw({pose}orientation)', 'frame': 'header.frame_id'}), name='pose'),
        transform=_rounded)


class TransformPose(Source):
    """The newest transform from the map to the robot's base."""

    def __init__(self, node: Node, settings: Settings) -> None:
        """Start listening to tf."""
        self._settings = settings
        self._buffer = tf2_ros.Buffer(node=node)
        self._listener = tf2_ros.TransformListener(self._buffer, node, spin_thread=False)

    def collect(self) -> Values:
        try:
            found = self._buffer.lookup_transform(
                self._settings.map_frame, self._settings.base_frame, Time()).transform
        except tf2_ros.TransformException:
            return {}
        turn = found.rotation
        yaw = math.atan2(2 * (turn.w * turn.z + turn.x * turn.y),
                         1 - 2 * (turn.y * turn.y + turn.z * turn.z))
        return {'pose': _rounded({
            'x': found.translation.x, 'y': found.translation.y, 'yaw': yaw,
            'frame': self._settings.map_frame})}

    def close(self) -> None:
        self._listener.unregister()


def _rounded(pose: Values) -> Values:
    return pose | {name: round(pose[name], 4) for name in ('x', 'y', 'yaw')}

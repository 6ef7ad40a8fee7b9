# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Where the robot is: of tf where tf2_msgs is installed and no topic is named, else of a topic. As
long as tf has no place in the map, it is that of odometry, in its frame.

Sends `pose`: {x, y, yaw, frame} in metres and radians in that frame. One that is not known, or
older than `max_age`, is left out.
"""

from __future__ import annotations

import math
from time import monotonic

from rclpy.node import Node

from ....ros.fields import load_type, UnknownType
from ....ros.problems import Problems
from ....ros.rivals import disputed
from ....ros.transforms import frame_name, TransformListener
from ..settings import parse_fields, Settings, TopicSettings
from ..source import LeftOut, Source, TopicSource, Values

_PROBLEM = 'telemetry pose'
_GRACE = 5.0  # How long tf may take to come before its absence is reported, s.
_POSES = {
    'nav_msgs/msg/Odometry': 'pose.pose.',
    'geometry_msgs/msg/PoseStamped': 'pose.',
    'geometry_msgs/msg/PoseWithCovarianceStamped': 'pose.pose.',
}


def make(node: Node, settings: Settings) -> Source:
    if not settings['topic'] and _has_tf():
        return TransformPose(node, settings)
    return _topic_source(node, settings)


def _topic_source(node: Node, settings: Settings) -> TopicSource:
    pose = _POSES[settings['type']]
    return TopicSource(
        node,
        TopicSettings(
            settings['topic'] or 'odom',
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
        transform=lambda read: _of_topic(node, read),
    )


def _has_tf() -> bool:
    try:
        load_type('tf2_msgs/msg/TFMessage')
    except UnknownType:
        return False
    return True


class TransformPose(Source):
    """The newest place of the robot's base in the map, as long as it is not too old."""

    def __init__(self, node: Node, settings: Settings) -> None:
        self._settings = settings
        self._problems = Problems.of(node)
        self._frames = frame_name(settings['map_frame']), frame_name(settings['base_frame'])
        self._node = node
        self._begin = monotonic()
        # Of odometry, for a robot that has no map; ends for good when there is a place in the map.
        self._instead: TopicSource | None = None
        self._found = False
        self._listener = TransformListener.acquire(node)

    def refresh(self) -> None:
        self._listener.refresh()
        if self._instead is not None:
            self._instead.refresh()

    def collect(self) -> Values:
        self._listener.update()
        map_frame, base_frame = self._frames
        found = self._listener.tree.place(map_frame, base_frame)
        most = self._settings['max_age']
        if found is None:
            return self._without_map()
        self._found = True
        if self._instead is not None:
            self._instead.close()
            self._instead = None
        if found.disputed:
            self._problems.report(
                _PROBLEM,
                f'left out: {disputed(found.disputed)}',
            )
            return {}
        if found.age > most:
            self._problems.report(
                _PROBLEM,
                f'left out: the transform of {found.oldest} has not come for {most:g} s',
            )
            return {}
        self._problems.solved(_PROBLEM)
        x, y, _ = found.transform.translation
        return {'pose': _rounded({'x': x, 'y': y, 'yaw': found.transform.yaw, 'frame': map_frame})}

    def _without_map(self) -> Values:
        if monotonic() - self._begin < _GRACE:
            return {}
        map_frame, base_frame = self._frames
        self._problems.report(
            _PROBLEM,
            f'there is no transform from {map_frame} to {base_frame} on {self._listener.topic}'
            + ('' if self._found else '; of odometry instead'),
        )
        if self._found:
            return {}
        if self._instead is None:
            self._instead = _topic_source(self._node, self._settings)
            self._instead.refresh()
        return self._instead.collect()

    def close(self) -> None:
        self._listener.close()
        if self._instead is not None:
            self._instead.close()
        self._problems.forget(_PROBLEM)


def _of_topic(node: Node, read: Values) -> Values:
    problems = Problems.of(node)
    read['frame'] = frame_name(read['frame'])
    if not all(map(math.isfinite, (read['x'], read['y']))):
        raise LeftOut('its place has a NaN or an infinity')
    if read['yaw'] is None:
        del read['yaw']
        problems.report(_PROBLEM, 'without yaw: its topic has a rotation that is none')
    else:
        problems.solved(_PROBLEM)
    return _rounded(read)


def _rounded(pose: Values) -> Values:
    return pose | {name: round(pose[name], 4) for name in ('x', 'y', 'yaw') if name in pose}

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
`run.mcap`: the robots' topics, raw and with their definitions, and what happened in the run.

| topic | has |
|---|---|
| the robots' own | odom, amcl_pose, scan, tf, cmd_vel, battery_state, plan, map, /clock, /rosout |
| /scenario/frames | std_msgs/String, JSON: each frame between platform and robot |
| /scenario/events | std_msgs/String, JSON: steps, faults, connections, what failed |

It opens in Foxglove, in Lichtblick and in `ros2 bag play`. The package mcap writes it.
"""

from __future__ import annotations

from collections.abc import Iterable
import importlib.util
from pathlib import Path
import threading
import time
from typing import Any

from ...json_writer import dumps_any
from ...ros.definitions import definition
from ..timeline import Event

TYPES = {
    'odom': 'nav_msgs/msg/Odometry',
    'amcl_pose': 'geometry_msgs/msg/PoseWithCovarianceStamped',
    'scan': 'sensor_msgs/msg/LaserScan',
    'tf': 'tf2_msgs/msg/TFMessage',
    'cmd_vel': 'geometry_msgs/msg/Twist',
    'battery_state': 'sensor_msgs/msg/BatteryState',
    'plan': 'nav_msgs/msg/Path',
    'map': 'nav_msgs/msg/OccupancyGrid',
}
COMMON = {'/clock': 'rosgraph_msgs/msg/Clock', '/rosout': 'rcl_interfaces/msg/Log'}
_TEXT = 'std_msgs/msg/String'
_FRAMES = ('sent', 'received')


def available() -> bool:
    """Whether the package mcap is installed."""
    return importlib.util.find_spec('mcap') is not None


class Recording:
    """Writes one file; messages may come from any thread."""

    def __init__(self, path: Path) -> None:
        from mcap.writer import CompressionType, Writer

        self._file = path.open('wb')
        self._writer = Writer(self._file, compression=CompressionType.ZSTD)
        self._writer.start(profile='ros2', library='xparo_bridge scenario')
        self._lock = threading.Lock()
        self._schemas: dict[str, int] = {}
        self._channels: dict[str, int] = {}
        self._numbers: dict[int, int] = {}

    def add(self, topic: str, type_name: str, data: bytes, at: int | None = None) -> None:
        """Keep a serialized message, of the time now or of that in ns."""
        at = time.time_ns() if at is None else at
        with self._lock:
            if self._file.closed:
                return
            channel = self._channel(topic, type_name)
            number = self._numbers[channel] = self._numbers.get(channel, 0) + 1
            self._writer.add_message(channel, at, data, at, number)

    def add_events(self, events: Iterable[Event]) -> None:
        """Keep what happened, as JSON; where robots were has topics of its own."""
        from rclpy.serialization import serialize_message
        from std_msgs.msg import String

        for event in events:
            if event.kind == 'truth':
                continue
            topic = '/scenario/frames' if event.kind in _FRAMES else '/scenario/events'
            content: dict[str, Any] = {'at': event.at, 'kind': event.kind, 'robot': event.robot}
            content |= {key: value for key, value in event.data.items() if key != 'time'}
            text = serialize_message(String(data=dumps_any(content)))
            self.add(topic, _TEXT, text, round(event.wall * 1e9))

    def close(self) -> None:
        """Finish the file."""
        with self._lock:
            self._writer.finish()  # type: ignore[no-untyped-call]
            self._file.close()

    def _channel(self, topic: str, type_name: str) -> int:
        if topic not in self._channels:
            if type_name not in self._schemas:
                self._schemas[type_name] = self._writer.register_schema(
                    type_name, 'ros2msg', definition(type_name).encode()
                )
            self._channels[topic] = self._writer.register_channel(
                topic, 'cdr', self._schemas[type_name]
            )
        return self._channels[topic]

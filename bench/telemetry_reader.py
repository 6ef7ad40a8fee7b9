# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What does it cost to make JSON text of a serialized message.

The floor is what one writes without thinking of speed: rclpy's deserialization, a recursion over
the message, `json.dumps`. Run: `python bench/telemetry_reader.py`.
"""

from __future__ import annotations

import json
from statistics import median
from time import perf_counter
from typing import Any

from rclpy.serialization import deserialize_message, serialize_message
from rows import Row, row, show
from sample_messages import sample_messages

from xparo_bridge.json_writer import dumps, orjson
from xparo_bridge.ros.paths import parse_path
from xparo_bridge.ros.reader import make_reader

_GOALS = {'Odometry': 10.0, 'LaserScan 720': 60.0}
_ROUNDS = 9


def convert(value: Any) -> Any:
    """Plain recursive converter."""
    if hasattr(value, 'get_fields_and_field_types'):
        return {name: convert(getattr(value, name)) for name in value.get_fields_and_field_types()}
    if isinstance(value, bytes):
        return list(value)
    if hasattr(value, '__iter__') and not isinstance(value, str):
        return [convert(item) for item in value]
    return float(value) if hasattr(value, 'dtype') else value


def run() -> list[Row]:
    """One row a message type, and one for four fields of Odometry."""
    whole = {'message': parse_path('.')}
    fields = {
        name: parse_path(path)
        for name, path in {
            'x': 'pose.pose.position.x',
            'y': 'pose.pose.position.y',
            'yaw': 'yaw(pose.pose.orientation)',
            'speed': 'norm(twist.twist.linear)',
        }.items()
    }
    note = f'whole message, {"orjson" if orjson else "json"}'
    samples = sample_messages()
    rows = [
        _measure(name, message, whole, _GOALS.get(name), note) for name, message in samples.items()
    ]
    return [
        *rows,
        _measure('Odometry', samples['Odometry'], fields, None, 'x, y, yaw and speed of it'),
    ]


def _measure(name: str, message: Any, fields: Any, goal: float | None, note: str) -> Row:
    data, cls = serialize_message(message), type(message)
    reader = make_reader(cls, fields)

    def ours() -> str:
        return dumps(reader(data, float))

    def floor() -> str:
        return json.dumps(convert(deserialize_message(data, cls)))

    ours_times, floor_times = [], []
    for _ in range(_ROUNDS):
        ours_times.append(_time(ours, 300))
        floor_times.append(_time(floor, 10))
    return row(
        f'{name} to JSON',
        median(ours_times),
        'us',
        floor=median(floor_times),
        goal=goal,
        note=note,
    )


def _time(call: Any, count: int) -> float:
    begin = perf_counter()
    for _ in range(count):
        call()
    return (perf_counter() - begin) / count * 1e6


if __name__ == '__main__':
    show(run())

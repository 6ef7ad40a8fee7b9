# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
How late is a sample of a topic at 1000 Hz of which each is sent.

Odometry goes through the bridge as it is installed to a WebSocket server. The floor is one program
that has a raw subscription and sends as many bytes of each sample by a WebSocket of its own, in
the same thread. Both run in turn, several times. The age of a sample is from just before it is
published until it is read from the socket. Run: `python bench/odometry.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import json
from statistics import median, quantiles
import struct
import sys
from threading import Event
from time import time
from typing import Any

from bridge_process import bridge, running, Sink
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions
from rows import Row, row, show
from stamped_publisher import number_offset, publishing, STAMP
from websockets.sync.client import connect

_RATE = 1000.0
_WARM_UP = 2000
_SAMPLES = 10000
_ROUNDS = 3
_TOPIC = '/bench/odom'
_TELEMETRY = {'groups': {}, 'topics': [{'topic': _TOPIC, 'name': 'odom', 'every_sample': True}]}


class Ages:
    """Ages in ms of so many samples, by their number."""

    def __init__(self) -> None:
        self.done = Event()
        self.bytes = 0
        self._first: int | None = None
        self._ages: dict[int, float] = {}

    def frame(self, text: str) -> None:
        """Take a frame of the bridge or of the floor."""
        now = time()
        body = json.loads(text)
        data = body.get('data', {}).get('odom')
        if data is None:
            return
        number = int(data['pose']['pose']['position']['x'])
        if self._first is None:
            self._first = number + _WARM_UP
        if number >= self._first + _SAMPLES:
            self.done.set()
        elif number >= self._first:
            self.bytes = len(text)
            self._ages[number] = (now - data['header']['stamp']) * 1e3

    @property
    def lost(self) -> int:
        """How many did not arrive."""
        return _SAMPLES - len(self._ages)

    @property
    def percentiles(self) -> tuple[float, float]:
        """p50 and p99, ms."""
        parts = quantiles(self._ages.values(), n=100)
        return parts[49], parts[98]


def run() -> list[Row]:
    """Rows of ages and of what was lost."""
    found: dict[str, list[Ages]] = {'bridge': [], 'floor': []}
    size = 0  # Of the bridge's frames, which the floor's shall have too.
    for _ in range(_ROUNDS):
        for role, ages in found.items():
            ages.append(_measure(role, size))
            size = ages[-1].bytes
    p50, p99 = (median(ages.percentiles[at] for ages in found['bridge']) for at in (0, 1))
    floor50, floor99 = (median(ages.percentiles[at] for ages in found['floor']) for at in (0, 1))
    note = f'{size} bytes of JSON each; median of {_ROUNDS} runs'
    return [
        row(
            'Odometry at 1000 Hz: lost',
            sum(ages.lost for ages in found['bridge']),
            'samples',
            floor=None,
            goal=0,
            note=f'of {_ROUNDS * _SAMPLES}; the floor lost '
            f'{sum(ages.lost for ages in found["floor"])}',
        ),
        row(
            'Odometry at 1000 Hz: p50 age',
            p50,
            'ms',
            floor=floor50,
            goal=1.3,
            goal_is_ratio=True,
            note=note,
        ),
        row('Odometry at 1000 Hz: p99 age', p99, 'ms', floor=floor99, goal=10.0, note=note),
    ]


def _measure(role: str, size: int) -> Ages:
    ages = Ages()
    sink = Sink(ages.frame)
    try:
        with _forwarder(role, sink.url, size), publishing(_TOPIC, _RATE):
            if not ages.done.wait(120):
                raise RuntimeError(f'{role}: too few samples arrived')
    finally:
        sink.close()
    return ages


@contextmanager
def _forwarder(role: str, url: str, size: int) -> Iterator[Any]:
    if role == 'bridge':
        with bridge(url, _TELEMETRY) as process:
            yield process
    else:
        with running([sys.executable, __file__, 'floor', url, str(size)]) as process:
            yield process


def floor(url: str, size: int) -> None:
    """Be the floor."""
    from nav_msgs.msg import Odometry

    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node('bench_floor')
    at = number_offset()
    body = (
        '{{"data":{{"odom":{{"header":{{"stamp":{}}},'
        '"pose":{{"pose":{{"position":{{"x":{}}}}}}}}}}},"rest":"{}"}}'
    )
    rest = 'x' * max(0, size - len(body) - 20)
    with connect(url, compression=None) as socket:

        def forward(data: bytes) -> None:
            seconds, nanoseconds = struct.unpack_from('<iI', data, STAMP)
            (number,) = struct.unpack_from('<d', data, at)
            socket.send(body.format(f'{seconds}.{nanoseconds:09d}', number, rest))

        node.create_subscription(Odometry, _TOPIC, forward, 1000, raw=True)
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        executor.spin()


if __name__ == '__main__':
    if sys.argv[1:2] == ['floor']:
        floor(sys.argv[2], int(sys.argv[3]))
    else:
        show(run())

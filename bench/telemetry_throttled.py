# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What does it cost to send 20 topics, each published at 100 Hz, once a second.

The floor is a program that only holds 20 raw subscriptions, so it does not even send. A process of
its own publishes; floor and telemetry run in turn, several times. Run:
`python bench/telemetry_throttled.py`.
"""

from __future__ import annotations

import json
import os
from statistics import median
import subprocess
import sys
from time import monotonic, process_time, sleep
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.serialization import serialize_message
from rclpy.signals import SignalHandlerOptions
from rows import Row, row, show
from sample_messages import sample_messages

from xparo_bridge.json_writer import dumps
from xparo_bridge.messages import Telemetry
from xparo_bridge.robot.telemetry.publisher import TelemetryPublisher
from xparo_bridge.robot.telemetry.settings import TelemetryConfig, TopicSettings

_TOPICS = 20
_RATE = 100.0
_SECONDS = 8.0
_ROUNDS = 3


def run() -> list[Row]:
    """Rows of the CPU time and of the telemetry sent in it."""
    publisher = _start('publish')
    try:
        results: dict[str, list[dict[str, float]]] = {'floor': [], 'telemetry': []}
        for _ in range(_ROUNDS):
            for role, found in results.items():
                output, _ = _start(role).communicate(timeout=120)
                found.append(json.loads(output))
    finally:
        publisher.terminate()
        publisher.wait()

    def middle(role: str, key: str) -> float:
        return median(result[key] for result in results[role])

    return [
        row(
            '20 topics at 100 Hz sent at 1 Hz',
            middle('telemetry', 'cpu'),
            '% of a core',
            floor=middle('floor', 'cpu'),
            goal=1.15,
            goal_is_ratio=True,
            note=f'whole messages; floor took {middle("floor", "count"):.0f} samples/s',
        ),
        row(
            'telemetry of these',
            middle('telemetry', 'count'),
            'values/s',
            note=f'{middle("telemetry", "bytes") / 1000:.0f} kB/s of JSON',
        ),
    ]


def _start(role: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, __file__, role], stdout=subprocess.PIPE, text=True)


def _topics() -> list[tuple[str, Any]]:
    samples = list(sample_messages().values())
    return [
        (f'/bench/topic_{number}', samples[number % len(samples)]) for number in range(_TOPICS)
    ]


def publish() -> None:
    """Publish until terminated; messages are serialized once, as only receiving is measured."""
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node('bench_publisher')
    pairs = [
        (node.create_publisher(type(message), topic, 10), serialize_message(message))
        for topic, message in _topics()
    ]
    next_at = monotonic()
    while True:
        for publisher, data in pairs:
            publisher.publish(data)
        next_at += 1 / _RATE
        sleep(max(0.0, next_at - monotonic()))


def measure(role: str) -> None:
    """Be the floor or the telemetry for some seconds; print what it took."""
    rclpy.init()
    node = rclpy.create_node(f'bench_{role}')
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    counts = dict.fromkeys((topic for topic, _ in _topics()), 0)
    size = 0

    def emit(telemetry: Telemetry) -> None:
        nonlocal size
        size += len(dumps(telemetry.values))
        for key in telemetry.values:
            counts[f'/{key}'] += 1

    if role == 'floor':
        for topic, message in _topics():

            def count(data: bytes, topic: str = topic) -> None:
                counts[topic] += 1

            node.create_subscription(type(message), topic, count, 10, raw=True)
    else:
        TelemetryPublisher(
            node, TelemetryConfig(1.0, {}, tuple(map(TopicSettings, counts))), emit
        ).start()
    while not all(counts.values()):
        executor.spin_once(timeout_sec=1.0)
    counts = dict.fromkeys(counts, 0)
    size = 0
    begin, used = monotonic(), process_time()
    while (elapsed := monotonic() - begin) < _SECONDS:
        executor.spin_once(timeout_sec=_SECONDS - elapsed)
    print(
        json.dumps(
            {
                'cpu': (process_time() - used) / elapsed * 100,
                'count': sum(counts.values()) / elapsed,
                'bytes': size / elapsed,
            }
        ),
        flush=True,
    )
    os._exit(0)  # Leaving the graph is not part of what is measured.


if __name__ == '__main__':
    if sys.argv[1:] == ['publish']:
        publish()
    elif sys.argv[1:]:
        measure(sys.argv[1])
    else:
        show(run())

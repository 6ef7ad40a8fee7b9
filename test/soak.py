# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Does the bridge stay as it is while topics come and go and the link breaks now and then.

`python test/soak.py --seconds 1800` watches memory, threads and files of a bridge that tells all
there is. The suite runs the same in short.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
import json
import os
from pathlib import Path
from random import Random
from statistics import median
import sys
from tempfile import TemporaryDirectory
import threading
import time
from typing import Any

import psutil
import rclpy
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import LaserScan
from std_msgs.msg import Float64, String
from websockets.exceptions import ConnectionClosed

sys.path.insert(0, str(Path(__file__).parent))

from fixtures.domains import DDS, own_domain  # noqa: E402
from fixtures.peers import websocket_server  # noqa: E402
from fixtures.system import start_bridge  # noqa: E402

PUBLISHERS = 12  # at a time
RATE = 50.0  # Hz of each
CHANGE_PERIOD = 0.5  # s until one goes and another comes
CUT_PERIOD = 20.0  # s a connection lives
GROWTH = 8e6  # Most bytes the last third may have over the second.

TYPES: dict[str, Any] = {
    'level': Float64(data=1.5),
    'state': String(data='idle'),
    'scan': LaserScan(ranges=[1.5] * 360),
}
QOS = [
    QoSProfile(depth=5),
    QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT),
    QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL),
]
TELEMETRY = {
    'period': 0.2,
    'groups': {
        'system': {'load': True, 'network': True, 'bridge': True},
        'battery': {},
        'velocity': {},
        'diagnostics': {},
        'navigation': {},
        'nodes': {'period': 1.0},
    },
    'topics': [
        {'topic': '/soak/*/level', 'fields': ['data'], 'on_change': True, 'min_rate': 1},
        {'topic': '/soak/*/scan', 'fields': {'near': 'min(ranges)'}},
        {'topic': '/soak/fixed_*/state', 'every_sample': True},
        {'topic': '/soak/fixed_0/level', 'fields': {'level': 'data'}, 'every_sample': True},
    ],
}


@dataclass
class Sample:
    """What the bridge holds at a time."""

    rss: int
    threads: int
    files: int


@dataclass
class Soak:
    """What was seen of the bridge."""

    samples: list[Sample] = field(default_factory=list)
    frames: int = 0
    connections: int = 0
    topics: int = 0

    def part(self, number: int, of: str) -> float:
        """Median of a number over one third of the time, 0 to 2."""
        third = len(self.samples) // 3
        return median(
            getattr(sample, of) for sample in self.samples[number * third : (number + 1) * third]
        )

    @property
    def problems(self) -> list[str]:
        """What grew, in words."""
        found = []
        for of, limit in (('rss', GROWTH), ('threads', 0), ('files', 4)):
            grown = self.part(2, of) - self.part(1, of)
            if grown > limit:
                found.append(f'{of}: {self.part(1, of):.0f} grew by {grown:.0f}')
        return found


def soak(seconds: float, folder: Path) -> Soak:
    """Run a bridge for so long and watch it."""
    seen = Soak()
    with (
        platform(seen) as port,
        start_bridge(folder, port, {'telemetry': TELEMETRY}) as bridge,
        robot(seen),
    ):
        bridge.wait_for_line('connected')
        process = psutil.Process(bridge.pid)
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            assert bridge.returncode is None, 'the bridge ended'
            seen.samples.append(
                Sample(process.memory_info().rss, process.num_threads(), process.num_fds())
            )
            time.sleep(min(left, 0.5))
        assert bridge.stop() == 0
    return seen


@contextmanager
def platform(seen: Soak) -> Iterator[int]:
    """Run a platform that takes what comes and cuts each connection after a while."""

    async def take(connection: Any) -> None:
        seen.connections += 1
        try:
            async with asyncio.timeout(CUT_PERIOD):
                while True:
                    json.loads(await connection.recv())
                    seen.frames += 1
        except (TimeoutError, ConnectionClosed):
            pass

    async def run() -> None:
        async with websocket_server(take) as port:
            listening.set_result((port, asyncio.get_running_loop(), over := asyncio.Event()))
            await over.wait()

    listening: Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    port, loop, over = listening.result(10.0)
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()


@contextmanager
def robot(seen: Soak) -> Iterator[None]:
    """Run a robot whose topics come and go, some of them under names never had before."""
    stopping = threading.Event()
    thread = threading.Thread(target=live, args=(seen, stopping))
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def live(seen: Soak, stopping: threading.Event) -> None:
    random = Random(1)
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node('soak', context=context)
    there: list[tuple[Any, Any]] = []
    # Always there: while a topic is told sample by sample, the bridge has a thread for it.
    lasting = node.create_publisher(String, '/soak/fixed_lasting/state', 10), TYPES['state']
    change = 0.0
    while not stopping.wait(1 / RATE):
        if time.monotonic() >= change:
            change = time.monotonic() + CHANGE_PERIOD
            if len(there) >= PUBLISHERS:
                node.destroy_publisher(there.pop(random.randrange(len(there)))[0])
            seen.topics += 1
            kind = random.choice(list(TYPES))
            name = random.choice([f'fixed_{seen.topics % 5}', f'new_{seen.topics}'])
            there.append(
                (
                    node.create_publisher(
                        type(TYPES[kind]), f'/soak/{name}/{kind}', random.choice(QOS)
                    ),
                    TYPES[kind],
                )
            )
        for publisher, message in (lasting, *there):
            if isinstance(message, Float64):
                message.data = random.random()
            publisher.publish(message)
    node.destroy_node()
    rclpy.shutdown(context=context)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--seconds', type=float, default=1800.0)
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder, own_domain() as domain:
        os.environ.update(DDS, ROS_DOMAIN_ID=str(domain))
        seen = soak(arguments.seconds, Path(folder))
    print(f'{seen.topics} topics, {seen.connections} connections, {seen.frames} frames')
    for of, unit in (('rss', 1e6), ('threads', 1), ('files', 1)):
        print(of, *(f'{seen.part(number, of) / unit:.1f}' for number in range(3)))
    print(*seen.problems, sep='\n')
    return bool(seen.problems)


if __name__ == '__main__':
    sys.exit(main())

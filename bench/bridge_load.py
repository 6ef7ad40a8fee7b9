# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What does the bridge cost: at rest, and with Odometry at full rate to a platform that counts.

The floor is one small program that holds a raw subscription and sends each sample's bytes over a
WebSocket: two threads and a crossing as the bridge has, no reading of fields, no JSON. Floor and
bridge run in turn, several times. Run: `python bench/bridge_load.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
import json
import os
from pathlib import Path
from statistics import median
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any

from nav_msgs.msg import Odometry
import psutil
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.serialization import serialize_message
from rclpy.signals import SignalHandlerOptions
from rows import Row, row, show
from sample_messages import sample_messages
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

_RATES = (100, 500, 1000)
_SECONDS = 6.0
_ROUNDS = 3
_IDLE_SECONDS = 20.0
# Not /odom, which the bridge also hears to know whether its base stands.
_TOPIC = '/bench/odometry'
# Compiled once, as an installed package is: compiling modules at each start leaves 5 MB behind.
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name != 'PYTHONDONTWRITEBYTECODE'},
    'PYTHONPYCACHEPREFIX': str(Path(tempfile.gettempdir(), f'xparo_bench_compiled_{os.getuid()}')),
    'XPARO_SECRET_KEY': 'bench',
    'XPARO_PROJECT_ID': 'bench',
    'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
}


def run() -> list[Row]:
    """Rows of the bridge at rest and at each rate."""
    rows = idle()
    for rate in _RATES:
        found: dict[str, list[dict[str, float]]] = {'floor': [], 'bridge': []}
        for _ in range(_ROUNDS):
            for role, results in found.items():
                results.append(asyncio.run(odometry(role, rate)))

        def middle(role: str, key: str, found: Any = found) -> float:
            return median(result[key] for result in found[role])

        rows.append(
            row(
                f'Odometry at {rate} Hz, CPU',
                middle('bridge', 'cpu'),
                '% of a core',
                floor=middle('floor', 'cpu'),
                goal=1.3,
                goal_is_ratio=True,
                note='floor: raw subscription and WebSocket send',
            )
        )
        lost = sum(result['lost'] for result in found['bridge'])
        rows.append(
            row(
                f'Odometry at {rate} Hz, lost',
                lost,
                'samples',
                goal=0,
                note=f'of {sum(result["sent"] for result in found["bridge"]):.0f}; '
                f'floor lost {sum(result["lost"] for result in found["floor"]):.0f}',
            )
        )
    return rows


def idle() -> list[Row]:
    """Rows of the bridge with the package's configuration, connected, and no robot about."""

    async def measure(role: str) -> tuple[float, float]:
        async with at_rest(role):
            pass  # Compiles the modules.
        async with at_rest(role) as process:
            await asyncio.sleep(5.0)  # Discovery and the first telemetry are not rest.
            before = sum(process.cpu_times()[:2])
            await asyncio.sleep(_IDLE_SECONDS)
            used = sum(process.cpu_times()[:2]) - before
            return used / _IDLE_SECONDS * 100, process.memory_info().rss / 1e6

    floor_cpu, floor_rss = asyncio.run(measure('floor'))
    cpu, rss = asyncio.run(measure('bridge'))
    return [
        row(
            'bridge at rest, CPU',
            cpu,
            '% of a core',
            floor=floor_cpu,
            goal=1.0,
            note=f'telemetry at 1 Hz, over {_IDLE_SECONDS:.0f} s; the floor says nothing',
        ),
        row(
            'bridge at rest, RSS',
            rss,
            'MB',
            floor=floor_rss,
            goal=90.0,
            note='floor: rclpy, one subscription, websockets',
        ),
    ]


@asynccontextmanager
async def at_rest(role: str) -> AsyncIterator[psutil.Process]:
    """Run the `floor`, or the `bridge` with the package's configuration, connected."""
    counts: dict[str, int] = {}
    async with serve(_count(counts), '127.0.0.1', 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        with (
            _bridge(port, 'bridge.yaml', 'commands.yaml', 'places.yaml')
            if role == 'bridge'
            else _started([__file__, 'floor', str(port)])
        ) as process:
            while 'frames' not in counts:
                await asyncio.sleep(0.05)
            yield process


async def odometry(role: str, rate: float) -> dict[str, float]:
    """Measure one run of `floor` or `bridge`: CPU in % of a core, samples sent and lost."""
    counts: dict[str, int] = {}
    async with serve(_count(counts), '127.0.0.1', 0, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        starting = (
            _bridge(port, _odometry_file())
            if role == 'bridge'
            else _started([__file__, 'floor', str(port)])
        )
        with starting as process:
            while 'frames' not in counts:
                await asyncio.sleep(0.05)
            with _started([__file__, 'publish', str(rate)], stdout=subprocess.PIPE) as source:
                before = None
                while source.is_running() and source.status() != psutil.STATUS_ZOMBIE:
                    if before is None and counts['frames'] > rate / 2:
                        before = sum(process.cpu_times()[:2]), time.monotonic()
                    await asyncio.sleep(0.02)
                assert before is not None
                used = (sum(process.cpu_times()[:2]) - before[0]) / (time.monotonic() - before[1])
            sent = int(rate * _SECONDS)
            give_up = time.monotonic() + 3.0
            while counts['frames'] < sent and time.monotonic() < give_up:
                await asyncio.sleep(0.02)
    return {'cpu': used * 100, 'sent': sent, 'lost': sent - counts['frames']}


def _count(counts: dict[str, int]) -> Any:
    async def handler(socket: Any) -> None:
        counts['frames'] = 0
        with suppress(ConnectionClosed):
            async for frame in socket:
                # Whatever else the bridge says is not Odometry.
                if isinstance(frame, bytes) or '"odom"' in frame[:60]:
                    counts['frames'] += 1

    return handler


def _odometry_file() -> str:
    return _write(
        'telemetry',
        {
            'telemetry': {
                'groups': {},
                'topics': [
                    {
                        'topic': _TOPIC,
                        'type': 'nav_msgs/msg/Odometry',
                        'name': 'odom',
                        'every_sample': True,
                    }
                ],
            }
        },
    )


def _write(name: str, configuration: dict[str, Any]) -> str:
    path = Path(tempfile.gettempdir()) / f'xparo_bench_{name}_{os.getpid()}.yaml'
    path.write_text(json.dumps(configuration))
    return str(path)


@contextmanager
def _bridge(port: int, *files: str) -> Iterator[psutil.Process]:
    link = {'name': 'platform', 'protocol': 'xparo', 'url': f'ws://127.0.0.1:{port}/ws/chatbot'}
    config = ','.join([*files, _write('links', {'links': [link]})])
    with _started(
        [
            '-m',
            'xparo_bridge',
            'bridge',
            '--ros-args',
            '-p',
            f'config:=[{config}]',
            '--log-level',
            'warn',
        ]
    ) as process:
        yield process


@contextmanager
def _started(arguments: list[str], **options: Any) -> Iterator[psutil.Process]:
    with subprocess.Popen([sys.executable, *arguments], env=ENVIRONMENT, **options) as process:
        try:
            yield psutil.Process(process.pid)
        finally:
            process.kill()


def floor(port: int) -> None:
    """Be the floor program."""
    rclpy.init()
    node = rclpy.create_node('bench_floor')
    loop = asyncio.new_event_loop()
    waiting: asyncio.Queue[bytes] = asyncio.Queue()

    async def send() -> None:
        async with connect(f'ws://127.0.0.1:{port}/', compression=None) as socket:
            while True:
                await socket.send(await waiting.get())

    threading.Thread(target=loop.run_until_complete, args=(send(),), daemon=True).start()
    node.create_subscription(
        Odometry,
        _TOPIC,
        lambda data: loop.call_soon_threadsafe(waiting.put_nowait, data),
        500,
        raw=True,
    )
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    executor.spin()


def publish(rate: float) -> None:
    """Publish for some seconds once somebody listens; serialized once, as only taking counts."""
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node('bench_publisher')
    publisher = node.create_publisher(Odometry, _TOPIC, 500)
    data = serialize_message(sample_messages()['Odometry'])
    while not publisher.get_subscription_count():
        time.sleep(0.02)
    time.sleep(0.5)  # The other side has to match, too.
    next_at = time.monotonic()
    for _ in range(int(rate * _SECONDS)):
        publisher.publish(data)
        next_at += 1 / rate
        time.sleep(max(0.0, next_at - time.monotonic()))
    publisher.wait_for_all_acked(rclpy.duration.Duration(seconds=5))


if __name__ == '__main__':
    if sys.argv[1:2] == ['floor']:
        floor(int(sys.argv[2]))
    elif sys.argv[1:2] == ['publish']:
        publish(float(sys.argv[2]))
    else:
        show(run())

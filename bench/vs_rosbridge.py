# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What does the same work cost by rosbridge_server, where that is installed.

Both send whole Odometry messages to the same WebSocket program, of each sample and once a second.
The one measured has a core, publisher and receiver have another; both run in turn, several times.
The floor is rosbridge_server. Run: `python bench/vs_rosbridge.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
import importlib.util
import json
import os
from pathlib import Path
import socket
from statistics import median, quantiles
import sys
from threading import Thread
from time import monotonic, sleep, time
from typing import Any

from bridge_process import bridge, running, Sink
import psutil
from rows import Row, row, show, skipped
from stamped_publisher import publishing
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

_TOPICS = 3
_RATE = 100.0
_SECONDS = 10.0
_WARM_UP = 4.0
_ROUNDS = 3
_CORES = ('0', '1') if (os.cpu_count() or 1) > 1 else ('', '')
_NAMES = [f'/bench/odom{number}' for number in range(_TOPICS)]


class Measured:
    """What one run took and gave."""

    def __init__(self) -> None:
        self.ages: list[float] = []
        self.counting = False
        self.cpu = self.rss = 0.0

    def message(self, message: dict[str, Any]) -> None:
        """Take a message that came."""
        if self.counting:
            stamp = message['header']['stamp']
            if isinstance(stamp, dict):
                stamp = stamp['sec'] + stamp['nanosec'] / 1e9
            self.ages.append((time() - stamp) * 1e3)

    @property
    def cpu_per_message(self) -> float:
        """CPU time a message, us."""
        return self.cpu / max(1, len(self.ages)) * 1e6


def run() -> list[Row]:
    """Rows for each sample and for one a second."""
    if importlib.util.find_spec('rosbridge_server') is None:
        return [skipped('against rosbridge_server', 'rosbridge_server is not installed')]
    os.sched_setaffinity(0, {int(core) for core in _CORES[1:] if core} or {0})
    return [*_compare('each of 100 Hz', 0.0, 1 / 3), *_compare('100 Hz at 1 Hz', 1.0, 0.1)]


def _compare(what: str, rate: float, goal: float) -> list[Row]:
    runs: dict[Callable[..., Any], list[Measured]] = {_rosbridge: [], _bridge: []}
    for _ in range(_ROUNDS):
        for role, found in runs.items():
            found.append(_measure(role, rate))
    theirs, ours = runs.values()

    def middle(found: list[Measured], of: Callable[[Measured], float]) -> float:
        return median(map(of, found))

    def compared(name: str, unit: str, of: Callable[[Measured], float], **more: Any) -> Row:
        return row(f'{what}: {name}', middle(ours, of), unit, floor=middle(theirs, of), **more)

    note = f'{_TOPICS} topics of Odometry; floor is rosbridge_server'
    if not rate:
        due = f'{_TOPICS * _RATE:.0f} due'
        return [
            compared(
                'CPU a message',
                'us',
                lambda run: run.cpu_per_message,
                goal=goal,
                goal_is_ratio=True,
                note=note,
            ),
            compared('delivered', '/s', lambda run: len(run.ages) / _SECONDS, note=due),
            *(
                compared(
                    f'p{part} age',
                    'ms',
                    lambda run, part=part: quantiles(run.ages, n=100)[part - 1],
                )
                for part in (50, 95, 99)
            ),
            compared('memory', 'MB', lambda run: run.rss / 1e6),
        ]
    return [
        compared(
            'CPU',
            '% of a core',
            lambda run: run.cpu / _SECONDS * 100,
            goal=goal,
            goal_is_ratio=True,
            note=note,
        ),
        compared('delivered', '/s', lambda run: len(run.ages) / _SECONDS),
    ]


def _measure(role: Callable[..., Any], rate: float) -> Measured:
    measured = Measured()
    with (
        publishing('/bench/odom', _RATE, _TOPICS, _CORES[1]),
        role(measured.message, rate) as process,
    ):
        sleep(_WARM_UP)
        program = psutil.Process(process.pid)
        before, begin = program.cpu_times(), monotonic()
        measured.counting = True
        sleep(_SECONDS - (monotonic() - begin))
        measured.counting = False
        after = program.cpu_times()
        measured.cpu = after.user + after.system - before.user - before.system
        measured.rss = program.memory_info().rss
    return measured


@contextmanager
def _bridge(take: Callable[[dict[str, Any]], None], rate: float) -> Iterator[Any]:
    def frame(text: str) -> None:
        for value in json.loads(text).get('data', {}).values():
            if isinstance(value, dict) and 'header' in value:
                take(value)

    sink = Sink(frame)
    every = {} if rate else {'every_sample': True}
    topics = [{'topic': name, **every} for name in _NAMES]
    with bridge(sink.url, {'period': 1.0, 'groups': {}, 'topics': topics}, _CORES[0]) as process:
        yield process
    sink.close()


@contextmanager
def _rosbridge(take: Callable[[dict[str, Any]], None], rate: float) -> Iterator[Any]:
    from ament_index_python.packages import get_package_prefix

    program = Path(
        get_package_prefix('rosbridge_server'), 'lib', 'rosbridge_server', 'rosbridge_websocket'
    )
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]

    async def receive() -> None:
        throttle = {'throttle_rate': int(1000 / rate)} if rate else {}
        while not _listens(port):
            await asyncio.sleep(0.1)
        async with connect(f'ws://127.0.0.1:{port}', compression=None) as connection:
            for name in _NAMES:
                await connection.send(
                    json.dumps(
                        {
                            'op': 'subscribe',
                            'topic': name,
                            'type': 'nav_msgs/msg/Odometry',
                            'queue_length': 0,
                            **throttle,
                        }
                    )
                )
            async for frame in connection:
                take(json.loads(frame)['msg'])

    with running(
        [
            sys.executable,
            str(program),
            '--ros-args',
            '-p',
            f'port:={port}',
            '-p',
            'address:=127.0.0.1',
        ],
        _CORES[0],
    ) as process:
        Thread(target=lambda: asyncio.run(_until_closed(receive())), daemon=True).start()
        yield process


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(('127.0.0.1', port)) == 0


async def _until_closed(work: Any) -> None:
    try:
        await work
    except ConnectionClosed:  # The server is terminated.
        pass


if __name__ == '__main__':
    show(run())

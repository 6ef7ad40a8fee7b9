# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What does the same work cost by rosbridge_server, where that is installed.

Both send whole Odometry messages to the same WebSocket program, of each sample and once a second.
The floor is rosbridge_server. Run: `python bench/vs_rosbridge.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
import importlib.util
import json
import os
from pathlib import Path
import sys
from threading import Thread
from time import time
from typing import Any

from bridge_process import running
from comparison import bridge_with, Comparison, CORES, free_port, listens, Measured, Take
from rows import Row, show, skipped
from stamped_publisher import publishing
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

_TOPICS = 3
_RATE = 100.0
_NAMES = [f'/bench/odom{number}' for number in range(_TOPICS)]


def run() -> list[Row]:
    """Rows for each sample and for one a second."""
    if importlib.util.find_spec('rosbridge_server') is None:
        return [skipped('against rosbridge_server', 'rosbridge_server is not installed')]
    os.sched_setaffinity(0, {int(core) for core in CORES[1:] if core} or {0})
    each = _compare('each of 100 Hz', 0.0)
    few = _compare('100 Hz at 1 Hz', 1.0)
    return [
        each.row('CPU a message', 'us', lambda run: run.cpu_per_message, goal=1 / 3),
        each.row('delivered', '/s', lambda run: run.rate),
        *(
            each.row(f'p{part} age', 'ms', partial(Measured.age, part=part))
            for part in (50, 95, 99)
        ),
        each.row('memory', 'MB', lambda run: run.megabytes),
        few.row('CPU', '% of a core', lambda run: run.share, goal=0.1),
        few.row('delivered', '/s', lambda run: run.rate),
    ]


def _compare(what: str, rate: float) -> Comparison:
    every = {} if rate else {'every_sample': True}
    topics = [{'topic': name, **every} for name in _NAMES]
    return Comparison(
        what,
        partial(bridge_with, {'topics': topics}),
        partial(_rosbridge, rate),
        partial(publishing, '/bench/odom', _RATE, _TOPICS, CORES[1]),
        f'{_TOPICS} topics of Odometry at {_RATE:.0f} Hz; floor is rosbridge_server',
    )


@contextmanager
def _rosbridge(rate: float, take: Take) -> Iterator[Any]:
    from ament_index_python.packages import get_package_prefix

    program = Path(
        get_package_prefix('rosbridge_server'), 'lib', 'rosbridge_server', 'rosbridge_websocket'
    )
    port = free_port()

    async def receive() -> None:
        throttle = {'throttle_rate': int(1000 / rate)} if rate else {}
        while not listens(port):
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
                received = time()
                stamp = json.loads(frame)['msg']['header']['stamp']
                take(stamp['sec'] + stamp['nanosec'] / 1e9, received)

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
        CORES[0],
    ) as process:
        Thread(target=lambda: asyncio.run(_until_closed(receive())), daemon=True).start()
        yield process


async def _until_closed(work: Any) -> None:
    try:
        await work
    except ConnectionClosed:  # The server is terminated.
        pass


if __name__ == '__main__':
    show(run())

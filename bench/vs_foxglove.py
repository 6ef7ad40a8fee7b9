# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What does the same work cost by foxglove_bridge, which is C++, where that is installed.

Both send each sample to the same Python program: the bridge as JSON text, foxglove_bridge the
bytes that came. The floor is foxglove_bridge, found in the ament index, or its program in
FOXGLOVE_BRIDGE. Run: `python bench/vs_foxglove.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
import json
import os
from pathlib import Path
import struct
from threading import Thread
from time import time
from typing import Any

from bridge_process import running
from comparison import bridge_with, Comparison, CORES, free_port, listens, Measured, Take
from rows import Row, show, skipped
from stamped_publisher import publishing, publishing_images, STAMP
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

_ODOMETRY, _IMAGE = '/bench/odom', '/bench/image'
_HEADER = 13  # Bytes before the message: operation, subscription, time of receipt.


def run() -> list[Row]:
    """Rows for Odometry at two rates and for images."""
    program = _program()
    if program is None:
        return [skipped('beside foxglove_bridge', 'foxglove_bridge is not installed')]
    os.sched_setaffinity(0, {int(core) for core in CORES[1:] if core} or {0})
    rows: list[Row] = []
    for rate, cpu, age in ((1000.0, 1.4, 1.25), (100.0, 1.6, None)):
        found = Comparison(
            f'each of {rate:.0f} Hz',
            partial(bridge_with, {'topics': [{'topic': _ODOMETRY, 'every_sample': True}]}),
            partial(_foxglove, program, _ODOMETRY),
            partial(publishing, _ODOMETRY, rate, 1, CORES[1]),
            'Odometry; floor is foxglove_bridge',
        )
        rows += [
            found.row('CPU a message', 'us', lambda run: run.cpu_per_message, goal=cpu),
            found.row('delivered', '/s', lambda run: run.rate),
            found.row('p50 age', 'ms', partial(Measured.age, part=50), goal=age),
            found.row('p99 age', 'ms', partial(Measured.age, part=99)),
            found.row('memory', 'MB', lambda run: run.megabytes),
        ]
    image = {'enabled': True, 'topic': _IMAGE, 'period': 0.01, 'max_bytes': 200000}
    found = Comparison(
        'images of 100 kB at 30 Hz',
        partial(bridge_with, {'groups': {'image': image}}),
        partial(_foxglove, program, _IMAGE),
        partial(publishing_images, _IMAGE, 30.0, CORES[1]),
        'JPEG; floor is foxglove_bridge',
    )
    return [
        *rows,
        found.row('CPU', '% of a core', lambda run: run.share, goal=1.6),
        found.row('delivered', '/s', lambda run: run.rate),
    ]


def _program() -> str | None:
    named = os.environ.get('FOXGLOVE_BRIDGE')
    if named:
        return named
    from ament_index_python.packages import get_package_prefix, PackageNotFoundError

    with suppress(PackageNotFoundError):
        prefix = get_package_prefix('foxglove_bridge')
        return str(Path(prefix, 'lib', 'foxglove_bridge', 'foxglove_bridge'))
    return None


@contextmanager
def _foxglove(program: str, topic: str, take: Take) -> Iterator[Any]:
    port = free_port()
    arguments = ['--ros-args', '-p', f'port:={port}', '-p', 'address:=127.0.0.1']
    with running([program, *arguments], CORES[0]) as process:
        receive = _receive(port, topic, take)
        Thread(target=lambda: asyncio.run(receive), daemon=True).start()
        yield process


async def _receive(port: int, topic: str, take: Take) -> None:
    """Subscribe as Foxglove does and take what comes until the server is gone."""
    while not listens(port):
        await asyncio.sleep(0.1)
    with suppress(ConnectionClosed):
        async with connect(
            f'ws://127.0.0.1:{port}',
            subprotocols=[Subprotocol('foxglove.websocket.v1')],
            compression=None,
            max_size=None,
        ) as connection:
            async for frame in connection:
                received = time()
                if isinstance(frame, str):
                    await _subscribe(connection, json.loads(frame), topic)
                elif frame[0] == 1:
                    seconds, nanoseconds = struct.unpack_from('<iI', frame, _HEADER + STAMP)
                    take(seconds + nanoseconds / 1e9, received)


async def _subscribe(connection: Any, message: dict[str, Any], topic: str) -> None:
    for channel in message.get('channels', []) if message.get('op') == 'advertise' else []:
        if channel['topic'] == topic:
            wanted = [{'id': 1, 'channelId': channel['id']}]
            await connection.send(json.dumps({'op': 'subscribe', 'subscriptions': wanted}))


if __name__ == '__main__':
    show(run())

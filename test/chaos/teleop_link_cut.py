# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The link is cut, aloud or silently, while somebody drives: the base is told to stand in time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
import json
from pathlib import Path
import random
import tempfile
import threading
import time
from typing import Any

from fixtures.peers import websocket_server
from fixtures.ros_graph import RosGraph
from fixtures.system import start_bridge
from geometry_msgs.msg import Twist
from websockets.exceptions import ConnectionClosed

TIMES = 200
DEADMAN = 0.5
# What the machine may add to the deadman, s.
ALLOWED = 0.05
_PERIOD = 0.05


class Base:
    """What the base is told, and when, by its own thread."""

    def __init__(self, graph: RosGraph) -> None:
        self.received: list[tuple[float, bool]] = []
        self._graph = graph
        self._over = False
        graph.node.create_subscription(Twist, '/cmd_vel', self._on_velocity, 100)
        self._thread = threading.Thread(target=self._spin)
        self._thread.start()

    def _on_velocity(self, message: Twist) -> None:
        self.received.append((time.monotonic(), message != Twist()))

    def _spin(self) -> None:
        self._graph.until(lambda: self._over, timeout=1e9)

    def close(self) -> None:
        self._over = True
        self._thread.join()

    def wait_until(self, condition: Callable[[], Any], timeout: float) -> None:
        """Wait for something about it."""
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, f'{condition} did not become true in {timeout:g} s'
            time.sleep(0.002)

    @property
    def moves(self) -> bool:
        return bool(self.received) and self.received[-1][1]

    def stood_at(self, after: float) -> float | None:
        """When it was first told to stand after a moment, and not to move since."""
        last_move = max((when for when, moves in self.received if moves), default=0.0)
        stands = [
            when for when, moves in self.received if not moves and when > max(after, last_move)
        ]
        return stands[0] if stands else None


def run(times: int, seed: int) -> str:
    """Cut the link so often; AssertionError for a base that was told to stand too late."""
    return asyncio.run(_run(times, random.Random(seed)))


async def _run(times: int, chance: random.Random) -> str:
    sockets: list[Any] = []

    async def handler(socket: Any) -> None:
        sockets.append(socket)
        try:
            async for _ in socket:
                pass
        except ConnectionClosed:
            pass
        finally:
            sockets.remove(socket)

    delays = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        base = Base(stack.enter_context(RosGraph('base')))
        stack.callback(base.close)
        async with websocket_server(handler) as port:
            with start_bridge(folder, port, {'commands': {'teleop': {'deadman': DEADMAN}}}):
                for _ in range(times):
                    delays.append(await _drive_and_cut(sockets, base, chance))
    late = [delay for delay in delays if delay > DEADMAN + ALLOWED]
    assert not late, f'{len(late)} of {times} were late: {sorted(late)[-5:]}'
    return f'stood after {max(delays):.3f} s at most, {DEADMAN + ALLOWED:g} s allowed'


async def _drive_and_cut(sockets: list[Any], base: Base, chance: random.Random) -> float:
    await _until(lambda: sockets)
    socket = sockets[-1]
    until = time.monotonic() + chance.uniform(0.1, 0.4)
    while True:
        await socket.send(
            json.dumps(
                {
                    'type': 'remote_command',
                    'data': {'command': 'teleop', 'parameters': {'linear': 0.3}},
                }
            )
        )
        if time.monotonic() > until and base.moves:
            break
        await asyncio.sleep(_PERIOD)
    # Anywhere between this command and when the next one would have come.
    await asyncio.sleep(chance.uniform(0.0, _PERIOD))
    cut = time.monotonic()
    if chance.random() < 0.5:
        socket.transport.abort()
        await _until(lambda: socket not in sockets)
    await _until(lambda: base.stood_at(cut) is not None)
    stood = base.stood_at(cut)
    assert stood is not None
    return stood - cut


async def _until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(30.0):
        while not condition():
            await asyncio.sleep(0.002)

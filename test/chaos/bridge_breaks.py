# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The bridge is killed, stopped or stuck while somebody drives: the base stands in time."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import ExitStack
import json
import os
from pathlib import Path
import random
import signal
import sys
import tempfile
import threading
import time
from typing import Any

from fixtures.peers import websocket_server
from fixtures.processes import Process
from fixtures.ros_graph import RosGraph
from fixtures.system import start_bridge
from websockets.exceptions import ConnectionClosed

from chaos.teleop_link_cut import Base

TIMES = 20
DEADMAN = 0.5
# What machine and guard may add to the deadman, s.
ALLOWED = 0.1
_PERIOD = 0.05
_STUCK_FOR = 1.2
WAYS = {
    'kill -9': signal.SIGKILL,
    'SIGSTOP': signal.SIGSTOP,
    'interpreter stuck': signal.SIGUSR1,
}
# Bridges one after another, each a fork of a process that has loaded all modules, as that takes
# most of a start; with a thread that keeps the interpreter for itself when it is signalled to.
_PROGRAM = f"""
import ctypes, os, signal, sys, threading
import xparo_bridge.bridge
from xparo_bridge.__main__ import main
while child := os.fork():
    print('bridge', child, flush=True)
    os.waitpid(child, 0)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
def stick():
    while True:
        signal.sigwait([signal.SIGUSR1])
        ctypes.PyDLL(None).usleep({int(_STUCK_FOR * 1e6)})
threading.Thread(target=stick, daemon=True).start()
sys.exit(main())
"""


class Platform:
    """A platform that drives for as long as it is told to, by its own thread."""

    def __init__(self) -> None:
        self._driving = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self.port = 0
        listening = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(listening,))
        self._thread.start()
        assert listening.wait(10.0)

    def _run(self, listening: threading.Event) -> None:
        async def serve() -> None:
            async with websocket_server(self._handle) as self.port:
                listening.set()
                await self._over.wait()

        self._loop.run_until_complete(serve())
        self._loop.close()

    async def _handle(self, socket: Any) -> None:
        frame = json.dumps(
            {
                'type': 'remote_command',
                'data': {'command': 'teleop', 'parameters': {'linear': 0.3}},
            }
        )
        reader = asyncio.create_task(self._drop(socket))
        try:
            while not reader.done():
                if self._driving.is_set():
                    await socket.send(frame)
                await asyncio.sleep(_PERIOD)
        except ConnectionClosed:  # The bridge was killed.
            pass
        await reader

    async def _drop(self, socket: Any) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for _ in socket:
                pass

    def drive(self, on: bool) -> None:
        """Begin or cease to send commands."""
        (self._driving.set if on else self._driving.clear)()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()


def run(times: int, seed: int) -> str:
    """Break the bridge so often in each way; AssertionError where the base stood too late."""
    broken = measure(times, seed)
    for way, delays in broken.items():
        late = [delay for delay in delays if delay > DEADMAN + ALLOWED]
        assert not late, f'{way}: {len(late)} of {times} were late: {sorted(late)[-5:]}'
    return '; '.join(f'{way}: {max(delays):.3f} s at most' for way, delays in broken.items())


def measure(times: int, seed: int) -> dict[str, list[float]]:
    """Return the times from the last velocity to the first zero, s, by way of breaking."""
    chance = random.Random(seed)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        base = Base(stack.enter_context(RosGraph('base')))
        stack.callback(base.close)
        platform = Platform()
        stack.callback(platform.close)
        settings = {
            'commands': {'teleop': {'deadman': DEADMAN, 'linear_acceleration': 100.0}},
            'base': {'stand_for': 0.2},
        }
        bridges = stack.enter_context(
            start_bridge(folder, platform.port, settings, program=(sys.executable, '-c', _PROGRAM))
        )
        return {
            way: [_break(way, bridges, platform, base, chance) for _ in range(times)]
            for way in WAYS
        }


def _break(
    way: str, bridges: Process, platform: Platform, base: Base, chance: random.Random
) -> float:
    platform.drive(True)
    base.wait_until(lambda: base.moves, 30.0)
    time.sleep(chance.uniform(0.1, 0.1 + 2 * _PERIOD))
    base.received.clear()
    base.wait_until(lambda: base.moves, 5.0)
    bridge = [int(line.split()[1]) for line in bridges.lines if line.startswith('bridge ')][-1]
    began = time.monotonic()
    os.kill(bridge, WAYS[way])
    # It is broken for longer than the base may go on.
    base.wait_until(lambda: base.stood_at(began) is not None, 5.0)
    platform.drive(False)
    stood = base.stood_at(began)
    last = max(when for when, moves in base.received if moves)
    assert stood is not None
    if way == 'SIGSTOP':
        os.kill(bridge, signal.SIGCONT)
    # What was sent meanwhile is played out before the next time.
    quiet = time.monotonic() + (1.5 * DEADMAN if way == 'SIGSTOP' else 0.0)
    if way == 'interpreter stuck':
        quiet = began + _STUCK_FOR + 1.2 * DEADMAN
    base.wait_until(lambda: time.monotonic() > quiet and not base.moves, 10.0)
    return stood - last

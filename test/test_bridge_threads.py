# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Two threads: neither side of the bridge ever waits for the other."""

from __future__ import annotations

import asyncio
from pathlib import Path
import threading
from typing import Any

from fixtures.in_process import bridge_in_process
from fixtures.peers import websocket_server
from fixtures.system import CREDENTIALS
import pytest
from std_msgs.msg import Empty

from xparo_bridge.messages import Telemetry

TIMEOUT = 20.0


def bridge(folder: Path, port: int) -> Any:
    """Run a bridge in this process that is linked to a port."""
    link = {
        'name': 'platform',
        'protocol': 'xparo',
        'url': f'ws://127.0.0.1:{port}/ws',
        'telemetry_bytes': 1 << 20,
        'heartbeat': {'interval': 60, 'timeout': 60},
    }
    return bridge_in_process(folder, {'links': [link], 'telemetry': {'groups': {}}})


@pytest.fixture(autouse=True)
def credentials(monkeypatch):
    """Let the bridge of these tests have the tests' credentials."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


def test_a_blocked_ros_callback_does_not_delay_the_pong(tmp_path):
    blocked, release = threading.Event(), threading.Event()

    def block(message: Empty) -> None:
        blocked.set()
        release.wait()

    async def handler(socket: Any) -> None:
        frames = [await socket.recv()]
        await asyncio.to_thread(blocked.wait, TIMEOUT)
        for _ in range(3):
            await socket.send('{"type":"ping"}')
            # The ROS thread is held until this has come: it cannot have had a part in it.
            while (frame := await socket.recv()) != '{"type":"pong"}':
                frames.append(frame)
        answered.set()
        await socket.wait_closed()

    answered = asyncio.Event()

    async def scenario() -> None:
        async with websocket_server(handler) as port:
            with bridge(tmp_path, port) as (_, node):
                node.create_subscription(Empty, 'block', block, 1)
                publisher = node.create_publisher(Empty, 'block', 1)
                try:
                    async with asyncio.timeout(TIMEOUT):
                        while not blocked.is_set():
                            publisher.publish(Empty())
                            await asyncio.to_thread(blocked.wait, 0.1)
                        await answered.wait()
                finally:
                    release.set()

    asyncio.run(scenario())
    assert blocked.is_set()


def test_a_blocked_socket_does_not_delay_a_ros_callback(tmp_path):
    called = threading.Event()

    async def handler(socket: Any) -> None:
        await socket.recv()
        socket.transport.pause_reading()
        connected.set()
        await over.wait()
        socket.transport.abort()

    connected, over = asyncio.Event(), asyncio.Event()

    async def scenario() -> None:
        async with websocket_server(handler, ping_interval=None) as port:
            with bridge(tmp_path, port) as (made, node):
                await asyncio.wait_for(connected.wait(), TIMEOUT)
                lane = made.link_thread.links['platform'].lanes.telemetry
                async with asyncio.timeout(TIMEOUT):
                    # Until the socket takes no more and the lane is at its bound.
                    while not lane.dropped:
                        for _ in range(100):
                            made.links.send(Telemetry({'noise': 'x' * 10_000}, every_sample=True))
                        await asyncio.sleep(0)
                    node.create_subscription(Empty, 'called', lambda message: called.set(), 1)
                    publisher = node.create_publisher(Empty, 'called', 1)
                    while not called.is_set():
                        publisher.publish(Empty())
                        await asyncio.to_thread(called.wait, 0.1)
                over.set()

    asyncio.run(scenario())
    assert called.is_set()

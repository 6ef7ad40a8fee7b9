# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What one conversation costs and leaves: when it may send, what it pings for, its sockets."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from fixtures.peers import websocket_server
from fixtures.robot_side import adapter, Robot
import psutil
import pytest

from xparo_bridge.link.endpoints import Endpoints
from xparo_bridge.link.session import Session
from xparo_bridge.messages import CommandState, CommandStatus, LinkState, Telemetry


@pytest.fixture
def round_trips(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When a session asked its peer for a pong, besides the heartbeat."""
    asked = []
    ask = Session._round_trip

    async def counted(self: Session) -> None:
        asked.append(time.monotonic())
        await ask(self)

    monkeypatch.setattr(Session, '_round_trip', counted)
    return asked


def test_nothing_is_sent_before_the_time_until_which_the_peer_wants_nothing():
    came: list[float] = []
    until = 0.0

    async def handler(socket: Any) -> None:
        async for _ in socket:
            came.append(time.monotonic())

    async def scenario() -> None:
        nonlocal until
        async with websocket_server(handler) as port:
            protocol = adapter(f'ws://127.0.0.1:{port}/ws')
            async with Robot(endpoints=Endpoints([protocol])) as robot:
                await robot.wait_for_state(LinkState.CONNECTED)
                while not came:
                    await asyncio.sleep(0.01)
                until = time.monotonic() + 0.4
                protocol.send_not_before = lambda: until
                robot.lanes.put(CommandStatus('1', 'go', CommandState.SUCCEEDED))
                while len(robot.lanes.control):
                    await asyncio.sleep(0.01)

    asyncio.run(scenario())
    assert len(came) == 2
    assert came[1] >= until


def test_telemetry_alone_asks_for_no_pong(round_trips):
    came = 0

    async def handler(socket: Any) -> None:
        nonlocal came
        async for _ in socket:
            came += 1

    async def scenario() -> None:
        async with (
            websocket_server(handler) as port,
            Robot(port, heartbeat_interval=60.0, heartbeat_timeout=60.0) as robot,
        ):
            await robot.wait_for_state(LinkState.CONNECTED)
            for number in range(30):
                robot.lanes.put(Telemetry({'battery': float(number)}))
                while came < number + 2:
                    await asyncio.sleep(0.002)
            assert not round_trips
            robot.lanes.put(CommandStatus('1', 'go', CommandState.SUCCEEDED))
            while len(robot.lanes.control):
                await asyncio.sleep(0.01)
            assert round_trips

    asyncio.run(scenario())


def test_connections_to_silent_peers_leave_no_socket():
    over = asyncio.Event()

    async def handler(socket: Any) -> None:
        socket.transport.pause_reading()
        await over.wait()

    def open_to(port: int) -> int:
        process = psutil.Process()
        # psutil before 6 has another name for it.
        connections = getattr(process, 'net_connections', None) or process.connections
        found = connections('tcp')
        return sum(bool(each.raddr) and each.raddr.port == port for each in found)

    async def scenario() -> None:
        async with websocket_server(handler, ping_interval=None) as port, Robot(port) as robot:
            try:
                while sum('went silent' in getattr(m, 'error', '') for m in robot.received) < 4:
                    await asyncio.sleep(0.05)
                # The one of now, which may be going too.
                assert open_to(port) <= 1
            finally:
                over.set()

    asyncio.run(scenario())

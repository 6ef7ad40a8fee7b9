# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Frames written past the library arrive as those that it writes, in order and none lost."""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
from pathlib import Path
from typing import Any

from fixtures.peers import websocket_server
from fixtures.robot_side import adapter, Robot
import pytest

from xparo_bridge.link import websocket
from xparo_bridge.link.endpoints import Endpoints
from xparo_bridge.messages import CommandState, CommandStatus, LinkState, Telemetry

# Around the lengths at which the head of a frame grows.
LENGTHS = [0, 1, 125, 126, 127, 65535, 65536, 300_000]


async def dialled(port: int, compression: bool = False) -> Any:
    return await websocket.dial(
        f'ws://127.0.0.1:{port}/ws',
        headers={},
        tls=None,
        open_timeout=5.0,
        max_frame_bytes=1 << 20,
        compression=compression,
    )


def exchanged(frames: list[str | bytes], compression: bool = False) -> tuple[bool, list[Any]]:
    """Whether frames could be sent at once, and what came where they were sent."""
    came: list[Any] = []

    async def scenario() -> bool:
        done = asyncio.Event()

        async def handler(socket: Any) -> None:
            async for frame in socket:
                came.append(frame)
                if len(came) == len(frames):
                    done.set()

        options: dict[str, Any] = {} if compression else {'compression': None}
        async with websocket_server(handler, max_size=None, **options) as port:
            socket = await dialled(port, compression)
            at_once = websocket.send_at_once(socket, frames)
            if not at_once:
                await websocket.send(socket, frames)
            async with asyncio.timeout(10):
                await done.wait()
            await socket.close()
            return at_once

    return asyncio.run(scenario()), came


@pytest.mark.parametrize('length', LENGTHS)
def test_a_frame_arrives_as_it_is(length):
    frames: list[str | bytes] = ['x' * length, b'\xff' * length]
    assert exchanged(frames) == (True, frames)


def test_text_beyond_ascii_arrives_as_it_is():
    frames: list[str | bytes] = ['ü' * 63, '鉄腕 🤖', '{"a":"\\u0000"}']
    assert exchanged(frames) == (True, frames)


def test_a_compressed_connection_is_left_to_the_library():
    frames: list[str | bytes] = ['x' * 1000, 'y']
    assert exchanged(frames, compression=True) == (False, frames)


def test_a_connection_that_ends_is_left_to_the_library():
    async def scenario() -> None:
        async def handler(socket: Any) -> None:
            await socket.wait_closed()

        async with websocket_server(handler) as port:
            socket = await dialled(port)
            await socket.close()
            assert not websocket.send_at_once(socket, ['x'])
            with pytest.raises(websocket.ConnectionClosed):
                await websocket.send(socket, ['x'])

    asyncio.run(scenario())


def test_a_peer_that_is_slow_is_waited_for():
    async def scenario() -> None:
        reads = asyncio.Event()

        async def handler(socket: Any) -> None:
            socket.transport.pause_reading()
            await reads.wait()
            socket.transport.resume_reading()
            async for _ in socket:
                pass

        async with websocket_server(handler, max_size=None) as port:
            socket = await dialled(port)
            frame = 'x' * (1 << 20)
            sent = 0
            while websocket.send_at_once(socket, [frame]):
                sent += 1
                assert sent < 100
            waiting = asyncio.ensure_future(websocket.send(socket, [frame]))
            await asyncio.sleep(0.05)
            assert not waiting.done()
            reads.set()
            async with asyncio.timeout(10):
                await waiting
            await socket.close()

    asyncio.run(scenario())


def numbers(came: list[str], key: str) -> list[int]:
    found = [json.loads(frame).get('data', {}) for frame in came]
    return [data[key] for data in found if key in data]


@pytest.mark.parametrize('padding', [0, 200_000])
def test_samples_keep_their_order_and_none_is_lost(padding):
    """However they go: at once, behind a slow peer, behind others, in bursts."""
    count = 300 if padding else 3000
    came: list[str] = []

    async def scenario() -> None:
        reads = asyncio.Event()

        async def handler(socket: Any) -> None:
            async for frame in socket:
                came.append(frame)
                if len(came) % 100 == 50:  # A peer that stops now and then.
                    await reads.wait()

        async with (
            websocket_server(handler, max_size=None) as port,
            Robot(port, heartbeat_interval=60.0, heartbeat_timeout=60.0) as robot,
        ):
            robot.lanes.telemetry._max_bytes = 1 << 30
            await robot.wait_for_state(LinkState.CONNECTED)
            for number in range(count):
                robot.lanes.put(Telemetry({'n': number, 'rest': 'x' * padding}, every_sample=True))
                if number % 500 == 7:
                    robot.lanes.put(CommandStatus(str(number), 'go', CommandState.SUCCEEDED))
                if number % 3 == 0:
                    await asyncio.sleep(0)
                if number == count // 2:
                    reads.set()
            async with asyncio.timeout(30):
                while len(numbers(came[-1:], 'n')) == 0 or numbers(came[-1:], 'n')[0] < count - 1:
                    await asyncio.sleep(0.01)
            while len(robot.lanes.control):
                await asyncio.sleep(0.01)

    asyncio.run(scenario())
    assert numbers(came, 'n') == list(range(count))
    statuses = [json.loads(frame)['data']['command_id'] for frame in came if '_status"' in frame]
    assert statuses == [str(number) for number in range(count) if number % 500 == 7]


def test_a_sample_is_sent_in_the_turn_in_which_it_came():
    came = asyncio.Event()

    async def handler(socket: Any) -> None:
        async for frame in socket:
            if '"n":1' in frame:
                came.set()

    async def scenario() -> None:
        async with websocket_server(handler) as port, Robot(port) as robot:
            await robot.wait_for_state(LinkState.CONNECTED)
            while robot.lanes.send_at_once is None or not robot.lanes._writer_waits:
                await asyncio.sleep(0)
            before = robot.connection._counters.sent
            robot.lanes.put(Telemetry({'n': 1}, every_sample=True))
            assert robot.connection._counters.sent == before + 1
            assert not robot.lanes._ready.is_set(), 'the writer has nothing to do'
            async with asyncio.timeout(5):
                await came.wait()

    asyncio.run(scenario())


def test_a_fresh_sample_lets_those_go_that_waited_for_the_connection():
    came: list[str] = []

    async def handler(socket: Any) -> None:
        async for frame in socket:
            came.append(frame)

    async def scenario() -> None:
        async with websocket_server(handler) as port:
            robot = Robot(port)
            for number in range(5):
                robot.lanes.put(Telemetry({'n': number}, every_sample=True))
            async with robot:
                await robot.wait_for_state(LinkState.CONNECTED)
                while robot.lanes.send_at_once is None or not robot.lanes._writer_waits:
                    await asyncio.sleep(0)
                assert numbers(came, 'n') == []
                robot.lanes.put(Telemetry({'n': 100}, every_sample=True))
                async with asyncio.timeout(5):
                    while len(numbers(came, 'n')) < 6:
                        await asyncio.sleep(0.01)

    asyncio.run(scenario())
    assert numbers(came, 'n') == [100, 0, 1, 2, 3, 4]


def test_a_peer_that_wants_nothing_yet_gets_nothing_at_once():
    came: list[str] = []

    async def handler(socket: Any) -> None:
        async for frame in socket:
            came.append(frame)

    async def scenario() -> None:
        async with websocket_server(handler) as port:
            protocol = adapter(f'ws://127.0.0.1:{port}/ws')
            async with Robot(endpoints=Endpoints([protocol])) as robot:
                await robot.wait_for_state(LinkState.CONNECTED)
                while robot.lanes.send_at_once is None or not robot.lanes._writer_waits:
                    await asyncio.sleep(0)
                until = asyncio.get_running_loop().time() + 0.3
                protocol.send_not_before = lambda: until  # type: ignore[method-assign]
                robot.lanes.put(Telemetry({'n': 1}, every_sample=True))
                async with asyncio.timeout(5):
                    while not numbers(came, 'n'):
                        await asyncio.sleep(0.01)
                assert asyncio.get_running_loop().time() >= until

    asyncio.run(scenario())


def attributes(path: Path) -> set[str]:
    """Names that the code of a file gives to what it calls `self`."""
    return {
        node.attr
        for node in ast.walk(ast.parse(path.read_text('utf-8')))
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == 'self'
    }


def test_no_attribute_of_a_connection_is_one_of_the_librarys():
    """With websockets 10 a name in common made a slow peer stop the sender for ever."""
    ours = {Path(inspect.getfile(each)) for each in (websocket.ReadAhead, websocket._Bounded)}
    theirs = {
        Path(inspect.getfile(each))
        for each in websocket._Client.__mro__
        if each.__module__.split('.')[0] in ('websockets', 'asyncio')
    }
    assert len(theirs) > 1
    own, library = (set().union(*map(attributes, files)) for files in (ours, theirs))
    assert {'_reading_paused', 'tls_error'} <= own
    assert not own & library

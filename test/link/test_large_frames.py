# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A frame that takes long to be read leaves the links' loop its turns, and a stop in it counts."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from fixtures.cpu import untraced
from fixtures.peers import websocket_server
from fixtures.robot_side import ignore, Robot
import pytest

from xparo_bridge.link.daemon_executor import DaemonExecutor, MOST
from xparo_bridge.link.large_frames import LARGE, read_large
from xparo_bridge.link.protocols.base import (
    parse_frame,
    parse_leniently,
    Protocol,
    ProtocolError,
    ReadFrame,
)
from xparo_bridge.messages import LinkProblem, RemoteCommand

URGENT = {'stop': 'stop', 'pause': 'pause', 'cancel': 'cancel', 'resume': 'resume'}
MAX_FRAME_BYTES = 4 << 20  # As large as a link takes one by default.
# Of each part as many characters as are read; of more the frame is refused.
PARTS = {
    '[]': 590_000,
    '1': 2_100_000,
    '{"a":1}': 1_300_000,
    '"x"': MAX_FRAME_BYTES - 1000,
    '"\\ud800"': MAX_FRAME_BYTES - 1000,
    '[[[]]]': 470_000,
    '{"a":[1,2]}': 1_000_000,
}


def order(part: str, command: str = 'stop', size: int = 0) -> str:
    """Return a command with so many characters of one part in its parameters."""
    parts = ','.join([part] * ((size or PARTS[part]) // (len(part) + 1)))
    return (
        f'{{"type":"remote_command","data":{{"command_id":"s","command":"{command}",'
        f'"parameters":{{"of":[{parts}]}}}}}}'
    )


async def longest_turn(over: asyncio.Event) -> float:
    """Return the longest between two turns of the loop, s of its own processor time."""
    last, longest = time.thread_time(), 0.0
    while not over.is_set():
        await asyncio.sleep(0.001)
        now = time.thread_time()
        longest, last = max(longest, now - last), now
    return longest


@pytest.mark.parametrize('part', ['[]', '"x"', '"\\ud800"', '{"a":[1,2]}'])
def test_the_loop_has_its_turns_while_a_large_frame_is_read_and_its_stop_is_taken(part):
    """The thread that reads lets go of the interpreter, see test_json_reader."""
    sent = order(part)

    async def say(socket: Any) -> None:
        await socket.send(sent)
        await socket.send('{"type":"remote_command","data":{"command":"after"}}')
        await ignore(socket)

    async def scenario() -> float:
        async with websocket_server(say, max_size=None) as port:
            robot = Robot(
                port,
                urgent=URGENT,
                heartbeat_interval=30.0,
                max_frame_bytes=MAX_FRAME_BYTES,
            )
            over = asyncio.Event()
            asyncio.get_running_loop().set_default_executor(DaemonExecutor())
            turns = asyncio.create_task(longest_turn(over))
            async with robot:
                stop = await robot.wait_for(lambda m: isinstance(m, RemoteCommand))
                assert (stop.command, stop.command_id) == ('stop', 's')
                await robot.wait_for(lambda m: getattr(m, 'command', '') == 'after')
                over.set()
                return await turns

    with untraced():
        assert any(asyncio.run(scenario()) < 0.05 for _ in range(3))


def test_a_stop_in_a_large_frame_counts_though_the_peer_goes_right_behind_it():
    sent = order('"x"')

    async def say(socket: Any) -> None:
        await socket.send(sent)
        await socket.close()

    async def scenario() -> None:
        async with websocket_server(say, max_size=None) as port:
            robot = Robot(port, urgent=URGENT, max_frame_bytes=MAX_FRAME_BYTES)
            async with robot:
                await robot.wait_for(lambda m: isinstance(m, RemoteCommand))

    asyncio.run(scenario())


def test_a_stop_counts_though_its_connection_ends_while_it_is_read(monkeypatch):
    reading = asyncio.Event()

    async def never(protocol: Protocol, frame: Any) -> Any:
        if len(frame) <= LARGE:
            return frame
        reading.set()
        await asyncio.Event().wait()

    monkeypatch.setattr('xparo_bridge.link.session.read_large', never)
    sent = order('1', size=LARGE + 1000)
    assert len(sent) > LARGE

    async def say(socket: Any) -> None:
        await socket.send(sent)
        await reading.wait()
        await socket.close()

    async def scenario() -> None:
        async with websocket_server(say, max_size=None) as port:
            robot = Robot(port, urgent=URGENT, max_frame_bytes=MAX_FRAME_BYTES)
            async with robot:
                await reading.wait()
            assert [m.command for m in robot.received if isinstance(m, RemoteCommand)] == ['stop']

    asyncio.run(scenario())


def outcome(read: Any, *arguments: Any) -> str:
    try:
        return repr(read(*arguments))
    except ProtocolError as error:
        return f'ProtocolError: {error}'


TEXTS = [
    *(order(part, command, LARGE + 99) for part in PARTS for command in ('stop', 'go')),
    order('"long text without more"', size=LARGE),
    '[' * LARGE,
    '"' + 'x' * LARGE,
    json.dumps(['x' * LARGE]),
    json.dumps({'x': 'y' * LARGE, 'n': 1}),
    f'{{"n":1{"0" * LARGE}}}',
    '\ufeff' + json.dumps({'x': 'y' * LARGE}),
]


@pytest.mark.parametrize('text', TEXTS, ids=range(len(TEXTS)))
def test_a_frame_that_was_read_before_is_what_it_would_be(text):
    read = ReadFrame(text, URGENT)
    assert read == text
    assert outcome(parse_leniently, read, URGENT) == outcome(parse_leniently, text, URGENT)
    assert outcome(parse_frame, read, 0) == outcome(parse_frame, text, 0)
    assert outcome(parse_frame, read, 7) == outcome(parse_frame, text, 7)


def test_where_no_thread_is_left_it_is_read_all_the_same():
    async def scenario() -> None:
        executor = DaemonExecutor()
        asyncio.get_running_loop().set_default_executor(executor)
        for _ in range(MOST):
            assert executor._room.acquire(blocking=False)
        assert type(await read_large(Protocol, order('1'))) is str  # type: ignore[arg-type]

    asyncio.run(scenario())


def test_a_small_frame_is_read_where_it_is_decoded():
    for frame in ('x' * LARGE, b'x' * 2 * LARGE):
        assert asyncio.run(read_large(Protocol, frame)) is frame  # type: ignore[arg-type]


def test_what_is_wrong_with_a_large_frame_is_said():
    async def say(socket: Any) -> None:
        await socket.send('{' * 2 * LARGE)
        await ignore(socket)

    async def scenario() -> None:
        async with websocket_server(say, max_size=None) as port:
            async with Robot(port, max_frame_bytes=MAX_FRAME_BYTES) as robot:
                problem = await robot.wait_for(lambda m: isinstance(m, LinkProblem))
                assert 'not understood: ' in problem.problem

    asyncio.run(scenario())

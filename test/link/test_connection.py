# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A connection against real servers, kind and unkind."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from fixtures.peers import tcp_server, websocket_server
from fixtures.robot_side import ignore, Robot
import pytest

from xparo_bridge.messages import (
    ChatReply,
    ChatRequest,
    CommandState,
    CommandStatus,
    LinkProblem,
    LinkState,
    LinkStateChanged,
    RemoteCommand,
)


def run(coroutine: Any) -> Any:
    """Run one test's coroutine."""
    return asyncio.run(coroutine)


def test_it_greets_with_robot_info_then_sends_and_receives():
    frames: list[Any] = []

    async def handler(socket: Any) -> None:
        frames.append(json.loads(await socket.recv()))
        await socket.send('{"type":"chat_response","data":{"response":"hi"}}')
        frames.append(json.loads(await socket.recv()))
        await ignore(socket)

    async def scenario() -> None:
        async with websocket_server(handler) as port, Robot(port) as robot:
            await robot.wait_for_state(LinkState.CONNECTED)
            assert await robot.wait_for(lambda m: m == ChatReply('hi'))
            robot.lanes.put(ChatRequest('hello', 'r1'))
            while len(robot.lanes.control):
                await asyncio.sleep(0.01)

    run(scenario())
    assert frames == [
        {'type': 'robot_info', 'data': {'robot_id': 'r1'}},
        {'type': 'chat', 'data': {'message': 'hello', 'robot_id': 'r1'}},
    ]


def test_the_platform_s_ping_is_answered():
    answers: list[str] = []

    async def handler(socket: Any) -> None:
        await socket.recv()
        await socket.send('{"type":"ping"}')
        answers.append(await socket.recv())
        await socket.send('{"type":"chat_response","data":{"response":"seen"}}')
        await ignore(socket)

    async def scenario() -> None:
        async with websocket_server(handler) as port, Robot(port) as robot:
            await robot.wait_for(lambda m: m == ChatReply('seen'))

    run(scenario())
    assert answers == ['{"type":"pong"}']


@pytest.mark.parametrize(
    ('frame', 'problem'),
    [
        ('no json', 'not JSON'),
        ('[]', 'expected a JSON object'),
        ('{"type": "dance"}', 'unknown message type "dance"'),
        ('{"type": "remote_command", "data": {"parameters": {}}}', '"command" is missing'),
        (b'\0\1', 'binary'),
    ],
)
def test_a_bad_frame_is_reported_and_the_connection_goes_on(frame, problem):
    async def handler(socket: Any) -> None:
        await socket.send(frame)
        await socket.send('{"type":"remote_command","data":{"command":"go"}}')
        await ignore(socket)

    async def scenario() -> None:
        async with websocket_server(handler) as port, Robot(port) as robot:
            bad = await robot.wait_for(lambda m: isinstance(m, LinkProblem))
            assert problem in bad.problem
            assert await robot.wait_for(lambda m: m == RemoteCommand('go'))
            assert sum(isinstance(m, LinkStateChanged) for m in robot.received) == 2

    run(scenario())


@pytest.mark.parametrize('status', [401, 403])
def test_refused_credentials_are_told_apart_and_tried_again(status):
    async def scenario() -> None:
        async with websocket_server(ignore, status=status) as port, Robot(port) as robot:
            change = await robot.wait_for_state(LinkState.REFUSED)
            assert 'refused the credentials' in change.error
            assert 'secret key' in change.remedy
            await robot.wait_for_state(LinkState.REFUSED, since=robot.received.index(change) + 1)

    run(scenario())


@pytest.mark.parametrize('status', [404, 500, 503])
def test_another_http_answer_is_a_passing_fault(status):
    async def scenario() -> None:
        async with websocket_server(ignore, status=status) as port, Robot(port) as robot:
            change = await robot.wait_for_state(LinkState.WAITING)
            assert f'HTTP {status}' in change.error

    run(scenario())


def test_a_policy_close_is_a_refusal():
    async def handler(socket: Any) -> None:
        await socket.close(1008, 'unknown project')

    async def scenario() -> None:
        async with websocket_server(handler) as port, Robot(port) as robot:
            assert 'unknown project' in (await robot.wait_for_state(LinkState.REFUSED)).error

    run(scenario())


def test_no_error_shows_the_secret():
    async def scenario() -> list[Any]:
        async with (
            tcp_server(lambda reader, writer: asyncio.sleep(0)) as port,
            Robot(port) as robot,
        ):
            await robot.wait_for_state(LinkState.WAITING)
        async with websocket_server(ignore, status=403) as port, Robot(port) as second:
            await second.wait_for_state(LinkState.REFUSED)
        return robot.received + second.received

    assert 'hunter2' not in str(run(scenario()))


def test_a_peer_that_never_opens_is_given_up():
    async def silent(reader: Any, writer: Any) -> None:
        await reader.read()

    async def scenario() -> None:
        async with tcp_server(silent) as port, Robot(port, open_timeout=0.2) as robot:
            assert 'did not open in time' in (await robot.wait_for_state(LinkState.WAITING)).error

    run(scenario())


def test_a_peer_that_speaks_no_websocket_is_named_so():
    async def portal(reader: Any, writer: Any) -> None:
        await reader.readuntil(b'\r\n\r\n')
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nlogin')
        writer.close()

    async def scenario() -> None:
        async with tcp_server(portal) as port, Robot(port) as robot:
            assert 'HTTP 200' in (await robot.wait_for_state(LinkState.WAITING)).error

    run(scenario())


def test_a_peer_that_goes_silent_is_noticed_in_time():
    """The connection stays open and nothing is read: like a cable that was pulled."""

    async def handler(socket: Any) -> None:
        socket.transport.pause_reading()
        await over.wait()

    over = asyncio.Event()

    async def scenario() -> float:
        async with websocket_server(handler, ping_interval=None) as port, Robot(port) as robot:
            await robot.wait_for_state(LinkState.CONNECTED)
            connected = time.monotonic()
            change = await robot.wait_for_state(LinkState.WAITING)
            assert 'went silent: no pong within 0.3 s' in change.error
            over.set()
            return time.monotonic() - connected

    assert run(scenario()) < 2.0


def test_defaults_notice_a_silent_peer_within_25_s():
    from xparo_bridge.share import share

    schema = json.loads(share('config', 'schema.json').read_text())
    heartbeat = schema['$defs']['link']['properties']['heartbeat']['properties']
    assert sum(heartbeat[key]['default'] for key in ('interval', 'timeout')) <= 25


def test_it_comes_back_after_the_server_restarted():
    async def scenario() -> None:
        async with websocket_server(ignore) as port:
            robot = Robot(port)
            await robot.__aenter__()
            await robot.wait_for_state(LinkState.CONNECTED)
        down = await robot.wait_for_state(LinkState.WAITING)
        async with websocket_server(ignore, port=port):
            await robot.wait_for_state(LinkState.CONNECTED, robot.received.index(down))
            await robot.__aexit__()

    run(scenario())


def test_control_that_the_peer_never_had_is_sent_again_on_the_next_connection():
    """The first connection dies after reading nothing; the second gets everything, in order."""
    received: list[str] = []
    connections = 0

    async def handler(socket: Any) -> None:
        nonlocal connections
        connections += 1
        if connections == 1:
            await socket.recv()
            socket.transport.pause_reading()
            robot_sent.set()
            await asyncio.sleep(0.1)
            socket.transport.abort()
            return
        async for frame in socket:
            received.append(frame)

    robot_sent = asyncio.Event()

    async def scenario() -> None:
        async with websocket_server(handler, ping_interval=None) as port, Robot(port) as robot:
            await robot_sent.wait()
            for number in range(5):
                robot.lanes.put(CommandStatus(str(number), 'go', CommandState.SUCCEEDED))
            while len(robot.lanes.control):
                await asyncio.sleep(0.01)

    run(scenario())
    assert connections >= 2
    assert [json.loads(frame)['data'].get('command_id') for frame in received] == [
        None,
        '0',
        '1',
        '2',
        '3',
        '4',
    ]


def test_a_frame_over_the_bound_ends_the_connection_not_the_bridge():
    async def handler(socket: Any) -> None:
        await socket.send('x' * 70_000)
        await ignore(socket)

    async def scenario() -> None:
        async with websocket_server(handler) as port, Robot(port) as robot:
            change = await robot.wait_for_state(LinkState.WAITING)
            assert change.error

    run(scenario())


def test_stopping_sends_what_waits_and_closes():
    received: list[str] = []
    codes: list[int] = []

    async def handler(socket: Any) -> None:
        async for frame in socket:
            received.append(frame)
        codes.append(socket.close_code)

    async def scenario() -> None:
        async with websocket_server(handler) as port:
            async with Robot(port) as robot:
                await robot.wait_for_state(LinkState.CONNECTED)
                for number in range(200):
                    robot.lanes.put(CommandStatus(str(number), 'go', CommandState.CANCELED))
            assert robot.received[-1].state is LinkState.STOPPED

    run(scenario())
    assert len(received) == 201
    assert codes == [1001]

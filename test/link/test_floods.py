# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A peer sends as fast as it can: stop is heard at once, and nobody else waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import gc
import json
import time
from typing import Any

from fixtures.peers import frame, raw_websocket_server, websocket_server
from fixtures.robot_side import ignore, Robot
import psutil
import pytest

from xparo_bridge.crossing import Crossing
from xparo_bridge.link.inbound import MAX_REFUSED
from xparo_bridge.messages import (
    BehaviorStatus,
    BehaviorUpdate,
    ChatReply,
    ErrorCode,
    FileRequest,
    LinkState,
    LinkStateChanged,
    LinkStatistics,
    Refusal,
    RemoteCommand,
    RunTask,
    TaskResult,
    TransferError,
)

TEXT, BINARY, PING = 1, 2, 9
URGENT = {'stop': 'stop', 'halt': 'pause', 'cancel': 'cancel', 'resume': 'resume'}

# A raw server answers no ping.
QUIET: dict[str, Any] = {'urgent': URGENT, 'heartbeat_interval': 30.0}


def order(command: str, command_id: str = '', **members: Any) -> str:
    """Frame of a command."""
    data = {'command': command, 'command_id': command_id, **members}
    return json.dumps({'type': 'remote_command', 'data': data})


def text(content: str) -> bytes:
    """Bytes of a text frame."""
    return frame(TEXT, content.encode())


FLOODS = {
    'teleop': text(order('teleop', parameters={'linear': 0.4, 'angular': 0.1})) * 50,
    'orders with ids': b''.join(text(order('go', str(number))) for number in range(100)),
    'chat': text('{"type":"chat_response","data":{"response":"hi"}}') * 100,
    'garbage': text('garbage') * 500,
    'empty frames': text('') * 4000,
    'pings': frame(PING, b'') * 4000,
    'binary': frame(BINARY, b'\0' * 60_000),
    'a text of backslashes': text('"' + '\\\\' * 30_000 + '"'),
    'many values': text('[' + '{},' * 15_000 + '{}]'),
    'keys': text('{' + ','.join(f'"{n}":1' for n in range(6000)) + '}'),
    'deep': text('[' * 60 + '1' + ']' * 60) * 100,
}


@asynccontextmanager
async def longest_stall() -> AsyncIterator[list[float]]:
    """Measure the longest time, s of CPU, for which the loop was kept."""
    stall = [0.0]

    async def watch() -> None:
        while True:
            began = time.thread_time()
            await asyncio.sleep(0)
            stall[0] = max(stall[0], time.thread_time() - began)

    watching = asyncio.ensure_future(watch())
    try:
        yield stall
    finally:
        watching.cancel()


@pytest.mark.parametrize('flood', FLOODS.values(), ids=FLOODS)
def test_a_flood_of_one_link_keeps_neither_the_loop_nor_memory(flood):
    async def scenario() -> float:
        sent = 0

        async def talk(reader: Any, writer: Any) -> None:
            nonlocal sent
            while True:
                writer.write(flood)
                sent += len(flood)
                await writer.drain()
                await asyncio.sleep(0)

        async def echo(socket: Any) -> None:
            for number in range(10):
                await socket.send(
                    json.dumps({'type': 'chat_response', 'data': {'response': str(number)}})
                )
                await asyncio.sleep(0.1)
            await ignore(socket)

        async with (
            raw_websocket_server(talk) as bad_port,
            websocket_server(echo) as port,
            Robot(bad_port, **QUIET) as bad,
        ):
            await bad.wait_for(lambda m: getattr(m, 'frames_received', 0) > 50 or sent > 3e5)
            before = psutil.Process().memory_info().rss
            async with (
                longest_stall() as stall,
                Robot(port, open_timeout=10.0, heartbeat_interval=30.0) as good,
            ):
                await good.wait_for(lambda m: m == ChatReply('9'), timeout=60.0)
            assert psutil.Process().memory_info().rss - before < 60e6
            changes = [m for m in good.received if isinstance(m, LinkStateChanged)]
            assert [change.state for change in changes[:2]] == [
                LinkState.CONNECTING,
                LinkState.CONNECTED,
            ]
            assert not any(change.error for change in changes)
            return stall[0]

    gc.collect()
    gc.freeze()  # As the bridge does: the tests' own objects are not to be looked through.
    try:
        spent = asyncio.run(scenario())
    finally:
        gc.unfreeze()
    print(f'{spent * 1e3:.0f} ms')  # 3 to 15 on a quiet machine
    assert spent < 0.05


@pytest.mark.parametrize('form', ['stop', 'st\\u006fp'])
@pytest.mark.parametrize('flood', ['teleop', 'orders with ids', 'chat', 'many values'])
def test_a_stop_behind_a_flood_is_taken_before_it(flood, form):
    async def scenario() -> float:
        stop_at = 0.0

        async def talk(reader: Any, writer: Any) -> None:
            nonlocal stop_at
            until = time.monotonic() + 1.5
            while time.monotonic() < until:
                writer.write(FLOODS[flood])
                await writer.drain()
                await asyncio.sleep(0)
            # What the kernel holds of the flood comes first, so wait until it is read.
            stop_at = time.monotonic()
            writer.write(text(order('STOP', 's').replace('STOP', form)))
            await reader.read()

        async with raw_websocket_server(talk) as port, Robot(port, **QUIET) as robot:
            stop = await robot.wait_for(lambda m: getattr(m, 'command_id', '') == 's')
            assert stop.refused is None
            assert not stop.problems
            return time.monotonic() - stop_at

    spent = asyncio.run(scenario())
    print(f'{spent * 1e3:.0f} ms')  # 1 to 30 on a quiet machine
    assert spent < 2.0


def test_what_waits_for_the_robot_is_passed_by_a_stop():
    crossing_of: list[Crossing] = []

    async def talk(reader: Any, writer: Any) -> None:
        for number in range(300):
            writer.write(text(order('go', str(number), parameters={'text': 'x' * 48_000})))
        writer.write(text(order('stop', 's')))
        await reader.read()

    async def scenario() -> None:
        async with raw_websocket_server(talk) as port:
            robot = Robot(port, **QUIET)
            crossing_of.append(robot.crossing)
            wake, robot.crossing._wake_robot = robot.crossing._wake_robot, lambda: None
            async with robot:
                while not robot.crossing.urgent:
                    await asyncio.sleep(0.005)
                _, first = robot.crossing.pop()
                assert (first.command, first.command_id) == ('stop', 's')
                robot.crossing._wake_robot = wake
                wake()
                # The others wait, as far as there is room, and the rest is refused.
                ids = lambda: {  # noqa: E731
                    m.command_id for m in robot.received if isinstance(m, RemoteCommand)
                }
                await robot.wait_for(lambda m: len(ids()) == 300)

    asyncio.run(scenario())


def test_stop_pause_and_cancel_go_first_and_resume_keeps_its_place():
    frames = [
        order('go', '1'),
        order('go', '2'),
        order('turn', '3'),
        order('cancel', 'c', parameters={'command_id': '2'}),
        order('resume', 'r'),
        order('go', '4'),
        order('cancel', 'd', parameters={'kind': 'navigate'}),
    ]

    async def say(socket: Any) -> None:
        for content in frames:
            await socket.send(content)
        await socket.send('{"type":"chat_response","data":{"response":"over"}}')
        await ignore(socket)

    async def scenario() -> list[Any]:
        async with websocket_server(say) as port:
            robot = Robot(port, urgent=URGENT)
            waiting = asyncio.Event()
            robot.crossing._wake_robot = waiting.set
            taken: list[Any] = []
            async with robot:
                while not robot.connection._counters.received == len(frames) + 1:
                    await asyncio.sleep(0.005)
                while (item := robot.crossing.pop()) is not None:
                    taken.append(item[1])
            return taken

    commands = [m for m in asyncio.run(scenario()) if isinstance(m, RemoteCommand)]
    assert [m.command_id for m in commands] == ['c', 'd', '1', '2', '3', 'r', '4']
    # The order in which they came is told by their times.
    by_time = sorted(commands, key=lambda m: m.received_at)
    assert [m.command_id for m in by_time] == ['1', '2', '3', 'c', 'r', '4', 'd']


def test_pushes_refused_by_rate_are_answered_once_with_their_number():
    answers: list[dict[str, Any]] = []

    async def push(socket: Any) -> None:
        for _ in range(1000):
            data = {'tree_name': 'patrol', 'xml': '<AlwaysSuccess/>'}
            await socket.send(json.dumps({'type': 'behavior_update', 'data': data}))
        async for content in socket:
            message = json.loads(content)
            if message['type'] == 'behavior_status':
                answers.append(message['data'])

    async def scenario() -> None:
        async with websocket_server(push) as port, Robot(port, **QUIET) as robot:

            def count() -> int:
                return sum(int(a['errors'][0]['message'].split()[0]) for a in answers)

            while count() < 990 - 5:
                await asyncio.sleep(0.05)
            assert len(answers) < 10
            assert {answer['state'] for answer in answers} == {'rejected'}
            assert 'more than 1 BehaviorUpdate a second' in answers[0]['errors'][0]['message']
            taken = [m for m in robot.received if type(m).__name__ == 'BehaviorUpdate']
            assert len(taken) + count() == 1000

    asyncio.run(asyncio.wait_for(scenario(), 20))


@pytest.mark.parametrize(
    'buttons', [['a'] * 9000, [[1] * 90] * 90, {str(n): 1 for n in range(5000)}]
)
def test_a_message_of_too_many_items_is_refused_by_its_name(buttons):
    async def say(socket: Any) -> None:
        await socket.send(order('go', '1', parameters={'buttons': buttons}))
        await ignore(socket)

    async def scenario() -> None:
        async with (
            websocket_server(say) as port,
            Robot(port, urgent=URGENT, max_frame_bytes=1 << 20) as robot,
        ):
            command = await robot.wait_for(lambda m: isinstance(m, RemoteCommand))
            assert command.refused.code == 'too_large'
            assert 'items' in command.refused.message

    asyncio.run(scenario())


def test_lateness_counts_from_when_a_frame_came():
    async def say(reader: Any, writer: Any) -> None:
        # The second frame is parsed with the first and read behind it.
        writer.write(text(order('go', '1')) + text(order('go', '2')))
        await reader.read()

    async def scenario() -> None:
        async with raw_websocket_server(say) as port:
            robot = Robot(port, **QUIET)
            decode = robot.endpoints.current.decode

            def slowly(content: Any) -> Any:
                time.sleep(0.2)
                return decode(content)

            robot.endpoints.current.decode = slowly  # type: ignore[method-assign]
            async with robot:
                first = await robot.wait_for(lambda m: getattr(m, 'command_id', '') == '1')
                second = await robot.wait_for(lambda m: getattr(m, 'command_id', '') == '2')
                assert abs(second.received_at - first.received_at) < 0.1

    asyncio.run(scenario())


def test_refused_commands_are_bounded_in_number():
    async def scenario() -> None:
        async def talk(reader: Any, writer: Any) -> None:
            while True:
                writer.write(FLOODS['orders with ids'])
                await writer.drain()
                await asyncio.sleep(0)

        async with raw_websocket_server(talk) as port, Robot(port, **QUIET) as robot:
            await robot.wait_for(
                lambda m: isinstance(m, LinkStatistics) and m.refused.get('frame'), timeout=30
            )
            assert len(robot.connection.inbound._refused) <= MAX_REFUSED

    asyncio.run(scenario())


def test_an_answer_nobody_reads_holds_up_no_reading():
    """Pongs of the protocol wait in a lane of their own while the peer takes nothing."""

    async def talk(reader: Any, writer: Any) -> None:
        writer.transport.pause_reading()
        for _ in range(20):
            writer.write(text('{"type":"ping"}'))
        writer.write(text(order('stop', 's')))
        await asyncio.sleep(5)

    async def scenario() -> None:
        async with raw_websocket_server(talk) as port, Robot(port, **QUIET) as robot:
            await robot.wait_for_state(LinkState.CONNECTED)
            for number in range(2000):
                robot.lanes.put(BehaviorStatus('t', 'running', nodes=[{'uid': number}] * 50))
            await robot.wait_for(lambda m: getattr(m, 'command_id', '') == 's', timeout=2)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ('message', 'answers'),
    [
        (
            BehaviorUpdate('patrol', '<a/>'),
            [BehaviorStatus('patrol', 'rejected', errors=[{'message': '2 refused: full'}])],
        ),
        (RunTask('t1', '<a/>'), [TaskResult('t1', False, 0.0, '2 refused: full')]),
        (FileRequest('a', True, 1), [TransferError('FileRequest: 2 refused: full')]),
        (RemoteCommand('go'), []),
    ],
    ids=lambda part: type(part).__name__,
)
def test_what_is_refused_is_answered_in_the_words_of_its_kind(message, answers):
    inbound = Robot(1).connection.inbound
    put: list[Any] = []
    inbound._put = put.append
    for _ in range(2):
        inbound._refuse(message, Refusal(ErrorCode.RATE_LIMITED, 'full', 1.0))
    inbound._hand_on_some()
    assert put == answers

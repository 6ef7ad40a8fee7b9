# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What a peer cannot take holds up nothing behind it, and its end arrives all the same."""

from __future__ import annotations

import asyncio
import gc
import json
from typing import Any

from fixtures.peers import websocket_server
from fixtures.robot_side import Robot
import pytest
from websockets.exceptions import ConnectionClosedError

from xparo_bridge.link.control_entries import Cause
from xparo_bridge.link.control_lane import ControlLane
from xparo_bridge.link.endpoints import Endpoints
from xparo_bridge.link.protocols.general_bots import GeneralBots
from xparo_bridge.link.websocket import _Bounded
from xparo_bridge.messages import (
    BehaviorStatus,
    ChatRequest,
    CommandState,
    CommandStatus,
    LinkProblem,
    LinkState,
    Telemetry,
)


def status(command_id: str, size: int = 0) -> CommandStatus:
    """End of a command with a result of about so many bytes."""
    return CommandStatus(
        command_id, 'get_map', CommandState.SUCCEEDED, result={'map': 'x' * size} if size else None
    )


class Platform:
    """A platform that closes on some frames, and remembers the others."""

    def __init__(self, poisonous: Any, code: int | None) -> None:
        self.poisonous = poisonous
        self.code = code
        self.connections = 0
        self.taken: dict[str, dict[str, Any]] = {}
        self.telemetry: dict[str, Any] = {}
        self.chats: list[str] = []

    async def __call__(self, socket: Any) -> None:
        self.connections += 1
        async for frame in socket:
            if self.poisonous(frame):
                if self.code is None:
                    socket.transport.abort()
                else:
                    await socket.close(self.code, 'cannot take this')
                return
            message = json.loads(frame)
            data = message.get('data', {})
            if message['type'] == 'command_status':
                self.taken[data['command_id']] = data
            elif message['type'] == 'telemetry':
                self.telemetry.update(data)
            elif message['type'] == 'behavior_status':
                self.taken[data['tree_name']] = data
            elif message['type'] == 'chat':
                self.chats.append(data['message'])


async def until(condition: Any, timeout: float = 30.0) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(timeout):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ('code', 'most'), [(1009, 4), (1007, 8), (1003, 8), (1011, 12), (4000, 12), (None, 30)]
)
@pytest.mark.parametrize('behind', [0, 5])
def test_a_message_that_ends_each_connection_is_cut_and_what_is_behind_it_arrives(
    code, most, behind
):
    async def scenario() -> None:
        platform = Platform(lambda frame: len(frame) > 3000, code)
        async with websocket_server(platform, max_size=None) as port, Robot(port) as robot:
            robot.lanes.put(status('before'))
            robot.lanes.put(status('big', 200_000 if code == 1009 else 5000))
            for number in range(behind):
                robot.lanes.put(status(str(number)))
            await until(lambda: len(platform.taken) == 2 + behind)
            big = platform.taken['big']
            assert big['state'] == 'succeeded'
            assert 'result (' in big['omitted'][0]
            assert 'map' not in big['result']
            await robot.flushed()
            assert platform.connections <= most
            assert robot.lanes.control.dropped == 0

    asyncio.run(scenario())


@pytest.mark.parametrize('code', [1009, 1007, 1011])
def test_what_is_of_no_use_short_either_is_given_up_and_counted(code):
    async def scenario() -> None:
        platform = Platform(lambda frame: '"poison"' in frame, code)
        async with websocket_server(platform) as port, Robot(port) as robot:
            robot.lanes.put(status('poison', 100))
            robot.lanes.put(status('after'))
            await until(lambda: 'after' in platform.taken)
            await until(lambda: robot.lanes.control.given_up == 1)
            await robot.flushed()
            reported = await robot.wait_for(lambda m: 'given up' in getattr(m, 'problem', ''))
            assert reported.message.command_id == 'poison'

    asyncio.run(scenario())


def test_a_chat_that_is_too_big_is_given_back_and_the_next_one_arrives():
    async def scenario() -> None:
        platform = Platform(lambda frame: len(frame) > 3000, 1009)
        async with websocket_server(platform, max_size=None) as port, Robot(port) as robot:
            await robot.wait_for_state(LinkState.CONNECTED)
            for text in ('x' * 5000, 'x' * 2_000_000):
                chat = ChatRequest(text, 'r1')
                robot.lanes.put(chat)
                reported = await robot.wait_for(
                    lambda m, text=text: (
                        isinstance(m, LinkProblem) and getattr(m.message, 'text', '') == text
                    )
                )
                assert reported.message.text == text
            robot.lanes.put(ChatRequest('hello', 'r1'))
            await until(lambda: platform.chats == ['hello'])

    asyncio.run(scenario())


def test_a_peer_that_says_too_large_and_goes_on_is_sent_what_is_behind():
    """As the Bot Server does: an error message on the open connection, and no close."""
    said: list[str] = []
    connections: list[Any] = []

    async def bot(socket: Any) -> None:
        connections.append(socket)
        async for frame in socket:
            message = json.loads(frame)
            if len(frame) > 3000:
                error = {'type': 'error', 'code': 'MESSAGE_TOO_LARGE', 'message': 'Exceeds 3 kB'}
                await socket.send(json.dumps(error))
            elif 'content' in message:
                said.append(message['content'])

    async def scenario() -> None:
        async with websocket_server(bot, max_size=None) as port:
            bots = GeneralBots(url=f'ws://127.0.0.1:{port}/ws', secret_key='key')
            async with Robot(endpoints=Endpoints([bots])) as robot:
                await robot.wait_for_state(LinkState.CONNECTED)
                robot.lanes.put(ChatRequest('x' * 5000, 'r1'))
                reported = await robot.wait_for(lambda m: 'given up' in getattr(m, 'problem', ''))
                assert reported.message.text == 'x' * 5000
                robot.lanes.put(ChatRequest('hello', 'r1'))
                await until(lambda: said == ['hello'])
                await robot.flushed()
                assert (len(connections), robot.lanes.control.given_up) == (1, 1)

    asyncio.run(scenario())


@pytest.mark.parametrize('confirmed', [False, True])
def test_the_largest_under_way_is_cut_then_given_up_where_a_peer_says_too_large(confirmed):
    lane = ControlLane(1 << 20)
    reported: list[str] = []
    lane.report = lambda problem, message: reported.append(problem)
    lane.refuse_largest()  # Nothing is under way.
    for command_id, size in (('1', 0), ('big', 5000), ('2', 10)):
        lane.add(status(command_id, size))
    assert [lane.next().command_id for _ in range(3)] == ['1', 'big', '2']
    if confirmed:
        lane.confirm(lane.sent)
    lane.refuse_largest()
    short = lane.next()
    assert (short.command_id, short.state) == ('big', CommandState.SUCCEEDED)
    assert 'result (' in short.omitted[0]
    assert lane.next() is None
    assert lane.given_up == 0
    if not confirmed:
        lane.confirm(3)  # All that was handed out before it.
    assert len(lane) == 1
    lane.confirm(lane.sent)
    assert len(lane) == 0
    lane.refuse_largest()  # Only small ones were, so it means none of them.
    assert (lane.next(), lane.given_up, len(reported)) == (None, 0, 1)


def test_a_cut_message_that_a_peer_calls_too_large_again_is_given_up():
    lane = ControlLane(1 << 20)
    many = [{'code': 'x', 'message': 'y' * 2000, 'line': 1, 'path': 'p', 'hint': 'h' * 2000}] * 9
    lane.add(BehaviorStatus('patrol', 'failed', errors=many))
    lane.next()
    lane.refuse_largest()
    assert len(lane.next().errors) == 3
    lane.refuse_largest()
    assert (lane.next(), lane.given_up) == (None, 1)
    lane.confirm(lane.sent)
    assert len(lane) == 0


def test_a_status_beyond_the_bound_is_cut_before_it_is_sent():
    async def scenario() -> None:
        platform = Platform(lambda frame: False, None)
        async with websocket_server(platform) as port, Robot(port) as robot:
            robot.lanes.put(status('map', 8_000_000))
            robot.lanes.put(
                BehaviorStatus(
                    'patrol', 'running', structure=[{'uid': 1, 'name': 'x' * 2_000_000}]
                )
            )
            await until(lambda: len(platform.taken) == 2)
            assert platform.connections == 1
            assert platform.taken['map']['omitted'] == ['result (8000010 bytes)']
            assert platform.taken['patrol']['state'] == 'running'
            assert 'structure (' in platform.taken['patrol']['omitted'][0]

    asyncio.run(scenario())


def test_telemetry_that_is_too_big_is_named_by_its_key_and_left_out():
    async def scenario() -> None:
        platform = Platform(lambda frame: len(frame) > 100_000, 1009)
        async with websocket_server(platform, max_size=None) as port, Robot(port) as robot:
            for number in range(10_000):
                robot.lanes.put(
                    Telemetry({'cloud': 'x' * 500_000, 'cpu': number, 'huge': 'y' * 2_000_000})
                )
                await asyncio.sleep(0.02)
                if platform.telemetry:
                    break
            assert set(platform.telemetry) == {'cpu'}
            for key in ('cloud', 'huge'):
                await robot.wait_for(
                    lambda m, key=key: f'telemetry "{key}"' in getattr(m, 'problem', '')
                )
            assert platform.connections < 6
            robot.lanes.put(status('after'))
            await until(lambda: 'after' in platform.taken)
            assert 'omitted' not in platform.taken['after']

    asyncio.run(scenario())


def test_a_network_that_comes_and_goes_costs_no_message():
    lane = ControlLane(1 << 20)
    lane.add(status('1', 1000))
    for _ in range(5):
        assert lane.next().result == {'map': 'x' * 1000}
        lane.rewind(cause=Cause.CUT)
    assert lane.next().result == {'map': 'x' * 1000}


def test_a_confirmation_that_fails_while_frames_still_go_ends_the_connection_by_name(
    monkeypatch, caplog
):
    """Pings of a connection that is about to be lost fail before the next frame does."""

    async def run() -> None:
        platform = Platform(lambda frame: False, None)
        failing = 1
        ping = _Bounded.ping

        async def ping_once_in_vain(self: Any, *data: Any) -> Any:
            nonlocal failing
            if not failing:
                return await ping(self, *data)
            failing -= 1
            pong = asyncio.get_running_loop().create_future()
            pong.set_exception(ConnectionClosedError(None, None))
            return pong

        async with websocket_server(platform) as port, Robot(port) as robot:
            await robot.wait_for_state(LinkState.CONNECTED)
            monkeypatch.setattr(_Bounded, 'ping', ping_once_in_vain)
            robot.lanes.put(status('1'))
            while failing:
                await asyncio.sleep(0.01)
            robot.lanes.put(status('2'))
            while platform.connections < 2:
                await asyncio.sleep(0.01)
            while platform.taken.keys() != {'1', '2'}:
                await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(run(), 20.0))
    gc.collect()
    assert not [record for record in caplog.records if record.name == 'asyncio'], caplog.text


def test_only_who_was_handed_a_message_confirms_or_rewinds_it():
    lane = ControlLane(1 << 20)
    other = lane.delivery()
    lane.add(status('1'))
    lane.add(status('2'))
    assert lane.next(other).command_id == '1'
    lane.rewind()  # A dial failed meanwhile.
    assert lane.next().command_id == '2'
    lane.confirm(other.sent, other)
    assert len(lane) == 1
    lane.rewind(other)
    lane.confirm(lane.sent)
    assert len(lane) == 0


def test_sizes_are_of_bytes():
    lane = ControlLane(10_000)
    lane.add(CommandStatus('1', 'go', CommandState.FAILED, error={'message': '字' * 3000}))
    lane.add(status('2'))
    assert lane.dropped == 0
    lane.add(CommandStatus('3', 'go', CommandState.FAILED, error={'message': '字' * 300}))
    assert lane.dropped == 1

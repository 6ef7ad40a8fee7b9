# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What a peer cannot take holds up nothing behind it, and its end arrives all the same."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from fixtures.peers import websocket_server
from fixtures.robot_side import Robot
import pytest

from xparo_bridge.link.control_lane import Cause, ControlLane
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
            told = await robot.wait_for(lambda m: 'given up' in getattr(m, 'problem', ''))
            assert told.message.command_id == 'poison'

    asyncio.run(scenario())


def test_a_chat_that_is_too_big_is_given_back_and_the_next_one_arrives():
    async def scenario() -> None:
        platform = Platform(lambda frame: len(frame) > 3000, 1009)
        async with websocket_server(platform, max_size=None) as port, Robot(port) as robot:
            await robot.wait_for_state(LinkState.CONNECTED)
            for text in ('x' * 5000, 'x' * 2_000_000):
                chat = ChatRequest(text, 'r1')
                robot.lanes.put(chat)
                told = await robot.wait_for(
                    lambda m, text=text: (
                        isinstance(m, LinkProblem) and getattr(m.message, 'text', '') == text
                    )
                )
                assert told.message.text == text
            robot.lanes.put(ChatRequest('hello', 'r1'))
            await until(lambda: platform.chats == ['hello'])

    asyncio.run(scenario())


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

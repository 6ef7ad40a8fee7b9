# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does a frame of many orders cost no more than its bytes, and is the stop among them heard."""

from __future__ import annotations

import json
from typing import Any

from fixtures.cpu import cpu_time
from fixtures.robot_side import Robot
import pytest

from xparo_bridge.link.frame_scanner import LOOKED_INTO
from xparo_bridge.link.protocols.base import MAX_KEYS
from xparo_bridge.link.protocols.xparo import Xparo
from xparo_bridge.link.protocols.xparo_chatbot import XparoChatbot
from xparo_bridge.link.read_ahead import Arrival
from xparo_bridge.messages import LinkProblem, RemoteCommand

URGENT = {'stop': 'stop', 'pause': 'pause', 'cancel': 'cancel', 'resume': 'resume'}
# A text of JSON with more is not read.
MOST_VALUES = 32_000
FILLED = [
    ['undock'],
    ['\x00', 'undock'],
    ['a'],
    ['stop'],
    ['stop', 'undock'],
    ['cancel', 'pause', 'stop', 'resume', 'x'],
    [f'c{number}' for number in range(20_000)],
]


def chatbot() -> XparoChatbot:
    return XparoChatbot(url='wss://localhost/chatbot_api', secret_key='s', project_id='p')


def frame_of(names: list[str], size: int, last: tuple[str, ...] = ()) -> str:
    """Fill a frame of a size with commands."""
    found: list[str] = []
    length = 40
    while len(found) < MOST_VALUES:
        name = names[len(found) % len(names)]
        length += len(json.dumps(name)) + 2
        if length > size:
            break
        found.append(name)
    return json.dumps({'commands': [*found, *last]})


@pytest.mark.parametrize('names', FILLED, ids=lambda names: repr(names[:2]))
@pytest.mark.parametrize('read_first', [True, False])
def test_to_look_at_a_frame_of_many_orders_takes_no_time_to_speak_of(names, read_first):
    # One byte that is escaped, or a word that may be a stop, has the frame read as it comes.
    text = frame_of(names, LOOKED_INTO, ('stop', '\x00') if read_first else ()).encode()
    protocol = chatbot()

    def look() -> None:
        inbound = Robot(1, urgent=URGENT).connection.inbound
        inbound.judge(protocol, text, Arrival(0.0))

    assert cpu_time(look, 0.05) < 0.05


@pytest.mark.parametrize('names', FILLED, ids=lambda names: repr(names[:2]))
def test_to_read_the_longest_list_of_orders_takes_no_time_to_speak_of(names):
    text, protocol = frame_of(names, 1_000_000), chatbot()
    assert cpu_time(lambda: protocol.decode(text), 0.05) < 0.05


@pytest.mark.parametrize('before', [1, MAX_KEYS, 4000])
@pytest.mark.parametrize('names', [['undock'], ['a', 'b'], [f'c{n}' for n in range(3000)]])
def test_a_stop_among_many_orders_is_heard_first(names, before):
    taken: list[tuple[Any, bool]] = []
    robot = Robot(1, urgent=URGENT)
    robot.crossing.deliver = lambda link, message, size=0, *, urgent=False: taken.append(
        (message, urgent)
    )
    orders = [names[number % len(names)] for number in range(before)]
    text = json.dumps({'commands': [*orders, 'stop']})
    arrival = Arrival(0.0)
    robot.connection.inbound.judge(chatbot(), text.encode(), arrival)
    ((stop, urgent),) = taken
    assert (stop.command, urgent) == ('stop', True)
    rest = [message for message in arrival.messages if isinstance(message, RemoteCommand)]
    reported = [message for message in arrival.messages if isinstance(message, LinkProblem)]
    if before < MAX_KEYS:
        assert [message.command for message in rest] == orders
        assert not reported
    else:
        assert [message.command for message in rest] == list(dict.fromkeys(orders))
        assert len(reported) == 1 and 'counts once' in reported[0].problem


@pytest.mark.parametrize('name', ['stop', 'pause', 'cancel'])
@pytest.mark.parametrize('count', [4_000, 40_000, 600_000])
@pytest.mark.parametrize('looked_into', [True, False])
def test_an_urgent_order_of_too_many_values_goes_to_the_robot_first(name, count, looked_into):
    taken: list[tuple[Any, bool]] = []
    robot = Robot(1, urgent=URGENT)
    robot.crossing.deliver = lambda link, message, size=0, *, urgent=False: taken.append(
        (message, urgent)
    )
    data = {'parameters': {'x': [0] * count}, 'command': name, 'command_id': 'c-1'}
    text = json.dumps({'type': 'remote_command', 'data': data}, separators=(',', ':'))
    protocol = Xparo(url='wss://localhost/ws', secret_key='s', project_id='p')
    inbound = robot.connection.inbound
    if looked_into:
        inbound.judge(protocol, text.encode(), Arrival(0.0))
    else:
        for message in protocol.decode(text):
            inbound.accept(protocol, message, len(text), 0.0)
    order, urgent = taken[0]
    assert urgent
    assert (order.command, order.command_id) == (name, 'c-1')
    assert order.parameters == {} or count == 4_000

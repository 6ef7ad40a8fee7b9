# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Orders however they are written: what can be read counts, and the rest is said."""

from __future__ import annotations

from collections.abc import Sequence
import json
from typing import Any

import pytest

from xparo_bridge.link.protocols.base import ProtocolError
from xparo_bridge.link.protocols.general_bots import GeneralBots
from xparo_bridge.link.protocols.orders import unix_time
from xparo_bridge.link.protocols.xparo import Xparo
from xparo_bridge.link.protocols.xparo_chatbot import XparoChatbot
from xparo_bridge.link.protocols.xparo_dispatch import XparoDispatch
from xparo_bridge.messages import (
    CommandState,
    CommandStatus,
    LinkProblem,
    RemoteCommand,
    Schedule,
)

DEEP = '[' * 2000 + ']' * 2000
# Values of another type than each member's, as they stand in the frame.
WRONG = {
    'null': 'null',
    'true': 'true',
    'list': '[]',
    'object': '{}',
    'nested': '{"a": [1, {"b": 2}]}',
    'text': '"soon"',
    'empty text': '""',
    'number': '7',
    'fraction': '7.5',
    'huge': '1' + '0' * 400,
    'over 64 bits': str(2**64),
    'infinite': '1e999',
    'not a number': 'NaN',
    'half a pair': '"\\ud800"',
    'deep': DEEP,
}


def xparo() -> Xparo:
    return Xparo(url='ws://127.0.0.1/ws', secret_key='s3cret', project_id='p')


def decode(members: str) -> RemoteCommand:
    [command] = xparo().decode(f'{{"type": "remote_command", "data": {{{members}}}}}')
    assert isinstance(command, RemoteCommand)
    return command


@pytest.mark.parametrize('value', WRONG.values(), ids=WRONG)
@pytest.mark.parametrize(
    'member', ['parameters', 'command_id', 'issued_at', 'deadline', 'extra', 'parameters": {"x']
)
def test_a_stop_is_a_stop_whatever_stands_beside_it(member, value):
    end = '}' if '{' in member else ''
    command = decode(f'"command": "stop", "{member}": {value}{end}')
    assert command.command == 'stop'
    json.dumps(dict(command.parameters), allow_nan=False).encode()
    command.command_id.encode()


@pytest.mark.parametrize('value', [v for v in WRONG.values() if v not in ('{}', 'null')])
def test_an_order_with_an_id_is_read_whatever_its_command_is(value):
    command = decode(f'"command_id": "a7", "command": {value}')
    assert command.command_id == 'a7'
    assert command.problems or command.command in json.loads(f'[{value}]')


@pytest.mark.parametrize(
    ('member', 'value', 'problem'),
    [
        ('parameters', '[]', '"parameters" is a list, expected an object'),
        ('parameters', '"{}"', '"parameters" is a string, expected an object'),
        ('parameters', '{"x": [1e999]}', '"parameters" cannot be read'),
        ('command_id', '{"a": 1}', '"command_id" is an object, expected a string'),
        ('issued_at', '"soon"', '"issued_at" is no time: soon; expected Unix seconds'),
        ('issued_at', 'true', '"issued_at" is a boolean, expected Unix seconds'),
        ('deadline', '1' + '0' * 400, 'does not fit in 64 bits'),
        ('deadline', '[]', '"deadline" is a list, expected Unix seconds'),
        ('deadline', '1e30', '"deadline" is no time'),
        ('command', '5', '"command" is a whole number, expected a string'),
        ('command', f'"{"x" * 5000}"', 'has 5000 characters, expected at most 256'),
    ],
)
def test_what_cannot_be_read_has_its_default_and_is_said(member, value, problem):
    command = decode(f'"command_id": "a7", "{member}": {value}')
    assert problem in '; '.join(command.problems)
    assert max(map(len, command.problems)) < 300
    if member != 'command':
        assert command.parameters == {}
        assert command.issued_at is command.deadline is None


@pytest.mark.parametrize(
    ('value', 'text'),
    [('7', '7'), ('7.5', '7.5'), ('-1', '-1'), (str(2**63), str(2**63)), ('"7"', '7')],
)
def test_a_number_as_an_id_is_its_text(value, text):
    command = decode(f'"command": "go", "command_id": {value}')
    assert (command.command_id, command.problems) == (text, ())


@pytest.mark.parametrize(
    ('value', 'seconds'),
    [
        (1_790_000_000, 1_790_000_000.0),
        (1_790_000_000.25, 1_790_000_000.25),
        (1_790_000_000_250, 1_790_000_000.25),
        (1_790_000_000_250_000, 1_790_000_000.25),
        (1_790_000_000_250_000_000, 1_790_000_000.25),
        (2_147_483_653, 2_147_483_653.0),
        ('1790000000', 1_790_000_000.0),
        ('1790000000250', 1_790_000_000.25),
        ('2026-09-21T14:13:20Z', 1_790_000_000.0),
        ('2026-09-21T16:13:20+02:00', 1_790_000_000.0),
        ('2026-09-21 14:13:20.25', 1_790_000_000.25),
        (10**400, None),
        (float('inf'), None),
        (float('nan'), None),
        (1e21, None),
        ('soon', None),
        ('nan', None),
        ('9999-99-99', None),
        (True, None),
        ([], None),
    ],
)
def test_times_in_any_unit_and_iso_texts_are_understood(value, seconds):
    if isinstance(value, int) and value > 2**64:
        return  # The reader of JSON keeps these out.
    assert unix_time(value) == (None if seconds is None else pytest.approx(seconds, abs=1e-3))


@pytest.mark.parametrize('data', ['{}', '[]', '{"command": 5}', '{"parameters": {}}', '""'])
def test_an_order_of_which_nothing_can_be_read_is_refused(data):
    with pytest.raises(ProtocolError):
        xparo().decode(f'{{"type": "remote_command", "data": {data}}}')


@pytest.mark.parametrize(
    'frame',
    [
        '{"type": "chat_response", "data": {"response": "hi", "x": 1e999}}',
        '{"type": "behavior_update", "data": {"tree_name": "t", "xml": "\\ud800"}}',
    ],
)
def test_what_is_no_order_is_read_whole_or_not_at_all(frame):
    with pytest.raises(ProtocolError):
        xparo().decode(frame)


@pytest.mark.parametrize('value', [v for k, v in WRONG.items() if k not in ('object', 'null')])
@pytest.mark.parametrize('kind', [XparoChatbot, XparoDispatch])
def test_a_stop_among_other_keys_is_read_whatever_they_hold(kind, value):
    settings: dict[str, Any] = {'url': 'ws://127.0.0.1/ws', 'secret_key': 's', 'project_id': 'p'}
    if kind is XparoDispatch:
        adapter, frame = kind(robot_id='r', **settings), '"RUN_COMMAND": {"command": "stop"}'
    else:
        adapter, frame = kind(**settings), '"command": "stop"'
    messages = adapter.decode(f'{{"change_config": {{"k": {value}}}, {frame}, "other": {value}}}')
    commands = [message for message in messages if isinstance(message, RemoteCommand)]
    assert [command.command for command in commands] == ['stop']
    for message in messages:
        if not isinstance(message, LinkProblem):
            assert 'Unreadable' not in repr(message)


def general_bots() -> GeneralBots:
    return GeneralBots(url='ws://127.0.0.1/ws', session_id='s-1', new_id=lambda: 'id')


MANY = {
    'numbers': '[' + '0,' * 40_000 + '0]',
    'members': '{' + ','.join(f'"k{n}":{n}' for n in range(40_000)) + '}',
    'levels': '[' * 40_000 + ']' * 40_000,
    'lists': '[' + ','.join(['[' + '1,' * 500 + '1]'] * 80) + ']',
    'megabytes': '[' + '"a",' * 600_000 + '1]',
}


def orders(messages: Sequence[Any]) -> list[RemoteCommand]:
    return [message for message in messages if isinstance(message, RemoteCommand)]


@pytest.mark.parametrize('value', (WRONG | MANY).values(), ids=WRONG | MANY)
@pytest.mark.parametrize('name', ['stop', 'pause', 'cancel'])
@pytest.mark.parametrize(
    ('make', 'frame'),
    [
        (xparo, '{"type": "remote_command", "data": {"command": "%s", "parameters": @}}'),
        (xparo, '{"type": "remote_command", "z": @, "data": {"command": "%s"}}'),
        (
            lambda: XparoDispatch(robot_id='r', url='ws://h/ws', secret_key='s', project_id='p'),
            '{"z": @, "RUN_COMMAND": {"command": "%s", "timeout": @, "request_id": @}}',
        ),
        (
            lambda: XparoChatbot(url='ws://h/ws', secret_key='s', project_id='p'),
            '{"z": @, "status": true, "goal": @, "command": "%s"}',
        ),
        (
            lambda: XparoChatbot(url='ws://h/ws', secret_key='s', project_id='p'),
            '{"z": @, "commands": ["%s", @]}',
        ),
        (general_bots, '{"type": "tool_call", "session_id": @, "tool": "%s", "arguments": @}'),
        (general_bots, '{"type": "tool_call", "payload": @, "tool": "%s", "z": @}'),
    ],
)
def test_an_urgent_order_acts_whatever_its_frame_holds_in_every_protocol(make, frame, name, value):
    found = orders(make().decode(frame.replace('%s', name).replace('@', value)))
    assert name in [order.command for order in found]
    for order in found:
        json.dumps(dict(order.parameters), allow_nan=False).encode()
        order.command_id.encode()


@pytest.mark.parametrize('urgent', ['stop', 'halt'])
def test_an_urgent_order_is_found_among_any_number_of_others(urgent):
    def chatbot() -> XparoChatbot:
        adapter = XparoChatbot(url='ws://h/ws', secret_key='s', project_id='p')
        adapter.urgent = ('stop', 'halt')
        return adapter

    for count in (300, 5_000, 40_000):
        names = json.dumps([f'go{n}' for n in range(count)] + [None, urgent])
        found = orders(chatbot().decode(f'{{"commands": {names}}}'))
        assert urgent in [order.command for order in found]
        keys = ','.join(f'"k{n}":1' for n in range(count))
        found = orders(chatbot().decode(f'{{{keys},"command":"{urgent}"}}'))
        assert [order.command for order in found] == [urgent]
        platform = xparo()
        platform.urgent = ('stop', 'halt')
        found = orders(
            platform.decode(f'{{"type":"remote_command","data":{{{keys},"command":"{urgent}"}}}}')
        )
        assert [order.command for order in found] == [urgent]


@pytest.mark.parametrize(
    ('arguments', 'parameters'),
    [
        ('"{}"', {}),
        ('"{\\"x\\": 1}"', {'x': 1}),
        ('""', {}),
        ('null', {}),
        ('{"x": [1]}', {'x': [1]}),
    ],
)
def test_arguments_of_a_tool_are_an_object_or_the_json_text_of_one(arguments, parameters):
    [command] = general_bots().decode(
        f'{{"type": "tool_call", "session_id": "s", "tool": "dock", "arguments": {arguments}}}'
    )
    assert (command.parameters, command.problems) == (parameters, ())
    assert command.command_id == 'general_bots/id/s'


@pytest.mark.parametrize(
    ('arguments', 'problem'),
    [
        ('[]', '"arguments" is a list, expected an object'),
        ('"[]"', '"arguments" is a list, expected an object'),
        ('"{"', '"arguments" is a string that is not JSON'),
        ('7', '"arguments" is a whole number, expected an object'),
        ('{"x": NaN}', '"arguments" cannot be read'),
        ('"{\\"x\\": NaN}"', 'NaN is no JSON number'),
        (MANY['numbers'], 'over 32768 values'),
    ],
)
def test_a_tool_with_other_arguments_is_a_command_with_problems(arguments, problem):
    adapter = general_bots()
    [command] = adapter.decode(
        f'{{"type": "tool_call", "session_id": "s", "tool": "dock", "arguments": {arguments}}}'
    )
    assert command.parameters == {}
    assert problem in '; '.join(command.problems)
    error = {'code': 'bad_parameters', 'message': '; '.join(command.problems)}
    [frame] = adapter.encode(
        CommandStatus(command.command_id, 'dock', CommandState.REJECTED, error=error)
    )
    result = json.loads(frame)
    assert (result['type'], result['session_id'], result['tool']) == ('tool_result', 's', 'dock')
    assert result['result']['error']['code'] == 'bad_parameters'


def test_a_tool_without_a_session_is_answered_in_our_own():
    [command] = general_bots().decode('{"type": "tool_call", "tool": "stop", "session_id": 5}')
    assert command.command_id == 'general_bots/id/s-1'
    assert command.problems == ('tool_call: "session_id" is a whole number, expected a string',)


def test_a_bad_item_of_commands_or_of_a_schedule_costs_itself():
    adapter = XparoChatbot(url='ws://h/ws', secret_key='s', project_id='p')
    messages = adapter.decode('{"commands": ["go", null, 5, "stop"]}')
    assert [order.command for order in orders(messages)] == ['go', 'stop']
    messages = adapter.decode(
        '{"schedule_control": {"a": {"t": 1}, "b": "soon", "c": null, "d": {}, "e": {"t": NaN}}}'
    )
    assert [message for message in messages if isinstance(message, Schedule)] == [
        Schedule({'a': {'t': 1}, 'd': {}})
    ]
    reported = [message.problem for message in messages if isinstance(message, LinkProblem)]
    assert 'schedule_control: item "b" is a string, expected an object' in reported
    assert 'schedule_control: item "c" is null, expected an object' in reported


@pytest.mark.parametrize(
    'value',
    ['"r"', '"7f0c3c5e-5f6a-4a0e-9d4f-0a1c2b3d4e5f"', '"another"', '""', '7', 'null', '[]'],
)
@pytest.mark.parametrize('command', ['stop', 'start_navigation'])
def test_the_service_addresses_a_robot_by_its_connection_and_not_by_the_robot_id(command, value):
    """Its `robot_id` is a UUID of its own, which the platform's client does not read either."""
    adapter = XparoDispatch(robot_id='r', url='ws://127.0.0.1', secret_key='s', project_id='p')
    order = f'{{"robot_id": {value}, "command": "{command}", "request_id": "1"}}'
    assert [o.command for o in orders(adapter.decode(f'{{"RUN_COMMAND": {order}}}'))] == [command]

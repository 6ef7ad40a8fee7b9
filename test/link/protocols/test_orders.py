# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Orders however they are written: what can be read counts, and the rest is said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from xparo_bridge.link.protocols.base import ProtocolError
from xparo_bridge.link.protocols.orders import unix_time
from xparo_bridge.link.protocols.xparo import Xparo
from xparo_bridge.link.protocols.xparo_chatbot import XparoChatbot
from xparo_bridge.link.protocols.xparo_dispatch import XparoDispatch
from xparo_bridge.messages import LinkProblem, RemoteCommand

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

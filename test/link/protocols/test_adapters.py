# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What all adapters have in common, and what no conversation of the vectors reaches."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
import json
from typing import Any

import pytest
import vectors

from xparo_bridge import messages as msg
from xparo_bridge.credentials import Credentials
from xparo_bridge.link.protocols.base import HttpRequest
from xparo_bridge.link.protocols.dispatch_writers import request_of

SECRETS = Credentials('SECRET/KEY', 'PROJECT/ID')
# Where an address has a secret in it.
IN_THE_ADDRESS = {
    'xparo': 'SECRET%2FKEY/PROJECT%2FID',
    'xparo_chatbot': 'SECRET%2FKEY/PROJECT%2FID',
    'xparo_dispatch': 'SECRET%2FKEY/PROJECT%2FID',
    'general_bots': 'token=SECRET%2FKEY',
    'general_bots_meet': 'token=SECRET%2FKEY',
}


def configured(protocol: str, credentials: Credentials, **options: Any) -> Any:
    """Make the adapter of a link as its entry in the configuration says."""
    settings = {
        'url': 'wss://platform.example/ws',
        'robot_id': 'r1',
        'extensions': [],
        'options': options,
    }
    return vectors.ADAPTERS[protocol][0].configured(settings, credentials)


@pytest.mark.parametrize('protocol', vectors.ADAPTERS)
def test_an_adapter_dials_the_address_of_the_configuration_and_shows_no_secret_of_it(protocol):
    adapter = configured(protocol, SECRETS)
    assert adapter.url().startswith('wss://platform.example/ws')
    assert IN_THE_ADDRESS.get(protocol, '') in adapter.url()
    shown = adapter.redacted_url()
    assert shown.startswith('wss://platform.example/ws')
    assert 'SECRET' not in shown
    assert 'PROJECT' not in shown
    assert ('***' in shown) is (shown != adapter.url())


@pytest.mark.parametrize('protocol', ['general_bots', 'general_bots_meet'])
def test_an_address_without_a_secret_is_shown_as_it_is(protocol):
    adapter = configured(protocol, Credentials('', ''))
    assert adapter.url() == adapter.redacted_url() == 'wss://platform.example/ws'


@pytest.mark.parametrize(('bot', 'bot_id'), [({}, 'default'), ({'bot': 'helper'}, 'helper')])
def test_before_its_greeting_the_bot_has_the_name_of_the_configuration(bot, bot_id):
    adapter = configured('general_bots_source', SECRETS, **bot)
    (frame,) = adapter.encode(msg.ChatRequest('hi', 'r1'))
    assert json.loads(frame)['bot_id'] == bot_id


@pytest.mark.parametrize(
    ('command_id', 'found'),
    [
        ('xparo_dispatch/a', ('a',)),
        ('xparo_dispatch#5', (5,)),
        ('xparo_dispatch#{"a": [1]}', ({'a': [1]},)),
        ('xparo_dispatch#null#7', (None,)),
        ('xparo_dispatch#""#7', ('',)),
        ('xparo_dispatch#', None),
        ('xparo_dispatch#oops', None),
        ('xparo_dispatch', None),
        ('other/a', None),
    ],
)
def test_an_id_is_that_of_a_request_only_as_far_as_it_was_made_of_one(command_id, found):
    assert request_of(command_id) == found


def test_of_a_list_too_long_to_read_only_what_stops_the_robot_is_taken():
    adapter = vectors.adapter('xparo_chatbot')
    adapter.urgent = {'stop': 'stop'}
    names = ['dance'] * 40_000 + ['stop', 5, None, {}]
    read = adapter.decode(json.dumps({'commands': names}))
    assert [m for m in read if isinstance(m, msg.RemoteCommand)] == [msg.RemoteCommand('stop')]
    assert any('over 32768 values' in m.problem for m in read if isinstance(m, msg.LinkProblem))


def test_orders_beside_a_state_that_cannot_be_read_are_taken():
    adapter = vectors.adapter('xparo_chatbot')
    frame = '{"status": 5, "commands": ["dock"], "schedule": 1e999}'
    assert msg.RemoteCommand('dock') in adapter.decode(frame)


def test_a_request_by_rest_shows_no_secret_and_stays_as_it_was_made():
    request = HttpRequest('POST', 'https://h/SECRET', 'body', {'Authorization': 'SECRET'})
    assert 'SECRET' not in repr(request)
    with pytest.raises(FrozenInstanceError):
        request.url = 'https://elsewhere'  # It is checked once.
    assert not hasattr(request, '__dict__')


@pytest.mark.parametrize(
    ('protocol', 'members', 'message'),
    [
        ('furhat', '"type": "response.camera.data", "image": "AAA="', msg.CameraFrame(b'\0\0')),
        ('xrx', '"type": "text", "user": "agent", "content": "hi"', msg.ChatReply('hi')),
        (
            'general_bots_source',
            '"content": "hi", "message_type": 2, "is_complete": true',
            msg.ChatReply('hi'),
        ),
    ],
)
def test_a_member_that_is_no_json_is_said_and_the_others_are_read(protocol, members, message):
    adapter = vectors.adapter(protocol)
    assert list(adapter.decode(f'{{{members}}}')) == [message]
    assert list(adapter.decode(f'{{{members}, "x": [1e999]}}')) == [
        msg.LinkProblem('not JSON: x[0]: 1e999 is beyond any number'),
        message,
    ]

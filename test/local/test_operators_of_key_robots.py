# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What an operator is told of robots whose API carries no parameters, or no answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
import contextlib
import sys
from typing import Any

import aiohttp
from driver import Driver
import pytest

from xparo_bridge import messages as msg
from xparo_bridge.link.protocols.xparo_dispatch import XparoDispatch
from xparo_bridge.local.platform_client import OperatorClient, OperatorError
from xparo_bridge.local.platform_server import PlatformServer

PROJECT = {'secret_key': 'demo', 'project_id': 'demo'}
Talk = Callable[[int, OperatorClient, Any], Awaitable[None]]


def with_robot(talk: Talk, api: str = '/ws/chatbot_api') -> None:
    """Run a platform with a robot that speaks an API of keys: a Driver, or a socket."""

    async def running() -> None:
        server = PlatformServer('demo', 'demo')
        port = await server.start('127.0.0.1', 0)
        try:
            async with (
                asyncio.timeout(30),
                robot(port, api) as there,
                await OperatorClient.connect(port=port, **PROJECT) as operator,
            ):
                await talk(port, operator, there)
        finally:
            await server.stop()

    asyncio.run(running())


@contextlib.asynccontextmanager
async def robot(port: int, api: str) -> AsyncIterator[Any]:
    url = f'ws://127.0.0.1:{port}{api}'
    if api == '/ws/chatbot_api':
        async with Driver(XparoDispatch(url=url, robot_id='r1', **PROJECT)) as driver:
            await driver.send(msg.RobotInfo({'hostname': 'h'}))
            await driver.until(msg.LinkCredential)
            yield driver
        return
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(f'{url}/demo/demo/') as socket:
            await socket.send_json({'initialize_api': {}})
            await socket.receive_json()
            yield socket


async def command_line(port: int, *words: str) -> tuple[int, str]:
    """Run `local_platform`; its exit code and all that it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, '-m', 'xparo_bridge', 'local_platform', *words),
        *('--port', str(port), '--secret-key', 'demo', '--project-id', 'demo'),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = (await process.communicate())[0].decode()
    assert 'Traceback' not in said
    return process.returncode or 0, said


@pytest.mark.parametrize(
    ('verb', 'keys', 'words'),
    [
        ('lease', {}, 'cannot be driven by hand'),
        ('send', {'command': 'teleop', 'parameters': {'linear': 0.1}}, 'carries no parameters'),
        ('send', {'command': 'dock', 'parameters': {'dock': 'a'}}, 'carries no parameters'),
    ],
)
def test_what_its_api_does_not_carry_is_refused_and_leaves_no_trace(verb, keys, words):
    async def talk(port: int, operator: OperatorClient, there: Any) -> None:
        with pytest.raises(OperatorError, match=words):
            await operator.request(verb, robot='r1', **keys)
        (robot,) = await operator.robots()
        assert robot['lease'] is None
        assert await operator.request('history', kind='order', robot='r1') == []

    with_robot(talk)


@pytest.mark.parametrize(
    ('verb', 'keys'),
    [
        ('push_tree', {'name': 't', 'xml': '<AlwaysSuccess/>'}),
        ('log_session', {'session_id': 's'}),
        ('token', {'token': 't'}),
    ],
)
def test_a_robot_of_the_older_api_is_sent_nothing_that_it_does_not_know(verb, keys):
    async def talk(port: int, operator: OperatorClient, there: Any) -> None:
        with pytest.raises(OperatorError, match='robots on /chatbot_api take no'):
            await operator.request(verb, **keys)
        await operator.send_command('dock')
        assert await there.receive_json() == {'command': 'dock'}

    with_robot(talk, '/chatbot_api')


@pytest.mark.parametrize(
    ('api', 'words', 'code', 'said'),
    [
        (
            '/ws/chatbot_api',
            ('send', 'dock'),
            0,
            'the robot says how it ended, and nothing before',
        ),
        ('/chatbot_api', ('send', 'dock'), 0, 'carries nothing of what becomes of a command'),
        ('/chatbot_api', ('send', 'dock', '--wait'), 1, 'carries nothing of what becomes of a'),
        ('/chatbot_api', ('cancel', 'c1'), 0, 'carries nothing of what becomes of a command'),
        ('/chatbot_api', ('commands',), 1, 'list_commands: no answer within 3 s'),
    ],
)
def test_the_command_line_says_what_a_robot_will_say(api, words, code, said):
    async def talk(port: int, operator: OperatorClient, there: Any) -> None:
        returned, text = await command_line(port, *words)
        assert said in text
        assert 'has not answered' not in text
        assert returned == code

    with_robot(talk, api)


@pytest.mark.parametrize(
    ('error', 'said'),
    [
        ({'message': 'there is no dock'}, {'error': {'message': 'there is no dock'}}),
        (None, {'error': {'message': 'failed'}}),
        ({'tried': 3}, {'result': {'tried': 3}}),
    ],
)
def test_why_a_command_failed_is_said_as_other_robots_say_it(error, said):
    async def talk(port: int, operator: OperatorClient, there: Any) -> None:
        command_id = await operator.send_command('dock')
        order = await there.until(msg.RemoteCommand)
        failed = msg.CommandState.FAILED
        await there.send(msg.CommandStatus(order.command_id, 'dock', failed, error=error))
        status = await operator.wait_for_status(command_id)
        assert status == {'command_id': command_id, 'command': 'dock', 'state': 'failed', **said}

    with_robot(talk)


def test_a_request_by_rest_makes_no_robot_that_there_is_not():
    async def talk(port: int, operator: OperatorClient, there: Any) -> None:
        url = f'http://127.0.0.1:{port}/chatbot_api/demo/demo/'

        async def post(**keys: Any) -> Any:
            async with there._session.post(url, json=keys) as response:
                return await response.json()

        began = await post(ADD_Logs_history_database={'unique_id': 'r1', 'created_at': '2026'})
        await post(UPDATE_Logs_history_database={'id': began['log_updated'], 'log_files': {}})
        await post(UPDATE_Logs_history_database={'id': ['none'], 'log_files': {}})
        await post(ROBOT_HEARTBEAT={'device_id': 'r2'})
        counts = {robot['robot_id']: robot['counts'] for robot in await operator.robots()}
        assert counts.keys() == {'r1', 'r2'}
        assert counts['r1']['UPDATE_Logs_history_database'] == 1
        assert not (await operator.request('state', robot='r2'))['connected']

    with_robot(talk)


@pytest.mark.parametrize(
    'kind', ['command_status', 'behavior_status', 'telemetry', 'robot_info', 'chat', 'pong']
)
def test_a_key_named_as_a_documented_message_is_none(kind):
    async def talk(port: int, operator: OperatorClient, there: Any) -> None:
        for value in (5, {}, {'command_id': [1]}):
            await there._ws.send_json({kind: value})
        await there.send(msg.ChatRequest('hello', 'r1'))
        await operator.wait_for(
            lambda event: event.get('type') == 'chat' and event['data'] == {'message': 'hello'}
        )
        types = [event.get('type') for event in operator._seen]
        assert types.count(kind) == (1 if kind == 'chat' else 0)
        errors = (await operator.request('state', robot='r1'))['errors']
        assert errors == [f'unknown key "{kind}"'] * 3

    with_robot(talk)


def test_a_chat_is_kept_as_that_of_other_robots_is():
    async def talk(port: int, operator: OperatorClient, there: Any) -> None:
        await there.send(msg.ChatRequest('hello', 'r1'))
        await there.until(msg.ChatReply)
        chat = (await operator.request('state', robot='r1'))['chat']
        assert [line['from'] for line in chat] == ['robot', 'platform']
        kept = await operator.request('history', kind='chat', robot='r1')
        assert [record['data']['from'] for record in kept] == ['robot', 'platform']

    with_robot(talk)


def test_nobody_who_watches_sees_the_credential_that_a_robot_was_given():
    async def talk(port: int, operator: OperatorClient, there: Any) -> None:
        given = there.got[0].value
        async with await OperatorClient.connect(port=port, since=0) as watching:
            await watching.wait_for(lambda event: '"ROBOT_CREDENTIAL"' in event.get('frame', ''))
            assert given not in str(watching._seen)

    with_robot(talk)

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The platform's own clients and the documents' samples find on this machine what they know."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
import sys
from typing import Any

import aiohttp
from driver import Driver
import pytest

from xparo_bridge import messages as msg
from xparo_bridge.link.protocols.xparo_chatbot import XparoChatbot
from xparo_bridge.link.protocols.xparo_dispatch import XparoDispatch
from xparo_bridge.local.key_api import task_xml
from xparo_bridge.local.platform_client import OperatorClient, OperatorError
from xparo_bridge.local.platform_server import PlatformServer
from xparo_bridge.local.platform_store import EVENT_BYTES, EventLog, RobotRecord
from xparo_bridge.local.robot_connections import KeyConnection

VECTORS = sorted((Path(__file__).parent / 'vectors').glob('*.json'))
PROJECT = {'secret_key': 'demo', 'project_id': 'demo'}


def run(talk: Any) -> None:
    async def with_server() -> None:
        server = PlatformServer('demo', 'demo')
        port = await server.start('127.0.0.1', 0)
        try:
            async with aiohttp.ClientSession() as session, asyncio.timeout(20):
                await talk(server, port, session)
        finally:
            await server.stop()

    asyncio.run(with_server())


def fits(found: Any, expected: Any) -> bool:
    if expected == '*':
        return isinstance(found, str)
    if isinstance(expected, dict):
        return (
            isinstance(found, dict)
            and found.keys() == expected.keys()
            and all(fits(found[key], expected[key]) for key in expected)
        )
    return found == expected


@pytest.mark.parametrize('path', VECTORS, ids=lambda path: path.stem)
def test_it_answers_as_the_vector_says(path):
    vector = json.loads(path.read_text())

    async def talk(server: PlatformServer, port: int, session: aiohttp.ClientSession) -> None:
        rest = f'http://127.0.0.1:{port}/chatbot_api/demo/demo/'
        async with session.ws_connect(
            f'ws://127.0.0.1:{port}{vector["path"]}/demo/demo/'
        ) as socket:
            for step in vector['steps']:
                if 'send' in step:
                    await socket.send_json(step['send'])
                    if 'answer' not in step:
                        continue
                    answer = await socket.receive_json()
                else:
                    request = (
                        session.post(rest, json=step['post'])
                        if 'post' in step
                        else session.get(rest)
                    )
                    async with request as response:
                        assert response.status == 201  # Its client takes no other.
                        answer = await response.json()
                assert fits(answer, step['answer']), (step, answer)

    run(talk)


def test_the_credential_that_was_issued_is_good_and_others_are_not():
    async def talk(server: PlatformServer, port: int, session: aiohttp.ClientSession) -> None:
        url = f'http://127.0.0.1:{port}/chatbot_api'
        info = {'ADD_robots_info': {'device_id': 'd'}}
        async with session.post(f'{url}/demo/demo/', json=info) as response:
            credential = (await response.json())['ROBOT_CREDENTIAL']
        for secret, status in ((credential, 201), ('wrong', 403)):
            async with session.post(f'{url}/{secret}/demo/', json={}) as response:
                assert response.status == status
        for path in ('/ws/chatbot_api', '/chatbot_api'):
            async with session.ws_connect(f'ws://127.0.0.1:{port}{path}/{credential}/demo/'):
                pass
            with pytest.raises(aiohttp.WSServerHandshakeError):
                async with session.ws_connect(f'ws://127.0.0.1:{port}{path}/wrong/demo/'):
                    pass

    run(talk)


@pytest.mark.parametrize(
    ('method', 'path', 'body', 'status'),
    [
        ('POST', '/chatbot_api/demo/demo/', b'[' * 100_000, 400),
        ('POST', '/chatbot_api/demo/demo/', b'not JSON', 400),
        ('POST', '/chatbot_api/demo/demo/', b'[]', 400),
        ('PUT', '/chatbot_api/demo/demo/', b'{}', 405),
        ('POST', '/elsewhere', b'{}', 404),
        ('GET', '/ws/chatbot/demo/demo/', b'', 404),
    ],
)
def test_a_request_that_is_none_is_answered_as_such(method, path, body, status):
    async def talk(server: PlatformServer, port: int, session: aiohttp.ClientSession) -> None:
        url = f'http://127.0.0.1:{port}{path}'
        async with session.request(method, url, data=body) as response:
            assert response.status == status

    run(talk)


def test_the_bridge_s_own_adapters_talk_to_it_and_an_operator_to_them():
    async def talk(server: PlatformServer, port: int, session: aiohttp.ClientSession) -> None:
        url = f'ws://127.0.0.1:{port}'
        dispatch = XparoDispatch(url=f'{url}/ws/chatbot_api', robot_id='r1', **PROJECT)
        chatbot = XparoChatbot(url=f'{url}/chatbot_api', **PROJECT)
        async with (
            Driver(dispatch) as robot,
            await OperatorClient.connect(port=port, **PROJECT) as operator,
        ):
            await robot.send(msg.RobotInfo({'hostname': 'h'}))
            await robot.until(msg.LinkCredential)
            await robot.send(msg.AskLogSession('2026-01-01T00:00:00'))
            await robot.until(msg.LogSession)
            await robot.send(msg.ChatRequest('hello', 'r1'))
            assert 'Hello' in (await robot.until(msg.ChatReply)).text
            with pytest.raises(OperatorError, match='the API of r1 carries no parameters'):
                await operator.send_command('dock', {'dock': 'a'}, 'r1')
            command_id = await operator.send_command('dock', {}, 'r1')
            order = await robot.until(msg.RemoteCommand)
            assert order.command == 'dock'
            result = {'commands': {'dock': 'x' * 3000}}
            await robot.send(
                msg.CommandStatus(
                    order.command_id, 'dock', msg.CommandState.SUCCEEDED, result=result
                )
            )
            status = await operator.wait_for_status(command_id)
            assert (status['state'], status['result']) == ('succeeded', result)
            await operator.request('push_tree', robot='r1', name='t', xml='<AlwaysSuccess/>')
            assert (await robot.until(msg.RunTask)).tree_xml == '<AlwaysSuccess/>'
            await robot.send(msg.TaskResult('t', False, 0.5, 'a node is unknown'))
            status = await operator.wait_for(lambda event: event.get('type') == 'behavior_status')
            assert status['data'] == {
                'tree_name': 't',
                'state': 'failed',
                'errors': [{'message': 'a node is unknown'}],
            }
        async with (
            Driver(chatbot) as robot,
            await OperatorClient.connect(port=port, **PROJECT) as operator,
        ):
            assert (await robot.until(msg.ProjectState)).goal == 'Basic'
            await robot.send(msg.SyncConfig())
            await robot.until(msg.ConfigChange)
            await operator.send_command('dock')
            assert (await robot.until(msg.RemoteCommand)).command == 'dock'

    run(talk)


@pytest.mark.parametrize('command', ['stop', 'cancel'])
@pytest.mark.parametrize('chatbot', [True, False])
def test_what_ends_others_goes_out_without_its_parameters(command, chatbot):
    connection = KeyConnection(1, None, RobotRecord('r1'))
    connection.chatbot = chatbot
    data = {'command': command, 'parameters': {'command_id': 'c1'}}
    frame = json.loads(connection.frame('remote_command', data))
    assert (frame if chatbot else frame['RUN_COMMAND'])['command'] == command


@pytest.mark.parametrize('table', ['commands', 'places', 'trees'])
def test_a_table_of_an_answer_without_its_rows_says_so(table):
    async def talk(server: PlatformServer, port: int, session: aiohttp.ClientSession) -> None:
        url = f'ws://127.0.0.1:{port}/ws/chatbot_api'
        words = ['local_platform', table, '--port', str(port), '--robot', 'r1']
        words += ['--secret-key', PROJECT['secret_key'], '--project-id', PROJECT['project_id']]
        async with Driver(XparoDispatch(url=url, robot_id='r1', **PROJECT)) as robot:
            await robot.send(msg.RobotInfo({'hostname': 'h'}))
            await robot.until(msg.LinkCredential)
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, '-m', 'xparo_bridge', *words),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            order = await robot.until(msg.RemoteCommand)
            end = msg.CommandState.SUCCEEDED
            await robot.send(msg.CommandStatus(order.command_id, order.command, end, result={}))
            said = (await process.communicate())[0].decode()
        assert process.returncode == 1
        assert 'the answer has no' in said
        assert 'Traceback' not in said

    run(talk)


WAIT = '<Sequence name="s"><Wait seconds="0.3" /></Sequence>'
ONE = f'<BehaviorTree ID="MainTree">{WAIT}</BehaviorTree>'
TWO = f'<root>{ONE}<BehaviorTree ID="B"><AlwaysSuccess/></BehaviorTree></root>'


@pytest.mark.parametrize(
    ('xml', 'task'),
    [
        (f'<?xml version="1.0"?>\n<root BTCPP_format="4">{ONE}</root>\n', WAIT),
        (f'\n<root main_tree_to_execute="MainTree"> {ONE} <TreeNodesModel/></root>', WAIT),
        (ONE, WAIT),
        (WAIT, WAIT),
        (TWO, TWO),
        ('<root/>', '<root/>'),
        ('no tree', 'no tree'),
    ],
)
def test_a_tree_is_pushed_as_the_platform_s_own_client_takes_it(xml, task):
    assert task_xml(xml) == task


def test_large_frames_do_not_fill_the_memory():
    events, record = EventLog(), RobotRecord('r')
    data = {'blob': 'x' * (EVENT_BYTES // 8)}
    for _ in range(40):
        events.add('r', 'received', type='telemetry', data=data)
        record.receive('telemetry', data, EVENT_BYTES // 8)
    assert sum(len(json.dumps(event)) for event in events.since(0)[1:]) <= EVENT_BYTES
    assert events.since(0)[0]['event'] == 'gap' and events.last == 40
    assert not record.telemetry and record.counts['telemetry'] == 40


@pytest.mark.parametrize('message_id', [[1], {}, None, 5, True, 'text'])
def test_a_message_id_of_any_type_harms_nothing(message_id):
    record = RobotRecord('r')
    for _ in range(2):
        record.receive('chat', {'message': 'hi', 'message_id': message_id, 'resent': True})
    assert record.counts['chat'] == 2


@pytest.mark.parametrize(('depth', 'problem'), [(30_000, 'nested'), (100_000, 'values')])
def test_an_operator_s_frame_that_is_nested_deep_is_refused_and_the_connection_goes_on(
    depth, problem
):
    async def talk(server: PlatformServer, port: int, session: aiohttp.ClientSession) -> None:
        url = f'ws://127.0.0.1:{port}/operator/demo/demo/'
        async with session.ws_connect(url, max_msg_size=0) as socket:
            await socket.send_str('[' * depth)
            assert problem in (await socket.receive_json())['error']
            await socket.send_json({'id': 1, 'verb': 'robots'})
            assert (await socket.receive_json()) == {'id': 1, 'result': []}

    run(talk)

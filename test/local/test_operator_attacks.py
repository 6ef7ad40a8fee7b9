# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What somebody with a token, or with a web page in a browser of this machine, must not get."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json

from local.test_operator_api import connect, HEADERS, platform, robot, token
import pytest
from websockets.exceptions import ConnectionClosed, WebSocketException

from xparo_bridge.local.platform_client import OperatorClient, OperatorError


@pytest.fixture(scope='module')
def port():
    with platform() as (_, port):
        yield port


async def person(port: int, name: str, role: str, **how) -> OperatorClient:
    return await OperatorClient.connect(port=port, token=await token(port, name, role), **how)


async def heard(socket) -> dict:
    async with asyncio.timeout(10.0):
        while (frame := json.loads(await socket.recv()))['type'] == 'ping':
            pass
        return frame


def test_who_is_removed_sees_no_more_either(port):
    async def test():
        async with (
            robot(port, 'seen') as socket,
            await OperatorClient.connect(port=port) as owner,
            await person(port, 'gone', 'viewer') as watcher,
        ):
            await owner.request('remove_person', name='gone')
            await socket.send(json.dumps({'type': 'telemetry', 'data': {'x': 1}}))
            await owner.wait_for(lambda event: event.get('type') == 'telemetry')
            async with asyncio.timeout(5.0):
                await watcher.wait_closed()
            assert not [e for e in watcher._seen if e.get('type') == 'telemetry']

    asyncio.run(test())


@pytest.mark.parametrize(
    'frame',
    [
        {'type': 'REST_API_TOKEN', 'data': {'token': 'mine'}},
        {'type': 'log_updated', 'data': {'session_id': 'mine'}},
        {'REST_API_TOKEN': 'mine'},
        {'log_updated': 'mine'},
        ['REST_API_TOKEN'],
        'no object',
    ],
)
def test_what_only_the_owner_may_do_is_not_had_by_a_raw_frame(port, frame):
    async def test():
        async with (
            robot(port, 'raw1') as socket,
            await person(port, 'op', 'operator') as operator,
        ):
            with pytest.raises(OperatorError) as refused:
                await operator.request('raw', robot='raw1', text=json.dumps(frame))
            assert refused.value.code == 'not_allowed'
            with pytest.raises(OperatorError):
                await operator.request('raw', robot='raw1', hex=json.dumps(frame).encode().hex())
            await operator.request('raw', robot='raw1', text='{"type": "ping"}')
            assert json.loads(await socket.recv()) == {'type': 'ping'}

    asyncio.run(test())


@pytest.mark.parametrize('kind', ['remote_command', 'behavior_update'])
def test_a_raw_frame_goes_under_the_name_of_who_sent_it(port, kind):
    async def test():
        async with (
            robot(port, 'raw2') as socket,
            await person(port, 'mallory', 'operator') as operator,
        ):
            for form in ({'operator': 'ann'}, {}):
                data = {'command': 'dance', **form}
                text = json.dumps({'type': kind, 'data': data})
                await operator.request('raw', robot='raw2', text=text)
                assert (await heard(socket))['data']['operator'] == 'mallory'

    asyncio.run(test())


def test_a_name_among_parameters_of_a_command_is_not_the_senders(port):
    async def test():
        async with (
            robot(port, 'named') as socket,
            await person(port, 'eve', 'operator') as operator,
        ):
            await operator.request(
                'send', robot='named', command='go', parameters={}, operator='ann', data={'x': 1}
            )
            assert (await heard(socket))['data']['operator'] == 'eve'

    asyncio.run(test())


# A page of another host, and one whose name was made to lead to this machine while it was open:
# then Origin and Host are the same, and neither is this machine's.
PAGES = [
    {'Origin': 'http://evil.example'},
    {'Origin': 'null'},
    {'Origin': 'http://evil.example:8765', 'Host': 'evil.example:8765'},
]


@pytest.mark.parametrize('headers', PAGES)
@pytest.mark.parametrize(
    'path',
    [
        '/operator/demo/demo/',
        '/operator/v1',
        '/ws/chatbot/demo/demo/',
        '/ws/chatbot_api/demo/demo/',
        '/chatbot_api/demo/demo/',
    ],
)
def test_a_web_page_in_a_browser_here_opens_no_socket(port, path, headers):
    async def test():
        reader, writer = await asyncio.open_connection('127.0.0.1', port)
        lines = {
            'Host': f'127.0.0.1:{port}', 'Upgrade': 'websocket', 'Connection': 'Upgrade',
            'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
            **headers,
        }  # fmt: skip
        head = ''.join(f'{name}: {value}\r\n' for name, value in lines.items())
        writer.write(f'GET {path} HTTP/1.1\r\n{head}\r\n'.encode())
        async with asyncio.timeout(10.0):
            status = (await reader.readline()).split()[1]
        writer.close()
        return status

    assert asyncio.run(test()) == b'403'


@pytest.mark.parametrize('headers', PAGES)
def test_a_web_page_in_a_browser_here_posts_nothing(port, headers):
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=10)
    # A form of a page may send this without asking first.
    body = json.dumps({'robot_id': 'forged', 'message': 'x'})
    connection.request(
        'POST', '/chatbot_api/demo/demo/', body, {'Content-Type': 'text/plain', **headers}
    )
    assert connection.getresponse().status == 403


def test_a_page_of_this_machine_may_and_programs_need_no_origin(port):
    async def test():
        for headers in ({}, {'Origin': f'http://127.0.0.1:{port}'}):
            async with connect(
                f'ws://127.0.0.1:{port}/operator/demo/demo/', **{HEADERS: headers}
            ) as socket:
                await socket.send('{"id": 1, "verb": "hello"}')
                assert json.loads(await socket.recv())['result']['role'] == 'owner'

    asyncio.run(test())


def test_a_viewer_is_told_no_token_that_goes_to_a_robot(port):
    async def test():
        async with (
            robot(port, 'secretive') as socket,
            await OperatorClient.connect(port=port) as owner,
            await person(port, 'nosy', 'viewer', since=0) as viewer,
        ):
            await owner.request('token', robot='secretive', token='t0p-s3cret')
            assert (await heard(socket))['data'] == {'token': 't0p-s3cret'}
            await viewer.wait_for(lambda event: 'REST_API_TOKEN' in str(event))
            for verb, keys in (
                ('state', {'robot': 'secretive'}),
                ('robots', {}),
                ('history', {'kind': 'audit'}),
            ):
                assert 't0p-s3cret' not in json.dumps(await viewer.request(verb, **keys))
            assert 't0p-s3cret' not in json.dumps(viewer._seen)

    asyncio.run(test())


NO_REQUESTS = (
    '', '[]', '{', '\x00', '1' * 5000, '{"id": {}, "verb": []}',
    '{"verb": "state", "robot": {}}', '{"verb": "history", "kind": [], "limit": "x"}',
    '{"verb": "series", "robot": "r", "keys": 5}', '{"verb": "watch", "since": "x"}',
    '{"verb": "send", "command": {}}', '{"verb": "reached", "timeout": "long"}',
)  # fmt: skip


def test_what_is_no_request_ends_nobody_and_is_answered(port):
    async def test():
        async with (
            await person(port, 'fuzzer', 'operator') as _,
            connect(f'ws://127.0.0.1:{port}/operator/demo/demo/') as socket,
        ):
            for text in NO_REQUESTS:
                await socket.send(text)
                async with asyncio.timeout(10.0):
                    assert 'error' in json.loads(await socket.recv()), text
            await socket.send('{"id": 9, "verb": "hello"}')
            assert json.loads(await socket.recv())['id'] == 9

    with contextlib.suppress(ConnectionClosed, WebSocketException):
        asyncio.run(test())
        return
    pytest.fail('the connection was ended')

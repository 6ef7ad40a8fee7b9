# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does the log of a robot come to the local platform by its REST API, and from nobody else."""

from __future__ import annotations

import asyncio
import http.client
import json

from fixtures.ros_graph import RosGraph
from fixtures.system import PROJECT_ID, SECRET_KEY, start_bridge, start_platform
from local.test_local_platform import platform
import pytest

from xparo_bridge.local.platform_client import OperatorClient
from xparo_bridge.local.platform_rest import MOST_LINES, RestApi


def post(port: int, path: str, body: object, token: str = '') -> tuple[int, dict]:
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=20)
    connection.request('POST', path, json.dumps(body), {'Authorization': f'Bearer {token}'})
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def test_a_session_that_is_opened_brings_the_log_of_the_robots_nodes(tmp_path):
    process, port = start_platform()

    async def test() -> None:
        async with await OperatorClient.connect(
            port=port, secret_key=SECRET_KEY, project_id=PROJECT_ID, since=0
        ) as operator:
            await operator.wait_for(lambda event: event['robot'] == 'r1', 30.0)
            await operator.request('log_session', robot='r1', session_id='night-1')

            def slips() -> None:
                with RosGraph('driver') as graph:
                    for _ in range(200):
                        graph.node.get_logger().warning('wheel slips')
                        if graph.becomes(seen.is_set, 0.2):
                            return

            seen = asyncio.Event()
            saying = asyncio.ensure_future(asyncio.to_thread(slips))
            line = await operator.wait_for(
                lambda event: event['event'] == 'log' and 'wheel slips' in event['text'], 40.0
            )
            seen.set()
            await saying
            assert (line['robot'], line['level'], line['session']) == ('r1', 'WARN', 'night-1')
            kept = await operator.request('history', kind='log', robot='r1', name='night-1')
            assert any('wheel slips' in record['data']['text'] for record in kept)
            # Who watches sees that a token was sent, and not which.
            sent = [event['frame'] for event in operator._seen if event['event'] == 'sent']
            tokens = [json.loads(frame) for frame in sent if 'REST_API_TOKEN' in frame]
            assert tokens and all(frame['data'] == {'token': '***'} for frame in tokens)

    rest = {'rest': {'url': f'http://127.0.0.1:{port}'}}
    with process, start_bridge(tmp_path, port, {'link': rest}):
        asyncio.run(test())


@pytest.mark.parametrize('token', ['', 'guessed'])
def test_nobody_without_a_token_writes_into_a_log(token):
    with platform() as port:
        status, said = post(port, '/api/update-logs/', {'session_id': 's', 'logs': ['x']}, token)
        assert status == 401 and 'no such token' in said['error']


@pytest.mark.parametrize(
    'body',
    [
        b'',
        b'[]',
        b'{"logs": []}',
        b'{"session_id": 1}',
        b'{"session_id": "s", "logs": [1]}',
        b'{"session_id": "s", "logs": "x"}',
        json.dumps({'session_id': 's', 'logs': [''] * (MOST_LINES + 1)}).encode(),
    ],
)
def test_what_is_no_update_is_refused_and_keeps_nothing(body):
    kept: list[object] = []
    api = RestApi(lambda *what: kept.append(what))
    api.admit('t', 'r1')
    status, said = api.answer('POST', '/api/update-logs/', body, 'Bearer t')
    assert status == 400 and json.loads(said)['error']
    assert kept == []


def test_a_new_token_takes_the_place_of_the_earlier_one_of_that_robot_alone():
    kept: list[tuple[str, ...]] = []
    api = RestApi(lambda *what: kept.append(what))
    api.admit('old', 'r1')
    api.admit('other', 'r2')
    api.admit('new', 'r1')
    body = b'{"session_id": "s", "logs": ["[ERROR] [n]: x"], "cpu_usage": 5.0}'
    assert api.answer('POST', '/api/update-logs/', body, 'Bearer old')[0] == 401
    for token in ('new', 'other'):
        assert api.answer('POST', '/api/update-logs/', body, f'Token {token}')[0] == 200
    assert [what[:2] for what in kept] == [
        ('r1', 'ERROR'), ('r1', 'DEBUG'), ('r2', 'ERROR'), ('r2', 'DEBUG'),
    ]  # fmt: skip
    assert api.answer('GET', '/api/update-logs/', b'', 'Bearer new')[0] == 405
    assert api.answer('POST', '/api/else/', b'', 'Bearer new') is None

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does an operator stay connected when a robot leaves just as something is sent to it."""

from __future__ import annotations

import asyncio
import json

from local.test_operator_api import connect
import pytest

from xparo_bridge.local.platform_client import OperatorClient, OperatorError
from xparo_bridge.local.platform_server import PlatformServer

VERBS = {
    'send': {'command': 'dock'},
    'cancel': {},
    'chat': {'text': 'Hi'},
    'push_tree': {'name': 'patrol', 'xml': '<root/>'},
    'raw': {'text': '{"type": "ping"}'},
    'reached': {},
}


def test_what_is_sent_to_a_robot_that_just_left_is_refused_and_nothing_else():
    async def test():
        server = PlatformServer('demo', 'demo')
        port = await server.start('127.0.0.1', 0)
        async with await OperatorClient.connect(port=port, since=0) as operator:
            url = f'ws://127.0.0.1:{port}/ws/chatbot/demo/demo/'
            async with connect(url, ping_interval=None) as socket:
                info = {'type': 'robot_info', 'data': {'robot_id': 'r1'}}
                await socket.send(json.dumps(info))
                await operator.wait_for(lambda event: event.get('type') == 'robot_info')
                gone = server.connection('r1')
            await operator.wait_for(lambda event: event['event'] == 'disconnected')
            server.connections.append(gone)  # As while its end is not noticed yet.
            for verb, keys in VERBS.items():
                with pytest.raises(OperatorError, match='r1 has just left') as refused:
                    await operator.request(verb, robot='r1', **keys)
                assert refused.value.code == 'no_robot', verb
            server.connections.remove(gone)
            assert [robot['robot_id'] for robot in await operator.robots()] == ['r1']
        await server.stop()

    asyncio.run(test())

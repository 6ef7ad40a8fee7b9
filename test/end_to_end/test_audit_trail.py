# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The audit log of a bridge: who ordered what by which door, and what became of it."""

from __future__ import annotations

import asyncio
import json

from fixtures.ros_graph import RosGraph
from fixtures.system import PROJECT_ID, SECRET_KEY, system
from xparo_interfaces.srv import ExecuteCommand

from xparo_bridge.local.platform_client import OperatorClient

TREE = (
    '<root BTCPP_format="4" main_tree_to_execute="t"><BehaviorTree ID="t">'
    '<RemoteCommand command="status" parameters="{}"/></BehaviorTree></root>'
)


def test_orders_of_the_platform_the_robot_and_a_tree_stand_in_it_with_their_ends(tmp_path):
    async def scenario() -> None:
        async with system(tmp_path) as parts:
            await parts.ended(await parts.send('list_commands'))
            with RosGraph() as graph:
                graph.call(
                    ExecuteCommand,
                    '/xparo_bridge/execute_command',
                    ExecuteCommand.Request(command='status'),
                )
            await parts.operator.request('push_tree', name='t', xml=TREE)
            await parts.operator.wait_for(
                lambda event: (
                    event.get('type') == 'behavior_status'
                    and event['data']['state'] == 'succeeded'
                )
            )

    asyncio.run(scenario())
    entries = [
        json.loads(line) for line in (tmp_path / 'state' / 'audit.jsonl').read_text().splitlines()
    ]
    ordered = {
        (entry['source'], entry['command']) for entry in entries if entry['event'] == 'ordered'
    }
    ended = {
        (entry['source'], entry['command'])
        for entry in entries
        if entry['event'] == 'command' and entry['state'] == 'succeeded'
    }
    assert (
        ordered == ended == {('platform', 'list_commands'), ('ros', 'status'), ('tree', 'status')}
    )
    received = next(entry for entry in entries if entry['event'] == 'received')
    assert (received['source'], received['kind']) == ('platform', 'BehaviorUpdate')
    assert [entry['state'] for entry in entries if entry['event'] == 'tree'] == [
        'begins',
        'succeeded',
    ]


def test_the_person_behind_an_order_stands_in_it_by_name(tmp_path):
    async def scenario() -> None:
        async with (
            system(tmp_path) as parts,
            await OperatorClient.connect(
                port=parts.port, secret_key=SECRET_KEY, project_id=PROJECT_ID
            ) as owner,
        ):
            added = await owner.request('add_person', name='anna', role='operator')
            async with await OperatorClient.connect(port=parts.port, token=added['token']) as anna:
                await anna.wait_for_status(await anna.send_command('status'))
                await anna.request('push_tree', name='t', xml=TREE)
                await anna.wait_for(
                    lambda event: (
                        event.get('type') == 'behavior_status'
                        and event['data']['state'] == 'succeeded'
                    )
                )

    asyncio.run(scenario())
    lines = (tmp_path / 'state' / 'audit.jsonl').read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    ordered = next(entry for entry in entries if entry['event'] == 'ordered')
    assert (ordered['command'], ordered['operator']) == ('status', 'anna')
    received = next(entry for entry in entries if entry['event'] == 'received')
    assert received['content']['operator'] == 'anna'

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The audit log of a bridge: who ordered what by which door, and what became of it."""

from __future__ import annotations

import asyncio
import json

from fixtures.ros_graph import RosGraph
from fixtures.system import system
from xparo_interfaces.srv import ExecuteCommand

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

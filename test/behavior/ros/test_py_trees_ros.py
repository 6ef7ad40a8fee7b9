# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Do the viewers of py_trees_ros see a tree that runs, where they are installed."""

from __future__ import annotations

import asyncio
import sys

from fixtures.processes import Process
from fixtures.ros_graph import RosGraph
from fixtures.system import system
import pytest

XML = """<root BTCPP_format="4"><BehaviorTree ID="Main">
<Sequence name="patrol"><AlwaysSuccess name="ready"/><Sleep name="look" msec="600000"/></Sequence>
</BehaviorTree></root>"""

pytest.importorskip('py_trees_ros', reason='py_trees_ros is not installed')


def test_a_snapshot_stream_shows_every_node_with_its_status(tmp_path):
    from py_trees_ros_interfaces.msg import Behaviour, BehaviourTree
    from py_trees_ros_interfaces.srv import OpenSnapshotStream

    def look() -> None:
        with RosGraph() as graph:

            def service() -> str:
                return next(
                    (
                        name
                        for name, _ in graph.node.get_service_names_and_types()
                        if name.endswith('/snapshot_streams/open')
                    ),
                    '',
                )

            name = graph.until(service)
            opened = graph.call(OpenSnapshotStream, name, OpenSnapshotStream.Request())
            from py_trees_ros.utilities import qos_profile_latched

            trees = graph.listen(BehaviourTree, opened.topic_name, qos_profile_latched())
            graph.until(lambda: trees)
            seen = {node.name: node for node in trees[-1].behaviours}
            assert {name: (node.type, node.status) for name, node in seen.items()} == {
                'patrol': (Behaviour.SEQUENCE, Behaviour.RUNNING),
                'ready': (Behaviour.BEHAVIOUR, Behaviour.SUCCESS),
                'look': (Behaviour.BEHAVIOUR, Behaviour.RUNNING),
            }

    _run(tmp_path, look)


def test_the_tree_watcher_prints_it(tmp_path):
    def look() -> None:
        with Process(
            [sys.executable, '-c', 'from py_trees_ros.programs.tree_watcher import main; main()'],
            name='py-trees-tree-watcher',
        ) as watcher:
            watcher.wait_for_line('patrol')
            watcher.wait_for_line('look')

    _run(tmp_path, look)


def _run(folder, look):
    async def scenario() -> None:
        async with system(folder) as parts:
            await parts.operator.request('push_tree', name='patrol', xml=XML)
            await parts.operator.wait_for(
                lambda event: (
                    event.get('type') == 'behavior_status' and event['data']['state'] == 'running'
                )
            )
            await asyncio.to_thread(look)
            await parts.operator.request('push_tree', name='next', xml=XML)
            await parts.operator.wait_for(
                lambda event: (
                    event.get('type') == 'behavior_status'
                    and event['data']['tree_name'] == 'next'
                    and event['data']['state'] == 'running'
                )
            )

    asyncio.run(scenario())

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does a lifecycle node that does not answer cost no more than its state."""

from __future__ import annotations

from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
import pytest
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from rclpy.task import Future

from xparo_bridge.robot.telemetry.groups import nodes
from xparo_bridge.robot.telemetry.groups.nodes import _Lifecycle

NAMES = {'nodes': ['/robot', '/planner', 'robot', 'gone'], 'topics': ['map', '/rosout']}


class Odd:
    """A lifecycle node whose answers wait until they are let."""

    def __init__(self, graph) -> None:
        self.asked = 0
        self.let = Future()
        self.label = 'active'
        graph.robot.create_service(
            GetState, '/odd/get_state', self._answer, callback_group=ReentrantCallbackGroup()
        )

    async def _answer(self, request, response):
        self.asked += 1
        await self.let
        response.current_state = State(label=self.label)
        return response


def test_of_requests_that_are_not_answered_one_waits_at_a_time(graph, monkeypatch):
    monkeypatch.setattr(nodes, '_ANSWER_WITHIN', 0.05)
    odd = Odd(graph)
    lifecycle = _Lifecycle(graph.node, '/odd')
    graph.spin_until(lambda: (lifecycle.ask(), odd.asked >= 4)[1])
    assert len(lifecycle.client._pending_requests) == 1
    assert lifecycle.state == 'unknown'
    odd.let.set_result(None)
    graph.spin_until(lambda: (lifecycle.ask(), lifecycle.state == 'active')[1])
    graph.node.destroy_client(lifecycle.client)


def test_what_it_said_last_does_not_stay_where_it_says_nothing_more(graph, monkeypatch):
    odd = Odd(graph)
    odd.let.set_result(None)
    lifecycle = _Lifecycle(graph.node, '/odd')
    graph.spin_until(lambda: (lifecycle.ask(), lifecycle.state == 'active')[1])
    odd.let = Future()
    asked = odd.asked
    graph.spin_until(lambda: (lifecycle.ask(), odd.asked > asked)[1])
    assert lifecycle.state == 'active'  # It may still answer.
    monkeypatch.setattr(nodes, '_ANSWER_WITHIN', 0.05)
    graph.spin_until(lambda: (lifecycle.ask(), lifecycle.state == 'unknown')[1])
    graph.node.destroy_client(lifecycle.client)


@pytest.mark.parametrize('namespace', ['/', '/robot_1'])
def test_a_name_without_a_namespace_is_in_the_bridge_s_own(graph, namespace):
    bridge = Node('namespaced', namespace=namespace, context=graph.context)
    graph.spin_until(lambda: bridge.count_publishers('/rosout'))
    source = nodes.make(bridge, {**NAMES, 'lifecycle': ['/odd', 'arm']})
    own = '' if namespace == '/' else namespace
    missing = dict.fromkeys(
        ['/robot', '/planner', f'{own}/robot', f'{own}/gone', '/odd', f'{own}/arm']
    )
    del missing['/robot']

    def found():
        reported = source.collect()['nodes']
        return reported if '/robot' not in reported['missing_nodes'] else None

    graph.spin_until(found)
    assert found() == {
        'missing_nodes': list(missing),
        'missing_topics': ['map'],
        'lifecycle': {},  # Those that are not there are missing, and nothing else.
    }
    source.close()
    bridge.destroy_node()

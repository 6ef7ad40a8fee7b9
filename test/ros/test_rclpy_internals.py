# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does rclpy still have what the bridge needs of its private parts, named in one file only."""

from __future__ import annotations

import ast
from pathlib import Path
import re

from action_msgs.msg import GoalStatus
from fixtures.ros_graph import RosGraph
from fixtures.system import start_failing_server
from nav2_msgs.action import NavigateToPose
import pytest
from rclpy.action import ActionClient
from std_srvs.srv import Trigger
from unique_identifier_msgs.msg import UUID

from xparo_bridge.ros import rclpy_internals as internals

PACKAGE = Path(internals.__file__).parents[1]


@pytest.fixture
def graph():
    with RosGraph() as graph:
        yield graph


def test_an_action_client_knows_the_name_and_the_type_of_its_action(graph):
    client = ActionClient(graph.node, NavigateToPose, 'navigate_to_pose')
    assert internals.action_name(client) == 'navigate_to_pose'
    assert internals.action_type(client) is NavigateToPose


def test_a_service_client_awaits_an_answer_from_the_request_to_the_response(graph):
    def answer(request, response):
        return response

    client = graph.node.create_client(Trigger, 'trigger')
    graph.node.create_service(Trigger, 'trigger', answer)
    graph.until(client.service_is_ready)
    assert not internals.awaits_answer(client)
    future = client.call_async(Trigger.Request())
    assert internals.awaits_answer(client)
    graph.until(future.done)
    graph.until(lambda: not internals.awaits_answer(client))


def test_an_action_client_awaits_an_answer_of_each_of_its_three_services(graph):
    with start_failing_server('hang'):
        client = ActionClient(graph.node, NavigateToPose, 'navigate_to_pose')
        graph.until(client.server_is_ready)
        assert not internals.awaits_answer(client)
        sent = client.send_goal_async(NavigateToPose.Goal())
        assert internals.awaits_answer(client)
        handle = graph.result(sent)
        graph.until(lambda: not internals.awaits_answer(client))
        result = handle.get_result_async()
        assert internals.awaits_answer(client)
        cancel = handle.cancel_goal_async()
        graph.until(lambda: cancel.done() and result.done())
        graph.until(lambda: not internals.awaits_answer(client))


def test_a_handle_made_without_an_answer_cancels_the_goals_of_others(graph):
    with start_failing_server('hang') as server, RosGraph('somebody_else') as other:
        goal = other.send_goal(NavigateToPose, 'navigate_to_pose', NavigateToPose.Goal())
        assert goal.accepted
        client = ActionClient(graph.node, NavigateToPose, 'navigate_to_pose')
        graph.until(client.server_is_ready)
        response = graph.answer(internals.goal_handle(client, UUID()).cancel_goal_async)
        assert len(response.goals_canceling) == 1
        graph.until(lambda: 'canceled' in server.lines)


def test_a_handle_made_without_an_answer_has_the_status_it_was_given(graph):
    client = ActionClient(graph.node, NavigateToPose, 'navigate_to_pose')
    handle = internals.goal_handle(client, UUID(), status=GoalStatus.STATUS_EXECUTING)
    assert handle.accepted
    assert handle.status == GoalStatus.STATUS_EXECUTING


def test_no_other_file_names_what_is_private_to_rclpy():
    text = Path(internals.__file__).read_text()
    private = set(re.findall(r'\b(?:client|handle)\.(_[a-z]\w+)', text))
    assert len(private) >= 5
    for file in PACKAGE.rglob('*.py'):
        if file == Path(internals.__file__):
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in private:
                assert isinstance(node.value, ast.Name) and node.value.id == 'self', (
                    f'{file.relative_to(PACKAGE)}:{node.lineno}: {node.attr}'
                )

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What do leaves of the configuration make of actions, services and topics."""

from __future__ import annotations

import time

from builtin_interfaces.msg import Duration
from fixtures.tree_robot import configured, tree_robot
from nav2_msgs.action import DriveOnHeading
import pytest
from rclpy.action import ActionServer
from sensor_msgs.msg import BatteryState
from std_msgs.msg import String
from std_srvs.srv import SetBool

from xparo_bridge.behavior import builtin_registry
from xparo_bridge.behavior.ros.configured import add_configured
from xparo_bridge.messages import Telemetry

NODES = {
    'Creep': {
        'action': 'nav2_msgs/action/DriveOnHeading',
        'name': 'creep',
        'ports': {
            'far': 'target.x',
            'fast': {'field': 'speed', 'default': 0.5},
            'allowed': {'field': 'time_allowance', 'optional': True},
            'went': {'field': 'distance_traveled', 'of': 'feedback'},
            'code': 'error_code',
        },
    },
    'Lamp': {
        'service': 'std_srvs/srv/SetBool',
        'name': 'lamp',
        'ports': {'on': 'data', 'said': 'message'},
    },
    'Tell': {
        'publish': 'std_msgs/msg/String',
        'name': 'told',
        'latched': True,
        'ports': {'text': 'data'},
    },
    'Charged': {
        'condition': 'sensor_msgs/msg/BatteryState',
        'name': 'battery',
        'max_age': 5.0,
        'success_if': 'level > 0.5 && present',
        'ports': {'level': 'percentage'},
    },
}


@pytest.fixture
def robot(tmp_path):
    with tree_robot(tmp_path, NODES) as found:
        assert found.problems == []
        yield found


def test_an_action_gets_its_goal_from_ports_and_gives_its_result_to_ports(robot):
    goals = []

    def execute(handle):
        goals.append(handle.request)
        handle.publish_feedback(DriveOnHeading.Feedback(distance_traveled=0.25))
        handle.succeed()
        return DriveOnHeading.Result(error_code=7)

    server = ActionServer(robot.peer, DriveOnHeading, 'creep', execute)
    run = robot.run('<Creep far="{far}" allowed="2.5" code="{code}"/>', far=1.5)
    assert (run.state, run.blackboard()['code']) == ('succeeded', 7)
    assert (goals[0].target.x, goals[0].speed) == (1.5, 0.5)
    assert goals[0].time_allowance == Duration(sec=2, nanosec=500_000_000)
    server.destroy()


def test_an_input_without_a_value_fails_its_leaf_with_a_reason(robot):
    run = robot.run('<Creep far="{nowhere}"/>')
    assert run.state == 'failed'
    assert '[far] is connected to {nowhere}, which has no value' in run.tree.root.feedback_message


@pytest.mark.parametrize(
    ('body', 'reason'),
    [
        ('<Creep far="1"/>', 'no action server'),
        ('<Lamp on="true"/>', 'no service lamp within 1 s'),
    ],
)
def test_an_absent_server_fails_its_leaf_after_its_timeout(robot, body, reason):
    begin = time.monotonic()
    run = robot.run(body)
    assert run.state == 'failed'
    assert reason in run.tree.root.feedback_message
    assert 0.9 < time.monotonic() - begin < 4.0


@pytest.mark.parametrize(('ok', 'state'), [(True, 'succeeded'), (False, 'failed')])
def test_a_service_succeeds_if_its_response_says_so(robot, ok, state):
    requests = []

    def answer(request, response):
        requests.append(request.data)
        response.success, response.message = ok, 'said'
        return response

    robot.peer.create_service(SetBool, 'lamp', answer)
    run = robot.run('<Lamp on="true" said="{said}"/>')
    assert (run.state, requests, run.blackboard()['said']) == (state, [True], 'said')


def test_a_message_is_published_to_who_listens(robot):
    heard = []
    robot.peer.create_subscription(String, 'told', heard.append, 10)
    assert robot.run('<Tell text="{who}"/>', who='Ada').state == 'succeeded'
    robot.until(lambda: heard)
    assert heard[0].data == 'Ada'


@pytest.mark.parametrize(('level', 'state'), [(0.8, 'succeeded'), (0.2, 'failed')])
def test_a_condition_asks_the_newest_message(robot, level, state):
    publisher = robot.peer.create_publisher(BatteryState, 'battery', 10)
    publish = robot.peer.create_timer(
        0.05, lambda: publisher.publish(BatteryState(percentage=level, present=True))
    )
    run = robot.run('<Charged level="{level}"/>')
    assert run.state == state
    assert run.blackboard()['level'] == pytest.approx(level)
    publish.cancel()


def test_a_condition_without_a_message_fails(robot):
    run = robot.run('<Charged/>')
    assert run.state == 'failed'
    assert 'nothing came on battery yet' in run.tree.root.feedback_message


def test_telemetry_has_the_types_its_values_have(robot):
    run = robot.run('<SendTelemetry parcel="{n}" where="hall" ratio="0.5" list="[1, 2]"/>', n=3)
    assert run.state == 'succeeded'
    assert robot.sent == [Telemetry({'parcel': 3, 'where': 'hall', 'ratio': 0.5, 'list': [1, 2]})]


@pytest.mark.parametrize(
    ('node', 'path', 'problem'),
    [
        ({'action': 'nav2_msgs/action/Fly', 'name': 'x'}, ('N', 'action'), 'has no action Fly'),
        (
            {'action': 'nav2_msgs/action/Spin', 'name': 'x', 'ports': {'a': 'target_yow'}},
            ('N', 'ports', 'a'),
            'no part of it has a field "target_yow"',
        ),
        (
            {'publish': 'std_msgs/msg/String', 'name': 'x', 'ports': {'a': 'dota'}},
            ('N', 'ports', 'a'),
            'std_msgs/String has no field "dota"; it has data',
        ),
        (
            {'condition': 'std_msgs/msg/String', 'name': 'x', 'success_if': 'data =='},
            ('N', 'success_if'),
            'a value is missing',
        ),
        (
            {'condition': 'std_msgs/msg/String', 'name': 'x', 'success_if': 'dota == 1'},
            ('N', 'success_if'),
            'has no field "dota"',
        ),
    ],
)
def test_a_node_that_cannot_work_is_known_before_any_tree(tmp_path, node, path, problem):
    problems = add_configured(builtin_registry(), configured(tmp_path, {'N': node}))
    assert [where for where, _ in problems] == [path]
    assert problem in problems[0][1]


def test_an_absent_server_is_named_with_one_that_may_be_meant(robot):
    robot.peer.create_service(SetBool, '/cellar/lamp', lambda request, response: response)
    robot.until(lambda: robot.node.count_services('/cellar/lamp'))
    run = robot.run('<Lamp on="true"/>')
    assert '; /cellar/lamp has this type' in run.tree.root.feedback_message

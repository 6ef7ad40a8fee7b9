# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What do leaves of the configuration make of actions, services and topics."""

from __future__ import annotations

from pathlib import Path
import threading
import time

from action_msgs.msg import GoalStatus
from builtin_interfaces.msg import Duration
from fixtures.tree_robot import configured, TIMEOUT, tree_robot
from nav2_msgs.action import DriveOnHeading
import pytest
from rclpy.action import ActionServer, CancelResponse
from rclpy.task import Future
from sensor_msgs.msg import BatteryState
from std_msgs.msg import String
from std_srvs.srv import SetBool

from xparo_bridge.behavior import builtin_registry
from xparo_bridge.behavior.ros import tree_ros
from xparo_bridge.behavior.ros.configured import add_configured
from xparo_bridge.faults import FAULTS
from xparo_bridge.messages import Telemetry
from xparo_bridge.ros.action_goal import ActionGoal

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


def throw(*ignored: object) -> None:
    """Raise what nobody foresees."""
    raise SystemExit('not foreseen')


@pytest.mark.parametrize(
    ('owner', 'method'),
    [
        (tree_ros.Goal, 'accept'),
        (tree_ros.Goal, 'feed'),
        (tree_ros.Goal, 'on_outcome'),
        (ActionGoal, '_answered'),
        (ActionGoal, '_result'),
        (ActionGoal, '_watch'),
    ],
)
def test_a_fault_in_a_goal_of_a_leaf_fails_the_leaf_and_cancels_the_goal(
    robot, monkeypatch, owner, method
):
    handles, over = [], threading.Event()

    async def execute(handle):
        handles.append(handle)
        handle.publish_feedback(DriveOnHeading.Feedback(distance_traveled=0.25))
        end = time.monotonic() + (0.0 if method in ('on_outcome', '_result') else TIMEOUT)
        while not handle.is_cancel_requested and time.monotonic() < end:
            await once(robot.peer)
        over.set()
        if handle.is_cancel_requested:
            handle.canceled()
        else:
            handle.succeed()
        return DriveOnHeading.Result()

    server = ActionServer(
        robot.peer, DriveOnHeading, 'creep', execute,
        cancel_callback=lambda goal: CancelResponse.ACCEPT,
    )  # fmt: skip
    before = FAULTS.total
    with monkeypatch.context() as broken:
        broken.setattr(owner, method, throw)
        run = robot.run('<Creep far="1"/>')
    assert run.state == 'failed'
    assert 'not foreseen' in run.tree.root.feedback_message
    assert FAULTS.total > before
    robot.until(over.is_set)
    robot.until(lambda: robot.runner.idle)
    assert handles[0].status in (GoalStatus.STATUS_CANCELED, GoalStatus.STATUS_SUCCEEDED)
    succeeded = handles[0].status == GoalStatus.STATUS_SUCCEEDED
    assert succeeded == (method in ('on_outcome', '_result'))
    # Another tree has its turn as if nothing had been.
    method = '_result'
    assert robot.run('<Creep far="1"/>').state == 'succeeded'
    server.destroy()


def once(node):
    """Return a future that is done a moment later."""
    future = Future()
    timer = node.create_timer(0.02, lambda: (timer.cancel(), future.set_result(None)))
    return future


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


@pytest.mark.parametrize(
    ('charge', 'state'), [(0.8, 'succeeded'), (0.1, 'failed'), (None, 'failed')]
)
def test_the_guides_leaf_that_looks_at_a_topic_does(robot, charge, state):
    guide = (Path(__file__).parents[3] / 'docs' / 'behavior-trees.md').read_text()
    code = next(block for block in guide.split('```python\n') if 'class BatteryAbove' in block)
    names = {}
    exec(code.split('```')[0], names)
    robot.register(names['BatteryAbove'])
    publisher = robot.peer.create_publisher(BatteryState, 'battery_state', 10)
    publish = robot.peer.create_timer(
        0.05, lambda: charge is not None and publisher.publish(BatteryState(percentage=charge))
    )
    # The node subscribes as it is made; the battery is heard a moment later.
    run = robot.run('<Delay delay_msec="2000"><BatteryAbove least="0.5"/></Delay>')
    assert run.state == state
    publish.cancel()


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


@pytest.mark.parametrize(('depth', 'kept'), [((), ['5']), ((1,), ['5']), ((3,), ['3', '4', '5'])])
def test_of_a_topic_as_many_of_the_newest_messages_are_kept_as_are_asked_for(robot, depth, kept):
    ros = tree_ros.TreeRos(robot.node)
    topic = ros.topic('std_msgs/msg/String', '/words', *depth)
    publisher = robot.peer.create_publisher(String, '/words', 10)

    def heard() -> bool:
        topic.refresh()
        return topic.message is not None and topic.message.data == '0'

    robot.until(lambda: publisher.publish(String(data='0')) or robot.spin() or heard())
    for number in range(1, 6):
        publisher.publish(String(data=f'{number}'))
        robot.until(lambda n=number: topic.message.data == f'{n}')
    assert [message.data for message in topic.messages] == kept
    ros.close()

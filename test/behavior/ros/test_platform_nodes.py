# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Do the nodes of the platform's own client run, and is it said where one cannot."""

from __future__ import annotations

import math
import time

from fixtures.tree_robot import tree_robot
from nav2_msgs.action import DockRobot, UndockRobot
import pytest
from rcl_interfaces.msg import SetParametersResult
from rclpy.action import ActionServer
from sensor_msgs.msg import BatteryState

from xparo_bridge.behavior.errors import ConversionError
from xparo_bridge.behavior.ros.platform_nodes import parameter_value
from xparo_bridge.behavior.ros.robot_commands import NoCommands


class Commands(NoCommands):
    """Commands that are known by name and take numbers only."""

    def knows(self, command):
        return command in ('speak_text', 'lift')

    def problems(self, command, parameters):
        if not self.knows(command):
            return [f'there is no command {command!r}']
        wrong = [name for name, value in parameters.items() if not isinstance(value, int)]
        return [f'{name}: expected a number' for name in wrong]


@pytest.fixture
def robot(tmp_path):
    with tree_robot(tmp_path) as found:
        yield found


def test_a_wait_with_seconds_needs_no_server(robot):
    begin = time.monotonic()
    assert robot.run('<Wait seconds="0.3"/>').state == 'succeeded'
    assert 0.3 <= time.monotonic() - begin < 5.0


@pytest.mark.parametrize(
    ('kind', 'action', 'body'),
    [
        (DockRobot, 'dock_robot', '<DockRobot dock_name="home" dock_type="a"/>'),
        (DockRobot, 'dock_robot', '<DockRobot dock_method="docking" dock_name="home"/>'),
        (
            UndockRobot,
            'undock_robot',
            '<DockRobot dock_method="undocking" dock_name="home" dock_type="a"/>',
        ),
    ],
)
def test_docking_has_the_ports_of_the_platform(robot, kind, action, body):
    goals = []

    def execute(handle):
        goals.append(handle.request)
        handle.succeed()
        return kind.Result(success=True)

    server = ActionServer(robot.peer, kind, action, execute)
    assert robot.run(body).state == 'succeeded'
    if kind is DockRobot:
        assert goals[0].dock_id == 'home'
    server.destroy()


@pytest.mark.parametrize(
    ('value', 'kind', 'expected'),
    [
        ('0.5', 'double', 0.5),
        ('{list}', 'double_array', [0.5, 1.0, 2.0]),
        ('0.5,1,2', 'double_array', [0.5, 1.0, 2.0]),
        ('[0.5, 1, 2]', 'double_array', [0.5, 1.0, 2.0]),
        ('3', 'int', 3),
        ('true', 'bool', True),
        ('a', 'string', 'a'),
    ],
)
def test_a_parameter_of_a_node_is_set(robot, value, kind, expected):
    robot.peer.declare_parameter('p', expected)
    asked = []

    def decide(parameters):
        asked.extend(parameter.value for parameter in parameters)
        return SetParametersResult(successful=True)

    robot.peer.add_on_set_parameters_callback(decide)
    run = robot.run(
        f'<ParamSet node_name="peer" param_name="p" param_value="{value}" param_type="{kind}"/>',
        list=[0.5, 1.0, 2.0],
    )
    assert (run.state, run.error) == ('succeeded', '')
    assert [list(each) if isinstance(expected, list) else each for each in asked] == [expected]


def test_a_parameter_that_is_refused_fails_with_the_reason(robot):
    body = '<ParamSet node_name="peer" param_name="none" param_value="1" param_type="int"/>'
    run = robot.run(body)
    assert run.state == 'failed'
    assert 'ParamSet' in run.error


@pytest.mark.parametrize(('kind', 'value'), [('colour', '1'), ('int', 'x'), ('int_array', '[1')])
def test_a_value_of_another_kind_is_refused(kind, value):
    with pytest.raises(ConversionError):
        parameter_value(kind, value)


@pytest.mark.parametrize(('least', 'state'), [('70.0', 'succeeded'), ('90', 'failed')])
def test_the_level_of_the_battery_is_compared_in_per_cent(robot, least, state):
    publisher = robot.peer.create_publisher(BatteryState, 'battery_state', 10)
    robot.peer.create_timer(0.05, lambda: publisher.publish(BatteryState(percentage=0.8)))
    run = robot.run(f'<CheckBatteryLevel min_level="{least}"/>')
    assert run.state == state
    assert ('the battery has 80 %, less than 90 %' in run.error) is (state == 'failed')


@pytest.mark.parametrize('node', ['CheckBatteryLevel min_level="0"', 'IsBatteryLow'])
@pytest.mark.parametrize('part', [10.0, 87.0, -1.0, -0.5, math.nan, math.inf])
def test_what_is_no_charge_is_neither_low_nor_enough(robot, node, part):
    publisher = robot.peer.create_publisher(BatteryState, 'battery_state', 10)
    robot.peer.create_timer(0.05, lambda: publisher.publish(BatteryState(percentage=part)))
    run = robot.run(f'<{node} battery_topic="battery_state"/>')
    assert run.state == 'failed'
    assert 'the charge of the battery is not known' in run.error


@pytest.mark.parametrize(
    ('body', 'problem'),
    [
        ('<SpeakText text="hello" voice="amy"/>', None),
        ('<PlayAudio file_path="{path}" async="true"/>', "there is no command 'play_audio'"),
        ('<LoadNextDelivery/>', "there is no command 'load_next_delivery'"),
        ('<NavigateTo location="{bed}"/>', "there is no command 'start_navigation'"),
        ('<RemoteCommand command="lift" floor="3"/>', None),
        ('<RemoteCommand command="lift" floor="{floor}"/>', None),
        ('<RemoteCommand command="{name}" floor="x"/>', None),
        ('<RemoteCommand command="lift" floor="top"/>', 'floor: expected a number'),
        ('<RemoteCommand command="lift" parameters="[1]"/>', 'the port [parameters]'),
        ('<RemoteCommand command="left"/>', "there is no command 'left'"),
        ('<RemoteCommand floor="1"/>', 'the port [command] has no value'),
    ],
)
def test_what_is_wrong_with_a_command_is_said_when_its_tree_is_checked(robot, body, problem):
    robot.runner.bind_commands(Commands(), lambda message: True)
    errors = robot.check('t', f'<BehaviorTree ID="M">{body}</BehaviorTree>')
    assert (errors is None) is (problem is None), errors
    if problem is not None:
        assert problem in str(errors)

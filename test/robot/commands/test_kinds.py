# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does each kind of command do what it says, and say what it did."""

from __future__ import annotations

import json
from pathlib import Path

from fixtures.ros_graph import RosGraph
from fixtures.system import start_failing_server, start_robot
from nav2_msgs.action import (
    BackUp,
    DockRobot,
    DriveOnHeading,
    FollowWaypoints,
    NavigateThroughPoses,
    NavigateToPose,
    Spin,
)
from nav2_msgs.msg import SpeedLimit
import pytest
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.action import ActionServer
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.task import Future
from std_msgs.msg import String
from std_srvs.srv import SetBool, Trigger
import yaml

from xparo_bridge.configuration import ConfigurationError
from xparo_bridge.messages import CommandState
from xparo_bridge.ros.nav2_errors import describe
from xparo_bridge.ros.nav2_goals import poses_of
from xparo_bridge.ros.problems import Problems
from xparo_bridge.share import share

GO = {'kind': 'navigate', 'server_timeout': 10.0}
LED = {
    'kind': 'publish',
    'topic': '/led',
    'type': 'std_msgs/msg/UInt8',
    'message': {'data': '$level'},
}
LIGHT = {
    'kind': 'service',
    'service': '/light',
    'type': 'std_srvs/srv/SetBool',
    'request': {'data': '$on'},
    'server_timeout': 5.0,
    'parameters': {'on': {'type': 'boolean', 'required': True}},
}


def served(at, kind, action, result=None):
    """Serve an action in the test's node, with success or an abort; the goals that came."""
    goals = []

    def execute(handle):
        goals.append(handle.request)
        if result is None:
            handle.succeed()
        else:
            handle.abort()
        return result or kind.Result()

    server = ActionServer(at.graph.node, kind, action, execute)
    at.servers = [*getattr(at, 'servers', []), server]
    return goals


# --- navigate, dock ---


@pytest.mark.parametrize(
    ('parameters', 'kind', 'action', 'check'),
    [
        (
            {'goal': 'home'},
            NavigateToPose,
            'navigate_to_pose',
            lambda goal: goal.pose.pose.position.x == 1.0 and goal.pose.header.frame_id == 'map',
        ),
        (
            {'x': 1, 'y': 2, 'frame': 'odom'},
            NavigateToPose,
            'navigate_to_pose',
            lambda goal: goal.pose.header.frame_id == 'odom',
        ),
        (
            {'goals': ['home', {'x': 5, 'y': 6}]},
            NavigateThroughPoses,
            'navigate_through_poses',
            lambda goal: [pose.pose.position.x for pose in poses_of(goal)] == [1.0, 5.0],
        ),
        (
            {'goals': ['home', 'table_4'], 'stop_at_each': True},
            FollowWaypoints,
            'follow_waypoints',
            lambda goal: len(goal.poses) == 2 and goal.number_of_loops == 0,
        ),
        (
            {'goals': ['home', 'table_4'], 'loops': 3},
            FollowWaypoints,
            'follow_waypoints',
            lambda goal: goal.number_of_loops == 3,
        ),
        ({'turn': -1.5}, Spin, 'spin', lambda goal: goal.target_yaw == -1.5),
        (
            {'distance': 1.5},
            DriveOnHeading,
            'drive_on_heading',
            lambda goal: goal.target.x == 1.5 and goal.speed > 0,
        ),
        (
            {'distance': -0.5},
            BackUp,
            'backup',
            lambda goal: goal.target.x == 0.5 and goal.speed > 0,
        ),
    ],
)
def test_navigate_takes_each_form_to_its_action(station, parameters, kind, action, check):
    at = station({'go': GO})
    goals = served(at, kind, action)
    assert at.end(at.send('go', **parameters)).state is CommandState.SUCCEEDED
    assert check(goals[0])


def test_nav2s_error_codes_are_spelled_out(station):
    at = station({'go': GO})
    served(at, NavigateToPose, 'navigate_to_pose', NavigateToPose.Result(error_code=208))
    error = at.end(at.send('go', goal='home')).error
    assert (error['code'], error['error_code'], error['error_name']) == (
        'aborted',
        208,
        'NO_VALID_PATH',
    )
    assert error['message'] == 'there is no free path to the goal'


def test_every_error_code_of_nav2_has_its_name_and_words():
    constants = json.loads(
        (Path(__file__).parents[2] / 'interfaces' / 'nav2_msgs_constants.json').read_text()
    )
    for message, codes in constants.items():
        if not message.endswith('_Result'):
            continue
        for name, code in codes.items():
            result = NavigateToPose.Result(error_code=code)
            if code:
                assert describe(result)[0] == name, (message, name)
                assert describe(result)[1]


@pytest.mark.parametrize(
    ('parameters', 'check'),
    [
        ({}, lambda goal: goal.use_dock_id and goal.dock_id == 'charger'),
        ({'dock': 'other'}, lambda goal: goal.use_dock_id and goal.dock_id == 'other'),
        (
            {'place': 'home'},
            lambda goal: not goal.use_dock_id and goal.dock_pose.pose.position.x == 1,
        ),
    ],
)
def test_dock_goes_to_a_dock_of_the_database_or_at_a_place(station, parameters, check):
    at = station({'dock': {'kind': 'dock', 'dock': 'charger'}})
    goals = served(at, DockRobot, 'dock_robot')
    assert at.end(at.send('dock', **parameters)).result == {'retries': 0}
    assert check(goals[0])


# --- action, service, publish ---


def test_any_action_is_sent_with_the_parameters_and_its_feedback_reported(station):
    wait = {
        'kind': 'action',
        'action': 'wait',
        'type': 'nav2_msgs/action/Wait',
        'goal': {'time': '$seconds'},
        'parameters': {'seconds': {'type': 'number', 'required': True, 'maximum': 60}},
    }
    with start_failing_server(
        'flood', '--delay', '0.5', '--action', 'wait', '--type', 'nav2_msgs/action/Wait'
    ):
        at = station({'wait': wait})
        assert at.send('wait').status.error['code'] == 'bad_parameters'
        assert at.send('wait', seconds=61).status.error['code'] == 'bad_parameters'
        run = at.send('wait', seconds=1.5)
        end = at.end(run)
        assert end.result['error_code'] == 0
        assert {'time_left': 0.0} in [s.progress for s in at.reported]


@pytest.mark.parametrize(
    ('commands', 'problem'),
    [
        (
            {'x': {**LIGHT, 'request': {'dta': True}}},
            r'robot\.yaml:\d+: commands\.x\.request\.dta: .*has no field "dta"; it has data',
        ),
        (
            {'x': {**LIGHT, 'request': {'data': '$off'}}},
            r'request\.data: there is no parameter "off"',
        ),
        ({'x': {**LIGHT, 'type': 'std_srvs/srv/SetBol'}}, r'x\.type: package std_srvs has no srv'),
        ({'x': {**LIGHT, 'type': 'no_such/srv/Thing'}}, 'package no_such is not installed'),
        (
            {'x': {**LIGHT, 'parameters': {'on': {'type': 'bool'}}}},
            r"on\.type: 'bool' is not one of",
        ),
        (
            {'x': {**LIGHT, 'parameters': {'on': {'type': 'boolean', 'default': 3}}}},
            r'parameters\.on\.default: 3 is a whole number, expected true or false',
        ),
        *(
            (
                {'x': {**LED, 'parameters': {'level': {'type': 'integer', key: value}}}},
                rf'parameters\.level\.{key}.*: {number} is not a whole number from 0 to 255',
            )
            for key, value, number in (
                ('default', 300, 300),
                ('minimum', -1, -1),
                ('maximum', 256, 256),
                ('exclusiveMaximum', 257, 256),
                ('enum', [1, 300], 300),
            )
        ),
        *(
            (
                {'x': {**LIGHT, 'parameters': {'on': {'type': 'string', **entry}}}},
                rf'parameters\.on\.{words}',
            )
            for entry, words in (
                ({'enum': [True, False]}, r'enum\[0\]: true is .*put it in quotes'),
                ({'enum': ['one', 2]}, r'enum\[1\]: 2 is a whole number.*put it in quotes'),
                ({'default': False}, 'default: false is .*put it in quotes'),
            )
        ),
        (
            {
                'x': {
                    'kind': 'action',
                    'action': 'wait',
                    'type': 'nav2_msgs/action/Wait',
                    'goal': {'time': {'secs': 3}},
                }
            },
            r'goal\.time\.secs: .*has no field "secs"',
        ),
        (
            {
                'x': {
                    'kind': 'publish',
                    'topic': '/x',
                    'type': 'std_msgs/msg/String',
                    'message': {'data': 3},
                }
            },
            r"message\.data: '3' is not a string",
        ),
    ],
)
def test_a_misspelt_field_is_an_error_at_start_with_file_and_line(station, commands, problem):
    with pytest.raises(ConfigurationError, match=problem):
        station(commands)


def test_a_service_is_called_and_its_response_reported(station):
    at = station({'light': LIGHT})
    calls = []

    def answer(request, response):
        calls.append(request.data)
        response.success, response.message = request.data, 'as you like'
        return response

    at.graph.node.create_service(SetBool, '/light', answer)
    end = at.end(at.send('light', on=True))
    assert end.result == {'success': True, 'message': 'as you like'}
    end = at.end(at.send('light', on=False))
    assert (end.state, end.error['code'], end.error['message']) == (
        CommandState.FAILED,
        'unsuccessful',
        'as you like',
    )
    assert calls == [True, False]


def test_an_absent_service_fails_and_one_that_hangs_is_timed_out(station):
    call = {'kind': 'service', 'type': 'std_srvs/srv/Trigger'}
    at = station(
        {
            'absent': {**call, 'service': '/absent', 'server_timeout': 0.3},
            'hangs': {**call, 'service': '/hangs', 'timeout': 0.5},
        }
    )
    assert at.end(at.send('absent')).error['code'] == 'no_service'

    async def hang(request, response):
        await at.never
        return response

    at.never = Future()
    at.graph.node.create_service(Trigger, '/hangs', hang, callback_group=ReentrantCallbackGroup())
    assert at.end(at.send('hangs')).state is CommandState.TIMED_OUT


def test_a_server_of_another_type_is_named_where_none_is_found(station):
    at = station(
        {
            'call': {
                'kind': 'service',
                'type': 'std_srvs/srv/Trigger',
                'service': 'lights',
                'server_timeout': 0.5,
            },
            'act': {
                'kind': 'action',
                'type': 'nav2_msgs/action/Spin',
                'action': 'turn',
                'goal': {},
                'server_timeout': 0.5,
            },
        }
    )
    # In a participant of its own, as one has one type alone for a name.
    with RosGraph('others') as others:
        others.node.create_service(SetBool, 'lights', lambda request, response: response)
        ActionServer(others.node, DriveOnHeading, 'turn', lambda goal: None)
        at.graph.until(
            lambda: (
                at.graph.node.count_services('turn/_action/send_goal')
                and at.graph.node.count_services('lights')
            )
        )
        for command, words in (
            ('call', 'it is served as std_srvs/srv/SetBool, expected std_srvs/srv/Trigger'),
            ('act', 'it is served as nav2_msgs/action/DriveOnHeading, expected nav2_msgs'),
        ):
            assert words in at.end(at.send(command)).error['message']


def test_a_burst_of_calls_is_answered_to_the_last(station):
    at = station({'light': LIGHT})
    calls = []

    def answer(request, response):
        calls.append(request.data)
        response.success = True
        return response

    at.graph.node.create_service(SetBool, '/light', answer)
    at.end(at.send('light', on=True))
    runs = [at.send('light', on=True) for _ in range(100)]
    assert {at.end(run).state for run in runs} == {CommandState.SUCCEEDED}
    assert len(calls) == 101


def test_a_message_is_published_as_often_as_the_configuration_says(station):
    at = station(
        {
            'led': {
                'kind': 'publish',
                'topic': '/led',
                'type': 'std_msgs/msg/String',
                'times': 3,
                'rate': 50.0,
                'message': {'data': 'LED ${color}'},
                'parameters': {
                    'color': {'type': 'string', 'enum': ['red', 'green'], 'required': True}
                },
            }
        }
    )
    reported = at.graph.listen(String, '/led')
    assert at.send('led', color='blue').status.error['code'] == 'bad_parameters'
    assert at.end(at.send('led', color='red')).result == {'times': 3}
    at.until(lambda: len(reported) == 3)
    assert {message.data for message in reported} == {'LED red'}


def test_publishing_and_saying_to_nobody_fail(station):
    at = station(
        {
            'led': {
                'kind': 'publish',
                'topic': '/led',
                'type': 'std_msgs/msg/String',
                'subscriber_timeout': 0.2,
            },
            'say': {'kind': 'say'},
        }
    )
    assert at.end(at.send('led')).error['code'] == 'no_subscriber'
    assert at.end(at.send('say', text='hello')).error['code'] == 'nobody_speaks'


KEEPING = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


@pytest.mark.parametrize(
    ('kind', 'topic', 'qos', 'words'),
    [
        (String, '/lede', 10, '/led: nobody subscribes to it; /lede has this type'),
        (String, '/led', KEEPING, 'does not fit: '),
        (String, '/led', KEEPING, '; write latched: true below the command'),
    ],
)
def test_what_nobody_hears_says_why(station, kind, topic, qos, words):
    settings = {'kind': 'publish', 'topic': '/led', 'type': 'std_msgs/msg/String'}
    at = station({'led': settings | {'subscriber_timeout': 0.5}})
    at.graph.node.create_subscription(kind, topic, print, qos)
    at.until(lambda: at.graph.node.count_subscribers(topic))
    error = at.end(at.send('led')).error
    assert error['code'] == 'no_subscriber'
    assert words in error['message']


def test_say_hands_the_text_to_what_speaks(station):
    at = station({'say': {'kind': 'say', 'max_length': 20}})
    said = at.graph.listen(String, '/xparo_bridge/say')
    at.until(lambda: at.graph.node.count_subscribers('/xparo_bridge/say'))
    assert at.end(at.send('say', text='Grüß Gott')).state is CommandState.SUCCEEDED
    at.until(lambda: said)
    assert said[0].data == 'Grüß Gott'
    assert at.send('say', text='x' * 21).status.error['code'] == 'bad_parameters'


# --- the robot itself ---


def test_a_place_is_saved_known_at_once_and_after_a_restart(station):
    commands = {'go': GO, 'save': {'kind': 'save_place'}}
    with start_robot():
        at = station(commands)
        end = at.end(at.send('save', name='here'))
        pose = end.result['pose']
        assert (pose['x'], pose['y'], pose['frame']) == (0.8, 4.0, 'map')
        assert at.send('save', name='here').status.error['code'] == 'place_exists'
        assert at.end(at.send('save', name='here', replace=True)).state is CommandState.SUCCEEDED
        at.die()
        at = station(commands)
        goals = served(at, NavigateToPose, 'navigate_to_somewhere')
        assert not goals
        run = at.send('go', goal='here')
        assert run.open
        at.send('go', goal='nowhere')
        assert 'here' in at.reported[-1].error['known']


@pytest.mark.parametrize(
    ('given', 'kept'),
    [
        ({'x': 1, 'y': -2.5}, {'x': 1.0, 'y': -2.5, 'yaw': 0.0, 'frame': 'map'}),
        (
            {'x': 1.0, 'y': 2.0, 'yaw': 1.57, 'frame': '/hall'},
            {'x': 1.0, 'y': 2.0, 'yaw': 1.57, 'frame': 'hall'},
        ),
    ],
)
def test_a_place_can_be_saved_where_the_robot_is_not(station, given, kept):
    at = station({'save': {'kind': 'save_place'}, 'menu': {'kind': 'list_commands'}})
    saved = at.end(at.send('save', name='shelf', pose=given))
    assert (saved.state, saved.result['pose']) == (CommandState.SUCCEEDED, kept)
    assert at.end(at.send('menu')).result['place_poses']['shelf'] == kept
    assert at.end(at.send('save', name='shelf', pose=given)).error['code'] == 'place_exists'
    assert at.end(at.send('save', name='far', pose={'x': 1e9, 'y': 0})).error['code'] == (
        'bad_parameters'
    )


def test_a_robot_that_does_not_know_where_it_is_saves_nothing(station):
    at = station({'save': {'kind': 'save_place', 'transform_timeout': 0.3}})
    assert at.end(at.send('save', name='here')).error['code'] == 'no_transform'
    assert 'here' not in at.send('save', name='x').kind.robot.places.names


@pytest.mark.parametrize(
    ('speed', 'taken'),
    [
        (0.05, True),
        (0.3, True),
        (0.5, True),
        (0, True),  # No limit.
        (0.04, False),
        (0.51, False),
        (-0.3, False),
        (float('inf'), False),
        (True, False),
        ('0.3', False),
        (None, False),
    ],
)
def test_the_speed_that_the_packages_command_sets_is_what_every_controller_obeys(
    station, speed, taken
):
    commands = yaml.safe_load(share('config', 'commands.yaml').read_text())['commands']
    at = station({'set_max_speed': {**commands['set_max_speed'], 'subscriber_timeout': 10.0}})
    limits = at.graph.listen(SpeedLimit, '/speed_limit')
    end = at.end(at.send('set_max_speed', max_speed=speed))
    if not taken:
        assert (end.state, end.error['code']) == (CommandState.REJECTED, 'bad_parameters')
        return
    assert end.state is CommandState.SUCCEEDED
    (limit,) = at.until(lambda: limits)
    assert (limit.speed_limit, limit.percentage, limit.header.frame_id) == (speed, False, 'map')
    assert limit.header.stamp.sec


def test_only_named_parameters_are_set_and_within_their_range(station):
    at = station(
        {
            'set': {
                'kind': 'set_parameter',
                'allowed': {
                    'max_speed': {
                        'node': '/xparo_bridge',
                        'parameter': 'speed',
                        'value': {'type': 'number', 'minimum': 0.1, 'maximum': 1.0},
                    }
                },
            }
        }
    )
    node = at.graph.node
    node.declare_parameter('speed', 0.3, ParameterDescriptor())
    assert at.end(at.send('set', name='max_speed', value=1)).state is CommandState.SUCCEEDED
    assert node.get_parameter('speed').value == 1.0
    for bad in (
        {'name': 'max_speed', 'value': 5},
        {'name': 'use_sim_time', 'value': True},
        {'name': 'max_speed', 'value': 'fast'},
        {'name': 'max_speed'},
    ):
        assert at.send('set', **bad).status.error['code'] == 'bad_parameters'


def test_a_node_that_refuses_a_parameter_is_quoted(station):
    at = station(
        {
            'set': {
                'kind': 'set_parameter',
                'timeout': 1.0,
                'allowed': {
                    'fixed': {
                        'node': '/xparo_bridge',
                        'parameter': 'fixed',
                        'value': {'type': 'integer'},
                    },
                    'gone': {'node': '/gone', 'parameter': 'x', 'value': {'type': 'integer'}},
                },
            }
        }
    )
    at.graph.node.declare_parameter('fixed', 1, ParameterDescriptor(read_only=True))
    end = at.end(at.send('set', name='fixed', value=2))
    assert (end.state, end.error['code']) == (CommandState.FAILED, 'refused')
    assert 'read-only' in end.error['message']
    assert at.end(at.send('set', name='gone', value=2)).state is CommandState.TIMED_OUT


def test_telemetry_is_switched_and_its_rate_set_within_limits(station):
    at = station({'tell': {'kind': 'set_telemetry', 'groups': {'battery': 5.0}}})
    end = at.end(at.send('tell', group='battery', rate=2.0, enabled=True))
    assert end.result == {'rates': {'battery': 2.0}}
    # A rate alone leaves it on, or off, as it is.
    assert at.end(at.send('tell', group='battery', rate=3.0)).result == {'rates': {'battery': 3.0}}
    assert at.end(at.send('tell', group='battery', enabled=False)).result == {'rates': {}}
    assert at.end(at.send('tell', group='battery', rate=4.0)).result == {'rates': {}}
    for bad in (
        {'group': 'battery', 'rate': 6.0},
        {'group': 'system', 'rate': 1.0},
        {'group': 'battery'},
        {'group': 'battery', 'rate': 0},
    ):
        assert at.send('tell', **bad).status.error['code'] == 'bad_parameters'


def test_a_group_that_the_telemetry_has_not_says_how_to_do_without_it(station):
    with pytest.raises(ConfigurationError, match='no such group or topic') as raised:
        station({'tell': {'kind': 'set_telemetry', 'groups': {'battery': 5.0, 'pose': 5.0}}})
    assert 'commands: {tell: {groups: {pose: null}}} too' in str(raised.value)


# --- commands about commands ---


def test_status_reports_what_is_open_and_how_one_ended(station):
    with start_failing_server('hang'):
        at = station({'go': GO, 'status': {'kind': 'status'}})
        run = at.send('go', 'one', goal='home')
        at.until(lambda: run.state is CommandState.RUNNING)
        result = at.end(at.send('status')).result
        result.pop('problems', None)  # Nobody publishes the battery, which is said after 10 s.
        assert result == {
            'latch': '',
            'open': [{'command_id': 'one', 'command': 'go', 'state': 'running'}],
        }
        at.router.cancel(run)
        at.end(run)
        result = at.end(at.send('status', **{'command_id': 'one'})).result
        assert (result['state'], result['error']['code']) == ('canceled', 'canceled')
        assert at.end(at.send('status', **{'command_id': 'two'})).error['code'] == 'unknown_id'
        why = at.end(at.send('status', telemetry=True)).result['telemetry']
        assert 'battery' in why and all(why.values())


def test_status_says_what_of_the_configuration_cannot_be_done(station):
    at = station({'status': {'kind': 'status'}})
    problems = Problems.of(at.graph.node)
    problems.report('topic /scan', 'nobody publishes /scan')
    assert at.end(at.send('status')).result['problems']['topic /scan'] == 'nobody publishes /scan'
    for number in range(300):
        problems.report(f'topic /part_{number}', 'nobody publishes it')
    assert len(at.end(at.send('status')).result['problems']) == 20
    problems.solved('topic /scan')
    assert 'topic /scan' not in at.end(at.send('status')).result['problems']
    for number in range(300):
        problems.forget(f'topic /part_{number}')


def test_the_menu_has_every_command_with_its_parameters(station):
    commands = yaml.safe_load(share('config', 'commands.yaml').read_text())['commands']
    del (
        commands['set_telemetry']['groups']['pose'],
        commands['set_telemetry']['groups']['velocity'],
        commands['set_telemetry']['groups']['system'],
    )
    at = station({**commands, 'menu': {'kind': 'list_commands'}})
    result = at.end(at.send('menu')).result
    assert result['commands'].keys() == {*commands, 'menu'}
    assert result['commands']['dock']['parameters']['properties'].keys() == {'dock', 'place'}
    assert all(
        entry['description'] for name, entry in result['commands'].items() if name != 'menu'
    )
    assert result['places'] == ['home', 'table_4']
    assert result['place_poses'].keys() == {'home', 'table_4'}
    for pose in result['place_poses'].values():
        assert {'x', 'y', 'yaw', 'frame'} <= pose.keys()
    assert len(json.dumps(result)) < 30000

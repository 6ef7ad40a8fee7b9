# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does the robot stand after a stop, whoever moves it, and is it said where it may not."""

from __future__ import annotations

import math
import signal
import time

from action_msgs.srv import CancelGoal
from fixtures.ros_graph import RosGraph
from fixtures.system import start_failing_server
from geometry_msgs.msg import Twist
import nav2_msgs.action
from nav2_msgs.action import AssistedTeleop, FollowPath, NavigateToPose, Wait
from nav_msgs.msg import Odometry
import pytest

from xparo_bridge.messages import CommandState
from xparo_bridge.ros.motion_actions import moves_base

GO = {'kind': 'navigate', 'server_timeout': 10.0, 'cancel_timeout': 2.0}
COMMANDS = {
    'go': GO,
    'many': {**GO, 'concurrency': 'parallel', 'cancel_timeout': 10.0},
    'wait': {
        'kind': 'action',
        'action': 'wait',
        'type': 'nav2_msgs/action/Wait',
        'motion': False,
    },
    'teleop': {'kind': 'teleop'},
    'stop': {'kind': 'stop', 'stop_for': 0.2, 'timeout': 6.0},
    'resume': {'kind': 'resume'},
}
FOLLOW = ('--action', 'follow_path', '--type', 'nav2_msgs/action/FollowPath')
# What Nav2's actions of Jazzy that move the base are called.
MOVING = {
    'AssistedTeleop',
    'BackUp',
    'DockRobot',
    'DriveOnHeading',
    'FollowPath',
    'FollowWaypoints',
    'NavigateThroughPoses',
    'NavigateToPose',
    'Spin',
    'UndockRobot',
}


@pytest.fixture
def other():
    with RosGraph('somebody_else') as graph:
        yield graph


def goals(graph, kind, action, number=1):
    """Goals that somebody else sent and that were accepted."""
    for _ in range(number):  # One after the other: a server's queue keeps ten.
        assert graph.send_goal(kind, action, kind.Goal()).accepted


def found(at, action):
    """Wait until the bridge has found the server of an action."""
    at.until(lambda: at.graph.node.count_publishers(f'{action}/_action/status'))


def test_the_actions_that_move_the_base_are_known_by_their_types():
    here = {
        name
        for name in vars(nav2_msgs.action)
        if name[0].isupper() and hasattr(getattr(nav2_msgs.action, name), 'Goal')
    }
    assert {name for name in here if moves_base(f'nav2_msgs/action/{name}')} == MOVING & here
    # Those of other releases and of the docking package's own interfaces.
    for kind in (
        'nav2_msgs/action/ComputeAndTrackRoute',
        'nav2_msgs/action/FollowGPSWaypoints',
        'nav2_msgs/action/FollowObject',
        'opennav_docking_msgs/action/DockRobot',
    ):
        assert moves_base(kind)
    for kind in ('nav2_msgs/action/ComputeRoute', 'example/action/FollowPath', ''):
        assert not moves_base(kind)


@pytest.mark.parametrize(
    ('kind', 'action', 'stop'),
    [
        (FollowPath, 'follow_path', {}),
        (AssistedTeleop, '/robot/anything', {}),
        (Wait, 'own_drive', {'actions': ['own_drive']}),
        (Wait, 'wait', {}),  # Of a command that does not move the robot: all goals end.
        (NavigateToPose, 'navigate_to_pose', {}),
    ],
)
@pytest.mark.parametrize('number', [1, 50])
def test_goals_of_others_end_and_stop_succeeds_only_then(
    station, other, kind, action, stop, number
):
    arguments = ('--action', action, '--type', f'nav2_msgs/action/{kind.__name__}')
    with start_failing_server('slow_cancel', '--delay', '1.0', *arguments) as server:
        goals(other, kind, action, number)
        at = station({**COMMANDS, 'stop': {**COMMANDS['stop'], 'timeout': 15.0, **stop}})
        found(at, action)
        run = at.send('stop')
        at.until(lambda: not run.open or server.lines.count('canceled') == number)
        assert run.open or server.lines.count('canceled') == number
        assert at.end(run).state is CommandState.SUCCEEDED
        assert server.lines.count('canceled') == number


def test_a_stop_right_after_the_start_waits_until_what_may_move_the_robot_is_found(station):
    at = station(COMMANDS)
    actions = at.router.standstill.actions
    actions.complete_at = float('inf')
    run = at.send('stop')
    at.until(lambda: 'only begun to find' in str(run.status.progress))
    actions.complete_at = time.monotonic()
    assert at.end(run).state is CommandState.SUCCEEDED


def test_what_runs_on_a_server_that_is_found_only_after_a_stop_is_cancelled(station):
    at = station(COMMANDS)
    assert at.end(at.send('stop')).state is CommandState.SUCCEEDED
    velocities = at.graph.listen(Twist, '/cmd_vel')
    with start_failing_server('hang', '--busy', *FOLLOW) as server:
        at.until(lambda: 'canceled' in server.lines)
        at.until(lambda: velocities and not at.router.standstill.active)
    # And not of one that comes when the robot may move again.
    assert at.end(at.send('resume')).state is CommandState.SUCCEEDED
    with start_failing_server('hang', '--busy', *FOLLOW) as server:
        found(at, 'follow_path')
        looks = at.router.standstill.actions
        seen = looks.names
        assert '/follow_path' in seen
        looks.look()
        assert not at.router.standstill.active
        assert 'cancel' not in server.lines


@pytest.mark.parametrize('command', ['stop', 'cancel'])
def test_fifty_goals_of_the_bridge_itself_end(station, command):
    with start_failing_server('hang') as server:
        at = station(
            {
                **COMMANDS,
                'stop': {**COMMANDS['stop'], 'timeout': 15.0},
                'cancel': {'kind': 'cancel'},
            }
        )
        runs = [at.send('many', x=1.0, y=float(number)) for number in range(50)]
        at.until(lambda: server.lines.count('accepted') == 50)
        end = at.end(at.send(command))
        assert end.state is CommandState.SUCCEEDED
        assert {run.state for run in runs} == {CommandState.CANCELED}
        assert server.lines.count('canceled') == 50


def test_a_server_that_is_frozen_is_named_and_the_base_told_to_stand_until_it_obeys(
    station, other
):
    with start_failing_server('hang', *FOLLOW) as server:
        goals(other, FollowPath, 'follow_path')
        at = station(COMMANDS)
        velocities = at.graph.listen(Twist, '/cmd_vel')
        found(at, 'follow_path')  # A frozen server takes no part in discovery.
        server.send_signal(signal.SIGSTOP)
        try:
            end = at.end(at.send('stop'))
            assert (end.state, end.error['code']) == (CommandState.FAILED, 'not_stopped')
            assert 'may still be moving' in end.error['message']
            assert '/follow_path' in end.error['message']
            received = len(velocities)
            at.until(lambda: len(velocities) > received + 20)
            assert at.send('go', goal='home').status.error['code'] == 'stopped'
        finally:
            server.send_signal(signal.SIGCONT)
        at.until(lambda: 'canceled' in server.lines)
        at.until(lambda: not at.base.standing)
        assert all(velocity == Twist() for velocity in velocities)
        assert at.end(at.send('stop')).state is CommandState.SUCCEEDED


def test_resume_ends_what_a_failed_stop_goes_on_with(station, other):
    with start_failing_server('ignore_cancel', '--delay', '60', *FOLLOW):
        goals(other, FollowPath, 'follow_path')
        at = station(COMMANDS)
        found(at, 'follow_path')
        assert at.end(at.send('stop')).error['code'] == 'not_stopped'
        assert at.base.standing
        at.end(at.send('resume'))
        assert not at.base.standing


class Wheels:
    """Odometry of a base that moves until it is told to."""

    def __init__(self, graph, speed=0.5):
        self.speed, self._x, self._node = speed, 0.0, graph.node
        # How what it says is spoilt; None for nothing said.
        self.spoil = lambda message: message
        self._publisher = graph.node.create_publisher(Odometry, '/odom', 10)
        self._timer = graph.node.create_timer(0.02, self._tick)

    def _tick(self):
        self._x += 0.02 * self.speed
        message = Odometry()
        message.header.stamp.nanosec = time.monotonic_ns() % 10**9
        message.pose.pose.position.x = self._x
        message.pose.pose.orientation.w = 1.0
        message.twist.twist.linear.x = self.speed
        message = self.spoil(message)
        if message is not None:
            self._publisher.publish(message)

    def die(self):
        self._node.destroy_timer(self._timer)
        self._node.destroy_publisher(self._publisher)


def frozen_stamp(message):
    message.header.stamp.nanosec = 7
    message.twist.twist.linear.x = message.pose.pose.position.x = 0.0
    return message


def not_finite(message):
    message.twist.twist.linear.x = message.pose.pose.position.y = math.nan
    return message


SILENCES = {
    'silent': lambda wheels: setattr(wheels, 'spoil', lambda message: None),
    'dead': Wheels.die,
    'one stamp': lambda wheels: setattr(wheels, 'spoil', frozen_stamp),
    'not finite': lambda wheels: setattr(wheels, 'spoil', not_finite),
}


def test_stop_succeeds_when_odometry_says_that_the_robot_stands(station):
    at = station({**COMMANDS, 'stop': {'kind': 'stop', 'stop_for': 0.0, 'timeout': 15.0}})
    wheels = Wheels(at.graph)
    at.until(lambda: at.base.motion().moving)
    run = at.send('stop')
    began = time.monotonic()
    at.until(lambda: time.monotonic() > began + 1.5)
    assert run.open
    at.until(lambda: 'odometry' in run.status.progress['waits_for'][0])
    wheels.speed = 0.0
    assert at.end(run).state is CommandState.SUCCEEDED
    assert 'canceled' not in at.states(run)
    assert 'it is not known' not in run.status.result.get('warning', '')


def test_stop_fails_while_odometry_says_that_the_robot_moves(station):
    at = station(COMMANDS)
    wheels = Wheels(at.graph)
    velocities = at.graph.listen(Twist, '/cmd_vel')
    at.until(lambda: at.base.motion().moving)
    end = at.end(at.send('stop'))
    assert end.error['code'] == 'not_stopped'
    assert '0.50 m/s' in end.error['message']
    received = len(velocities)
    at.until(lambda: len(velocities) > received + 20)
    wheels.speed = 0.0
    at.until(lambda: not at.base.standing)


@pytest.mark.parametrize('when', ['before', 'meanwhile'])
@pytest.mark.parametrize('how', SILENCES)
def test_odometry_that_falls_silent_while_the_robot_moves_is_no_sign_that_it_stands(
    station, how, when
):
    at = station({**COMMANDS, 'stop': {'kind': 'stop', 'stop_for': 0.0, 'timeout': 4.0}})
    velocities = at.graph.listen(Twist, '/cmd_vel')
    wheels = Wheels(at.graph)
    at.until(lambda: at.base.motion().moving)
    if when == 'before':
        SILENCES[how](wheels)
        silent_at = time.monotonic()
        at.until(lambda: time.monotonic() > silent_at + 1.5)
    run = at.send('stop')
    if when == 'meanwhile':
        SILENCES[how](wheels)
    end = at.end(run)
    assert (end.state, end.error['code']) == (CommandState.FAILED, 'not_stopped')
    assert 'may still be moving' in end.error['message']
    assert 'odom' in end.error['message']
    assert '0.50 m/s' in end.error['message']
    received = len(velocities)
    at.until(lambda: len(velocities) > received + 20)
    # The driver that was started again knows better.
    if how != 'dead':
        wheels.die()
    Wheels(at.graph, 0.0)
    at.until(lambda: not at.base.standing)
    assert at.end(at.send('stop')).state is CommandState.SUCCEEDED


def test_of_two_publishers_of_odometry_the_one_that_moves_counts(station):
    at = station(COMMANDS)
    moves, stands = Wheels(at.graph), Wheels(at.graph, 0.0)
    at.until(lambda: at.base.motion().moving)
    assert at.end(at.send('stop')).error['code'] == 'not_stopped'
    moves.die()
    at.until(lambda: not at.base.standing)
    stands.die()


def test_odometry_that_fell_silent_when_the_robot_stood_holds_up_no_stop(station):
    at = station(COMMANDS)
    wheels = Wheels(at.graph, 0.0)
    at.until(lambda: at.base.motion().moving is False)
    wheels.die()
    at.until(lambda: at.base.motion().moving is None)
    at.graph.listen(Twist, '/cmd_vel')
    with RosGraph('robot') as robot:
        robot.listen(Twist, '/cmd_vel')
        at.until(lambda: at.base.unheard() is None)
        end = at.end(at.send('stop'))
    assert end.state is CommandState.SUCCEEDED
    assert 'it is not known whether the base stands' in end.result['warning']


def test_stop_says_so_if_no_base_hears_it(station):
    at = station(COMMANDS)
    assert 'nobody subscribes to /cmd_vel' in at.end(at.send('stop')).result['warning']
    at.end(at.send('resume'))
    at.graph.listen(Twist, '/cmd_vel')
    with RosGraph('robot') as robot:
        robot.listen(Twist, '/cmd_vel')
        at.until(lambda: at.base.unheard() is None)
        assert 'warning' not in at.end(at.send('stop')).result


@pytest.mark.parametrize('broken', ['emergency_stop', 'cancel'])
def test_a_fault_in_one_kind_keeps_no_other_from_being_stopped(station, broken):
    def fault(*arguments):
        raise LookupError('a fault')

    with (
        start_failing_server('hang') as server,
        start_failing_server('hang', '--action', 'wait', '--type', 'nav2_msgs/action/Wait') as w,
    ):
        at = station(COMMANDS)
        runs = [at.send('go', goal='home'), at.send('wait')]
        at.until(lambda: all(run.state is CommandState.RUNNING for run in runs))
        for name in ('go', 'teleop', 'many'):
            setattr(at.router.kinds[name], broken, fault)
        assert at.end(at.send('stop')).state is CommandState.SUCCEEDED
        for each in (server, w):
            at.until(lambda each=each: 'canceled' in each.lines)
        assert at.router.motion_lock == 'stopped'


def test_a_lost_server_leaves_the_motion_in_doubt_and_what_moves_the_base_is_stopped(
    station, other
):
    with (
        start_failing_server('hang', *FOLLOW) as controller,
        start_failing_server('die', '--delay', '1.0'),
    ):
        goals(other, FollowPath, 'follow_path')
        at = station(COMMANDS)
        velocities = at.graph.listen(Twist, '/cmd_vel')
        end = at.end(at.send('go', goal='home'), 40.0)
        assert end.error['code'] == 'action_server_lost'
        assert 'may still be moving' in end.error['message']
        at.until(lambda: 'canceled' in controller.lines)
        at.until(lambda: velocities)
        at.until(lambda: not at.base.standing)


def test_an_ignored_cancel_leaves_the_motion_in_doubt(station, other):
    with (
        start_failing_server('hang', *FOLLOW) as controller,
        start_failing_server('ignore_cancel', '--delay', '60'),
    ):
        goals(other, FollowPath, 'follow_path')
        at = station({**COMMANDS, 'cancel': {'kind': 'cancel'}})
        run = at.send('go', goal='home')
        at.until(lambda: run.state is CommandState.RUNNING)
        at.send('cancel')
        end = at.end(run)
        assert end.error['code'] == 'cancel_ignored'
        assert end.error['message'].count('may still be moving') == 1
        at.until(lambda: 'canceled' in controller.lines)
        assert at.base.standing  # One server has not confirmed.
        # The newest order has the robot: nothing cancels its goal, or tells the base otherwise.
        again = at.send('go', goal='table_4')
        assert not at.base.standing
        at.until(lambda: again.state is CommandState.RUNNING)


def tree(body):
    return f'<root BTCPP_format="4"><BehaviorTree ID="round">{body}</BehaviorTree></root>'


DRIVE = '<NavigateToPose goal="0;map;7;2.6;0;0;0;0;1"/>'
WAIT = ('--action', 'wait', '--type', 'nav2_msgs/action/Wait')


def test_a_goal_of_a_tree_whose_server_is_lost_leaves_the_motion_in_doubt(station, other):
    with (
        start_failing_server('hang', *FOLLOW) as controller,
        start_failing_server('die', '--delay', '1.0'),
    ):
        goals(other, FollowPath, 'follow_path')
        at = station(COMMANDS)
        velocities = at.graph.listen(Twist, '/cmd_vel')
        run = at.trees.run_xml('round', tree(DRIVE))
        at.until(lambda: run.state == 'failed', 40.0)
        at.until(lambda: 'canceled' in controller.lines)
        at.until(lambda: velocities)
        at.until(lambda: not at.base.standing)


def test_a_goal_of_a_tree_whose_cancel_is_ignored_leaves_the_motion_in_doubt(station, other):
    with (
        start_failing_server('hang', *FOLLOW) as controller,
        start_failing_server('ignore_cancel', '--delay', '60') as server,
    ):
        goals(other, FollowPath, 'follow_path')
        at = station(COMMANDS, trees={'cancel_timeout': 2.0})
        at.trees.run_xml('round', tree(DRIVE))
        at.until(lambda: 'accepted' in server.lines)
        at.trees.halt()
        at.until(lambda: 'canceled' in controller.lines)
        assert at.base.standing  # One server has not confirmed.


def test_a_goal_of_a_tree_that_moves_nothing_is_no_reason_to_stop(station, other):
    with (
        start_failing_server('hang', *FOLLOW) as controller,
        start_failing_server('die', '--delay', '1.0', *WAIT),
    ):
        goals(other, FollowPath, 'follow_path')
        at = station(COMMANDS)
        run = at.trees.run_xml('round', tree('<Wait wait_duration="60"/>'))
        at.until(lambda: run.state == 'failed', 40.0)
        assert not at.base.standing
        later = time.monotonic() + 1.0
        at.until(lambda: time.monotonic() > later)
        assert 'cancel' not in controller.lines


@pytest.mark.parametrize('mode', ['ignore_cancel', 'lose_cancel'])
def test_a_goal_of_a_dead_bridge_that_is_not_cancelled_leaves_the_motion_in_doubt(
    station, other, mode
):
    with (
        start_failing_server('hang', *FOLLOW) as controller,
        start_failing_server(mode, '--delay', '60'),
    ):
        goals(other, FollowPath, 'follow_path')
        at = station(COMMANDS)
        run = at.send('go', 'the-id', goal='home')
        at.until(lambda: run.state is CommandState.RUNNING)
        at.die()
        at = station(COMMANDS)
        at.until(lambda: 'canceled' in controller.lines)
        assert at.base.standing


def test_a_doubt_does_not_shorten_a_stop(station, other, monkeypatch):
    monkeypatch.setattr('xparo_bridge.robot.commands.standstill._DOUBT_TIMEOUT', 0.2)
    with start_failing_server('ignore_cancel', '--delay', '60', *FOLLOW):
        goals(other, FollowPath, 'follow_path')
        at = station(COMMANDS)
        found(at, 'follow_path')
        at.send('stop')
        at.router.motion_in_doubt()
        later = time.monotonic() + 1.5
        at.until(lambda: time.monotonic() > later)
        assert at.router.motion_problems


@pytest.mark.parametrize('by', ['a tree', 'a command'])
def test_what_begins_to_drive_has_the_robot_though_its_motion_was_in_doubt(station, other, by):
    with (
        start_failing_server('ignore_cancel', '--delay', '60', *FOLLOW),
        start_failing_server('hang') as server,
    ):
        goals(other, FollowPath, 'follow_path')
        at = station(COMMANDS)
        at.until(lambda: at.graph.node.count_clients('/follow_path/_action/cancel_goal'))
        at.router.motion_in_doubt()
        assert at.base.standing
        if by == 'a tree':
            at.trees.run_xml('round', tree(DRIVE))
        else:
            at.send('go', x=1.0, y=2.0)
        at.until(lambda: 'accepted' in server.lines)
        assert not at.base.standing
        later = time.monotonic() + 1.0
        at.until(lambda: time.monotonic() > later)
        assert 'cancel' not in server.lines


def test_at_rest_it_costs_one_client_for_each_action_that_no_command_has(station, other):
    with start_failing_server('hang', *FOLLOW):
        at = station(COMMANDS)
        node = at.graph.node

        def clients():
            return sum(client.srv_type is CancelGoal for client in node.clients)

        at.until(lambda: clients() == 1)
        first, second = at.send('stop'), at.send('stop')  # The second begins anew.
        at.end(first)
        at.end(second)
        at.until(lambda: not at.base.standing)
        assert clients() == 1
        at.until(at.router._timer.is_canceled)  # And nothing is looked after any more.
        assert not [s for s in node.subscriptions if s.topic_name.endswith('_action/status')]

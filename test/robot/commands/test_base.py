# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is the base that is there told to stand, as it listens, and is it known whether it does."""

from __future__ import annotations

import os
import signal
import time

from fixtures.ros_graph import RosGraph
from geometry_msgs.msg import Twist, TwistStamped
from nav_msgs.msg import Odometry
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile

from xparo_bridge.configuration import checked
from xparo_bridge.messages import CommandState
from xparo_bridge.robot.commands import base
from xparo_bridge.robot.commands.base_settings import base_settings
from xparo_bridge.ros.velocity import Velocity
from xparo_bridge.ros.velocity_topic import VelocityTopic

LINK = {'name': 'platform', 'protocol': 'xparo', 'url': 'ws://localhost/ws'}


@pytest.fixture
def robot():
    with RosGraph('robot') as graph:
        yield graph


def heard(at, graph, *lists):
    """Let both sides spin until each list has messages."""
    at.until(lambda: graph.becomes(lambda: all(lists), 0.01))


@pytest.mark.parametrize('kinds', [(Twist,), (TwistStamped,), (Twist, TwistStamped)])
@pytest.mark.parametrize('first', ['base', 'bridge'])
def test_it_is_told_to_stand_in_each_type_that_it_listens_for(station, robot, kinds, first):
    at = station({}) if first == 'bridge' else None
    received = []
    with RosGraph('second_robot') as second:
        for graph, kind in zip((robot, second), kinds, strict=False):
            received.append(graph.listen(kind, '/cmd_vel'))
        at = at or station({}, base={'frame': 'base_footprint'})
        at.until(lambda: at.base.unheard() is None)
        stand = at.base.stand()
        for messages, graph in zip(received, (robot, second), strict=False):
            heard(at, graph, messages)
        stand.end()
        at.until(lambda: not at.base.standing)
        for messages in received:
            twists = [getattr(message, 'twist', message) for message in messages]
            assert all(twist == Twist() for twist in twists)
        if first == 'base' and kinds[-1] is TwistStamped:
            header = received[-1][-1].header
            assert header.frame_id == 'base_footprint'
            assert header.stamp.sec > 0


def test_a_base_that_comes_back_with_the_other_type_is_found_again(station, robot):
    at = station({})
    with RosGraph('old_base') as old:
        old.listen(Twist, '/cmd_vel')
        at.until(lambda: at.base.unheard() is None)
    received = robot.listen(TwistStamped, '/cmd_vel')
    at.until(lambda: at.base.unheard() is None)
    stand = at.base.stand()
    heard(at, robot, received)
    stand.end()


def test_another_type_of_the_same_topic_in_the_bridge_itself_is_in_nobodys_way(station, robot):
    # Such as telemetry of /cmd_vel: a DDS participant knows a topic by one type alone.
    received = robot.listen(TwistStamped, '/cmd_vel')
    at = station({}, base={'topic': '/elsewhere'})
    at.graph.listen(Twist, '/cmd_vel')
    out = VelocityTopic(at.graph.node, '/cmd_vel')
    at.until(lambda: out.unheard() is None)

    def told_again():  # The one side may have found the other, and not yet been found.
        out.publish(Velocity(0.1))
        return robot.becomes(lambda: received, 0.05)

    at.until(told_again)
    assert received[0].twist.linear.x == 0.1
    out.close()


def test_a_base_that_nobody_is_says_where_somebody_listens(station, robot):
    at = station({})
    assert at.base.unheard() == 'nobody subscribes to /cmd_vel'
    robot.listen(TwistStamped, '/cmd_vel_stamped')
    words = (
        'nobody subscribes to /cmd_vel; '
        '/cmd_vel_stamped has subscribers of geometry_msgs/msg/TwistStamped'
    )
    at.until(lambda: at.base.unheard() == words)


@pytest.mark.parametrize('drives', [False, True])
def test_a_warning_is_given_only_where_something_drives(station, monkeypatch, capfd, drives):
    monkeypatch.setattr(base, '_PATIENCE', 0.2)
    at = station({'stop': {'kind': 'stop'}, **({'go': {'kind': 'navigate'}} if drives else {})})
    end = time.monotonic() + (20.0 if drives else 2.5)
    said = ''

    def done():
        nonlocal said
        said += capfd.readouterr().err
        return 'cannot be told to stand' in said or time.monotonic() > end

    at.until(done, 30.0)
    assert ('cannot be told to stand' in said) == drives


def test_the_other_type_and_a_qos_that_does_not_fit_are_named(station, robot):
    at = station({}, base={'message': 'Twist'})
    robot.listen(TwistStamped, '/cmd_vel')
    at.until(lambda: 'TwistStamped is what it has there' in str(at.base.unheard()))
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    with RosGraph('latched_base') as latched_base:
        latched_base.listen(Twist, '/cmd_vel', latched)
        at.until(lambda: '/latched_base subscribes to /cmd_vel' in str(at.base.unheard()))
    assert 'QoS' in str(at.base.unheard())


def test_neither_the_bridge_itself_nor_a_tool_that_looks_on_is_a_base(station):
    at = station({})
    at.graph.listen(Twist, '/cmd_vel')
    with RosGraph('_ros2cli_77') as echo, RosGraph('rosbag2_recorder') as recorder:
        echo.listen(Twist, '/cmd_vel')
        recorder.listen(Twist, '/cmd_vel')
        out = at.base._topics['cmd_vel']
        at.until(lambda: out.matched == 3)

        def unheard():
            out.look()  # The graph may have its names later than DDS has its subscriptions.
            return at.base.unheard() == 'nobody subscribes to /cmd_vel'

        at.until(unheard)


@pytest.mark.parametrize('name', ['_NODE_NAME_UNKNOWN_', '_CREATED_BY_BARE_DDS_APP_', '_base'])
def test_a_base_that_the_graph_has_no_name_for_is_a_base(station, name):
    at = station({})
    with RosGraph(name) as base:
        base.listen(Twist, '/cmd_vel')
        at.until(lambda: at.base.unheard() is None)


def test_a_base_without_a_topic_stands_by_itself(station, robot):
    at = station({'stop': {'kind': 'stop'}}, base={'topic': None, 'stand_for': 0.1})
    received = robot.listen(Twist, '/cmd_vel')
    assert at.base.unheard() is None
    assert at.end(at.send('stop')).state is CommandState.SUCCEEDED
    robot.becomes(lambda: received, 0.3)
    assert not received


def test_it_is_told_to_stand_until_the_last_wish_has_ended(station, robot):
    at = station({})
    received = robot.listen(Twist, '/cmd_vel')
    at.until(lambda: at.base.unheard() is None)
    first, second = at.base.stand(), at.base.stand()
    first.end()
    first.end()
    heard(at, robot, received)
    assert at.base.standing
    count = len(received)
    at.until(lambda: robot.becomes(lambda: len(received) > count + 3, 0.01))
    second.end()
    assert not at.base.standing
    at.until(at.base._timer.is_canceled)


def test_at_rest_nothing_is_published(station, robot):
    at = station({'stop': {'kind': 'stop'}})
    assert at.base._timer.is_canceled()
    received = robot.listen(Twist, '/cmd_vel')
    at.until(lambda: at.base.unheard() is None)
    end = time.monotonic() + 1.0
    at.until(lambda: robot.becomes(lambda: time.monotonic() > end, 0.01))
    assert not received


def test_at_rest_a_guard_that_has_ended_is_started_again(station, robot, capfd):
    at = station({'drive': {'kind': 'teleop'}})
    guard = at.base._guard
    first = guard.pid
    os.kill(first, signal.SIGKILL)
    at.until(lambda: guard.pid not in (None, first) and guard.ready)
    assert 'the process that guards the base is lost' in capfd.readouterr().err


def test_a_base_that_was_closed_leaves_neither_timers_nor_publishers_nor_a_guard(robot):
    node = robot.node

    def entities():
        topics = [one.topic_name for one in node.publishers]
        return len(list(node.timers)), topics.count('/cmd_vel'), topics.count('/other')

    before = entities()
    settings = settings_of(drive={**TELEOP, 'topic': 'other'}, base={'topic': 'cmd_vel'})
    robot.listen(Twist, '/cmd_vel')
    made = base.RobotBase(node, settings)
    made.wait_ready(20.0)
    guard = made._guard.pid
    made.stand()
    assert entities()[0] > before[0]
    made.close()
    assert entities() == before
    made.close()  # Twice is harmless.
    assert not os.path.exists(f'/proc/{guard}')


class Odometer:
    """Publishes odometry of a base in its own thread of time: each `tell` is one message."""

    def __init__(self, robot, topic='/odom'):
        self.publisher = robot.node.create_publisher(Odometry, topic, 10)
        self.stamp = 0

    def report(self, *, x=0.0, speed=0.0, turn=0.0, yaw_z=0.0, stamp=None):
        self.stamp += 1
        message = Odometry()
        message.header.stamp.sec = self.stamp if stamp is None else stamp
        message.pose.pose.position.x = x
        message.pose.pose.orientation.z = yaw_z
        message.pose.pose.orientation.w = (1 - yaw_z**2) ** 0.5
        message.twist.twist.linear.x = speed
        message.twist.twist.angular.z = turn
        self.publisher.publish(message)


MOVES = {
    'its twist says so': lambda n: {'speed': 0.3},
    'it turns': lambda n: {'turn': 0.3},
    'it drives back': lambda n: {'speed': -0.3},
    'only its pose changes': lambda n: {'x': 0.02 * n},
    'only its heading changes': lambda n: {'yaw_z': 0.02 * n},
    'it creeps': lambda n: {'speed': 0.03},
}
STANDS = {
    'all is zero': lambda n: {},
    'within the noise': lambda n: {
        'speed': 0.005 * (-1) ** n,
        'turn': 0.01,
        'x': 0.0005 * (n % 2),
    },
    'anywhere': lambda n: {'x': 100.0, 'yaw_z': 0.5},
}


@pytest.mark.parametrize('case', [*MOVES, *STANDS])
def test_odometry_reports_whether_it_moves(station, robot, case):
    at, odometer = station({}), Odometer(robot)
    at.until(lambda: odometer.publisher.get_subscription_count())
    number = 0

    def known():
        nonlocal number
        number += 1
        odometer.report(**{**MOVES, **STANDS}[case](number))
        robot.becomes(lambda: False, 0.05)
        return number > 8 and at.base.motion().moving is not None

    at.until(known)
    motion = at.base.motion()
    assert motion.moving is (case in MOVES), motion
    assert motion.age < 0.5
    assert 'm/s' in motion.text


def test_without_odometry_it_is_not_known(station):
    at = station({})
    motion = at.base.motion()
    assert (motion.moving, motion.age) == (None, None)
    assert motion.text == 'nobody publishes odometry on /odom'


def test_odometry_that_is_not_configured_is_not_waited_for(station):
    at = station({}, base={'odom_topic': None})
    assert at.base.motion().moving is None
    assert 'base.odom_topic' in at.base.motion().text


SILENCES = {
    'silent': None,
    'the same again': {},
    'not finite': {'speed': float('nan')},
    'a pose that is not finite': {'x': float('inf')},
}


@pytest.mark.parametrize('moved', [True, False])
@pytest.mark.parametrize('how', SILENCES)
def test_odometry_that_has_stopped_says_what_it_said_of_a_base_that_moves(
    station, robot, how, moved
):
    at, odometer = station({}), Odometer(robot)
    at.until(lambda: odometer.publisher.get_subscription_count())
    speed = 0.3 if moved else 0.0

    def said():
        odometer.report(speed=speed)
        robot.becomes(lambda: False, 0.05)
        return at.base.motion().moving is moved

    at.until(said)
    last = odometer.stamp

    def silent():
        if how == 'the same again':
            odometer.report(speed=speed, stamp=last)
        elif how != 'silent':
            odometer.report(**SILENCES[how])
        robot.becomes(lambda: False, 0.02)
        return at.base.motion().moving is (True if moved else None)

    at.base.stand().end()  # From here on only what comes now makes it stand.
    at.until(silent)
    ends = time.monotonic() + 1.5
    while time.monotonic() < ends:
        assert silent()
    motion = at.base.motion()
    assert motion.speaks is (how != 'silent')
    words = {'silent': 'ago', 'the same again': 'one stamp'}.get(how, 'not finite')
    assert words in motion.text
    assert ('0.30 m/s' in motion.text) is moved
    # When it speaks again it is believed.

    def stands():
        odometer.report()
        robot.becomes(lambda: False, 0.05)
        return at.base.motion().moving is False

    at.until(stands)


def settings_of(base=None, **commands):
    configuration = checked({'links': [LINK], 'base': base or {}, 'commands': commands})
    if base:
        configuration.layers.lines.update({('base', key): f'robot.yaml:{key}' for key in base})
    return base_settings(configuration)


TELEOP, STOP = {'kind': 'teleop'}, {'kind': 'stop'}


@pytest.mark.parametrize(
    ('given', 'topic', 'topics', 'drives'),
    [
        ({}, 'cmd_vel', {'cmd_vel': 'auto'}, {}),
        ({'drive': TELEOP}, 'cmd_vel', {'cmd_vel': 'auto'}, {'drive': 'cmd_vel'}),
        (
            {'drive': {**TELEOP, 'stamped': True}, 'stop': STOP},
            'cmd_vel',
            {'cmd_vel': 'TwistStamped'},
            {'drive': 'cmd_vel'},
        ),
        (
            {'drive': {**TELEOP, 'topic': 'a'}, 'stop': {**STOP, 'velocity_topic': 'b'}},
            'a',
            {'a': 'auto', 'b': 'auto'},
            {'drive': 'a'},
        ),
        (
            {'drive': {**TELEOP, 'stamped': True}, 'stop': {**STOP, 'stamped': False}},
            'cmd_vel',
            {'cmd_vel': 'auto'},
            {'drive': 'cmd_vel'},
        ),
        ({'stop': {**STOP, 'velocity_topic': None}}, None, {}, {}),
        (
            {'stop': {**STOP, 'velocity_topic': None}, 'drive': TELEOP},
            None,
            {'cmd_vel': 'auto'},
            {'drive': 'cmd_vel'},
        ),
        (
            {'base': {'topic': 'c', 'message': 'Twist'}, 'drive': {**TELEOP, 'topic': 'a'}},
            'c',
            {'c': 'Twist', 'a': 'Twist'},
            {'drive': 'a'},
        ),
    ],
)
def test_settings_of_commands_that_moved_to_the_base_still_work(given, topic, topics, drives):
    settings = settings_of(**given)
    assert settings.topic == topic
    assert {name: each.message for name, each in settings.topics.items()} == topics
    assert settings.drives == drives


def test_each_setting_that_moved_says_where_it_is_now():
    settings = settings_of(
        drive={**TELEOP, 'topic': 'a', 'stamped': True, 'frame': 'f'},
        stop={**STOP, 'velocity_topic': 'a', 'stamped': True},
    )
    new = [
        (text.split(': ')[1], text.split('now ')[1].split(',')[0]) for text in settings.warnings
    ]
    assert new == [
        ('commands.drive.topic', 'base.topic'),
        ('commands.drive.stamped', 'base.message'),
        ('commands.drive.frame', 'base.frame'),
        ('commands.stop.velocity_topic', 'base.topic'),
        ('commands.stop.stamped', 'base.message'),
    ]
    assert not settings_of(drive=TELEOP, stop=STOP).warnings

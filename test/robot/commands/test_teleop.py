# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does the robot move by hand as told, within limits, and stand when nobody tells it any more."""

from __future__ import annotations

from itertools import pairwise
import os
from pathlib import Path
import signal
from statistics import median
import time

from fixtures.ros_graph import RosGraph
from fixtures.system import start_failing_server
from geometry_msgs.msg import Twist, TwistStamped
import pytest
from rclpy.clock import Clock
from rclpy.clock_type import ClockType

from xparo_bridge.messages import CommandState, RemoteCommand
from xparo_bridge.robot.commands.motion_lock import LockState

TELEOP = {'kind': 'teleop', 'linear_acceleration': 100.0, 'angular_acceleration': 100.0}


class Driver:
    """Sends a command again and again, and keeps what the base was told and when."""

    def __init__(self, at, kind=Twist):
        self.at = at
        self.received = []
        at.graph.add_node('base').create_subscription(
            kind,
            '/cmd_vel',
            lambda message: self.received.append((time.monotonic(), message)),
            100,
        )
        self.wait_for_guard()
        self.runs = []
        self.sent_at = 0.0

    def wait_for_guard(self):
        """Wait until what the guard publishes is heard."""
        guard, (topic,) = self.at.base._guard, self.at.base._guard._topics
        self.at.until(lambda: self.at.base.undrivable('cmd_vel') is None)
        self.at.until(lambda: guard.check() or guard.matched(topic))

    def drive(self, seconds, period=0.05, **parameters):
        """Send for a time; ends right after the last command."""
        parameters = parameters or {'linear': 0.3}

        self.longest_gap = 0.0
        before = time.monotonic()

        def send():
            nonlocal before
            self.sent_at = time.monotonic()
            self.longest_gap = max(self.longest_gap, self.sent_at - before)
            before = self.sent_at
            self.runs.append(self.at.send('teleop', **parameters))

        send()
        timer = self.at.graph.node.create_timer(
            period, send, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )
        end = time.monotonic() + seconds
        self.at.until(lambda: time.monotonic() > end)
        self.at.graph.node.destroy_timer(timer)

    def stand_time(self):
        """When the base was first told to stand after the last command."""

        def stands():
            return [
                when
                for when, message in self.received
                if when > self.sent_at and message == Twist()
            ]

        return self.at.until(stands)[0]


def test_velocities_come_at_a_fixed_rate_while_commands_do(station):
    at = station({'teleop': TELEOP})
    driver = Driver(at)
    driver.drive(1.0, linear=0.3, angular=-0.2)
    times = [when for when, m in driver.received if m != Twist()]
    moving = [m for _, m in driver.received if m != Twist()]
    # 20 Hz; a busy machine leaves some out, and publishes none faster.
    assert 0.04 < median(b - a for a, b in pairwise(times)) < 0.1
    assert len(moving) <= 25
    assert (moving[-1].linear.x, moving[-1].angular.z) == (0.3, -0.2)


def test_without_a_command_for_the_deadman_the_robot_stands_and_is_told_so_often(station):
    at = station({'teleop': {**TELEOP, 'deadman': 0.2}})
    driver = Driver(at)
    delays = []
    for _ in range(5):
        driver.drive(0.1)
        while driver.longest_gap > 0.15:  # A busy machine: the base had to stand in between.
            driver.stand_time()
            driver.drive(0.1)
        delays.append(driver.stand_time() - driver.sent_at)
    # Heard on the thread that drives, which other work of the machine holds up now and then;
    # bench/deadman.py has the longest.
    assert median(delays) < 0.25
    assert min(delays) >= 0.19
    received = len(driver.received)
    at.until(lambda: len(driver.received) >= received + 9)
    assert all(message == Twist() for _, message in driver.received[received:])
    at.until(at.router.kinds['teleop']._timer.is_canceled)  # Then it leaves the topic alone.


def test_each_command_ends_once_replaced_or_run_out(station):
    at = station({'teleop': {**TELEOP, 'deadman': 0.2}})
    driver = Driver(at)
    driver.drive(0.3)
    at.end(driver.runs[-1])
    for run, following in pairwise(driver.runs):
        assert run.status.result == {'replaced_by': following.id}
        assert at.states(run) == ['succeeded']
    assert 'no newer command' in driver.runs[-1].status.result['stopped']


def test_zero_stands_at_once(station):
    at = station({'teleop': TELEOP})
    driver = Driver(at)
    driver.drive(0.2)
    driver.drive(0.0, linear=0.0)
    assert driver.stand_time() - driver.sent_at < 0.05
    assert driver.runs[-1].status.result == {'stopped': 'told to stand'}


def test_the_loss_of_its_link_stands_at_once(station):
    at = station({'teleop': {**TELEOP, 'deadman': 2.0}})
    at.link_loss.change('platform', connected=True)
    at.link_loss.change('other', connected=True)
    driver = Driver(at)
    driver.drive(0.2)
    at.link_loss.change('other', connected=False)
    assert driver.runs[-1].open
    driver.sent_at = time.monotonic()
    at.link_loss.change('platform', connected=False)
    # Long before the deadman of 2 s; a busy machine takes some of it.
    assert driver.stand_time() - driver.sent_at < 1.0
    assert driver.runs[-1].state is CommandState.CANCELED


def test_speeds_are_cut_to_the_limits(station):
    at = station({'teleop': {**TELEOP, 'max_linear': 0.4, 'max_angular': 0.5}})
    driver = Driver(at)
    driver.drive(0.2, linear=9.0, angular=-9.0, lateral=9.0)
    twist = [m for _, m in driver.received][-1]
    assert (twist.linear.x, twist.linear.y, twist.angular.z) == (0.4, 0.0, -0.5)


def test_acceleration_is_limited_but_not_when_stopping(station):
    at = station({'teleop': {'kind': 'teleop', 'linear_acceleration': 0.5, 'deadman': 0.2}})
    driver = Driver(at)
    driver.drive(0.6, linear=0.5)
    while driver.longest_gap > 0.15:  # A busy machine: the base had to stand in between.
        driver.stand_time()
        driver.received.clear()
        driver.drive(0.6, linear=0.5)
    driver.stand_time()
    speeds = [message.linear.x for _, message in driver.received]
    assert max(b - a for a, b in pairwise(speeds)) <= 0.0251
    assert 0.1 < max(speeds) < 0.5
    assert speeds[speeds.index(max(speeds)) :].index(0.0) <= 6


def test_a_hold_switch_that_is_required_must_be_held(station):
    at = station({'teleop': {**TELEOP, 'require_hold': True, 'joystick': {'hold_button': 4}}})
    driver = Driver(at)
    driver.drive(0.2, linear=0.3)
    assert all(m == Twist() for _, m in driver.received)
    driver.drive(0.2, linear=0.3, hold=True)
    assert driver.received[-1][1].linear.x == 0.3
    driver.drive(0.0, linear=0.3, hold=False)
    driver.stand_time()
    driver.drive(0.2, axes=[0.0, 1.0], buttons=[0, 0, 0, 0, 1])
    assert driver.received[-1][1].linear.x == 0.5


def test_axes_of_a_joystick_drive_within_the_limits(station):
    at = station({'teleop': {**TELEOP, 'max_linear': 0.4, 'max_angular': 2.0}})
    driver = Driver(at)
    driver.drive(0.2, axes=[-0.5, 0.5], buttons=[])
    twist = driver.received[-1][1]
    assert (twist.linear.x, twist.angular.z) == (0.2, -1.0)


TWO_WAYS = 'cannot be given together with what is beside it'


def test_what_could_be_meant_in_two_ways_or_in_none_moves_nothing(station):
    at = station({'teleop': TELEOP})
    for parameters, words in (
        ({'axes': [1.0], 'linear': 0.1}, f'linear: {TWO_WAYS}'),
        ({'axes': [1.0], 'lateral': 0.1}, f'lateral: {TWO_WAYS}'),
        ({'axes': [1.0], 'angular': 0.1}, f'angular: {TWO_WAYS}'),
        ({'axes': [2]}, '2 is greater than the maximum of 1'),
        ({'axes': [-1.5]}, '-1.5 is less than the minimum of -1'),
        ({'axes': ['left']}, '"left" is a string, expected a number'),
        ({'axes': [0.0] * 33}, 'expected at most 32 items, not 33'),
        ({'axes': [0.0], 'buttons': [0] * 65}, 'expected at most 64 items, not 65'),
        ({'buttons': [1]}, '"buttons" needs "axes" beside it'),
        ({'linear': 0.1, 'speed': 1}, 'there is no parameter "speed"'),
        ({'linear': 0.1, 'hold': 1}, '1 is a whole number, expected true or false'),
    ):
        error = at.send('teleop', **parameters).status.error
        assert error['code'] == 'bad_parameters', parameters
        assert words in error['message']


def test_stamped_velocities_have_stamp_and_frame(station):
    at = station({'teleop': {**TELEOP, 'stamped': True, 'frame': 'base_footprint'}})
    driver = Driver(at, TwistStamped)
    driver.drive(0.2)
    message = driver.received[-1][1]
    assert message.header.frame_id == 'base_footprint'
    assert message.header.stamp.sec > 0
    assert message.twist.linear.x == 0.3


def test_a_command_older_than_the_deadman_is_dropped_unused(station):
    at = station({'teleop': TELEOP}, command_limits={'clock_skew': 7200.0})
    driver = Driver(at)
    received = time.monotonic() - 0.6
    run = at.router.execute(
        RemoteCommand('teleop', {'linear': 0.3}, received_at=received), 'platform'
    )
    assert run.status.error['code'] == 'expired'
    # By its own clock, which is an hour off ours, against the one that came best.
    hour_off = time.time() - 3600
    assert at.send('teleop', issued_at=hour_off, linear=0.3).open
    late = at.send('teleop', issued_at=hour_off - 0.6, linear=0.3)
    assert late.status.error['code'] == 'expired'
    assert at.send('teleop', issued_at=hour_off - 0.3, linear=0.3).open
    driver.stand_time()


def test_teleop_ends_navigation_before_it_moves(station):
    with start_failing_server('slow_cancel', '--delay', '0.3'):
        at = station({'teleop': TELEOP, 'go': {'kind': 'navigate', 'server_timeout': 10.0}})
        driver = Driver(at)
        goal = at.send('go', goal='home')
        at.until(lambda: goal.state is CommandState.RUNNING)
        driver.drive(1.5)
        assert goal.status.error['code'] == 'preempted'
        assert driver.received[-1][1].linear.x == 0.3
        assert not [run for run in driver.runs[:-1] if run.open]


@pytest.mark.parametrize('lock', ['stopped', 'paused'])
def test_it_is_refused_while_the_robot_may_not_move(station, lock):
    at = station({'teleop': TELEOP})
    at.router.lock.set(LockState(lock))
    assert at.send('teleop', linear=0.3).status.error['code'] == lock


class Guarded(Driver):
    """A driver that keeps the robot driving until something happens."""

    def __init__(self, at, **parameters):
        super().__init__(at)
        self.drive(0.1, **parameters)
        at.until(lambda: self.received and self.received[-1][1].linear.x)


REST = {
    'a resting stick': {'axes': [0.0, 0.0]},
    'noise': {'axes': [0.02, -0.01], 'buttons': [0, 0]},
    'zeros': {'linear': 0.0, 'angular': 0.0},
    'no parameter': {},
    'less than the dead zone': {'linear': 0.01, 'angular': -0.02},
    'a direction that is not driven': {'lateral': 0.4},
    'an axis that nothing is on': {'axes': [0.0, 0.0, 1.0]},
}


@pytest.mark.parametrize('case', [*REST, 'hold not pressed'])
def test_what_asks_to_stand_ends_and_moves_nothing(station, case):
    parameters = REST.get(case, {'axes': [1.0, 1.0], 'buttons': [0]})
    hold = {'require_hold': case == 'hold not pressed', 'joystick': {'hold_button': 0}}
    with start_failing_server('hang'):
        at = station(
            {'teleop': {**TELEOP, **hold}, 'go': {'kind': 'navigate', 'server_timeout': 10.0}}
        )
        driver = Driver(at)
        goal = at.send('go', goal='home')
        at.until(lambda: goal.state is CommandState.RUNNING)
        for _ in range(5):
            run = at.send('teleop', **parameters)
            assert run.status.result == {'stopped': 'told to stand'}
        assert goal.open and not goal.canceling
        assert at.send('go', goal='table_4').open  # And it keeps nobody from beginning.
        assert not driver.received
        moving = {'axes': [0.0, 0.5], 'buttons': [1]}
        run = at.send('teleop', **moving)
        at.until(lambda: not run.open or run.started)
        assert goal.status.error['code'] == 'preempted'


def test_a_stick_that_is_let_go_before_its_turn_does_not_move_the_robot(station):
    with start_failing_server('slow_cancel', '--delay', '0.3'):
        at = station({'teleop': TELEOP, 'go': {'kind': 'navigate', 'server_timeout': 10.0}})
        driver = Driver(at)
        goal = at.send('go', goal='home')
        at.until(lambda: goal.state is CommandState.RUNNING)
        deflected = at.send('teleop', linear=0.3)
        at.send('teleop', linear=0.0)
        assert deflected.state is CommandState.CANCELED
        at.end(goal)
        end = time.monotonic() + 0.3
        at.until(lambda: time.monotonic() > end)
        assert all(message == Twist() for _, message in driver.received)


def test_a_resting_stick_of_another_link_does_not_stop_who_drives(station):
    at = station({'teleop': TELEOP})
    driver = Guarded(at)
    at.send('teleop', source='other', linear=0.0)
    assert driver.runs[-1].open
    at.send('teleop', linear=0.0)
    assert not driver.runs[-1].open


def test_before_the_first_command_nothing_is_published(station):
    at = station({'teleop': {**TELEOP, 'deadman': 0.1}})
    driver = Driver(at)
    end = time.monotonic() + 1.0
    at.until(lambda: time.monotonic() > end)
    assert not driver.received


def test_what_waits_when_the_robot_is_paused_moves_nothing(station):
    with start_failing_server('slow_cancel', '--delay', '0.3'):
        at = station(
            {
                'teleop': {**TELEOP, 'deadman': 2.0},
                'go': {'kind': 'navigate', 'server_timeout': 10.0},
                'pause': {'kind': 'pause'},
            }
        )
        driver = Driver(at)
        goal = at.send('go', goal='home')
        at.until(lambda: goal.state is CommandState.RUNNING)
        waiting = at.send('teleop', linear=0.3)
        at.end(at.send('pause'))
        assert at.end(waiting).state is CommandState.CANCELED
        assert all(message == Twist() for _, message in driver.received)


def test_a_pause_ends_what_drives_by_hand(station):
    at = station({'teleop': {**TELEOP, 'deadman': 2.0}, 'pause': {'kind': 'pause'}})
    driver = Guarded(at)
    driver.sent_at = time.monotonic()
    at.end(at.send('pause'))
    assert driver.stand_time() - driver.sent_at < 0.1
    assert driver.runs[-1].state is CommandState.CANCELED


def test_with_nobody_listening_no_command_succeeds_and_the_words_say_where_somebody_does(station):
    at = station({'teleop': {**TELEOP, 'deadman': 0.2}})
    run = at.send('teleop', linear=0.3)  # Too early to know, so it is tried.
    assert at.end(run).error['code'] == 'no_base'
    with RosGraph('other_base') as other:
        other.listen(TwistStamped, '/cmd_vel_stamped')
        at.until(lambda: '/cmd_vel_stamped' in str(at.base.unheard()))
        for parameters in ({'linear': 0.3}, {'linear': 0.0}):
            end = at.end(at.send('teleop', **parameters))
            assert end.error['code'] == 'no_base'
            assert 'nobody subscribes to /cmd_vel;' in end.error['message']


def test_a_base_that_goes_away_is_no_base_any_more(station):
    at = station({'teleop': TELEOP})
    with RosGraph('short_lived_base') as base:
        base.listen(Twist, '/cmd_vel')
        at.until(lambda: at.base.undrivable('cmd_vel') is None)
    at.until(lambda: at.base.unheard() is not None)
    assert at.end(at.send('teleop', linear=0.3)).error['code'] == 'no_base'


@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGSTOP])
def test_when_the_guard_is_gone_the_bridge_has_the_base_stand_and_starts_another(station, number):
    at = station({'teleop': {**TELEOP, 'deadman': 5.0}})
    driver = Guarded(at)
    guard = at.base._guard.pid
    began = driver.sent_at = time.monotonic()
    os.kill(guard, number)
    stood = driver.stand_time()
    assert stood - began < 1.0
    end = at.end(driver.runs[-1])
    assert end.error['code'] == 'guard_not_ready'
    refused = at.send('teleop', linear=0.3)
    assert refused.status.error['code'] == 'guard_not_ready'
    driver.wait_for_guard()
    assert at.base._guard.pid != guard
    driver.drive(0.5)
    assert driver.received[-1][1].linear.x == 0.3


def test_a_robot_without_teleop_has_no_guard(station):
    def children():
        return set(Path(f'/proc/self/task/{os.getpid()}/children').read_text().split())

    before = children()
    at = station({'stop': {'kind': 'stop'}})
    assert at.base._guard is None
    assert not children() - before

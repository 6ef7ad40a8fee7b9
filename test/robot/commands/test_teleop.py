# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does the robot move by hand as told, within limits, and stand when nobody tells it any more."""

from __future__ import annotations

from itertools import pairwise
import time

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
        self.told = []
        at.graph.node.create_subscription(
            kind, '/cmd_vel', lambda message: self.told.append((time.monotonic(), message)), 100
        )
        at.until(lambda: at.graph.node.count_subscribers('/cmd_vel'))
        self.runs = []
        self.sent_at = 0.0

    def drive(self, seconds, period=0.05, **parameters):
        """Send for a time; ends right after the last command."""
        parameters = parameters or {'linear': 0.3}

        def send():
            self.sent_at = time.monotonic()
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
                when for when, message in self.told if when > self.sent_at and message == Twist()
            ]

        return self.at.until(stands)[0]


def test_velocities_come_at_a_fixed_rate_while_commands_do(station):
    at = station({'teleop': TELEOP})
    driver = Driver(at)
    driver.drive(1.0, linear=0.3, angular=-0.2)
    moving = [m for _, m in driver.told if m != Twist()]
    assert 15 <= len(moving) <= 25  # 20 Hz
    assert (moving[-1].linear.x, moving[-1].angular.z) == (0.3, -0.2)


def test_without_a_command_for_the_deadman_the_robot_stands_and_is_told_so_often(station):
    at = station({'teleop': {**TELEOP, 'deadman': 0.2}})
    driver = Driver(at)
    delays = []
    for _ in range(5):
        driver.drive(0.1)
        delays.append(driver.stand_time() - driver.sent_at)
    assert max(delays) < 0.25
    assert min(delays) >= 0.19
    told = len(driver.told)
    at.until(lambda: len(driver.told) >= told + 9)
    assert all(message == Twist() for _, message in driver.told[told:])
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
    assert driver.stand_time() - driver.sent_at < 0.05
    assert driver.runs[-1].state is CommandState.CANCELED


def test_speeds_are_cut_to_the_limits(station):
    at = station({'teleop': {**TELEOP, 'max_linear': 0.4, 'max_angular': 0.5}})
    driver = Driver(at)
    driver.drive(0.2, linear=9.0, angular=-9.0, lateral=9.0)
    twist = [m for _, m in driver.told][-1]
    assert (twist.linear.x, twist.linear.y, twist.angular.z) == (0.4, 0.0, -0.5)


def test_acceleration_is_limited_but_not_when_stopping(station):
    at = station({'teleop': {'kind': 'teleop', 'linear_acceleration': 0.5, 'deadman': 0.2}})
    driver = Driver(at)
    driver.drive(0.6, linear=0.5)
    driver.stand_time()
    speeds = [message.linear.x for _, message in driver.told]
    assert max(b - a for a, b in pairwise(speeds)) <= 0.0251
    assert 0.2 < max(speeds) < 0.5
    assert speeds[speeds.index(max(speeds)) :].index(0.0) <= 6


def test_a_hold_switch_that_is_required_must_be_held(station):
    at = station({'teleop': {**TELEOP, 'require_hold': True, 'joystick': {'hold_button': 4}}})
    driver = Driver(at)
    driver.drive(0.2, linear=0.3)
    assert all(m == Twist() for _, m in driver.told)
    driver.drive(0.2, linear=0.3, hold=True)
    assert driver.told[-1][1].linear.x == 0.3
    driver.drive(0.0, linear=0.3, hold=False)
    driver.stand_time()
    driver.drive(0.2, axes=[0.0, 1.0], buttons=[0, 0, 0, 0, 1])
    assert driver.told[-1][1].linear.x == 0.5


def test_axes_of_a_joystick_drive_within_the_limits(station):
    at = station({'teleop': {**TELEOP, 'max_linear': 0.4, 'max_angular': 2.0}})
    driver = Driver(at)
    driver.drive(0.2, axes=[-0.5, 0.5], buttons=[])
    twist = driver.told[-1][1]
    assert (twist.linear.x, twist.angular.z) == (0.2, -1.0)
    assert at.send('teleop', axes=[1], linear=1.0).status.error['code'] == 'bad_parameters'
    assert at.send('teleop', axes=[2]).status.error['code'] == 'bad_parameters'


def test_stamped_velocities_have_stamp_and_frame(station):
    at = station({'teleop': {**TELEOP, 'stamped': True, 'frame': 'base_footprint'}})
    driver = Driver(at, TwistStamped)
    driver.drive(0.2)
    message = driver.told[-1][1]
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
        assert driver.told[-1][1].linear.x == 0.3
        assert not [run for run in driver.runs[:-1] if run.open]


@pytest.mark.parametrize('latch', ['stopped', 'paused'])
def test_it_is_refused_while_the_robot_may_not_move(station, latch):
    at = station({'teleop': TELEOP})
    at.router.lock.set(LockState(latch))
    assert at.send('teleop', linear=0.3).status.error['code'] == latch

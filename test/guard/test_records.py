# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Are the guard's records read as they were written, and is nothing else taken for one."""

from __future__ import annotations

from dataclasses import replace

from geometry_msgs.msg import Twist, TwistStamped
import pytest
from rclpy.serialization import deserialize_message

from xparo_bridge.guard.publishing import twist, twist_stamped
from xparo_bridge.guard.records import Order, Report, What

NOW = 1000.0
DRIVE = Order(What.DRIVE, 0, 7, 0, (0.5, -0.25, 1.5), NOW + 0.5, NOW, 12345)
STAND = Order(What.STAND, 1, 8, until=1.0)


@pytest.mark.parametrize('order', [DRIVE, STAND, Order(What.TYPES, 0, 9, types=3)])
def test_an_order_is_read_as_it_was_written(order):
    assert Order.unpack(order.pack(), 2, NOW) == order


@pytest.mark.parametrize(
    'data',
    [
        b'',
        b'\0',
        DRIVE.pack()[:-1],
        DRIVE.pack() + b'\0',
        b'XG02' + DRIVE.pack()[4:],
        DRIVE.pack()[:4] + b'\x09' + DRIVE.pack()[5:],
        replace(DRIVE, topic=2).pack(),
        replace(DRIVE, types=4).pack(),
        replace(DRIVE, velocity=(float('nan'), 0.0, 0.0)).pack(),
        replace(DRIVE, velocity=(0.0, 0.0, float('inf'))).pack(),
        replace(DRIVE, until=float('inf')).pack(),
        replace(DRIVE, until=NOW + 3600.0).pack(),
        replace(DRIVE, stamp=-1).pack(),
        replace(STAND, until=-1.0).pack(),
        replace(STAND, until=1e9).pack(),
    ],
)
def test_what_is_no_order_is_a_value_error(data):
    with pytest.raises(ValueError):
        Order.unpack(data, 2, NOW)


@pytest.mark.parametrize('topics', [(), ((1, 0),), ((3, 2), (2, 65535))])
def test_a_report_is_read_as_it_was_written(topics):
    assert Report.unpack(Report(7, topics).pack()) == Report(7, topics)


@pytest.mark.parametrize('data', [b'', b'XG01', Report(1, ()).pack() + b'\0', b'?' * 12])
def test_what_is_no_report_is_a_value_error(data):
    with pytest.raises(ValueError):
        Report.unpack(data)


def test_a_twist_is_written_as_rclpy_reads_it():
    message = deserialize_message(twist((0.5, -0.25, 1.5)), Twist)
    assert (message.linear.x, message.linear.y, message.linear.z) == (0.5, -0.25, 0.0)
    assert (message.angular.x, message.angular.y, message.angular.z) == (0.0, 0.0, 1.5)


@pytest.mark.parametrize('frame', ['', 'b', 'abc', 'base', 'base_link', 'robot_1/base_footprint'])
def test_a_stamped_twist_is_written_as_rclpy_reads_it(frame):
    data = twist_stamped((0.5, -0.25, 1.5), 1_700_000_000_123_456_789, frame)
    message = deserialize_message(data, TwistStamped)
    assert message.header.frame_id == frame
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (1_700_000_000, 123_456_789)
    assert (message.twist.linear.x, message.twist.linear.y) == (0.5, -0.25)
    assert message.twist.angular.z == 1.5

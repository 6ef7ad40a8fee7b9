# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What a message says has no value has none, as the comments of its definition have it."""

import math
import time

from geometry_msgs.msg import Quaternion
import pytest
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Imu, LaserScan, NavSatFix, NavSatStatus, Range
from std_msgs.msg import Header

from xparo_bridge.ros.conventions import make_true_reader
from xparo_bridge.ros.paths import parse_path, PathError

UNKNOWN = [-1.0, *8 * [0.0]]
BACK = Quaternion(x=0.0, y=0.0, z=1.0, w=0.0)
NO_FIX, FIX = (
    NavSatFix(latitude=48.0, longitude=9.0, altitude=altitude, status=NavSatStatus(status=status))
    for status, altitude in ((NavSatStatus.STATUS_NO_FIX, 0.0), (NavSatStatus.STATUS_FIX, 300.0))
)
SCAN = LaserScan(range_min=0.5, range_max=4.0, ranges=[0.0, 2.0, math.inf, math.nan, 4.0, 65.0])
NOTHING = LaserScan(range_min=0.5, range_max=4.0, ranges=[0.0, math.inf, -math.inf, math.nan])
UNBOUNDED = LaserScan(ranges=[3.0, 1.0])


def read(message, path):
    found = make_true_reader(type(message), {'value': parse_path(path), 'other': parse_path('.')})
    return found(serialize_message(message), time.time)['value']


@pytest.mark.parametrize(
    ('message', 'path', 'expected'),
    [
        (Imu(orientation=BACK), 'yaw(orientation)', math.pi),
        (Imu(orientation=BACK, orientation_covariance=UNKNOWN), 'yaw(orientation)', None),
        (Imu(orientation_covariance=UNKNOWN), 'orientation.w', None),
        (Imu(orientation_covariance=UNKNOWN), 'orientation_covariance[0]', -1.0),
        (Imu(orientation_covariance=UNKNOWN), 'norm(angular_velocity)', 0.0),
        (Imu(angular_velocity_covariance=UNKNOWN), 'norm(angular_velocity)', None),
        (Imu(linear_acceleration_covariance=UNKNOWN), 'linear_acceleration', None),
        (FIX, 'latitude', 48.0),
        (NO_FIX, 'latitude', None),
        (NO_FIX, 'longitude', None),
        (NO_FIX, 'altitude', None),
        (NO_FIX, 'status.status', -1),
        (NavSatFix(latitude=48.0), 'latitude', 48.0),
        (Range(range=1.0, min_range=0.1, max_range=4.0), 'range', 1.0),
        (Range(range=5.0, min_range=0.1, max_range=4.0), 'range', None),
        (Range(range=0.0, min_range=0.1, max_range=4.0), 'range', None),
        (Range(range=math.nan, min_range=0.1, max_range=4.0), 'range', None),
        (Range(range=-math.inf, min_range=1.0, max_range=1.0), 'range', -math.inf),
        (SCAN, 'min(ranges)', 2.0),
        (SCAN, 'max(ranges)', 4.0),
        (SCAN, 'mean(ranges)', 3.0),
        (SCAN, 'count(ranges)', 6),
        (SCAN, 'ranges[1]', 2.0),
        (SCAN, 'ranges[9]', None),
        (SCAN, 'range_max', 4.0),
        (NOTHING, 'min(ranges)', None),
        (NOTHING, 'mean(ranges)', None),
        (LaserScan(range_max=4.0), 'min(ranges)', None),
        (LaserScan(range_max=4.0), 'ranges[0]', None),
        (UNBOUNDED, 'min(ranges)', 1.0),
    ],
)
def test_what_a_message_says_it_does_not_know_is_absent(message, path, expected):
    value = read(message, path)
    assert value == (pytest.approx(expected) if isinstance(expected, float) else expected)


def test_so_it_is_in_a_whole_message():
    whole = read(Imu(orientation=BACK, orientation_covariance=UNKNOWN), '.')
    assert whole['orientation'] is None
    assert whole['orientation_covariance'][0] == -1.0
    assert whole['angular_velocity'] == {'x': 0.0, 'y': 0.0, 'z': 0.0}
    assert [None if math.isnan(each) else each for each in read(SCAN, '.')['ranges']] == [
        *(None, 2.0, None, None, 4.0, None)
    ]


def test_fields_come_in_the_order_they_are_configured_in_and_nothing_else_does():
    fields = {name: parse_path(name) for name in ('angular_velocity.x', 'header.frame_id')}
    found = make_true_reader(Imu, fields)(
        serialize_message(Imu(header=Header(frame_id='imu'))), time.time
    )
    assert list(found.items()) == [('angular_velocity.x', 0.0), ('header.frame_id', 'imu')]


def test_a_path_that_does_not_fit_is_refused_as_ever():
    with pytest.raises(PathError, match='has no field'):
        make_true_reader(Imu, {'value': parse_path('orientations')})


@pytest.mark.parametrize(
    ('sec', 'nanosec', 'age'), [(0, 0, None), (-5, 4_000_000_000, None), (90, 0, 10.0)]
)
def test_a_stamp_that_nobody_set_has_no_age(sec, nanosec, age):
    imu = Imu()
    imu.header.stamp.sec, imu.header.stamp.nanosec = sec, nanosec
    path = parse_path('age(header.stamp)')
    found = make_true_reader(Imu, {'value': path})(serialize_message(imu), lambda: 100.0)
    assert found['value'] == age

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What the compiled reader takes from the bytes is what rclpy finds in them."""

import contextlib
import math
from random import Random
import struct
import time

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from geometry_msgs.msg import (
    PolygonStamped,
    PoseStamped,
    Quaternion,
    Transform,
    TransformStamped,
    Twist,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from nav_msgs.msg import Odometry, Path
import numpy
import pytest
from rcl_interfaces.msg import ParameterEvent
from rclpy.serialization import deserialize_message, serialize_message
from ros.cdr_writer import encode, random_message
from sensor_msgs.msg import (
    BatteryState,
    CameraInfo,
    Imu,
    JointState,
    LaserScan,
    MultiDOFJointState,
    PointCloud2,
)
from std_msgs.msg import Bool, Byte, Char, Empty, Int64MultiArray, String, UInt8MultiArray
from type_description_interfaces.msg import TypeDescription

from xparo_bridge.ros.cdr import Generator, UnsupportedType
from xparo_bridge.ros.paths import parse_path, PathError
from xparo_bridge.ros.reader import make_reader
from xparo_bridge.ros.values import plain

TYPES = [
    BatteryState,
    Bool,
    Byte,
    CameraInfo,
    Char,
    DiagnosticArray,
    Empty,
    Imu,
    Int64MultiArray,
    JointState,
    LaserScan,
    MultiDOFJointState,
    Odometry,
    ParameterEvent,
    Path,
    PointCloud2,
    PolygonStamped,
    String,
    TransformStamped,
    TypeDescription,
    UInt8MultiArray,
]
try:
    from test_msgs import msg as test_msgs

    TYPES += [
        test_msgs.Arrays,
        test_msgs.BasicTypes,
        test_msgs.BoundedPlainSequences,
        test_msgs.BoundedSequences,
        test_msgs.Builtins,
        test_msgs.MultiNested,
        test_msgs.Nested,
        test_msgs.Strings,
        test_msgs.UnboundedSequences,
    ]
except ImportError:
    test_msgs = None


try:
    from xparo_test_msgs.msg import WStrings
except ImportError:  # In a workspace of colcon's, which does not build it.
    WStrings = test_msgs and test_msgs.WStrings
needs_wstrings = pytest.mark.skipif(WStrings is None, reason='no message with a wstring here')


def read(message, *paths, now=0.0, order='<'):
    """Values of the paths, in order."""
    reader = make_reader(type(message), {path: parse_path(path) for path in paths})
    return list(normal(reader(encode(message, order), lambda: now)).values())


def normal(value):
    """Value in a form that can be compared: arrays and tuples as lists, NaN equal to itself."""
    if isinstance(value, dict):
        return {key: normal(item) for key, item in value.items()}
    if isinstance(value, numpy.ndarray):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [normal(item) for item in value]
    return 'NaN' if value != value else value


@pytest.mark.parametrize('cls', TYPES, ids=lambda cls: cls.__name__)
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_whole_message_is_read_as_rclpy_reads_it(cls, seed):
    random = Random(seed)
    message = random_message(cls, random)
    serialized = serialize_message(message)
    expected = normal(plain(deserialize_message(serialized, cls)))
    reader = make_reader(cls, {'whole': parse_path('.')})
    assert normal(reader(serialized, float)['whole']) == expected
    assert normal(reader(encode(message, '<'), float)['whole']) == expected
    assert normal(reader(encode(message, '>'), float)['whole']) == expected


@pytest.mark.parametrize('cls', TYPES, ids=lambda cls: cls.__name__)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_any_part_is_the_same_as_in_the_whole_message(cls, seed):
    random = Random(seed)
    message = random_message(cls, random)
    names = list(cls.get_fields_and_field_types())
    chosen = random.sample(names, random.randint(0, len(names)))
    serialized = serialize_message(message)
    whole = normal(plain(message))
    reader = make_reader(cls, {name: parse_path(name) for name in chosen})
    for order in '<>':
        values = reader(encode(message, order), float)
        assert normal(values) == {name: whole[name] for name in chosen}
    assert normal(reader(serialized, float)) == {name: whole[name] for name in chosen}


@pytest.mark.parametrize('cls', TYPES, ids=lambda cls: cls.__name__)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_message_cut_short_is_an_error_and_nothing_worse(cls, seed):
    random = Random(seed)
    message = random_message(cls, random)
    encoded = encode(message, '<')
    cut = encoded[: random.randint(4, len(encoded) - 1)]
    reader = make_reader(cls, {'whole': parse_path('.')})
    with pytest.raises((ValueError, struct.error)):
        reader(cut, float)


@needs_wstrings
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_type_with_wstrings_is_left_to_rclpy(seed):
    message = random_message(WStrings, Random(seed))
    paths = {'whole': parse_path('.'), 'count': parse_path('count(wstring_value)')}
    reader = make_reader(WStrings, paths)
    values = reader(serialize_message(message), float)
    assert normal(values['whole']) == normal(plain(message))
    assert values['count'] == len(message.wstring_value)


@needs_wstrings
def test_what_a_wstring_says_is_read():
    reader = make_reader(WStrings, {'said': parse_path('wstring_value')})
    assert reader(serialize_message(WStrings(wstring_value='größer')), float) == {'said': 'größer'}


def scan(*ranges):
    return LaserScan(ranges=[float(distance) for distance in ranges])


def test_elements_and_slices_of_numbers():
    message = scan(0, 10, 20, 30, 40)
    assert read(message, 'ranges[1]', 'ranges[-1]', 'ranges[1:4]', 'ranges[::2]', 'ranges[7]') == [
        10.0,
        40.0,
        [10.0, 20.0, 30.0],
        [0.0, 20.0, 40.0],
        None,
    ]


def test_elements_and_slices_of_messages():
    message = Path(poses=[PoseStamped() for _ in range(4)])
    for number, pose in enumerate(message.poses):
        pose.pose.position.x = float(number)
        pose.header.frame_id = f'frame{number}'
    assert read(
        message,
        'poses[-1].pose.position.x',
        'poses[:].pose.position.x',
        'poses[1:3].header.frame_id',
        'poses[9].pose',
        'count(poses)',
    ) == [3.0, [0.0, 1.0, 2.0, 3.0], ['frame1', 'frame2'], None, 4]


def test_least_greatest_and_mean_leave_out_what_is_not_finite():
    message = scan(math.nan, 2, math.inf, 4)
    assert read(
        message,
        'min(ranges)',
        'max(ranges)',
        'mean(ranges)',
        'count(ranges)',
        'min(ranges[3:])',
        'min(intensities)',
        'mean(intensities)',
    ) == [2.0, 4.0, 3.0, 4, 4.0, None, None]


def test_greatest_level_of_diagnostics():
    message = DiagnosticArray(
        status=[
            DiagnosticStatus(level=level, name='n', values=[KeyValue()])
            for level in (b'\0', b'\2')
        ]
    )
    assert read(message, 'max(status[:].level)', 'count(status)', 'count(status[0].values)') == [
        2,
        2,
        1,
    ]


def test_norm_of_a_vector_and_of_an_array():
    message = Odometry()
    message.twist.twist.linear.x = 3.0
    message.twist.twist.linear.y = -4.0
    message.pose.covariance[:] = 0.5
    assert read(message, 'norm(twist.twist.linear)', 'norm(pose.covariance)') == [5.0, 3.0]


@given(st.floats(-3.14, 3.14))
def test_yaw_of_a_quaternion(yaw):
    message = Quaternion(z=math.sin(yaw / 2), w=math.cos(yaw / 2))
    stamped = PoseStamped()
    stamped.pose.orientation = message
    assert read(stamped, 'yaw(pose.orientation)')[0] == pytest.approx(yaw)


def test_age_is_the_time_since_the_stamp():
    message = LaserScan()
    message.header.stamp.sec, message.header.stamp.nanosec = 1_700_000_000, 500_000_000
    assert read(
        message, 'age(header.stamp)', 'header.stamp', 'header.stamp.nanosec', now=1_700_000_002.0
    ) == [1.5, 1_700_000_000.5, 500_000_000]


def test_integers_no_json_reader_would_keep_become_text():
    message = Int64MultiArray(data=[1, -(2**53), 2**53 + 1])
    assert read(message, 'data', 'data[1]', 'max(data[:2])') == [
        [1, -(2**53), str(2**53 + 1)],
        -(2**53),
        1,
    ]


def test_bytes_stay_bytes():
    message = UInt8MultiArray(data=b'\0\1\2\xff')
    assert read(message, 'data', 'data[1:3]', 'data[3]', 'max(data)', order='>') == [
        b'\0\1\2\xff',
        b'\1\2',
        255,
        255,
    ]


def test_text_that_is_not_utf_8_is_still_text():
    reader = make_reader(String, {'text': parse_path('data')})
    data = b'\0\1\0\0\3\0\0\0a\xff\0'
    assert reader(data, float) == {'text': 'a\N{REPLACEMENT CHARACTER}'}


def test_arrays_do_not_keep_the_message_alive():
    values = make_reader(LaserScan, {'ranges': parse_path('ranges')})(
        serialize_message(scan(*range(100))), float
    )
    assert values['ranges'].base is None


@pytest.mark.parametrize(
    ('path', 'says'),
    [
        ('pose.pos.x', 'PoseWithCovariance has no field "pos"; it has pose, covariance'),
        ('speed', 'nav_msgs/Odometry has no field "speed"; it has header, child_frame_id'),
        ('child_frame_id.x', '"child_frame_id" is a string and has no fields'),
        ('pose.covariance.x', 'is an array of double and has no fields; name an element'),
        ('pose[0]', '"pose" is a geometry_msgs/PoseWithCovariance, not an array'),
        ('[0]', 'nav_msgs/Odometry, not an array'),
        ('min(pose.pose)', 'min takes an array of numbers, not a geometry_msgs/Pose'),
        ('yaw(pose.pose.position)', 'yaw takes a quaternion'),
        ('age(pose)', 'age takes a time stamp'),
        ('norm(header)', 'norm takes a vector'),
        ('count(.)', 'count takes an array or a string, not nav_msgs/Odometry'),
    ],
)
def test_a_path_that_does_not_fit_the_type_says_what_would(path, says):
    with pytest.raises(PathError, match=says):
        make_reader(Odometry, {'value': parse_path(path)})


def test_what_the_generator_does_not_know_is_read_by_rclpy(monkeypatch):
    class Refusing(Generator):
        def message(self, cls, selection):
            raise UnsupportedType('no reader for WString')

    monkeypatch.setattr('xparo_bridge.ros.reader.Generator', Refusing)
    message = scan(1, 2, 3)
    message.header.frame_id = 'laser'
    # Under names that no other test has, as readers are kept.
    paths = {'by_rclpy': parse_path('header.frame_id'), 'most': parse_path('max(ranges)')}
    reader = make_reader(LaserScan, paths)
    assert reader(serialize_message(message), float) == {'by_rclpy': 'laser', 'most': 3.0}
    with pytest.raises(ValueError, match='is read slowly'):
        reader(serialize_message(LaserScan(ranges=[0.0] * 100_000)), float)


@pytest.mark.parametrize('path', ['poses[:].pose.position.x', 'poses'])
def test_more_elements_than_can_be_read_in_time_are_refused(path):
    reader = make_reader(Path, {'x': parse_path(path)})
    assert len(reader(serialize_message(Path(poses=[PoseStamped()] * 1000)), float)['x']) == 1000
    with pytest.raises(ValueError, match='more than 20000 elements'):
        reader(serialize_message(Path(poses=[PoseStamped()] * 20_001)), float)


def test_what_nobody_wants_is_passed_over_at_once_however_much_it_says_it_is():
    reader = make_reader(
        MultiDOFJointState,
        {'last': parse_path('count(wrench)'), 'names': parse_path('count(joint_names)')},
    )
    many = MultiDOFJointState(
        joint_names=['a', 'b'], transforms=[Transform()] * 100_000, twist=[Twist()] * 3
    )
    data = serialize_message(many)
    begin = time.perf_counter()
    assert reader(data, float) == {'last': 0, 'names': 2}
    assert time.perf_counter() - begin < 0.1
    data = serialize_message(MultiDOFJointState(joint_names=['a']))
    for place in range(4, len(data) - 3, 4):  # Lengths that say 2^32, wherever they are.
        spoilt = data[:place] + b'\xff\xff\xff\xff' + data[place + 4 :]
        begin = time.perf_counter()
        with contextlib.suppress(ValueError, struct.error):
            reader(spoilt, float)
        assert time.perf_counter() - begin < 1.0

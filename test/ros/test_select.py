# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Elements of arrays are chosen by what they are called, not by where they happen to stand."""

import math
import time

from action_msgs.msg import GoalStatus, GoalStatusArray
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from geometry_msgs.msg import TransformStamped
import pytest
from rclpy.serialization import serialize_message
from sensor_msgs.msg import JointState
from tf2_msgs.msg import TFMessage

from xparo_bridge.ros.fields import check_path
from xparo_bridge.ros.paths import parse_path, PathError
from xparo_bridge.ros.reader import make_reader
from xparo_bridge.ros.values import evaluate, MISSING, Missing, plain


def transform(parent, child, x):
    made = TransformStamped(child_frame_id=child)
    made.header.frame_id = parent
    made.transform.translation.x = x
    made.transform.rotation.z = made.transform.rotation.w = math.sqrt(0.5)
    return made


def goal(number):
    status = GoalStatus(status=number)
    status.goal_info.goal_id.uuid[0] = number
    return status


JOINTS = JointState(name=['right', 'left', 'a,b]'], position=[1.0, 2.0, 3.0], velocity=[0.1])
TWINS = JointState(name=['left', 'left'], position=[1.0, 2.0], velocity=[7.0, 7.0])
SEVERAL = Missing(several=True)
TF = TFMessage(transforms=[transform('map', 'odom', 1.0), transform('odom', 'base', 2.0)])
SLASHES = TFMessage(transforms=[transform('/map', '/odom', 1.0), transform('/odom', '/base', 2.0)])
STATUS = DiagnosticArray(
    status=[
        DiagnosticStatus(name='drive', hardware_id='left', message='first'),
        DiagnosticStatus(
            name='drive',
            hardware_id='right',
            level=b'\2',
            message='second',
            values=[KeyValue(key='volts', value='24'), KeyValue(key='amps', value='3')],
        ),
    ]
)
GOALS = GoalStatusArray(status_list=[goal(3), goal(4)])


@pytest.mark.parametrize(
    ('message', 'path', 'expected'),
    [
        (JOINTS, 'position[name=left]', 2.0),
        (JOINTS, 'position[ name = right ]', 1.0),
        (JOINTS, 'position[name="a,b]"]', 3.0),
        (JOINTS, 'velocity[name=right]', 0.1),
        (JOINTS, 'velocity[name=left]', MISSING),  # Its array is shorter.
        (JOINTS, 'effort[name=left]', MISSING),
        (JOINTS, 'position[name=gripper]', MISSING),
        (JOINTS, 'name[position=2]', 'left'),
        (TF, 'transforms[child_frame_id=base].transform.translation.x', 2.0),
        (TF, 'transforms[header.frame_id=map].transform.translation.x', 1.0),
        (TF, 'transforms[header.frame_id=odom,child_frame_id=base].child_frame_id', 'base'),
        (TF, 'yaw(transforms[child_frame_id=odom].transform.rotation)', math.pi / 2),
        (TF, 'transforms[child_frame_id=laser].transform.translation.x', MISSING),
        (TF, 'yaw(transforms[child_frame_id=laser].transform.rotation)', MISSING),
        (TF, 'age(transforms[child_frame_id=laser].header.stamp)', MISSING),
        # The OK of one must not hide the ERROR of the other.
        (STATUS, 'status[name=drive].message', SEVERAL),
        (STATUS, 'status[name=drive].level', SEVERAL),
        (STATUS, 'status[name=drive].name', 'drive'),
        (STATUS, 'count(status[name=drive].values)', SEVERAL),
        (TWINS, 'position[name=left]', SEVERAL),
        (TWINS, 'velocity[name=left]', 7.0),
        (SLASHES, 'transforms[child_frame_id=odom].transform.translation.x', 1.0),
        (TF, 'transforms[child_frame_id=/odom].transform.translation.x', 1.0),
        (SLASHES, 'transforms[header.frame_id=/odom].child_frame_id', '/base'),
        (STATUS, 'status[name=drive,hardware_id=right].message', 'second'),
        (STATUS, 'status[level=2].message', 'second'),
        (STATUS, 'status[hardware_id=right].values[key=amps].value', '3'),
        (STATUS, 'count(status[hardware_id=right].values)', 2),
        (STATUS, 'status[:].values[key=volts].value', [None, '24']),
        (GOALS, 'status_list[status=4].goal_info.goal_id.uuid', bytes([4, *15 * [0]])),
        (GOALS, 'status_list[:].goal_info.goal_id.uuid', [bytes([n, *15 * [0]]) for n in (3, 4)]),
        (GOALS, 'status_list[:].goal_info.goal_id.uuid[0]', [3, 4]),
    ],
)
def test_an_element_is_chosen_by_its_name(message, path, expected):
    parsed = parse_path(path)
    read = make_reader(type(message), {'value': parsed})(serialize_message(message), time.time)
    by_rclpy = evaluate(check_path(parsed, type(message)), plain(message), time.time)
    for value in (read['value'], by_rclpy):
        if isinstance(expected, float):
            assert value == pytest.approx(expected)
        else:
            assert value == expected


@pytest.mark.parametrize(
    ('kind', 'path', 'problem'),
    [
        (
            JointState,
            'position[nmae=left]',
            '"position" cannot be chosen from by "nmae"; there is name beside it',
        ),
        (JointState, 'header[name=left]', '"header" is a std_msgs/Header, not an array'),
        (TFMessage, 'transforms[frame=map]', 'its elements have header, child_frame_id, transf'),
        (TFMessage, 'transforms[transform=1]', '"transform" is a geometry_msgs/Transform'),
        (JointState, 'position[name]', 'neither'),
        (JointState, 'position[name=a b="c]', 'not understood'),
        (JointState, 'position[=left]', 'not understood from "=left"'),
        (JointState, '[name=left]', 'not an array'),
    ],
)
def test_a_choice_that_cannot_be_made_says_what_there_is(kind, path, problem):
    with pytest.raises(PathError, match=problem):
        make_reader(kind, {'value': parse_path(path)})


@pytest.mark.parametrize(
    'path', ['position[name=left]', 'status[name=drive,hardware_id=right].values[key=amps]']
)
def test_a_path_is_written_as_it_was_read(path):
    assert str(parse_path(path)) == path


@pytest.mark.parametrize(
    ('message', 'path', 'words'),
    [
        (JOINTS, 'position[name=lefft]', 'none has [name=lefft]; there is right, left, a,b]'),
        (JointState(), 'position[name=left]', 'none has [name=left]; there is none at all'),
        (TF, 'transforms[child_frame_id=laser]', 'none has [child_frame_id=laser]; there is odom'),
        (STATUS, 'status[name=drive].message', 'several have [name=drive], and they differ'),
    ],
)
def test_what_is_not_there_once_says_what_there_is(message, path, words):
    read = make_reader(type(message), {'value': parse_path(path)})
    assert words in str(read(serialize_message(message), time.time)['value'])

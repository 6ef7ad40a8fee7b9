# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Are templates checked against ROS types when they are made, and filled in rightly after."""

from __future__ import annotations

import math

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped, PoseWithCovariance
from hypothesis import given, settings, strategies
from nav2_msgs.action import Wait
from nav_msgs.msg import Path
import pytest
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Bool, Float32, Int8, String, UInt8

from xparo_bridge.robot.commands.kind import SettingsError
from xparo_bridge.robot.commands.template import BadValue, Template

PARAMETERS = {
    'x': {'type': 'number'},
    'n': {'type': 'integer'},
    'name': {'type': 'string'},
    'on': {'type': 'boolean'},
    'list': {'type': 'array'},
    'pose': {'type': 'object'},
}


def template(cls, tree):
    return Template(cls, tree, PARAMETERS, ('goal',), lambda: Time(sec=7))


def made(cls, tree, **parameters):
    return template(cls, tree).make(parameters)


def test_parameters_keep_their_type_and_go_into_texts():
    assert made(String, {'data': '$name'}, name='Ada').data == 'Ada'
    assert (
        made(String, {'data': 'Hello ${name}, floor ${n} for $$5'}, name='Ada', n=3).data
        == 'Hello Ada, floor 3 for $5'
    )
    assert made(Float32, {'data': '$n'}, n=3).data == 3.0
    assert made(Bool, {'data': '$on'}, on=True).data is True


def test_maps_lists_and_times_are_filled_in():
    pose = made(
        PoseStamped,
        {'header': {'stamp': 'now', 'frame_id': 'map'}, 'pose': {'position': {'x': '$x', 'y': 2}}},
        x=1,
    )
    assert (pose.header.stamp.sec, pose.header.frame_id) == (7, 'map')
    assert (pose.pose.position.x, pose.pose.position.y) == (1.0, 2.0)
    assert made(Wait.Goal, {'time': '$x'}, x=1.5).time.nanosec == 500_000_000
    way = made(
        Path,
        {'poses': [{'pose': {'position': {'x': 1}}}, {'pose': {'position': {'x': '$x'}}}]},
        x=2.0,
    )
    assert [pose.pose.position.x for pose in way.poses] == [1.0, 2.0]
    assert list(
        made(
            JointState, {'name': ['a', '$name'], 'position': '$list'}, name='b', list=[1, 2.5]
        ).position
    ) == [1.0, 2.5]
    assert bytes(made(Image, {'data': [1, 2, 255]}).data) == b'\x01\x02\xff'
    assert made(PoseStamped, {'pose': {'position': '$pose'}}, pose={'z': 3}).pose.position.z == 3.0
    assert made(DiagnosticArray, {'status': [{'level': 2}]}).status[0].level == b'\x02'


def test_what_is_left_out_keeps_the_messages_default():
    assert made(PoseStamped, {'pose': {'orientation': {'w': '$x'}}}).pose.orientation.w == 1.0


@pytest.mark.parametrize(
    ('cls', 'tree', 'path', 'problem'),
    [
        (String, {'dta': 'x'}, ('goal', 'dta'), 'String has no field "dta"; it has data'),
        (
            PoseStamped,
            {'pose': {'positon': {}}},
            ('goal', 'pose', 'positon'),
            'Pose has no field "positon"; it has position, orientation',
        ),
        (PoseStamped, {'pose': 3}, ('goal', 'pose'), "'3' is not a geometry_msgs/Pose"),
        (String, {'data': 3}, ('goal', 'data'), "'3' is not a string"),
        (String, {'data': '$nam'}, ('goal', 'data'), 'no parameter "nam"; known: x, n, name'),
        (String, {'data': 'Hi ${nam}'}, ('goal', 'data'), 'no parameter "nam"'),
        (String, {'data': '$x'}, ('goal', 'data'), 'parameter x is of type number'),
        (Int8, {'data': '$x'}, ('goal', 'data'), 'parameter x is of type number'),
        (Int8, {'data': 200}, ('goal', 'data'), '200 is not a whole number from -128 to 127'),
        (Int8, {'data': True}, ('goal', 'data'), "'True' is not a int8"),
        (Bool, {'data': 1}, ('goal', 'data'), "'1' is not a boolean"),
        (PoseWithCovariance, {'covariance': [1.0]}, ('goal', 'covariance'), 'expected 36 items'),
        (
            Path,
            {'poses': [{}, {'psoe': 1}]},
            ('goal', 'poses', 1, 'psoe'),
            'PoseStamped has no field',
        ),
        (String, [], ('goal',), 'a map of fields'),
    ],
)
def test_what_does_not_fit_the_type_is_an_error_at_its_key(cls, tree, path, problem):
    with pytest.raises(SettingsError, match=problem.replace('$', r'\$')) as caught:
        template(cls, tree)
    assert caught.value.path == path


@pytest.mark.parametrize(
    ('cls', 'parameters', 'problem'),
    [
        (UInt8, {'n': 256}, 'data: 256 is not a whole number from 0 to 255'),
        (Float32, {'n': 10**39}, 'too large'),
    ],
)
def test_a_value_out_of_its_fields_range_is_reported(cls, parameters, problem):
    with pytest.raises(BadValue, match=problem):
        made(cls, {'data': '$n'}, **parameters)


@pytest.mark.parametrize(
    ('cls', 'schema', 'path', 'problem'),
    [
        (UInt8, {'type': 'integer', 'default': 256}, ('default',), '256 is not a whole number'),
        (UInt8, {'type': 'integer', 'minimum': -1}, ('minimum',), '-1 is not a whole number'),
        (UInt8, {'type': 'integer', 'maximum': 256}, ('maximum',), '256 is not a whole number'),
        (UInt8, {'type': 'integer', 'enum': [1, 2, -3]}, ('enum', 2), '-3 is not a whole number'),
        (
            UInt8,
            {'type': 'integer', 'exclusiveMinimum': -2},
            ('exclusiveMinimum',),
            '-1 is not a whole number',
        ),
        (
            UInt8,
            {'type': 'integer', 'exclusiveMaximum': 257},
            ('exclusiveMaximum',),
            '256 is not a whole number',
        ),
        (String, {'default': 3}, ('default',), "'3' is not a string"),
        (Float32, {'type': 'number', 'maximum': 1e39}, ('maximum',), 'too large'),
        # The outermost that may be sent fits.
        (UInt8, {'type': 'integer', 'exclusiveMinimum': -1, 'exclusiveMaximum': 256}, None, ''),
        (UInt8, {'type': 'integer', 'minimum': 0, 'maximum': 255, 'default': 0}, None, ''),
        (Float32, {'type': 'number', 'exclusiveMinimum': 0, 'enum': [1, 2.5]}, None, ''),
    ],
)
def test_the_values_of_a_parameter_that_its_field_cannot_hold_are_known_at_the_start(
    cls, schema, path, problem
):
    def make():
        Template(cls, {'data': '$n'}, {'n': schema}, ('message',), Time)

    if path is None:
        make()
        return
    with pytest.raises(SettingsError, match=problem) as caught:
        make()
    assert caught.value.path == ('parameters', 'n', *path)


@pytest.mark.parametrize(
    ('cls', 'tree', 'path'),
    [
        (JointState, {'name': ['a', '$name', 3]}, ('goal', 'name', 2)),
        (JointState, {'position': [1.0, 'far']}, ('goal', 'position', 1)),
        (PoseWithCovariance, {'covariance': [0.0] * 35}, ('goal', 'covariance')),
        (PoseWithCovariance, {'covariance': [0.0] * 37}, ('goal', 'covariance')),
        (PoseWithCovariance, {'covariance': [0.0] * 36}, None),
        # How many there will be is known when it comes.
        (PoseWithCovariance, {'covariance': ['$x'] * 35}, None),
    ],
)
def test_a_list_is_checked_item_by_item_and_as_a_whole(cls, tree, path):
    if path is None:
        template(cls, tree)
        return
    with pytest.raises(SettingsError) as caught:
        template(cls, tree)
    assert [at for at, _ in caught.value.found] == [path]


def test_fields_of_an_object_are_checked_when_it_comes():
    for pose, problem in (
        ({'q': 1}, r'pose\.position\.q: .*no such field; it has x, y, z'),
        ({'x': 'far'}, "pose.position.x: 'far' is not a double"),
    ):
        with pytest.raises(BadValue, match=problem):
            made(PoseStamped, {'pose': {'position': '$pose'}}, pose=pose)


JSON = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats()
    | strategies.text()
    | strategies.just('\ud800'),
    lambda part: (
        strategies.lists(part)
        | strategies.dictionaries(
            strategies.text() | strategies.sampled_from(['x', 'position', 'sec']), part
        )
    ),
)


# The first value of a type makes its reader, which takes as long as the machine lets it.
@settings(deadline=None)
@given(value=JSON)
def test_no_value_whatever_it_is_does_more_than_not_fit(value):
    for cls, tree in (
        (PoseStamped, {'pose': '$pose', 'header': {'stamp': '$x'}}),
        (JointState, {'name': '$list', 'position': '$list'}),
        (Image, {'data': '$list', 'height': '$n'}),
        (String, {'data': '${x}'}),
    ):
        try:
            message = made(cls, tree, pose=value, x=value, list=value, n=value)
            serialize_message(message)
        except BadValue:
            pass


def test_all_that_is_wrong_is_found_at_once():
    tree = {
        'header': {'stamp': 'soon', 'frame': 'map', 'frame_id': '${nobody}'},
        'pose': {'position': {'x': '$name', 'y': '$nix', 'z': 'high'}, 'orientation': 1},
    }
    with pytest.raises(SettingsError) as caught:
        template(PoseStamped, tree)
    assert [path for path, _ in caught.value.found] == [
        ('goal', 'header', 'stamp'),
        ('goal', 'header', 'frame'),
        ('goal', 'header', 'frame_id'),
        ('goal', 'pose', 'position', 'x'),
        ('goal', 'pose', 'position', 'y'),
        ('goal', 'pose', 'position', 'z'),
        ('goal', 'pose', 'orientation'),
    ]


@pytest.mark.parametrize('yaw', [0.0, 1.5, -math.pi / 2, math.pi, 6])
@pytest.mark.parametrize('way', ['in the template', 'a parameter', 'a parameter of the pose'])
def test_a_quaternion_may_be_given_by_its_yaw(yaw, way):
    if way == 'in the template':
        pose = made(PoseStamped, {'pose': {'orientation': {'yaw': yaw}}}).pose
    elif way == 'a parameter':
        pose = made(PoseStamped, {'pose': {'orientation': {'yaw': '$x'}}}, x=yaw).pose
    else:
        pose = made(PoseStamped, {'pose': '$pose'}, pose={'orientation': {'yaw': yaw}}).pose
    rotation = pose.orientation
    assert (rotation.x, rotation.y) == (0.0, 0.0)
    assert math.hypot(rotation.z, rotation.w) == pytest.approx(1.0)
    turned = 2 * math.atan2(rotation.z, rotation.w)
    assert math.remainder(turned - yaw, math.tau) == pytest.approx(0.0, abs=1e-9)


def test_a_yaw_that_is_left_out_is_no_rotation():
    rotation = made(PoseStamped, {'pose': {'orientation': {'yaw': '$x'}}}).pose.orientation
    assert (rotation.x, rotation.y, rotation.z, rotation.w) == (0.0, 0.0, 0.0, 1.0)


@pytest.mark.parametrize(
    ('orientation', 'words'),
    [
        ({'yaw': 1.0, 'w': 1.0}, 'yaw is the whole rotation'),
        ({'yaw': '$name'}, 'is of type string'),
        ({'yaw': '$nothing'}, 'there is no parameter "nothing"'),
        ({'yaw': 'east'}, "'east' is not a double"),
        ({'yaw': True}, "'True' is not a double"),
    ],
)
def test_a_yaw_that_cannot_be_is_refused_at_the_start(orientation, words):
    with pytest.raises(SettingsError, match=words):
        template(PoseStamped, {'pose': {'orientation': orientation}})


@pytest.mark.parametrize('yaw', [math.nan, math.inf, 'east', None, {'yaw': 1}])
def test_a_yaw_that_is_no_number_is_refused_when_it_comes(yaw):
    with pytest.raises(BadValue, match='yaw'):
        made(PoseStamped, {'pose': {'orientation': {'yaw': '$x'}}}, x=yaw)
    with pytest.raises(BadValue, match='yaw'):
        made(PoseStamped, {'pose': '$pose'}, pose={'orientation': {'yaw': yaw}})


@pytest.mark.parametrize(('yaw', 'radians'), [(90, '1.5708'), (-90.0, '-1.5708'), (7, '0.1222')])
def test_a_yaw_in_degrees_is_refused_with_its_radians(yaw, radians):
    words = f'yaw: expected radians, at most a turn; {yaw:g} degrees are {radians}'
    with pytest.raises(BadValue, match=words):
        made(PoseStamped, {'pose': {'orientation': {'yaw': '$x'}}}, x=yaw)
    with pytest.raises(BadValue, match=words):
        made(PoseStamped, {'pose': '$pose'}, pose={'orientation': {'yaw': yaw}})
    with pytest.raises(SettingsError, match='expected radians'):
        template(PoseStamped, {'pose': {'orientation': {'yaw': yaw}}})
    declared = {'x': {'type': 'number', 'default': yaw}}
    with pytest.raises(SettingsError, match='expected radians'):
        Template(PoseStamped, {'pose': {'orientation': {'yaw': '$x'}}}, declared, (), Time)


def test_the_members_of_a_quaternion_are_taken_as_they_are():
    pose = made(PoseStamped, {'pose': '$pose'}, pose={'orientation': {'z': 90.0, 'w': 0.0}}).pose
    assert pose.orientation.z == 90.0

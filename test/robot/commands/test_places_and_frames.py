# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A place that is saved, and a goal that is sent, is one that a robot can be at."""

from __future__ import annotations

import math
import time

from geometry_msgs.msg import PoseWithCovarianceStamped, TransformStamped
from nav2_msgs.action import NavigateThroughPoses, NavigateToPose
import pytest
from rclpy.action import ActionServer
from tf2_msgs.msg import TFMessage
import yaml

from xparo_bridge.behavior.ros import robot_state
from xparo_bridge.behavior.ros.robot_state import RobotState
from xparo_bridge.messages import CommandState
from xparo_bridge.robot.commands.places import Places
from xparo_bridge.share import share
from xparo_bridge.state import State

SAVE = {'save': {'kind': 'save_place', 'transform_timeout': 0.5, 'max_age': 0.4}}
GO = {'go': {'kind': 'navigate', 'action': 'navigate_to_somewhere'}}


class Tf:
    """Transforms, published whenever the test spins."""

    def __init__(self, at) -> None:
        node = self._node = at.graph.node
        self._publisher = node.create_publisher(TFMessage, '/tf', 10)
        self.transforms = []
        node.create_timer(0.02, self._publish)

    def add(self, parent, child, x, w=1.0):
        made = TransformStamped(child_frame_id=child)
        made.header.frame_id = parent
        made.transform.translation.x = x
        made.transform.rotation.w = w
        self.transforms.append(made)

    def _publish(self):
        for transform in self.transforms:
            transform.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(TFMessage(transforms=self.transforms))


@pytest.mark.parametrize(
    ('x', 'w'), [(math.nan, 1.0), (math.inf, 1.0), (1.0, 0.0), (1.0, 1.1), (1.0, 2.0), (1e9, 1.0)]
)
def test_no_place_is_saved_of_a_transform_that_is_none(station, x, w):
    at = station(SAVE)
    tf = Tf(at)
    tf.add('map', 'odom', x, w)
    tf.add('odom', 'base_link', 1.0)
    end = at.end(at.send('save', name='here'))
    assert end.error['code'] in ('no_transform', 'bad_transform')
    assert 'here' not in at.send('save', name='x').kind.robot.places.names


@pytest.mark.parametrize('frames', [('map', 'base_link'), ('/map', '/base_link')])
def test_a_leading_slash_is_no_part_of_a_frame(station, frames):
    settings = {'frame': frames[0], 'base_frame': frames[1], 'transform_timeout': 10.0}
    at = station({'save': {'kind': 'save_place', **settings}})
    tf = Tf(at)
    tf.add('map', '/base_link', 2.5)
    end = at.end(at.send('save', name='here'))
    assert end.result['pose'] == {'x': 2.5, 'y': 0.0, 'yaw': 0.0, 'frame': 'map'}


def test_a_place_whose_transform_is_old_is_not_saved(station):
    at = station(SAVE)
    tf = Tf(at)
    tf.add('map', 'odom', 1.0)
    tf.add('odom', 'base_link', 1.0)
    robot = RobotState(at.graph.node)
    robot.listen()
    at.until(lambda: (robot.refresh(), robot.pose())[1])
    assert at.end(at.send('save', name='here')).state is CommandState.SUCCEEDED
    del tf.transforms[0]  # The localization is dead, odometry goes on.
    end = time.monotonic() + 0.6
    at.until(lambda: time.monotonic() > end)
    ended = at.end(at.send('save', name='there'))
    assert ended.error['code'] == 'no_transform'
    assert 'the transform of odom has not come for' in ended.error['message']


def test_a_tree_does_not_take_an_old_place_for_the_robot_s(station, monkeypatch):
    at = station({})
    tf = Tf(at)
    tf.add('map', 'base_link', 1.0)
    robot = RobotState(at.graph.node)
    robot.listen()
    at.until(lambda: (robot.refresh(), robot.pose())[1])
    tf.transforms.clear()
    monkeypatch.setattr(robot_state, 'MAX_AGE', 0.3)
    at.until(lambda: robot.pose() is None and robot.position('', '') is None)


def test_the_frame_of_a_goal_has_no_leading_slash_and_what_is_no_place_is_refused(station):
    at = station(GO)
    goals = []

    def accept(goal):
        goals.append(goal.pose)
        return 1  # Rejected: the goal is all that is wanted.

    ActionServer(
        at.graph.node,
        NavigateToPose,
        'navigate_to_somewhere',
        lambda handle: NavigateToPose.Result(),
        goal_callback=accept,
    )
    at.send('go', x=1.0, y=2.0, frame='/map')
    at.until(lambda: goals)
    assert goals[0].header.frame_id == 'map'
    for x in (1e300, -1e18, 2e6):
        assert at.send('go', x=x, y=0.0).status.error['code'] == 'bad_parameters'


@pytest.mark.parametrize(
    'damaged',
    [
        '{"x": NaN, "y": 0, "yaw": 0, "frame": "map"}',
        '{"x": 0, "y": Infinity, "yaw": 0, "frame": "map"}',
        '{"x": 1e300, "y": 0, "yaw": 0, "frame": "map"}',
        '{"x": "left", "y": 0, "yaw": 0, "frame": "map"}',
        '{"x": 0, "y": 0, "frame": "map"}',
        '[0, 0, 0]',
        '{',
    ],
)
def test_a_saved_place_that_is_none_is_said_and_sends_the_robot_nowhere(tmp_path, damaged):
    reported = []
    state = State(tmp_path, reported.append)
    table = state.table('places', max_entries=10, max_bytes=10_000)
    table.put('bad', damaged)
    table.put('good', '{"x": 1, "y": 2, "yaw": 0, "frame": "map"}')
    state.close()
    for said in (True, False):  # Once: it is gone then.
        reported.clear()
        state = State(tmp_path, reported.append)
        assert Places({}, state, reported.append).names == ['good']
        state.close()
        assert any('the saved place bad cannot be read' in text for text in reported) == said


def _shipped(name):
    return yaml.safe_load(share('config', 'commands.yaml').read_text())['commands'][name]


def _accepts_nothing(at, action, name, goals):
    def accept(goal):
        goals.append(goal)
        return 1  # Rejected: the goal is all that is wanted.

    return ActionServer(
        at.graph.node, action, name, lambda handle: action.Result(), goal_callback=accept
    )


@pytest.mark.parametrize(
    ('command', 'parameters'),
    [
        ('go', {'x': 1.0, 'y': 2.0, 'yaw': 90}),
        ('go', {'goal': {'x': 1.0, 'y': 2.0, 'yaw': 90.0}}),
        ('go', {'goals': [{'x': 0.0, 'y': 0.0}, {'x': 1.0, 'y': 2.0, 'yaw': 90}]}),
        ('save', {'name': 'here', 'pose': {'x': 1.0, 'y': 2.0, 'yaw': 90}}),
        ('locate', {'x': 1.0, 'y': 2.0, 'yaw': 90}),
    ],
)
def test_an_angle_in_degrees_is_refused_with_its_radians(station, command, parameters):
    at = station({**SAVE, **GO, 'locate': _shipped('set_initial_pose')})
    goals, poses = [], []
    servers = [  # Of what would be driven if it were taken.
        _accepts_nothing(at, NavigateToPose, 'navigate_to_somewhere', goals),
        _accepts_nothing(at, NavigateThroughPoses, 'navigate_through_poses', goals),
    ]
    at.graph.node.create_subscription(PoseWithCovarianceStamped, 'initialpose', poses.append, 10)
    error = at.send(command, **parameters).status.error
    assert error['code'] == 'bad_parameters'
    assert error['message'].endswith(
        'yaw: expected radians, at most a turn; 90 degrees are 1.5708'
    )
    # A turn, rounded up, is none too much.
    at.send('go', x=1.0, y=2.0, yaw=6.2832)
    at.until(lambda: goals)
    assert len(goals) == 1 and not poses and servers
    assert 'here' not in at.send('save', name='x').kind.robot.places.names

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is it said of a way how far it is, and to which of its goals the robot goes now."""

from __future__ import annotations

from builtin_interfaces.msg import Duration
from nav2_msgs.action import (
    DriveOnHeading,
    FollowWaypoints,
    NavigateThroughPoses,
    NavigateToPose,
    Spin,
)
import pytest

from xparo_bridge.messages import RemoteCommand
from xparo_bridge.robot.commands.action_kind import ActiveGoal
from xparo_bridge.robot.commands.run import Rejection, Run

GO = {'go': {'kind': 'navigate'}}
THREE = ['home', {'x': 1.5, 'y': 2}, 'table_4']


@pytest.fixture
def kind(station):
    return station(GO).router.kinds['go']


def target(kind, **parameters):
    return kind.target(Run(RemoteCommand('go', parameters), '', kind, lambda run: None))


@pytest.mark.parametrize(
    ('goals', 'left', 'goal'),
    [
        (THREE, 3, 'home'),
        (THREE, 2, '1.5, 2'),
        (THREE, 1, 'table_4'),
        (THREE, 0, 'table_4'),
        (THREE, 7, 'home'),  # More than there are.
        (['home'], 1, 'home'),
    ],
)
def test_of_goals_driven_through_it_is_said_which_is_next(kind, goals, left, goal):
    active = ActiveGoal(target(kind, goals=goals))
    feedback = NavigateThroughPoses.Feedback(
        number_of_poses_remaining=left, distance_remaining=1.5
    )
    progress = kind.progress(active, feedback)
    assert (progress['goals_remaining'], progress['goal']) == (left, goal)
    assert progress['distance_remaining'] == 1.5


@pytest.mark.parametrize(
    ('loops', 'waypoint', 'earlier', 'rounds', 'expected'),
    [
        (0, 0, 0, 0, {'goal': 'home'}),
        (0, 1, 0, 0, {'goal': '1.5, 2'}),
        (0, 2, 0, 0, {'goal': 'table_4'}),
        (0, 3, 0, 0, {'goal': 'table_4'}),
        (4, 1, 0, 2, {'goal': '1.5, 2', 'round': 3, 'rounds': 5}),
        (2, 0, 2, 1, {'goal': 'home', 'round': 4, 'rounds': 5}),
        (0, 0, 3, 0, {'goal': 'home', 'round': 4, 'rounds': 4}),
    ],
)
def test_of_goals_stopped_at_it_is_said_which_is_next_and_in_which_round(
    kind, loops, waypoint, earlier, rounds, expected
):
    way = target(kind, goals=THREE, stop_at_each=True, loops=loops)
    active = ActiveGoal(way, earlier=earlier, rounds=rounds)
    progress = kind.progress(active, FollowWaypoints.Feedback(current_waypoint=waypoint))
    assert progress == {'current_goal': waypoint, **expected}


def test_of_one_goal_it_is_said_all_that_is_known(kind):
    feedback = NavigateToPose.Feedback(
        distance_remaining=2.0005,
        number_of_recoveries=3,
        navigation_time=Duration(sec=4, nanosec=260_000_000),
        estimated_time_remaining=Duration(sec=5),
    )
    feedback.current_pose.pose.position.x = 1.0
    progress = kind.progress(ActiveGoal(target(kind, goal='home')), feedback)
    pose = progress.pop('pose')
    assert (pose['x'], pose['y']) == (1.0, 0.0)
    assert progress == {
        'distance_remaining': pytest.approx(2.0, abs=0.001),
        'estimated_time_remaining': 5.0,
        'navigation_time': 4.3,
        'recoveries': 3,
        'goal': 'home',
    }


def test_of_a_turn_and_a_distance_it_is_said_how_much_is_done(kind):
    turned = Spin.Feedback(angular_distance_traveled=0.5)
    assert kind.progress(ActiveGoal(target(kind, turn=1.0)), turned) == {
        'angular_distance_traveled': 0.5
    }
    driven = DriveOnHeading.Feedback(distance_traveled=0.25)
    assert kind.progress(ActiveGoal(target(kind, distance=1.0)), driven) == {
        'distance_traveled': 0.25
    }


@pytest.mark.parametrize(
    ('parameters', 'code', 'words'),
    [
        ({'goal': 'nowhere'}, 'unknown_place', 'there is no place "nowhere"'),
        ({'goals': ['home', 'nowhere']}, 'unknown_place', 'there is no place "nowhere"'),
        ({'x': 1.0, 'y': 2.0, 'yaw': 90}, 'bad_parameters', '90 degrees are 1.5708'),
        ({'goal': {'x': 1.0, 'y': 2.0, 'yaw': 90}}, 'bad_parameters', '90 degrees are 1.5708'),
        (
            {'goals': ['home', {'x': 1.0, 'y': 2.0, 'yaw': -90}]},
            'bad_parameters',
            '-90 degrees are -1.5708',
        ),
    ],
)
def test_what_is_no_goal_is_refused_with_what_would_be_one(kind, parameters, code, words):
    refused = target(kind, **parameters)
    assert isinstance(refused, Rejection)
    assert refused.code == code
    assert words in refused.message
    if code == 'unknown_place':
        assert refused.details == {'known': ['home', 'table_4']}

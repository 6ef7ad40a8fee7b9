# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does what the bridge sends and reads fit the actions of each release of Nav2."""

import json
from pathlib import Path
from types import SimpleNamespace

from geometry_msgs.msg import PoseStamped
import nav2_msgs.action
import pytest

from xparo_bridge.behavior.ros.nav2_actions import ACTIONS
from xparo_bridge.behavior.ros.robot_registry import nav2_release
from xparo_bridge.ros import nav2_errors
from xparo_bridge.ros.goal_progress import remaining
from xparo_bridge.ros.nav2_goals import missed, poses_of, set_poses

RELEASES = json.loads((Path(__file__).parent / 'nav2_actions.json').read_text())

# What the commands navigate, dock and undock write into goals, and read without asking first.
GOALS = {
    'NavigateToPose': {'pose', 'behavior_tree'},
    'NavigateThroughPoses': {'poses', 'behavior_tree'},
    'FollowWaypoints': {'poses', 'number_of_loops'},
    'Spin': {'target_yaw'},
    'BackUp': {'target', 'speed', 'time_allowance'},
    'DriveOnHeading': {'target', 'speed', 'time_allowance'},
    'DockRobot': {'use_dock_id', 'dock_id', 'dock_pose', 'dock_type'},
    'UndockRobot': {'dock_type'},
}
READ = {'DockRobot': {'feedback': {'state', 'num_retries'}, 'result': {'num_retries'}}}
# Where a release is too old: the bridge itself begins with Jazzy.
NOT_IN = {('humble', 'FollowWaypoints'): {'number_of_loops'}}


def cases():
    for release, data in RELEASES.items():
        for name in GOALS:
            if name in data['actions']:
                yield pytest.param(release, name, data['actions'][name], id=f'{release}-{name}')


@pytest.mark.parametrize(('release', 'name', 'action'), list(cases()))
def test_a_release_has_the_fields_that_the_commands_use(release, name, action):
    assert GOALS[name] - action['goal'].keys() == NOT_IN.get((release, name), set())
    for part, fields in READ.get(name, {}).items():
        assert fields <= action[part].keys()


@pytest.mark.parametrize('name', sorted(ACTIONS))
def test_a_port_of_a_tree_has_its_field_in_some_release_or_has_none_left(name):
    use = ACTIONS[name]
    for part, ports in (('goal', use.goal), ('result', use.result), ('feedback', use.feedback)):
        known = {
            field
            for data in RELEASES.values()
            for field in data['actions'].get(name, {}).get(part, ())
        }
        assert {path.partition('.')[0] for path in ports.values()} <= known, (name, part)


@pytest.mark.parametrize('release', RELEASES)
def test_every_error_of_a_release_has_words(release):
    for name, action in RELEASES[release]['actions'].items():
        for constant, code in action.get('result_constants', {}).items():
            if code:
                text = nav2_errors.words(name, constant)
                assert text != constant.replace('_', ' ').lower(), (name, constant)


def plain(kind):
    """A type as .action files have it."""
    name = {'boolean': 'bool', 'float': 'float32', 'double': 'float64'}.get(kind, kind)
    if name.startswith('sequence<'):
        return f'{plain(name[9:-1])}[]'
    return name.removeprefix('nav2_msgs/')


def test_the_installed_actions_have_the_fields_of_their_release():
    compared = 0
    for name, action in RELEASES[nav2_release()]['actions'].items():
        kind = getattr(nav2_msgs.action, name, None)
        for part in ('goal', 'result', 'feedback') if kind else ():
            installed = getattr(kind, part.capitalize()).get_fields_and_field_types()
            assert {key: plain(value) for key, value in installed.items()} == action[part]
            compared += 1
    assert compared > 30


def test_a_code_has_the_name_that_its_own_action_gives_it():
    installed = RELEASES[nav2_release()]['actions']
    for name, action in installed.items():
        kind = getattr(nav2_msgs.action, name, None)
        if kind is None or not hasattr(kind.Result(), 'error_code'):
            continue
        for constant, code in action.get('result_constants', {}).items():
            if code:
                found = nav2_errors.describe(kind.Result(error_code=code))
                assert found == (constant, nav2_errors.words(name, constant))


@pytest.mark.parametrize(
    ('code', 'name', 'text'),
    [
        (105, 'FAILED_TO_MAKE_PROGRESS', 'the robot does not make progress: is it blocked?'),
        (207, 'TIMEOUT', 'the planner took too long'),
        (405, 'NO_VALID_ROUTE', 'there is no route to the goal'),
        (402, 'NO_VALID_GRAPH', 'the route server has no valid graph'),
        (702, 'TF_ERROR', 'turning lacks a transform: is the robot localized?'),
        (31999, '', ''),
        (0, '', ''),
    ],
)
def test_a_navigator_passes_on_the_code_of_the_server_that_failed(code, name, text):
    result = nav2_msgs.action.NavigateToPose.Result(error_code=code)
    assert nav2_errors.describe(result) == (name, text)


def test_a_result_without_a_code_and_one_that_is_not_nav2s_have_no_error():
    humble = type('NavigateToPose_Result', (), {'__module__': 'nav2_msgs.action._x'})()
    assert nav2_errors.describe(humble) == ('', '')
    assert nav2_errors.describe(SimpleNamespace(error_code=204)) == ('', '')


def test_a_name_that_is_new_to_the_bridge_is_said_in_words():
    assert nav2_errors.words('Spin', 'WHEELS_CAME_OFF') == 'wheels came off'


def test_a_goal_has_its_poses_as_its_release_writes_them():
    poses = [PoseStamped(), PoseStamped()]
    poses[0].header.frame_id = 'map'
    for name in ('NavigateThroughPoses', 'FollowWaypoints'):
        goal = getattr(nav2_msgs.action, name).Goal()
        set_poses(goal, poses)
        assert poses_of(goal) == poses
        field = RELEASES[nav2_release()]['actions'][name]['goal']['poses']
        assert type(goal).get_fields_and_field_types()['poses'] == (
            field if '[]' not in field else 'sequence<geometry_msgs/PoseStamped>'
        )


def test_what_is_left_of_a_paused_round_leaves_the_goal_itself_as_it_was():
    goal = nav2_msgs.action.NavigateThroughPoses.Goal()
    set_poses(goal, [PoseStamped() for _ in range(4)])
    feedback = nav2_msgs.action.NavigateThroughPoses.Feedback(number_of_poses_remaining=2)
    assert len(poses_of(remaining(goal, feedback))) == 2
    assert len(poses_of(goal)) == 4


WAYPOINT = {'SKIPPED': 2, 'FAILED': 3}


@pytest.mark.parametrize(
    'result',
    [
        {'missed_waypoints': [1, 4]},
        {'missed_waypoints': [SimpleNamespace(index=1), SimpleNamespace(index=4)]},
        {'missed_waypoints': [SimpleNamespace(waypoint_index=n) for n in (1, 4)]},
        {
            'waypoint_statuses': [
                SimpleNamespace(waypoint_index=n, waypoint_status=status, **WAYPOINT)
                for n, status in enumerate((1, 2, 0, 1, 3))
            ]
        },
    ],
    ids=['humble', 'jazzy', 'kilted', 'kilted through poses'],
)
def test_missed_goals_are_reported_as_each_release_reports_them(result):
    assert missed(SimpleNamespace(**result)) == [1, 4]

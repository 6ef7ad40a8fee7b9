# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The folder of a fleet: which files make a robot, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path
import sys

from fixtures.processes import Process
from fixtures.system import CREDENTIALS, start_platform
import pytest

from xparo_bridge.configuration import ConfigurationError
from xparo_bridge.rollout.folder import FleetFolder
from xparo_bridge.rollout.launching import launch_of, LaunchError, launches_of, remappings
from xparo_bridge.rollout.source import read_configuration
from xparo_bridge.share import share

FLEET = 'links:\n  - {name: platform, protocol: xparo, url: "wss://a.org/ws"}\n'


def problems_of(folder: Path, robot: str = 'r7') -> list[str]:
    """Everything that is wrong with a folder and a robot of it."""
    fleet = FleetFolder(folder)
    try:
        fleet.member(robot)
    except ConfigurationError as error:
        return [*fleet.problems, *error.problems]
    return fleet.problems


def test_a_robot_is_the_package_then_the_fleet_then_its_groups_in_order_then_its_own_file(fleet):
    folder = fleet(
        {
            'groups/a.yaml': 'chat: {timeout: 2.0}\nhead: {frame: a}\naudio: {rate: 8000}\n',
            'groups/b.yaml': 'head: {frame: b}\naudio: {rate: 9000}\n',
            'robots/r7.yaml': 'groups: [a, b]\naudio: {rate: 10000}\n',
            'robots/r8.yaml': 'groups: [b, a]\n',
        }
    )
    data = FleetFolder(folder).member('r7').configuration.data
    assert data['chat']['timeout'] == 2.0
    assert data['head']['frame'] == 'b'
    assert data['audio']['rate'] == 10000
    assert data['commands']['stop']['kind'] == 'stop'
    assert data['links'][0]['url'] == 'wss://a.org/ws/r7'
    assert data['robot_id'] == 'r7'
    assert FleetFolder(folder).member('r8').configuration['head']['frame'] == 'a'


def test_the_fleet_chooses_what_of_the_package_lies_below(fleet):
    text = 'defaults: [places.yaml]\n' + FLEET
    folder = fleet({'fleet.yaml': text, 'robots/r7.yaml': ''})
    data = FleetFolder(folder).member('r7').configuration.data
    assert 'kitchen' in data['places']
    assert not data['commands']


@pytest.mark.parametrize(
    ('texts', 'expected'),
    [
        ({'robots/robot7.yaml': ''}, 'no robot "r7"; known: robot7'),
        (
            {'robots/r7.yaml': 'groups: [berln]\n', 'groups/berlin.yaml': ''},
            ':1: groups[0]: no',
        ),
        ({'robots/r7.yaml': 'groups: [berln]\n', 'groups/berlin.yaml': ''}, 'mean "berlin"?'),
        ({'robots/r7.yaml': 'groups: [a]\n'}, 'no group "a"; known: none in groups/'),
        ({'robots/r7.yaml': 'groups: a\n'}, 'groups: expected a list of names of groups'),
        (
            {'robots/r7.yaml': 'groups: [a, a]\n', 'groups/a.yaml': ''},
            'groups[1]: the group a stands twice',
        ),
        (
            {'robots/r7.yaml': 'groups: [a]\n', 'groups/a.yaml': 'groups: [b]\n'},
            'a.yaml:1: groups: stands in files of robots/',
        ),
        (
            {'robots/r7.yaml': 'groups: [a]\n', 'groups/a.yaml': 'defaults: []\n'},
            'a.yaml:1: defaults: stands in fleet.yaml',
        ),
        ({'robots/r7.yaml': '', 'robots/r8.yml': ''}, 'r8.yml: is not read'),
        ({'robots/r7.yaml': '', 'robots/r 8.yaml': ''}, 'r 8.yaml: expected a name of letters'),
        ({'robots/r7.yaml': 'robot_id: r8\n'}, "robot_id: the robot's name is that of its file"),
        ({'robots/r7.yaml': 'launch: {namespce: a}\n'}, 'r7.yaml:1: launch: Additional'),
        ({'robots/r7.yaml': 'launch: {namespace: 7a}\n'}, 'r7.yaml:1: launch.namespace'),
        (
            {'robots/r7.yaml': 'trees: {folder: tree}\n'},
            'trees.folder: nothing of this name',
        ),
        (
            {'robots/r7.yaml': 'state_dir: state\n'},
            'state_dir: expected a path on the robot, that begins with / or ~',
        ),
        (
            {'robots/r7.yaml': 'links: [{name: platform, credentials_file: a/key.yaml}]\n'},
            'links[0].credentials_file: expected a path on the robot',
        ),
        (
            {
                'robots/r7.yaml': 'links: [{name: platform, credentials_file: key.yaml}]\n',
                'key.yaml': '',
            },
            'links[0].credentials_file: secrets do not travel',
        ),
        ({'robots/r7.yaml': 'chta: {timeout: 1.0}\n'}, 'r7.yaml:1: chta: no such key; did you'),
    ],
)
def test_what_is_wrong_is_reported_with_its_place(fleet, texts, expected):
    assert [problem for problem in problems_of(fleet(texts)) if expected in problem]


def test_a_folder_without_robots_or_without_fleet_yaml_is_reported(fleet, tmp_path):
    assert 'no robot: expected robots/NAME.yaml' in FleetFolder(fleet()).problems[0]
    assert 'no fleet.yaml' in FleetFolder(tmp_path).problems[0]


def test_unknown_defaults_are_reported(fleet):
    folder = fleet({'robots/r7.yaml': '', 'fleet.yaml': 'defaults: [bridge.yml]\n'})
    assert 'fleet.yaml:1: defaults: expected a list of files' in FleetFolder(folder).problems[0]


def test_paths_below_the_folder_are_the_folders(fleet):
    folder = fleet({'robots/r7.yaml': 'trees: {folder: trees}\n', 'trees/a.xml': '<root/>'})
    data = FleetFolder(folder).member('r7').configuration.data
    assert Path(data['trees']['folder']) == folder / 'trees'


def test_folders_of_the_robot_are_only_looked_at_on_the_robot(fleet):
    folder = fleet({'robots/r7.yaml': 'trees: {folder: /opt/nowhere/trees}\n'})
    assert 'no folder' in problems_of(folder)[0]
    assert FleetFolder(folder, on_robot=False).member('r7')


def test_a_folder_stands_alone_among_the_files_of_a_bridge(fleet):
    folder = fleet({'robots/r7.yaml': ''})
    assert read_configuration([folder], 'r7')['robot_id'] == 'r7'
    with pytest.raises(ConfigurationError, match='stands alone'):
        read_configuration([share('config', 'bridge.yaml'), folder], 'r7')
    with pytest.raises(ConfigurationError, match='name of this host'):
        read_configuration([folder])


def test_robots_are_launched_each_in_a_namespace_with_its_own_tf(fleet):
    folder = fleet(
        {
            'robots/r7.yaml': 'launch: {namespace: "/a/${robot_id}", remappings: {/tf: tf7}}\n',
            'robots/r8.yaml': '',
        }
    )
    launches = launches_of(folder)
    assert {name: launch.namespace for name, launch in launches.items()} == {
        'r7': 'a/r7',
        'r8': 'r8',
    }
    assert dict(remappings(launches['r7'])) == {'/tf': 'tf7', '/tf_static': 'tf_static'}
    common = {'tf': '/tf', 'tf_static': '/tf_static'}
    assert dict(remappings(launches['r7'], namespaced_tf=False)) == {**common, '/tf': 'tf7'}
    assert launch_of(folder, 'r8').namespace == ''
    assert remappings(launch_of(folder, 'r8')) == []
    assert list(launches_of(folder, ['r8'])) == ['r8']


@pytest.mark.parametrize(
    ('robot', 'expected'),
    [
        ('launch: {namespace: r8}\n', 'r7 and r8 have the same namespace'),
    ],
)
def test_robots_that_cannot_be_launched_side_by_side_are_reported(fleet, robot, expected):
    with pytest.raises(LaunchError, match=expected):
        launches_of(fleet({'robots/r7.yaml': robot, 'robots/r8.yaml': ''}))


def test_a_name_that_is_no_namespace_is_reported(fleet):
    with pytest.raises(LaunchError, match='give one by launch'):
        launches_of(fleet({'robots/7-a.yaml': ''}))


def test_the_samples_robots_are_wired_as_their_makers_wire_them():
    launches = launches_of(share('config', 'fleet'))
    for name in ('robot_1', 'robot_2'):
        assert dict(remappings(launches[name])) == {
            '/tf': 'tf',
            '/tf_static': 'tf_static',
            '/diagnostics': 'diagnostics',
        }
    groups = (
        FleetFolder(share('config', 'fleet'))
        .member('robot_2')
        .configuration['telemetry']['groups']
    )
    assert groups['battery']['topic'] == 'platform/bms/state'


def test_a_bridge_starts_from_a_folder(fleet, tmp_path):
    platform, port = start_platform()
    folder = fleet(
        {
            'fleet.yaml': 'links:\n  - {name: platform, protocol: xparo, '
            f'url: "ws://127.0.0.1:{port}/ws/chatbot"}}\n'
            f'state_dir: {tmp_path}/state\n',
            'robots/r7.yaml': '',
        }
    )
    command = [sys.executable, '-m', 'xparo_bridge', 'bridge', '--ros-args']
    arguments = ['-p', f'config:={folder}', '-p', 'robot_id:=r7']
    with platform, Process([*command, *arguments], env=CREDENTIALS, name='bridge') as bridge:
        bridge.wait_for_line('platform: connected')
    assert (tmp_path / 'state' / 'state.sqlite').is_file()


def test_a_bridge_checks_a_folder(fleet):
    folder = fleet({'robots/r7.yaml': 'chat: {timeout: soon}\n'})
    command = [sys.executable, '-m', 'xparo_bridge', 'bridge', '--check', f'{folder}/']
    arguments = ['--ros-args', '-p', 'robot_id:=r7']
    with Process([*command, *arguments], env=CREDENTIALS, name='check') as check:
        check.wait_for_line(r'r7\.yaml:1: chat\.timeout: ')
        assert check.wait() == 1

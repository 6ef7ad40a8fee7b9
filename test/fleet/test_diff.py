# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""`config diff`: what a change does to a robot's powers, in words, and which keys differ."""

from __future__ import annotations

import json
from pathlib import Path
import subprocess

import pytest

from xparo_bridge.fleet.estimate import bytes_a_second, SIZES

FLEET = 'links:\n  - {name: platform, protocol: xparo, url: "wss://a.org/ws"}\n'
CHANGES = {
    'a command gained': (
        'commands: {beep: {kind: service, service: beep, type: std_srvs/srv/Trigger}}\n',
        'gains the command beep (kind service, service beep)',
    ),
    'one that moves': (
        'commands: {go: {kind: navigate, action: go}}\n',
        'gains the command go (kind navigate, moves the robot, action go)',
    ),
    'a command lost': ('commands: {dock: !remove}\n', 'loses the command dock (kind dock)'),
    'a speed limit': (
        'commands: {teleop: {max_linear: 0.9}}\n',
        'command teleop: max_linear 0.5 → 0.9 m/s',
    ),
    'a link gained': (
        'links: [{name: chat, protocol: xrx, url: "wss://b.org/chat"}]\n',
        'gains the link chat: xrx to wss://b.org/chat',
    ),
    'one that may command': (
        'links: [{name: chat, protocol: xrx, url: "wss://b.org/chat"}]\n',
        'link chat may command the robot',
    ),
    'where a link dials': (
        'links: [{name: platform, url: "wss://b.org/ws"}]\n',
        'link platform dials: "wss://a.org/ws" → "wss://b.org/ws"',
    ),
    'who may command': (
        'routes: {commands: []}\n',
        'link platform may no longer command the robot',
    ),
    'the base': ('base: {topic: cmd_vel_nav}\n', 'the base: topic cmd_vel → cmd_vel_nav'),
    'link loss': ('link_loss: {after: 3.0}\n', 'when no platform is there: after 10.0 → 3.0'),
    'telemetry': (
        'telemetry: {topics: [{topic: odom, every_sample: true, max_rate: 50.0}]}\n',
        'bytes/s to each link',
    ),
    'state': ('state_dir: /var/a\n', 'journal and outbox of before stay behind'),
    'a restart': ('chat: {timeout: 3.0}\n', 'the bridge starts itself anew'),
}


@pytest.mark.parametrize('what', CHANGES)
def test_what_changes_a_robots_powers_is_told_in_words(fleet, config, what):
    text, expected = CHANGES[what]
    folder = fleet({'fleet.yaml': FLEET, 'robots/a.yaml': '', 'robots/b.yaml': text})
    code, said = config('diff', 'a', 'b', '--folder', folder)
    assert code == 1
    assert f'  {expected}' in said or (expected in said and said.startswith('a → b:'))


def test_each_key_that_differs_is_told_with_its_place(fleet, config):
    folder = fleet(
        {'fleet.yaml': FLEET, 'robots/a.yaml': '', 'robots/b.yaml': '\nchat: {timeout: 3.0}\n'}
    )
    said = config('diff', 'a', 'b', '--folder', folder)[1]
    assert '    chat.timeout: 20.0 → 3.0  robots/b.yaml:2\n' in said


def test_things_of_lists_are_compared_by_name(fleet, config):
    two = 'links:\n  - {name: first, protocol: xrx, url: "wss://b.org"}\n'
    folder = fleet(
        {
            'fleet.yaml': 'chat: {timeout: 3.0}\n',
            'robots/a.yaml': FLEET + two.removeprefix('links:\n'),
            'robots/b.yaml': two + FLEET.removeprefix('links:\n'),
        }
    )
    said = config('diff', 'a', 'b', '--folder', folder)[1]
    assert 'url' not in said


def test_nothing_differs_between_robots_that_are_alike(fleet, config):
    folder = fleet(
        {
            'fleet.yaml': FLEET,
            'robots/a.yaml': 'chat: {timeout: 3.0}\n',
            'robots/b.yaml': 'chat:\n',
        }
    )
    (folder / 'robots' / 'b.yaml').write_text('chat: {timeout: 3.0}\n')
    assert config('diff', 'a', 'b', '--folder', folder) == (0, 'nothing differs\n')


def git(folder: Path, *arguments: str) -> None:
    identity = ['-c', 'user.name=a', '-c', 'user.email=a@b.org']
    subprocess.run(['git', '-C', str(folder), *identity, *arguments], check=True)


def test_git_revisions_are_compared_and_the_folder_with_them(fleet, config):
    robots = {f'robots/{name}.yaml': '' for name in 'abc'}
    folder = fleet({'fleet.yaml': FLEET, **robots})
    git(folder.parent, 'init', '-q', '-b', 'main')
    git(folder, 'add', '.')
    git(folder, 'commit', '-qm', 'one')
    (folder / 'robots' / 'a.yaml').write_text('chat: {timeout: 3.0}\n')
    (folder / 'robots' / 'b.yaml').write_text('chat: {timeout: 3.0}\n')
    (folder / 'robots' / 'd.yaml').write_text('')
    (folder / 'robots' / 'c.yaml').unlink()
    git(folder, 'add', '-A', '.')
    git(folder, 'commit', '-qm', 'two')
    code, said = config('diff', 'HEAD~1', 'HEAD', '--folder', folder)
    assert code == 1
    assert 'a, b:\n' in said, 'robots to which the same happens are told once'
    assert 'c:\n  is no longer in the fleet' in said
    assert 'd:\n  is new in the fleet' in said
    assert config('diff', 'HEAD', '--folder', folder) == (0, 'nothing differs\n')
    (folder / 'fleet.yaml').write_text(FLEET + 'head: {frame: face}\n')
    said = config('diff', 'HEAD', '--folder', folder, '--robot', 'a')[1]
    assert 'head.frame: head → face  fleet.yaml:3' in said
    assert 'b' not in said.partition(':')[0]


def test_a_folder_is_compared_with_what_a_robot_runs(fleet, config, tmp_path):
    folder = fleet(
        {'fleet.yaml': FLEET, 'robots/a.yaml': 'chat: {timeout: 3.0}\n', 'robots/b.yaml': ''}
    )
    assert config('render', 'a', '--folder', folder, '-o', tmp_path / 'runs')[0] == 0
    assert config('diff', tmp_path / 'runs', 'a', '--folder', folder)[0] == 0
    (folder / 'robots' / 'a.yaml').write_text('chat: {timeout: 4.0}\n')
    said = config('diff', tmp_path / 'runs', 'a', '--folder', folder)[1]
    assert 'chat.timeout: 3.0 → 4.0' in said


def test_it_is_told_as_json(fleet, config):
    folder = fleet(
        {'fleet.yaml': FLEET, 'robots/a.yaml': '', 'robots/b.yaml': 'chat: {timeout: 3.0}\n'}
    )
    (found,) = json.loads(config('diff', 'a', 'b', '--folder', folder, '--format', 'json')[1])
    assert found['robot'] == 'a → b'
    assert found['keys'] == [
        {'key': 'chat.timeout', 'before': 20.0, 'after': 3.0, 'from': 'robots/b.yaml:1'}
    ]


def test_what_is_no_side_is_told(fleet, config):
    code, said = config(
        'diff', 'a', 'nothing', '--folder', fleet({'fleet.yaml': FLEET, 'robots/a.yaml': ''})
    )
    assert code == 2
    assert 'neither a robot (a …)' in said


def test_each_group_s_size_is_known():
    pytest.importorskip('rclpy')
    from xparo_bridge.robot.telemetry.groups import GROUPS

    assert SIZES.keys() == GROUPS.keys()


@pytest.mark.parametrize(
    ('more', 'grows'),
    [
        ({'topics': [{'topic': 'a', 'enabled': True, 'every_sample': False}]}, True),
        ({'topics': [{'topic': 'a', 'enabled': False, 'every_sample': False}]}, False),
        ({'groups': {'system': {}, 'image': {'enabled': True}}}, True),
        ({'groups': {'system': {}, 'image': {}}}, False),
        ({'period': 0.5}, True),
    ],
)
def test_telemetry_is_estimated(more, grows):
    section = {'period': 1.0, 'groups': {'system': {}}, 'topics': []}
    less = bytes_a_second({'telemetry': section})
    assert (bytes_a_second({'telemetry': {**section, **more}}) > less) is grows

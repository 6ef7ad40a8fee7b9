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
    'a namespace': (
        'launch: {namespace: hall}\n',
        'namespace / → /hall: its topics, services and actions have other names',
    ),
    'the transforms of a namespace': ('launch: {namespace: hall}\n', 'remaps /tf to tf'),
    'a remapping': ('launch: {remappings: {/scan: scan}}\n', 'remaps /scan to scan'),
    'the clock': ('launch: {use_sim_time: true}\n', 'takes its time from /clock'),
    'a restart for its names': (
        'launch: {remappings: {/scan: scan}}\n',
        'the bridge starts itself anew for launch: about 2 s without a link',
    ),
    'a restart for names and more': (
        'launch: {namespace: hall}\nchat: {timeout: 3.0}\n',
        'the bridge starts itself anew for chat, launch: about 2 s',
    ),
    'no restart': (
        'places: {hall: {x: 1.0, y: 2.0}}\n',
        'the bridge takes it without starting itself anew',
    ),
    'what a command does': (
        'commands: {dock: {description: To the charger.}}\n',
        'command dock: its description changes',
    ),
    'a setting that is a map': (
        'commands: {dock: {parameters: {dock_id: {type: string}}}}\n',
        'command dock: parameters changes',
    ),
    'a restart': ('chat: {timeout: 3.0}\n', 'the bridge starts itself anew'),
}


@pytest.mark.parametrize('what', CHANGES)
def test_what_changes_a_robots_powers_is_reported_in_words(fleet, config, what):
    text, expected = CHANGES[what]
    folder = fleet({'fleet.yaml': FLEET, 'robots/a.yaml': '', 'robots/b.yaml': text})
    code, said = config('diff', 'a', 'b', '--folder', folder)
    assert code == 1
    assert f'  {expected}' in said or (expected in said and said.startswith('a → b:'))


@pytest.mark.parametrize('what', CHANGES)
def test_the_way_back_is_reported_in_as_many_words(fleet, config, what):
    folder = fleet({'fleet.yaml': FLEET, 'robots/a.yaml': '', 'robots/b.yaml': CHANGES[what][0]})
    there, back = (
        json.loads(config('diff', *way, '--folder', folder, '--format', 'json')[1])[0]
        for way in (('a', 'b'), ('b', 'a'))
    )
    assert len(back['words']) == len(there['words']) > 0
    assert back['words'][-1] == there['words'][-1], 'a restart is needed either way'
    assert {key['key']: (key['after'], key['before']) for key in back['keys']} == {
        key['key']: (key['before'], key['after']) for key in there['keys']
    }


LAUNCHED = 'launch: {namespace: hall, remappings: {/scan: scan, /map: map}, use_sim_time: true}\n'


def test_what_a_robot_loses_of_its_names_is_reported_with_the_place_of_each_key(fleet, config):
    other = 'launch:\n  remappings: {/scan: front/scan}\n'
    folder = fleet({'fleet.yaml': FLEET, 'robots/a.yaml': LAUNCHED, 'robots/b.yaml': other})
    code, said = config('diff', 'a', 'b', '--folder', folder)
    assert code == 1
    assert said == (
        'a → b:\n'
        '  namespace /hall → /: its topics, services and actions have other names\n'
        '  no longer remaps /map to map\n'
        '  remaps /scan to front/scan, not scan\n'
        '  no longer remaps /tf to tf\n'
        '  no longer remaps /tf_static to tf_static\n'
        '  takes its time from the clock of the robot\n'
        '  the bridge starts itself anew for launch: about 2 s without a link\n'
        '    launch.namespace: hall → nothing\n'
        '    launch.remappings./scan: scan → front/scan  robots/b.yaml:2\n'
        '    launch.remappings./map: map → nothing\n'
        '    launch.use_sim_time: true → nothing\n'
    )


def test_that_each_robot_has_its_own_name_for_a_namespace_is_no_difference(fleet, config):
    own = FLEET + 'launch: {namespace: "site/${robot_id}"}\n'
    folder = fleet({'fleet.yaml': own, 'robots/a.yaml': '', 'robots/b.yaml': ''})
    assert config('diff', 'a', 'b', '--folder', folder) == (0, 'nothing differs\n')


def test_a_file_that_travels_and_changes_is_a_difference(fleet, config, tmp_path):
    text = {'fleet.yaml': FLEET + 'trees: {folder: trees}\n', 'robots/a.yaml': ''}
    folder = fleet({**text, 'trees/one.xml': '<root/>', 'trees/two.xml': '<root/>'})
    git(folder.parent, 'init', '-q', '-b', 'main')
    git(folder, 'add', '.')
    git(folder, 'commit', '-qm', 'one')
    (folder / 'trees' / 'one.xml').write_text('<root BTCPP_format="4"/>')
    (folder / 'trees' / 'two.xml').unlink()
    (folder / 'trees' / 'three.xml').write_text('<root/>')
    code, said = config('diff', 'HEAD', '--folder', folder)
    assert (code, said) == (
        1,
        'a:\n'
        '  the file trees/one.xml changes\n'
        '  gains the file trees/three.xml\n'
        '  loses the file trees/two.xml\n'
        '  the bridge starts itself anew for files that travel with it: about 2 s without a '
        'link\n',
    )
    # The plan of a rollout says it in the same words.
    assert '  the file trees/one.xml changes' in config('plan', folder, '--from', 'HEAD')[1]


def test_each_key_that_differs_is_reported_with_its_place(fleet, config):
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
    # A bundle that is one file too.
    assert config('render', 'b', '--folder', folder, '-o', tmp_path / 'b.tar')[0] == 0
    assert config('diff', tmp_path / 'b.tar', 'b', '--folder', folder)[0] == 0
    (tmp_path / 'b.tar').write_bytes(b'x')
    code, said = config('diff', tmp_path / 'b.tar', 'b', '--folder', folder)
    assert (code, 'b.tar: cannot be read' in said) == (1, True)


def test_two_folders_are_compared(fleet, config):
    ours = fleet({'fleet.yaml': FLEET, 'robots/a.yaml': '', 'robots/b.yaml': ''})
    theirs = fleet({'fleet.yaml': FLEET, 'robots/a.yaml': 'chat: {timeout: 3.0}\n'}, 'theirs')
    code, said = config('diff', theirs, '--folder', ours)
    assert code == 1
    assert 'chat.timeout: 3.0 → 20.0' in said
    assert 'b:\n  is new in the fleet' in said


def test_a_side_that_is_wrong_is_reported_as_check_reports_it(fleet, config):
    folder = fleet(
        {
            'fleet.yaml': FLEET,
            'robots/a.yaml': 'chat: {timeout: soon}\n',
            'robots/b.yaml': 'chta: {}\n',
        }
    )
    theirs = fleet({'fleet.yaml': FLEET, 'robots/a.yaml': ''}, 'theirs')
    code, said = config('diff', theirs, '--folder', folder)
    assert code == 1
    assert 'robots/a.yaml:1: chat.timeout: ' in said
    assert 'robots/b.yaml:1: chta: no such key' in said


def test_it_is_reported_as_json(fleet, config):
    folder = fleet(
        {'fleet.yaml': FLEET, 'robots/a.yaml': '', 'robots/b.yaml': 'chat: {timeout: 3.0}\n'}
    )
    (found,) = json.loads(config('diff', 'a', 'b', '--folder', folder, '--format', 'json')[1])
    assert found['robot'] == 'a → b'
    assert found['keys'] == [
        {'key': 'chat.timeout', 'before': 20.0, 'after': 3.0, 'from': 'robots/b.yaml:1'}
    ]


def test_what_is_no_side_is_reported(fleet, config):
    code, said = config(
        'diff', 'a', 'nothing', '--folder', fleet({'fleet.yaml': FLEET, 'robots/a.yaml': ''})
    )
    assert code == 2
    assert 'neither a robot (a …)' in said


def test_each_group_s_size_is_known():
    pytest.importorskip('rclpy')
    from xparo_bridge.robot.telemetry.groups import GROUPS

    assert SIZES.keys() == GROUPS.keys(), 'SIZES of estimate.py needs a line of each'


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

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""`config check`: all errors of all robots, each with its place, for people and for machines."""

from __future__ import annotations

import json
from pathlib import Path
import subprocess
import sys
import time

import pytest

from xparo_bridge.fleet import ros_checking
from xparo_bridge.share import share

ROOT = Path(__file__).parents[2]
WRONG = {
    'a key': ('chat: {timeot: 1.0}\n', 'chat.timeot: no such key; did you mean "timeout"?'),
    'a value': ('chat: {timeout: soon}\n', "chat.timeout: 'soon' is not of type 'number'"),
    'YAML': ('chat: ]\n', 'not YAML'),
    'a kind': ('commands: {go: {kind: naviagte}}\n', 'go.kind: no such kind; did you mean "navi'),
    'a setting': (
        'commands: {go: {kind: navigate, timeuot: 3.0}}\n',
        'commands.go.timeuot: no such key; did you mean "timeout"?',
    ),
    'a protocol': (
        'links: [{name: platform, protocol: xpar}]\n',
        'links[0].protocol: no protocol "xpar"',
    ),
    'an option': (
        'links: [{name: chat, protocol: general_bots, url: "wss://a.org", options: {bta: x}}]\n',
        'options: no such key "bta"',
    ),
    'an open link': (
        'links: [{name: platform, url: "ws://a.org/ws"}]\n',
        'links[0].url: ws://a.org/ws would leave the robot unencrypted',
    ),
    'a route': ('routes: {chat: platfrom}\n', 'routes: no link "platfrom"'),
    'a link loss': (
        'link_loss: {command: puase}\n',
        'link_loss.command: no command "puase"; did you mean "pause"?',
    ),
    'a joystick': ('joystick: {command: telop}\n', 'joystick.command: no command "telop"'),
    'a variable': ('head: {frame: "${nam}"}\n', 'head.frame: no variable nam'),
    'a secret': ('vars: {api_token: x}\n', 'secrets do not stand in configuration files'),
    'a removal': ('commands: {telop: !remove}\n', 'nothing to remove'),
}


@pytest.mark.parametrize('what', WRONG)
def test_what_is_wrong_is_reported_with_file_line_and_column(fleet, config, what):
    text, expected = WRONG[what]
    folder = fleet({'robots/r7.yaml': f'# a comment\n{text}', 'robots/r8.yaml': ''})
    code, said = config('check', folder, '--no-ros')
    assert code == 1
    (line,) = [line for line in said.splitlines() if expected in line]
    assert line.startswith(f'{folder}/robots/r7.yaml:2:') or f'{folder}/fleet.yaml:2:' in line
    assert int(line.split(':')[2]) >= 1
    assert line.endswith('[r7]')


def test_a_problem_that_all_robots_have_is_reported_once(fleet, config):
    texts = {f'robots/r{number}.yaml': '' for number in range(9)}
    texts['groups/a.yaml'] = 'chat: {timeout: 0}\n'
    texts |= {f'robots/a{number}.yaml': 'groups: [a]\n' for number in range(7)}
    _, said = config('check', fleet(texts), '--no-ros')
    assert said.count('chat.timeout: ') == 1
    assert '[a0, a1, a2, a3, a4 and 2 more]' in said
    assert '16 robots, 1 problem\n' in said


def test_a_group_without_robots_is_looked_at_too(fleet, config):
    folder = fleet({'robots/r7.yaml': '', 'groups/spare.yaml': 'a: [\n'})
    assert f'{folder}/groups/spare.yaml:' in config('check', folder, '--no-ros')[1]


def test_the_sample_is_right_and_says_what_was_not_checked(config):
    code, said = config('check', share('config', 'fleet'), '--no-ros')
    assert code == 0
    assert '2 robots, 0 problems' in said
    assert 'not checked: ROS types' in said


@pytest.mark.skipif(not ros_checking.installed(), reason='ROS is not installed')
@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        (
            'telemetry: {topics: [{topic: odom, type: nav_msgs/msg/Odomtry}]}\n',
            'r7.yaml:1:36: telemetry.topics[0].type: ',
        ),
        (
            'commands:\n  go: {kind: publish, topic: t, type: std_msgs/msg/String, '
            'message: {dta: x}}\n',
            'has no field "dta"; it has data',
        ),
    ],
)
def test_ros_types_are_checked_where_they_are_installed(fleet, config, text, expected):
    folder = fleet({'robots/r7.yaml': text, 'robots/r8.yaml': ''})
    # In a process of its own: parts of a bridge that cannot be made end with it.
    done = subprocess.run(
        [sys.executable, '-m', 'xparo_bridge', 'config', 'check', str(folder)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 1
    assert expected in done.stdout
    assert 'not checked: ROS types' not in done.stdout
    code, said = config('check', folder, '--no-ros')
    assert code == 0


@pytest.mark.skipif(not ros_checking.installed(), reason='ROS is not installed')
def test_the_sample_is_right_by_its_ros_types(config):
    assert config('check', share('config', 'fleet'))[0] == 0


def test_robots_that_differ_by_their_names_only_are_alike_to_ros(fleet):
    from xparo_bridge.fleet.subject import folder_of

    text = 'head: {frame: "${robot_id}/head"}\nplaces: {home: {x: %s, y: 1.0}}\n'
    folder = folder_of(
        str(fleet({f'robots/r{n}.yaml': text % n for n in range(2)} | {'robots/x.yaml': ''}))
    )
    first, second, other = (
        ros_checking.signature(folder.member(name).configuration) for name in ('r0', 'r1', 'x')
    )
    assert first == second
    assert first != other


def test_it_is_reported_to_machines_as_json(fleet, config):
    folder = fleet({'robots/r7.yaml': '\n  chat: {timeot: 1.0}\n'})
    code, said = config('check', folder, '--no-ros', '--format', 'json')
    report = json.loads(said)
    assert (code, report['robots']) == (1, 1)
    assert report['problems'] == [
        {
            'file': f'{folder}/robots/r7.yaml',
            'line': 2,
            'column': 10,
            'key': 'chat.timeot',
            'message': 'no such key; did you mean "timeout"?',
            'robots': ['r7'],
        }
    ]
    assert report['unchecked']


def test_it_is_reported_to_github_as_annotations(fleet, config):
    folder = fleet({'robots/r7.yaml': 'chat: {timeout: 50%}\n'})
    code, said = config('check', folder, '--no-ros', '--format', 'github')
    assert code == 1
    assert said.startswith(f'::error file={folder}/robots/r7.yaml,line=1,col=8::chat.timeout: ')
    assert "'50%25' is not of type" in said


def test_files_in_layers_are_checked_too(config, tmp_path):
    file = tmp_path / 'robot.yaml'
    file.write_text('links: [{name: platform, protocol: xparo, url: "wss://a.org"}]\n')
    assert config('check', 'bridge.yaml', 'commands.yaml', file, '--no-ros')[0] == 0
    over = {'link_loss': {'after': 5.0, 'command': 'pause'}}
    file.write_text(file.read_text() + json.dumps(over)[1:-1] + '\n')
    code, said = config('check', file, '--no-ros')
    assert (code, 'checked over bridge.yaml, commands.yaml, places.yaml' in said) == (0, True)
    assert config('check', '--alone', file, '--no-ros')[0] == 1
    file.write_text('robot_id: 7\n')
    code, said = config('check', file, '--no-ros')
    assert code == 1
    assert f'{file}:1:1: robot_id: ' in said


@pytest.mark.parametrize('arguments', [['nonsense'], [], ['check', '--format', 'xml', '.']])
def test_wrong_arguments_are_told_apart_from_wrong_configurations(config, arguments):
    assert config(*arguments)[0] == 2


def test_a_thousand_robots_take_less_than_five_seconds_of_one_core(fleet, config):
    places = ''.join(f'  table_{n}: {{x: {n}.0, y: 2.0}}\n' for n in range(30))
    texts = {f'groups/site_{n}.yaml': f'vars: {{site: s{n}}}\nplaces:\n{places}' for n in range(9)}
    for number in range(1000):
        texts[f'robots/r{number:03}.yaml'] = (
            f'groups: [site_{number % 9}]\n'
            f'links:\n  - {{name: platform, open_timeout: {number % 7 + 1}.0}}\n'
            f'places:\n  home: {{x: {number % 50}.5, y: 2.0}}\n'
            'telemetry:\n  topics:\n    - {topic: "${robot_id}/status", name: status}\n'
        )
    folder = fleet(texts)
    begun = time.process_time()
    code, said = config('check', folder, '--no-ros')
    assert time.process_time() - begun < 5.0
    assert (code, '1000 robots, 0 problems' in said) == (0, True)


def test_it_runs_without_ros_on_a_desk():
    program = (
        'import sys\n'
        'class NoRos:\n'
        '    def find_spec(self, name, path=None, target=None):\n'
        '        if name.partition(".")[0] in ("rclpy", "rosidl_parser", "xparo_interfaces"):\n'
        '            raise ModuleNotFoundError(name)\n'
        'sys.meta_path.insert(0, NoRos())\n'
        'from xparo_bridge.fleet import ros_checking\n'
        'ros_checking.installed = lambda: False\n'
        'from xparo_bridge.fleet.main import main\n'
        'sys.exit(main(["check", "config/fleet"]))\n'
    )
    done = subprocess.run(
        [sys.executable, '-c', program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert 'not checked: ROS types' in done.stdout


def test_the_settings_of_kinds_that_are_known_without_ros_are_those_of_the_kinds():
    import importlib.util

    spec = importlib.util.spec_from_file_location(
        'command_kinds', ROOT / 'tools' / 'command_kinds.py'
    )
    assert spec is not None and spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert tool.FILE.read_text() == tool.text(), 'run .venv/bin/python tools/command_kinds.py'

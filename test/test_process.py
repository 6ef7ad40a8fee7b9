# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""How the program `bridge` is started, checked and ended, and what its exit code says."""

from __future__ import annotations

import json
from pathlib import Path
import re
import signal
import socket
import sys
import time

from fixtures.processes import Process, python_path
from fixtures.ros_graph import RosGraph
from fixtures.system import CREDENTIALS
import pytest
from rcl_interfaces.msg import ParameterType
from rcl_interfaces.srv import DescribeParameters, SetParameters
from rclpy.parameter import Parameter
import yaml

from xparo_bridge.main import split_ros_arguments

ROOT = Path(__file__).parents[1]
# What nobody listens at, so that nothing is reached.
NOWHERE = 'ws://127.0.0.1:9/ws'


def bridge(*arguments: str, **env: str) -> Process:
    return Process.module('xparo_bridge', 'bridge', *arguments, env={**CREDENTIALS, **env})


def configuration(folder: Path, **keys: object) -> Path:
    file = folder / 'robot.yaml'
    link = {'name': 'platform', 'protocol': 'xparo', 'url': NOWHERE}
    file.write_text(json.dumps({'links': [link], 'state_dir': str(folder / 'state'), **keys}))
    return file


def check(*files: object, **env: str) -> tuple[int, list[str]]:
    with bridge('--check', *map(str, files), **env) as process:
        return process.wait(), process.lines


def test_a_check_says_that_a_configuration_is_right_and_leaves_no_trace(tmp_path):
    code, lines = check('bridge.yaml', 'commands.yaml', configuration(tmp_path))
    assert (code, lines[-1]) == (0, 'the configuration is right')
    assert not (tmp_path / 'state').exists()


# Right over the package's own files only: what they name stands in those.
OVER = {
    'link_loss': {'after': 5.0, 'command': 'pause'},
    'commands': {'stop': {'description': 'stand'}},
}


def test_files_are_checked_over_those_of_the_package_as_the_launch_file_has_them(tmp_path):
    file = configuration(tmp_path, **OVER)
    code, lines = check(file)
    said = 'checked over bridge.yaml, commands.yaml, places.yaml of the package'
    assert (code, lines) == (0, [said, 'the configuration is right'])
    file.write_text(file.read_text()[:-1] + ', "places": {"dock": !remove }}')
    assert check(file)[0] == 0


@pytest.mark.parametrize('form', [('--check', '--alone', '{}'), ('--alone', '--check', '{}')])
def test_files_can_be_checked_alone(tmp_path, form):
    file = configuration(tmp_path, **OVER)
    with bridge(*(word.format(file) for word in form)) as process:
        assert process.wait() == 1
        assert 'checked over' not in '\n'.join(process.lines)
        process.wait_for_line("commands.stop: .*'kind'")


@pytest.mark.parametrize('arguments', [['--alone', './robot.yaml'], ['--alone']])
def test_alone_is_a_word_of_a_check(arguments):
    with bridge(*arguments) as process:
        assert process.wait() == 2
        process.wait_for_line('--alone goes with --check')


def test_a_check_disturbs_no_bridge_that_runs(tmp_path):
    file = configuration(tmp_path)
    with bridge('--ros-args', '-p', f'config:=[{file}]') as running:
        running.wait_for_line('nothing listens')
        assert check(file)[0] == 0
        assert running.returncode is None


def test_a_check_reports_all_problems_of_all_parts_at_once(tmp_path):
    file = tmp_path / 'robot.yaml'
    file.write_text(
        'links:\n'
        '  - {name: a, protocol: xparo, url: "ws://127.0.0.1:9/"}\n'
        '  - {name: b, protocol: nonsense, url: "ws://127.0.0.1:9/"}\n'
        'chat: {timeout: soon}\n'
        'telemetry:\n'
        '  topics: [{topic: /a, type: no/msg/Such}]\n'
        'trees:\n'
        '  nodes: {Grip: {action: no/action/Such, name: grip}}\n'
        '  run_at_start: nowhere\n'
        'commands:\n'
        '  fly: {kind: fly}\n'
        '  set: {kind: set_telemetry, groups: {nix: 5.0, system: 5.0, /a: 5.0}}\n'
        '  cancel: {kind: cancel, nonsense: 1}\n'
        'link_loss: {command: nix}\n'
    )
    code, lines = check(file)
    places = [line.removeprefix(f'{file}:').split(': ')[:2] for line in lines if ': ' in line]
    assert code == 1
    assert places == [
        ['3', 'links[1]'],
        ['4', 'chat.timeout'],
        ['6', 'telemetry.topics[0].type'],
        ['8', 'trees.nodes.Grip.action'],
        ['9', 'trees.run_at_start'],
        ['11', 'commands.fly.kind'],
        ['12', 'commands.set.groups.nix'],
        ['13', 'commands.cancel.nonsense'],
        ['14', 'link_loss.command'],
    ]


def test_a_type_of_another_kind_is_told_wherever_a_type_stands(tmp_path):
    kinds = {
        'messages': 'std_msgs/msg/String',
        'services': 'std_srvs/srv/Trigger',
        'actions': 'nav2_msgs/action/Spin',
    }
    places = {
        'telemetry.topics': ('messages', '- {{topic: /t{n}, type: {type}}}'),
        'commands': ('services', 'k{n}: {{kind: service, service: /s, type: {type}}}'),
        'commands ': (
            'messages',
            'k{n}: {{kind: publish, topic: /p, message: {{}}, type: {type}}}',
        ),
        'commands  ': ('actions', 'k{n}: {{kind: action, action: /a, type: {type}}}'),
        'trees.nodes': ('actions', 'N{n}: {{action: {type}, name: /a}}'),
        'trees.nodes ': ('services', 'N{n}: {{service: {type}, name: /s}}'),
        'trees.nodes  ': ('messages', 'N{n}: {{publish: {type}, name: /p}}'),
        'trees.nodes   ': ('messages', 'N{n}: {{condition: {type}, name: /p}}'),
    }
    sections: dict[str, list[str]] = {}
    expected: list[tuple[str, str]] = []
    for number, (place, (right, text)) in enumerate(places.items()):
        for kind, name in kinds.items():
            if kind != right:
                lines = sections.setdefault(place.strip(), [])
                lines.append(text.format(n=f'{number}{kind}', type=name))
                expected.append((kind, right))
    file = configuration(
        tmp_path,
        **{
            'telemetry': {'topics': yaml.safe_load('\n'.join(sections['telemetry.topics']))},
            'commands': yaml.safe_load('\n'.join(sections['commands'])),
            'trees': {'nodes': yaml.safe_load('\n'.join(sections['trees.nodes']))},
        },
    )
    code, lines = check(file)
    assert code == 1
    reported = re.findall(r'is a type of (\w+); expected one of (\w+), such as', '\n'.join(lines))
    assert sorted(reported) == sorted(expected)


def test_a_joystick_of_no_command_is_reported_also_where_no_link_has_one(tmp_path):
    code, lines = check(configuration(tmp_path, joystick={'command': 'drive'}))
    assert code == 1
    assert any('joystick.command: there is no command "drive"' in line for line in lines)


def test_a_check_names_missing_credentials(tmp_path):
    code, lines = check(configuration(tmp_path), XPARO_SECRET_KEY='')
    assert code == 1
    assert any('XPARO_SECRET_KEY' in line and 'robot.yaml:1: links[0]' in line for line in lines)


def test_the_package_alone_dials_nobody_and_says_how_to_name_a_platform():
    with bridge() as process:
        assert process.wait() == 78
        process.wait_for_line(r'links: no platform is named.*url: "wss://HOST/')


@pytest.mark.parametrize('argument', ['--help', '-h', '--version'])
def test_what_only_asks_starts_nothing(argument):
    began = time.monotonic()
    with bridge(argument) as process:
        assert process.wait() == 0
        assert process.lines
    assert time.monotonic() - began < 10.0


@pytest.mark.parametrize(
    'arguments', [['robot.yaml'], ['--config', 'robot.yaml'], ['--nonsense'], ['--', 'x']]
)
def test_an_argument_that_is_not_understood_is_refused(arguments):
    with bridge(*arguments) as process:
        assert process.wait() == 2
        process.wait_for_line('--ros-args -p config')


@pytest.mark.parametrize(
    ('parameter', 'code', 'text'),
    [
        ('robot_id:=7', 2, 'put it in quotes'),
        ('robot_id:=on', 2, 'put it in quotes'),
        ('config:=3', 78, 'expected a list of files'),
        ('config:=[1, 2]', 78, 'expected a list of files'),
        ('config:=none.yaml', 78, "none.yaml: a name without a folder is one of the package's"),
        ('config:=/no/such/file.yaml', 78, '/no/such/file.yaml: cannot be read'),
        ('config', 2, 'ROS does not take its arguments'),
        ('confg:=./robot.yaml', 2, 'no parameter confg; did you mean config?'),
        ('robotid:=r7', 2, 'no parameter robotid; did you mean robot_id?'),
        ('xparo_bridge:confg:=a', 2, 'no parameter confg; did you mean config?'),
        ('colour:=red', 2, 'no parameter colour; known: '),
    ],
)
def test_a_parameter_that_is_not_understood_is_reported(parameter, code, text):
    with bridge('--ros-args', '-p', parameter) as process:
        assert process.wait() == code
        process.wait_for_line(text)
        assert 'Traceback' not in '\n'.join(process.lines)


@pytest.mark.parametrize('written', ['{}', '[{}]', 'bridge.yaml,{}', '[bridge.yaml, {}]'])
def test_files_are_taken_as_a_list_and_as_a_text(tmp_path, written):
    file = configuration(tmp_path)
    with bridge('--ros-args', '-p', f'config:={written.format(file)}') as process:
        process.wait_for_line('nothing listens')


def test_a_file_of_the_current_folder_takes_no_place_of_the_packages_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'commands.yaml').write_text('nonsense: 1\n')
    (tmp_path / 'mine.yaml').write_text('nonsense: 1\n')
    file = configuration(tmp_path)
    path = python_path(Path(__file__).parents[1])
    assert check('bridge.yaml', 'commands.yaml', file, PYTHONPATH=path)[0] == 0
    code, lines = check('./commands.yaml', file, PYTHONPATH=path)
    assert (code, 'nonsense' in lines[-1]) == (1, True)
    code, lines = check('mine.yaml', file, PYTHONPATH=path)
    assert (code, 'write ./mine.yaml' in lines[-1]) == (1, True)


PAGES = [ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md'))]


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.stem)
def test_the_commands_of_the_documents_name_files_that_are_found(page):
    """A name without a folder is one of the package's own, wherever the reader stands."""
    own = {file.name for file in (ROOT / 'config').glob('*.yaml')}
    for line in page.read_text('utf-8').splitlines():
        command = re.search(r'ros2 (?:run|launch) [^`#]*', line)
        if command and re.search('bridge --check|config:=', command[0]):
            names = re.findall(r'[\w./$~-]+\.yaml', command[0])
            assert all('/' in name or name in own for name in names), line


def test_read_only_parameters_are_read_only_and_described(tmp_path):
    file = configuration(tmp_path)
    with bridge('--ros-args', '-p', f'config:=[{file}]') as process, RosGraph() as graph:
        process.wait_for_line('nothing listens')
        names = ['config', 'robot_id']
        described = graph.call(
            DescribeParameters,
            '/xparo_bridge/describe_parameters',
            DescribeParameters.Request(names=names),
        ).descriptors
        assert all(descriptor.read_only and descriptor.description for descriptor in described)
        assert described[0].type == ParameterType.PARAMETER_STRING_ARRAY
        for name, value in (('config', ['x.yaml']), ('robot_id', 'other')):
            message = Parameter(name, value=value).to_parameter_msg()
            request = SetParameters.Request(parameters=[message])
            answer = graph.call(SetParameters, '/xparo_bridge/set_parameters', request)
            assert not answer.results[0].successful


def test_another_bridge_in_the_state_directory_is_no_wrong_configuration(tmp_path):
    file = configuration(tmp_path)
    with bridge('--ros-args', '-p', f'config:=[{file}]') as first:
        first.wait_for_line('nothing listens')
        with bridge('--ros-args', '-p', f'config:=[{file}]') as second:
            assert second.wait() == 1
            second.wait_for_line('in use by another bridge')


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize('after', [0.1, 0.3, 0.6, 1.0])
def test_a_signal_while_it_is_loaded_ends_it_without_a_traceback(tmp_path, number, after):
    file = configuration(tmp_path)
    code = 'from xparo_bridge.main import main; print("begun", flush=True); main()'
    with Process(
        [sys.executable, '-c', code, '--ros-args', '-p', f'config:=[{file}]'], env=CREDENTIALS
    ) as process:
        process.wait_for_line('begun')
        time.sleep(after)  # Somewhere in the imports; anywhere must do.
        process.send_signal(number)
        assert process.wait(10.0) == 0
        assert 'Traceback' not in '\n'.join(process.lines)


# What may hang while the bridge stops, as Python that is run before it starts.
HANGING = {
    'a callback': 'Bridge.stop = lambda self: time.sleep(60)',
    'a callback that holds the interpreter': (
        'Bridge.stop = lambda self: re.match(r"(x+x+)+y", "x" * 60)'
    ),
    'a tree or a command': 'Bridge.idle = property(lambda self: False)',
    'the links': 'LinkThread.stop = lambda self: time.sleep(60)',
    'the disk': 'Bridge.close = lambda self, **options: time.sleep(60)',
    'ROS': 'rclpy.shutdown = lambda: time.sleep(60)',
    'a thread that is no daemon': (
        'threading.Thread(target=time.sleep, args=[60], name="x").start()'
    ),
    'an exception': 'Bridge.close = lambda self, **options: 1 / 0',
    'a name server': 'socket.getaddrinfo = lambda *a, **k: time.sleep(60)',
}


@pytest.mark.parametrize('what', HANGING)
def test_it_has_ended_5_s_after_it_was_told_whatever_hangs(tmp_path, what):
    with socket.create_server(('127.0.0.1', 0)) as silent:  # A dial that is never answered.
        url = f'ws://localhost:{silent.getsockname()[1]}/ws'
        link = {'name': 'platform', 'protocol': 'xparo', 'url': url}
        file = configuration(tmp_path, links=[link])
        script = (
            'import re, socket, sys, threading, time, rclpy\n'
            'from xparo_bridge.bridge import Bridge\n'
            'from xparo_bridge.link.links import LinkThread\n'
            'from xparo_bridge.main import main\n'
            f'{HANGING[what]}\n'
            'sys.exit(main())'
        )
        with Process(
            [sys.executable, '-c', script, '--ros-args', '-p', f'config:=[{file}]'],
            env=CREDENTIALS,
        ) as process:
            process.wait_for_line('connecting')
            process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            process.wait(15.0)
            assert time.monotonic() - began < 5.5


def test_a_start_that_fails_names_its_cause(tmp_path):
    file = configuration(tmp_path)
    script = (
        'import sys\n'
        'from xparo_bridge.bridge import Bridge\n'
        'from xparo_bridge.main import main\n'
        'def start(self): raise ValueError("no such thing")\n'
        'Bridge.start = start\n'
        'sys.exit(main())'
    )
    with Process(
        [sys.executable, '-c', script, '--ros-args', '-p', f'config:=[{file}]'], env=CREDENTIALS
    ) as process:
        assert process.wait() == 1
        process.wait_for_line('cannot start: ValueError: no such thing')
        assert not [line for line in process.lines if 'AssertionError' in line]


@pytest.mark.parametrize(
    ('given', 'own'),
    [
        ('--check a --ros-args -r x:=y', '--check a'),
        ('--ros-args -p a:=b -- --version', '--version'),
        ('--ros-args -p a:=b -- x --ros-args y', 'x'),
        ('', ''),
    ],
)
def test_arguments_of_ROS_are_told_from_the_programs_own(given, own):
    assert split_ros_arguments(given.split())[0] == own.split()


def test_what_is_wrong_within_one_part_is_reported_at_once_too(tmp_path):
    file = tmp_path / 'robot.yaml'
    file.write_text(
        'links: [{name: a, protocol: xparo, url: "ws://127.0.0.1:9/"}]\n'
        'telemetry:\n'
        '  topics:\n'
        '    - topic: /a\n'
        '      type: sensor_msgs/msg/BatteryState\n'
        '      fields:\n'
        '        x: nix\n'
        '        y: "v[["\n'
        '        z: voltag\n'
        'commands:\n'
        '  light:\n'
        '    kind: service\n'
        '    service: /light\n'
        '    type: std_srvs/srv/SetBool\n'
        '    timeout: soon\n'
        '    request:\n'
        '      dat: $c\n'
        '      data: $d\n'
        '    parameters:\n'
        '      c: {type: bool}\n'
        '      e: {type: boolean}\n'
    )
    code, lines = check(file)
    found = [line.removeprefix(f'{file}:').split(': ')[:2] for line in lines if str(file) in line]
    assert code == 1
    assert sorted(found) == [
        ['15', 'commands.light.timeout'],
        ['17', 'commands.light.request.dat'],
        ['18', 'commands.light.request.data'],
        ['20', 'commands.light.parameters.c.type'],
        ['7', 'telemetry.topics[0].fields.x'],
        ['8', 'telemetry.topics[0].fields.y'],
        ['9', 'telemetry.topics[0].fields.z'],
    ]


def test_a_key_of_two_topics_is_reported_once(tmp_path):
    topics = [{'topic': '/a', 'name': 'x'}, {'topic': '/b', 'name': 'x'}]
    code, lines = check(configuration(tmp_path, telemetry={'topics': topics}))
    assert code == 1
    assert len([line for line in lines if '/a' in line or '/b' in line]) == 1

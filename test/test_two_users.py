# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The service unit's bridge, a user of its own, hears the robot, which is another user's."""

from __future__ import annotations

from collections.abc import Iterator
import os
import re
import shutil
import subprocess
import sys

from fixtures.domains import DDS
from fixtures.processes import Process
from fixtures.system import CREDENTIALS
import pytest

from xparo_bridge.share import share

ROBOT, BRIDGE = 4001, 4002
PORT = '8765'
UNIT = share('config', 'systemd', 'xparo_bridge.service').read_text()


def unit_environment() -> dict[str, str]:
    """What the unit sets for the bridge, but folders of the machine."""
    pairs = re.findall(r'(\w+)=(\S+)', ' '.join(re.findall(r'(?m)^Environment=(.*)$', UNIT)))
    return {name: value for name, value in pairs if not value.startswith('/')}


@pytest.fixture
def namespace() -> Iterator[list[str]]:
    """A network of its own, with nothing but a loopback: what a command in it begins with."""
    for tool in ('unshare', 'nsenter', 'setpriv', 'ip'):
        if shutil.which(tool) is None:
            pytest.skip(f'{tool} is not installed')
    if os.geteuid() != 0:
        pytest.skip('only root may start programs as other users')
    holder = subprocess.Popen(
        ['unshare', '-n', 'sh', '-c', 'ip link set lo up multicast on && echo up && exec cat'],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    try:
        if holder.stdout.readline() != 'up\n':
            pytest.skip('this machine lets nobody make a network namespace')
        yield ['nsenter', '-t', str(holder.pid), '-n']
    finally:
        holder.stdin.close()
        holder.stdout.close()
        holder.wait()


def user(number: int) -> list[str]:
    """What the command of a user begins with."""
    # The interpreter of the tests may lie in a home: others may read it, but write nothing.
    capability = '+dac_read_search'
    return [
        *('setpriv', f'--reuid={number}', f'--regid={number}', '--clear-groups'),
        *(f'--inh-caps={capability}', f'--ambient-caps={capability}'),
    ]


def test_telemetry_and_commands_pass_between_two_users(namespace, tmp_path, monkeypatch):
    # As on a robot: the transports that the middleware takes by itself.
    for name in DDS:
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / 'robot.yaml'
    file.write_text(
        f'links: [{{name: platform, protocol: xparo, url: "ws://127.0.0.1:{PORT}/ws/chatbot"}}]\n'
        'telemetry: {groups: {pose: {topic: amcl_pose, '
        'type: geometry_msgs/msg/PoseWithCovarianceStamped}}}\n'
    )
    folders = {}
    for number in (ROBOT, BRIDGE):
        folders[number] = tmp_path / str(number)
        folders[number].mkdir()
        os.chown(folders[number], number, number)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and folder.is_relative_to('/tmp/pytest-of-root'):
            folder.chmod(0o755)

    def start(number: int, *command: str, mask: str = '022', **env: str) -> Process:
        homes = {'HOME': str(folders[number]), 'ROS_HOME': str(folders[number])}
        return Process(
            [
                *namespace,
                *user(number),
                *('sh', '-c', f'umask {mask}; exec "$@"', 'sh'),
                *(sys.executable, '-m', 'xparo_bridge', *command),
            ],
            env={**CREDENTIALS, **homes, 'ROS_LOG_DIR': str(folders[number]), **env},
            name=command[0],
        )

    with (
        start(ROBOT, 'local_platform', '--port', PORT) as platform,
        start(ROBOT, 'simulated_robot', '--ros-args', '-p', 'speed:=6.0') as robot,
    ):
        platform.wait_for_line('listening')
        robot.wait_for_line('ready')
        config = f'config:=[bridge.yaml, commands.yaml, places.yaml, {file}]'
        with start(
            BRIDGE, 'bridge', '--ros-args', '-p', config, mask='077', **unit_environment()
        ) as bridge:
            bridge.wait_for_line('connected')
            with start(ROBOT, 'local_platform', 'watch', '--port', PORT) as watch:
                watch.wait_for_line('battery')
            send = ('send', 'start_navigation', '--goal', 'table_4', '--wait', '--port', PORT)
            with start(ROBOT, 'local_platform', *send) as order:
                assert order.wait(60.0) == 0
                order.wait_for_line('succeeded')


@pytest.mark.skipif(shutil.which('systemd-analyze') is None, reason='no systemd-analyze here')
def test_the_unit_is_one_that_systemd_takes(tmp_path):
    unit = tmp_path / 'xparo_bridge.service'
    unit.write_text(UNIT)
    done = subprocess.run(
        ['systemd-analyze', 'verify', '--man=no', str(unit)], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, '')


def test_the_unit_is_started_again_for_ever_less_often_where_something_must_be_mended():
    assert re.search(r'(?m)^StartLimitIntervalSec=0$', UNIT.split('[Service]')[0])
    assert re.search(r'(?m)^Restart=always$', UNIT)
    assert 'RestartPreventExitStatus' not in UNIT
    line = re.search(r"(?m)^ExecStopPost=/bin/sh -c '(.*)'$", UNIT)
    assert line is not None
    script = line[1].replace('$$', '$').replace('exec sleep', 'echo')
    for status, expected in (('78', '8'), ('2', '8'), ('0', ''), ('KILL', '')):
        done = subprocess.run(
            ['/bin/sh', '-c', script],
            env={'EXIT_STATUS': status},
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stdout.strip()) == (0, expected)
    assert 'network-online' not in re.sub(r'(?m)^#.*$', '', UNIT)


@pytest.mark.skipif(shutil.which('systemd-analyze') is None, reason='no systemd-analyze here')
def test_the_units_of_a_robot_that_pulls_are_ones_that_systemd_takes(tmp_path):
    deploy = share('deploy', 'systemd')
    for name in ('xparo_pull.service', 'xparo_pull.timer'):
        text = (deploy / name).read_text()
        (tmp_path / name).write_text(text.replace('/usr/local/bin/xparo_bridge', '/bin/true'))
    (tmp_path / 'xparo_bridge.service').write_text(UNIT)
    drop_in = tmp_path / 'xparo_bridge.service.d'
    drop_in.mkdir()
    shutil.copy(deploy / 'store.conf', drop_in)
    done = subprocess.run(
        [
            'systemd-analyze',
            'verify',
            '--man=no',
            *map(str, sorted(tmp_path.glob('xparo_*.*[er]'))),
        ],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, '')


@pytest.mark.parametrize('environment', [{}, {'XPARO_CONFIG': '/var/lib/a/store'}])
@pytest.mark.parametrize('installed', [True, False])
def test_the_start_line_of_the_unit_finds_the_program_or_says_where_it_looked(
    tmp_path, installed, environment
):
    program = tmp_path / 'lib' / 'xparo_bridge' / 'bridge'
    program.parent.mkdir(parents=True)
    if installed:
        program.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
        program.chmod(0o755)
    line = re.search(r"(?m)^ExecStart=/bin/bash -c '(.*)'$", UNIT)
    assert line is not None
    script = line[1].replace('$$', '$')
    script = script.replace('source /opt/ros/jazzy/setup.bash', 'true')
    done = subprocess.run(
        ['/bin/bash', '-c', script],
        env={
            'AMENT_PREFIX_PATH': f'/nowhere:{tmp_path}',
            'PATH': os.environ['PATH'],
            **environment,
        },
        capture_output=True,
        text=True,
    )
    if installed:
        files = '[bridge.yaml,commands.yaml,places.yaml,/etc/xparo/robot.yaml]'
        assert done.stdout == f'--ros-args|-p|config:={environment.get("XPARO_CONFIG", files)}|'
    else:
        assert done.returncode == 78
        assert '/opt/xparo' in done.stderr


@pytest.mark.parametrize(
    'page', ['config/systemd/xparo_bridge.service', 'docs/fleet.md'], ids=['unit', 'fleet']
)
@pytest.mark.parametrize('right', [True, False])
def test_the_check_before_a_restart_needs_not_the_credentials_of_the_service(
    tmp_path, page, right
):
    """As its reader, who may not read them: the service is restarted if the file is right."""
    text = (share() / page).read_text()
    command = re.search(r'(?m)^#? *(.*bridge --check .* && sudo systemctl restart .*)$', text)
    assert command is not None
    file = tmp_path / 'robot.yaml'
    url = 'url' if right else 'ulr'
    file.write_text(f'links: [{{name: platform, protocol: xparo, {url}: "ws://127.0.0.1/ws"}}]\n')
    for name, line in {
        'ros2': f'shift 3; exec {sys.executable} -m xparo_bridge bridge "$@"',
        'sudo': 'echo "$@"',
    }.items():
        (tmp_path / name).write_text(f'#!/bin/sh\n{line}\n')
        (tmp_path / name).chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if 'XPARO' not in name}
    done = subprocess.run(
        ['bash', '-c', command[1].replace('/etc/xparo/robot.yaml', str(file))],
        env={**environment, 'PATH': f'{tmp_path}:{os.environ["PATH"]}'},
        capture_output=True,
        text=True,
    )
    assert ('systemctl restart xparo_bridge' in done.stdout) is right, done.stderr


def test_the_unit_takes_the_environment_of_the_robot():
    # After its own, so that it wins; absent on robots that need none.
    assert re.search(r'(?ms)^Environment=.*^EnvironmentFile=-/etc/xparo/environment$', UNIT)

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Faults of the machine the bridge runs on: does the doctor name them?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
import fcntl
import json
import os
from pathlib import Path
import shutil
import subprocess
import sys
import tempfile
from typing import Any

import pytest

from xparo_bridge.doctor import machine
from xparo_bridge.doctor.beside import Job, run_beside
from xparo_bridge.doctor.finding import Finding, State
from xparo_bridge.doctor.machine import check_permissions, check_shared_memory
from xparo_bridge.local.free_ports import free_domain

from .conftest import Diagnose, named

MACHINE = ('--only', 'machine')


@dataclass
class Fault:
    """A fault: what it makes of the configuration, the check that names it, words of its line."""

    configure: Callable[[Path], dict[str, Any]]
    check: str
    words: tuple[str, ...]
    arguments: tuple[str, ...] = field(default=())
    also: tuple[str, ...] = field(default=())


def _state_is_a_file(folder: Path) -> dict[str, Any]:
    (folder / 'taken').write_text('')
    return {'state_dir': str(folder / 'taken')}


def _state_of_all(folder: Path) -> dict[str, Any]:
    (folder / 'open').mkdir()
    (folder / 'open').chmod(0o777)
    return {'state_dir': str(folder / 'open')}


FAULTS = {
    'a disk without room': Fault(
        lambda folder: {},
        'disk',
        ('MiB free', 'expected 999999999', 'make room'),
        ('--min-free', '999999999'),
    ),
    'a state directory that cannot be made': Fault(
        lambda folder: {'state_dir': '/proc/xparo'},
        'permissions',
        ('cannot write', 'state_dir'),
        also=('disk',),  # Nothing is free there.
    ),
    'a file where the state should be': Fault(
        _state_is_a_file, 'permissions', ('is a file, expected a folder',)
    ),
    'a state directory that others write': Fault(
        _state_of_all, 'permissions', ('others may write', 'chmod go-w')
    ),
    'files that cannot be kept': Fault(
        lambda folder: {'files': {'folder': '/proc/xparo'}}, 'permissions', ('files.folder',)
    ),
    'a trees folder that is not there': Fault(
        lambda folder: {'trees': {'folder': str(folder / 'missing')}},
        'configuration',
        ('no folder',),
        also=('permissions',),
    ),
    'a key of no meaning': Fault(
        lambda folder: {'telemetri': {}}, 'configuration', ('did you mean "telemetry"?',)
    ),
}


@pytest.mark.parametrize('fault', FAULTS.values(), ids=FAULTS)
def test_each_fault_is_named_with_what_to_do(fault: Fault, doctor: Diagnose, tmp_path: Path):
    findings = doctor(*MACHINE, *fault.arguments, **fault.configure(tmp_path))
    named(findings, fault.check, *fault.words)
    named_checks = {one.check for one in findings if one.state is State.PROBLEM}
    assert named_checks <= {fault.check, 'versions', *fault.also}


def test_a_client_key_that_cannot_be_read_is_named(doctor: Diagnose, tmp_path: Path):
    link = {'client_certificate': str(tmp_path), 'client_key': str(tmp_path / 'missing.key')}
    findings = doctor(*MACHINE, link=link)
    named(findings, 'permissions', 'client_certificate', 'is a folder, expected a file')


@pytest.mark.skipif(os.geteuid() != 0, reason='only root can be another user for a moment')
def test_a_state_directory_of_another_user_is_named():
    nothing = {'folder': None}
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        configuration = {
            'state_dir': f'{folder}/state',
            'files': nothing,
            'bags': nothing,
            'trees': nothing,
            'links': [],
        }
        try:
            os.seteuid(4001)
            findings = list(check_permissions(configuration, 'r1'))
        finally:
            os.seteuid(0)
    named(findings, 'permissions', 'user 4001 cannot write', 'Permission denied')


@pytest.fixture
def port_of_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A port of domain 3 that a living node of user 4001 shares memory by."""
    if os.geteuid():
        pytest.skip('only root can give files away')
    monkeypatch.setenv('ROS_DOMAIN_ID', '3')
    monkeypatch.delenv('ROS_AUTOMATIC_DISCOVERY_RANGE', raising=False)
    monkeypatch.delenv('FASTDDS_BUILTIN_TRANSPORTS', raising=False)
    port = tmp_path / f'fastrtps_port{7400 + 3 * 250 + 11}'
    port.write_bytes(b'')
    lock = port.with_name(f'{port.name}_el')
    with lock.open('wb') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for one in (port, lock):
            os.chown(one, 4001, 4001)
        yield port


def test_nodes_of_another_user_are_named(port_of_another: Path, monkeypatch: pytest.MonkeyPatch):
    folder = port_of_another.parent
    finding = named(list(check_shared_memory(folder)), 'shared memory', 'user 4001')
    assert finding.remedy.startswith('set FASTDDS_BUILTIN_TRANSPORTS=UDPv4')
    monkeypatch.setenv('FASTDDS_BUILTIN_TRANSPORTS', 'UDPv4')
    assert [one.state for one in check_shared_memory(folder)] == [State.OK]
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    finding = named(list(check_shared_memory(folder)), 'shared memory', 'user 4001')
    assert finding.remedy.startswith('unset ROS_AUTOMATIC_DISCOVERY_RANGE')


def test_what_a_killed_node_of_another_user_left_is_no_node(port_of_another: Path):
    lock = port_of_another.with_name(f'{port_of_another.name}_el')
    lock.unlink()
    lock.write_bytes(b'')
    assert [one.state for one in check_shared_memory(lock.parent)] == [State.OK]
    lock.unlink()
    assert [one.state for one in check_shared_memory(lock.parent)] == [State.OK]


def test_nodes_of_another_user_in_another_domain_are_none_of_the_robots(
    port_of_another: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv('ROS_DOMAIN_ID', '4')
    assert [one.state for one in check_shared_memory(port_of_another.parent)] == [State.OK]


def test_a_living_node_is_known_by_the_port_it_shares(tmp_path: Path):
    """That the files are named, numbered and locked as here is Fast DDS's doing."""
    domain = str(free_domain())
    program = (
        'import rclpy, time; rclpy.init(); node = rclpy.create_node("one"); '
        'print("up", flush=True); time.sleep(60)'
    )
    # Without the profile of the other tests, which shares no memory.
    unset = ('FASTDDS_', 'FASTRTPS_')
    environment = {name: of for name, of in os.environ.items() if not name.startswith(unset)}
    environment['ROS_DOMAIN_ID'] = domain
    with subprocess.Popen(
        [sys.executable, '-c', program], stdout=subprocess.PIPE, env=environment
    ) as node:
        try:
            assert node.stdout is not None
            node.stdout.readline()
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(os, 'geteuid', lambda: 4001)
                assert machine._other_users(Path('/dev/shm'), domain) == {os.getuid()}
                node.kill()
                node.wait()
                assert machine._other_users(Path('/dev/shm'), domain) == set()
        finally:
            node.kill()


def _run(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ)
    if folder is not None:
        environment['PYTHONPATH'] = f'{folder}:{environment.get("PYTHONPATH", "")}'
    return subprocess.run(
        [sys.executable, '-m', 'xparo_bridge', 'doctor', *arguments],
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
    )


@pytest.mark.parametrize(
    'name, version, words',
    [
        ('websockets', '9.1', ('9.1, expected 10.4 or later', 'python3-websockets')),
        ('xparo_interfaces', '0.0.7', ('0.0.7, but the bridge is', 'same release')),
        ('rclpy', '3.3.9', ('3.3.9, expected 7 or later', 'Jazzy')),
    ],
)
def test_a_wrong_version_is_named(name: str, version: str, words: tuple[str, ...], tmp_path: Path):
    info = tmp_path / f'{name}-{version}.dist-info'
    info.mkdir()
    (info / 'METADATA').write_text(f'Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n')
    ended = _run(*MACHINE, '--json', folder=tmp_path)
    assert ended.returncode == 1, ended.stderr
    findings = [
        Finding(one['check'], one['subject'], State(one['state']), one['text'], one['remedy'])
        for one in json.loads(ended.stdout)['findings']
    ]
    assert (
        named([one for one in findings if one.check == 'versions'], 'versions', *words).subject
        == name
    )


@pytest.mark.skipif(shutil.which('unshare') is None, reason='unshare is not installed')
def test_a_machine_without_a_network_is_named(doctor: Diagnose, tmp_path: Path):
    doctor('--only', 'machine')  # Writes the file.
    ended = subprocess.run(
        [
            *('unshare', '-rn', sys.executable, '-m', 'xparo_bridge', 'doctor'),
            *('--only', 'link', str(tmp_path / 'robot.yaml')),
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    if 'unshare' in ended.stderr:
        pytest.skip('this machine lets nobody make a network namespace')
    assert ended.returncode == 1, ended.stderr
    line = next(line for line in ended.stdout.splitlines() if 'network interfaces' in line)
    assert line.startswith('problem') and 'To do: plug in the cable' in line


@pytest.mark.parametrize(
    'arguments',
    [('--timeout', '0'), ('--config', '/nowhere'), ('a.yaml', '--config', '/tmp'), ('--what',)],
)
def test_wrong_arguments_end_with_2(arguments: tuple[str, ...]):
    from xparo_bridge.doctor.main import main

    assert main(arguments) == 2


def test_a_robot_of_a_fleet_without_problems_ends_with_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    from xparo_bridge.doctor.main import main

    (tmp_path / 'robots').mkdir()
    (tmp_path / 'fleet.yaml').write_text(
        'links: [{name: platform, protocol: xparo, url: "wss://platform.example/ws/chatbot"}]\n'
    )
    (tmp_path / 'robots' / 'r7.yaml').write_text(f'state_dir: {tmp_path}/state-of-r7\n')
    (tmp_path / 'state-of-r7').mkdir(mode=0o700)
    code = main(['--config', str(tmp_path), '--robot', 'r7', '--only', 'machine'])
    reported = capsys.readouterr().out
    assert code == 0, reported
    assert f'permissions state_dir {tmp_path}/state-of-r7' in reported
    assert not list((tmp_path / 'state-of-r7').iterdir()), 'the doctor leaves nothing behind'
    assert main(['--config', str(tmp_path), '--robot', 'r8', '--only', 'machine']) == 1


def test_a_check_that_hangs_is_left_behind_and_named():
    from threading import Event

    never = Event()

    def hang() -> list[Finding]:
        never.wait(30)
        return []

    jobs = [Job('disk', '/state', hang, 0.2), Job('other', 'x', lambda: [], 5.0)]
    found = list(run_beside(jobs))
    never.set()
    named(found[0], 'disk', 'did not end within 0.2 s', '--timeout')
    assert found[1] == []

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""deploy/ansible/install.yml prepares a robot: the real playbook, into a root of its own."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
import re
import shlex
import subprocess
import sys

import pytest

from xparo_bridge.fleet.main import main
from xparo_bridge.rollout.store import Store

ROOT = Path(__file__).parents[2]
ANSIBLE = ROOT / 'deploy' / 'ansible'
UNITS = 'etc/systemd/system'
STORE = 'var/lib/xparo_bridge/configuration'
pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec('ansible') is None, reason='ansible-core is not installed'
    ),
    pytest.mark.timeout(300),
]
FLEET = f"""\
links:
  - {{name: platform, protocol: xparo, url: "wss://a.org/ws"}}
x-ansible: {{ansible_connection: local, ansible_python_interpreter: {sys.executable}}}
"""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """Give a desk with a fleet, a public key and the credentials of its robot."""
    for path, text in {
        'fleet/fleet.yaml': FLEET,
        'fleet/robots/r7.yaml': '',
        'release.pub': 'ed25519:T2gmhpxUELTIZZaPo6KOw0c7dL4aZlUI-IeUWqxEdvU\n',
        'credentials/r7.yaml': 'secret_key: s3cr3t\n',
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def install(desk: Path, *arguments: str) -> str:
    """Play it into the folder `robot`; what it said."""
    program = Path(sys.executable).with_name('ansible-playbook')
    own = ['-e', f'xparo_root={desk}/robot', '-e', 'xparo_become=false']
    done = subprocess.run(
        [
            *(str(program), '-i', str(ANSIBLE / 'inventory.py'), str(ANSIBLE / 'install.yml')),
            *(*own, *arguments),
        ],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        env={
            **os.environ,
            'XPARO_FLEET': str(desk / 'fleet'),
            'PATH': f'{program.parent}:{os.environ["PATH"]}',
            'PYTHONPATH': f'{ROOT}:{os.environ.get("PYTHONPATH", "")}',
            'ANSIBLE_HOME': str(desk / 'ansible'),
            'ANSIBLE_NOCOLOR': '1',
            'ANSIBLE_DEPRECATION_WARNINGS': '0',
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def changes(said: str) -> int:
    """How much the play changed, by its last line."""
    return int(re.findall(r'changed=(\d+)', said)[-1])


def test_a_robot_that_is_reached_has_the_unit_the_program_and_the_keys(desk):
    robot = desk / 'robot'
    given = ['-e', f'xparo_trusted_keys={desk}/release.pub']
    said = install(desk, *given, '-e', f'xparo_credentials={desk}/credentials')
    assert 's3cr3t' not in said
    for path, source, bits in (
        ('usr/local/bin/xparo_bridge', ROOT / 'deploy/bin/xparo_bridge', 0o755),
        (f'{UNITS}/xparo_bridge.service', ROOT / 'config/systemd/xparo_bridge.service', 0o644),
        (f'{UNITS}/xparo_bridge.service.d/store.conf', ROOT / 'deploy/systemd/store.conf', 0o644),
        (f'{STORE}/trusted_keys', desk / 'release.pub', 0o644),
        ('etc/xparo/credentials.yaml', desk / 'credentials/r7.yaml', 0o600),
    ):
        assert (robot / path).read_bytes() == source.read_bytes(), path
        assert mode(robot / path) == bits, path
    assert len(Store(robot / STORE).trusted_keys()) == 1
    enabled = robot / UNITS / 'multi-user.target.wants' / 'xparo_bridge.service'
    assert os.readlink(enabled) == f'/{UNITS}/xparo_bridge.service'
    # It does not pull, and all that it names is there.
    assert not (robot / UNITS / 'xparo_pull.timer').exists()
    assert (
        f'XPARO_CONFIG=/{STORE}'
        in (robot / UNITS / 'xparo_bridge.service.d' / 'store.conf').read_text()
    )
    # Played again it changes nothing, and says so before.
    assert changes(install(desk, *given, '--check')) == 0
    assert changes(install(desk, *given)) == 0


def test_a_robot_that_pulls_has_a_timer_and_a_service_that_calls_config_pull(desk, monkeypatch):
    robot = desk / 'robot'
    repository = 'https://git.example/fleet/releases.git'
    more = '--allowed-signers /etc/xparo/signers'
    install(desk, '-e', f'xparo_repository={repository}', '-e', f"xparo_pull_options='{more}'")
    env = dict(
        line.split('=', 1) for line in (robot / 'etc/xparo/pull.env').read_text().splitlines()
    )
    assert env == {
        'XPARO_REPOSITORY': repository,
        'XPARO_TAG': 'stable',
        'XPARO_PULL_OPTIONS': f'--robot r7 {more}',
    }
    assert mode(robot / 'etc/xparo/pull.env') == 0o600
    enabled = robot / UNITS / 'timers.target.wants' / 'xparo_pull.timer'
    assert os.readlink(enabled) == f'/{UNITS}/xparo_pull.timer'
    # What the service calls is a command line that config takes.
    unit = (robot / UNITS / 'xparo_pull.service').read_text()
    command = re.search(r'^ExecStart=(.*)$', unit, re.MULTILINE)[1]
    for name, value in env.items():
        command = command.replace(f'${{{name}}}', value).replace(f'${name}', value)
    program, verb, *arguments = shlex.split(command)
    assert (robot / program.lstrip('/')).is_file()
    assert verb == 'config'
    asked = {}
    monkeypatch.setattr(
        'xparo_bridge.fleet.pull.run', lambda options: asked.update(vars(options)) or 0
    )
    assert main(arguments) == 0
    assert (asked['tag'], asked['robot'], asked['store']) == ('stable', 'r7', f'/{STORE}')

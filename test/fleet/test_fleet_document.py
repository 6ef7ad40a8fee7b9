# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""docs/fleet.md: each command of the page runs as it stands there, on a copy of the sample."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
import re
import shlex
import shutil
import subprocess

import pytest

from xparo_bridge.fleet.ros_checking import installed
from xparo_bridge.rollout.signing import public_key_of
from xparo_bridge.share import share

PAGE = (Path(__file__).parents[2] / 'docs' / 'fleet.md').read_text()
STORE = '/var/lib/xparo_bridge/configuration'
BLOCKS = re.findall(r'^```sh\n(.*?)^```', PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = [
    line.partition('  #')[0].strip()
    for block in BLOCKS
    for line in block.splitlines()
    if line.startswith('ros2 run xparo_bridge config ')
]


def git(folder: Path, *arguments: str) -> None:
    identity = ['-c', 'user.name=a', '-c', 'user.email=a@b.org']
    subprocess.run(['git', '-C', str(folder), *identity, *arguments], check=True)


@pytest.fixture(scope='module')
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder as the page's reader has it: a fleet in git, a key, a bundle of robot_1."""
    site = tmp_path_factory.mktemp('site')
    shutil.copytree(share('config', 'fleet'), site / 'fleet')
    git(site, 'init', '-q', '-b', 'main')
    for tag in ('v1.4', 'v1.5'):
        with (site / 'fleet' / 'fleet.yaml').open('a') as file:
            file.write(f'# {tag}\n')
        git(site, 'add', '.')
        git(site, 'commit', '-qm', tag)
        git(site, 'tag', tag)
    return site


def test_the_page_has_the_commands_that_are_run_here():
    verbs = {command.split()[4] for command in COMMANDS}
    assert verbs == {
        *('check', 'explain', 'diff', 'test', 'render', 'apply', 'status', 'plan', 'pull')
    }


@pytest.mark.skipif(not installed(), reason='ROS is not installed')
def test_each_command_of_the_page_runs(site, config, monkeypatch):
    monkeypatch.chdir(site)
    key = next(
        line.partition('  #')[0].strip()
        for block in BLOCKS
        for line in block.splitlines()
        if line.startswith('openssl genpkey')
    )
    subprocess.run(shlex.split(key), check=True)
    assert config('render', 'robot_1', '--folder', 'fleet/', '-o', 'bundle/')[0] == 0
    assert config('render', 'robot_1', '--folder', 'fleet/', '-o', 'robot_1.tar')[0] == 0
    releases = site / 'releases'
    releases.mkdir()
    git(releases, 'init', '-q', '-b', 'main')
    reports = site / 'fleet.rollout' / 'reports'
    reports.mkdir(parents=True)
    for block in BLOCKS:
        for line in block.splitlines():
            command = line.partition('  #')[0].strip()
            if command.startswith('git -C releases ') and ' push ' not in command:
                git(site, *shlex.split(command)[1:])
            if command in COMMANDS:
                run(command, site, config)


def run(command: str, site: Path, config: Callable[..., tuple[int, str]]) -> None:
    command, _, into = command.partition(' | ')
    verb, *arguments = shlex.split(command.replace(STORE, str(site / 'store')))[4:]
    if verb == 'test':
        return  # test_folder_tests runs the sample's.
    if '--platform' in arguments:
        return  # test_plan and test_ansible ask one.
    if verb == 'pull':
        arguments += ['--robot', 'robot_1']
    code, said = config(verb, *arguments)
    if verb == 'status' and '--store' in arguments:
        reported = config(verb, *arguments, '--format', 'json')[1]
        (site / 'fleet.rollout' / 'reports' / 'robot_1.json').write_text(reported)
    # Two robots differ, and without a bridge the first configuration is on trial.
    differs = verb == 'status' or (verb == 'diff' and 'robot_2' in arguments)
    assert code == int(differs), (command, said)
    if into:  # The public key, for the robots.
        assert re.search(r'ed25519:\S+', said)
        shell = into.replace('> release.pub', '')
        key = subprocess.run(['sh', '-c', shell], input=said, text=True, capture_output=True)
        assert public_key_of(key.stdout.strip())


def test_all_variables_of_the_page_are_those_of_the_role():
    defaults = (
        share('deploy', 'ansible') / 'roles/xparo_configuration/defaults/main.yml'
    ).read_text()
    for name in set(re.findall(r'`(xparo_[a-z_]+)`? \|', PAGE)):
        assert re.search(rf'^(# )?{name}: ', defaults, re.MULTILINE), name

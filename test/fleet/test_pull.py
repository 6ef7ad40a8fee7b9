# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""`config pull`: a robot takes its configuration from a tag of a git repository."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
import shutil
import subprocess

import pytest

from xparo_bridge.fleet import ros_checking
from xparo_bridge.rollout.store import Store, version_of

Config = Callable[..., tuple[int, str]]


class Releases:
    """A repository of bundles, and the store of a robot that follows its tag `stable`."""

    def __init__(self, folder: Path, fleet: Path, config: Config) -> None:
        self.folder = folder / 'releases'
        self.store = Store(folder / 'store')
        self._fleet = fleet
        self._config = config
        self.folder.mkdir()
        self.git('init', '-q', '-b', 'main')

    def git(self, *arguments: str) -> None:
        who = ['-c', 'user.name=a', '-c', 'user.email=a@b.org']
        subprocess.run(['git', '-C', str(self.folder), *who, *arguments], check=True)

    def release(self, version: int, robot: str = '', *how: str) -> None:
        """Make the bundles of a version, and let the tag name them."""
        (self._fleet / 'robots' / 'r7.yaml').write_text(robot)
        bundles = self.folder / 'bundles'
        code, said = self._config(
            *('render', '--all', '--folder', self._fleet, '-o', bundles, '--version', version)
        )
        assert code == 0, said
        self.git('add', '-A')
        self.git('commit', '-qm', f'version {version}', '--allow-empty')
        self.git('tag', '-f', 'stable', *how)

    def pull(self, *arguments: object) -> tuple[int, str]:
        return self._config(
            *('pull', self.folder, '--store', self.store.path, '--robot', 'r7', *arguments)
        )


@pytest.fixture
def releases(fleet, config, tmp_path, monkeypatch) -> Releases:
    # What needs ROS is another test's.
    monkeypatch.setattr(ros_checking, 'installed', lambda: False)
    return Releases(tmp_path, fleet({'robots/r7.yaml': ''}), config)


def test_what_the_tag_names_is_applied_once(releases):
    releases.release(1)
    code, said = releases.pull()
    assert code == 0, said
    assert version_of(releases.store.state.current) == 1
    releases.store.confirm()
    assert 'which was tried' in releases.pull()[1]
    releases.release(2, 'head: {frame: face}\n')
    assert releases.pull()[0] == 0
    assert version_of(releases.store.state.current) == 2
    # It went back: the same is not tried again, the next one is.
    releases.store.roll_back('no link')
    assert 'which was tried' in releases.pull()[1]
    assert version_of(releases.store.state.current) == 1
    releases.release(3, 'head: {frame: nose}\n')
    assert releases.pull()[0] == 0
    assert version_of(releases.store.state.current) == 3


def test_a_release_that_changes_nothing_for_this_robot_leaves_it_alone(releases):
    releases.release(1)
    releases.pull()
    releases.store.confirm()
    releases.release(2)
    code, said = releases.pull()
    assert (code, version_of(releases.store.state.current)) == (0, 1)
    assert 'is applied already' in said


def test_without_a_network_it_may_go_better_the_next_time(releases, config):
    code, said = config('pull', releases.folder / 'nowhere', '--store', releases.store.path)
    assert code == 75
    releases.release(1)
    assert releases.pull('--tag', 'canary')[0] == 75
    assert not releases.store.path.exists()


@pytest.mark.parametrize('tag', ['../x', '-x', 'a b', 'a..b', 'a:b'])
def test_what_is_no_tag_is_refused(releases, tag):
    assert releases.pull(f'--tag={tag}')[0] == 1


@pytest.mark.parametrize('address', ['ext::sh -c touch% pwned', '--upload-pack=touch pwned'])
def test_an_address_runs_no_command(releases, config, tmp_path, monkeypatch, address):
    monkeypatch.chdir(tmp_path)
    code, _ = config('pull', '--store', releases.store.path, '--', address)
    assert code == 75
    assert not list(tmp_path.rglob('pwned'))


def test_a_robot_with_trusted_keys_takes_nothing_that_is_not_signed(releases):
    releases.store.path.mkdir()
    key = 'ed25519:T2gmhpxUELTIZZaPo6KOw0c7dL4aZlUI-IeUWqxEdvU'
    (releases.store.path / 'trusted_keys').write_text(f'{key}\n')
    releases.release(1)
    code, said = releases.pull()
    assert code == 1
    assert 'is not signed' in said
    # Neither what it would make itself.
    releases.git('rm', '-qr', 'bundles')
    shutil.copytree(releases._fleet, releases.folder / 'fleet')
    releases.git('add', '-A')
    releases.git('commit', '-qm', 'files')
    releases.git('tag', '-f', 'stable')
    assert 'is not signed' in releases.pull('--path', 'fleet')[1]
    assert not releases.store.state.current


def test_the_files_of_a_fleet_are_made_into_a_bundle_on_the_robot(releases):
    shutil.copytree(releases._fleet, releases.folder / 'fleet')
    releases.git('add', '-A')
    releases.git('commit', '-qm', 'files')
    releases.git('tag', 'stable')
    code, said = releases.pull('--path', 'fleet')
    assert code == 0, said
    assert version_of(releases.store.state.current) > 1_700_000_000
    code, said = releases.pull('--path', 'nowhere', '--again')
    assert code == 1
    assert 'neither nowhere/r7.tar nor a fleet.yaml' in said


@pytest.mark.skipif(shutil.which('ssh-keygen') is None, reason='no ssh-keygen here')
def test_a_tag_must_be_signed_where_signers_are_given(releases, tmp_path):
    keys = {}
    for name in ('ours', 'theirs'):
        file = tmp_path / name
        subprocess.run(
            ['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', str(file)], check=True
        )
        keys[name] = file
    signers = tmp_path / 'allowed_signers'
    signers.write_text(f'a@b.org {keys["ours"].with_suffix(".pub").read_text()}')
    releases.git('config', 'gpg.format', 'ssh')
    releases.release(1)
    code, said = releases.pull('--allowed-signers', signers)
    assert (code, 'is not signed by one of' in said) == (1, True)
    for name, expected in (('theirs', 1), ('ours', 0)):
        releases.git('config', 'user.signingkey', str(keys[name]))
        releases.release(1, '', '-s', '-m', 'signed')
        assert releases.pull('--allowed-signers', signers)[0] == expected, name
    assert version_of(releases.store.state.current) == 1


@pytest.mark.parametrize('store', ['', '/'])
def test_a_store_without_a_name_is_refused_in_words(releases, store):
    code, said = releases.pull(f'--store={store}')
    assert code == 1
    assert 'expected a folder that has a name' in said

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
`config pull`: fetch this robot's configuration from a git tag, verify it, and apply it.

For robots that nobody can reach from outside. What a tag names is tried once: a robot that went
back from it waits until the tag names something else.
"""

from __future__ import annotations

import argparse
import contextlib
from dataclasses import dataclass
import json
import os
from pathlib import Path
import re
import socket
import subprocess
import tempfile

from ..errors import NotNow
from ..json_reader import JsonError, read_object
from ..rollout.bundle import Bundle, MAX_BYTES
from ..rollout.folder import FLEET, FleetFolder
from ..rollout.manifest import BundleError
from ..rollout.store import Store
from . import apply
from .git import checked_out
from .render import bundles_of

# The exit code of what may go better the next time, as sysexits.h has it.
NOT_NOW = 75
_TIMEOUT = 120.0
_TRIED = 'tried.json'
# What git may fetch by: no helper that runs a command of the address.
_PROTOCOLS = 'https:http:ssh:git:file'


class NoNetwork(NotNow):
    """The repository cannot be reached, or has no such tag; says why."""


@dataclass
class Tag:
    """A tag of a repository, fetched into a bare one of our own."""

    folder: Path
    name: str

    def fetch(self, address: str) -> str:
        """
        Fetch it; the commit that it names.

        :raises NoNetwork: if that cannot be done now.
        """
        if not (self.folder / 'HEAD').is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            self.git('init', '--quiet', '--bare')
        reference = f'refs/tags/{self.name}'
        # The tag may have been moved, the history does not matter.
        self.git(
            *('fetch', '--quiet', '--force', '--no-tags', '--depth=1', '--'),
            *(address, f'+{reference}:{reference}'),
        )
        return self.git('rev-parse', '--verify', f'{reference}^{{commit}}').decode().strip()

    def verify(self, signers: Path) -> None:
        """
        Check that one of the signers has signed the tag.

        :raises BundleError: if none has.
        """
        try:
            self.git(
                *('-c', 'gpg.format=ssh', '-c', f'gpg.ssh.allowedSignersFile={signers}'),
                *('verify-tag', self.name),
            )
        except NoNetwork as error:
            raise BundleError(f'tag {self.name} is not signed by one of {signers}') from error

    def read(self, path: str) -> bytes | None:
        """Return a file; None if there is none."""
        name = f'refs/tags/{self.name}:{path}'
        try:
            size = int(self.git('cat-file', '-s', name))
        except NoNetwork:
            return None
        if size > MAX_BYTES:
            raise BundleError(f'{path}: over {MAX_BYTES} bytes')
        return self.git('cat-file', 'blob', name)

    def git(self, *arguments: str) -> bytes:
        """Call git; NoNetwork with what it said if it fails."""
        env = {
            **os.environ,
            'GIT_TERMINAL_PROMPT': '0',
            'GIT_ALLOW_PROTOCOL': _PROTOCOLS,
            'GIT_SSH_COMMAND': os.environ.get('GIT_SSH_COMMAND', 'ssh -oBatchMode=yes'),
        }
        try:
            done = subprocess.run(
                ['git', '-C', str(self.folder), *arguments],
                capture_output=True,
                check=True,
                timeout=_TIMEOUT,
                stdin=subprocess.DEVNULL,
                env=env,
            )
        except subprocess.CalledProcessError as error:
            words = error.stderr.decode(errors='replace').strip()
            raise NoNetwork(words or f'git ended with {error.returncode}') from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NoNetwork(str(error)) from error
        return done.stdout


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.add_argument('address', metavar='REPOSITORY', help='what git fetch takes')
    parser.add_argument('--tag', default='stable', help='the tag to follow (default: %(default)s)')
    parser.add_argument(
        '--path',
        default='bundles',
        help="the folder of ROBOT.tar in the repository, or that of the fleet's files "
        '(default: %(default)s)',
    )
    parser.add_argument(
        '--allowed-signers',
        metavar='FILE',
        help='the tag must be signed by one of these (ssh-keygen(1), ALLOWED SIGNERS)',
    )
    apply.add_store(parser)
    parser.add_argument('--robot', help="the robot's name, where nothing was applied before")
    parser.add_argument('--again', action='store_true', help='try also what was tried before')
    apply.add_change(parser)


def run(options: argparse.Namespace) -> int:
    """Fetch, verify and apply; an exit code: 75 if it may go better the next time."""
    if not re.fullmatch(r'[A-Za-z0-9][\w./+-]*', options.tag) or '..' in options.tag:
        raise BundleError(f'--tag {options.tag}: expected the name of a tag')
    store = Store(Path(options.store).expanduser())
    if not store.path.name:  # What is fetched goes beside it.
        raise BundleError(f'--store {options.store}: expected a folder that has a name')
    folder = store.path.with_name(f'{store.path.name}.git')
    tag = Tag(folder, options.tag)
    # git runs in a folder of its own, and a path is meant from here.
    here = Path(options.address).expanduser()
    try:
        commit = tag.fetch(str(here.absolute()) if here.is_dir() else options.address)
    except NoNetwork as error:
        print(f'{options.address}: {error}')
        return NOT_NOW
    if not options.again and _tried(folder) == commit:
        print(f'{options.tag} is still {commit[:12]}, which was tried')
        return 0
    if options.allowed_signers:
        tag.verify(Path(options.allowed_signers).expanduser().absolute())
    robot = options.robot or _robot_of(store)
    with tempfile.TemporaryDirectory(prefix='xparo_pull_') as temporary:
        file = Path(temporary) / f'{robot}.tar'
        content = tag.read(f'{options.path}/{robot}.tar')
        if content is not None:
            file.write_bytes(content)
        else:
            _rendered(folder, tag, options.path, robot).write(file)
        # Before it is applied: what a robot goes back from is not tried again.
        _note(folder, commit)
        options.bundle, options.if_changed, options.signed = str(file), True, False
        print(f'{options.tag} is {commit[:12]}')
        return apply.run(options)


def _robot_of(store: Store) -> str:
    current = store.state.current
    if current:
        with contextlib.suppress(BundleError):
            return Bundle.read(store.folder(current)).manifest.robot
    return socket.gethostname()


def _rendered(folder: Path, tag: Tag, path: str, robot: str) -> Bundle:
    """Make the bundle of the fleet's files in the repository, which nobody has signed."""
    with checked_out(folder, f'refs/tags/{tag.name}') as there:
        fleet = there if path == 'bundles' else there / path
        if not (fleet / FLEET).is_file():
            raise BundleError(
                f'tag {tag.name}: neither {path}/{robot}.tar nor a {FLEET} in it; robots have the '
                'names of their files'
            )
        when, commit = tag.git('log', '-1', '--format=%ct %H', f'refs/tags/{tag.name}').split()
        made = bundles_of(
            FleetFolder(fleet),
            [robot],
            version=int(when),
            made_from=f'git {commit.decode()[:12]}',
        )
        return made[robot]


def _tried(folder: Path) -> str:
    with contextlib.suppress(OSError, JsonError):
        return str(read_object((folder / _TRIED).read_bytes()).get('commit', ''))
    return ''


def _note(folder: Path, commit: str) -> None:
    part = folder / f'.{_TRIED}'
    part.write_text(json.dumps({'commit': commit}) + '\n')
    part.replace(folder / _TRIED)

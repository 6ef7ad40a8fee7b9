# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
`config apply`: give this robot a configuration, which is taken back unless it holds.

It is checked fully first, and nothing changes if anything is wrong. Then the bridge that runs here
changes over once the robot stands, on trial; see docs/fleet.md.
"""

from __future__ import annotations

import argparse
import contextlib
from datetime import datetime, UTC
import os
from pathlib import Path
import signal
import sys
import tempfile
import time

from ..argument_types import positive
from ..configuration import ConfigurationError
from ..rollout.bundle import Bundle, MAX_BYTES
from ..rollout.folder import FleetFolder, is_fleet
from ..rollout.manifest import BundleError, MANIFEST, Manifest
from ..rollout.signing import check, NotTrusted
from ..rollout.source import of_bundle
from ..rollout.store import APPLIED, Pending, Store, StoreState
from . import ros_checking
from .checking import Checks
from .render import bundles_of
from .subject import UsageError

# Where the service of systemd keeps its state.
DEFAULT_STORE = '/var/lib/xparo_bridge/configuration'
_LOOK = 0.1
# For who may not signal the bridge.
_ASK = 'ros2 service call /xparo_bridge/apply_configuration std_srvs/srv/Trigger'
# How long a bridge may take beyond its trial until it says how that ended, s.
_GRACE = 30.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.add_argument(
        'bundle',
        metavar='BUNDLE',
        help="of config render: a folder, a file.tar, - for standard input; or a fleet's folder",
    )
    add_store(parser)
    parser.add_argument('--robot', help="the robot's name, where nothing was applied before")
    parser.add_argument(
        '--signed', action='store_true', help='take only what is signed by a key that is trusted'
    )
    parser.add_argument(
        '--if-changed',
        action='store_true',
        help='leave it if what runs says the same, though it has another version',
    )
    add_change(parser)


def add_store(parser: argparse.ArgumentParser) -> None:
    """Add where the configurations of this robot are."""
    parser.add_argument(
        '--store',
        default=os.environ.get('XPARO_CONFIGURATION', DEFAULT_STORE),
        metavar='DIR',
        help='the folder of configurations that the bridge was started with: config:=DIR '
        '(default: $XPARO_CONFIGURATION, or %(default)s)',
    )


def add_change(parser: argparse.ArgumentParser) -> None:
    """Add how the change-over is done."""
    parser.add_argument('--now', action='store_true', help='also while something moves the robot')
    parser.add_argument(
        '--offline', action='store_true', help='do not ask for a connection to hold the trial'
    )
    parser.add_argument('--within', type=positive, metavar='S', help='how long the trial may take')
    parser.add_argument('--no-wait', action='store_true', help='do not wait for how it ends')


def run(options: argparse.Namespace) -> int:
    """Apply it; an exit code: 1 if the robot goes on with the configuration before."""
    store = Store(Path(options.store).expanduser())
    with contextlib.ExitStack() as stack:
        return _apply(store, _path(options.bundle, stack), options)


def _path(argument: str, stack: contextlib.ExitStack) -> Path:
    """Return where a bundle is; one of the standard input is kept for the time of the stack."""
    if argument != '-':
        return Path(argument).expanduser()
    content = sys.stdin.buffer.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise BundleError(f'standard input: over {MAX_BYTES} bytes')
    file = stack.enter_context(tempfile.NamedTemporaryFile(prefix='xparo_', suffix='.tar'))
    file.write(content)
    file.flush()
    return Path(file.name)


def _apply(store: Store, path: Path, options: argparse.Namespace) -> int:
    state = store.state
    current = _current(store, state)
    robot = current.robot if current else options.robot
    if is_fleet(path):
        bundle = _of_folder(path, robot, state)
        options.if_changed = True
    else:
        bundle = Bundle.read(path)
    robot = robot or bundle.manifest.robot
    if options.robot and options.robot != robot:
        raise UsageError(f'this robot is {robot}, not {options.robot}')
    trusted = [*store.trusted_keys(), *(current.keys if current else ())]
    if options.signed and not trusted:
        raise NotTrusted('this robot has no trusted_keys, so no signature can be believed')
    check(
        bundle,
        robot=robot,
        trusted_keys=trusted,
        version=state.highest,
        now=datetime.now(UTC),
    )
    if (
        current
        and state.state == APPLIED
        and current.is_same(state.current, bundle, version=not options.if_changed)
    ):
        print(f'{state.current} is applied already')
        return 0
    if bundle.manifest.version == state.highest and not _known(state, bundle):
        raise BundleError(
            f'version {state.highest} was another configuration; versions only go up'
        )
    release = store.stage(bundle)
    try:
        within = _checked(store, release, robot)
    except ConfigurationError:
        store.drop(release)
        raise
    return change_to(store, release, options, within)


def _of_folder(path: Path, robot: str | None, state: StoreState) -> Bundle:
    """Make the bundle of this robot from a fleet's folder; nobody has signed it."""
    if not robot:
        raise UsageError('expected the name of this robot: --robot NAME')
    version = max(int(time.time()), state.highest + 1)
    return bundles_of(FleetFolder(path), [robot], version=version)[robot]


def change_to(store: Store, release: str, options: argparse.Namespace, within: float) -> int:
    """Have the bridge change over to a release, and wait for how that ends; an exit code."""
    within = options.within or within
    pid = store.bridge()
    if pid is None:
        store.begin_trial(release, within, {'offline': options.offline})
        print(f'{release}: no bridge runs from {store.path}; it is on trial at the next start')
        return 0
    store.apply(Pending(release, within, options.now, options.offline))
    try:
        os.kill(pid, signal.SIGHUP)
    except ProcessLookupError:
        print(f'{release}: the bridge, process {pid}, has ended; it is taken at the next start')
        return 0
    except PermissionError:
        print(f'{release}: it is taken once the bridge, process {pid}, is asked to: {_ASK}')
    else:
        print(f'{release}: asked the bridge, process {pid}')
    if options.no_wait:
        return 0
    return _wait(store, release, within)


def _wait(store: Store, release: str, within: float) -> int:
    end = None
    while True:
        state = store.state
        if state.pending is None and state.trial is None:
            if state.current == release and state.state == APPLIED:
                print(f'{release}: applied')
                return 0
            print(f'{state.state}: {state.reason}', file=sys.stderr)
            print(f'the robot goes on with {state.current}', file=sys.stderr)
            return 1
        if state.trial is not None and end is None:
            print(f'{release}: on trial for {within:g} s')
            end = time.monotonic() + within + _GRACE
        if end is not None and time.monotonic() > end:
            print('the bridge does not say how the trial ended', file=sys.stderr)
            return 1
        time.sleep(_LOOK)


class _Current:
    """What a configuration that counts says of applying another; `is_whole` as it was made."""

    def __init__(self, store: Store, release: str, *, is_whole: bool = True) -> None:
        folder = store.folder(release)
        if is_whole:
            manifest = Bundle.read(folder).manifest
        else:
            try:
                manifest = Manifest.from_bytes((folder / MANIFEST).read_bytes())
            except OSError as error:
                raise BundleError(f'{folder / MANIFEST}: {error.strerror}') from error
        self.release = release if is_whole else ''
        self.robot = manifest.robot
        self._manifest = manifest
        self.keys: list[str] = []
        try:
            member = of_bundle(folder)
            self.keys = member.configuration['rollout']['trusted_keys']
        except ConfigurationError as error:
            if error.rest is not None:
                self.keys = error.rest['rollout']['trusted_keys']

    def is_same(self, release: str, bundle: Bundle, *, version: bool) -> bool:
        """Whether it is the release, as it was made, and says what a bundle says."""
        mine, other = self._manifest, bundle.manifest
        same = not version and mine.content and mine.content == other.content
        return self.release == release and bool(same or mine.hash == other.hash)


def _current(store: Store, state: StoreState) -> _Current | None:
    if not state.current:
        return None
    # One that was changed by hand is not believed while one before it is as it was made.
    for release in (state.current, *reversed(state.good)):
        try:
            return _Current(store, release)
        except BundleError:
            continue
    try:
        return _Current(store, state.current, is_whole=False)
    except BundleError:
        return None


def _known(state: StoreState, bundle: Bundle) -> bool:
    name = f'{bundle.manifest.version}-{bundle.hash[:12]}'
    return name in (*state.good, state.current)


def _checked(store: Store, release: str, robot: str) -> float:
    """
    Check a release as a start of the bridge would; how long its trial takes at most, s.

    :raises ConfigurationError: with all that is wrong.
    """
    member = of_bundle(store.folder(release), robot)
    problems = Checks().problems(member.configuration)
    if not problems and ros_checking.installed():
        with ros_checking.open_checks() as checks:
            problems = checks.problems(member.configuration)
    if problems:
        raise ConfigurationError(problems)
    return float(member.configuration['rollout']['confirm_within'])

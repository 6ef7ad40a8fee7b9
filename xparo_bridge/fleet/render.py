# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""`config render`: write the bundle of a robot, or of all, signed if a key is given."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import datetime, timedelta, UTC
from pathlib import Path
import re
import shutil

from ..configuration import ConfigurationError
from ..rollout.bundle import Bundle, is_bundle
from ..rollout.folder import FleetFolder
from ..rollout.making import make_bundle
from ..rollout.manifest import BundleError
from ..rollout.signing import private_key_of, sign, written
from .git import revision_of, version_of
from .subject import folder_of, UsageError

_UNITS = {'h': 'hours', 'd': 'days', 'w': 'weeks'}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.add_argument('robot', metavar='ROBOT', nargs='?', help='its name')
    parser.add_argument(
        '--all',
        action='store_true',
        help='the bundles of all robots, as ROBOT.tar in the folder of --output',
    )
    parser.add_argument('--folder', default='.', help='the folder of the fleet')
    parser.add_argument(
        '-o', '--output', required=True, metavar='DIR', help='the folder to write, or a file.tar'
    )
    parser.add_argument(
        '--version',
        type=int,
        help='a whole number that only goes up; by default the time of the last commit, or now',
    )
    parser.add_argument(
        '--key',
        action='append',
        default=[],
        metavar='FILE',
        help='a private key to sign with, of openssl genpkey -algorithm ed25519; may be repeated',
    )
    parser.add_argument(
        '--expires', metavar='TIME', help='how long it may be applied, such as 12h, 30d or 8w'
    )


def run(options: argparse.Namespace) -> int:
    """Write the bundle, or those of all robots; an exit code."""
    if bool(options.robot) == options.all:
        raise UsageError('expected the name of a robot, or --all')
    folder = folder_of(options.folder)
    keys = [private_key_of(Path(file).expanduser()) for file in options.key]
    output = Path(options.output).expanduser()
    made = {
        name: sign(bundle, keys)
        for name, bundle in bundles_of(
            folder,
            folder.names if options.all else [options.robot],
            version=options.version,
            expires=options.expires,
        ).items()
    }
    if options.all:
        _write_all(output, made)
    else:
        _write(output, made[options.robot])
    for key in keys:
        print(f'signed by the key whose public part is {written(key.public_key())}')
    return 0


def _write(output: Path, bundle: Bundle) -> None:
    if output.is_dir():
        if any(output.iterdir()) and not is_bundle(output):
            raise UsageError(f'{output}: there is something else in this folder')
        shutil.rmtree(output)
    bundle.write(output)
    manifest = bundle.manifest
    print(f'{output}: {manifest.robot} version {manifest.version}, hash {bundle.hash[:12]}')


def _write_all(output: Path, made: dict[str, Bundle]) -> None:
    """Write ROBOT.tar for each, and leave none of a robot that is no longer there."""
    output.mkdir(parents=True, exist_ok=True)
    gone = [path for path in output.iterdir() if path.name not in {f'{name}.tar' for name in made}]
    for path in gone:
        try:
            robot = Bundle.read(path).manifest.robot
        except BundleError:
            robot = ''
        if path.name != f'{robot}.tar':
            raise UsageError(f'{path}: expected a folder of nothing but bundles')
    for path in gone:
        path.unlink()
    for name, bundle in made.items():
        _write(output / f'{name}.tar', bundle)


def bundles_of(
    folder: FleetFolder,
    robots: Sequence[str],
    *,
    version: int | None = None,
    expires: str | None = None,
    made_from: str | None = None,
) -> dict[str, Bundle]:
    """
    Return the bundles of robots, not signed.

    :raises ConfigurationError: with all that is wrong with the configuration of any.
    """
    revision = revision_of(folder.path)
    made_at, by_time = version_of(revision)
    now = datetime.now(UTC).replace(microsecond=0)
    made: dict[str, Bundle] = {}
    problems: dict[str, str] = {str(problem): problem for problem in folder.problems}
    for robot in robots:
        try:
            member = folder.member(robot)
        except ConfigurationError as error:
            problems |= {str(problem): problem for problem in error.problems}
            continue
        made[robot] = make_bundle(
            member,
            folder.path,
            version=by_time if version is None else version,
            made_from=revision.words if made_from is None else made_from,
            made_at=made_at,
            expires=now + _duration(expires) if expires else None,
        )
    if problems:
        raise ConfigurationError(list(problems.values()))
    return made


def _duration(text: str) -> timedelta:
    match = re.fullmatch(r'(\d+)([hdw])', text)
    if not match:
        raise UsageError(f'--expires {text}: expected a time such as 12h, 30d or 8w')
    return timedelta(**{_UNITS[match[2]]: int(match[1])})

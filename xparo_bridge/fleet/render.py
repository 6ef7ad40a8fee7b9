# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""`config render`: write the bundle of a robot, signed if a key is given."""

from __future__ import annotations

import argparse
from datetime import datetime, timedelta, UTC
from pathlib import Path
import re
import shutil

from ..rollout.bundle import Bundle, is_bundle
from ..rollout.folder import FleetFolder
from ..rollout.making import make_bundle
from ..rollout.signing import private_key_of, sign, written
from .git import revision_of
from .subject import folder_of, UsageError

_UNITS = {'h': 'hours', 'd': 'days', 'w': 'weeks'}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.add_argument('robot', metavar='ROBOT', help='its name')
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
    """Write the bundle; an exit code."""
    bundle = bundle_of(
        folder_of(options.folder), options.robot, version=options.version, expires=options.expires
    )
    keys = [private_key_of(Path(file).expanduser()) for file in options.key]
    bundle = sign(bundle, keys)
    output = Path(options.output).expanduser()
    if output.is_dir():
        if any(output.iterdir()) and not is_bundle(output):
            raise UsageError(f'{output}: there is something else in this folder')
        shutil.rmtree(output)
    bundle.write(output)
    manifest = bundle.manifest
    print(f'{output}: {manifest.robot} version {manifest.version}, hash {bundle.hash[:12]}')
    for key in keys:
        print(f'signed by the key whose public part is {written(key.public_key())}')
    return 0


def bundle_of(
    folder: FleetFolder, robot: str, *, version: int | None = None, expires: str | None = None
) -> Bundle:
    """
    Return the bundle of a robot, not signed.

    :raises ConfigurationError: with all that is wrong with its configuration.
    """
    revision = revision_of(folder.path)
    now = datetime.now(UTC).replace(microsecond=0)
    made_at = revision.time if revision.time is not None and not revision.changed else now
    return make_bundle(
        folder.member(robot),
        folder.path,
        version=int(made_at.timestamp()) if version is None else version,
        made_from=revision.words,
        made_at=made_at,
        expires=now + _duration(expires) if expires else None,
    )


def _duration(text: str) -> timedelta:
    match = re.fullmatch(r'(\d+)([hdw])', text)
    if not match:
        raise UsageError(f'--expires {text}: expected a time such as 12h, 30d or 8w')
    return timedelta(**{_UNITS[match[2]]: int(match[1])})

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""`config test`: run the folder's own tests, without a robot and on no network."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
import json
import sys
from typing import Any

from ..configuration import ConfigurationError
from ..rollout.folder import FleetFolder, Member
from .ros_checking import installed
from .subject import folder_of, UsageError
from .test_cases import read_cases


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.add_argument('folder', metavar='FOLDER', help='the folder of the fleet')
    parser.add_argument('--robot', action='append', help='only this robot; may be repeated')
    parser.add_argument('--all', action='store_true', help='also robots that are alike')
    parser.add_argument('-v', '--verbose', action='store_true', help='name each test')


def run(options: argparse.Namespace) -> int:
    """Run the tests and print how they ended; an exit code."""
    if not installed():
        raise UsageError('the tests run a whole bridge, and ROS is not installed here')
    from . import harness

    folder = folder_of(options.folder)
    files, problems = read_cases(folder)
    for problem in problems:
        print(problem, file=sys.stderr)
    count = failed = 0
    took = 0.0
    for file in files:
        for member in _members(folder, file.robots, options):
            for outcome in harness.run_file(member, file):
                count += 1
                took += outcome.milliseconds
                failed += bool(outcome.missing)
                if outcome.missing or options.verbose:
                    verdict = 'FAILED' if outcome.missing else 'ok'
                    print(
                        f'{outcome.case.place}: {member.name}: {outcome.case.name}: {verdict}, '
                        f'{outcome.milliseconds:.0f} ms'
                    )
                for text in outcome.missing:
                    print(f'    {text}')
    print(f'{count} tests, {failed} failed, {took:.0f} ms')
    return 1 if failed or problems else 0


def _members(folder: FleetFolder, names: Any, options: argparse.Namespace) -> Iterator[Member]:
    """Yield the robots of a file of tests; of those that differ by their names only the first."""
    seen: set[str] = set()
    for name in names:
        if options.robot and name not in options.robot:
            continue
        try:
            member = folder.member(name)
        except ConfigurationError as error:
            raise ConfigurationError(error.problems) from None
        data = {**member.configuration.data, 'robot_id': ''}
        alike = json.dumps(data, sort_keys=True, default=str).replace(name, '${robot_id}')
        if alike not in seen or options.all:
            seen.add(alike)
            yield member

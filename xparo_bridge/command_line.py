# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What arguments of its own the program `bridge` takes, and its help."""

from __future__ import annotations

import argparse
from typing import NoReturn

from . import __version__
from .argument_types import Parser
from .exit_codes import FAILED, STOPPED, WRONG_CONFIGURATION, WRONG_USAGE

_DESCRIPTION = 'Link this robot to its platform.'
_EPILOG = f"""\
The configuration and the robot's name are ROS parameters:

  ros2 launch xparo_bridge bridge.launch.py config:=/etc/xparo/robot.yaml
  ros2 run xparo_bridge bridge --ros-args -p config:="[bridge.yaml, commands.yaml, ./robot.yaml]"

A name without a folder is one of the package's own files. XPARO_SECRET_KEY and XPARO_PROJECT_ID
are taken from the environment.

exit codes: {STOPPED} told to stop, {FAILED} failed, {WRONG_USAGE} wrong arguments,
{WRONG_CONFIGURATION} wrong configuration or credentials: to start again is of no use
"""


def files_to_check(own: list[str]) -> tuple[list[str], bool] | None:
    """
    Return the files that the arguments want checked and whether alone; None for a start.

    It ends the program as argparse does.
    """
    made = parser()
    options = made.parse_args(own)
    if options.check is None:
        if options.alone is not None:
            made.error('--alone goes with --check')
        return None
    return [*options.check, *(options.alone or ())], options.alone is not None


def parser() -> argparse.ArgumentParser:
    """Make the parser of the arguments that are not those of ROS."""
    made = _Parser(
        'bridge',
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument('--version', action='version', version=f'xparo_bridge {__version__}')
    made.add_argument(
        '--check',
        nargs='*',
        metavar='FILE',
        help='check configuration files, in layers, as a start would, and end; over those of the '
        'package, as bridge.launch.py has them, unless one of these is named; without files those '
        'of the parameter config',
    )
    made.add_argument(
        '--alone',
        nargs='*',
        metavar='FILE',
        help="with --check: the files alone, not over the package's own",
    )
    return made


class _Parser(Parser):
    def error(self, message: str) -> NoReturn:
        """Say where the files belong that somebody gave as an argument."""
        hint = (
            ''
            if '--check' in message
            else ('; configuration files are given with --ros-args -p config:="[…]", see --help')
        )
        super().error(message + hint)

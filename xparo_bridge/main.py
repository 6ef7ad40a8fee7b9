# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The program `bridge`: its command line, its start, its end, and what its exit code says.

Nothing is imported here that takes time, so that a signal or `--help` need not wait for it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
import os
import signal
import sys

from . import __version__
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


def main(args: list[str] | None = None) -> int:
    """Run the bridge until SIGINT or SIGTERM, or do what the command line says; an exit code."""
    # While this is loaded there is nothing to be ended with care, and no traceback to be shown.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: os._exit(STOPPED))
    own, ros = split_ros_arguments(sys.argv[1:] if args is None else args)
    options = _parser().parse_args(own)
    from . import process

    if options.check is not None:
        return process.check(options.check, ros)
    return process.run(ros)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        'bridge',
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument('--version', action='version', version=f'xparo_bridge {__version__}')
    parser.add_argument(
        '--check',
        nargs='*',
        metavar='FILE',
        help='check configuration files, in layers, as a start would, and end; without files '
        'those of the parameter config',
    )
    return parser


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        """Say where the files belong that somebody gave as an argument."""
        hint = (
            ''
            if '--check' in message
            else ('; configuration files are given with --ros-args -p config:="[…]", see --help')
        )
        super().error(message + hint)


def split_ros_arguments(args: Sequence[str]) -> tuple[list[str], list[str]]:
    """Part the program's own arguments from those between --ros-args and --, or the end."""
    own: list[str] = []
    ros: list[str] = []
    inside = False
    for argument in args:
        if argument == '--ros-args':
            inside = True
            ros.append(argument)
        elif inside and argument == '--':
            inside = False
            ros.append(argument)
        else:
            (ros if inside else own).append(argument)
    return own, ros


if __name__ == '__main__':
    sys.exit(main())

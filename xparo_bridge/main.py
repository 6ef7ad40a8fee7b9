# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The program `bridge`: its command line, its start, its end, and what its exit code says.

Nothing is imported here that takes time, so that a signal or `--help` need not wait for it.
"""

from __future__ import annotations

from collections.abc import Sequence
import os
import signal
import sys

from .closed_output import ends_with_its_reader
from .exit_codes import STOPPED


@ends_with_its_reader
def main(args: list[str] | None = None) -> int:
    """Run the bridge until SIGINT or SIGTERM, or do what the command line says; an exit code."""
    # While this is loaded there is nothing to be ended with care, and no traceback to be shown.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: os._exit(STOPPED))
    own, ros = split_ros_arguments(sys.argv[1:] if args is None else args)
    check = None
    if own:
        # Only here: 0.4 MB, and most starts have none.
        from .command_line import files_to_check

        check = files_to_check(own)
    from . import process

    return process.run(ros) if check is None else process.check(*check, ros)


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

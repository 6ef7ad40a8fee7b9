# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The executable `check_tree`: what is wrong with these tree files, on this robot.

As behavior/linter.py, with `--config FILE...` for the node types, commands and places of a robot's
configuration, and `--nav2=robot` for the release of Nav2 whose interfaces are installed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
import sys
from typing import Any

from ...closed_output import ends_with_its_reader
from ...configuration import ConfigurationError, load
from ...json_reader import read_own
from ...rollout.source import layered, lies_over
from ...share import share
from .. import linter
from ..nav2 import RELEASES
from .commands_on_paper import CommandsOnPaper
from .robot_registry import nav2_release, robot_registry


@ends_with_its_reader
def main(argv: Sequence[str] | None = None) -> int:
    """Check the files named on the command line and return the exit code."""
    parser = linter.parser((*RELEASES, 'all', 'robot'))
    parser.add_argument(
        '--config',
        action='append',
        default=[],
        metavar='FILE',
        help="a configuration file of the robot's, over the package's own: its node types, "
        'commands and places; may be given more than once',
    )
    parser.add_argument(
        '--alone', action='store_true', help="take these files without the package's own"
    )
    options = parser.parse_args(argv)
    nodes: dict[str, Any] = {}
    commands = None
    if options.config:
        # Of the configuration only the trees matter; a linter needs no links.
        schema = read_own(share('config', 'schema.json').read_bytes())
        del schema['required']
        names = layered(options.config, alone=options.alone)
        if len(names) != len(options.config):
            print(lies_over(options.config))
        try:
            settings = load([_file(name) for name in names], schema)
            nodes = settings['trees']['nodes']
            # A robot without commands has its own in a file that was not named.
            commands = CommandsOnPaper(settings) if settings['commands'] else None
        except ConfigurationError as error:
            print(error, file=sys.stderr)
            return 2
    registry, problems = robot_registry('/xparo_bridge', nodes, commands=commands, stubs=True)
    for path, text in problems:
        print(f'trees.nodes.{".".join(path)}: {text}', file=sys.stderr)
    if options.nav2 == 'robot':
        options.nav2 = nav2_release() or 'all'
    return 2 if problems else linter.check(options, registry)


def _file(name: str) -> Path:
    """A name without a folder is the package's own file, where there is one, as for the bridge."""
    own = share('config', name)
    return own if '/' not in name and own.is_file() else Path(name)


if __name__ == '__main__':
    sys.exit(main())

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The executable `config`: what one does with configurations, by verbs. docs/fleet.md has them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module
import sys

from ..argument_types import Parser
from ..closed_output import ends_with_its_reader
from ..errors import BridgeError
from .subject import UsageError

OK, WRONG, USAGE = 0, 1, 2
# Each is a module with add_arguments(parser) and run(options), which returns an exit code.
VERBS = {
    'check': 'say all that is wrong',
    'explain': 'say where each value of a robot came from',
    'diff': 'say what differs between robots, revisions, or from what a robot runs',
    'test': "run the folder's own tests, without a robot",
    'render': 'write the one configuration of a robot',
    'apply': 'give this robot a configuration, which is taken back unless it holds',
    'pull': 'fetch the configuration of this robot from a git tag, verify and apply it',
    'undo': 'let this robot go back to the configuration before',
    'status': 'say which configuration this robot has, or each robot of a fleet, and what drifts',
    'plan': 'say what a rollout would do: its waves, what changes, who is behind',
    'inventory': "print a fleet's folder as an inventory of Ansible",
    'schema': 'print the JSON Schema of configuration files, for editors',
    'migrate': 'bring older files to the form of today, comments kept',
}
_EPILOG = """\
exit codes: 0 all is well, 1 something is wrong (or differs), 2 wrong arguments
"""


@ends_with_its_reader
def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says; an exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = Parser(
        'config',
        description='Check, explain, compare, test and render the configuration of robots.',
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest='verb', metavar='VERB', required=True)
    # Only the module of the verb that is asked for is loaded.
    asked = next((argument for argument in arguments if not argument.startswith('-')), '')
    for verb, purpose in VERBS.items():
        added = verbs.add_parser(verb, help=purpose, description=purpose)
        if verb == asked:
            import_module(f'.{verb}', __package__).add_arguments(added)
    options = parser.parse_args(arguments)
    try:
        code: int = import_module(f'.{options.verb}', __package__).run(options)
    except UsageError as error:
        print(f'config {options.verb}: {error}', file=sys.stderr)
        return USAGE
    except BridgeError as error:
        print(error, file=sys.stderr)
        return WRONG
    return code


if __name__ == '__main__':
    sys.exit(main())

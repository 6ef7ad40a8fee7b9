# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The executable `local_platform`: the platform on this machine, and its command line."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
import errno
import os
from pathlib import Path
import sys
from typing import Any

from websockets.exceptions import WebSocketException

from ..argument_types import host, not_negative, Parser, port
from ..closed_output import ends_with_its_reader
from ..json_reader import read_json
from . import keyboard_teleop, platform_records, platform_serving, platform_tables
from . import platform_verbs as verbs
from .key_arguments import add_key
from .platform_client import OperatorError

DESCRIPTION = """\
The XPARO platform's documented WebSocket API on this machine, for robots without an account.
Without a verb it serves; the other verbs talk to the one that serves."""

EXAMPLES = """\
examples:
  local_platform                                        serve on ws://127.0.0.1:8765
  local_platform send start_navigation --goal table_4 --wait
  local_platform send start_navigation --goal '{"x": 1.0, "y": 4.0}'
  local_platform cancel cmd-1f0c2b8a9e10
  local_platform chat "Please come to the kitchen"
  local_platform push-tree patrol.xml
  local_platform watch --no-telemetry
  local_platform people add anna --role operator
  eval "$(ros2 run xparo_bridge local_platform completion)"   then Tab completes: xparo …
  local_platform export telemetry --format csv > telemetry.csv"""


@ends_with_its_reader
def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; exit code 0, 1 if it failed, 2 for wrong arguments, 130 on Ctrl-C."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or (arguments[0].startswith('-') and arguments[0] not in ('-h', '--help')):
        arguments.insert(0, 'serve')
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if options.verb == 'send':
        try:
            refuse_forgotten(arguments, rest)
            options.parameters = {**options.parameters, **parameters(rest)}
        except ValueError as error:
            parser.error(str(error))
    elif rest:
        parser.error(f'unknown arguments: {" ".join(rest)}')
    try:
        code: int = asyncio.run(options.run(options))
        return code
    except KeyboardInterrupt:
        return 130
    except (OperatorError, TimeoutError) as error:
        print(f'local_platform: {error}', file=sys.stderr)
    except ConnectionRefusedError:
        print(
            f'local_platform: nobody listens on {options.host}:{options.port}; start the '
            'platform first: local_platform serve',
            file=sys.stderr,
        )
    except BrokenPipeError:
        raise  # Perhaps of an output that nobody reads any more.
    except OSError as error:
        said = f'{error}'
        if error.errno == errno.EADDRINUSE:
            said = (
                f'port {options.port} is in use, perhaps by another local_platform or by the '
                'demo; end that one, or name a free port: --port 0 takes any'
            )
        print(f'local_platform: {said}', file=sys.stderr)
    except WebSocketException as error:
        print(
            f'local_platform: {options.host}:{options.port} turned us down ({error}); '
            'is the secret key or the project another?',
            file=sys.stderr,
        )
    return 1


def parameters(arguments: Sequence[str]) -> dict[str, Any]:
    """
    Command parameters of `--key value`, `--key=value` and `--flag` (true).

    A value that is JSON is taken as such, any other as text; ValueError for anything else.
    """
    found: dict[str, Any] = {}
    key = ''
    for argument in arguments:
        if argument.startswith('--') and len(argument) > 2:
            key, equals, value = argument[2:].partition('=')
            key = key.replace('-', '_')
            found[key] = _value(value) if equals else True
            key = '' if equals else key
        elif key:
            found[key] = _value(argument)
            key = ''
        else:
            raise ValueError(f'"{argument}" is no parameter; write --name value')
    return found


def refuse_forgotten(arguments: Sequence[str], rest: Sequence[str]) -> None:
    """
    Refuse a parameter whose value was forgotten, so that an option of this program follows it.

    `rest` are the arguments that are no options of this program.
    """
    for argument, following in zip(arguments, arguments[1:], strict=False):
        if argument in rest and argument.startswith('--') and '=' not in argument:
            if following.startswith('--') and following not in rest:
                raise ValueError(
                    f'{argument} has no value, as {following} follows; write {argument} VALUE, or '
                    f'{argument}=true for one that is switched on'
                )


def _some_text(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError('expected text that is not empty; leave it out')
    return text


def _object(text: str) -> dict[str, Any]:
    try:
        value = read_json(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f'expected a JSON object, not {text}')
    return value


def _value(text: str) -> Any:
    try:
        return read_json(text)
    except ValueError:
        return text


def _parser() -> argparse.ArgumentParser:
    common = Parser(add_help=False)
    group = common.add_argument_group('platform')
    group.add_argument('--host', type=host, default='127.0.0.1', help='address [%(default)s]')
    group.add_argument('--port', type=port, default=8765, help='TCP port [%(default)s]')
    add_key(group)
    group.add_argument(
        '--token',
        default=os.environ.get('XPARO_OPERATOR_TOKEN', ''),
        help='your token as an operator, in place of the secret key [$XPARO_OPERATOR_TOKEN]',
    )
    robot = Parser(add_help=False)
    robot.add_argument('--robot', metavar='ID', help='which robot, if more than one is connected')

    parser = Parser(
        'local_platform',
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parsers = parser.add_subparsers(dest='verb', metavar='VERB', required=True)

    def verb(
        name: str, run: Any, summary: str, *parents: Parser, **options: Any
    ) -> argparse.ArgumentParser:
        added = parsers.add_parser(
            name,
            help=summary,
            description=summary,
            parents=[*parents, common],
            allow_abbrev=False,
            **options,
        )
        added.set_defaults(run=run)
        return added

    platform_serving.add_arguments(
        verb('serve', platform_serving.serve, 'serve robots and operators (the default)')
    )
    send = verb(
        'send',
        verbs.send,
        'send a remote command',
        robot,
        usage='local_platform send COMMAND [--NAME VALUE ...] [options]',
        epilog='Every other --NAME VALUE is a parameter of the command: JSON where it is '
        'that, else text.',
    )
    send.add_argument('command', metavar='COMMAND', help='such as start_navigation')
    send.add_argument(
        '--parameters',
        type=_object,
        default={},
        metavar='JSON',
        help='parameters as an object, for names that are options here',
    )
    send.add_argument('--id', metavar='ID', type=_some_text, help='command_id [made]')
    send.add_argument(
        '--wait',
        action='store_true',
        help='follow it to its end; exit code 0 only if it succeeded',
    )
    send.add_argument(
        '--timeout',
        type=not_negative,
        default=600.0,
        metavar='SECONDS',
        help='how long to wait [%(default)g]',
    )

    cancel = verb('cancel', verbs.cancel, 'cancel a command, and say what came of it', robot)
    cancel.add_argument('id', metavar='ID', help='the command_id that send printed')
    chat = verb('chat', verbs.chat, 'say something to a robot', robot)
    chat.add_argument('text', metavar='TEXT')
    chat.add_argument(
        '--wait',
        type=not_negative,
        default=3.0,
        metavar='SECONDS',
        help='for what the robot says to that [%(default)g]',
    )
    push = verb('push-tree', verbs.push_tree, 'push a behaviour tree', robot)
    push.add_argument('file', type=Path, metavar='FILE', help='BehaviorTree.CPP XML')
    push.add_argument('--name', help='tree_name [the name of the file]')
    push.add_argument(
        '--wait',
        action='store_true',
        help='follow it to its end; exit code 0 only if it succeeded',
    )
    push.add_argument(
        '--timeout',
        type=not_negative,
        default=600.0,
        metavar='SECONDS',
        help='how long to wait [%(default)g]',
    )
    platform_tables.add_verbs(verb, robot)
    keyboard_teleop.add_verb(verb, robot)
    watch = verb('watch', verbs.watch, 'print everything that happens', robot)
    watch.add_argument(
        '--since',
        type=int,
        metavar='SEQ',
        help='begin after event SEQ, 0 for all that is kept [now]',
    )
    watch.add_argument(
        '--no-telemetry',
        action='store_true',
        help='leave telemetry out, that of an outage too, and pings',
    )
    watch.add_argument(
        '--only',
        action='append',
        metavar='NAME',
        help='only events or messages of this kind, such as command_status, or this value of '
        'the telemetry, such as pose; may be repeated',
    )
    watch.add_argument(
        '--all',
        action='store_true',
        help='everything as it comes, also telemetry that has not changed, and pings',
    )
    watch.add_argument('--json', action='store_true', help='events as JSON lines')
    verb('completion', verbs.completion, "print the shell's completion of all executables")
    platform_records.add_verbs(verb, robot, verbs.connect)
    return parser


if __name__ == '__main__':
    sys.exit(main())

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The executable `local_platform`: the platform on this machine, and its command line."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
import contextlib
import json
import os
from pathlib import Path
import signal
import sys
import time
from typing import Any

from websockets.exceptions import WebSocketException

from .platform_client import Event, OperatorClient, OperatorError, Predicate
from .platform_frames import make
from .platform_server import PlatformServer, ROBOT_PATH
from .tree_view import TreeView

# How long to wait for the first that a robot says to an order, s.
_FIRST_WORDS = 3.0
_GOING_ON = ('accepted', 'running', 'paused', 'checking', 'waiting', 'stopping')
_PING = make('ping')

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
  local_platform watch --no-telemetry"""


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
    except OSError as error:
        print(f'local_platform: {error}', file=sys.stderr)
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


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    group = common.add_argument_group('platform')
    group.add_argument('--host', default='127.0.0.1', help='address [%(default)s]')
    group.add_argument('--port', type=int, default=8765, help='TCP port [%(default)s]')
    group.add_argument(
        '--secret-key',
        default=os.environ.get('XPARO_SECRET_KEY', 'demo'),
        metavar='KEY',
        help='secret key [$XPARO_SECRET_KEY or demo]',
    )
    group.add_argument(
        '--project-id',
        default=os.environ.get('XPARO_PROJECT_ID', 'demo'),
        metavar='ID',
        help='project [$XPARO_PROJECT_ID or demo]',
    )
    robot = argparse.ArgumentParser(add_help=False)
    robot.add_argument('--robot', metavar='ID', help='which robot, if more than one is connected')

    parser = argparse.ArgumentParser(
        'local_platform',
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest='verb', metavar='VERB', required=True)

    def verb(
        name: str, run: Any, summary: str, *parents: argparse.ArgumentParser, **options: Any
    ) -> argparse.ArgumentParser:
        added = verbs.add_parser(
            name,
            help=summary,
            description=summary,
            parents=[*parents, common],
            allow_abbrev=False,
            **options,
        )
        added.set_defaults(run=run)
        return added

    serve = verb('serve', _serve, 'serve robots and operators until Ctrl-C (the default)')
    serve.add_argument(
        '--ping-interval',
        type=float,
        default=15.0,
        metavar='SECONDS',
        help='how often robots are pinged [%(default)g]',
    )
    serve.add_argument(
        '--record',
        type=Path,
        metavar='FILE',
        help='append everything that happens to FILE, a JSON object a line',
    )

    send = verb(
        'send',
        _send,
        'send a remote command',
        robot,
        usage='local_platform send COMMAND [--NAME VALUE ...] [options]',
        epilog='Every other --NAME VALUE is a parameter of the command: JSON where it is '
        'that, else text.',
    )
    send.add_argument('command', metavar='COMMAND', help='such as start_navigation')
    send.add_argument(
        '--parameters',
        type=json.loads,
        default={},
        metavar='JSON',
        help='parameters as an object, for names that are options here',
    )
    send.add_argument('--id', metavar='ID', help='command_id [made]')
    send.add_argument(
        '--wait',
        action='store_true',
        help='follow it to its end; exit code 0 only if it succeeded',
    )
    send.add_argument(
        '--timeout',
        type=float,
        default=600.0,
        metavar='SECONDS',
        help='how long to wait [%(default)g]',
    )

    cancel = verb('cancel', _cancel, 'cancel a command, and say what came of it', robot)
    cancel.add_argument('id', metavar='ID', help='the command_id that send printed')
    chat = verb('chat', _chat, 'say something to a robot', robot)
    chat.add_argument('text', metavar='TEXT')
    push = verb('push-tree', _push_tree, 'push a behaviour tree', robot)
    push.add_argument('file', type=Path, metavar='FILE', help='BehaviorTree.CPP XML')
    push.add_argument('--name', help='tree_name [the name of the file]')
    push.add_argument(
        '--wait',
        action='store_true',
        help='follow it to its end; exit code 0 only if it succeeded',
    )
    push.add_argument(
        '--timeout',
        type=float,
        default=600.0,
        metavar='SECONDS',
        help='how long to wait [%(default)g]',
    )
    verb('robots', _robots, 'list the robots')
    watch = verb('watch', _watch, 'print everything that happens', robot)
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
        metavar='KIND',
        help='only events or messages of this kind, such as command_status; may be repeated',
    )
    watch.add_argument('--json', action='store_true', help='events as JSON lines')
    return parser


def _connect(options: argparse.Namespace, since: int | None = None) -> Any:
    return OperatorClient.connect(
        options.host, options.port, options.secret_key, options.project_id, since=since
    )


async def _serve(options: argparse.Namespace) -> int:
    with contextlib.ExitStack() as stack:
        record = None
        if options.record:
            record = stack.enter_context(options.record.open('a', encoding='utf-8'))
        server = PlatformServer(
            options.secret_key,
            options.project_id,
            ping_interval=options.ping_interval,
            record=record,
        )
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        port = await server.start(options.host, options.port)
        host = f'[{options.host}]' if ':' in options.host else options.host
        print(f'listening on ws://{host}:{port}{ROBOT_PATH}', flush=True)
        await stop.wait()
        await server.stop()
    return 0


async def _send(options: argparse.Namespace) -> int:
    async with await _connect(options) as client:
        keys = {'command_id': options.id} if options.id else {}
        command_id = await client.send_command(
            options.command, options.parameters, options.robot, **keys
        )
        print(f'sent {options.command} as {command_id}', flush=True)
        if options.wait:
            return await _follow(client, command_id, options.timeout)
        return await _first_words(client, _status_of(command_id))


def _status_of(command_id: str) -> Predicate:
    return lambda event: (
        event.get('type') == 'command_status' and event['data']['command_id'] == command_id
    )


def _tree_status(name: str) -> Predicate:
    return lambda event: (
        event.get('type') == 'behavior_status' and event['data']['tree_name'] == name
    )


async def _first_words(client: OperatorClient, predicate: Predicate) -> int:
    """Print the first that the robot says to an order; exit code 1 if it refuses it."""
    try:
        event = await client.wait_for(predicate, _FIRST_WORDS)
    except TimeoutError:
        print(f'the robot has not answered within {_FIRST_WORDS:g} s', flush=True)
        return 0
    print(_line(event), flush=True)
    return 1 if event['data']['state'] in ('rejected', 'failed') else 0


async def _follow(client: OperatorClient, command_id: str, timeout: float) -> int:
    """Print the command's status until it ends."""
    return await _to_the_end(
        client,
        _status_of(command_id),
        timeout,
        f'the robot goes on with it; to stop that: local_platform cancel {command_id}',
    )


async def _to_the_end(
    client: OperatorClient, predicate: Predicate, timeout: float, goes_on: str
) -> int:
    """Print each status until a last one, for so long in all, s."""
    since = 0
    end = time.monotonic() + timeout
    try:
        while True:
            left = max(end - time.monotonic(), 0.0)
            event = await client.wait_for(predicate, left, since=since)
            since, status = event['seq'], event['data']
            print(_line(event), flush=True)
            if status['state'] not in _GOING_ON:
                return 0 if status['state'] == 'succeeded' else 1
    except TimeoutError:
        raise TimeoutError(f'no end within {timeout:g} s; {goes_on}') from None
    except asyncio.CancelledError:
        print(f'\nlocal_platform: {goes_on}', file=sys.stderr)
        raise


async def _cancel(options: argparse.Namespace) -> int:
    async with await _connect(options) as client:
        command_id = await client.send_command('cancel', {'command_id': options.id}, options.robot)
        return await _first_end(client, command_id)


async def _first_end(client: OperatorClient, command_id: str) -> int:
    """Print how a command that ends at once ended; exit code 1 if it did not succeed."""
    status = _status_of(command_id)
    try:
        event = await client.wait_for(
            lambda event: status(event) and event['data']['state'] not in _GOING_ON, _FIRST_WORDS
        )
    except TimeoutError:
        print(f'the robot has not answered within {_FIRST_WORDS:g} s', flush=True)
        return 0
    print(_line(event), flush=True)
    return 0 if event['data']['state'] == 'succeeded' else 1


async def _chat(options: argparse.Namespace) -> int:
    async with await _connect(options) as client:
        await client.request('chat', robot=options.robot, text=options.text)
        print('said; what the robot answers, if it does, is a chat in `local_platform watch`')
    return 0


async def _push_tree(options: argparse.Namespace) -> int:
    xml = options.file.read_text(encoding='utf-8')
    name = options.name or options.file.stem
    async with await _connect(options) as client:
        await client.request('push_tree', robot=options.robot, name=name, xml=xml)
        print(f'pushed {name}', flush=True)
        if not options.wait:
            return await _first_words(client, _tree_status(name))
        return await _to_the_end(
            client,
            _tree_status(name),
            options.timeout,
            'the tree goes on; to stop the robot: local_platform send stop',
        )


async def _robots(options: argparse.Namespace) -> int:
    async with await _connect(options) as client:
        robots = await client.robots()
    for robot in robots:
        counts = ', '.join(f'{count} {what}' for what, count in robot['counts'].items())
        state = 'connected' if robot['connected'] else 'gone'
        print(f'{robot["robot_id"]:20} {state:10} {counts}')
    if not robots:
        print('no robot has connected yet')
    return 0


async def _watch(options: argparse.Namespace) -> int:
    views: dict[str, TreeView] = {}
    async with await _connect(options, options.since) as client:
        async for event in client.events():
            if options.robot not in (None, event['robot']):
                continue
            if options.no_telemetry and _is_routine(event):
                continue
            if options.only and not {event['event'], event.get('type')} & set(options.only):
                continue
            print(json.dumps(event) if options.json else _line(event), flush=True)
            if event.get('type') == 'behavior_status' and not options.json:
                view = views.setdefault(event['robot'], TreeView())
                # A robot may report nodes of a tree whose beginning was not watched.
                with contextlib.suppress(KeyError, TypeError):
                    for line in view.update(event['data']):
                        print(f'    {line}', flush=True)
    return 0


def _is_routine(event: Event) -> bool:
    """Whether an event is telemetry or a heartbeat."""
    if event.get('type') in ('telemetry', 'telemetry_history', 'pong'):
        return True
    return event['event'] == 'sent' and event.get('frame') == _PING


def _line(event: Event) -> str:
    """One event for people."""
    said = {
        key: value
        for key, value in event.items()
        if key not in ('seq', 'time', 'robot', 'event', 'type', 'data')
    }
    if event.get('type') == 'command_status':
        status = event['data']
        parts = [f'{status["command"]} {status["command_id"]} {status["state"]}']
        parts += [_brief(status[key]) for key in ('progress', 'result', 'error') if key in status]
        text = ' '.join(parts)
    elif event.get('type') == 'behavior_status':
        text = _tree_line(event['data'])
    elif event['event'] == 'received':
        text = f'{event["type"]} {_brief(event["data"])}'
    else:
        text = f'{event["event"]} {_brief(said)}'
    clock = time.strftime('%H:%M:%S', time.localtime(event['time']))
    return f'{clock} {event["robot"]} {text}'


def _tree_line(status: dict[str, Any]) -> str:
    """How a tree stands: its state, how many nodes run, and what is wrong with it."""
    parts = [f'tree {status["tree_name"]} {status["state"]}']
    if status.get('structure'):
        parts.append(f'({len(status["structure"])} nodes)')
    for error in status.get('errors', ()):
        if isinstance(error, dict):
            where = error.get('path') or (f'line {error["line"]}' if error.get('line') else '')
            parts.append(f'{where}: {error.get("message", "")}' if where else error['message'])
    return ' '.join(parts)


def _brief(value: Any, inside: bool = False) -> str:
    """A value in a line; what is within another stands in brackets."""
    if isinstance(value, dict):
        items = ' '.join(f'{key}={_brief(item, True)}' for key, item in value.items())
        return f'{{{items}}}' if inside else items
    if isinstance(value, list) and inside:
        return f'[{", ".join(_brief(item, True) for item in value)}]'
    if isinstance(value, float):
        return f'{value:.4g}'
    if isinstance(value, str):
        return value if value and (not inside or ' ' not in value) else json.dumps(value)
    return json.dumps(value)


if __name__ == '__main__':
    sys.exit(main())

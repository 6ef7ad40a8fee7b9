# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Verbs of `local_platform` that show in a few lines what there is: robots, commands, places."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
import shutil
import sys
import time
from typing import Any

from ..json_reader import read_json
from .event_lines import brief
from .platform_client import OperatorClient, OperatorError
from .platform_store import same_name
from .platform_verbs import connect
from .terminal import Terminal

# How long a robot may take to answer a question, s.
_ANSWER = 3.0
# Up to here the columns of a table are filled with blanks, characters.
_WIDEST = 40


async def robots(options: argparse.Namespace) -> int:
    """Say in a line what each robot does."""
    async with await connect(options) as client:
        robots = await client.robots()
        stands = await asyncio.gather(*(_status(client, robot) for robot in robots))
    terminal = Terminal()
    for robot, stand in zip(robots, stands, strict=True):
        state = 'connected' if robot['connected'] else 'gone'
        terminal.line('  '.join([f'{robot["robot_id"]:16} {state}', *_does(robot, stand)]), state)
    if not robots:
        print('no robot has connected yet')
    return 0


def _does(robot: Mapping[str, Any], stand: Mapping[str, Any] | None) -> list[str]:
    """Say what a robot does, by what it reported and by its answer to `status`."""
    said = []
    telemetry = robot['telemetry'] or {}
    percent = telemetry.get('battery_percentage')
    if isinstance(percent, (int, float)):
        said.append(f'battery {percent:.0f} %')
    pose = telemetry.get('pose')
    if isinstance(pose, dict) and {'x', 'y'} <= pose.keys():
        said.append(f'at {pose["x"]:.1f}, {pose["y"]:.1f}')
    if stand and stand.get('latch'):
        said.append(str(stand['latch']))
    running = [one for one in robot['open'] if one['command'] != 'status']
    for status in running[:3]:
        said.append(f'{status["command"]} {_progress(status)}'.strip())
    if len(running) > 3:
        said.append(f'and {len(running) - 3} more')
    tree = stand.get('tree') if stand else None
    if isinstance(tree, dict):
        said.append(f'tree {tree.get("tree_name")} {tree.get("state")}')
    if not running and not tree and robot['connected'] and stand is not None:
        said.append('idle')
    failure = robot.get('last_failure')
    if failure and not running:
        error = failure.get('error') or {}
        said.append(f'last failure: {failure.get("command")} {error.get("code", "")}'.strip())
    if robot.get('lease'):
        holder = robot['lease'].get('holder')
        said += [f'driven by {holder}'] if holder else []
    count = robot.get('open_connections') or 0
    if count > 1:
        said.append(same_name(count))
    if not robot['connected']:
        said.append(f'last seen {_ago(robot["seen"])}')
    elif stand is None:
        said.append('does not answer')
    return said


def _progress(status: Mapping[str, Any]) -> str:
    progress = status.get('progress') or {}
    said = [f'to {progress["goal"]}'] if progress.get('goal') else []
    if progress.get('rounds'):
        said.append(f'round {progress.get("round")} of {progress["rounds"]}')
    distance = progress.get('distance_remaining')
    if isinstance(distance, (int, float)):
        said.append(f'{distance:.1f} m to go')
    elif not said or status['state'] == 'paused':
        said.append(str(status['state']))
    return ', '.join(said)


def _ago(moment: Any) -> str:
    if not isinstance(moment, (int, float)):
        return 'never'
    passed = max(time.time() - moment, 0.0)
    for seconds, unit in ((86400, 'd'), (3600, 'h'), (60, 'min')):
        if passed >= seconds:
            return f'{passed / seconds:.0f} {unit} ago'
    return f'{passed:.0f} s ago'


async def _status(client: OperatorClient, robot: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What a robot answers to the command `status`; None if it does not."""
    if not robot['connected']:
        return None
    try:
        return await _ask(client, 'status', {}, robot['robot_id'], 'open')
    except OperatorError:  # Not all who look may command.
        return None


async def _ask(
    client: OperatorClient, command: str, parameters: dict[str, Any], robot: str | None, key: str
) -> Mapping[str, Any]:
    """
    Return the result of a command that only asks.

    :raises OperatorError: if the robot refuses it, or its answer does not have the key, or none
        comes.
    """
    command_id = await client.send_command(command, parameters, robot)
    try:
        status = await client.wait_for_status(command_id, timeout=_ANSWER)
    except TimeoutError:
        raise OperatorError(f'{command}: no answer within {_ANSWER:g} s') from None
    if status['state'] != 'succeeded':
        error = status.get('error') or {}
        raise OperatorError(f'{command}: {error.get("message", status["state"])}')
    result: Mapping[str, Any] = status.get('result') or {}
    if key not in result:
        raise OperatorError(f'{command}: the answer has no "{key}"; does its link carry answers?')
    return result


async def commands(options: argparse.Namespace) -> int:
    """List the commands of a robot, each with its parameters."""
    async with await connect(options) as client:
        menu = (await _ask(client, 'list_commands', {}, options.robot, 'commands'))['commands']
    rows = [
        (name, _parameters(one['parameters']), one.get('description') or one['kind'])
        for name, one in sorted(menu.items())
    ]
    table(('command', 'parameters', 'does'), rows)
    return 0


def _parameters(schema: Mapping[str, Any]) -> str:
    """Parameters of a schema as they are written behind `send`, in brackets what may be absent."""
    required = schema.get('required', ())
    said = []
    for name, part in (schema.get('properties') or {}).items():
        values = part.get('enum')
        kind = part.get('type', 'value')
        kinds = '|'.join(kind) if isinstance(kind, list) else str(kind)
        word = f'--{name} {"|".join(map(str, values)) if values else kinds}'
        said.append(word if name in required else f'[{word}]')
    return ' '.join(said)


async def places(options: argparse.Namespace) -> int:
    """List the places that a robot knows."""
    async with await connect(options) as client:
        answer = await _ask(client, 'list_commands', {}, options.robot, 'place_poses')
        found = answer['place_poses']
    rows = [
        (name, *(f'{place[key]:.2f}' for key in ('x', 'y', 'yaw')), place['frame'])
        for name, place in sorted(found.items())
    ]
    table(('place', 'x (m)', 'y (m)', 'yaw (rad)', 'frame'), rows)
    return 0


async def trees(options: argparse.Namespace) -> int:
    """List the behaviour trees that a robot knows."""
    known: list[Mapping[str, Any]] = []
    async with await connect(options) as client:
        after: dict[str, Any] = {}
        while True:
            result = await _ask(client, 'list_trees', after, options.robot, 'trees')
            known += result['trees']
            # So many that one answer does not have them all.
            if not result['trees'] or len(known) >= int(result.get('trees_in_all') or 0):
                break
            after = {'after': result['trees'][-1]['tree_name']}
    rows = [
        (
            tree['tree_name'],
            "the robot's own" if tree['own'] else 'pushed',
            'runs' if tree['running'] else '',
        )
        for tree in known
    ]
    table(('tree', 'from', 'now'), rows)
    return 0


async def audit(options: argparse.Namespace) -> int:
    """Print the audit log of a robot, a line an event."""
    path: Path = options.path
    if path.is_dir():
        path = path / 'audit.jsonl'
    # What was put aside when the file was full comes first.
    for file in [*sorted(path.parent.glob(f'{path.name}.*'), reverse=True), path]:
        with file.open(encoding='utf-8', errors='replace') as lines:
            for line in lines:
                try:
                    event = read_json(line)
                except ValueError:
                    print(f'{file}: not read: {line[:60].strip()}', file=sys.stderr)
                    continue
                if options.only and event.get('event') not in options.only:
                    continue
                if options.json:
                    print(line, end='')
                else:
                    print(_audit_line(event))
    return 0


def _audit_line(event: Mapping[str, Any]) -> str:
    clock = time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(event.get('time', 0)))
    rest = {key: value for key, value in event.items() if key not in ('time', 'event')}
    return f'{clock}  {event.get("event", "?"):10} {brief(rest)}'


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """
    Print rows under a head, each column as wide as what is in it, the last one to the edge.

    What is longer than _WIDEST moves its own row alone.
    """
    widths = [
        min(max(map(len, column)), max(_WIDEST, len(column[0])))
        for column in zip(head, *rows, strict=True)
    ]
    edge = shutil.get_terminal_size((200, 24)).columns
    for row in (head, *rows):
        *first, last = row
        padded = [f'{cell:{width}}' for cell, width in zip(first, widths, strict=False)]
        text = '  '.join([*padded, last]).rstrip()
        print(text if len(text) <= edge or not sys.stdout.isatty() else f'{text[: edge - 1]}…')
    if not rows:
        print('none')


def add_verbs(verb: Any, robot: argparse.ArgumentParser) -> None:
    """Add these verbs to the parser of `local_platform`."""
    verb('robots', robots, 'say in a line what each robot does')
    verb('commands', commands, 'list the commands of a robot', robot)
    verb('places', places, 'list the places that a robot knows', robot)
    verb('trees', trees, 'list the behaviour trees that a robot knows', robot)
    log = verb('audit', audit, 'print the audit log of a bridge, from its folder')
    log.add_argument(
        'path', type=Path, metavar='PATH', help="the bridge's state_dir, or audit.jsonl in it"
    )
    log.add_argument(
        '--only', action='append', metavar='EVENT', help='only events such as command, tree, link'
    )
    log.add_argument('--json', action='store_true', help='events as JSON lines')

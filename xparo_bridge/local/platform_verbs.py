# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Do what one verb of `local_platform` says: an exit code each, 0 for success."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
from pathlib import Path
import shlex
import shutil
import sys
import time
from typing import Any

from ..utf8 import NotUtf8, read_text
from .changes import Changes, of_interest, PERIOD
from .event_lines import event_line, is_heartbeat, is_routine, progress_line
from .platform_client import Event, OperatorClient, OperatorError, Predicate
from .terminal import Terminal
from .tree_view import TreeView

# How long to wait for the first that a robot says to an order, s.
_FIRST_WORDS = 3.0
# What there is to say of robots whose API carries less than all that becomes of an order.
_END_ALONE = 'the robot says how it ended, and nothing before'
_NO_REPORTS = 'the API of the robot carries nothing of what becomes of a command'
_GOING_ON = ('accepted', 'running', 'paused', 'checking', 'waiting', 'stopping')


def connect(options: argparse.Namespace, since: int | None = None) -> Any:
    """Begin to connect to the platform that the options name, as who they say."""
    return OperatorClient.connect(
        options.host,
        options.port,
        options.secret_key,
        options.project_id,
        since=since,
        token=options.token,
    )


async def send(options: argparse.Namespace) -> int:
    """Send a command, and follow it to its end with --wait."""
    async with await connect(options) as client:
        keys = {'command_id': options.id} if options.id else {}
        sent = await _order(client, options, options.command, options.parameters, **keys)
        command_id = str(sent['command_id'])
        Terminal().line(f'sent {options.command} as {command_id}')
        if sent['reports'] == 'nothing':
            print(_NO_REPORTS, flush=True)
            return 1 if options.wait else 0
        if options.wait:
            return await _follow(client, command_id, options.timeout)
        return await _first_words(client, _status_of(command_id), sent['reports'])


async def _order(
    client: OperatorClient,
    options: argparse.Namespace,
    command: str,
    parameters: dict[str, Any],
    **keys: Any,
) -> dict[str, Any]:
    """Send a command; its id, and what the robot's API carries of what becomes of it."""
    result: dict[str, Any] = await client.request(
        'send', command=command, parameters=parameters, robot=options.robot, **keys
    )
    return result


def _status_of(command_id: str) -> Predicate:
    return lambda event: (
        event.get('type') == 'command_status' and event['data']['command_id'] == command_id
    )


def _tree_status(name: str) -> Predicate:
    return lambda event: (
        event.get('type') == 'behavior_status' and event['data']['tree_name'] == name
    )


async def _first_words(client: OperatorClient, predicate: Predicate, reports: str) -> int:
    """Print the first that the robot says to an order; exit code 1 if it refuses it."""
    try:
        event = await client.wait_for(predicate, _FIRST_WORDS)
    except TimeoutError:
        silent = f'the robot has not answered within {_FIRST_WORDS:g} s'
        print(_END_ALONE if reports == 'end' else silent, flush=True)
        return 0
    state = event['data']['state']
    Terminal().line(event_line(event), state)
    return 1 if state in ('rejected', 'failed') else 0


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
    """
    Print how it goes on in a line that moves, and its end, within so long in all, s.

    Where no line can move, each state is a line, and its progress one now and then.
    """
    terminal, said = Terminal(), ''
    since = 0
    end = time.monotonic() + timeout
    try:
        while True:
            left = max(end - time.monotonic(), 0.0)
            event = await client.wait_for(predicate, left, since=since)
            since, state = event['seq'], event['data']['state']
            if state not in _GOING_ON:
                terminal.erase()
                terminal.line(event_line(event), state)
                return 0 if state == 'succeeded' else 1
            if state != said and not terminal.moves:
                terminal.line(event_line(event), state)
            elif terminal.moves and event.get('type') == 'command_status':
                terminal.moving(progress_line(event), state)
            else:
                terminal.moving(event_line(event), state)
            said = state
    except TimeoutError:
        terminal.settle()
        raise TimeoutError(f'no end within {timeout:g} s; {goes_on}') from None
    except asyncio.CancelledError:
        terminal.settle()
        print(f'\nlocal_platform: {goes_on}', file=sys.stderr)
        raise


async def cancel(options: argparse.Namespace) -> int:
    """Cancel a command, and print what came of it."""
    async with await connect(options) as client:
        sent = await _order(client, options, 'cancel', {'command_id': options.id})
        if sent['reports'] == 'nothing':
            print(_NO_REPORTS, flush=True)
            return 0
        return await _first_end(client, str(sent['command_id']))


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
    state = event['data']['state']
    Terminal().line(event_line(event), state)
    return 0 if state == 'succeeded' else 1


async def chat(options: argparse.Namespace) -> int:
    """Say something to a robot; print whether it has it, and what it says to that."""
    terminal = Terminal()
    async with await connect(options) as client:
        said = await client.request('chat', robot=options.robot, text=options.text)
        robot, since = said['robot'], client.seq
        reached = await client.request('reached', robot=robot, timeout=_FIRST_WORDS)
        if not reached['reached']:
            terminal.line(f'{robot} has not confirmed it within {_FIRST_WORDS:g} s')
            return 1
        terminal.line(f'{robot} has it, after {1000.0 * reached["seconds"]:.0f} ms')
        try:
            event = await client.wait_for(
                lambda event: event.get('type') == 'chat' and event['robot'] == robot,
                options.wait,
                since=since,
            )
        except TimeoutError:
            terminal.line(f'{robot} said nothing to that within {options.wait:g} s')
        else:
            terminal.line(f'{robot}: {event["data"]["message"]}')
    return 0


def _tree_text(file: Path) -> str:
    try:
        return read_text(file)
    except NotUtf8 as error:
        raise OperatorError(f'{file}: {error}') from error


async def push_tree(options: argparse.Namespace) -> int:
    """Push a behaviour tree, and follow it to its end with --wait."""
    xml = _tree_text(options.file)
    name = options.name or options.file.stem
    async with await connect(options) as client:
        sent = await client.request('push_tree', robot=options.robot, name=name, xml=xml)
        print(f'pushed {name}', flush=True)
        if not options.wait:
            return await _first_words(client, _tree_status(name), sent['reports'])
        return await _to_the_end(
            client,
            _tree_status(name),
            options.timeout,
            'the tree goes on; to stop the robot: local_platform send stop',
        )


async def watch(options: argparse.Namespace) -> int:
    """Print events as they come; of the telemetry what has changed, unless all is asked for."""
    views: dict[str, TreeView] = {}
    terminal, only = Terminal(), set(options.only or ())
    changes = None if options.all or options.json else Changes()

    def show(event: Event) -> None:
        if options.json:
            print(json.dumps(event), flush=True)
            return
        said = event.get('data')
        state = str(said.get('state', '')) if isinstance(said, dict) else event['event']
        terminal.line(event_line(event), state)
        if event.get('type') == 'behavior_status':
            view = views.setdefault(event['robot'], TreeView())
            # A robot may report nodes of a tree whose beginning was not watched.
            with contextlib.suppress(KeyError, TypeError):
                for line in view.update(event['data']):
                    print(f'    {line}', flush=True)

    async def show_what_waits(waiting: Changes) -> None:
        while True:
            await asyncio.sleep(PERIOD)
            for event in waiting.waiting():
                show(event)

    async with await connect(options, options.since) as client:
        timer = asyncio.ensure_future(show_what_waits(changes)) if changes else None
        try:
            async for event in client.events():
                if options.robot not in (None, event['robot']):
                    continue
                if options.no_telemetry and is_routine(event):
                    continue
                selected = of_interest(event, only)
                if selected is None:
                    continue
                asked_for = only and is_heartbeat(event)
                for each in [selected] if changes is None or asked_for else changes.of(selected):
                    show(each)
        finally:
            if timer is not None:
                timer.cancel()
    return 0


async def completion(options: argparse.Namespace) -> int:
    """Print what makes a shell complete the command lines of all executables."""
    from .completion import parsers, script  # Loads all executables, and rclpy with them.

    ros2 = shutil.which('ros2')
    run = 'ros2 run xparo_bridge' if ros2 else f'{shlex.quote(sys.executable)} -m xparo_bridge'
    print(script(dict(parsers()), run), end='')
    return 0

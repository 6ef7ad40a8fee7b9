# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Do what one verb of `local_platform` says: an exit code each, 0 for success."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import time
from typing import Any

from .event_lines import event_line, is_routine
from .platform_client import OperatorClient, Predicate
from .tree_view import TreeView

# How long to wait for the first that a robot says to an order, s.
_FIRST_WORDS = 3.0
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
    print(event_line(event), flush=True)
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
            print(event_line(event), flush=True)
            if status['state'] not in _GOING_ON:
                return 0 if status['state'] == 'succeeded' else 1
    except TimeoutError:
        raise TimeoutError(f'no end within {timeout:g} s; {goes_on}') from None
    except asyncio.CancelledError:
        print(f'\nlocal_platform: {goes_on}', file=sys.stderr)
        raise


async def cancel(options: argparse.Namespace) -> int:
    """Cancel a command, and print what came of it."""
    async with await connect(options) as client:
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
    print(event_line(event), flush=True)
    return 0 if event['data']['state'] == 'succeeded' else 1


async def chat(options: argparse.Namespace) -> int:
    """Say something to a robot."""
    async with await connect(options) as client:
        await client.request('chat', robot=options.robot, text=options.text)
        print('said; what the robot answers, if it does, is a chat in `local_platform watch`')
    return 0


async def push_tree(options: argparse.Namespace) -> int:
    """Push a behaviour tree, and follow it to its end with --wait."""
    xml = options.file.read_text(encoding='utf-8')
    name = options.name or options.file.stem
    async with await connect(options) as client:
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


async def robots(options: argparse.Namespace) -> int:
    """List the robots that have connected."""
    async with await connect(options) as client:
        robots = await client.robots()
    for robot in robots:
        counts = ', '.join(f'{count} {what}' for what, count in robot['counts'].items())
        state = 'connected' if robot['connected'] else 'gone'
        print(f'{robot["robot_id"]:20} {state:10} {counts}')
    if not robots:
        print('no robot has connected yet')
    return 0


async def watch(options: argparse.Namespace) -> int:
    """Print events as they come."""
    views: dict[str, TreeView] = {}
    async with await connect(options, options.since) as client:
        async for event in client.events():
            if options.robot not in (None, event['robot']):
                continue
            if options.no_telemetry and is_routine(event):
                continue
            if options.only and not {event['event'], event.get('type')} & set(options.only):
                continue
            print(json.dumps(event) if options.json else event_line(event), flush=True)
            if event.get('type') == 'behavior_status' and not options.json:
                view = views.setdefault(event['robot'], TreeView())
                # A robot may report nodes of a tree whose beginning was not watched.
                with contextlib.suppress(KeyError, TypeError):
                    for line in view.update(event['data']):
                        print(f'    {line}', flush=True)
    return 0

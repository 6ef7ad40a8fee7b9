# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The verbs `people` and `export` of the local platform's command line."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator, Callable
import csv
import json
import sys
import time
from typing import Any, Protocol

from ..argument_types import positive
from .platform_client import OperatorClient
from .platform_history import KINDS, MOST_ROWS
from .platform_people import ADMITTED


class Asked(Protocol):
    """Who is asked for records: a client, or a person's feed of the console."""

    async def request(self, verb: str, **keys: Any) -> Any:
        """Result of a verb of the operator interface."""


class Written(Protocol):
    """A file of text, as far as an export needs one."""

    def write(self, text: str, /) -> object:
        """Append a text."""


FORMATS = ('jsonl', 'csv')
_DAY = 86400.0


def add_verbs(
    verb: Callable[..., argparse.ArgumentParser], robot: argparse.ArgumentParser, connect: Any
) -> None:
    """Add them to the command line; `connect` makes a client of options."""

    async def people(options: argparse.Namespace) -> int:
        async with await connect(options) as client:
            return await _people(client, options)

    async def run_export(options: argparse.Namespace) -> int:
        async with await connect(options) as client:
            until = time.time()
            since = until - options.days * _DAY
            await export(
                client, sys.stdout, options.kind, options.robot, since, until, options.format
            )
        return 0

    listed = verb('people', people, 'list who has a token; add NAME, remove NAME')
    listed.add_argument('action', nargs='?', choices=('list', 'add', 'remove'), default='list')
    listed.add_argument('name', nargs='?', metavar='NAME')
    listed.add_argument(
        '--role', choices=ADMITTED, default='viewer', help='of who is added [%(default)s]'
    )
    exported = verb('export', run_export, 'print what the platform kept, by time', robot)
    exported.add_argument('kind', choices=KINDS, metavar='KIND', help=', '.join(KINDS))
    exported.add_argument('--format', choices=FORMATS, default='jsonl', help='[%(default)s]')
    exported.add_argument(
        '--days', type=positive, default=1.0, metavar='DAYS', help='how far back [%(default)g]'
    )


async def _people(client: OperatorClient, options: argparse.Namespace) -> int:
    if options.action == 'list':
        for person in await client.request('people'):
            since = time.strftime('%Y-%m-%d %H:%M', time.localtime(person['since']))
            print(f'{person["name"]:20} {person["role"]:10} since {since}')
        return 0
    if not options.name:
        print('local_platform: say whom: people add NAME', file=sys.stderr)
        return 2
    if options.action == 'remove':
        await client.request('remove_person', name=options.name)
        print(f'{options.name} is let in no more')
        return 0
    added = await client.request('add_person', name=options.name, role=options.role)
    print(f'{options.name} is now {options.role}; the token, which is shown this once:')
    print(added['token'])
    return 0


async def export(
    client: Asked,
    to: Written,
    kind: str,
    robot: str | None,
    since: float,
    until: float,
    form: str,
) -> None:
    """Write the records of a kind to a file, as JSON lines, or as CSV with a column a value."""
    if form == 'jsonl':
        async for record in records(client, kind, robot, since, until):
            to.write(json.dumps(record) + '\n')
        return
    columns: dict[str, None] = {}
    async for record in records(client, kind, robot, since, until):
        columns.update(dict.fromkeys(flat(record['data'])))
    writer = csv.writer(to)
    own = ['time', 'utc', 'robot', 'name']
    # No two columns have one name.
    writer.writerow([*own, *(f'data.{key}' if key in own else key for key in columns)])
    async for record in records(client, kind, robot, since, until):
        values = flat(record['data'])
        moment = time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record['time']))
        writer.writerow(
            [
                f'{record["time"]:.3f}',
                f'{moment}Z',
                _harmless(record['robot']),
                _harmless(record['name']),
                *(_harmless(values.get(column, '')) for column in columns),
            ]
        )


async def records(
    client: Asked, kind: str, robot: str | None, since: float, until: float
) -> AsyncIterator[dict[str, Any]]:
    """Every record of a kind in a time, asked for in pieces."""
    after = 0
    while True:
        found = await client.request(
            'history',
            kind=kind,
            robot=robot,
            since=since,
            until=until,
            after=after,
            limit=MOST_ROWS,
        )
        for record in found:
            yield record
        if len(found) < MOST_ROWS:
            return
        after = found[-1]['id']


def flat(value: Any, prefix: str = '') -> dict[str, Any]:
    """Values of nested objects under dotted keys; lists as JSON."""
    if not isinstance(value, dict):
        return {prefix: json.dumps(value) if isinstance(value, list) else value}
    found: dict[str, Any] = {}
    for key, item in value.items():
        found |= flat(item, f'{prefix}.{key}' if prefix else key)
    return found


def _harmless(value: Any) -> Any:
    """Return a text that a spreadsheet would run as a formula with a mark that it is a text."""
    if isinstance(value, str) and value.startswith(('=', '+', '-', '@', '\t', '\r')):
        return f"'{value}"
    return value

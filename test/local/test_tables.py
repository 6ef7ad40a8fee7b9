# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What the command line shows of a real bridge: robots in a line, commands, places and trees."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys

from fixtures.system import CREDENTIALS, start_robot, system
import pytest

from xparo_bridge.local.platform_tables import table


def reported(port: int, *arguments: str) -> tuple[int, str]:
    """Exit code of a verb, and what it printed; of one that failed, what it said of that."""
    verb, *rest = arguments
    done = subprocess.run(
        [sys.executable, '-m', 'xparo_bridge', 'local_platform', verb, '--port', str(port), *rest],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **CREDENTIALS},
    )
    # Warnings of Python and asyncio are on stderr too, and no row of a table.
    return done.returncode, done.stderr if done.returncode else done.stdout


def test_robots_commands_places_trees_and_the_audit_are_shown(tmp_path):
    async def scenario() -> None:
        async with system(tmp_path, telemetry={'period': 0.1}) as it:
            it.add(start_robot(speed=1.0))

            async def shown(*arguments: str) -> str:
                code, text = await asyncio.to_thread(reported, it.port, *arguments)
                assert code == 0, text
                return text

            assert 'idle' in await shown('robots')
            going = await it.send('start_navigation', goal='kitchen')
            await it.reached(going, 'running')
            line = await shown('robots')
            assert line.startswith('r1 ')
            assert 'connected' in line
            assert 'start_navigation' in line
            assert ' m to go' in line or 'running' in line
            await it.ended(await it.send('stop'))
            assert ' stopped' in await shown('robots')

            text = await shown('commands')
            head, *rows = text.splitlines()
            assert head.split() == ['command', 'parameters', 'does']
            names = [row.split()[0] for row in rows]
            assert names == sorted(names)
            assert {'stop', 'start_navigation', 'teleop'} <= set(names)
            assert '[--command_id string]' in text

            text = await shown('places')
            row = next(row for row in text.splitlines() if row.startswith('kitchen'))
            assert row.split() == ['kitchen', '10.70', '4.00', '0.00', 'map']

            assert 'tree' in (await shown('trees')).splitlines()[0]

            log = await shown('audit', str(tmp_path / 'state'))
            assert 'start_navigation' in log
            only = await shown('audit', str(tmp_path / 'state' / 'audit.jsonl'), '--only', 'link')
            assert 'start_navigation' not in only
            lines = await shown('audit', str(tmp_path / 'state'), '--json')
            assert all(json.loads(line)['event'] for line in lines.splitlines())

    asyncio.run(scenario())


def test_what_is_not_there_is_reported_without_a_traceback(tmp_path):
    code, text = reported(1, 'audit', str(tmp_path / 'nothing'))
    assert code == 1
    assert 'Traceback' not in text
    assert 'nothing' in text


@pytest.mark.parametrize(
    ('rows', 'expected'),
    [
        ([('a', 'x y'), ('long', '')], ['name  does', 'a     x y', 'long']),
        ([], ['name  does', 'none']),
    ],
)
def test_a_table_is_as_wide_as_what_is_in_it(capsys, rows, expected):
    table(('name', 'does'), rows)
    assert capsys.readouterr().out.splitlines() == expected


def test_what_is_very_long_moves_its_own_row_alone(capsys):
    table(('command', 'parameters', 'does'), [('go', 'x' * 150, 'drive'), ('status', '', 'say')])
    head, *rows = capsys.readouterr().out.splitlines()
    assert rows == [f'go       {"x" * 150}  drive', f'status   {"":40}  say']
    assert len(head) < 60

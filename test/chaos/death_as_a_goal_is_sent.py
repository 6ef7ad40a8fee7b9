# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
kill -9 of the bridge the moment its goal reaches the server: the next bridge ends that goal.

What the bridge wrote down of the goal may have come to the disk by then, or not.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path
import random
import tempfile

from fixtures.processes import Process
from fixtures.system import (
    PROJECT_ID,
    SECRET_KEY,
    start_bridge,
    start_failing_server,
    start_platform,
)

from xparo_bridge.local.platform_client import OperatorClient

TIMES = 50
# Two servers take turns, so that a goal is either known at once or after the bridge has died, s.
_ACCEPT_AFTER = 0.5


def run(times: int, seed: int) -> str:
    """Kill a bridge so often; raises AssertionError where a goal runs on."""
    return asyncio.run(_run(times, random.Random(seed)))


async def _run(times: int, chance: random.Random) -> str:
    unrecorded = 0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        platform, port = start_platform()
        stack.enter_context(platform)
        async with await OperatorClient.connect(
            port=port, secret_key=SECRET_KEY, project_id=PROJECT_ID, since=0
        ) as operator:
            for number in range(times):
                mode = chance.choice(('hang', 'accept_late'))
                with start_failing_server(mode, '--delay', str(_ACCEPT_AFTER)) as server:
                    unrecorded += await _once(folder, port, operator, server, number, chance)
    return f'no goal ran on; {unrecorded} of {times} were not on record'


async def _once(
    folder: Path,
    port: int,
    operator: OperatorClient,
    server: Process,
    number: int,
    chance: random.Random,
) -> bool:
    """Have a goal sent, kill the bridge within 5 ms of it, start another; was it on record."""
    since = operator.seq
    with start_bridge(folder, port) as bridge:
        await _connected(operator, since)
        await operator.send_command('resume', {}, command_id=f'resume-{number}')
        await operator.send_command(
            'start_navigation', {'goal': 'kitchen'}, command_id=f'go-{number}'
        )
        await asyncio.to_thread(server.wait_for_line, '^goal$')
        await asyncio.sleep(chance.uniform(0.0, 0.005))
        bridge.kill()
    since = operator.seq
    with start_bridge(folder, port) as bridge:
        await _connected(operator, since)
        await asyncio.to_thread(server.wait_for_line, '^canceled$', 15.0)
        return any('was not on record' in line for line in bridge.lines)


async def _connected(operator: OperatorClient, since: int) -> None:
    await operator.wait_for(
        lambda event: event.get('type') == 'robot_info' and event['seq'] > since, timeout=30.0
    )

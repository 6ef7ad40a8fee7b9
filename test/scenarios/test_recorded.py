# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""`scenario record`: what an operator just did becomes a scenario, and that passes."""

from __future__ import annotations

import asyncio
from pathlib import Path
import signal

from fixtures.processes import Process
from fixtures.system import CREDENTIALS, start_robot, system
import pytest
import yaml


@pytest.mark.timeout(300)
def test_what_an_operator_did_becomes_a_scenario_that_passes(tmp_path: Path) -> None:
    file = tmp_path / 'mine.yaml'

    async def session() -> None:
        async with system(tmp_path) as parts:
            parts.add(start_robot(1.0))
            words = ['xparo_bridge', 'scenario', 'record', str(file), '--port', str(parts.port)]
            recorder = parts.add(Process.module(*words, env=CREDENTIALS, name='recorder'))
            await asyncio.to_thread(recorder.wait_for_line, 'recording', 30.0)

            async def pose(near: float) -> None:
                await parts.operator.wait_for(
                    lambda event: (
                        event.get('type') == 'telemetry'
                        and abs(event['data'].get('pose', {}).get('x', 99.0) - near) < 0.3
                    ),
                    timeout=60.0,
                )

            await pose(1.0)
            goal = {'x': 2.5, 'y': 4.0}
            ended = await parts.ended(await parts.send('start_navigation', goal=goal))
            assert ended['state'] == 'succeeded', ended
            refused = await parts.ended(await parts.send('start_navigation', goal='nowhere'))
            assert refused['state'] == 'rejected'
            await pose(2.5)
            recorder.send_signal(signal.SIGINT)
            assert await asyncio.to_thread(recorder.wait, 30.0) == 0

    asyncio.run(session())
    made = yaml.safe_load(file.read_text())
    assert [step['send']['command'] for step in made['steps'] if 'send' in step] == [
        'start_navigation',
        'start_navigation',
    ]
    assert made['then'][0]['pose']['x'] == pytest.approx(2.5, abs=0.3)
    played = ['xparo_bridge', 'scenario', str(file), '--report', str(tmp_path / 'report')]
    with Process.module(*played, name='scenario') as process:
        code = process.wait(150.0)
        assert code == 0, '\n'.join(process.lines)
        process.wait_for_line('passed mine')

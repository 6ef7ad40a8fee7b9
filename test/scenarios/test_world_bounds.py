# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does a run begin anew in a folder that had one, and keep a robot within its speed."""

from __future__ import annotations

import asyncio
from pathlib import Path

from fixtures.processes import descendants
import psutil

from xparo_bridge.local.children import Child
from xparo_bridge.scenarios.failures import CouldNotStart
from xparo_bridge.scenarios.run import Options, run
from xparo_bridge.scenarios.scenario import load_scenario
from xparo_bridge.scenarios.verdict import COULD_NOT_START, FAILED
from xparo_bridge.scenarios.worlds.simulated import Simulated


def drive(folder: Path, text: str):
    file = folder / 'drive.yaml'
    file.write_text(text)
    return load_scenario(file)


class Nowhere(Simulated):
    """A world that does not come up."""

    async def start(self) -> None:
        raise CouldNotStart('there is no such world')


def test_nothing_of_an_earlier_run_is_left_in_its_folder(tmp_path):
    for left in ('state/robot/state.sqlite', 'logs/platform/history.sqlite'):
        (tmp_path / 'run' / left).parent.mkdir(parents=True)
        (tmp_path / 'run' / left).write_text('remembered')
    scenario = drive(tmp_path, 'steps:\n  - wait: 1 s\n')
    verdict = asyncio.run(run(scenario, Nowhere, Options(tmp_path / 'run')))
    assert verdict.state == COULD_NOT_START
    assert 'there is no such world' in verdict.line
    left = [path.read_bytes() for path in (tmp_path / 'run').rglob('*') if path.is_file()]
    assert b'remembered' not in left


class WithOffspring(Simulated):
    """A world one of whose processes starts another in a session of its own, as Gazebo's do."""

    async def start(self) -> None:
        await super().start()
        words = ['bash', '-c', 'setsid sleep 98765 & exec sleep 98764']
        self.children.append(await Child.start('parent', words))


def test_what_a_process_of_the_run_started_ends_with_it_too(tmp_path):
    scenario = drive(tmp_path, 'steps:\n  - wait: 1000 s\n')
    options = Options(tmp_path / 'run', limit=1.0)
    verdict = asyncio.run(run(scenario, WithOffspring, options))
    assert 'not over after 1 s of real time' in verdict.line
    assert not [each.cmdline() for each in descendants()]
    assert ['sleep', '98765'] not in [
        each.info['cmdline'] for each in psutil.process_iter(['cmdline'])
    ]


class Careful(Simulated):
    """A world in which nobody drives fast."""

    max_speed = 0.2


def test_a_robot_over_the_bound_of_its_speed_is_stopped(tmp_path):
    scenario = drive(
        tmp_path,
        'steps:\n'
        '  - send: {command: start_navigation, goal: {x: 8.0, y: 4.0}}\n'
        '  - expect: {status: succeeded, within: 60 s}\n',
    )
    verdict = asyncio.run(run(scenario, Careful, Options(tmp_path / 'run', 5.0)))
    assert verdict.state == FAILED
    assert 'over the bound of 0.2 m/s: stopped' in verdict.line
    sent = [event.data['frame'] for event in verdict.timeline.of('sent')]
    assert any('"stop"' in frame for frame in sent)

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Does a scenario run with Nav2 and its loopback simulator, where these are installed.

The world is started by Nav2's own launch file, as `scenario --in loopback` does.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from xparo_bridge.scenarios.evidence import run_with_evidence
from xparo_bridge.scenarios.run import Options
from xparo_bridge.scenarios.scenario import load_scenario
from xparo_bridge.scenarios.worlds.nav2 import Loopback

MISSING = ', '.join(Loopback.missing({}))
PLACES = Path(__file__).parents[2] / 'config' / 'simulation.yaml'

ARRIVES = """
  - send: {command: start_navigation, goal: {x: -0.5, y: -0.5}}
  - expect: {status: running, within: 20 s}
  - expect: {status: succeeded, within: 60 s}
then:
  - pose: {x: -0.5, y: -0.5, within: 0.4 m}
"""
GOES_WRONG = """
  - send: {command: start_navigation, goal: north, as: go}
  - expect: {moving: true, within: 20 s}
  - cut_link: 3 s
  - expect: {connected: false}
  - expect: {connected: true}
  - cancel: go
  - expect: {status: canceled, of: go, within: 10 s}
  - expect: {moving: false, within: 3 s}
  - send: {command: stop}
  - expect: {status: succeeded}
  - send: {command: start_navigation, goal: north}
  - expect: {status: rejected, error: stopped}
  - send: {command: resume}
  - expect: {status: succeeded}
  - kill_bridge: {signal: SIGKILL, for: 1 s}
  - expect: {connected: true, within: 30 s}
  - send: {command: start_navigation, goal: start}
  - expect: {status: succeeded, within: 60 s}
then:
  - pose: {place: start, within: 0.4 m}
  - telemetry: {keys: [pose], every: 2 s}
  - every_command_ends: true
"""


@pytest.mark.skipif(bool(MISSING), reason=f'NOT EXECUTED: missing: {MISSING}')
@pytest.mark.timeout(300)
@pytest.mark.parametrize('steps', [ARRIVES, GOES_WRONG], ids=['arrives', 'goes_wrong'])
def test_a_scenario_passes_in_the_loopback_simulator(tmp_path, steps):
    file = tmp_path / 'drive.yaml'
    file.write_text(f'given: {{config: [{PLACES}]}}\nsteps:{steps}')
    verdict = asyncio.run(
        run_with_evidence(load_scenario(file), Loopback, Options(tmp_path / 'run'))
    )
    assert verdict.passed, verdict.line

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Is each broken bridge and each broken robot caught by a scenario: what a green suite is worth.

All of them take some minutes: `make breakages`. One of each is part of the suite.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
import re
import sys

from mutants import MUTANTS
import pytest

from xparo_bridge.scenarios.run import Options, run
from xparo_bridge.scenarios.scenario import load_scenario
from xparo_bridge.scenarios.verdict import FAILED
from xparo_bridge.scenarios.worlds.simulated import Simulated

FOLDER = Path(__file__).parents[2] / 'config' / 'scenarios'
ALWAYS = ('another_place', 'no_limit')
FACTOR = 5.0


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    'name', MUTANTS if os.environ.get('XPARO_BREAKAGES') else ALWAYS, ids=lambda name: name
)
def test_what_is_broken_is_caught(name, tmp_path):
    mutant = MUTANTS[name]
    program = (sys.executable, str(Path(__file__).with_name('mutants.py')), name)
    scenario = load_scenario(FOLDER / f'{mutant.caught_by}.yaml')
    world = type('Broken', (Simulated,), {'program': program} if mutant.robot else {})
    options = Options(tmp_path, FACTOR, program=() if mutant.robot else program)
    verdict = asyncio.run(run(scenario, world, options))
    assert verdict.state == FAILED, f'{name} was not caught: {verdict.line}'
    said = [f'{problem.text}: {problem.said}' for problem in verdict.problems]
    assert any(re.search(mutant.said, words) for words in said), said


def test_there_are_twelve_of_them_and_each_has_its_scenario():
    assert len(MUTANTS) >= 12
    assert {mutant.robot for mutant in MUTANTS.values()} == {True, False}
    for mutant in MUTANTS.values():
        assert (FOLDER / f'{mutant.caught_by}.yaml').exists()

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does the bridge pass its own scenarios, in the simulated world, faster than real time."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / 'config' / 'scenarios'
FACTOR = 5.0


@pytest.mark.sampled(8)
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    'file',
    sorted(FOLDER.glob('*.yaml')),
    ids=lambda file: file.stem,
)
def test_the_bridge_passes(run_scenario, file):
    verdict = run_scenario(file, real_time_factor=FACTOR)
    assert verdict.passed, verdict.line


def test_there_are_enough_of_them():
    assert len(list(FOLDER.glob('*.yaml'))) >= 20

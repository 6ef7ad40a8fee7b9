# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
A pytest plugin: the fixture `run_scenario`, for tests of one's own robot.

    def test_the_robot_delivers(run_scenario):
        verdict = run_scenario('deliver.yaml', real_time_factor=5.0)
        assert verdict.passed, verdict.line

It is known to pytest where this package is installed. Reports of runs go to the test's tmp_path.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .verdict import Verdict


@pytest.fixture
def run_scenario(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Verdict]:
    """
    Run a scenario file; it is found from where the test is.

    Keywords: `world` (simulated), `real_time_factor` (1.0), `seed` (random), `limit` (s of real
    time), `world_options` (of the world robot: max_speed, m/s, and yes).

    A scenario whose world is not installed skips the test; it is never passed.
    """

    def run(
        file: str | Path,
        *,
        world: str = 'simulated',
        real_time_factor: float = 1.0,
        seed: int | None = None,
        limit: float | None = None,
        **world_options: Any,
    ) -> Verdict:
        from .evidence import run_with_evidence
        from .run import Options
        from .scenario import load_scenario
        from .verdict import NOT_EXECUTED
        from .worlds import WORLDS

        scenario = load_scenario(request.path.parent / file)
        options = Options(
            tmp_path / scenario.name, real_time_factor, seed, limit=limit, world=world_options
        )
        verdict = asyncio.run(run_with_evidence(scenario, WORLDS[world], options))
        print(verdict.line)
        if verdict.state == NOT_EXECUTED:
            pytest.skip(verdict.line)
        return verdict

    return run

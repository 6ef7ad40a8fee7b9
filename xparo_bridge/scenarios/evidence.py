# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A run, and what is kept of it: its page and its verdict beside the logs and the recording."""

from __future__ import annotations

from .report.page import write_page
from .run import Options, run, write_verdict
from .scenario import Scenario
from .verdict import Verdict
from .worlds.base import World


async def run_with_evidence(scenario: Scenario, world: type[World], options: Options) -> Verdict:
    """Run a scenario once and write down what came of it."""
    verdict = await run(scenario, world, options)
    if verdict.folder is not None and verdict.folder.exists():
        write_verdict(verdict)
        write_page(verdict.folder, scenario, verdict, world.name, world.floor(scenario.given))
    return verdict

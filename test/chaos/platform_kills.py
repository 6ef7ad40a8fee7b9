# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
kill -9 of the platform while commands, chat and statuses flow: does the bridge tell all again?

Prints `lost 0 of N`, as `accounting.py` counts, and how long chat took to arrive again once the
platform listened again.
"""

from __future__ import annotations

import asyncio
import random

from chaos import environment
from xparo_bridge.scenarios.fault_proxy import FaultProxy

TIMES = 50


async def story(house: environment.House, proxy: FaultProxy, times: int) -> None:
    """Kill the platform so often, and start it again."""
    for number in range(times):
        environment.progress(number, times)
        await asyncio.sleep(random.uniform(0.1, 0.5))
        house.kill_platform()
        await house.start_platform()
        await house.talks()


def run(times: int, seed: int) -> str:
    """Play it; AssertionError if anything was lost."""
    return environment.run(story, times, seed)

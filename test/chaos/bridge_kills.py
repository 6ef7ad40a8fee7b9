# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
kill -9 of the bridge while commands, chat and statuses flow: does the next one tell all?

Prints `lost 0 of N`, as `accounting.py` counts, and how long chat took to arrive again once the
bridge was started anew, the start of Python and ROS included.
"""

from __future__ import annotations

import asyncio
import random

from chaos import environment
from xparo_bridge.scenarios.fault_proxy import FaultProxy

TIMES = 100


async def story(house: environment.House, proxy: FaultProxy, times: int) -> None:
    """Kill the bridge so often as it talks, now and then as it starts, and start it again."""
    for number in range(times):
        environment.progress(number, times)
        house.kill_bridge()
        await house.start_bridge()
        if random.random() < 0.2:
            await asyncio.sleep(random.uniform(0.5, 3.0))
        else:
            await house.talks()
            await asyncio.sleep(random.uniform(0.0, 0.5))
    await house.talks()


def run(times: int, seed: int) -> str:
    """Play it; AssertionError if anything was lost."""
    return environment.run(story, times, seed)

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Faults of the network while commands, chat and statuses flow: does the bridge lose any?

Prints `lost 0 of N`, as `accounting.py` counts, and how long chat took to arrive again once the
network was back; the backoff is 0.2 s at most here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
import random

from chaos import environment
from xparo_bridge.scenarios.fault_proxy import FaultProxy

TIMES = 500


async def story(house: environment.House, proxy: FaultProxy, times: int) -> None:
    """Break the network so often, in one of its ways, and heal it."""

    def refuse() -> None:
        proxy.refusing = True
        proxy.cut()

    ways: list[Callable[[], None]] = [
        proxy.cut,
        proxy.vanish,
        refuse,
        lambda: setattr(proxy, 'rate', 20_000.0),
        lambda: setattr(proxy, 'delay', 0.1),
    ]
    for number in range(times):
        environment.progress(number, times)
        await asyncio.sleep(random.uniform(0.0, 0.2))
        random.choice(ways)()
        await asyncio.sleep(random.choice((0.0, 0.02, 0.3, 1.2)))
        proxy.heal()
        await house.talks()


def run(times: int, seed: int) -> str:
    """Play it; AssertionError if anything was lost."""
    return environment.run(story, times, seed)

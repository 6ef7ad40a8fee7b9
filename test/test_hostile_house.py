# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The short form of `make hostile`: what once hurt, and some new attacks, on the whole bridge.

The seed is the day's, so that the suite tries others as time goes by; what fails is named and can
be tried again with `make hostile ARGS='--replay NAME'`.
"""

from __future__ import annotations

import asyncio
from datetime import date

from hostile.house import PATHS
from hostile.run import Run
import pytest

ATTACKS = 96


# What once hurt takes as long as it takes before the minute of new attacks, and every wait is
# longer on a machine that has no time, by `patience`; a hang is found by those waits themselves.
@pytest.mark.timeout(400)
def test_hostile_peers_and_nodes_neither_end_nor_hold_up_the_bridge(tmp_path):
    run = Run(list(PATHS), date.today().toordinal(), tmp_path)
    asyncio.run(run.play(60.0, attacks=ATTACKS))
    assert run.failures == [], str(run)
    assert run.measured.stops > 10

# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Commands, cancels, cut links and deaths of the router in random order, against a model."""

from __future__ import annotations

from robot.commands.test_interleavings import play

TIMES = 1000


def run(times: int, seed: int) -> str:
    """Play so many interleavings; hypothesis draws and shrinks, so the seed is its own."""
    play(times)
    return 'no command without its one end, none run twice, no motion after stop'

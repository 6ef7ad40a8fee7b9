# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Commands, cancels, cut links and deaths of the router in random order, against a model."""

from __future__ import annotations

from robot.commands.test_interleavings import play

TIMES = 1000
_BATCH = 25


def run(times: int, seed: int) -> str:
    """Play so many interleavings; hypothesis draws them, so the seed is its own."""
    for played in range(0, times, _BATCH):
        play(min(_BATCH, times - played))
        print(f'{min(played + _BATCH, times)} of {times}', flush=True)
    return 'no command without its one end, none run twice, no motion after stop'

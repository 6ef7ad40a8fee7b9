# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Measure how long the turns of each thread are: while one lasts, nothing else of the thread goes on.

A turn of the ROS thread is a callback, one of the link thread all that its loop does between two
waits, one of the sample thread a sample. It costs two looks at the clock, and nothing at rest.
"""

from __future__ import annotations

import selectors
import time

# s of which the longest turn is reported, and half of it, in which it is kept.
WINDOW = 60.0
_HALF = WINDOW / 2


class Turns:
    """The turns of one thread; `begin` and `end` are its own, all else is anybody's."""

    def __init__(self) -> None:
        # s: the longest ever, of this half of the window, and of the half before.
        self._ever = self._now = self._before = 0.0
        self._half_began = time.monotonic()
        self._began = 0.0

    def begin(self) -> None:
        """Begin a turn."""
        self._began = time.monotonic()

    def end(self) -> None:
        """End the turn."""
        now = time.monotonic()
        took, self._began = now - self._began, 0.0
        if now - self._half_began >= _HALF:
            self._move_on(now)
        if took > self._now:
            self._now = took
            if took > self._ever:
                self._ever = took

    def _move_on(self, now: float) -> None:
        self._before = self._now if now - self._half_began < WINDOW else 0.0
        self._now, self._half_began = 0.0, now

    @property
    def longest(self) -> float:
        """Longest turn of the last half to one minute, s, the one that lasts now included."""
        now = time.monotonic()
        recent = max(self._now, self._before) if now - self._half_began < WINDOW else 0.0
        return max(recent, self._lasting(now))

    @property
    def longest_ever(self) -> float:
        """Longest turn since the start, s."""
        return max(self._ever, self._lasting(time.monotonic()))

    def _lasting(self, now: float) -> float:
        began = self._began
        return now - began if began else 0.0


# By the thread's name; all there are from the start, as two threads must not make one.
THREADS = {'ros': Turns(), 'link': Turns(), 'samples': Turns()}


class MeasuringSelector(selectors.DefaultSelector):
    """What an asyncio loop waits with: what it does between two waits is a turn."""

    def __init__(self, turns: Turns) -> None:
        super().__init__()
        self._turns = turns
        turns.begin()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait as the loop says."""
        self._turns.end()
        ready = super().select(timeout)
        self._turns.begin()
        return ready
